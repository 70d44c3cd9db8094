//! Lines that are a member of an object.

use std::borrow::Cow;

use crate::{
    json::{Raw, members, unescape},
    wrapping::Unwrapped,
};

/// How long a piece of a line is at least where Docker cuts one: 16 KiB less a letter that was cut too.
const PIECE_BYTES: usize = (16 << 10) - 4;

/// Takes a member of an object as the line, of those that have a rank the one with the lowest; its `time` or
/// `timestamp` is the line's.
pub(super) fn in_object(
    line: &[u8],
    rank: impl Fn(&[u8]) -> Option<usize>,
) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let (mut text, mut time, mut stream, mut tag) = (None, None, false, None);
    members(line, |key, value| match (key, value) {
        (b"time" | b"timestamp" | b"@timestamp", Raw::String(raw, false) | Raw::Scalar(raw)) => {
            time = std::str::from_utf8(raw).ok();
        }
        (b"stream", Raw::String(b"stdout" | b"stderr", _)) => stream = true,
        (b"logtag" | b"_p", Raw::String(raw @ (b"F" | b"P"), _)) => tag = Some(raw),
        (b"_time" | b"dt" | b"timeUnixNano", Raw::String(raw, false)) if time.is_none() => {
            time = std::str::from_utf8(raw).ok();
        }
        (_, Raw::String(raw, has_escapes)) => {
            let rank = rank(key);
            let is_better = text.is_none_or(|(_, _, other)| rank < Some(other));
            if let Some(rank) = rank.filter(|_| is_better) {
                text = Some((raw, has_escapes, rank));
            }
        }
        _ => {}
    })?;
    let (raw, has_escapes, _) = text?;
    let mut text = if has_escapes { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
    // Docker leaves the line break away where it cuts a long line; others have none at all. What reads
    // Kubernetes' logs hands their tag on.
    let is_whole = match tag {
        Some(tag) => tag != b"P",
        None => !stream || text.ends_with(b"\n") || text.len() < PIECE_BYTES,
    };
    if text.ends_with(b"\n") {
        text.to_mut().pop();
    }
    Some(Unwrapped { text, is_whole, time, origin: b"" })
}

/// Ranks the members with one name.
pub(super) fn only(name: &'static [u8]) -> impl Fn(&[u8]) -> Option<usize> {
    move |key| (key == name).then_some(0)
}

pub(super) fn in_properties(line: &[u8]) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let mut properties = None;
    members(line, |key, value| {
        if let (b"properties", Raw::Nested(nested)) = (key, value) {
            properties = Some(nested);
        }
    })?;
    let unwrapped = in_object(properties?, only(b"message"))?;
    // The time in there is not in the form of the others; the message has its own.
    Some(Unwrapped { time: None, ..unwrapped })
}

/// Reads what `CloudNativePG` makes of a line that the server wrote to stderr.
pub(super) fn in_record_of_pod(line: &[u8]) -> Option<Unwrapped<'_>> {
    memchr::memmem::find(line, b"\"logger\":\"postgres\"")?;
    let unwrapped = in_object(line, only(b"msg"))?;
    // A record of csvlog or jsonlog is another member.
    (&*unwrapped.text != b"record").then_some(Unwrapped { is_whole: true, ..unwrapped })
}

/// Reads what most collectors write, if it is none of the server's own objects. The line may be a member of a
/// member.
pub(super) fn in_any_object(line: &[u8]) -> Option<Unwrapped<'_>> {
    let mut inner = Vec::new();
    let (mut is_of_server, mut time) = (false, None);
    members(line, |key, value| {
        is_of_server |= is_of_servers_object(key);
        match (key, value) {
            (_, Raw::Nested(nested)) => inner.push(nested),
            (b"time" | b"timestamp" | b"@timestamp", Raw::String(raw, false)) => time = Some(raw),
            _ => {}
        }
    })?;
    if is_of_server {
        return None;
    }
    let rank = |key: &[u8]| TEXTS.iter().position(|text| *text == key);
    in_object(line, rank).or_else(|| {
        let found = inner.into_iter().find_map(|object| {
            let mut is_of_server = false;
            members(object, |key, _| is_of_server |= is_of_servers_object(key))?;
            in_object(object, rank).filter(|_| !is_of_server)
        })?;
        let outer = time.and_then(|time| std::str::from_utf8(time).ok());
        Some(Unwrapped { time: found.time.or(outer), ..found })
    })
}

/// Names of the member with the line, the surest first.
const TEXTS: [&[u8]; 18] = [
    b"message",
    b"@message",
    b"msg",
    b"line",
    b"body",
    b"MESSAGE",
    b"short_message",
    b"stringValue",
    b"log",
    b"Message",
    b"_raw",
    b"event_message",
    b"Body",
    b"_entry",
    b"event",
    b"raw",
    b"text",
    b"textPayload",
];

/// Tells whether an object that has this member is jsonlog, or has it in it.
fn is_of_servers_object(key: &[u8]) -> bool {
    key == b"error_severity" || key == b"record"
}

/// Reads an entry of the journal. What is no plain text is an array of bytes.
pub(super) fn in_journal(line: &[u8]) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let (mut text, mut time) = (None, None);
    members(line, |key, value| match (key, value) {
        (b"__REALTIME_TIMESTAMP", Raw::String(raw, _)) => time = std::str::from_utf8(raw).ok(),
        (b"MESSAGE", Raw::String(raw, true)) => text = Some(Cow::Owned(unescape(raw))),
        (b"MESSAGE", Raw::String(raw, false)) => text = Some(Cow::Borrowed(raw)),
        (b"MESSAGE", Raw::Nested(array)) => text = bytes_of(array).map(Cow::Owned),
        _ => {}
    })?;
    Some(Unwrapped { text: text?, is_whole: true, time, origin: b"" })
}

/// Reads `[76,79,71]`.
fn bytes_of(array: &[u8]) -> Option<Vec<u8>> {
    let array = std::str::from_utf8(array).ok()?.strip_prefix('[')?.strip_suffix(']')?;
    array.split(',').map(|byte| byte.trim().parse().ok()).collect()
}
