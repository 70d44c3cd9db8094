//! Turns the texts of an entry into its fields.

use std::{borrow::Cow, str::FromStr};

use crate::{
    entry::{Depth, Field, LogEntry, Text},
    event, language,
    message::{self, Location},
    prefix::{Escape, PrefixFields, host_and_port, without_padding},
    timestamp::{Clock, Timestamp},
};

/// Takes over what the prefix of the entry's first line says. The entry is a new one.
pub(super) fn read_prefix<'a>(
    entry: &mut LogEntry<'a>,
    fields: &PrefixFields<'a>,
    clock: &mut Clock,
) {
    read_values(entry, fields.values(), clock);
    entry.remote_port = parsed(fields.remote_port);
}

/// Takes over values of a prefix, of which the session's id comes first, and all times come before others.
#[inline(always)]
pub(super) fn read_values<'a>(
    entry: &mut LogEntry<'a>,
    values: impl Iterator<Item = (Escape, &'a str)>,
    clock: &mut Clock,
) {
    let mut has_epoch = false;
    for (escape, value) in values {
        let text = Some(Cow::Borrowed(value));
        match escape {
            Escape::Time | Escape::TimeMillis => read_time(entry, value, clock),
            Escape::TimeEpoch => {
                has_epoch = true;
                read_epoch(entry, value);
            }
            Escape::Pid => entry.pid = value.parse().ok(),
            Escape::User => entry.user = text,
            Escape::Database => entry.database = text,
            Escape::ApplicationName => entry.application_name = text,
            Escape::RemoteHost => entry.remote_host = text,
            Escape::RemoteHostAndPort => {
                let (host, port) = host_and_port(value);
                entry.remote_host = Some(Cow::Borrowed(host));
                entry.remote_port = parsed(port);
            }
            Escape::LocalHost => entry.local_host = text,
            Escape::BackendType => entry.backend_type = text,
            Escape::LeaderPid => entry.leader_pid = value.parse().ok(),
            // Blanks pad what is not there.
            Escape::Ps if value.trim_ascii_start().is_empty() => {}
            Escape::Ps => entry.ps = Some(Cow::Borrowed(without_padding(value))),
            Escape::StateCode if value == message::SUCCESS => {}
            Escape::StateCode => entry.state_code = text,
            Escape::SessionId => entry.session_id = text,
            Escape::LineNum => entry.line_num = value.parse().ok(),
            Escape::SessionStart => entry.session_start = text,
            Escape::Vxid => entry.vxid = text,
            Escape::Txid => entry.txid = value.parse().ok(),
            Escape::QueryId => entry.query_id = value.parse().ok(),
        }
    }
    if !has_epoch {
        entry.correct_time(clock);
    }
    // Without a pid the session's id has it, in hexadecimal behind the dot.
    if entry.pid.is_none() {
        let pid = entry.session_id.as_deref().and_then(|session| session.split_once('.'));
        entry.pid = pid.and_then(|(_, pid)| u32::from_str_radix(pid, 16).ok());
    }
}

#[inline(always)]
fn read_time<'a>(entry: &mut LogEntry<'a>, text: &'a str, clock: &mut Clock) {
    if let Some(time) = clock.read_in_session(text, entry.session_id.as_deref()) {
        entry.timestamp = Some(time.timestamp);
        entry.timestamp_ambiguous = time.ambiguous;
        entry.log_timezone = Some(Cow::Borrowed(time.zone));
    }
}

/// No zone is needed for it, and it has milliseconds.
fn read_epoch(entry: &mut LogEntry<'_>, text: &str) {
    if let Some(epoch) = Timestamp::from_epoch(text) {
        entry.timestamp = Some(epoch);
        entry.timestamp_ambiguous = false;
    }
}

fn parsed<T: FromStr>(value: Option<&str>) -> Option<T> {
    value.and_then(|value| value.parse().ok())
}

/// Takes the message, which is whole now, apart.
pub(super) fn read_message(entry: &mut LogEntry<'_>, depth: Depth) {
    if !entry.unparsed {
        read_own_message(entry);
    }
    if depth == Depth::Meaning {
        event::interpret(entry);
    }
}

/// The server prints more into its messages than it says elsewhere.
fn read_own_message(entry: &mut LogEntry<'_>) {
    if let Some(location) = entry.func_name.take() {
        read_location(entry, &location);
    }
    if entry.message.starts_with('[') {
        read_source(entry);
    }
    if !entry.is_truncated(Field::Message) {
        read_position(entry);
    }
}

/// With `log_error_verbosity = verbose` there is a location, and the SQLSTATE stands in the message.
fn read_location<'a>(entry: &mut LogEntry<'a>, location: &Text<'a>) {
    let read = Location::read(location);
    entry.func_name = read.func_name.map(|name| Cow::Owned(name.to_owned()));
    entry.file_name = Some(Cow::Owned(read.file_name.to_owned()));
    entry.file_line_num = read.file_line_num;
    let Some((code, _)) = message::split_state_code(&entry.message) else { return };
    if code != message::SUCCESS && entry.state_code.is_none() {
        entry.state_code = Some(Cow::Owned(code.to_owned()));
    }
    entry.message = message::cut(&entry.message, |text| {
        message::split_state_code(text).map_or(text, |(_, rest)| rest)
    });
}

/// Some servers say in front of each message where in their source it is.
fn read_source(entry: &mut LogEntry<'_>) {
    let Some((place, _)) = message::split_source(&entry.message) else { return };
    if entry.file_name.is_none() {
        entry.file_line_num = place.file_line_num;
        entry.file_name = Some(Cow::Owned(place.file_name.to_owned()));
    }
    entry.message = message::cut(&entry.message, |text| {
        message::split_source(text).map_or(text, |(_, rest)| rest)
    });
}

/// The server appends the position of an error to its message: that in the inner query where there is
/// one, else that in the statement.
fn read_position(entry: &mut LogEntry<'_>) {
    let Some((words, position)) = language::split_position(&entry.message) else { return };
    let is_inner = entry.internal_query.is_some();
    if !is_inner && entry.context.as_deref().is_some_and(language::is_raised) {
        return;
    }
    let end = words.len();
    if is_inner {
        entry.internal_position = Some(position);
    } else {
        entry.cursor_position = Some(position);
    }
    entry.message = message::cut(&entry.message, |text| text.get(..end).unwrap_or(text));
}
