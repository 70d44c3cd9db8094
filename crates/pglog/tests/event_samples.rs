#![cfg(test)]
//! Real entries of real servers, with what is read out of them.
//!
//! `testdata/events/samples.jsonl` has one entry a line: the text as stderr carries it, the SQLSTATE, the
//! majors that wrote it so, and what we expect. `PGCOURIER_UPDATE=1` writes the expectations anew, to be
//! reviewed like code.

use std::{collections::BTreeSet, fs, path::PathBuf};

use pglog::{Assembler, Event, LinePrefix};
use serde_json::{Map, Value};

/// What is read out of texts, of all that an entry has.
const KEYS: [&str; 7] =
    ["event", "fields", "parameters", "phase", "duration_ms", "statement", "plan"];

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/events/samples.jsonl")
}

fn samples() -> Vec<Value> {
    let text = fs::read_to_string(path()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads the only entry of a log.
fn meaning(log: &str, prefix: &str) -> Value {
    let mut assembler = Assembler::new(LinePrefix::compile(prefix));
    let mut entries: Vec<Map<String, Value>> = Vec::new();
    let mut keep = |found: &pglog::Assembled<'_>| {
        let mut json = Vec::new();
        found.entry.write_json(&mut json);
        entries.push(serde_json::from_slice(&json).unwrap());
    };
    assembler.push(log.as_bytes(), &mut keep);
    assembler.finish(&mut keep);
    assert_eq!(entries.len(), 1, "{log}");
    let kept = entries.remove(0).into_iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
    Value::Object(kept.collect())
}

#[test]
fn real_entries_mean_what_they_mean() {
    let mut samples = samples();
    if std::env::var_os("PGCOURIER_UPDATE").is_some() {
        for sample in &mut samples {
            sample["expected"] = meaning(sample["log"].as_str().unwrap(), "%m [%p] ");
        }
        let lines: String = samples.iter().map(|sample| sample.to_string() + "\n").collect();
        fs::write(path(), lines).unwrap();
    }
    assert!(samples.len() > 150, "{} samples", samples.len());
    for sample in &samples {
        let log = sample["log"].as_str().unwrap();
        assert_eq!(meaning(log, "%m [%p] "), sample["expected"], "{log}");
    }
}

#[test]
fn sqlstate_in_the_prefix_changes_nothing() {
    for sample in samples() {
        let log = sample["log"].as_str().unwrap();
        let code = sample["state_code"].as_str().unwrap();
        let with_code =
            log.replace("\n2026", "\n\u{1}2026").replace("UTC [77] ", &format!("UTC [77] {code} "));
        let with_code = with_code.replace('\u{1}', "");
        assert_eq!(meaning(&with_code, "%m [%p] %e "), sample["expected"], "{with_code}");
    }
}

#[test]
fn samples_cover_the_classes() {
    let seen: BTreeSet<_> = samples()
        .iter()
        .filter_map(|sample| Event::from_name(sample["expected"]["event"].as_str()?))
        .collect();
    let missing: Vec<_> = Event::ALL.iter().filter(|event| !seen.contains(event)).collect();
    // What no throw-away server could be made to write stands in tables of the unit tests.
    assert!(missing.len() < 35, "no sample of {missing:?}");
}

#[test]
fn documentation_names_every_event_and_field() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let text = fs::read_to_string(path).unwrap();
    for event in Event::ALL {
        let row = format!("| `{}` |", event.as_str());
        assert!(text.contains(&row), "no row of {}", event.as_str());
    }
    for sample in samples() {
        let event = sample["expected"]["event"].as_str().unwrap().to_owned();
        let row = text.lines().find(|line| line.starts_with(&format!("| `{event}` |"))).unwrap();
        for (name, _) in sample["expected"]["fields"].as_object().into_iter().flatten() {
            assert!(row.contains(&format!("`{name}`")), "{event} has {name}");
        }
    }
}
