use proptest::prelude::*;
use serde_json::json;
use wire::LogBody;

use super::*;

const ID: &str = "0198c5d2-7a0e-7cc3-98c4-dc0c0c07398f";

fn envelope(source: &str, data: &serde_json::Value) -> Vec<u8> {
    json!({"correlation_id": "", "project": "shop", "timestamp": 1_769_593_263.123,
           "source": source, "data": data})
    .to_string()
    .into_bytes()
}

fn entries_of(accepted: Accepted) -> Vec<Entry> {
    match accepted.content {
        Content::Log { entries, .. } => entries,
        other => panic!("no log: {other:?}"),
    }
}

fn details_of(body: &[u8]) -> Vec<String> {
    accept(body).unwrap_err().details
}

#[test]
fn the_agents_own_body_is_accepted() {
    let batch = BatchMeta {
        id: ID.parse().unwrap(),
        agent: "db1".to_owned(),
        file: "/var/log/postgresql/a.log".to_owned(),
        start: 0,
        end: 4711,
    };
    let body = LogBody {
        project: "shop",
        timestamp: 1_769_593_263.123,
        count: 1,
        levels: &std::collections::BTreeMap::from([("ERROR", 1)]),
        batch: &batch,
        entries: br#"{"timestamp":"2026-01-28T09:41:03.120Z","level":"ERROR","pid":17,
            "message":"division by zero","user":"app","database":"shop","duration_ms":12.5,
            "state_code":"22012","event":"error.division_by_zero","correlation_id":"c1"}"#,
    };
    let accepted = accept(&body.to_json()).unwrap();
    assert_eq!(accepted.batch_id(), Some(batch.id));
    assert_eq!(accepted.source(), Source::PgLog);
    let entries = entries_of(accepted);
    let entry = &entries[0];
    assert_eq!(entry.time, "2026-01-28T09:41:03.120Z".parse().ok());
    assert_eq!((entry.level, entry.pid), (Some(Level::Error), Some(17)));
    assert_eq!((entry.user.as_deref(), entry.database.as_deref()), (Some("app"), Some("shop")));
    assert_eq!(entry.duration_us, Some(12_500));
    assert_eq!(entry.state_code.as_deref(), Some("22012"));
    assert_eq!(entry.event.as_deref(), Some("error.division_by_zero"));
    assert_eq!(entry.correlation_id.as_deref(), Some("c1"));
}

#[test]
fn the_old_agents_log_is_accepted_without_zone_and_batch() {
    let body = envelope(
        "pg_log",
        &json!({"entries": [{"timestamp": "2026-01-28 09:41:03.123", "pid": 4711, "level": "LOG",
                             "message": "duration: 12.5 ms  statement: SELECT 1", "duration_ms": 12.5,
                             "statement": "SELECT 1", "user": null, "database": null}],
                "count": 1, "levels": {"LOG": 1}}),
    );
    let accepted = accept(&body).unwrap();
    assert_eq!(accepted.batch_id(), None);
    let entries = entries_of(accepted);
    assert_eq!(entries[0].time, "2026-01-28T09:41:03.123Z".parse().ok());
    assert_eq!(entries[0].user, None);
}

#[test]
fn every_other_source_of_the_old_agent_is_accepted() {
    for (source, data) in [
        ("pg_stat_activity", json!({"sessions": [], "count": 0, "with_correlation": 0})),
        ("pg_stat_statements", json!({"statements": [{"queryid": "1"}], "count": 1})),
        ("pg_locks", json!({"locks": [], "count": 0, "has_blocking": false})),
        ("system_metrics", json!({"cpu": {}, "error": "x"})),
    ] {
        let accepted = accept(&envelope(source, &data)).unwrap();
        assert_eq!(accepted.source().as_str(), source);
    }
}

#[test]
fn unknown_keys_are_kept_and_unknown_values_refuse_nothing() {
    let entry = json!({"timestamp": "yesterday", "level": "TRACE", "later": {"x": [1]}});
    let mut body = serde_json::from_slice::<serde_json::Value>(&envelope(
        "pg_log",
        &json!({"entries": [entry], "count": 1, "more": true}),
    ))
    .unwrap();
    body["agent_version"] = json!("9.9");
    let entries = entries_of(accept(body.to_string().as_bytes()).unwrap());
    assert_eq!((entries[0].time, entries[0].level), (None, None));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&entries[0].json).unwrap(), entry);
}

#[test]
fn an_entry_without_id_takes_the_envelopes() {
    let body = json!({"correlation_id": "c7", "project": "shop", "timestamp": 1.0, "source": "pg_log",
                      "data": {"entries": [{}, {"correlation_id": "c8"}], "count": 2}});
    let entries = entries_of(accept(body.to_string().as_bytes()).unwrap());
    let ids = entries.iter().map(|entry| entry.correlation_id.as_deref()).collect::<Vec<_>>();
    assert_eq!(ids, [Some("c7"), Some("c8")]);
}

#[test]
fn half_a_surrogate_pair_loses_no_entry() {
    let body = br#"{"project":"p","timestamp":1,"source":"pg_log",
        "data":{"entries":[{"message":"\udc80","user":"\ud800x"}],"count":1}}"#;
    assert_eq!(entries_of(accept(body).unwrap()).len(), 1);
}

#[test]
fn a_wrong_type_is_named_with_its_place() {
    let entries = json!([{}, {}, {}, {"level": 17}]);
    let body = envelope("pg_log", &json!({"entries": entries, "count": 4}));
    assert_eq!(details_of(&body)[0], "data.entries[3].level: expected a string, found integer 17");
    assert!(details_of(&body)[1].starts_with("hint: "));
}

#[test]
fn every_refusal_names_its_place_and_gives_a_hint() {
    let entries =
        |entry: serde_json::Value| envelope("pg_log", &json!({"entries": [entry], "count": 1}));
    let with_batch = |id: &str, agent: &str, start: u64, end: u64| {
        envelope(
            "pg_log",
            &json!({"entries": [], "count": 0, "batch":
                {"id": id, "agent": agent, "file": "f", "start": start, "end": end}}),
        )
    };
    for (body, expected) in [
        (entries(json!(7)), "data.entries[0]: expected an object, found 7"),
        (entries(json!(["2026-01-28"])), "data.entries[0]: expected an object, found"),
        (entries(json!({"pid": "17"})), "data.entries[0].pid: expected a whole number"),
        (entries(json!({"duration_ms": true})), "data.entries[0].duration_ms: expected a number"),
        (
            envelope("pg_log", &json!({"entries": [], "count": 1})),
            "data.count: says 1, data.entries",
        ),
        (envelope("pg_log", &json!({"count": 1})), "data: missing field entries"),
        (envelope("pg_log", &json!([])), "data: expected an object, found []"),
        (envelope("pg_locks", &json!("x")), "data: expected an object"),
        (envelope("php", &json!({})), "source: unknown variant php, expected one of pg_log"),
        (envelope("agent_health", &json!({"agent": "a"})), "data: missing field version"),
        (with_batch("7", "db1", 0, 1), "data.batch.id: "),
        (with_batch(ID, &"x".repeat(256), 0, 1), "data.batch.agent: 256 bytes"),
        (with_batch(ID, "db1", 2, 1), "data.batch.end: 1 is not behind the start, 2"),
        (b"[]".to_vec(), "the body: expected an object"),
        (b"{\"project\": 1".to_vec(), "project: expected a string"),
    ] {
        let details = details_of(&body);
        assert!(details[0].starts_with(expected), "{details:?}, expected {expected}");
        assert!(details[1].starts_with("hint: "), "{details:?}");
    }
}

#[test]
fn project_and_timestamp_have_limits() {
    for (project, timestamp, place) in [
        ("", 1.0, "project"),
        (&*"x".repeat(51), 1.0, "project"),
        ("shop", -1.0, "timestamp"),
        ("shop", 1e15, "timestamp"),
    ] {
        let body = json!({"project": project, "timestamp": timestamp, "source": "pg_log",
                          "data": {"entries": [], "count": 0}});
        assert!(details_of(body.to_string().as_bytes())[0].starts_with(place));
    }
}

#[test]
fn what_is_no_json_is_refused_as_such() {
    for body in [&b""[..], b"{", b"{}}", b"\xff{}", b"nonsense", b"{\"project\": NaN}"] {
        let invalid = accept(body).unwrap_err();
        assert!(invalid.details[0].len() < 300, "{invalid:?}");
    }
    assert_eq!(accept(b"{").unwrap_err().message, "Invalid JSON payload");
    assert_eq!(accept(b"{}").unwrap_err().message, "Payload validation failed");
}

#[test]
fn a_long_wrong_value_is_not_repeated_in_full() {
    let body = envelope("pg_log", &json!({"entries": [{"pid": "x".repeat(100_000)}], "count": 1}));
    assert!(details_of(&body)[0].len() < 500);
}

#[test]
fn nesting_without_end_is_no_overflow() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let body = format!(
        r#"{{"project":"p","timestamp":1,"source":"pg_log",
            "data":{{"entries":[{{"fields":{deep}}}],"count":1}}}}"#
    );
    assert_eq!(entries_of(accept(body.as_bytes()).unwrap()).len(), 1);
}

#[test]
fn the_header_must_agree_with_the_batch() {
    let body = envelope(
        "pg_log",
        &json!({"entries": [], "count": 0,
                "batch": {"id": ID, "agent": "a", "file": "f", "start": 0, "end": 0}}),
    );
    let same = ID.parse().unwrap();
    let other = ID.replace('f', "0").parse().unwrap();
    assert!(accept(&body).unwrap().with_key(same).is_ok());
    assert!(accept(&body).unwrap().with_key(other).is_err());
    let sample = accept(&envelope("pg_locks", &json!({}))).unwrap().with_key(same).unwrap();
    assert_eq!(sample.batch_id(), Some(same));
}

proptest! {
    #[test]
    fn any_bytes_are_accepted_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(accept(&body));
    }

    #[test]
    fn a_body_with_any_byte_changed_is_accepted_or_refused(at in 0_usize..400, byte: u8) {
        let entry = json!({"timestamp": "2026-01-28 09:41:03", "level": "LOG", "pid": 1,
                           "message": "a \"b\" c", "duration_ms": 1.5, "statement": "SELECT '\u{e9}'"});
        let mut body = envelope("pg_log", &json!({"entries": [entry], "count": 1, "levels": {"LOG": 1}}));
        if let Some(old) = body.get_mut(at) {
            *old = byte;
        }
        drop(accept(&body));
    }
}
