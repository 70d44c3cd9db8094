#![cfg(test)]
//! Each message that the servers can write has the same event with its SQLSTATE as without it, in every
//! language.
//!
//! `testdata/events/messages.tsv.gz` lists level, SQLSTATE and format of every message that the programs of
//! the majors 13 to 18 hold.

mod catalog;

use std::{collections::HashMap, io::Read as _, path::Path};

use catalog::catalogs;
use pglog::{Event, Level, LogEntry};

/// A message that some server can write.
#[derive(Debug, Clone)]
struct Message {
    level: Level,
    state_code: String,
    format: String,
    text: String,
}

fn messages() -> Vec<Message> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/events/messages.tsv.gz");
    let mut list = String::new();
    let packed = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut list).unwrap();
    list.lines()
        .map(|line| {
            let mut columns = line.split('\t');
            let mut next = || columns.next().unwrap();
            let (level, state_code) = (next(), next().to_owned());
            let format = unescaped(next());
            let text = filled(&format);
            Message { level: Level::from_name(level).unwrap(), state_code, format, text }
        })
        .collect()
}

fn unescaped(format: &str) -> String {
    format.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
}

/// Fills the gaps of a format.
fn filled(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        text += before;
        let kind = behind.find(|c: char| "diouxXeEfgGcspm%".contains(c)).unwrap();
        text += match &behind[kind..=kind] {
            "%" => "%",
            "c" => "x",
            "m" => "No such file or directory",
            "f" | "g" | "e" => "1.500",
            _ => "7",
        };
        rest = &behind[kind + 1..];
    }
    text + rest
}

fn event(message: &Message, state_code: Option<&str>) -> Option<&'static str> {
    let entry = LogEntry {
        level: Some(message.level),
        message: message.text.as_str().into(),
        state_code: state_code.filter(|code| *code != "00000").map(Into::into),
        ..LogEntry::default()
    };
    Event::classify(&entry).map(|(event, _)| event.as_str())
}

/// The classes of each text. Some texts come at several levels, or with SQLSTATEs of different classes,
/// so that no reader can tell which is meant.
fn classes_of_texts(messages: &[Message]) -> HashMap<&str, Vec<Option<&'static str>>> {
    let mut classes: HashMap<&str, Vec<_>> = HashMap::new();
    for message in messages {
        let class = event(message, Some(&message.state_code));
        classes.entry(&message.text).or_default().push(class);
    }
    classes
}

#[test]
fn event_does_not_depend_on_whether_the_sqlstate_is_logged() {
    let messages = messages();
    assert!(messages.len() > 6000);
    let classes = classes_of_texts(&messages);
    let mut differ = Vec::new();
    let mut with_event = 0;
    for message in &messages {
        let (with, without) = (event(message, Some(&message.state_code)), event(message, None));
        with_event += usize::from(with.is_some());
        if !classes[message.text.as_str()].contains(&without) {
            differ.push(format!(
                "{} {} {:.100}: {with:?}, {without:?}",
                message.level, message.state_code, message.text
            ));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    assert!(with_event > 1500, "only {with_event} have a class");
    let ambiguous = classes.values().filter(|all| all.iter().any(|class| class != &all[0]));
    let ambiguous = ambiguous.count();
    assert!(ambiguous < 90, "{ambiguous} of {} texts have several classes", classes.len());
}

/// Catalogs change from one minor release to the next: as many of a hundred messages may be unknown.
const UNKNOWN_PERCENT: usize = 2;

#[test]
fn event_does_not_depend_on_the_language() {
    let messages = messages();
    for (language, catalog) in catalogs() {
        let translated: Vec<_> = messages
            .iter()
            .filter_map(|message| {
                let text = filled(catalog.get(&message.format)?);
                let class = event(message, Some(&message.state_code));
                Some((Message { text, ..message.clone() }, class))
            })
            .collect();
        let mut classes: HashMap<&str, Vec<_>> = HashMap::new();
        for (message, class) in &translated {
            classes.entry(&message.text).or_default().push(*class);
        }
        for has_code in [true, false] {
            let differ: Vec<_> = translated
                .iter()
                .filter_map(|(message, _)| {
                    let code = has_code.then_some(&*message.state_code);
                    let (found, expected) = (event(message, code), &classes[&*message.text]);
                    // One text may stand for messages of several classes.
                    let is_ambiguous = expected.iter().any(|class| class != &expected[0]);
                    let is_right = expected.contains(&found) || (is_ambiguous && found.is_none());
                    (!is_right).then(|| format!("{}: {found:?}, not {expected:?}", message.text))
                })
                .collect();
            let classed = classes.values().filter(|all| all.iter().all(Option::is_some)).count();
            assert!(classed > 1000, "{language:?} has {classed}");
            assert!(
                differ.len() * 100 <= classed * UNKNOWN_PERCENT,
                "{language:?}, SQLSTATE {has_code}: {} of {classed} differ:\n{}",
                differ.len(),
                differ.join("\n")
            );
        }
    }
}
