//! syslog in both of its time formats.

use std::collections::HashMap;

use pglog::{
    Assembled, Clock, Format, Kind, LinePrefix, LogEntry, Parser, ParserOptions, Text, Timestamp,
};

use crate::{corpus::Run, runs};

fn syslog_runs() -> impl Iterator<Item = Run> {
    runs().into_iter().filter(|run| !run.files("syslog").is_empty())
}

fn options(run: &Run) -> ParserOptions {
    // The year of the corpus, as the time at which the file was written last would tell it.
    let last = run.manifest["files"]["csv"][0].as_str().unwrap();
    let date = last.split(['-', '_']).skip(1).take(3).collect::<Vec<_>>().join("-");
    let not_after = Clock::new().read(&format!("{date} 23:59:59 UTC")).unwrap().timestamp;
    ParserOptions {
        log_line_prefix: Some(LinePrefix::compile(run.log_line_prefix())),
        not_after: Some(not_after),
        clock: Clock::in_zone(run.setting("log_timezone").unwrap_or("UTC")).unwrap(),
        ..ParserOptions::default()
    }
}

fn read(file: &[u8], options: &ParserOptions, chunk: usize) -> (Parser, Vec<LogEntry<'static>>) {
    let mut parser = Parser::new(options.clone(), 0);
    let mut entries = Vec::new();
    let mut last_start = 0;
    let mut keep = |found: &Assembled<'_>| {
        assert!(found.start >= last_start && found.end <= file.len() as u64);
        last_start = found.start;
        entries.push(found.entry.clone().into_owned());
    };
    for chunk in file.chunks(chunk) {
        parser.push(chunk, &mut keep);
    }
    parser.finish(&mut keep);
    assert_eq!((parser.position(), parser.safe_position()), (file.len() as u64, file.len() as u64));
    (parser, entries)
}

fn by_pid(entries: Vec<LogEntry<'static>>) -> HashMap<u32, Vec<LogEntry<'static>>> {
    let mut processes: HashMap<_, Vec<_>> = HashMap::new();
    for entry in entries {
        processes.entry(entry.pid.unwrap()).or_default().push(entry);
    }
    processes
}

#[test]
fn syslog_says_the_same_as_csvlog() {
    let mut compared = 0;
    for run in syslog_runs() {
        for file in run.files("syslog") {
            let options = options(&run);
            let (parser, syslog) = read(&file, &options, 1000);
            assert_eq!(parser.format(), Some(Format::Syslog));
            let syslog = by_pid(syslog);
            let csv = run.files("csv").into_iter().flat_map(|file| read(&file, &options, 1000).1);
            for (pid, csv) in by_pid(csv.collect()) {
                // Before it has its logging collector the server writes to syslog only.
                let syslog = &syslog[&pid];
                let first = syslog.len() - csv.len();
                for (ours, theirs) in syslog[first..].iter().zip(&csv) {
                    assert_same(ours, theirs);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 1000, "only {compared} entries were compared");
}

fn assert_same(ours: &LogEntry<'_>, theirs: &LogEntry<'_>) {
    assert_eq!(ours.level, theirs.level);
    assert_eq!(ours.message, theirs.message);
    assert_eq!(ours.duration, theirs.duration);
    let texts = |entry: &LogEntry<'_>| {
        [
            &entry.detail,
            &entry.hint,
            &entry.internal_query,
            &entry.context,
            &entry.user,
            &entry.database,
            &entry.remote_host,
        ]
        // csvlog has nothing for an empty DETAIL.
        .map(|text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned())
    };
    assert_eq!(texts(ours), texts(theirs), "{}", ours.message);
    assert_eq!(ours.internal_position, theirs.internal_position);
    // csvlog has a statement's position only with the statement, and the syslog line both or neither.
    if theirs.statement.is_some() {
        assert_eq!(ours.statement, theirs.statement);
        assert_eq!(ours.cursor_position, theirs.cursor_position);
    }
    if theirs.remote_host.is_some() {
        assert_eq!(ours.application_name, theirs.application_name);
    }
    let micros = |time: Option<Timestamp>| time.unwrap().micros();
    assert!((micros(ours.timestamp) - micros(theirs.timestamp)).abs() <= 1_500_000);
    assert!(!ours.timestamp_ambiguous && !ours.unparsed);
}

#[test]
fn chunks_of_any_size_make_no_difference() {
    for run in syslog_runs() {
        for file in run.files("syslog") {
            let options = options(&run);
            let (_, whole) = read(&file, &options, usize::MAX);
            for size in [1, 7, 4096] {
                assert_eq!(read(&file, &options, size).1, whole, "chunks of {size}");
            }
        }
    }
}

#[test]
fn log_of_other_programs_is_no_log() {
    let log = "Nov 24 02:22:07 vm sshd[12]: Accepted publickey for root\n\
               Nov 24 02:22:08 vm kernel: [12.5] usb 1-1: new device\n";
    let (parser, entries) = read(log.as_bytes(), &ParserOptions::default(), 10);
    assert_eq!(parser.kind(), Some(Kind::OtherText));
    assert!(entries.iter().all(|entry| entry.unparsed));
    assert_eq!(entries[0].message, log.lines().next().unwrap());
}
