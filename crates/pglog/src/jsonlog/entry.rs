//! A line of JSON to an entry.

use std::borrow::Cow;

use crate::{
    entry::{Depth, LogEntry},
    held::{self, Gap},
    json::{Raw, members, unescape},
    record::{Borrowed, Builder, Column, Copied},
    text::decode,
    timestamp::Clock,
};

/// Gives the values of a line to a new entry, which is large and so stays in its place. `None` where the line is no
/// record of the server. Gaps are where bytes of the line have been left out.
pub(super) fn read_into<'a>(
    entry: &mut LogEntry<'a>,
    (line, gaps): (&'a [u8], &[Gap]),
    clock: &mut Clock,
    (max_field_bytes, depth): (usize, Depth),
) -> Option<()> {
    let mut record = Record {
        line,
        text: match decode(line) {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        },
        gaps,
        builder: Builder::new(entry, clock, max_field_bytes),
        has_severity: false,
    };
    let mut wrapped = None;
    members(line, |key, value| match value {
        Raw::Nested(nested) if key == b"record" => wrapped = Some(nested),
        value => record.set(key, value),
    })?;
    if let Some(wrapped) = wrapped {
        let mut audit = None;
        members(wrapped, |key, value| match value {
            Raw::Nested(nested) if key == b"audit" => audit = Some(nested),
            value => record.set(key, value),
        })?;
        if let Some(audit) = audit {
            let message = audit_message(audit)?;
            record.give_copied(Column::Message, audit, message.as_bytes());
        }
    }
    if !record.has_severity {
        return None;
    }
    record.builder.finish(depth);
    Some(())
}

struct Record<'e, 'a, 'c, 'g> {
    line: &'a [u8],
    /// The line as text, where it is some.
    text: Option<&'a str>,
    gaps: &'g [Gap],
    builder: Builder<'e, 'a, 'c>,
    has_severity: bool,
}

impl<'a> Record<'_, 'a, '_, '_> {
    fn set(&mut self, key: &[u8], value: Raw<'a>) {
        let Some(column) = column(key) else { return };
        self.has_severity |= column == Column::Severity;
        match value {
            Raw::Scalar(b"null") | Raw::Nested(_) => {}
            Raw::String(raw, true) => self.give_copied(column, raw, &unescape(raw)),
            Raw::String(raw, false) | Raw::Scalar(raw) => match self.text_of(raw) {
                Some(text) => {
                    let whole_bytes = text.len() as u64 + self.missing(raw);
                    self.builder.set(column, Borrowed(text), whole_bytes);
                }
                None => self.give_copied(column, raw, raw),
            },
        }
    }

    fn give_copied(&mut self, column: Column, raw: &[u8], plain: &[u8]) {
        let whole_bytes = plain.len() as u64 + self.missing(raw);
        self.builder.set(column, Copied(&decode(plain)), whole_bytes);
    }

    /// A piece of the line as text.
    fn text_of(&self, raw: &[u8]) -> Option<&'a str> {
        let start = self.start_of(raw);
        self.text?.get(start..start + raw.len())
    }

    fn start_of(&self, raw: &[u8]) -> usize {
        raw.as_ptr() as usize - self.line.as_ptr() as usize
    }

    /// How many bytes of a value have been left out.
    fn missing(&self, raw: &[u8]) -> u64 {
        if self.gaps.is_empty() {
            return 0;
        }
        let start = self.start_of(raw);
        held::within(self.gaps, start, start + raw.len()).map(|gap| gap.value_bytes).sum()
    }
}

/// The fields of a message of pgaudit, in its order.
const AUDIT_FIELDS: [&[u8]; 9] = [
    b"audit_type",
    b"statement_id",
    b"substatement_id",
    b"class",
    b"command",
    b"object_type",
    b"object_name",
    b"statement",
    b"parameter",
];

/// Puts a message of pgaudit together again, which `CloudNativePG` has taken apart.
fn audit_message(audit: &[u8]) -> Option<String> {
    let mut fields: [Vec<u8>; AUDIT_FIELDS.len()] = Default::default();
    members(audit, |key, value| {
        let index = AUDIT_FIELDS.iter().position(|field| *field == key);
        let field = index.and_then(|index| fields.get_mut(index));
        if let (Some(field), Raw::String(raw, _)) = (field, value) {
            *field = unescape(raw);
        }
    })?;
    let mut message = "AUDIT: ".to_owned();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            message.push(',');
        }
        let field = decode(field);
        if field.contains(['"', ',', '\n', '\r']) {
            message.push('"');
            message.push_str(&field.replace('"', "\"\""));
            message.push('"');
        } else {
            message.push_str(&field);
        }
    }
    Some(message)
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
