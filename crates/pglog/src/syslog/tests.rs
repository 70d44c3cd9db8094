use proptest::prelude::*;

use super::*;

/// Start, end, pid, level, message and detail, statement.
type Seen = (u64, u64, Option<u32>, Option<String>, String, Option<String>);

fn seen(found: &Assembled<'_>) -> Seen {
    let entry = &found.entry;
    (
        found.start,
        found.end,
        entry.pid,
        entry.level.map(|level| level.to_string()),
        entry.message.to_string() + entry.detail.as_deref().unwrap_or_default(),
        entry.statement.as_deref().map(str::to_owned),
    )
}

fn read_all(reader: &mut SyslogReader, chunks: &[&[u8]]) -> Vec<Seen> {
    let mut all = Vec::new();
    for chunk in chunks {
        reader.push(chunk, &mut |found| all.push(seen(found)));
    }
    reader.finish(&mut |found| all.push(seen(found)));
    all
}

fn reader() -> SyslogReader {
    SyslogReader::new(LinePrefix::compile("%q%u@%d "))
}

/// Pid, level, message and statement.
type Entry = (Option<u32>, Option<String>, String, Option<String>);

fn entries(prefix: &str, log: &str) -> Vec<Entry> {
    let mut reader = SyslogReader::new(LinePrefix::compile(prefix));
    let all = read_all(&mut reader, &[log.as_bytes()]);
    all.into_iter().map(|(_, _, pid, level, message, sql)| (pid, level, message, sql)).collect()
}

fn log(pid: u32, message: &str) -> Entry {
    (Some(pid), Some("LOG".into()), message.into(), None)
}

#[test]
fn journal_prints_blanks_for_tabs() {
    // `journalctl` printed this; the server wrote to stderr, as a service.
    let text = "\
Nov 24 02:22:07 vm postgres[77]: LOG:  automatic analyze of table \"template1.pg_catalog.pg_type\"
Nov 24 02:22:07 vm postgres[77]:         avg read rate: 30.762 MB/s, avg write rate: 5.859 MB/s
Nov 24 02:22:07 vm postgres[77]: LOG:  checkpoint starting: immediate force wait
";
    let analyze = "automatic analyze of table \"template1.pg_catalog.pg_type\"\n\
                   avg read rate: 30.762 MB/s, avg write rate: 5.859 MB/s";
    let starting = log(77, "checkpoint starting: immediate force wait");
    assert_eq!(entries("", text), [log(77, analyze), starting]);
}

#[test]
fn processes_that_write_side_by_side_are_kept_apart() {
    let text = "\
Nov 24 02:22:09 vm postgres[7]: [1-1] LOG:  one
Nov 24 02:22:09 vm postgres[8]: [1-1] LOG:  two
Nov 24 02:22:09 vm postgres[7]: [1-2] #011more of one
Nov 24 02:22:09 vm cron[9]: (root) CMD (true)
Nov 24 02:22:09 vm postgres[8]: [1-2] #011more of two
Nov 24 02:22:09 vm postgres[7]: [2-1] LOG:  three
";
    let cron = (Some(9), None, text.lines().nth(3).unwrap().to_owned(), None);
    let expected = [log(7, "one\nmore of one"), log(8, "two\nmore of two"), cron, log(7, "three")];
    assert_eq!(entries("", text), expected);
}

#[test]
fn lines_without_numbers_are_joined_by_their_process() {
    let text = "\
<134>1 2026-11-24T02:22:09.1Z vm postgres 7 - - ERROR:  no
<134>1 2026-11-24T02:22:09.2Z vm postgres 8 - - LOG:  other
<134>1 2026-11-24T02:22:09.3Z vm postgres 7 - - STATEMENT:  SELECT 1#012#011+ 1
<134>1 2026-11-24T02:22:09.3Z vm postgres 7 - - #011+ 2
";
    let failed = (Some(7), Some("ERROR".into()), "no".into(), Some("SELECT 1\n+ 1\n+ 2".into()));
    assert_eq!(entries("", text), [failed, log(8, "other")]);
}

#[test]
fn parts_far_apart_are_of_one_message() {
    let line = |pid: usize, number: &str, text: &str| {
        format!("Nov 24 02:22:09 vm postgres[{pid}]: [{number}] {text}\n")
    };
    let others = |from: usize| -> String {
        (from..from + 120).map(|pid| line(pid, "1-1", "LOG:  other")).collect()
    };
    let parts = [
        line(7, "1-1", "ERROR:  no"),
        others(100),
        line(7, "1-2", "STATEMENT:  a"),
        others(300),
        line(7, "1-3", "#011b"),
    ];
    let all = entries("", &parts.concat());
    let failed = (Some(7), Some("ERROR".into()), "no".into(), Some("a\nb".into()));
    assert_eq!((all.len(), &all[0]), (241, &failed));
}

#[test]
fn message_that_the_daemon_counted_comes_as_often() {
    let text = "\
Nov 24 02:22:09 vm postgres[7]: LOG:  one
Nov 24 02:22:09 vm postgres[7]: message repeated 2 times: [ LOG:  two]
Nov 24 02:22:09 vm postgres[7]: message repeated x times: [ LOG:  two]
";
    let all = entries("", text);
    assert_eq!(all[..3], [log(7, "one"), log(7, "two"), log(7, "two")]);
    assert_eq!((all.len(), &all[3].1), (4, &None));
}

#[test]
fn blank_lines_are_of_no_entry() {
    let text = "\n\nNov 24 02:22:09 vm postgres[7]: LOG:  one\n \r\n";
    let mut reader = reader();
    assert_eq!(entries("", text), [log(7, "one")]);
    reader.push(b"\n\n", &mut |_| ());
    assert_eq!(reader.safe_position(), 2);
}

#[test]
fn single_number_is_taken_off_unless_the_prefix_has_it() {
    let text = "\
Nov 24 02:22:09 vm postgres[7]: [1] LOG:  one
Nov 24 02:22:09 vm postgres[7]: [2] #011two
Nov 24 02:22:09 vm postgres[7]: [3]  and three
";
    assert_eq!(entries("", text), [log(7, "one\ntwo and three")]);
    let text = "Nov 24 02:22:09 vm postgres: [7] LOG:  one\n";
    assert_eq!(entries("[%p] ", text), [log(7, "one")]);
}

#[test]
fn drains_of_heroku_have_no_data() {
    let text = "97 <134>1 2026-11-24T02:22:09.5+00:00 host app postgres.12 - [DATABASE] [15-1]  \
                sql_error_code = 00000 LOG:  x\n";
    let prefix = " sql_error_code = %e ";
    assert_eq!(entries(prefix, text), [(None, Some("LOG".into()), "x".into(), None)]);
}

#[test]
fn heroku_and_journald_are_read() {
    let text = "2026-11-24T02:22:09+00:00 app[postgres.12]: [DATABASE] [15-2]  sql_error_code = \
                28P01 FATAL:  no\n";
    let heroku = entries(" sql_error_code = %e ", text);
    assert_eq!(heroku, [(None, Some("FATAL".into()), "no".into(), None)]);
    // What a unit writes to stderr has the daemon's header and the server's prefix.
    let text = "\
Nov 24 02:22:09 vm postgresql@15-main[6]: 2026-11-24 02:22:09.123 UTC [7] LOG:  one
Nov 24 02:22:09 vm postgresql@15-main[6]: \ttwo
Nov 24 02:22:09 vm postgresql@15-main[6]: 2026-11-24 02:22:09.123 UTC [8] LOG:  three
";
    assert_eq!(entries("%m [%p] ", text), [log(7, "one\ntwo"), log(8, "three")]);
}

#[test]
fn chunks_in_the_wrong_order_are_put_in_the_right_one() {
    let text = "\
Nov 24 02:22:09 vm postgres[7]: [1-2] #011two
Nov 24 02:22:09 vm postgres[7]: [1-1] LOG:  one
Nov 24 02:22:09 vm postgres[7]: [2-1] LOG:  four
Nov 24 02:22:09 vm postgres[7]: [1-3] #011three
";
    assert_eq!(entries("", text), [log(7, "one\ntwo\nthree"), log(7, "four")]);
}

#[test]
fn message_whose_beginning_is_not_there_is_kept() {
    let text = "Nov 24 02:22:09 vm postgres[7]: [1-2] #011of a message\n";
    assert_eq!(entries("", text), [(Some(7), None, "\tof a message".into(), None)]);
}

#[test]
fn time_of_the_prefix_is_better_than_that_of_syslog() {
    let not_after = Clock::new().read("2026-11-25 00:00:00 UTC").unwrap().timestamp;
    let times = |prefix: &str, text: &str| {
        let mut reader = SyslogReader::new(LinePrefix::compile(prefix))
            .with_clock(Clock::in_zone("UTC").unwrap(), Some(not_after));
        let mut times = Vec::new();
        let mut keep = |found: &Assembled<'_>| times.push(found.entry.timestamp.unwrap());
        reader.push(text.as_bytes(), &mut keep);
        reader.finish(&mut keep);
        times[0].to_string()
    };
    let header = "Nov 24 02:22:09 vm postgres[7]: [1-1]";
    assert_eq!(times("", &format!("{header} LOG:  x\n")), "2026-11-24T02:22:09Z");
    let line = format!("{header} 2026-11-24 02:22:08.999 UTC LOG:  x\n");
    assert_eq!(times("%m ", &line), "2026-11-24T02:22:08.999Z");
}

#[test]
fn sessions_that_overlap_for_ever_do_not_hold_the_position() {
    let mut reader = SyslogReader::new(LinePrefix::compile(""));
    let mut given = 0;
    for n in 0..10_000_u32 {
        let (old, new) = (n, n + 1);
        let lines = format!(
            "Nov 24 02:22:09 vm postgres[{new}]: [1-1] LOG:  x\n\
             Nov 24 02:22:09 vm postgres[{old}]: [1-2] #011y\n"
        );
        reader.push(lines.as_bytes(), &mut |_| given += 1);
        assert!(reader.position() - reader.safe_position() < 400_000);
    }
    assert!(given >= 9_000);
}

/// Cuts a message as the server does; `ends` gets the lengths of the chunks before line breaks.
fn split(message: &str, ends: &mut Vec<usize>) -> Vec<String> {
    let mut chunks = Vec::new();
    for line in message.split('\n') {
        let mut rest = line;
        while rest.len() > 900 {
            let mut cut = 900;
            if !rest[cut..].starts_with(' ') {
                cut = rest[..cut].rfind(' ').filter(|at| *at > 0).unwrap_or(cut);
            }
            chunks.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
        chunks.push(rest.to_owned());
        ends.push(rest.len());
    }
    chunks
}

proptest! {
    #[test]
    fn message_cut_by_the_server_is_whole_again(
        lines in proptest::collection::vec("([a-z]{1,20} {1,2}){1,200}[a-z]{0,2000}", 1..5),
        numbered in any::<bool>(),
    ) {
        let message = lines.join("\n");
        let mut ends = Vec::new();
        let chunks = split(&format!("LOG:  {}", message.replace('\n', "\n\t")), &mut ends);
        // Where the next word would not have fitted, a cut and a line break look the same.
        ends.pop();
        prop_assume!(ends.iter().all(|end| end + 30 < 900));
        let log: String = chunks.iter().enumerate().map(|(n, chunk)| {
            let (n, chunk) = (n + 1, chunk.replace('\t', "#011"));
            let number = if numbered { format!("4-{n}") } else { n.to_string() };
            format!("Nov 24 02:22:09 vm postgres[7]: [{number}] {chunk}\n")
        }).collect();
        prop_assert_eq!(entries("", &log), [self::log(7, &message)]);
    }

    #[test]
    fn cutting_the_input_anywhere_changes_nothing(
        pieces in proptest::collection::vec(piece(), 0..30),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
        stop in any::<prop::sample::Index>(),
    ) {
        let log = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        cuts.extend([0, log.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &log[cut[0]..cut[1]]).collect();
        let whole = read_all(&mut reader(), &[&log]);
        prop_assert_eq!(&read_all(&mut reader(), &chunks), &whole);
        // A blank line is of no entry.
        let end = whole.iter().map(|seen| seen.1).max().unwrap_or(0);
        prop_assert!(log[usize::try_from(end).unwrap()..].trim_ascii().is_empty(), "{}", end);

        // Reading resumes from a safe position: what was given out before it is not given out again.
        let limits = Limits { max_open_entries: 2, ..Limits::default() };
        let mut first = reader().with_limits(limits);
        let mut kept = Vec::new();
        first.push(&log[..stop.index(log.len() + 1)], &mut |found| kept.push(seen(found)));
        let safe = first.safe_position();
        kept.retain(|seen| seen.1 <= safe);
        let mut second = reader().starting_at(safe);
        kept.extend(read_all(&mut second, &[&log[usize::try_from(safe).unwrap()..]]));
        let bytes = |all: &[Seen]| all.iter().map(|seen| seen.4.matches('x').count()).sum::<usize>();
        prop_assert_eq!(bytes(&kept), bytes(&whole));
        prop_assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        Just("LOG:  x"),
        Just("bob@shop ERROR:  x"),
        Just("bob@shop DETAIL:  y"),
        Just("#011x"),
        Just(" x"),
        Just("x"),
    ];
    let number = prop_oneof![
        Just(String::new()),
        (1..3_u64, 1..4_u32).prop_map(|(n, m)| format!("[{n}-{m}] ")),
        (1..4_u32).prop_map(|n| format!("[{n}] ")),
    ];
    let line = (1..4_u32, number, text).prop_map(|(pid, number, text)| {
        format!("Nov 24 02:22:09 vm postgres[{pid}]: {number}{text}\n").into_bytes()
    });
    prop_oneof![
        9 => line,
        1 => Just(b"x\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>().prop_filter("counted", |b| *b != b'x'), 0..20),
    ]
}
