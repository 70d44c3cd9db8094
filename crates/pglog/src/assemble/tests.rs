//! What the assembler promises about lines, positions and limits.

use proptest::prelude::*;

use super::*;
use crate::{entry::Field, severity::Level};

/// An entry in short: where it stood, its message, detail and statement.
type Seen = (u64, u64, String, Option<String>, Option<String>);

fn assembler() -> Assembler {
    Assembler::new(LinePrefix::compile("%m [%p] "))
}

fn seen(found: &Assembled<'_>) -> Seen {
    let text = |text: &Option<crate::entry::Text<'_>>| text.as_deref().map(str::to_owned);
    let entry = &found.entry;
    (found.start, found.end, entry.message.to_string(), text(&entry.detail), text(&entry.statement))
}

fn read_all(assembler: &mut Assembler, pieces: &[&[u8]]) -> Vec<Seen> {
    let mut all = Vec::new();
    for piece in pieces {
        assembler.push(piece, &mut |found| all.push(seen(found)));
    }
    assembler.finish(&mut |found| all.push(seen(found)));
    all
}

fn line(pid: u32, rest: &str) -> String {
    format!("2026-11-24 02:21:01.123 UTC [{pid}] {rest}\n")
}

#[test]
fn text_that_a_function_raises_has_no_position() {
    for (context, expected) in [
        ("PL/pgSQL function inline_code_block line 1 at RAISE", "x at character 5"),
        ("PL/pgSQL-Funktion f() Zeile 1 bei RAISE\n\tSQL-Anweisung", "x at character 5"),
        ("PL/pgSQL function f() line 1 at SQL statement\n\tat RAISE", "x"),
    ] {
        let log = line(1, "ERROR:  x at character 5") + &line(1, &format!("CONTEXT:  {context}"));
        let found = read_all(&mut assembler(), &[log.as_bytes()]);
        assert_eq!(found[0].2, expected, "{context}");
    }
}

#[test]
fn lines_of_two_processes_may_be_mixed() {
    let log = [
        line(1, "ERROR:  first"),
        line(2, "ERROR:  second"),
        line(1, "DETAIL:  of the first\n\tcontinued"),
        line(2, "STATEMENT:  of the second"),
        line(1, "STATEMENT:  of the first"),
    ]
    .concat();
    let all = read_all(&mut assembler(), &[log.as_bytes()]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].3.as_deref(), Some("of the first\ncontinued"));
    assert_eq!(all[0].4.as_deref(), Some("of the first"));
    assert_eq!(all[1].4.as_deref(), Some("of the second"));
}

#[test]
fn no_position_inside_of_mixed_entries_is_safe() {
    let first = line(1, "ERROR:  first") + &line(2, "ERROR:  second");
    let rest = line(1, "STATEMENT:  of the first") + &line(3, "LOG:  third");
    let mut assembler =
        assembler().with_limits(Limits { max_open_entries: 2, ..Limits::default() });
    let mut safe = Vec::new();
    let log = first.clone() + &rest;
    assembler.push(log.as_bytes(), &mut |found| safe.push(found.safe_position));
    assert_eq!(safe, [0], "the first entry ends behind the start of the second");
    assembler.flush(&mut |found| safe.push(found.safe_position));
    let third = (first.len() + rest.len() - line(3, "LOG:  third").len()) as u64;
    assert_eq!(safe, [0, third, log.len() as u64]);
}

#[test]
fn entries_that_overlap_without_end_are_ended_by_force() {
    let mut log = String::new();
    for pid in 1..2000 {
        log += &line(pid, "ERROR:  x");
        log += &line(pid.saturating_sub(1), "STATEMENT:  of the one before");
    }
    let mut assembler = assembler();
    let mut longest = 0;
    let mut count = 0;
    assembler.push(log.as_bytes(), &mut |found| {
        count += 1;
        longest = longest.max(found.start.saturating_sub(found.safe_position));
    });
    assembler.finish(&mut |_| count += 1);
    assert!(longest < 50_000, "a safe position came {longest} bytes late");
    assert!(count >= 1999);
}

#[test]
fn labels_out_of_order_belong_to_no_entry() {
    let log = [line(1, "ERROR:  x"), line(1, "STATEMENT:  s"), line(1, "DETAIL:  late")].concat();
    let all = read_all(&mut assembler(), &[log.as_bytes()]);
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].3.as_deref(), all[1].3.as_deref()), (None, Some("late")));
}

#[test]
fn foreign_lines_are_kept_as_they_are() {
    let log = line(1, "LOG:  x") + "sh: 1: foo: not found\n\tat line 1\n" + &line(1, "LOG:  y");
    let all = read_all(&mut assembler(), &[log.as_bytes()]);
    let messages: Vec<_> = all.iter().map(|seen| seen.2.as_str()).collect();
    assert_eq!(messages, ["x", "sh: 1: foo: not found\n\tat line 1", "y"]);
}

#[test]
fn long_fields_are_cut_and_their_length_is_kept() {
    let limits = Limits { max_field_bytes: 10, ..Limits::default() };
    let log =
        line(1, "LOG:  duration: 1.000 ms  statement: SELECT ü\n\tFROM x") + &line(1, "LOG:  ok");
    let mut truncated = Vec::new();
    let mut assembler = assembler().with_limits(limits);
    let mut keep = |found: &Assembled<'_>| {
        truncated.push((found.entry.message.to_string(), found.entry.truncated.clone()));
    };
    assembler.push(log.as_bytes(), &mut keep);
    assembler.finish(&mut keep);
    let whole = "duration: 1.000 ms  statement: SELECT ü\nFROM x".len() as u64;
    assert_eq!(truncated[0], ("duration: ".to_owned(), vec![(Field::Message, whole)]));
    assert_eq!(truncated[1], ("ok".to_owned(), vec![]));
}

#[test]
fn line_of_many_megabytes_is_held_in_bounded_memory() {
    let mut assembler = assembler();
    let mut all = Vec::new();
    assembler.push(line(1, "ERROR:  x").as_bytes(), &mut |found| all.push(seen(found)));
    let head = line(1, "STATEMENT:  SELECT '");
    assembler.push(head.trim_end().as_bytes(), &mut |found| all.push(seen(found)));
    for _ in 0..200 {
        assembler.push("ü".repeat(25_000).as_bytes(), &mut |found| all.push(seen(found)));
        assembler.flush_before(u64::MAX, &mut |found| all.push(seen(found)));
    }
    assert!(all.is_empty(), "the statement is not whole yet");
    assembler.push(b"'\n", &mut |_| {});
    let mut truncated = Vec::new();
    assembler.finish(&mut |found| {
        truncated.clone_from(&found.entry.truncated);
        all.push(seen(found));
    });
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].4.as_ref().map(String::len), Some(1 << 20));
    assert_eq!(truncated, [(Field::Statement, "SELECT ''".len() as u64 + 10_000_000)]);
}

#[test]
fn quiet_entry_is_given_out_and_a_partial_line_waits() {
    let mut assembler = assembler();
    let whole = line(1, "ERROR:  x");
    assembler.push(whole.as_bytes(), &mut |_| panic!("the entry may go on"));
    let mut all = Vec::new();
    assembler.push(b"\tcontin", &mut |_| {});
    assembler.flush(&mut |found| all.push(seen(found)));
    assert!(all.is_empty(), "a continuation has begun");
    assembler.push(b"ued\n2026", &mut |_| {});
    assembler.flush(&mut |found| all.push(seen(found)));
    assert_eq!(all[0].2, "x\ncontinued");
    assert_eq!(assembler.safe_position(), all[0].1);
    assert_eq!(assembler.position(), all[0].1 + 4);
}

/// Pieces of logs, right and wrong.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (1..4u32, "[a-zü\u{1F418}]{0,8}")
            .prop_map(|(pid, text)| line(pid, &format!("LOG:  {text}"))),
        (1..4u32, "[a-z]{0,8}")
            .prop_map(|(pid, text)| line(pid, &format!("ERROR:  {text} at character 7"))),
        (1..4u32).prop_map(|pid| line(pid, "DETAIL:  d")),
        (1..4u32).prop_map(|pid| line(pid, "STATEMENT:  s\n\tt")),
        Just("\tcontinued\n".to_owned()),
        Just("foreign\n".to_owned()),
        Just("foreign without an end".to_owned()),
        Just("2026-11-24 02:21".to_owned()),
        Just("x".repeat(70_000)),
        Just("\n".to_owned()),
    ]
    .prop_map(String::into_bytes)
}

/// The same, with lines that have another prefix.
fn changing_piece() -> impl Strategy<Value = Vec<u8>> {
    let other = prop_oneof![
        Just("backup: LOG:  not of the server\n".to_owned()),
        (1..4u32).prop_map(|pid| format!("[{pid}] 2026-11-24 02:21:02 UTC: LOG:  other prefix\n")),
    ];
    prop_oneof![3 => any_piece(), 1 => other.prop_map(String::into_bytes)]
}

fn any_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![9 => piece(), 1 => proptest::collection::vec(any::<u8>(), 0..20)]
}

#[test]
fn blank_lines_are_of_no_entry() {
    let log = b"\n2026-11-24 02:21:01.123 UTC [7] ERROR:  no\n\n\tmore\n \r\n\
                2026-11-24 02:21:01.123 UTC [7] STATEMENT:  a\n\n\n";
    for chunk in [1, 7, log.len()] {
        let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
        let mut found = Vec::new();
        let mut keep = |entry: &Assembled<'_>| {
            let entry = &entry.entry;
            found.push((entry.message.to_string(), entry.statement.as_deref().map(str::to_owned)));
        };
        log.chunks(chunk).for_each(|bytes| assembler.push(bytes, &mut keep));
        assembler.finish(&mut keep);
        assert_eq!(found, [("no\nmore".to_owned(), Some("a".to_owned()))]);
        assert_eq!(assembler.safe_position(), log.len() as u64);
    }
}

proptest! {
    #[test]
    fn cutting_the_input_anywhere_changes_nothing(
        pieces in proptest::collection::vec(changing_piece(), 0..30),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let log = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        cuts.extend([0, log.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &log[cut[0]..cut[1]]).collect();
        let whole = read_all(&mut assembler(), &[&log]);
        prop_assert_eq!(&read_all(&mut assembler(), &chunks), &whole);

        // The entries cover the log but for blank lines: nothing is dropped.
        let covered = whole.iter().map(|seen| seen.1).max().unwrap_or(0);
        prop_assert!(covered >= log.trim_ascii_end().len() as u64);
    }

    #[test]
    fn reading_resumes_from_a_safe_position_without_loss(
        pieces in proptest::collection::vec(any_piece(), 0..30),
        stop in any::<prop::sample::Index>(),
    ) {
        let log = pieces.concat();
        let whole = read_all(&mut assembler(), &[&log]);
        let (head, _) = log.split_at(stop.index(log.len() + 1));
        let mut first = assembler().with_limits(Limits { max_open_entries: 3, ..Limits::default() });
        let mut kept = Vec::new();
        first.push(head, &mut |found| kept.push(seen(found)));
        let safe = first.safe_position();
        kept.retain(|seen| seen.1 <= safe);
        let mut second = assembler().starting_at(safe);
        let rest = &log[usize::try_from(safe).unwrap()..];
        second.push(rest, &mut |found| kept.push(seen(found)));
        second.finish(&mut |found| kept.push(seen(found)));
        // With fewer entries held open a late line may stand alone, but no byte is lost or doubled.
        let lines = |all: &[Seen]| all.iter().map(|seen| seen.2.clone() + seen.4.as_deref().unwrap_or("")).collect::<String>().len();
        prop_assert_eq!(kept.iter().map(|seen| seen.1).max(), whole.iter().map(|seen| seen.1).max());
        prop_assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        prop_assert_eq!(lines(&kept), lines(&whole));
    }
}

#[test]
fn label_of_which_nothing_is_left_is_a_part_or_has_no_level() {
    let log = "\
2026-11-24 02:21:01.123 UTC [7] ERROR:  ????
2026-11-24 02:21:01.123 UTC [7] ??:  ???????
2026-11-24 02:21:01.123 UTC [7] ?:  SELECT 1/0
2026-11-24 02:21:01.123 UTC [8] 로그:  x
2026-11-24 02:21:01.124 UTC [8] ??:  host=[local]
2026-11-24 02:21:01.124 UTC [9] SOOBSHHENIE:  x
2026-11-24 02:21:01.125 UTC [10] ??:  host=[local]
2026-11-24 02:21:01.125 UTC [10] ????:  \"u\"
2026-11-24 02:21:01.125 UTC [10] ????:  pg_hba.conf
??:  noise
";
    let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
    let mut found = Vec::new();
    let mut keep = |entry: &Assembled<'_>| {
        let entry = &entry.entry;
        let detail = entry.detail.as_deref().map(str::to_owned);
        found.push((entry.pid, entry.level, entry.message.to_string(), detail, entry.unparsed));
    };
    assembler.push(log.as_bytes(), &mut keep);
    assembler.finish(&mut keep);
    let log = Some(Level::Log);
    let expected = [
        (Some(7), Some(Level::Error), "????", Some("???????"), false),
        (Some(8), log, "x", None, false),
        (Some(8), None, "host=[local]", None, false),
        (Some(9), log, "x", None, false),
        (Some(10), None, "host=[local]", None, false),
        (Some(10), None, "\"u\"", Some("pg_hba.conf"), false),
        (None, None, "??:  noise", None, true),
    ];
    let expected = expected.map(|(pid, level, message, detail, unparsed)| {
        (pid, level, message.to_owned(), detail.map(str::to_owned), unparsed)
    });
    assert_eq!(found, expected);
}

/// A part of the same prefix as its entry is not matched; line by line each is.
#[test]
fn parts_are_read_alike_whether_or_not_their_entry_came_with_them() {
    let parts = [
        "DETAIL:  plain",
        "DETAIL:  a LOG:  b",
        "STATEMENT:  @x ERROR:  y",
        "CONTEXT:  connection authorized: user=bob database=a@b application_name=c",
        "LOG:  next",
        "bob@shop DETAIL:  odd",
    ];
    for prefix in ["%m [%p] %q%u@%d ", "%m [%p] ", "%m [%p] %u@%d", "%m [%p] %u %a "] {
        for (names, part) in ["bob@shop ", "a@b@shop ", "bob@shop", "bob app ", ""]
            .into_iter()
            .flat_map(|names| parts.map(|part| (names, part)))
        {
            let lines = [
                line(1, &format!("{names}ERROR:  first")),
                line(1, &format!("{names}{part}")),
                line(2, &format!("{names}{part}")),
                line(1, &format!("{names}STATEMENT:  last")),
            ];
            let read = |pieces: &[&[u8]]| {
                read_all(&mut Assembler::new(LinePrefix::compile(prefix)), pieces)
            };
            let one_by_one: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            let all = lines.concat();
            assert_eq!(read(&[all.as_bytes()]), read(&one_by_one), "{prefix} {names}{part}");
        }
    }
}
