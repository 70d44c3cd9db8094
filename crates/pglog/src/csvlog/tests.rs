use proptest::prelude::*;

use super::*;
use crate::{entry::Field, severity::Level};

/// Start, end, message, statement, whether it is a record.
type Seen = (u64, u64, String, Option<String>, bool);

fn seen(found: &Assembled<'_>) -> Seen {
    let entry = &found.entry;
    let statement = entry.statement.as_deref().map(str::to_owned);
    (found.start, found.end, entry.message.to_string(), statement, !entry.unparsed)
}

fn read_all(reader: &mut CsvReader, chunks: &[&[u8]]) -> Vec<Seen> {
    let mut all = Vec::new();
    for chunk in chunks {
        reader.push(chunk, &mut |found| all.push(seen(found)));
    }
    reader.finish(&mut |found| all.push(seen(found)));
    all
}

/// A record with this message and statement, which may be broken in lines and hold quotes.
fn record(message: &str, statement: &str) -> String {
    let quoted = |text: &str| match text {
        "" => String::new(),
        text => format!("\"{}\"", text.replace('"', "\"\"")),
    };
    format!(
        "2026-11-24 02:21:01.123 UTC,\"bob\",\"shop\",7,\"[local]\",6b04f48d.17ee,3,\"SELECT\",\
         2026-11-24 02:21:00 UTC,3/5,0,ERROR,22012,\"{}\",,,,,,{},,,\"psql\",\"client backend\",,0\n",
        message.replace('"', "\"\""),
        quoted(statement),
    )
}

fn entry_of(connection: &str) -> LogEntry<'static> {
    let record = record("x", "").replace("[local]", connection);
    parse_csv_record(record.as_bytes(), &mut Clock::new()).unwrap().into_owned()
}

#[test]
fn client_is_taken_apart() {
    for (connection, host, port) in [
        ("[local]", "[local]", None),
        ("10.0.0.9:5432", "10.0.0.9", Some(5432)),
        ("2001:db8::1:5432", "2001:db8::1", Some(5432)),
        ("fe80::1%eth0:5432", "fe80::1%eth0", Some(5432)),
    ] {
        let entry = entry_of(connection);
        assert_eq!((entry.remote_host.as_deref(), entry.remote_port), (Some(host), port));
    }
}

#[test]
fn record_of_an_unknown_severity_is_kept() {
    let record = record("x", "").replace("ERROR", "KATASTROPHE");
    let entry = parse_csv_record(record.as_bytes(), &mut Clock::new()).unwrap();
    assert_eq!((entry.level, &*entry.message), (None, "x"));
}

#[test]
fn records_of_greenplum_are_read() {
    let head = "2026-11-24 02:21:01.123456 UTC,\"bob\",\"shop\",p7,th-77,\"10.0.0.9\",\"5432\",\
                2026-11-24 02:21:00 UTC,12,con7,cmd3,seg-1,,dx12,x12,sx1,";
    let log = format!(
        "{head}\"ERROR\",\"22012\",\"a \"\"b\"\"\",,,,,,\"SELECT\n1 / 0\",8,,\"int.c\",77,\"1    main\n2    f\"\n\
         {head}\"LOG\",\"00000\",\"x\",,,,,,,0,,\"xlog.c\",78,\n"
    );
    for size in [1, 7, log.len()] {
        let mut entries = Vec::new();
        let mut reader = CsvReader::new();
        for chunk in log.as_bytes().chunks(size) {
            reader.push(chunk, &mut |found| entries.push(found.entry.clone().into_owned()));
        }
        let [first, second] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(first.timestamp.unwrap().to_string(), "2026-11-24T02:21:01.123456Z");
        assert_eq!((first.pid, first.remote_host.as_deref()), (Some(7), Some("10.0.0.9")));
        assert_eq!((first.remote_port, first.txid), (Some(5432), Some(12)));
        assert_eq!(
            (&*first.message, first.statement.as_deref()),
            ("a \"b\"", Some("SELECT\n1 / 0"))
        );
        assert_eq!((first.cursor_position, first.file_line_num), (Some(8), Some(77)));
        assert_eq!(first.backtrace.as_deref(), Some("1    main\n2    f"));
        assert_eq!(
            (&*second.message, second.level, second.state_code.as_deref()),
            ("x", Some(Level::Log), None)
        );
        assert_eq!((second.cursor_position, second.backtrace.as_deref()), (None, None));
    }
    let cut = log.find("77,").unwrap();
    assert!(read_all(&mut CsvReader::new(), &[&log.as_bytes()[..cut]]).iter().all(|seen| !seen.4));
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let mut bytes = record("a?b?\"c\"", "").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xff;
    bytes[at + 2] = 0;
    let entry = parse_csv_record(&bytes, &mut Clock::new()).unwrap();
    assert_eq!(entry.message, "a\u{fffd}b\u{fffd}\"c\"");
}

#[test]
fn record_that_was_cut_hides_none_behind_it() {
    let (first, second) = (record("one", "SELECT 1"), record("two\n, \"quoted\"", "SELECT\n2"));
    for cut in 1..first.len() {
        for between in ["", "\n"] {
            let log = [&first[..cut], between, &second, &first].concat();
            let all = read_all(&mut CsvReader::new(), &[log.as_bytes()]);
            assert_eq!(all.len(), 3, "{cut} {between:?}: {all:?}");
            // With the columns of an older version it is a record, if not a whole one.
            assert!(
                !all[0].4 || cut + 2 >= first.find("psql").unwrap(),
                "{cut} {between:?}: {all:?}"
            );
            assert_eq!(all[1].2, "two\n, \"quoted\"");
            assert_eq!(all[2].2, "one");
        }
    }
}

#[test]
fn text_of_other_programs_is_kept_between_records() {
    let log = [
        "noise \"\n\n",
        &record("one", ""),
        "2026-11-24 02:21:01.123 UTC\n,,\"",
        &record("two", ""),
    ];
    let all = read_all(&mut CsvReader::new(), &[log.concat().as_bytes()]);
    let messages: Vec<_> = all.iter().map(|seen| (seen.2.as_str(), seen.4)).collect();
    let expected = [
        ("noise \"\n", false),
        ("one", true),
        ("2026-11-24 02:21:01.123 UTC\n,,\"", false),
        ("two", true),
    ];
    assert_eq!(messages, expected);
}

#[test]
fn empty_lines_between_records_are_no_entries() {
    let log = format!("\n{0}\n\n{0}\ntext\n\nmore\n", record("a", ""));
    let all = read_all(&mut CsvReader::new(), &[log.as_bytes()]);
    let messages: Vec<&str> = all.iter().map(|seen| seen.2.as_str()).collect();
    assert_eq!(messages, ["a", "a", "text\n\nmore"]);
}

#[test]
fn message_that_looks_like_records_is_one() {
    let message = format!("{}{}", record("fake", "\"").replace('\n', "\n\n"), record("fake", ""));
    let log = record(&message, &message);
    let all = read_all(&mut CsvReader::new(), &[log.as_bytes()]);
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0].2, all[0].3.as_ref()), (&message, Some(&message)));
}

#[test]
fn longest_values_are_cut_and_little_of_them_is_held() {
    let statement = format!("SELECT '{}'", "\"ü\"".repeat(4_000_000));
    let log = record("x", &statement);
    let mut reader = CsvReader::new();
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
    assert_eq!(reader.safe_position(), log.len() as u64);
    assert!(reader.held.bytes().is_empty());
}

#[test]
fn text_that_is_no_record_waits_for_the_end_of_its_line() {
    let mut reader = CsvReader::new();
    let mut all = Vec::new();
    reader.push(b"noise\nmore", &mut |_| panic!("it may go on"));
    reader.flush(&mut |_| panic!("its line has no end"));
    reader.push(b"\n2026-", &mut |_| panic!("it may go on"));
    reader.flush_before(0, &mut |_| panic!("it begins at that position"));
    assert_eq!((reader.safe_position(), reader.position()), (0, 16));
    reader.flush_before(1, &mut |found| all.push(seen(found)));
    assert_eq!(all, [(0, 11, "noise\nmore".to_owned(), None, false)]);
    assert_eq!((reader.safe_position(), reader.position()), (11, 16));
}

fn limits() -> Limits {
    Limits { max_field_bytes: 40, ..Limits::default() }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a\",ü\n\r]{0,60}";
    prop_oneof![
        4 => (text, text).prop_map(|(message, statement)| record(&message, &statement).into_bytes()),
        1 => ("[a\"]{1,9}", any::<prop::sample::Index>()).prop_map(|(message, cut)| {
            let record = record(&message, "").into_bytes();
            record[..cut.index(record.len())].to_vec()
        }),
        1 => text.prop_map(String::into_bytes),
        1 => Just(b"2026-11-24 02:21:01.123 UTC,".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => Just("x\"\"".repeat(30_000).into_bytes()),
    ]
}

proptest! {
    #[test]
    fn every_record_reads_back(message in "[ -~\n\t\"ü]{1,40}", statement in "[ -~\n\t\"ü]{0,40}") {
        let log = record(&message, &statement);
        let entry = parse_csv_record(log.as_bytes(), &mut Clock::new()).unwrap();
        prop_assert_eq!(&entry.message, &message);
        if !statement.is_empty() {
            prop_assert_eq!(entry.statement.as_deref(), Some(statement.as_str()));
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
        let whole = read_all(&mut CsvReader::new().with_limits(limits), &[&log]);
        let chunked = read_all(&mut CsvReader::new().with_limits(limits), &chunks);
        prop_assert_eq!(&chunked, &whole);

        // The entries tile the log, but for empty lines: nothing is dropped, nothing comes twice.
        let place = |at: u64| usize::try_from(at).unwrap();
        let ends = std::iter::once(0).chain(whole.iter().map(|seen| place(seen.1)));
        let starts = whole.iter().map(|seen| place(seen.0)).chain([log.len()]);
        for (end, start) in ends.zip(starts) {
            prop_assert!(log[end..start].iter().all(|byte| *byte == b'\n'));
        }
    }

    #[test]
    fn reading_resumes_from_a_safe_position_without_loss(
        pieces in proptest::collection::vec(piece(), 0..12),
        stop in any::<prop::sample::Index>(),
    ) {
        let log = pieces.concat();
        let whole = read_all(&mut CsvReader::new(), &[&log]);
        let mut first = CsvReader::new();
        let mut kept = Vec::new();
        first.push(&log[..stop.index(log.len() + 1)], &mut |found| kept.push(seen(found)));
        let safe = first.safe_position();
        prop_assert!(kept.iter().all(|seen| seen.1 <= safe));
        let rest = &log[usize::try_from(safe).unwrap()..];
        kept.extend(read_all(&mut CsvReader::new().starting_at(safe), &[rest]));
        prop_assert_eq!(kept, whole);
    }
}

#[test]
fn severity_without_a_letter_is_told_by_the_sqlstate() {
    for (severity, state, level) in [
        ("??", "00000", Some(Level::Log)),
        ("??", "01000", Some(Level::Warning)),
        ("??", "57014", Some(Level::Error)),
        ("????", "28000", Some(Level::Fatal)),
        ("????", "42501", Some(Level::Fatal)),
        ("??", "53100", Some(Level::Error)),
        ("??", "3D000", Some(Level::Error)),
        ("X", "00000", None),
    ] {
        let record = format!(
            "2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,2026-11-24 02:21:00 UTC,,0,{severity},\
             {state},\"??\",,,,,,,,,\"\",\"startup\",,0\n"
        );
        let mut levels = Vec::new();
        let mut reader = CsvReader::new();
        reader.push(record.as_bytes(), &mut |found| levels.push(found.entry.level));
        reader.finish(&mut |found| levels.push(found.entry.level));
        assert_eq!(levels, [level], "{severity} {state}");
    }
}
