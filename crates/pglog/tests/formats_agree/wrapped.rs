//! Logs of every format in every wrapping say what they say without it.

use std::fmt::Write as _;

use pglog::{Assembled, Format, LogEntry, Parser, ParserOptions, Wrapping};

use crate::runs;

/// The longest line that Docker and Kubernetes keep in one piece.
const MAX_LINE_BYTES: usize = 16 << 10;

/// Wraps a log; also returns where each line of it begins, within the wrapping and with it.
fn wrap(wrapping: Wrapping, log: &str) -> (String, Vec<(u64, u64)>) {
    if let Some(inner) = inner_of(wrapping) {
        return document(wrapping, &wrap(inner, log));
    }
    let (mut wrapped, mut places, mut inner) = (String::new(), vec![], 0);
    for line in log.split_inclusive('\n') {
        places.push((inner, wrapped.len() as u64));
        inner += line.len() as u64;
        let is_cut = matches!(wrapping, Wrapping::Docker | Wrapping::Cri);
        let mut rest = line;
        while !rest.is_empty() {
            let length = if is_cut { rest.floor_char_boundary(MAX_LINE_BYTES) } else { rest.len() };
            let (piece, behind) = rest.split_at(length);
            let text = serde_json::to_string(piece).unwrap();
            let plain = piece.trim_end_matches('\n');
            let tag = if piece.ends_with('\n') { 'F' } else { 'P' };
            let time = "2026-11-24T02:20:47.123456789Z";
            match wrapping {
                Wrapping::Docker => {
                    writeln!(wrapped, r#"{{"log":{text},"stream":"stderr","time":"{time}"}}"#)
                }
                Wrapping::Cri => writeln!(wrapped, "{time} stderr {tag} {plain}"),
                Wrapping::CloudLogging => {
                    writeln!(
                        wrapped,
                        r#"{{"insertId":"a","textPayload":{text},"timestamp":"{time}"}}"#
                    )
                }
                Wrapping::Azure => {
                    writeln!(
                        wrapped,
                        r#"{{"category":"PostgreSQLLogs","properties":{{"message":{text}}}}}"#
                    )
                }
                Wrapping::Timestamps => writeln!(wrapped, "{time} {plain}"),
                Wrapping::Compose => writeln!(wrapped, "db-1  | {plain}"),
                Wrapping::Kubectl => writeln!(wrapped, "[pod/pg-0/postgres] {plain}"),
                Wrapping::CloudNativePg => {
                    writeln!(wrapped, r#"{{"logger":"postgres","msg":{text},"pipe":"stderr"}}"#)
                }
                Wrapping::Journal => {
                    let text = serde_json::to_string(plain).unwrap();
                    writeln!(wrapped, r#"{{"_PID":"7","MESSAGE":{text}}}"#)
                }
                Wrapping::Json => {
                    writeln!(wrapped, r#"{{"@timestamp":"{time}","message":{text},"a":[{{}}]}}"#)
                }
                Wrapping::Stern => writeln!(wrapped, "pg-0 postgres {plain}"),
                Wrapping::Crlf | Wrapping::JsonArray | Wrapping::JsonObjects => {
                    writeln!(wrapped, "{plain}\r")
                }
            }
            .unwrap();
            rest = behind;
        }
    }
    places.push((inner, wrapped.len() as u64));
    (wrapped, places)
}

/// What is wrapped by a document.
fn inner_of(wrapping: Wrapping) -> Option<Wrapping> {
    match wrapping {
        Wrapping::JsonArray => Some(Wrapping::CloudLogging),
        Wrapping::JsonObjects => Some(Wrapping::Json),
        _ => None,
    }
}

/// Makes a document of lines that are objects, as it would be printed for people.
fn document(
    wrapping: Wrapping,
    (lines, places): &(String, Vec<(u64, u64)>),
) -> (String, Vec<(u64, u64)>) {
    let is_array = wrapping == Wrapping::JsonArray;
    let (mut text, mut starts) = (String::new(), Vec::new());
    let mut start = 0;
    for line in lines.lines() {
        // What stands before an object goes with it.
        starts.push((start, text.len() as u64));
        start += line.len() as u64 + 1;
        text += match (is_array, text.is_empty()) {
            (true, true) => "{\n  \"entries\": [\n",
            (true, false) => ",\n",
            (false, true) => "",
            (false, false) => "\n",
        };
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        text += &serde_json::to_string_pretty(&value).unwrap();
    }
    starts.push((start, text.len() as u64));
    text += if is_array { "]}\n" } else { "\n" };
    let outer = |line: u64| starts.iter().find(|(place, _)| *place == line).unwrap().1;
    let places = places.iter().map(|(inner, line)| (*inner, outer(*line))).collect();
    (text, places)
}

type Placed = (u64, u64, LogEntry<'static>);

fn read(log: &[u8], options: &ParserOptions, chunk: usize) -> (Parser, Vec<Placed>) {
    let mut parser = Parser::new(options.clone(), 0);
    let mut entries = Vec::new();
    let mut keep = |found: &Assembled<'_>| {
        entries.push((found.start, found.end, found.entry.clone().into_owned()));
    };
    for chunk in log.chunks(chunk) {
        parser.push(chunk, &mut keep);
    }
    parser.finish(&mut keep);
    assert_eq!((parser.position(), parser.safe_position()), (log.len() as u64, log.len() as u64));
    (parser, entries)
}

#[test]
fn wrapped_log_says_what_it_says_without() {
    let mut compared = 0;
    let wanted = ["pg15/default", "pg15/verbose", "pg15/rds", "pg18/local", "pg15/nocollector"];
    for run in runs().iter().filter(|run| wanted.contains(&run.name().as_str())) {
        for format in ["stderr", "csv", "json"] {
            for file in run.files(format).iter().filter(|file| file.len() < 200_000) {
                // JSON has no bytes that are no text.
                let Ok(log) = std::str::from_utf8(file) else { continue };
                for wrapping in Wrapping::ALL {
                    compared += compare(wrapping, log, run.log_line_prefix());
                }
            }
        }
    }
    assert!(compared > 10_000, "only {compared} entries were compared");
}

/// Returns how many entries were the same.
fn compare(wrapping: Wrapping, log: &str, prefix: &str) -> usize {
    let options = ParserOptions {
        log_line_prefix: Some(pglog::LinePrefix::compile(prefix)),
        ..ParserOptions::default()
    };
    let (plain_parser, plain) = read(log.as_bytes(), &options, usize::MAX);
    // Nothing else tells two names from a prefix.
    let has_prefix = plain_parser.format() == Some(Format::Stderr);
    if wrapping == Wrapping::Stern && has_prefix && !log.contains("\n\t") {
        return 0;
    }
    let (wrapped, places) = wrap(wrapping, log);
    let (parser, entries) = read(wrapped.as_bytes(), &options, 1000);
    if log.is_empty() {
        return 0;
    }
    let wrappings: Vec<Wrapping> = [wrapping].into_iter().chain(inner_of(wrapping)).collect();
    assert_eq!((parser.wrappings(), parser.format()), (wrappings, plain_parser.format()));
    assert_eq!(entries.len(), plain.len());
    let outer =
        |inner: u64| places.iter().find(|(place, _)| *place == inner).map(|(_, outer)| *outer);
    for ((start, end, entry), (inner_start, inner_end, expected)) in entries.iter().zip(&plain) {
        let mut entry = entry.clone();
        if expected.timestamp.is_none() {
            entry.timestamp = None;
        }
        assert_eq!(&entry, expected);
        // An entry may begin within a line, behind another program's text.
        if let (Some(outer_start), Some(outer_end)) = (outer(*inner_start), outer(*inner_end)) {
            assert_eq!((*start, *end), (outer_start, outer_end));
        }
    }
    entries.len()
}
