//! Turns the texts of an entry into its fields.

use std::{borrow::Cow, str::FromStr};

use crate::{
    entry::{Depth, Field, LogEntry, Text},
    event, language,
    message::{self, Location},
    prefix::PrefixFields,
    timestamp::{Clock, Timestamp},
};

/// Takes over what the prefix of the entry's first line says. The entry is a new one.
pub(super) fn read_prefix<'a>(
    entry: &mut LogEntry<'a>,
    fields: &PrefixFields<'a>,
    clock: &mut Clock,
) {
    let time = fields.time.and_then(|time| clock.read_in_session(time, fields.session_id));
    if let Some(time) = time {
        entry.timestamp = Some(time.timestamp);
        entry.timestamp_ambiguous = time.ambiguous;
        entry.log_timezone = Some(Cow::Borrowed(time.zone));
    }
    // No zone is needed for it, and it has milliseconds.
    if let Some(epoch) = fields.epoch.and_then(Timestamp::from_epoch) {
        entry.timestamp = Some(epoch);
        entry.timestamp_ambiguous = false;
    }
    parse(&mut entry.pid, fields.pid);
    set(&mut entry.user, fields.user);
    set(&mut entry.database, fields.database);
    set(&mut entry.application_name, fields.application_name);
    set(&mut entry.remote_host, fields.remote_host);
    parse(&mut entry.remote_port, fields.remote_port);
    set(&mut entry.local_host, fields.local_host);
    set(&mut entry.session_id, fields.session_id);
    parse(&mut entry.line_num, fields.line_num);
    // Blanks pad what is not there.
    set(&mut entry.ps, fields.ps.filter(|ps| !ps.trim_ascii_start().is_empty()));
    set(&mut entry.session_start, fields.session_start);
    if fields.epoch.is_none() {
        entry.correct_time(clock);
    }
    set(&mut entry.vxid, fields.vxid);
    parse(&mut entry.txid, fields.txid);
    set(&mut entry.state_code, fields.state_code.filter(|code| *code != SUCCESS));
    set(&mut entry.backend_type, fields.backend_type);
    parse(&mut entry.leader_pid, fields.leader_pid);
    parse(&mut entry.query_id, fields.query_id);
    // Without a pid the session's id has it, in hexadecimal behind the dot.
    if entry.pid.is_none() {
        let pid = fields.session_id.and_then(|session| session.split_once('.'));
        entry.pid = pid.and_then(|(_, pid)| u32::from_str_radix(pid, 16).ok());
    }
}

/// Most prefixes carry few values, and an entry's place need not be looked at for the others.
#[inline(always)]
fn set<'a>(place: &mut Option<Text<'a>>, value: Option<&'a str>) {
    if let Some(value) = value {
        *place = Some(Cow::Borrowed(value));
    }
}

#[inline(always)]
fn parse<T: FromStr>(place: &mut Option<T>, value: Option<&str>) {
    if let Some(value) = value {
        *place = value.parse().ok();
    }
}

/// The SQLSTATE of what did not fail; jsonlog leaves it out.
const SUCCESS: &str = "00000";

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
    if code != SUCCESS && entry.state_code.is_none() {
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
    let end = words.len();
    if entry.internal_query.is_some() {
        entry.internal_position = Some(position);
    } else {
        entry.cursor_position = Some(position);
    }
    entry.message = message::cut(&entry.message, |text| text.get(..end).unwrap_or(text));
}
