#![cfg(test)]
//! The words that pglog knows are those of the server's own message catalogs.
//!
//! Debian's package `postgresql-15` installs them; where it is not, there is nothing to compare with.

mod catalog;

use catalog::catalogs;
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
