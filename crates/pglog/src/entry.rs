//! One entry of the log: everything that the server said at once.

mod event;
mod fields;
mod json;

use std::{borrow::Cow, time::Duration};

pub use self::event::Event;
pub use self::fields::{FieldValue, Fields};
use crate::{
    severity::Level,
    timestamp::{Clock, Timestamp},
};

/// Text of an entry: borrowed from the log where it stands there in one piece.
pub type Text<'a> = Cow<'a, str>;

/// One server message with all that belongs to it.
///
/// Names and meanings are those of jsonlog (PostgreSQL 15 and later), except where said. A field is
/// `None` where the log does not carry it. Text is valid UTF-8 without NUL: each byte that is not stands
/// as U+FFFD.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogEntry<'a> {
    /// When the message was logged.
    pub timestamp: Option<Timestamp>,
    /// The zone of the log's own time, as printed.
    pub log_timezone: Option<Text<'a>>,
    /// True where the local time of the log fits two moments and nothing tells them apart.
    pub timestamp_ambiguous: bool,
    /// The process that logged it.
    pub pid: Option<u32>,
    /// How serious it is.
    pub level: Option<Level>,
    /// The message, with its line breaks.
    pub message: Text<'a>,
    /// The session's user.
    pub user: Option<Text<'a>>,
    /// The session's database.
    pub database: Option<Text<'a>>,
    /// How long the statement, or the phase of it, took. Not in jsonlog.
    pub duration: Option<Duration>,
    /// The SQL that the entry is about, whichever line carried it.
    pub statement: Option<Text<'a>>,
    /// Which part of a statement's work the duration is that of. Not in jsonlog.
    pub phase: Option<Phase>,
    /// The session's `application_name`.
    pub application_name: Option<Text<'a>>,
    /// The client's address or host name; `[local]` for a Unix-domain socket.
    pub remote_host: Option<Text<'a>>,
    /// The client's port.
    pub remote_port: Option<u16>,
    /// The server's address that the client connected to (PostgreSQL 18). Not in jsonlog.
    pub local_host: Option<Text<'a>>,
    /// The session: start and pid in hexadecimal.
    pub session_id: Option<Text<'a>>,
    /// The entry's number in its session. In stderr each line counts, elsewhere each entry.
    pub line_num: Option<u64>,
    /// The command tag.
    pub ps: Option<Text<'a>>,
    /// When the session started, as printed.
    pub session_start: Option<Text<'a>>,
    /// The virtual transaction id.
    pub vxid: Option<Text<'a>>,
    /// The transaction id; 0 where none is assigned.
    pub txid: Option<u64>,
    /// The SQLSTATE. Absent where it is 00000, success.
    pub state_code: Option<Text<'a>>,
    /// The error's detail.
    pub detail: Option<Text<'a>>,
    /// The error's hint.
    pub hint: Option<Text<'a>>,
    /// The statement inside a function that failed.
    pub internal_query: Option<Text<'a>>,
    /// Where in it, in characters from 1.
    pub internal_position: Option<u32>,
    /// The functions around the error, the innermost first.
    pub context: Option<Text<'a>>,
    /// Where in `statement` the error is, in characters from 1.
    pub cursor_position: Option<u32>,
    /// The server's function that raised the message.
    pub func_name: Option<Text<'a>>,
    /// The server's source file.
    pub file_name: Option<Text<'a>>,
    /// The line in it.
    pub file_line_num: Option<u32>,
    /// The kind of process.
    pub backend_type: Option<Text<'a>>,
    /// The leader of a group of parallel workers.
    pub leader_pid: Option<u32>,
    /// The statement's identifier, as in `pg_stat_statements`; 0 where it is not computed.
    pub query_id: Option<i64>,
    /// The server's call stack. Not in jsonlog.
    pub backtrace: Option<Text<'a>>,
    /// What the message means. Not in jsonlog, as is all that follows.
    pub event: Option<Event>,
    /// Values that stand inside the message and the lines behind it.
    pub fields: Fields<'a>,
    /// The statement's bind values, in their order; `None` is SQL's NULL.
    pub parameters: Vec<Option<Text<'a>>>,
    /// The plan that `auto_explain` logged.
    pub plan: Option<Plan<'a>>,
    /// Fields that were cut because they exceeded the limit, with their whole length in bytes.
    pub truncated: Vec<(Field, u64)>,
    /// How many lines with a prefix the entry took, each of which `%l` counts; 0 in other formats than
    /// stderr.
    pub numbered_lines: u32,
    /// True for text without a readable prefix, such as another program's output in the same file.
    pub unparsed: bool,
}

/// The part of a statement's work that took a logged duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Extended protocol: the statement was parsed.
    Parse,
    /// Extended protocol: parameters were bound.
    Bind,
    /// Extended protocol: the statement, or a fetch from its portal, ran.
    Execute,
    /// Simple protocol: all of it.
    Statement,
}

impl Phase {
    /// Every phase.
    pub(crate) const ALL: [Self; 4] = [Self::Parse, Self::Bind, Self::Execute, Self::Statement];

    /// Returns the phase's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Bind => "bind",
            Self::Execute => "execute",
            Self::Statement => "statement",
        }
    }
}

/// How much is read out of an entry's texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// What the message means: [`LogEntry::event`], and all that it carries.
    #[default]
    Meaning,
    /// Nothing: texts are given as they are, which takes less time. A statement in the message stays there.
    Texts,
}

/// A statement's plan, as `auto_explain` logs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan<'a> {
    /// One valid JSON value, without white space between its parts.
    Json(Text<'a>),
    /// Text, XML or YAML.
    Text(Text<'a>),
}

impl Plan<'_> {
    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Plan<'static> {
        match self {
            Self::Json(json) => Plan::Json(Cow::Owned(json.into_owned())),
            Self::Text(text) => Plan::Text(Cow::Owned(text.into_owned())),
        }
    }
}

/// The fields of an entry that can be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// [`LogEntry::message`]
    Message,
    /// [`LogEntry::detail`]
    Detail,
    /// [`LogEntry::hint`]
    Hint,
    /// [`LogEntry::internal_query`]
    InternalQuery,
    /// [`LogEntry::context`]
    Context,
    /// The text from which [`LogEntry::func_name`] and its neighbours are taken
    Location,
    /// [`LogEntry::backtrace`]
    Backtrace,
    /// [`LogEntry::statement`]
    Statement,
}

impl Field {
    /// Returns the field's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Detail => "detail",
            Self::Hint => "hint",
            Self::InternalQuery => "internal_query",
            Self::Context => "context",
            Self::Location => "func_name",
            Self::Backtrace => "backtrace",
            Self::Statement => "statement",
        }
    }
}

impl<'a> LogEntry<'a> {
    /// Forgets everything but the room of lists. An entry is large, and most of its fields are empty: this costs
    /// less than a new one in its place.
    pub(crate) fn clear(&mut self) {
        // Each field is named, or it does not compile.
        macro_rules! clear {
            ($($field:ident)*; lists: $($list:ident)*) => {
                let Self { $($field,)* $($list,)* } = self;
                $(*$field = Default::default();)*
                $($list.clear();)*
            };
        }
        clear! {
            timestamp log_timezone timestamp_ambiguous pid level message user database duration statement
            phase application_name remote_host remote_port local_host session_id line_num ps session_start
            vxid txid state_code detail hint internal_query internal_position context cursor_position
            func_name file_name file_line_num backend_type leader_pid query_id backtrace event plan
            numbered_lines unparsed;
            lists: fields parameters truncated
        }
    }

    /// Corrects the time, which the clock has read last, by what the session says of its start.
    pub(crate) fn correct_time(&mut self, clock: &mut Clock) {
        let (Some(id), Some(start)) = (&self.session_id, &self.session_start) else { return };
        let Some(timestamp) = self.timestamp else { return };
        if let Some(too_late) = clock.correction(id, start) {
            self.timestamp = Some(timestamp.earlier_by(too_late));
            self.timestamp_ambiguous = false;
        }
    }

    /// Tells whether a long field was cut.
    pub(crate) fn is_truncated(&self, field: Field) -> bool {
        self.truncated.iter().any(|(cut, _)| *cut == field)
    }

    /// Returns a long field to write to.
    pub(crate) fn text_mut(&mut self, field: Field) -> &mut Text<'a> {
        match field {
            Field::Message => &mut self.message,
            Field::Detail => self.detail.get_or_insert_default(),
            Field::Hint => self.hint.get_or_insert_default(),
            Field::InternalQuery => self.internal_query.get_or_insert_default(),
            Field::Context => self.context.get_or_insert_default(),
            Field::Location => self.func_name.get_or_insert_default(),
            Field::Backtrace => self.backtrace.get_or_insert_default(),
            Field::Statement => self.statement.get_or_insert_default(),
        }
    }

    /// Copies what is borrowed, so that the entry outlives the bytes it was read from.
    #[must_use]
    pub fn into_owned(self) -> LogEntry<'static> {
        LogEntry {
            timestamp: self.timestamp,
            log_timezone: owned(self.log_timezone),
            timestamp_ambiguous: self.timestamp_ambiguous,
            pid: self.pid,
            level: self.level,
            message: Cow::Owned(self.message.into_owned()),
            user: owned(self.user),
            database: owned(self.database),
            duration: self.duration,
            statement: owned(self.statement),
            phase: self.phase,
            application_name: owned(self.application_name),
            remote_host: owned(self.remote_host),
            remote_port: self.remote_port,
            local_host: owned(self.local_host),
            session_id: owned(self.session_id),
            line_num: self.line_num,
            ps: owned(self.ps),
            session_start: owned(self.session_start),
            vxid: owned(self.vxid),
            txid: self.txid,
            state_code: owned(self.state_code),
            detail: owned(self.detail),
            hint: owned(self.hint),
            internal_query: owned(self.internal_query),
            internal_position: self.internal_position,
            context: owned(self.context),
            cursor_position: self.cursor_position,
            func_name: owned(self.func_name),
            file_name: owned(self.file_name),
            file_line_num: self.file_line_num,
            backend_type: owned(self.backend_type),
            leader_pid: self.leader_pid,
            query_id: self.query_id,
            backtrace: owned(self.backtrace),
            event: self.event,
            fields: self.fields.into_owned(),
            parameters: self.parameters.into_iter().map(owned).collect(),
            plan: self.plan.map(Plan::into_owned),
            truncated: self.truncated,
            numbered_lines: self.numbered_lines,
            unparsed: self.unparsed,
        }
    }
}

pub(crate) fn owned(text: Option<Text<'_>>) -> Option<Text<'static>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}
