//! One log entry: its JSON as it came, and the values that are searched by.

use jiff::Timestamp;
use serde::Deserialize;

use crate::validate::{
    Level, Text, message_pattern, parse_timestamp,
    pattern::hash,
    problem::{self, Invalid},
    statement_pattern,
    time::micros_from_ms,
};

/// The longest name that is searched by, in bytes. PostgreSQL's own names have at most 63.
const MAX_NAME_BYTES: usize = 255;

/// One log entry.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// The whole entry, as it came.
    pub json: Box<str>,
    /// When the server logged it; `None` where the entry does not say or nobody understands it.
    pub time: Option<Timestamp>,
    /// How severe it is.
    pub level: Option<Level>,
    /// The server process.
    pub pid: Option<i64>,
    /// The role.
    pub user: Option<Box<str>>,
    /// The database.
    pub database: Option<Box<str>>,
    /// How long the statement took.
    pub duration_us: Option<i64>,
    /// SQLSTATE.
    pub state_code: Option<Box<str>>,
    /// What the message means.
    pub event: Option<Box<str>>,
    /// The application request that it belongs to.
    pub correlation_id: Option<Box<str>>,
    /// Equal for entries that say the same of different values: by statement where the entry is timed,
    /// by message where it is a warning or worse.
    pub pattern: Option<i64>,
}

/// The keys of an entry that are looked at; every one of them may be absent or null.
#[derive(Deserialize)]
struct Columns<'a> {
    timestamp: Option<Text<'a>>,
    level: Option<Text<'a>>,
    message: Option<Text<'a>>,
    statement: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<Text<'a>>,
    database: Option<Text<'a>>,
    state_code: Option<Text<'a>>,
    event: Option<Text<'a>>,
    correlation_id: Option<Text<'a>>,
    phase: Option<Text<'a>>,
    pid: Option<i64>,
    duration_ms: Option<f64>,
}

impl Entry {
    /// Reads the entry with this index; `correlation_id` is the envelope's, for entries without one.
    pub(super) fn read(json: &str, index: usize, correlation_id: &str) -> Result<Self, Invalid> {
        // The place is spelled out only where it is needed: entries are many, errors are few.
        let columns = match parse_fast(json) {
            Some(columns) => columns,
            None => problem::parse_object(json, &format!("data.entries[{index}]"))?,
        };
        let level = columns.level.as_deref().and_then(Level::from_word);
        let duration_us = columns.duration_ms.and_then(micros_from_ms);
        let correlation_id = columns.correlation_id.as_deref().unwrap_or(correlation_id);
        Ok(Self {
            json: json.into(),
            time: columns.timestamp.as_deref().and_then(parse_timestamp),
            level,
            pid: columns.pid,
            user: columns.user.as_deref().map(name),
            database: columns.database.as_deref().map(name),
            duration_us,
            state_code: columns.state_code.as_deref().map(name),
            event: columns.event.as_deref().map(name),
            correlation_id: Some(correlation_id).filter(|id| !id.is_empty()).map(name),
            pattern: columns.pattern(level),
        })
    }
}

impl Columns<'_> {
    fn pattern(&self, level: Option<Level>) -> Option<i64> {
        if level >= Some(Level::Warning) {
            return self.message.as_deref().map(|message| hash(&message_pattern(message)));
        }
        // A statement that is parsed, bound and executed writes three durations; one of them is it.
        let is_execution = !matches!(self.phase.as_deref(), Some("parse" | "bind"));
        match (self.duration_ms, self.statement.as_deref()) {
            (Some(_), Some(statement)) if is_execution => Some(hash(&statement_pattern(statement))),
            _ => None,
        }
    }
}

fn parse_fast(json: &str) -> Option<Columns<'_>> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

fn name(text: &str) -> Box<str> {
    text.get(..text.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default().into()
}
