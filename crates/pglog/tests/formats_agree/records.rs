//! csvlog and jsonlog.

use std::collections::HashMap;

use pglog::{Clock, Format, Level, LinePrefix, LogEntry, Parser, ParserOptions, Text};

use crate::{
    corpus::{CsvRecord, Run},
    runs,
};

/// An entry with its place.
type Placed = (u64, u64, LogEntry<'static>);

fn options(run: &Run) -> ParserOptions {
    let zone = run.setting("log_timezone").unwrap_or("UTC");
    ParserOptions { clock: Clock::in_zone(zone).unwrap(), ..ParserOptions::default() }
}

/// Reads a file in chunks of these sizes, over and over.
fn read(file: &[u8], options: &ParserOptions, sizes: &[usize]) -> (Option<Format>, Vec<Placed>) {
    let mut parser = Parser::new(options.clone(), 0);
    let mut entries = Vec::new();
    let mut keep = |found: &pglog::Assembled<'_>| {
        assert!(found.safe_position <= found.end);
        entries.push((found.start, found.end, found.entry.clone().into_owned()));
    };
    let mut rest = file;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at((*size).min(rest.len()));
        parser.push(chunk, &mut keep);
        rest = behind;
    }
    parser.finish(&mut keep);
    assert_eq!((parser.position(), parser.safe_position()), (file.len() as u64, file.len() as u64));
    (parser.format(), entries)
}

fn entries(run: &Run, format: &str) -> Vec<Placed> {
    let options = options(run);
    run.files(format).iter().flat_map(|file| read(file, &options, &[usize::MAX]).1).collect()
}

#[test]
fn format_of_every_file_is_found() {
    for run in runs() {
        for (name, format) in [("csv", Format::Csvlog), ("json", Format::Jsonlog)] {
            for file in run.files(name).iter().filter(|file| !file.is_empty()) {
                assert_eq!(
                    read(file, &options(&run), &[1 << 16]).0,
                    Some(format),
                    "{}",
                    run.name()
                );
            }
        }
        for file in run.files("stderr") {
            let found = Format::detect(&file[..file.len().min(1 << 18)]);
            assert_eq!(found, Format::Stderr, "{}", run.name());
        }
    }
}

#[test]
fn known_prefix_does_not_hide_that_a_log_has_none() {
    for run in runs() {
        let prefix = Some(LinePrefix::compile(run.log_line_prefix()));
        let options = ParserOptions { log_line_prefix: prefix, ..options(&run) };
        for (name, format) in
            [("csv", Format::Csvlog), ("json", Format::Jsonlog), ("stderr", Format::Stderr)]
        {
            for file in run.files(name).iter().filter(|file| !file.is_empty()) {
                assert_eq!(read(file, &options, &[1000]).0, Some(format), "{}", run.name());
            }
        }
    }
}

#[test]
fn csvlog_is_read_as_a_csv_library_reads_it() {
    let mut compared = 0;
    for run in runs() {
        let records = run.csv_records();
        let entries = entries(&run, "csv");
        assert_eq!(entries.len(), records.len(), "{}", run.name());
        let oracle = run.oracle().unwrap_or_default();
        let last = oracle.iter().filter_map(|piece| piece["csv"].as_u64()).max();
        assert!(last.is_none_or(|last| last < entries.len() as u64), "{}", run.name());
        for ((_, _, entry), record) in entries.iter().zip(&records) {
            assert_fields(entry, record, &run);
            compared += 1;
        }
    }
    assert!(compared > 6000, "only {compared} records were compared");
}

fn assert_fields(entry: &LogEntry<'_>, record: &CsvRecord, run: &Run) {
    let text = |value: &Option<Text<'_>>| value.as_deref().unwrap_or_default().to_owned();
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let time = |text: &str| Clock::in_zone("UTC").unwrap().read(text).map(|time| time.timestamp);
    let host = match entry.remote_port {
        Some(port) => format!("{}:{port}", text(&entry.remote_host)),
        None => text(&entry.remote_host),
    };
    let state_code =
        if entry.state_code.is_none() { "00000".into() } else { text(&entry.state_code) };
    let place = match (&entry.func_name, &entry.file_name) {
        (_, None) => String::new(),
        (None, Some(file)) => format!("{file}:{}", entry.file_line_num.unwrap()),
        (Some(name), Some(file)) => format!("{name}, {file}:{}", entry.file_line_num.unwrap()),
    };
    let mut ours = vec![
        ("user_name", text(&entry.user)),
        ("database_name", text(&entry.database)),
        ("process_id", number(entry.pid.map(u64::from))),
        ("connection_from", host),
        ("session_id", text(&entry.session_id)),
        ("session_line_num", number(entry.line_num)),
        ("command_tag", text(&entry.ps)),
        ("session_start_time", text(&entry.session_start)),
        ("virtual_transaction_id", text(&entry.vxid)),
        ("transaction_id", number(entry.txid)),
        ("sql_state_code", state_code),
        ("detail", text(&entry.detail)),
        ("hint", text(&entry.hint)),
        ("internal_query", text(&entry.internal_query)),
        ("internal_query_pos", number(entry.internal_position.map(u64::from))),
        ("context", text(&entry.context)),
        ("query_pos", number(entry.cursor_position.map(u64::from))),
        ("location", place),
        ("application_name", text(&entry.application_name)),
        ("backend_type", text(&entry.backend_type)),
        ("query_id", entry.query_id.map(|id| id.to_string()).unwrap_or_default()),
        ("leader_pid", number(entry.leader_pid.map(u64::from))),
        ("message", entry.message.clone().into_owned()),
    ];
    if !record.get("query").is_empty() {
        ours.push(("query", text(&entry.statement)));
    }
    for (column, value) in ours {
        let theirs = record.get(column);
        // What is longer than the limit is cut.
        let whole = theirs.len() <= 1 << 20;
        let same = if whole { value == theirs } else { theirs.starts_with(&value) };
        assert!(same, "{}: {column}\n  {value:.300}\n  {theirs:.300}", run.name());
    }
    let severity = record.get("error_severity");
    assert!(entry.level.is_some(), "{}: {severity}", run.name());
    if run.text("lang").is_none() {
        assert_eq!(entry.level.map(Level::as_str), Some(severity.as_str()));
    }
    let zone = entry.log_timezone.as_deref().unwrap();
    if zone == "UTC" {
        assert_eq!(entry.timestamp, time(&record.get("log_time")));
    }
    assert!(record.get("log_time").ends_with(zone));
    assert!(entry.timestamp.is_some() && !entry.timestamp_ambiguous && !entry.unparsed);
}

#[test]
fn jsonlog_says_the_same_as_csvlog() {
    let mut compared = 0;
    for run in runs().iter().filter(|run| !run.files("json").is_empty()) {
        let (csv, json) = (entries(run, "csv"), entries(run, "json"));
        // The server wrote an entry to one file and crashed before it came to the other.
        let cut_off = run.manifest["check"]["records_cut_off_by_a_crash"].as_u64().unwrap_or(0);
        assert!(csv.len() as u64 <= json.len() as u64 + cut_off, "{}", run.name());
        // Two processes that write at once may come in either order.
        let key = |entry: &LogEntry<'static>| (entry.session_id.clone(), entry.line_num);
        let csv: HashMap<_, _> =
            csv.into_iter().map(|(_, _, entry)| (key(&entry), entry)).collect();
        for (_, _, json) in json {
            assert_eq!(csv.get(&key(&json)), Some(&json), "{}", run.name());
            compared += 1;
        }
    }
    assert!(compared > 5000, "only {compared} entries were compared");
}

#[test]
fn chunks_of_any_size_make_no_difference() {
    for run in runs() {
        let options = options(&run);
        for format in ["csv", "json", "stderr"] {
            for file in run.files(format) {
                let whole = read(&file, &options, &[usize::MAX]);
                for sizes in [&[1_usize][..], &[7, 1000, 3], &[4096], &[1 << 16]] {
                    // One byte at a time is slow where a statement of megabytes is among them.
                    if sizes == [1] && file.len() > 300_000 {
                        continue;
                    }
                    let chunked = read(&file, &options, sizes);
                    assert_eq!(whole.0, chunked.0, "{} {format}", run.name());
                    assert_eq!(whole.1, chunked.1, "{} {format} {sizes:?}", run.name());
                }
            }
        }
    }
}

#[test]
fn file_cut_anywhere_loses_the_cut_record_only() {
    for run in runs() {
        let options = options(&run);
        for (name, format) in [("csv", Format::Csvlog), ("json", Format::Jsonlog)] {
            let options = ParserOptions { format: Some(format), ..options.clone() };
            for file in run.files(name).iter().filter(|file| file.len() < 300_000) {
                let whole = read(file, &options, &[usize::MAX]).1;
                let whole: HashMap<_, _> =
                    whole.into_iter().map(|(start, _, entry)| (start, entry)).collect();
                for cut in (1..file.len()).step_by(file.len() / 12 + 1) {
                    let head = read(&file[..cut], &options, &[usize::MAX]).1;
                    let tail = read(&file[cut..], &options, &[usize::MAX]).1;
                    assert_tiles(&head, &file[..cut]);
                    assert_tiles(&tail, &file[cut..]);
                    let is_whole = |(start, _, entry): &&Placed, offset: u64| {
                        whole.get(&(start + offset)) == Some(entry)
                    };
                    let kept = head.iter().filter(|found| is_whole(found, 0)).count()
                        + tail.iter().filter(|found| is_whole(found, cut as u64)).count();
                    assert!(kept + 1 >= whole.len(), "{} {name}: cut at {cut}", run.name());
                }
            }
        }
    }
}

/// Every byte is in one entry, but for empty lines.
fn assert_tiles(entries: &[Placed], file: &[u8]) {
    let mut from = 0;
    for (start, end, entry) in entries {
        let between = &file[from..usize::try_from(*start).unwrap()];
        assert!(between.trim_ascii().is_empty(), "before {entry:?}");
        from = usize::try_from(*end).unwrap();
    }
    assert!(file[from..].trim_ascii().is_empty());
}
