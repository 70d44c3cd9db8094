//! What stands inside a message: durations and statements.

use std::{borrow::Cow, time::Duration};

use crate::entry::{Phase, Text};

/// What a message carries besides its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contents<'a> {
    pub(crate) duration: Option<Duration>,
    pub(crate) phase: Option<Phase>,
    pub(crate) statement: Option<&'a str>,
}

/// Reads the messages of `log_statement`, `log_duration` and `log_min_duration_statement`.
pub(crate) fn contents(message: &str) -> Contents<'_> {
    let Some(rest) = message.strip_prefix("duration: ") else {
        let statement = sql(message).map(|(_, statement)| statement);
        return Contents { statement, ..Contents::default() };
    };
    let Some((duration, rest)) = split_millis(rest) else { return Contents::default() };
    let found = rest.strip_prefix("  ").and_then(sql);
    Contents {
        duration: Some(duration),
        phase: found.map(|(phase, _)| phase),
        statement: found.map(|(_, statement)| statement),
    }
}

/// Splits `statement: SQL`, `parse NAME: SQL`, `bind NAME: SQL` or `execute NAME: SQL`.
fn sql(text: &str) -> Option<(Phase, &str)> {
    if let Some(statement) = text.strip_prefix("statement: ") {
        return Some((Phase::Statement, statement));
    }
    let words = [("execute ", Phase::Execute), ("parse ", Phase::Parse), ("bind ", Phase::Bind)];
    words.into_iter().find_map(|(word, phase)| {
        let (_name, statement) = text.strip_prefix(word)?.split_once(": ")?;
        Some((phase, statement))
    })
}

/// Splits `1.234 ms` off.
fn split_millis(text: &str) -> Option<(Duration, &str)> {
    let (number, rest) = text.split_once(" ms")?;
    let (millis, micros) = number.split_once('.')?;
    let millis: u64 = millis.parse().ok()?;
    let micros: u64 = (micros.len() == 3).then(|| micros.parse().ok())??;
    let micros = millis.checked_mul(1000)?.checked_add(micros)?;
    Some((Duration::from_micros(micros), rest))
}

/// Splits the SQLSTATE off that `log_error_verbosity = verbose` puts in front of a message.
pub(crate) fn split_state_code(message: &str) -> Option<(&str, &str)> {
    let (code, rest) = message.split_at_checked(5)?;
    let is_code = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    is_code.then(|| Some((code, rest.strip_prefix(": ")?)))?
}

/// A `LOCATION:` line: function, file and line of the server's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    pub(crate) func_name: Option<&'a str>,
    pub(crate) file_name: &'a str,
    pub(crate) file_line_num: Option<u32>,
}

impl<'a> Location<'a> {
    /// Reads `int4div, int.c:846` or `int.c:846`.
    pub(crate) fn read(text: &'a str) -> Self {
        let (func_name, file) =
            text.split_once(", ").map_or((None, text), |(name, file)| (Some(name), file));
        let (file_name, line) =
            file.rsplit_once(':').map_or((file, None), |(name, line)| (name, line.parse().ok()));
        Self { func_name, file_name, file_line_num: line }
    }
}

/// Applies `cut` to a text without copying what is borrowed.
pub(crate) fn cut<'a>(text: &Text<'a>, cut: impl for<'x> Fn(&'x str) -> &'x str) -> Text<'a> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(message: &str) -> (Option<u128>, Option<Phase>, Option<&str>) {
        let contents = contents(message);
        (contents.duration.map(|d| d.as_micros()), contents.phase, contents.statement)
    }

    #[test]
    fn durations_of_every_phase_are_read() {
        assert_eq!(
            parts("duration: 1234.056 ms  statement: SELECT 1"),
            (Some(1_234_056), Some(Phase::Statement), Some("SELECT 1"))
        );
        assert_eq!(
            parts("duration: 0.001 ms  bind <unnamed>: SELECT $1"),
            (Some(1), Some(Phase::Bind), Some("SELECT $1"))
        );
        assert_eq!(
            parts("duration: 0.001 ms  execute fetch from s1/p1: SELECT a\nFROM b"),
            (Some(1), Some(Phase::Execute), Some("SELECT a\nFROM b"))
        );
        assert_eq!(
            parts("duration: 0.001 ms  parse s1: SELECT 1"),
            (Some(1), Some(Phase::Parse), Some("SELECT 1"))
        );
        assert_eq!(parts("duration: 3.100 ms"), (Some(3100), None, None));
    }

    #[test]
    fn logged_statements_have_no_duration() {
        assert_eq!(parts("statement: SELECT 1"), (None, None, Some("SELECT 1")));
        assert_eq!(parts("execute s1: SELECT 1"), (None, None, Some("SELECT 1")));
    }

    #[test]
    fn messages_that_only_look_alike_carry_nothing() {
        for message in ["duration: long", "duration: 1 ms", "statements: x", "execute", "x"] {
            assert_eq!(parts(message), (None, None, None), "{message}");
        }
    }

    #[test]
    fn location_has_a_file_and_may_have_a_function() {
        let location = Location::read("int4div, int.c:846");
        assert_eq!(location.func_name, Some("int4div"));
        assert_eq!((location.file_name, location.file_line_num), ("int.c", Some(846)));
        assert_eq!(Location::read("int.c:846").func_name, None);
    }
}
