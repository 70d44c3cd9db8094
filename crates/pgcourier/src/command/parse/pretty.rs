//! Entries for people: aligned, in colour, one line each where the terminal is wide enough to tell.

use std::{io::Write as _, time::Duration};

use pglog::{Level, LogEntry};

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: bool,
    /// Columns of the terminal; longer lines are cut. `None` cuts nothing.
    pub(super) width: Option<usize>,
}

const RESET: &str = "\u{1b}[0m";
const DIM: &str = "\u{1b}[2m";

const fn colour_of(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Panic | Level::Fatal) => "\u{1b}[1;31m",
        Some(Level::Error) => "\u{1b}[31m",
        Some(Level::Warning) => "\u{1b}[33m",
        Some(Level::Notice | Level::Info) => "\u{1b}[36m",
        Some(Level::Log) => "",
        _ => DIM,
    }
}

impl Style {
    /// Appends an entry: time, level, pid, session, duration and message, then what belongs to it.
    pub(super) fn write(self, entry: &LogEntry<'_>, out: &mut Vec<u8>) {
        let time = entry.timestamp.map(|time| time.to_string()).unwrap_or_default();
        let time = time.replace('T', " ");
        let level = entry.level.map_or(if entry.unparsed { "·" } else { "?" }, Level::as_str);
        let pid = entry.pid.map(|pid| pid.to_string()).unwrap_or_default();
        let head = format!("{time:<24} {level:<7} {pid:>7} {:<18} ", session(entry));
        let duration = entry.duration.map(in_words).unwrap_or_default();
        let colour = if self.colour { colour_of(entry.level) } else { "" };
        let shown = body(entry);
        let mut lines = shown.lines();
        let line = format!("{head}{duration:>10}  {}", printable(lines.next().unwrap_or_default()));
        self.line(&line, colour, out);
        for more in lines {
            self.line(&format!("{:>8}{}", "", printable(more)), colour, out);
        }
        let dim = if self.colour { DIM } else { "" };
        for (label, text) in parts(entry, shown) {
            for (number, more) in text.lines().enumerate() {
                let label = if number == 0 { label } else { "" };
                self.line(&format!("{label:>16}  {}", printable(more)), dim, out);
            }
        }
    }

    /// Appends a line, cut to the terminal's width.
    fn line(self, line: &str, colour: &str, out: &mut Vec<u8>) {
        let line = line.trim_end();
        let cut = self.width.and_then(|width| {
            let (end, _) = line.char_indices().nth(width)?;
            let (end, _) = line.get(..end)?.char_indices().next_back()?;
            Some((line.get(..end)?, "…"))
        });
        let (line, mark) = cut.unwrap_or((line, ""));
        let reset = if colour.is_empty() { "" } else { RESET };
        // Writing to memory does not fail.
        let _written = writeln!(out, "{colour}{line}{mark}{reset}");
    }
}

/// What the entry is about: the statement where a duration has one, else the message.
fn body<'e>(entry: &'e LogEntry<'_>) -> &'e str {
    let statement = entry.statement.as_deref().filter(|_| entry.duration.is_some());
    statement.unwrap_or(&entry.message)
}

fn parts<'e>(
    entry: &'e LogEntry<'_>,
    shown: &str,
) -> impl Iterator<Item = (&'static str, &'e str)> {
    let statement = entry.statement.as_deref();
    // It stands in the message already where the message is what logged it.
    let statement = statement.filter(|text| *text != shown && !entry.message.ends_with(text));
    [
        ("detail", entry.detail.as_deref()),
        ("hint", entry.hint.as_deref()),
        ("query", entry.internal_query.as_deref()),
        ("context", entry.context.as_deref()),
        ("statement", statement),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((label, text?)))
}

fn session(entry: &LogEntry<'_>) -> String {
    match (entry.user.as_deref(), entry.database.as_deref()) {
        (Some(user), Some(database)) => printable(&format!("{user}@{database}")),
        (Some(name), None) | (None, Some(name)) => printable(name),
        (None, None) => entry.backend_type.as_deref().map(printable).unwrap_or_default(),
    }
}

/// A terminal obeys control characters, and a log can hold any that a client sends.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// A duration as people say it.
pub(super) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        0.0..0.01 => format!("{:.2} ms", seconds * 1e3),
        0.01..1.0 => format!("{:.1} ms", seconds * 1e3),
        1.0..120.0 => format!("{seconds:.2} s"),
        120.0..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: Style, entry: &LogEntry<'_>) -> String {
        let mut out = Vec::new();
        style.write(entry, &mut out);
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Style = Style { colour: false, width: None };

    fn error() -> LogEntry<'static> {
        LogEntry {
            level: Some(Level::Error),
            message: "division by zero".into(),
            user: Some("bob".into()),
            database: Some("shop".into()),
            pid: Some(77),
            statement: Some("SELECT 1\n/ 0".into()),
            ..LogEntry::default()
        }
    }

    #[test]
    fn statement_stands_below_its_error() {
        let text = shown(PLAIN, &error());
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert!(lines[0].ends_with("division by zero"), "{text}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("bob@shop"), "{text}");
        assert_eq!(&lines[1..], ["statement  SELECT 1", "/ 0"]);
    }

    #[test]
    fn line_fits_the_terminal_and_says_that_it_was_cut() {
        let text = shown(Style { colour: false, width: Some(60) }, &error());
        let first = text.lines().next().unwrap();
        assert_eq!(first.chars().count(), 60);
        assert!(first.ends_with('…'));
    }

    #[test]
    fn terminal_is_never_given_a_control_character_of_the_log() {
        let entry = LogEntry { message: "a\u{1b}[2Jb\u{7}\rc".into(), ..LogEntry::default() };
        assert!(shown(PLAIN, &entry).trim_end().ends_with("a[2Jbc"));
    }

    #[test]
    fn durations_are_told_in_the_unit_that_fits() {
        let words = |micros| in_words(Duration::from_micros(micros));
        assert_eq!(words(800), "0.80 ms");
        assert_eq!(words(71_000), "71.0 ms");
        assert_eq!(words(2_500_000), "2.50 s");
        assert_eq!(words(600_000_000), "10.0 min");
        assert_eq!(words(36_000_000_000), "10.0 h");
    }
}
