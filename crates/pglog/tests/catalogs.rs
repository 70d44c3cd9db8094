#![cfg(test)]
//! The words that pglog knows are those of the server's own message catalogs.
//!
//! `testdata/events/catalog_words.tsv` has what those of PostgreSQL 15 to 18 say, in every language that
//! they ship: language, majors, message in English, translation.

use std::{fs, path::Path};

use pglog::{
    Assembled, Assembler, Label, Language, Level, LinePrefix, Phase, parameters_of,
    prepared_statement_of, split_label, statement_message,
};

/// What one catalog has for one message.
struct Word {
    language: Language,
    english: String,
    translation: String,
}

impl Word {
    /// Reads a line of the list.
    fn read(line: &str) -> Self {
        let columns: Vec<_> = line.split('\t').collect();
        let [code, _, english, translation] = columns[..] else { panic!("{line}") };
        let language = Language::ALL.into_iter().find(|language| language.code() == code);
        Self {
            language: language.unwrap_or_else(|| panic!("no such language: {code}")),
            english: english.replace("\\n", "\n"),
            translation: translation.replace("\\n", "\n"),
        }
    }
}

fn words() -> Vec<Word> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/events/catalog_words.tsv");
    let words: Vec<_> = fs::read_to_string(path).unwrap().lines().map(Word::read).collect();
    let has = |language: &Language| words.iter().any(|word| word.language == *language);
    let missing: Vec<_> = Language::ALL.into_iter().filter(|language| !has(language)).collect();
    assert_eq!(missing, [Language::English, Language::TraditionalChinese], "have no catalog");
    words
}

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
    for Word { language, english, translation } in words() {
        if let Some((_, level)) = SEVERITIES.iter().find(|(word, _)| *word == english) {
            // Georgian has one word for two levels.
            let is_shared = language == Language::Georgian && *level == Level::Notice;
            let level = if is_shared { Level::Warning } else { *level };
            let line = format!("{translation}:  x");
            assert_eq!(split_label(&line), Some((Label::Level(level), "x")), "{line}");
            assert_eq!(Level::from_any_name(&translation, Some(language)), Some(level), "{line}");
        }
        if let Some((_, label)) = LABELS.iter().find(|(text, _)| *text == english) {
            let line = translation.split("%s").next().unwrap().to_owned() + "x";
            assert_eq!(split_label(&line), Some((*label, "x")), "{line}");
        }
    }
}

#[test]
fn names_that_are_not_known_yet_are_absent_in_every_language() {
    for Word { english, translation, .. } in words() {
        if english == "[unknown]" {
            let line = format!("{translation}@{translation} LOG:  x");
            let prefix = LinePrefix::compile("%u@%d ");
            let parsed = prefix.match_line(&line).unwrap();
            assert_eq!((parsed.fields.user, parsed.fields.database), (None, None), "{line}");
        }
    }
}

#[test]
fn messages_about_statements_are_read_in_every_language() {
    let words = words();
    let mut kinds = [0; 6];
    for Word { language, english, translation } in &words {
        let of_language = |text: &str| {
            let found =
                words.iter().find(|word| word.language == *language && word.english == text);
            found.map_or(text, |word| &*word.translation).to_owned()
        };
        let filled = |values: &[&str]| fill(translation, values);
        let (kind, message, expected) = match &**english {
            "duration: %s ms" => (0, filled(&["1.5"]), (Some("1.5"), None, None, None)),
            "duration: %s ms  statement: %s" => {
                let expected = (Some("1.5"), Some(Phase::Statement), None, Some("SELECT 1"));
                (1, filled(&["1.5", "SELECT 1"]), expected)
            }
            "duration: %s ms  parse %s: %s" => {
                let expected = (Some("1.5"), Some(Phase::Parse), Some("s"), Some("SELECT 1"));
                (2, filled(&["1.5", "s", "SELECT 1"]), expected)
            }
            "duration: %s ms  bind %s%s%s: %s" => {
                let expected = (Some("1.5"), Some(Phase::Bind), Some("s/p"), Some("SELECT 1"));
                (3, filled(&["1.5", "s", "/", "p", "SELECT 1"]), expected)
            }
            "duration: %s ms  %s %s%s%s: %s" => {
                let fetch = of_language("execute fetch from");
                let expected = (Some("1.5"), Some(Phase::Execute), Some("s/p"), Some("SELECT 1"));
                (4, filled(&["1.5", &fetch, "s", "/", "p", "SELECT 1"]), expected)
            }
            "%s %s%s%s: %s" => {
                let execute = of_language("execute");
                let expected = (None, Some(Phase::Execute), Some("s"), Some("SELECT 1"));
                (5, filled(&[&execute, "s", "", "", "SELECT 1"]), expected)
            }
            _ => continue,
        };
        kinds[kind] += 1;
        let read = statement_message(&message).unwrap_or_else(|| panic!("{message}"));
        assert_eq!((read.duration, read.phase, read.name, read.statement), expected, "{message}");
    }
    assert!(kinds.iter().all(|count| *count >= 14), "{kinds:?}");
}

#[test]
fn details_of_statements_are_read_in_every_language() {
    for Word { english, translation, .. } in words() {
        let values = "$1 = 'a: b', $2 = NULL";
        let read = match &*english {
            "parameters: %s" | "Parameters: %s" => parameters_of,
            "prepare: %s" => prepared_statement_of,
            _ => continue,
        };
        let detail = fill(&translation, &[values]);
        assert_eq!(read(&detail), Some(values), "{detail}");
    }
}

#[test]
fn positions_are_taken_off_messages_in_every_language() {
    for Word { language, english, translation } in words() {
        if english == " at character %d" {
            let error = words()
                .into_iter()
                .find(|word| word.language == language && word.english == "ERROR");
            let level = error.map_or("ERROR".to_owned(), |word| word.translation);
            let line = format!("{level}:  x{}\n", translation.replace("%d", "15"));
            let mut assembler = Assembler::new(LinePrefix::compile(""));
            let mut positions = Vec::new();
            let mut keep = |entry: &Assembled<'_>| positions.push(entry.entry.cursor_position);
            assembler.push(line.as_bytes(), &mut keep);
            assembler.finish(&mut keep);
            assert_eq!(positions, [Some(15)], "{line}");
        }
    }
}

/// Puts values into the gaps of a format.
fn fill(format: &str, values: &[&str]) -> String {
    let mut text = String::new();
    let mut values = values.iter();
    let mut pieces = format.split("%s");
    text += pieces.next().unwrap();
    for piece in pieces {
        text += values.next().unwrap();
        text += piece;
    }
    text
}
