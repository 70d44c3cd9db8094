//! What a log says as a whole: how many entries of which level and event, the most frequent errors, the
//! slowest statements.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    time::Duration,
};

use listener::validate::{message_pattern, statement_pattern};
use pglog::{Event, Level, LogEntry, Timestamp};
use serde::Serialize;

use crate::command::parse::pretty::in_words;

/// How many different patterns are told apart. What comes later counts as other.
const MAX_PATTERNS: usize = 20_000;
/// How many of each list are shown.
const SHOWN: usize = 10;
/// How many events are shown as text.
const SHOWN_EVENTS: usize = 20;

/// Counts entries.
#[derive(Debug, Default)]
pub(super) struct Summary {
    entries: u64,
    unparsed: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    levels: BTreeMap<Level, u64>,
    events: BTreeMap<Event, u64>,
    errors: HashMap<String, ErrorGroup>,
    statements: HashMap<String, StatementGroup>,
    other_errors: u64,
    other_statements: u64,
}

#[derive(Debug, Clone, Default)]
struct ErrorGroup {
    count: u64,
    level: Option<Level>,
    state_code: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct StatementGroup {
    calls: u64,
    total: Duration,
    max: Duration,
}

/// A summary as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    entries: u64,
    unparsed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_timestamp: Option<String>,
    levels: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    errors: Vec<ErrorLine<'a>>,
    slowest_statements: Vec<StatementLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ErrorLine<'a> {
    count: u64,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_code: Option<&'a str>,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct StatementLine<'a> {
    calls: u64,
    total_ms: f64,
    max_ms: f64,
    statement: &'a str,
}

impl Summary {
    pub(super) fn add(&mut self, entry: &LogEntry<'_>) {
        self.entries += 1;
        self.unparsed += u64::from(entry.unparsed);
        if let Some(time) = entry.timestamp {
            let earlier = self.first.is_none_or(|first| time.micros() < first.micros());
            let later = self.last.is_none_or(|last| time.micros() > last.micros());
            self.first = if earlier { Some(time) } else { self.first };
            self.last = if later { Some(time) } else { self.last };
        }
        if let Some(event) = entry.event {
            *self.events.entry(event).or_default() += 1;
        }
        let Some(level) = entry.level else { return };
        *self.levels.entry(level).or_default() += 1;
        if level >= Level::Error {
            self.add_error(level, entry);
        }
        if let (Some(duration), Some(statement)) = (entry.duration, entry.statement.as_deref()) {
            self.add_statement(duration, statement);
        }
    }

    fn add_error(&mut self, level: Level, entry: &LogEntry<'_>) {
        let pattern = message_pattern(&entry.message);
        if self.errors.len() >= MAX_PATTERNS && !self.errors.contains_key(&pattern) {
            self.other_errors += 1;
            return;
        }
        let group = self.errors.entry(pattern).or_default();
        group.count += 1;
        group.level = group.level.max(Some(level));
        if group.state_code.is_none() {
            group.state_code = entry.state_code.as_deref().map(str::to_owned);
        }
    }

    fn add_statement(&mut self, duration: Duration, statement: &str) {
        let pattern = statement_pattern(statement);
        if self.statements.len() >= MAX_PATTERNS && !self.statements.contains_key(&pattern) {
            self.other_statements += 1;
            return;
        }
        let group = self.statements.entry(pattern).or_default();
        group.calls += 1;
        group.total += duration;
        group.max = group.max.max(duration);
    }

    /// The most frequent first.
    fn top_errors(&self) -> Vec<(&String, &ErrorGroup)> {
        let mut groups: Vec<_> = self.errors.iter().collect();
        groups.sort_by(|(a, one), (b, other)| other.count.cmp(&one.count).then(a.cmp(b)));
        groups.truncate(SHOWN);
        groups
    }

    /// Those that took longest at once first.
    fn slowest(&self) -> Vec<(&String, &StatementGroup)> {
        let mut groups: Vec<_> = self.statements.iter().collect();
        groups.sort_by(|(a, one), (b, other)| other.max.cmp(&one.max).then(a.cmp(b)));
        groups.truncate(SHOWN);
        groups
    }

    pub(super) fn to_json(&self) -> String {
        let report = Report {
            entries: self.entries,
            unparsed: self.unparsed,
            first_timestamp: self.first.map(|time| time.to_string()),
            last_timestamp: self.last.map(|time| time.to_string()),
            levels: self.levels.iter().map(|(level, count)| (level.as_str(), *count)).collect(),
            events: self.events.iter().map(|(event, count)| (event.as_str(), *count)).collect(),
            errors: self.top_errors().into_iter().map(ErrorLine::of).collect(),
            slowest_statements: self.slowest().into_iter().map(StatementLine::of).collect(),
        };
        let mut json = serde_json::to_string(&report).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Aligned text; `width` is that of the terminal.
    pub(super) fn to_text(&self, width: usize) -> String {
        let mut text = String::new();
        let time = |time: Option<Timestamp>| time.map_or("?".to_owned(), |time| time.to_string());
        push(&mut text, format_args!("{} entries", self.entries));
        if self.first.is_some() {
            push(&mut text, format_args!("from {} to {}", time(self.first), time(self.last)));
        }
        if self.unparsed > 0 {
            push(&mut text, format_args!("{} lines without a prefix", self.unparsed));
        }
        if !self.levels.is_empty() {
            push(&mut text, format_args!("\nLevels"));
        }
        for (level, count) in self.levels.iter().rev() {
            push(&mut text, format_args!("{count:>12}  {level}"));
        }
        self.push_events(&mut text);
        if !self.errors.is_empty() {
            push(&mut text, format_args!("\nMost frequent errors"));
        }
        for (message, group) in self.top_errors() {
            let code = group.state_code.as_deref().unwrap_or("");
            let level = group.level.map_or("", Level::as_str);
            let head = format!("{:>12}  {level:<6} {code:<5}  ", group.count);
            push(&mut text, format_args!("{head}{}", fitting(message, width, head.len())));
        }
        if self.other_errors > 0 {
            push(&mut text, format_args!("{:>12}  others", self.other_errors));
        }
        if !self.statements.is_empty() {
            push(&mut text, format_args!("\nSlowest statements (max, mean, calls)"));
        }
        for (statement, group) in self.slowest() {
            let mean =
                group.total.div_f64(f64::from(u32::try_from(group.calls).unwrap_or(u32::MAX)));
            let head =
                format!("{:>12} {:>10} {:>9}  ", in_words(group.max), in_words(mean), group.calls);
            push(&mut text, format_args!("{head}{}", fitting(statement, width, head.len())));
        }
        if self.other_statements > 0 {
            push(&mut text, format_args!("{:>34}  others", self.other_statements));
        }
        text
    }

    /// The most frequent events first.
    fn push_events(&self, text: &mut String) {
        if self.events.is_empty() {
            return;
        }
        push(text, format_args!("\nEvents"));
        let mut events: Vec<_> = self.events.iter().collect();
        events.sort_by(|(a, one), (b, other)| other.cmp(one).then(a.as_str().cmp(b.as_str())));
        for (event, count) in events.iter().take(SHOWN_EVENTS) {
            push(text, format_args!("{count:>12}  {}", event.as_str()));
        }
        let others: u64 = events.iter().skip(SHOWN_EVENTS).map(|(_, count)| **count).sum();
        if others > 0 {
            push(text, format_args!("{others:>12}  others"));
        }
    }
}

impl<'a> ErrorLine<'a> {
    fn of((message, group): (&'a String, &'a ErrorGroup)) -> Self {
        Self {
            count: group.count,
            level: group.level.map_or("", Level::as_str),
            state_code: group.state_code.as_deref(),
            message,
        }
    }
}

impl<'a> StatementLine<'a> {
    fn of((statement, group): (&'a String, &'a StatementGroup)) -> Self {
        Self {
            calls: group.calls,
            total_ms: group.total.as_secs_f64() * 1e3,
            max_ms: group.max.as_secs_f64() * 1e3,
            statement,
        }
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _written = writeln!(text, "{line}");
}

/// A text on one line, cut where the terminal ends.
fn fitting(text: &str, width: usize, used: usize) -> String {
    let room = width.saturating_sub(used).max(20);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= room {
        return line;
    }
    line.chars().take(room - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let mut summary = Summary::default();
        for n in 0..3 {
            summary.add(&LogEntry {
                level: Some(Level::Error),
                message: format!("value {n} is out of range").into(),
                state_code: Some("22003".into()),
                ..LogEntry::default()
            });
        }
        for millis in [5, 9] {
            summary.add(&LogEntry {
                level: Some(Level::Log),
                message: "duration".into(),
                duration: Some(Duration::from_millis(millis)),
                event: Some(Event::StatementDuration),
                statement: Some(format!("SELECT {millis}").into()),
                ..LogEntry::default()
            });
        }
        summary.add(&LogEntry { unparsed: true, ..LogEntry::default() });
        summary
    }

    #[test]
    fn entries_that_differ_in_values_are_counted_together() {
        let json: serde_json::Value = serde_json::from_str(&summary().to_json()).unwrap();
        assert_eq!(json["entries"], 6);
        assert_eq!(json["unparsed"], 1);
        assert_eq!(json["levels"]["ERROR"], 3);
        assert_eq!(json["events"]["statement.duration"], 2);
        assert_eq!(json["errors"][0]["count"], 3);
        assert_eq!(json["errors"][0]["message"], "value … is out of range");
        assert_eq!(json["slowest_statements"][0]["calls"], 2);
        assert_eq!(json["slowest_statements"][0]["max_ms"], 9.0);
    }

    #[test]
    fn text_has_the_same_figures() {
        let text = summary().to_text(100);
        assert!(text.starts_with("6 entries\n"), "{text}");
        assert!(text.contains("2  statement.duration"), "{text}");
        assert!(text.contains("3  ERROR  22003  value … is out of range"), "{text}");
        assert!(text.contains("9.00 ms    7.00 ms         2  SELECT ?"), "{text}");
    }
}
