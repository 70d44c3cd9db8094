#![cfg(test)]
//! The words that pglog knows are those of the server's own message catalogs.
//!
//! Debian's package `postgresql-15` installs them; where it is not, there is nothing to compare with.

use std::{collections::HashMap, fs, path::Path};

use pglog::{Label, Language, Level, LinePrefix, split_label};

const SEVERITIES: [(&str, Level); 8] = [
    ("DEBUG", Level::Debug),
    ("LOG", Level::Log),
    ("INFO", Level::Info),
    ("NOTICE", Level::Notice),
    ("WARNING", Level::Warning),
    ("ERROR", Level::Error),
    ("FATAL", Level::Fatal),
    ("PANIC", Level::Panic),
];

const LABELS: [(&str, Label); 7] = [
    ("DETAIL:  ", Label::Detail),
    ("HINT:  ", Label::Hint),
    ("QUERY:  ", Label::Query),
    ("CONTEXT:  ", Label::Context),
    ("LOCATION:  %s:%d\n", Label::Location),
    ("BACKTRACE:  ", Label::Backtrace),
    ("STATEMENT:  ", Label::Statement),
];

#[test]
fn labels_are_those_of_the_servers_catalogs() {
    for (language, catalog) in catalogs() {
        let translated = |text: &str| catalog.get(text).map_or(text, String::as_str).to_owned();
        for (word, level) in SEVERITIES {
            let word = translated(word);
            // Georgian has one word for two levels.
            let level = if language == Language::Georgian && level == Level::Notice {
                Level::Warning
            } else {
                level
            };
            let line = format!("{word}:  x");
            assert_eq!(split_label(&line), Some((Label::Level(level), "x")), "{line}");
            assert_eq!(Level::from_any_name(&word, Some(language)), Some(level), "{word}");
        }
        for (label, expected) in LABELS {
            let translated = translated(label);
            let line = translated.split("%s").next().unwrap().to_owned() + "x";
            assert_eq!(split_label(&line), Some((expected, "x")), "{line}");
        }
    }
}

#[test]
fn names_that_are_not_known_yet_are_absent_in_every_language() {
    for (_, catalog) in catalogs() {
        let unknown = catalog.get("[unknown]").map_or("[unknown]", String::as_str);
        let line = format!("{unknown}@{unknown} LOG:  x");
        let prefix = LinePrefix::compile("%u@%d ");
        let parsed = prefix.match_line(&line).unwrap();
        assert_eq!((parsed.fields.user, parsed.fields.database), (None, None), "{line}");
    }
}

/// The catalogs that are installed.
fn catalogs() -> Vec<(Language, HashMap<String, String>)> {
    let mut catalogs = Vec::new();
    for language in Language::ALL {
        let path = format!("/usr/share/locale/{}/LC_MESSAGES/postgres-15.mo", language.code());
        if let Ok(bytes) = fs::read(Path::new(&path)) {
            catalogs.push((language, read_catalog(&bytes)));
        }
    }
    catalogs
}

/// Reads a compiled gettext catalog: a header of 32-bit numbers, then two tables of lengths and offsets.
fn read_catalog(bytes: &[u8]) -> HashMap<String, String> {
    let number = |at: usize| {
        let bytes: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap()
    };
    let text = |table: usize, index: usize| {
        let (length, offset) = (number(table + index * 8), number(table + index * 8 + 4));
        String::from_utf8_lossy(&bytes[offset..offset + length]).into_owned()
    };
    let (count, originals, translations) = (number(8), number(12), number(16));
    (0..count).map(|index| (text(originals, index), text(translations, index))).collect()
}
