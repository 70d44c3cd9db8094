use proptest::prelude::*;

use super::*;
use crate::Level;

/// Start, end, message, statement, whether it is a record.
type Seen = (u64, u64, String, Option<String>, bool);

fn seen(found: &Assembled<'_>) -> Seen {
    let entry = &found.entry;
    let statement = entry.statement.as_deref().map(str::to_owned);
    (found.start, found.end, entry.message.to_string(), statement, !entry.unparsed)
}

fn read_all(reader: &mut JsonReader, chunks: &[&[u8]]) -> Vec<Seen> {
    let mut all = Vec::new();
    for chunk in chunks {
        reader.push(chunk, &mut |found| all.push(seen(found)));
    }
    reader.finish(&mut |found| all.push(seen(found)));
    all
}

fn record(message: &str, statement: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let (message, statement) = (quoted(message), quoted(statement));
    format!(
        "{{\"timestamp\":\"2026-11-24 02:21:01.123 UTC\",\"pid\":7,\"error_severity\":\"ERROR\",\
         \"message\":{message},\"statement\":{statement},\"query_id\":-9223372036854775808}}\n"
    )
}

#[test]
fn keys_come_in_any_order_and_unknown_ones_are_passed_over() {
    let line =
        br#" {"future":{"a":[1,"}"]},"query_id":9007199254740993,"message":"x","detail":null,
        "error_severity":"FATAL","ok":true,"state_code":"00000","cursor_position":7} "#;
    let entry = parse_json_line(line, &mut Clock::new()).unwrap();
    assert_eq!(entry.query_id, Some(9_007_199_254_740_993), "more than a float can hold");
    assert_eq!((entry.level, &*entry.message), (Some(Level::Fatal), "x"));
    assert_eq!((entry.detail, entry.state_code, entry.cursor_position), (None, None, Some(7)));
}

#[test]
fn record_in_a_wrapping_of_cloudnativepg_is_read() {
    let line = r#"{"level":"info","ts":"2026-11-24T02:21:01Z","logger":"postgres","msg":"record",
        "logging_pod":"db-1","record":{"log_time":"2026-11-24 02:21:01.123 UTC","user_name":"bob",
        "database_name":"shop","process_id":"7","connection_from":"10.0.0.9:5432",
        "session_id":"6b04f48d.17ee","session_line_num":"3","command_tag":"SELECT",
        "session_start_time":"2026-11-24 02:21:00 UTC","virtual_transaction_id":"3/5",
        "transaction_id":"0","error_severity":"ERROR","sql_state_code":"22012",
        "message":"division by zero","query":"SELECT 1/0","query_pos":"9",
        "application_name":"psql","backend_type":"client backend","query_id":"-12"}}"#;
    let entry = parse_json_line(line.as_bytes(), &mut Clock::new()).unwrap();
    let csv = "2026-11-24 02:21:01.123 UTC,\"bob\",\"shop\",7,\"10.0.0.9:5432\",6b04f48d.17ee,3,\
               \"SELECT\",2026-11-24 02:21:00 UTC,3/5,0,ERROR,22012,\"division by zero\",,,,,,\
               \"SELECT 1/0\",9,,\"psql\",\"client backend\",,-12\n";
    assert_eq!(Some(entry), crate::parse_csv_record(csv.as_bytes(), &mut Clock::new()));
    let operator = br#"{"level":"info","ts":"2026-11-24T02:21:01Z","logger":"x","msg":"record"}"#;
    assert_eq!(parse_json_line(operator, &mut Clock::new()), None);
}

#[test]
fn audit_record_of_cloudnativepg_has_its_message() {
    let line = r#"{"level":"info","ts":"2026-11-24T02:21:01Z","logger":"pgaudit","msg":"record",
        "record":{"error_severity":"LOG","audit":{"audit_type":"SESSION","statement_id":"1",
        "substatement_id":"2","class":"READ","command":"SELECT","statement":"SELECT \"a\",\n1",
        "parameter":"<none>"}}}"#;
    let entry = parse_json_line(line.as_bytes(), &mut Clock::new()).unwrap();
    assert_eq!(entry.message, "AUDIT: SESSION,1,2,READ,SELECT,,,\"SELECT \"\"a\"\",\n1\",<none>");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let line =
        b"{\"error_severity\":\"LOG\",\"message\":\"a\xffb\\u0000c\\n\",\"detail\":\"d\xff\0\"}";
    let entry = parse_json_line(line, &mut Clock::new()).unwrap();
    assert_eq!(entry.message, "a\u{fffd}b\u{fffd}c\n");
    assert_eq!(entry.detail.as_deref(), Some("d\u{fffd}\u{fffd}"));
}

#[test]
fn record_that_was_cut_hides_none_behind_it() {
    let (first, second) = (record("one", "SELECT 1"), record("two\n", "{\"timestamp\":\""));
    for cut in 1..first.len() - 1 {
        for between in ["", "\n"] {
            let log = [&first[..cut], between, &second, &first].concat();
            let all = read_all(&mut JsonReader::new(), &[log.as_bytes()]);
            let messages: Vec<_> = all.iter().map(|seen| (seen.2.as_str(), seen.4)).collect();
            let expected = [(&first[..cut], false), ("two\n", true), ("one", true)];
            // Behind a whole object a second one begins.
            let is_whole = cut == first.len() - 1;
            assert!(is_whole || messages == expected, "{cut} {between:?}: {messages:?}");
        }
    }
}

#[test]
fn longest_values_are_cut_and_little_of_them_is_held() {
    let statement = format!("SELECT '{}'", "\"ü\n🐘".repeat(4_000_000));
    let log = record("x", &statement);
    let mut reader = JsonReader::new();
    let mut found = Vec::new();
    for chunk in log.as_bytes().chunks(100_000) {
        reader.push(chunk, &mut |entry| found.push(entry.entry.clone().into_owned()));
        assert!(reader.held.bytes().len() < 5 << 20, "{}", reader.held.bytes().len());
    }
    let [entry] = &found[..] else { panic!("{} entries", found.len()) };
    assert_eq!(entry.truncated, [(Field::Statement, statement.len() as u64)]);
    assert_eq!(
        entry.statement.as_deref(),
        Some(&statement[..statement.floor_char_boundary(1 << 20)])
    );
    assert_eq!((entry.query_id, reader.safe_position()), (Some(i64::MIN), log.len() as u64));
    assert!(reader.held.bytes().is_empty());
}

#[test]
fn endless_line_takes_bounded_memory() {
    for piece in ["\"a\",", "{", "\"", "x", " "] {
        let mut reader = JsonReader::new();
        let chunk = piece.repeat(100_000);
        for _ in 0..100 {
            reader.push(chunk.as_bytes(), &mut |_| panic!("no line has ended"));
            assert!(reader.held.bytes().len() < 12 << 20);
        }
        let mut all = Vec::new();
        reader.push(b"x\n", &mut |found| all.push(seen(found)));
        let [(start, end, _, None, false)] = all[..] else { panic!("{piece:?}: {}", all.len()) };
        assert_eq!((start, end), (0, reader.position()));
    }
}

fn limits() -> Limits {
    Limits { max_field_bytes: 40, ..Limits::default() }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a\"\\\\ü\n🐘\u{1}]{0,60}";
    prop_oneof![
        4 => (text, text).prop_map(|(message, statement)| record(&message, &statement).into_bytes()),
        1 => ("[a\"]{1,9}", any::<prop::sample::Index>()).prop_map(|(message, cut)| {
            let record = record(&message, "").into_bytes();
            record[..cut.index(record.len())].to_vec()
        }),
        1 => text.prop_map(String::into_bytes),
        1 => Just(b"\\ud83d\\udc18".repeat(9_000)),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => Just("x\\n\"\"".repeat(30_000).into_bytes()),
    ]
}

proptest! {
    #[test]
    fn every_record_reads_back(message in any::<String>(), statement in any::<String>()) {
        let log = record(&message, &statement);
        let entry = parse_json_line(log.as_bytes(), &mut Clock::new()).unwrap();
        prop_assert_eq!(entry.message, message.replace('\0', "\u{fffd}"));
        if !statement.is_empty() {
            prop_assert_eq!(entry.statement.unwrap(), statement.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn cutting_the_input_anywhere_changes_nothing(
        pieces in proptest::collection::vec(piece(), 0..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        is_limited in any::<bool>(),
    ) {
        let limits = if is_limited { limits() } else { Limits::default() };
        let log = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        cuts.extend([0, log.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &log[cut[0]..cut[1]]).collect();
        let whole = read_all(&mut JsonReader::new().with_limits(limits), &[&log]);
        let mut reader = JsonReader::new().with_limits(limits);
        prop_assert_eq!(&read_all(&mut reader, &chunks), &whole);
        prop_assert_eq!(reader.safe_position(), log.len() as u64);

        // The entries tile the log, but for empty lines.
        let mut from = 0;
        for (start, end) in whole.iter().map(|seen| (seen.0, seen.1)) {
            let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
            prop_assert!(log[from..start].trim_ascii().is_empty());
            from = end;
        }
        prop_assert!(log[from..].trim_ascii().is_empty());
    }
}
