//! What collectors put around the lines of a log, in whatever format it is.

use std::borrow::Cow;

use crate::{
    json::{Raw, members, unescape},
    syslog,
};

/// How lines are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrapping {
    /// Docker's `json-file`, and what else has the line as `log` in an object.
    Docker,
    /// Kubernetes' container runtimes: time, stream, whether the line is whole, line.
    Cri,
    /// Google Cloud: the line as `textPayload` in an object.
    CloudLogging,
    /// Azure Database: the line as `message` within the `properties` of an object.
    Azure,
    /// A time in front of each line: `kubectl logs --timestamps`, `docker logs -t`, exports of
    /// `CloudWatch`.
    Timestamps,
    /// A container's name in front of each line: `docker compose logs`, in colour or not.
    Compose,
    /// A pod's and a container's name in brackets in front of each line: `kubectl logs --prefix`.
    Kubectl,
    /// `CloudNativePG`: the server's line as `msg` in an object.
    CloudNativePg,
    /// `journalctl -o json`: the line as `MESSAGE` in an object.
    Journal,
    /// Lines that end as on Windows.
    Crlf,
}

/// A line without its wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwrapped<'l> {
    pub(crate) text: Cow<'l, [u8]>,
    /// False for a piece of a line that goes on in the next one.
    pub(crate) is_whole: bool,
    /// The time that the collector gave it.
    pub(crate) time: Option<&'l str>,
}

impl Wrapping {
    /// Every wrapping, the ones that cannot be mistaken first.
    pub const ALL: [Self; 10] = [
        Self::Docker,
        Self::CloudLogging,
        Self::Azure,
        Self::CloudNativePg,
        Self::Journal,
        Self::Cri,
        Self::Timestamps,
        Self::Compose,
        Self::Kubectl,
        Self::Crlf,
    ];

    /// Returns a short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Cri => "cri",
            Self::CloudLogging => "cloud-logging",
            Self::Azure => "azure",
            Self::Timestamps => "timestamps",
            Self::Compose => "compose",
            Self::Kubectl => "kubectl",
            Self::CloudNativePg => "cloudnative-pg",
            Self::Journal => "journal",
            Self::Crlf => "crlf",
        }
    }

    /// Tells how the lines of a sample are wrapped, which may begin and end in the middle of a line.
    /// `None` where they are not.
    #[must_use]
    pub fn detect(sample: &[u8]) -> Option<Self> {
        let fits = |wrapping: &Self| {
            // Lines that begin with a TAB say nothing about what others begin with.
            let lines = || lines_of(sample).filter(|line| !line.starts_with(b"\t"));
            let fitting = lines().filter(|line| wrapping.unwrap(line).is_some()).count();
            let all = lines().count();
            if *wrapping == Self::Crlf {
                return lines_of(sample).all(|line| line.ends_with(b"\r")) && fitting > 0;
            }
            // The first one may be cut, and a few may have been written by something else.
            fitting > 0 && fitting + 1 + all / 10 >= all
        };
        let wrapping = Self::ALL.into_iter().find(fits)?;
        // The header of syslog begins with a time too.
        (wrapping != Self::Timestamps || !syslog::is_syslog(sample)).then_some(wrapping)
    }

    /// Takes the wrapping off a sample.
    pub(crate) fn unwrap_all(self, sample: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(sample.len());
        for line in lines_of(sample) {
            let Some(line) = self.unwrap(line) else { continue };
            plain.extend_from_slice(&line.text);
            if line.is_whole {
                plain.push(b'\n');
            }
        }
        plain
    }

    /// Takes the wrapping off a line. `None` where it has none.
    pub(crate) fn unwrap(self, line: &[u8]) -> Option<Unwrapped<'_>> {
        match self {
            Self::Docker => in_object(line, |key, _| key == b"log"),
            Self::CloudLogging => in_object(line, |key, _| key == b"textPayload"),
            Self::Azure => in_properties(line),
            Self::Cri => behind_stream(line),
            Self::Timestamps => behind_time(line),
            Self::Compose => behind_name(line),
            Self::Kubectl => behind_pod(line),
            Self::CloudNativePg => in_record_of_pod(line),
            Self::Journal => in_journal(line),
            Self::Crlf => {
                let text = line.strip_suffix(b"\r")?;
                Some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: None })
            }
        }
    }
}

/// The lines of a sample that have a beginning and an end, where there are such.
fn lines_of(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', sample).and_then(|end| sample.get(..end)).unwrap_or(sample);
    whole.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// Takes a member of an object as the line; its `time` or `timestamp` is the line's.
fn in_object(line: &[u8], is_text: impl Fn(&[u8], Raw<'_>) -> bool) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let (mut text, mut time) = (None, None);
    members(line, |key, value| match value {
        Raw::String(raw, has_escapes) if is_text(key, value) => text = Some((raw, has_escapes)),
        Raw::String(raw, false) if key == b"time" || key == b"timestamp" => {
            time = std::str::from_utf8(raw).ok();
        }
        _ => {}
    })?;
    let (raw, has_escapes) = text?;
    let mut text = if has_escapes { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
    // Docker leaves the line break away where it cuts a long line; others have none at all.
    let is_docker = memchr::memmem::find(line, b"\"stream\":").is_some();
    let is_whole = !is_docker || text.ends_with(b"\n");
    if text.ends_with(b"\n") {
        text.to_mut().pop();
    }
    Some(Unwrapped { text, is_whole, time })
}

fn in_properties(line: &[u8]) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let mut properties = None;
    members(line, |key, value| {
        if let (b"properties", Raw::Nested(nested)) = (key, value) {
            properties = Some(nested);
        }
    })?;
    let unwrapped = in_object(properties?, |key, _| key == b"message")?;
    // The time in there is not in the form of the others; the message has its own.
    Some(Unwrapped { time: None, ..unwrapped })
}

/// Reads what `CloudNativePG` makes of a line that the server wrote to stderr.
fn in_record_of_pod(line: &[u8]) -> Option<Unwrapped<'_>> {
    memchr::memmem::find(line, b"\"logger\":\"postgres\"")?;
    let unwrapped = in_object(line, |key, _| key == b"msg")?;
    // A record of csvlog or jsonlog is another member.
    (&*unwrapped.text != b"record").then_some(Unwrapped { is_whole: true, ..unwrapped })
}

/// Reads an entry of the journal. What is no plain text is an array of bytes.
fn in_journal(line: &[u8]) -> Option<Unwrapped<'_>> {
    if !line.starts_with(b"{") {
        return None;
    }
    let mut text = None;
    members(line, |key, value| match (key, value) {
        (b"MESSAGE", Raw::String(raw, true)) => text = Some(Cow::Owned(unescape(raw))),
        (b"MESSAGE", Raw::String(raw, false)) => text = Some(Cow::Borrowed(raw)),
        (b"MESSAGE", Raw::Nested(array)) => text = bytes_of(array).map(Cow::Owned),
        _ => {}
    })?;
    Some(Unwrapped { text: text?, is_whole: true, time: None })
}

/// Reads `[76,79,71]`.
fn bytes_of(array: &[u8]) -> Option<Vec<u8>> {
    let array = std::str::from_utf8(array).ok()?.strip_prefix('[')?.strip_suffix(']')?;
    array.split(',').map(|byte| byte.trim().parse().ok()).collect()
}

/// Reads `2026-11-24T02:20:47.123456789Z stderr F LINE`.
fn behind_stream(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (time, rest) = time_off(line)?;
    let rest = rest.strip_prefix(b"stderr ").or_else(|| rest.strip_prefix(b"stdout "))?;
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let (tags, text) = rest.split_at_checked(end)?;
    // More tags may follow behind a colon.
    let is_whole = match tags.first()? {
        b'F' => true,
        b'P' => false,
        _ => return None,
    };
    let text = text.strip_prefix(b" ").unwrap_or(text);
    Some(Unwrapped { text: Cow::Borrowed(text), is_whole, time: Some(time) })
}

/// Reads `2026-11-24T02:20:47.123Z LINE`. A line that goes on may have no time of its own.
fn behind_time(line: &[u8]) -> Option<Unwrapped<'_>> {
    if line.starts_with(b"\t") {
        return Some(Unwrapped { text: Cow::Borrowed(line), is_whole: true, time: None });
    }
    let (time, text) = time_off(line)?;
    Some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: Some(time) })
}

/// Reads `db-1  | LINE`.
fn behind_name(line: &[u8]) -> Option<Unwrapped<'_>> {
    let line = colour_off(line);
    let bar = memchr::memchr(b'|', line.get(..128).unwrap_or(line))?;
    let name = line.get(..bar)?.strip_suffix(b" ")?.trim_ascii_end();
    let is_name = !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let text = line.get(bar + 1..)?;
    let text = colour_off(text.strip_prefix(b" ").unwrap_or(text));
    is_name.then_some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: None })
}

/// Takes an escape sequence that changes the colour, `ESC[36m`, off.
fn colour_off(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(b"\x1b[") else { return text };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b';').count();
    match rest.get(digits) {
        Some(b'm') => rest.get(digits + 1..).unwrap_or_default(),
        _ => text,
    }
}

/// Reads `[pod/pg-0/postgres] LINE`.
fn behind_pod(line: &[u8]) -> Option<Unwrapped<'_>> {
    let rest = line.strip_prefix(b"[pod/")?;
    let end = memchr::memchr(b']', rest.get(..256).unwrap_or(rest))?;
    let text = rest.get(end + 1..)?;
    let text = text.strip_prefix(b" ").unwrap_or(text);
    Some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: None })
}

/// Splits an RFC 3339 time and the blank behind it off.
fn time_off(line: &[u8]) -> Option<(&str, &[u8])> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    if line.len() < FORM.len() || !line.iter().zip(FORM).all(fits) {
        return None;
    }
    let end = line.iter().take(40).position(|byte| *byte == b' ')?;
    let time = std::str::from_utf8(line.get(..end)?).ok()?;
    Some((time, line.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str =
        r#"{"log":"LOG:  a\tb\n","stream":"stderr","time":"2026-11-24T02:20:47.1Z"}"#;

    fn unwrapped(wrapping: Wrapping, line: &str) -> Option<(String, bool, Option<&str>)> {
        let Unwrapped { text, is_whole, time } = wrapping.unwrap(line.as_bytes())?;
        Some((String::from_utf8(text.into_owned()).unwrap(), is_whole, time))
    }

    #[test]
    fn lines_of_every_wrapping_are_unwrapped() {
        let time = Some("2026-11-24T02:20:47.1Z");
        for (wrapping, line, is_whole, time) in [
            (Wrapping::Docker, DOCKER, true, time),
            (Wrapping::Docker, &DOCKER.replace("\\n", ""), false, time),
            (Wrapping::Cri, "2026-11-24T02:20:47.1Z stderr F LOG:  a\tb", true, time),
            (Wrapping::Cri, "2026-11-24T02:20:47.1Z stdout P LOG:  a\tb", false, time),
            (
                Wrapping::CloudLogging,
                r#"{"textPayload":"LOG:  a\tb","timestamp":"2026-11-24T02:20:47.1Z"}"#,
                true,
                time,
            ),
            (Wrapping::Azure, r#"{"properties":{"message":"LOG:  a\tb"}}"#, true, None),
            (Wrapping::Timestamps, "2026-11-24T02:20:47.1Z LOG:  a\tb", true, time),
            (Wrapping::Compose, "db-1  | LOG:  a\tb", true, None),
            (Wrapping::Compose, "\x1b[36mdb-1  | \x1b[0mLOG:  a\tb", true, None),
            (Wrapping::Kubectl, "[pod/pg-0/postgres] LOG:  a\tb", true, None),
            (
                Wrapping::CloudNativePg,
                r#"{"level":"info","logger":"postgres","msg":"LOG:  a\tb","pipe":"stderr"}"#,
                true,
                None,
            ),
            (Wrapping::Journal, r#"{"_PID":"7","MESSAGE":"LOG:  a\tb"}"#, true, None),
            (
                Wrapping::Journal,
                r#"{"MESSAGE":[76,79,71,58,32,32,97,9,98],"_PID":"7"}"#,
                true,
                None,
            ),
            (Wrapping::Crlf, "LOG:  a\tb\r", true, None),
        ] {
            let expected = Some(("LOG:  a\tb".to_owned(), is_whole, time));
            assert_eq!(unwrapped(wrapping, line), expected, "{line}");
            let sample = format!("{line}\n").repeat(3);
            assert_eq!(Wrapping::detect(sample.as_bytes()), Some(wrapping), "{line}");
            assert_eq!(Wrapping::detect(&sample.as_bytes()[5..]), Some(wrapping), "{line}");
        }
    }

    #[test]
    fn plain_logs_are_not_wrapped() {
        for line in [
            "2026-11-24 02:20:47 UTC [7] LOG:  x",
            r#"{"timestamp":"2026-11-24 02:20:47.123 UTC","error_severity":"LOG","message":"x"}"#,
            r#"{"level":"info","logger":"postgres","msg":"record","record":{"message":"x"}}"#,
            "Nov 24 02:22:07 vm postgres[7]: [1-1] LOG:  x",
            "a b | LOG:  x",
            "",
        ] {
            assert_eq!(Wrapping::detect(format!("{line}\n").as_bytes()), None, "{line}");
        }
    }
}
