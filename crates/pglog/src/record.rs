//! One record of csvlog or jsonlog: named values to the fields of an entry.
//!
//! Both formats carry the same values. Only their names differ, and how they are quoted.

use std::borrow::Cow;

use crate::{
    entry::{Field, LogEntry, Text},
    event,
    message::Location,
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
            _ => None,
        }
    }
}

/// A value as the record has it, quotes and escapes taken off.
#[derive(Debug)]
pub(crate) struct Value<'a> {
    pub(crate) text: Text<'a>,
    /// How many bytes of the file it was, before some were left out.
    pub(crate) whole_bytes: u64,
}

impl<'a> Value<'a> {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text.parse().ok()
    }
}

/// Turns a record's values into an entry.
pub(crate) struct Builder<'a, 'c> {
    entry: LogEntry<'a>,
    clock: &'c mut Clock,
    max_field_bytes: usize,
}

impl<'a, 'c> Builder<'a, 'c> {
    pub(crate) fn new(clock: &'c mut Clock, max_field_bytes: usize) -> Self {
        Self { entry: LogEntry::default(), clock, max_field_bytes }
    }

    /// Takes one value. An empty one is absent.
    pub(crate) fn set(&mut self, column: Column, value: Value<'a>) {
        if value.is_empty() {
            return;
        }
        if let Some(field) = column.long_field() {
            self.set_long(field, value);
            return;
        }
        match column {
            Column::Time => self.set_time(value.text),
            Column::Pid
            | Column::RemotePort
            | Column::LineNum
            | Column::Txid
            | Column::InternalPosition
            | Column::CursorPosition
            | Column::FileLineNum
            | Column::LeaderPid
            | Column::QueryId => self.set_number(column, &value),
            Column::ConnectionFrom => self.set_connection(value.text),
            Column::Location => self.set_location(&value.text),
            // Absent where it is success, as in jsonlog.
            Column::StateCode if value.text == "00000" => {}
            Column::Severity => self.entry.level = Level::from_any_name(&value.text, None),
            _ => self.set_text(column, value.text),
        }
    }

    /// Ends the record.
    pub(crate) fn finish(mut self) -> LogEntry<'a> {
        event::interpret(&mut self.entry);
        self.entry
    }

    fn set_long(&mut self, field: Field, value: Value<'a>) {
        let kept = value.text.floor_char_boundary(self.max_field_bytes);
        if kept < value.text.len() {
            self.entry.truncated.push((field, value.whole_bytes));
        }
        let text = match value.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(..kept).unwrap_or(text)),
            Cow::Owned(mut text) => {
                text.truncate(kept);
                Cow::Owned(text)
            }
        };
        *self.entry.text_mut(field) = text;
    }

    fn set_time(&mut self, text: Text<'a>) {
        let Some(time) = self.clock.read(&text) else { return };
        self.entry.timestamp = Some(time.timestamp);
        self.entry.timestamp_ambiguous = time.ambiguous;
        let zone_bytes = time.zone.len();
        self.entry.log_timezone = Some(tail(text, zone_bytes));
    }

    fn set_number(&mut self, column: Column, value: &Value<'a>) {
        let entry = &mut self.entry;
        match column {
            Column::Pid => entry.pid = value.number(),
            Column::RemotePort => entry.remote_port = value.number(),
            Column::LineNum => entry.line_num = value.number(),
            Column::Txid => entry.txid = value.number(),
            Column::InternalPosition => entry.internal_position = value.number(),
            Column::CursorPosition => entry.cursor_position = value.number(),
            Column::FileLineNum => entry.file_line_num = value.number(),
            Column::LeaderPid => entry.leader_pid = value.number(),
            Column::QueryId => entry.query_id = value.number(),
            _ => {}
        }
    }

    fn set_text(&mut self, column: Column, text: Text<'a>) {
        let entry = &mut self.entry;
        let field = match column {
            Column::User => &mut entry.user,
            Column::Database => &mut entry.database,
            Column::RemoteHost => &mut entry.remote_host,
            Column::SessionId => &mut entry.session_id,
            Column::Ps => &mut entry.ps,
            Column::SessionStart => &mut entry.session_start,
            Column::Vxid => &mut entry.vxid,
            Column::StateCode => &mut entry.state_code,
            Column::FuncName => &mut entry.func_name,
            Column::FileName => &mut entry.file_name,
            Column::ApplicationName => &mut entry.application_name,
            Column::BackendType => &mut entry.backend_type,
            _ => return,
        };
        *field = Some(text);
    }

    /// Reads `10.0.0.1:5432`, `::1:5432` or `[local]`. Only a TCP connection has a port.
    fn set_connection(&mut self, text: Text<'a>) {
        let port = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match port {
            Some((host, port)) => {
                let host_bytes = host.len();
                self.entry.remote_port = Some(port);
                self.entry.remote_host = Some(head(text, host_bytes));
            }
            None => self.entry.remote_host = Some(text),
        }
    }

    fn set_location(&mut self, text: &str) {
        let location = Location::read(text);
        self.entry.func_name = location.func_name.map(|name| Cow::Owned(name.to_owned()));
        self.entry.file_name = Some(Cow::Owned(location.file_name.to_owned()));
        self.entry.file_line_num = location.file_line_num;
    }
}

/// The first bytes of a text, not copied where it is borrowed.
fn head(text: Text<'_>, bytes: usize) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..bytes).unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(bytes);
            Cow::Owned(text)
        }
    }
}

/// The last bytes of a text, not copied where it is borrowed.
fn tail(text: Text<'_>, bytes: usize) -> Text<'_> {
    let start = text.len().saturating_sub(bytes);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..).unwrap_or(text)),
        Cow::Owned(mut text) => Cow::Owned(text.split_off(start)),
    }
}
