//! Questions to the API, over a real connection.

use crate::client::{Listener, batch};
use serde_json::{Value, json};
use uuid::Uuid;

const PUBLIC: &str = "0.0.0.0:0";

fn with_read_key() -> Listener {
    Listener::with(|config| config.server.read_key = Some("key-to-read".into()))
}

#[test]
fn cursor_paging_neither_skips_nor_repeats_equal_timestamps() {
    let listener = Listener::start();
    let entry = |number: usize| {
        json!({"message": number.to_string(),
               "timestamp": format!("2026-01-28T09:00:0{}Z", number % 2)})
    };
    let entries = (0..25).map(entry).collect::<Vec<_>>();
    listener.post(&batch(Uuid::now_v7(), &entries));

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = listener.get(&format!("/api/entries?limit=4&cursor={cursor}")).json();
        let messages = page["entries"].as_array().unwrap().iter();
        seen.extend(messages.map(|row| row["entry"]["message"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(seen.len(), 25);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

#[test]
fn an_entry_is_answered_as_it_came_with_its_origin() {
    let listener = Listener::start();
    let entry = json!({"message": "m", "later": {"unknown": [1, null]}, "query_id": "-7"});
    listener.post(&batch(Uuid::now_v7(), std::slice::from_ref(&entry)));
    let row = listener.get("/api/entries/1").json();
    assert_eq!(row["entry"], entry);
    assert_eq!((&row["project"], &row["agent"]), (&json!("shop"), &json!("db1")));
    assert_eq!(row["file"], "/log/a.log");
    assert_eq!(listener.get("/api/entries/2").status, 404);
    assert_eq!(listener.get("/api/entries/x").status, 404);
}

#[test]
fn text_that_no_json_parser_likes_is_still_answered() {
    let listener = Listener::start();
    let body = r#"{"project":"p","timestamp":1,"source":"pg_log","data":{"entries":
        [{"message":"half a pair \ud800 and \u0000"}],"count":1}}"#;
    let key = format!("Authorization: Bearer {}\r\n", crate::client::KEY);
    assert_eq!(listener.post_bytes(body.as_bytes(), &key).status, 200);
    let reply = listener.get("/api/entries?text=pair");
    assert!(reply.text().contains(r"half a pair \ud800 and \u0000"), "{}", reply.text());
}

#[test]
fn statements_and_errors_are_grouped() {
    let listener = Listener::start();
    let entries = [
        json!({"level": "LOG", "duration_ms": 10.0, "statement": "SELECT 1"}),
        json!({"level": "LOG", "duration_ms": 30.0, "statement": "SELECT 2"}),
        json!({"level": "ERROR", "message": "division by zero", "state_code": "22012"}),
    ];
    listener.post(&batch(Uuid::now_v7(), &entries));
    let found = listener.get("/api/statements/slowest?from=2026-01-01T00:00:00Z&by=mean").json();
    let statement = &found["statements"][0];
    assert_eq!(statement["statement"], "SELECT ?");
    assert_eq!((&statement["calls"], &statement["mean_ms"]), (&json!(2), &json!(20.0)));
    assert_eq!((&statement["max_ms"], &statement["slowest_id"]), (&json!(30.0), &json!(2)));
    let found = listener.get("/api/errors?from=2026-01-01T00:00:00Z&project=shop").json();
    let error = &found["errors"][0];
    assert_eq!((&error["message"], &error["count"]), (&json!("division by zero"), &json!(1)));
    assert_eq!((&error["state_code"], &error["level"]), (&json!("22012"), &json!("ERROR")));
}

#[test]
fn an_agent_shows_its_breaker_its_buffer_and_its_losses() {
    let listener = Listener::start();
    let health = json!({"agent": "db1", "version": "0.1.0", "started_at": 1.0,
        "breaker": {"state": "half_open", "consecutive_failures": 5, "opened_total": 2},
        "buffer": {"batches": 3, "used_bytes": 4096, "max_bytes": 8192, "oldest_age_s": 1.5},
        "ledger": {"read": 10, "delivered": 5, "waiting": 2, "dead_lettered": 1, "lost": {"evicted": 2}},
        "files": [{"path": "/a", "position": 1, "size": 8, "lag_bytes": 7}]});
    let body = json!({"project": "shop", "timestamp": 1, "source": "agent_health", "data": health});
    let answer = listener.post(&body).json();
    assert_eq!(answer, json!({"success": true, "source": "agent_health"}));
    let found = listener.get("/api/agents?project=shop").json();
    let agent = &found["agents"][0];
    assert_eq!((&agent["agent"], &agent["is_silent"]), (&json!("db1"), &json!(false)));
    assert_eq!((&agent["lag_bytes"], &agent["lost_total"]), (&json!(7), &json!(2)));
    assert_eq!(agent["health"], health);
    assert_eq!(listener.get("/api/agents?project=crm").json(), json!({"agents": []}));
}

#[test]
fn a_parameter_that_cannot_be_read_is_named() {
    let listener = Listener::start();
    for (path, name) in [
        ("/api/entries?limit=0", "limit: "),
        ("/api/entries?lmit=1", "lmit: unknown parameter"),
        ("/api/errors?from=x", "from: "),
        ("/api/statements/slowest?by=luck", "by: expected one of max, total, mean"),
        ("/api/agents?limit=1", "limit: unknown parameter"),
    ] {
        let reply = listener.get(path);
        assert_eq!(reply.status, 400, "{path}");
        assert_eq!(reply.json()["message"], "Invalid query parameter");
        let detail = reply.json()["details"][0].as_str().unwrap().to_owned();
        assert!(detail.starts_with(name), "{detail}");
    }
}

#[test]
fn everything_that_is_refused_is_refused_in_json() {
    let listener = Listener::start();
    for (method, path, status, error) in [
        ("GET", "/nowhere", 404, "Not Found"),
        ("GET", "/ingest/postgres", 405, "Method Not Allowed"),
        ("DELETE", "/api/entries", 405, "Method Not Allowed"),
    ] {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let reply = crate::client::exchange(listener.address, request.as_bytes());
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)));
    }
    let message = listener.get("/nowhere").json()["message"].clone();
    assert_eq!(message, "Route GET /nowhere not found");
}

#[test]
fn health_and_readiness_need_no_key() {
    let listener = with_read_key();
    assert_eq!(listener.get("/health").text(), "OK");
    let ready = listener.get("/ready");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["projects"], 2);
    assert_eq!(ready.json()["database"], "ok");
}

#[test]
fn reading_needs_the_read_key_and_no_project_key_will_do() {
    let listener = with_read_key();
    let refused = [
        String::new(),
        format!("Authorization: Bearer {}\r\n", crate::client::KEY),
        "Authorization: Basic eDp5\r\n".to_owned(),
    ];
    for headers in &refused {
        let reply = listener.get_with("/api/entries", headers);
        assert_eq!(reply.status, 401);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    // "me:key-to-read"
    for headers in
        ["Authorization: Bearer key-to-read\r\n", "Authorization: Basic bWU6a2V5LXRvLXJlYWQ=\r\n"]
    {
        assert_eq!(listener.get_with("/api/entries", headers).status, 200, "{headers}");
    }
    let reply = listener.post_bytes(b"{}", "Authorization: Bearer key-to-read\r\n");
    assert_eq!(reply.status, 401);
}

#[test]
fn a_name_that_is_not_ours_is_misdirected() {
    let listener = Listener::with(|config| config.server.host_names = vec!["logs.example".into()]);
    let status =
        |host: &str| listener.get_with("/api/entries", &format!("Host: {host}\r\n")).status;
    assert_eq!(status("evil.example"), 421);
    assert_eq!(status(""), 421);
    assert_eq!(status("127.0.0.1:80"), 200);
    assert_eq!(status("logs.example:8443"), 200);
    assert_eq!(listener.get_with("/health", "Host: evil.example\r\n").status, 200);
}

#[test]
fn a_public_address_with_a_read_key_answers_to_any_name() {
    let listener = Listener::with(|config| {
        config.server.listen = PUBLIC.to_owned();
        config.server.read_key = Some("r".into());
    });
    let address = format!("127.0.0.1:{}", listener.address.port()).parse().unwrap();
    let request = b"GET /api/agents HTTP/1.1\r\nHost: db7.example\r\nConnection: close\r\n\
                    Authorization: Bearer r\r\n\r\n";
    assert_eq!(crate::client::exchange(address, request).status, 200);
}

#[test]
fn no_answer_may_be_framed_sniffed_or_read_from_elsewhere() {
    let listener = Listener::start();
    for path in ["/api/entries", "/nowhere", "/health"] {
        let reply = listener.get_with(path, "Origin: https://evil.example\r\n");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[test]
fn starting_twice_fails_with_a_hint() {
    let listener = Listener::start();
    let same_port = {
        let mut config = crate::client::config(tempfile::tempdir().unwrap().path());
        config.server.listen = listener.address.to_string();
        listener::Server::bind(&config).unwrap_err()
    };
    assert!(same_port.to_string().starts_with("cannot listen on 127.0.0.1"), "{same_port}");
    assert!(same_port.hint().contains("another program"), "{}", same_port.hint());
    let same_file =
        listener::Server::bind(&crate::client::config(listener.folder.path())).unwrap_err();
    assert!(same_file.to_string().ends_with("is in use by another process"), "{same_file}");
    assert!(same_file.hint().contains("store.path"), "{}", same_file.hint());
}

#[test]
fn a_search_answers_what_it_was_asked() {
    let listener = Listener::start();
    let entries = [
        json!({"message": "connection received", "level": "LOG"}),
        json!({"message": "deadlock detected", "level": "ERROR", "database": "shop"}),
    ];
    listener.post(&batch(Uuid::now_v7(), &entries));
    assert_eq!(listener.messages("text=DEADLOCK"), ["deadlock detected"]);
    assert_eq!(listener.messages("level=WARNING"), ["deadlock detected"]);
    assert_eq!(listener.messages("level=LOG,FATAL"), ["connection received"]);
    assert_eq!(listener.messages("database=shop&project=shop"), ["deadlock detected"]);
    assert_eq!(listener.messages("from=-1m"), Vec::<String>::new());
    let page: Value = listener.get("/api/entries?to=2026-01-28T10:00:00%2B00:00").json();
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
}
