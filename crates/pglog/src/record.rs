//! One record of csvlog or jsonlog: named values to the fields of an entry.
//!
//! Both formats carry the same values. Only their names differ, and how they are quoted.

use std::borrow::Cow;

use crate::{
    entry::{Depth, Field, LogEntry, Text},
    event,
    message::{self, Location},
    severity::Level,
    timestamp::Clock,
};

/// What a value of a record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Time,
    User,
    Database,
    Pid,
    /// Host and port in one, as csvlog has them.
    ConnectionFrom,
    RemoteHost,
    RemotePort,
    SessionId,
    LineNum,
    Ps,
    SessionStart,
    Vxid,
    Txid,
    Severity,
    StateCode,
    Message,
    Detail,
    Hint,
    InternalQuery,
    InternalPosition,
    Context,
    Statement,
    CursorPosition,
    /// Function, file and line in one, as csvlog has them.
    Location,
    FuncName,
    FileName,
    FileLineNum,
    ApplicationName,
    BackendType,
    LeaderPid,
    QueryId,
    /// The server's call stack, which Greenplum has.
    Backtrace,
    /// What has no place in an entry.
    Other,
}

impl Column {
    /// The field, where the value can be long.
    pub(crate) const fn long_field(self) -> Option<Field> {
        match self {
            Self::Message => Some(Field::Message),
            Self::Detail => Some(Field::Detail),
            Self::Hint => Some(Field::Hint),
            Self::InternalQuery => Some(Field::InternalQuery),
            Self::Context => Some(Field::Context),
            Self::Statement => Some(Field::Statement),
            Self::Backtrace => Some(Field::Backtrace),
            _ => None,
        }
    }
}

/// A value as the record has it, quotes and escapes taken off.
pub(crate) trait Value<'a>: Copy {
    /// The value.
    fn as_str(&self) -> &str;

    /// A part of the value for the entry, up to `end`.
    fn part(self, start: usize, end: usize) -> Text<'a>;
}

/// A value that the entry can borrow.
#[derive(Clone, Copy)]
pub(crate) struct Borrowed<'a>(pub(crate) &'a str);

/// A value that the entry must copy.
#[derive(Clone, Copy)]
pub(crate) struct Copied<'b>(pub(crate) &'b str);

impl<'a> Value<'a> for Borrowed<'a> {
    fn as_str(&self) -> &str {
        self.0
    }

    fn part(self, start: usize, end: usize) -> Text<'a> {
        Cow::Borrowed(self.0.get(start..end).unwrap_or_default())
    }
}

impl<'a> Value<'a> for Copied<'_> {
    fn as_str(&self) -> &str {
        self.0
    }

    fn part(self, start: usize, end: usize) -> Text<'a> {
        Cow::Owned(self.0.get(start..end).unwrap_or_default().to_owned())
    }
}

/// The level of an entry of which its SQLSTATE and the number of letters in its severity are left. In Chinese and
/// Korean an error has two, and what ends a session four or five.
fn usual_level(state_code: &str, letters: usize) -> Level {
    match (state_code.get(..2), letters) {
        (Some("00"), _) => Level::Log,
        (Some("01"), _) => Level::Warning,
        (_, 4 | 5) => Level::Fatal,
        (_, 6..) if is_mostly_fatal(state_code) => Level::Fatal,
        _ => Level::Error,
    }
}

/// Tells whether what fails so mostly ends a session or refuses one.
fn is_mostly_fatal(state_code: &str) -> bool {
    let starts = ["08", "28", "3D", "53300", "57P"];
    starts.iter().any(|start| state_code.starts_with(start))
}

/// The number of letters in a severity of which nothing else is left.
fn lost_letters(severity: &str) -> Option<usize> {
    severity.bytes().all(|byte| byte == b'?').then_some(severity.len())
}

/// Turns a record's values into an entry.
pub(crate) struct Builder<'e, 'a, 'c> {
    entry: &'e mut LogEntry<'a>,
    clock: &'c mut Clock,
    max_field_bytes: usize,
    /// How many letters the severity had, where none is left.
    lost_letters: Option<usize>,
}

impl<'e, 'a, 'c> Builder<'e, 'a, 'c> {
    pub(crate) const fn new(
        entry: &'e mut LogEntry<'a>,
        clock: &'c mut Clock,
        max_field_bytes: usize,
    ) -> Self {
        Self { entry, clock, max_field_bytes, lost_letters: None }
    }

    /// Takes one value, of `whole_bytes` in the file. An empty one is absent.
    #[inline(always)]
    pub(crate) fn set(&mut self, column: Column, value: impl Value<'a>, whole_bytes: u64) {
        if value.as_str().is_empty() {
            return;
        }
        match column.long_field() {
            Some(field) => self.set_long(field, value, whole_bytes),
            None => self.set_short(column, value),
        }
    }

    /// Ends the record.
    pub(crate) fn finish(self, depth: Depth) {
        self.entry.correct_time(self.clock);
        if depth == Depth::Meaning {
            event::interpret(self.entry);
        }
    }

    #[inline(always)]
    fn set_long(&mut self, field: Field, value: impl Value<'a>, whole_bytes: u64) {
        let text = value.as_str();
        let kept = if text.len() <= self.max_field_bytes {
            text.len()
        } else {
            self.entry.truncated.push((field, whole_bytes));
            text.floor_char_boundary(self.max_field_bytes)
        };
        *self.entry.text_mut(field) = value.part(0, kept);
    }

    #[inline(always)]
    fn set_short(&mut self, column: Column, value: impl Value<'a>) {
        let text = value.as_str();
        let entry = &mut *self.entry;
        let whole = || Some(value.part(0, text.len()));
        match column {
            Column::Time => self.set_time(value),
            Column::ConnectionFrom => self.set_connection(value),
            Column::Location => self.set_location(value),
            Column::Severity => {
                entry.level = Level::from_any_name(text, None);
                self.lost_letters = lost_letters(text).filter(|_| entry.level.is_none());
            }
            Column::StateCode => {
                if let Some(letters) = self.lost_letters {
                    entry.level = Some(usual_level(text, letters));
                }
                // Absent where it is success, as in jsonlog.
                if text != message::SUCCESS {
                    entry.state_code = whole();
                }
            }
            Column::User => entry.user = whole(),
            Column::Database => entry.database = whole(),
            Column::RemoteHost => entry.remote_host = whole(),
            Column::SessionId => entry.session_id = whole(),
            Column::Ps => entry.ps = whole(),
            Column::SessionStart => entry.session_start = whole(),
            Column::Vxid => entry.vxid = whole(),
            Column::FuncName => entry.func_name = whole(),
            Column::FileName => entry.file_name = whole(),
            Column::ApplicationName => entry.application_name = whole(),
            Column::BackendType => entry.backend_type = whole(),
            _ => self.set_number(column, text),
        }
    }

    #[inline(always)]
    fn set_number(&mut self, column: Column, text: &str) {
        let entry = &mut *self.entry;
        match column {
            Column::Pid => entry.pid = text.parse().ok(),
            Column::RemotePort => entry.remote_port = text.parse().ok(),
            Column::LineNum => entry.line_num = text.parse().ok(),
            Column::Txid => entry.txid = text.parse().ok(),
            Column::InternalPosition => entry.internal_position = text.parse().ok(),
            Column::CursorPosition => entry.cursor_position = text.parse().ok(),
            Column::FileLineNum => entry.file_line_num = text.parse().ok(),
            Column::LeaderPid => entry.leader_pid = text.parse().ok(),
            Column::QueryId => entry.query_id = text.parse().ok(),
            _ => {}
        }
    }

    fn set_time(&mut self, value: impl Value<'a>) {
        let text = value.as_str();
        let Some(time) = self.clock.read(text) else { return };
        self.entry.timestamp = Some(time.timestamp);
        self.entry.timestamp_ambiguous = time.ambiguous;
        self.entry.log_timezone = Some(value.part(text.len() - time.zone.len(), text.len()));
    }

    /// Reads `10.0.0.1:5432`, `::1:5432` or `[local]`. Only a TCP connection has a port.
    fn set_connection(&mut self, value: impl Value<'a>) {
        let text = value.as_str();
        let split = memchr::memrchr(b':', text.as_bytes());
        let port = split.and_then(|at| Some((at, text.get(at + 1..)?.parse().ok()?)));
        self.entry.remote_port = port.map(|(_, port)| port);
        self.entry.remote_host = Some(value.part(0, port.map_or(text.len(), |(at, _)| at)));
    }

    fn set_location(&mut self, value: impl Value<'a>) {
        let location = Location::read(value.as_str());
        self.entry.func_name = location.func_name.map(|name| Cow::Owned(name.to_owned()));
        self.entry.file_name = Some(Cow::Owned(location.file_name.to_owned()));
        self.entry.file_line_num = location.file_line_num;
    }
}
