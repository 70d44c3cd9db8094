//! Several writers in one log: each entry says what it says in a log of its own.

use std::collections::HashMap;

use pglog::{Assembled, LinePrefix, Parser, ParserOptions, Wrapping};

use crate::runs;

/// Entries as text, and the places of each.
type Found = (Vec<String>, Vec<(u64, u64)>);

fn read(log: &[u8], chunk: usize) -> (Vec<Wrapping>, Found) {
    let options = ParserOptions {
        log_line_prefix: Some(LinePrefix::compile("%m [%p] ")),
        ..ParserOptions::default()
    };
    let mut parser = Parser::new(options, 0);
    let (mut entries, mut places, mut safe) = (Vec::new(), Vec::new(), 0);
    let mut keep = |found: &Assembled<'_>| {
        assert!(found.safe_position >= safe, "a safe position is taken back");
        safe = found.safe_position;
        entries.push(format!("{:?}", found.entry));
        places.push((found.start, found.end));
    };
    for chunk in log.chunks(chunk) {
        parser.push(chunk, &mut keep);
    }
    parser.finish(&mut keep);
    assert_eq!((parser.position(), parser.safe_position()), (log.len() as u64, log.len() as u64));
    (parser.wrappings(), (entries, places))
}

fn counted(entries: impl IntoIterator<Item = String>) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    for entry in entries {
        *counts.entry(entry).or_default() += 1;
    }
    counts
}

/// Lines of several logs by turns, as the low bits of a random number have it.
fn interleaved(logs: &[(&str, &str)]) -> String {
    let mut lines: Vec<_> = logs.iter().map(|(lead, log)| (lead, log.lines())).collect();
    let (mut text, mut state) = (String::new(), 7_u32);
    let mut ended = 0;
    while ended < lines.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let turn = (state >> 16) as usize % lines.len();
        let (lead, lines) = &mut lines[turn];
        match lines.next() {
            Some(line) => text += &format!("{lead}{line}\n"),
            None => ended += 1,
        }
    }
    // What is left of those that had no turn any more.
    for (lead, lines) in lines {
        text.extend(lines.map(|line| format!("{lead}{line}\n")));
    }
    text
}

#[test]
fn writers_are_told_apart() {
    let runs = runs();
    let log_of = |name: &str, max: usize| {
        let run = runs.iter().find(|run| run.name() == name).unwrap();
        let log = String::from_utf8_lossy(&run.files("stderr")[0]).into_owned();
        let lines = log.lines().filter(|line| line.len() < 10_000).take(max);
        lines.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let (first, second) = (log_of("pg15/default", 1500), log_of("pg15/nocollector", 1500));
    let web = "GET /index.html 200 12ms\n[INFO] worker: started job 17\n".repeat(100);
    let alone =
        counted([&first, &second].into_iter().flat_map(|log| read(log.as_bytes(), 999).1.0));
    for (wrapping, leads) in [
        (Wrapping::Compose, ["db-1       | ", "replica-1  | ", "web-1      | "]),
        (Wrapping::Kubectl, ["[pod/pg-0/postgres] ", "[pod/pg-1/postgres] ", "[pod/web/web] "]),
        (Wrapping::Stern, ["pg-0 postgres ", "pg-1 postgres ", "web-7 web "]),
        (Wrapping::Grep, ["a/postgresql.log:", "b/postgresql.log:", "web.log:"]),
        (Wrapping::Container, ["pg ", "pg-replica ", "3f1c2a9b77de "]),
    ] {
        let logs = [(leads[0], &*first), (leads[1], &*second), (leads[2], &*web)];
        let log = interleaved(&logs);
        let (wrappings, (entries, places)) = read(log.as_bytes(), usize::MAX);
        assert_eq!(wrappings, [wrapping]);
        assert!(places.is_sorted_by_key(|(start, _)| *start), "{wrapping:?}");
        let mut found = counted(entries.clone());
        found.retain(|entry, _| alone.contains_key(entry));
        let lost = alone.iter().find(|(entry, count)| found.get(*entry) != Some(count));
        assert_eq!(lost, None, "{wrapping:?}");
        assert_eq!(entries, read(log.as_bytes(), 1000).1.0, "{wrapping:?} in chunks");
    }
}
