//! A line of JSON to an entry.

use std::borrow::Cow;

use crate::{
    assemble::decode,
    entry::LogEntry,
    held::{self, Gap},
    json::{Raw, members, unescape},
    record::{Builder, Column, Value},
    timestamp::Clock,
};

/// Makes an entry of a line. `None` where it is no record of the server. Gaps are where bytes of the
/// line have been left out.
pub(super) fn entry<'a>(
    line: &'a [u8],
    gaps: &[Gap],
    clock: &mut Clock,
    max_field_bytes: usize,
) -> Option<LogEntry<'a>> {
    let mut record = Record {
        line,
        is_text: matches!(decode(line), Cow::Borrowed(_)),
        gaps,
        builder: Builder::new(clock, max_field_bytes),
        has_severity: false,
    };
    let mut wrapped = None;
    members(line, |key, value| match value {
        Raw::Nested(nested) if key == b"record" => wrapped = Some(nested),
        value => record.set(key, value),
    })?;
    if let Some(wrapped) = wrapped {
        members(wrapped, |key, value| record.set(key, value))?;
    }
    record.has_severity.then(|| record.builder.finish())
}

struct Record<'a, 'c, 'g> {
    line: &'a [u8],
    /// The line is UTF-8 without NUL.
    is_text: bool,
    gaps: &'g [Gap],
    builder: Builder<'a, 'c>,
    has_severity: bool,
}

impl<'a> Record<'a, '_, '_> {
    fn set(&mut self, key: &[u8], value: Raw<'a>) {
        let Some(column) = column(key) else { return };
        self.has_severity |= column == Column::Severity;
        let value = match value {
            Raw::String(raw, true) => self.value(raw, Cow::Owned(unescape(raw))),
            Raw::Scalar(b"null") | Raw::Nested(_) => return,
            Raw::String(raw, false) | Raw::Scalar(raw) => self.value(raw, Cow::Borrowed(raw)),
        };
        self.builder.set(column, value);
    }

    fn value(&self, raw: &[u8], plain: Cow<'a, [u8]>) -> Value<'a> {
        let missing = if self.gaps.is_empty() { 0 } else { self.missing(raw) };
        let whole_bytes = plain.len() as u64 + missing;
        let text = match plain {
            Cow::Borrowed(bytes) => decode(bytes),
            // An escape can stand for a NUL.
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) if self.is_text && !text.contains('\0') => Cow::Owned(text),
                Ok(text) => Cow::Owned(decode(text.as_bytes()).into_owned()),
                Err(error) => Cow::Owned(decode(error.as_bytes()).into_owned()),
            },
        };
        Value { text, whole_bytes }
    }

    /// How many bytes of a value have been left out.
    fn missing(&self, raw: &[u8]) -> u64 {
        let start = raw.as_ptr() as usize - self.line.as_ptr() as usize;
        held::within(self.gaps, start, start + raw.len()).map(|gap| gap.value_bytes).sum()
    }
}

/// What a key means: those of jsonlog, and those that `CloudNativePG` gives to the columns of csvlog.
fn column(key: &[u8]) -> Option<Column> {
    Some(match key {
        b"timestamp" | b"log_time" => Column::Time,
        b"user" | b"user_name" => Column::User,
        b"dbname" | b"database_name" => Column::Database,
        b"pid" | b"process_id" => Column::Pid,
        b"connection_from" => Column::ConnectionFrom,
        b"remote_host" => Column::RemoteHost,
        b"remote_port" => Column::RemotePort,
        b"session_id" => Column::SessionId,
        b"line_num" | b"session_line_num" => Column::LineNum,
        b"ps" | b"command_tag" => Column::Ps,
        b"session_start" | b"session_start_time" => Column::SessionStart,
        b"vxid" | b"virtual_transaction_id" => Column::Vxid,
        b"txid" | b"transaction_id" => Column::Txid,
        b"error_severity" => Column::Severity,
        b"state_code" | b"sql_state_code" => Column::StateCode,
        b"message" => Column::Message,
        b"detail" => Column::Detail,
        b"hint" => Column::Hint,
        b"internal_query" => Column::InternalQuery,
        b"internal_position" | b"internal_query_pos" => Column::InternalPosition,
        b"context" => Column::Context,
        b"statement" | b"query" => Column::Statement,
        b"cursor_position" | b"query_pos" => Column::CursorPosition,
        b"location" => Column::Location,
        b"func_name" => Column::FuncName,
        b"file_name" => Column::FileName,
        b"file_line_num" => Column::FileLineNum,
        b"application_name" => Column::ApplicationName,
        b"backend_type" => Column::BackendType,
        b"leader_pid" => Column::LeaderPid,
        b"query_id" => Column::QueryId,
        _ => return None,
    })
}
