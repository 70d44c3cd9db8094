//! Logs of every format in every wrapping say what they say without it.

use pglog::{Assembled, Format, LogEntry, Parser, ParserOptions, Wrapping};

use crate::runs;

/// The longest line that Docker and Kubernetes keep in one piece.
const MAX_LINE_BYTES: usize = 16 << 10;

/// Wraps a log; also returns where each line of it begins, within the wrapping and with it.
fn wrap(wrapping: Wrapping, log: &str) -> (String, Vec<(u64, u64)>) {
    match (wrapping, inner_of(wrapping)) {
        (Wrapping::Marked, Some(inner)) => return marked("\x1e", &wrap(inner, log)),
        (Wrapping::Fluentd, Some(inner)) => return marked(TAG, &wrap(inner, log)),
        (_, Some(inner)) => return document(wrapping, &wrap(inner, log)),
        (Wrapping::CsvTable | Wrapping::JournalExport, None) => return table(wrapping, log),
        (Wrapping::Loki, None) => return values(log),
        (Wrapping::Portion, None) => return portion(log),
        (_, None) => {}
    }
    let (mut wrapped, mut places, mut inner) = (String::new(), vec![], 0);
    for (line, number) in log.split_inclusive('\n').zip(1..) {
        if wrapping == Wrapping::JournalVerbose {
            wrapped += "Tue 2026-11-24 02:22:07.000000 UTC [s=9e44;i=1]\n    _PID=7\n";
        }
        places.push((inner, wrapped.len() as u64));
        inner += line.len() as u64;
        let is_cut = matches!(wrapping, Wrapping::Docker | Wrapping::Cri);
        let mut rest = line;
        while !rest.is_empty() {
            let length = if is_cut { rest.floor_char_boundary(MAX_LINE_BYTES) } else { rest.len() };
            let (piece, behind) = rest.split_at(length);
            wrapped += &in_object(wrapping, piece)
                .unwrap_or_else(|| format!("{}\n", behind_lead(wrapping, number, piece)));
            rest = behind;
        }
    }
    places.push((inner, wrapped.len() as u64));
    (wrapped, places)
}

const TIME: &str = "2026-11-24T02:20:47.123456789Z";

/// The object that has a line. `None` where the wrapping has none.
fn in_object(wrapping: Wrapping, piece: &str) -> Option<String> {
    let text = serde_json::to_string(piece).unwrap();
    let plain = serde_json::to_string(piece.trim_end_matches('\n')).unwrap();
    let members = match wrapping {
        Wrapping::Docker => format!(r#""log":{text},"stream":"stderr","time":"{TIME}""#),
        Wrapping::CloudLogging => {
            format!(r#""insertId":"a","textPayload":{text},"timestamp":"{TIME}""#)
        }
        Wrapping::Azure => {
            format!(r#""category":"PostgreSQLLogs","properties":{{"message":{text}}}"#)
        }
        Wrapping::CloudNativePg => {
            format!(r#""logger":"postgres","msg":{text},"pipe":"stderr""#)
        }
        Wrapping::Journal => format!(r#""_PID":"7","MESSAGE":{plain}"#),
        Wrapping::Json => format!(r#""@timestamp":"{TIME}","message":{text},"a":[{{}}]"#),
        _ => return None,
    };
    Some(format!("{{{members}}}\n"))
}

/// A line behind what the wrapping puts in front of it.
fn behind_lead(wrapping: Wrapping, number: u32, piece: &str) -> String {
    let plain = piece.trim_end_matches('\n');
    let tag = if piece.ends_with('\n') { 'F' } else { 'P' };
    match wrapping {
        Wrapping::Cri => format!("{TIME} stderr {tag} {plain}"),
        Wrapping::Timestamps => format!("{TIME} {plain}"),
        Wrapping::LocalTimes => format!("2026-11-24 02:20:47 {plain}"),
        Wrapping::Compose => format!("db-1  | {plain}"),
        Wrapping::Kubectl => format!("[pod/pg-0/postgres] {plain}"),
        Wrapping::Stern => format!("pg-0 postgres {plain}"),
        Wrapping::Fly => format!("{TIME} app[4d89d19dc012d8] lax [info]{plain}"),
        Wrapping::Labels => format!("{{app=\"pg\", pod=\"pg-0\"}} {plain}"),
        Wrapping::JournalVerbose => format!("    MESSAGE={plain}"),
        Wrapping::Grep => format!("log/postgresql.log:{plain}"),
        Wrapping::Numbered => format!("{number}:{plain}"),
        Wrapping::Container => format!("pg {plain}"),
        Wrapping::Crlf => format!("{plain}\r"),
        Wrapping::Details => format!(" {plain}"),
        Wrapping::Logfmt => format!("ts={TIME} level=info msg={} stream=stderr", quoted(plain)),
        Wrapping::FluentBit => {
            format!("[0] pg: [[1795486927.123456789, {{}}], {{\"log\"=>\"{plain}\"}}]")
        }
        Wrapping::Columns => format!("EVENTS\t1795486927000\t{plain}\t1795486927000"),
        Wrapping::Texts => quoted(plain),
        Wrapping::Expanded => match plain.strip_prefix('\t') {
            Some(rest) => format!("        {rest}"),
            None => plain.to_owned(),
        },
        other => panic!("{other:?} puts nothing in front of lines"),
    }
}

/// What is wrapped by a document.
fn inner_of(wrapping: Wrapping) -> Option<Wrapping> {
    match wrapping {
        Wrapping::JsonArray => Some(Wrapping::CloudLogging),
        Wrapping::JsonObjects | Wrapping::Otlp | Wrapping::Hits => Some(Wrapping::Json),
        Wrapping::Fluentd => Some(Wrapping::Docker),
        Wrapping::Marked => Some(Wrapping::Journal),
        _ => None,
    }
}

/// What Fluentd puts in front of an object.
const TAG: &str = "2026-11-24 02:20:47.123456789 +0000 pg.log: ";

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Puts the same text in front of each line.
fn marked(mark: &str, (lines, places): &(String, Vec<(u64, u64)>)) -> (String, Vec<(u64, u64)>) {
    let text = lines.lines().map(|line| format!("{mark}{line}\n")).collect();
    let starts: Vec<u64> =
        [0].into_iter().chain(lines.match_indices('\n').map(|(at, _)| at as u64 + 1)).collect();
    let line_of = |outer: &u64| starts.binary_search(outer).unwrap() as u64;
    let shifted =
        places.iter().map(|(inner, outer)| (*inner, outer + line_of(outer) * mark.len() as u64));
    (text, shifted.collect())
}

/// Makes a time and a line of each line, as Loki answers.
fn values(log: &str) -> (String, Vec<(u64, u64)>) {
    let (mut text, mut places, mut inner) = (String::new(), vec![], 0);
    for line in log.split_inclusive('\n') {
        places.push((inner, text.len() as u64));
        inner += line.len() as u64;
        text += if text.is_empty() { "{\"data\":{\"result\":[{\"values\":[\n" } else { ",\n" };
        text += &format!("[\"1795486927000000000\",{}]", quoted(line.trim_end_matches('\n')));
    }
    places.push((inner, text.len() as u64));
    (text + "]}]}}\n", places)
}

/// Makes one text of all lines, as Amazon RDS gives them.
fn portion(log: &str) -> (String, Vec<(u64, u64)>) {
    let (mut text, mut places, mut inner) = (String::new(), vec![], 0);
    for line in log.split_inclusive('\n') {
        places.push((inner, text.len() as u64));
        inner += line.len() as u64;
        if text.is_empty() {
            text += "{\n    \"LogFileData\": \"";
        }
        let escaped = quoted(line);
        text += &escaped[1..escaped.len() - 1];
    }
    places.push((inner, text.len() as u64));
    (text + "\",\n    \"Marker\": \"1:2\"\n}\n", places)
}

/// Makes a record of each line, behind what its format begins with.
fn table(wrapping: Wrapping, log: &str) -> (String, Vec<(u64, u64)>) {
    let is_csv = wrapping == Wrapping::CsvTable;
    let (mut text, mut places, mut inner) = (String::new(), vec![], 0);
    for line in log.split_inclusive('\n') {
        places.push((inner, text.len() as u64));
        inner += line.len() as u64;
        let plain = line.trim_end_matches('\n');
        if text.is_empty() && is_csv {
            text += "timestamp,message\n";
        }
        if is_csv {
            text += &format!("1795486927000,\"{}\"\n", plain.replace('"', "\"\""));
            continue;
        }
        text += "__CURSOR=s=9e44;i=1\n__REALTIME_TIMESTAMP=1795486927000000\n_PID=7\n";
        // What is no text stands behind its length.
        match plain.contains(['\r', '\0']) {
            true if plain.len() < 128 => {
                let length = char::from(u8::try_from(plain.len()).unwrap());
                text += &format!("MESSAGE\n{length}\0\0\0\0\0\0\0{plain}\n\n");
            }
            _ => text += &format!("MESSAGE={plain}\n\n"),
        }
    }
    places.push((inner, text.len() as u64));
    (text, places)
}

/// Makes a document of lines that are objects, as it would be printed for people.
fn document(
    wrapping: Wrapping,
    (lines, places): &(String, Vec<(u64, u64)>),
) -> (String, Vec<(u64, u64)>) {
    let (first, between, last) = match wrapping {
        Wrapping::JsonArray => ("{\n  \"entries\": [\n", ",\n", "]}\n"),
        Wrapping::Otlp => {
            ("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[\n", ",\n", "]}]}]}\n")
        }
        Wrapping::Hits => ("{\"took\":1,\"hits\":{\"total\":{},\"hits\":[\n", ",\n", "]}}\n"),
        _ => ("", "\n", "\n"),
    };
    let (mut text, mut starts) = (String::new(), Vec::new());
    let mut start = 0;
    for line in lines.lines() {
        // What stands before an object goes with it.
        starts.push((start, text.len() as u64));
        start += line.len() as u64 + 1;
        text += if text.is_empty() { first } else { between };
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        text += &serde_json::to_string_pretty(&value).unwrap();
    }
    starts.push((start, text.len() as u64));
    text += last;
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
    // Where the prefix is known, one line tells how the log is to be read; of blanks it says nothing.
    let is_known = !matches!(wrapping, Wrapping::Expanded | Wrapping::Details);
    let options = ParserOptions {
        log_line_prefix: is_known.then(|| pglog::LinePrefix::compile(prefix)),
        ..ParserOptions::default()
    };
    let (plain_parser, plain) = read(log.as_bytes(), &options, usize::MAX);
    // Nothing else tells names and numbers from a prefix.
    let has_prefix = plain_parser.format() == Some(Format::Stderr);
    let is_unsure = matches!(
        wrapping,
        Wrapping::Stern | Wrapping::Numbered | Wrapping::Container | Wrapping::Details
    );
    if is_unsure && has_prefix && !log.contains("\n\t") {
        return 0;
    }
    // Labels have blanks behind them, as many as it takes.
    if wrapping == Wrapping::Labels && log.contains("\n ") {
        return 0;
    }
    // Only the server's own lines have a TAB, for which blanks may stand.
    let has_tabs = has_prefix && log.contains("\n\t") && !log.contains("\n        ");
    if wrapping == Wrapping::Expanded && !has_tabs {
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
            assert_eq!(*start, outer_start);
            // Other fields may stand in front of the next line.
            assert!(*end == outer_end || wrapping == Wrapping::JournalVerbose, "{wrapping:?}");
        }
    }
    entries.len()
}
