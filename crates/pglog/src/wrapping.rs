//! What collectors put around the lines of a log, in whatever format it is.

mod document;
mod object;

use std::borrow::Cow;

pub(crate) use document::{Records, Shape};

use crate::{
    format::Format,
    syslog,
    wrapping::object::{in_any_object, in_journal, in_object, in_properties, in_record_of_pod},
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
    /// Any other collector that has the line as `message`, `msg`, `line` or `body` in an object.
    Json,
    /// A pod's and a container's name in front of each line, as `stern` prints them, in colour or not.
    Stern,
    /// Lines that end as on Windows.
    Crlf,
    /// Objects in an array, be it a member of an object: what clouds give for download.
    JsonArray,
    /// Objects that stand over many lines each.
    JsonObjects,
}

/// A line without its wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwrapped<'l> {
    pub(crate) text: Cow<'l, [u8]>,
    /// False for a piece of a line that goes on in the next one.
    pub(crate) is_whole: bool,
    /// The time that the collector gave it: RFC 3339, or a number since 1970.
    pub(crate) time: Option<&'l str>,
}

impl Wrapping {
    /// Every wrapping, the ones that cannot be mistaken first.
    pub const ALL: [Self; 14] = [
        Self::Docker,
        Self::CloudLogging,
        Self::Azure,
        Self::CloudNativePg,
        Self::Journal,
        Self::Cri,
        Self::Timestamps,
        Self::Compose,
        Self::Kubectl,
        Self::Json,
        Self::Stern,
        Self::Crlf,
        Self::JsonArray,
        Self::JsonObjects,
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
            Self::Json => "json",
            Self::Stern => "stern",
            Self::Crlf => "crlf",
            Self::JsonArray => "json-array",
            Self::JsonObjects => "json-objects",
        }
    }

    /// Tells how the lines of a sample are wrapped, which may begin and end in the middle of a line.
    /// `None` where they are not.
    #[must_use]
    pub fn detect(sample: &[u8]) -> Option<Self> {
        let wrapping = Self::ALL.into_iter().find(|wrapping| match wrapping.shape() {
            Some(shape) => is_document(sample, shape),
            None => wrapping.fits_lines(sample),
        })?;
        // The header of syslog begins with a time too.
        (wrapping != Self::Timestamps || !syslog::is_syslog(sample)).then_some(wrapping)
    }

    /// Tells whether the lines of a sample are wrapped so.
    fn fits_lines(self, sample: &[u8]) -> bool {
        // Lines that begin with a TAB say nothing about what others begin with.
        let lines = || lines_of(sample).filter(|line| !line.starts_with(b"\t"));
        let fitting = lines().filter(|line| self.unwrap(line).is_some()).count();
        let all = lines().count();
        if self == Self::Crlf {
            return lines_of(sample).all(|line| line.ends_with(b"\r")) && fitting > 0;
        }
        // The first one may be cut, and a few may have been written by something else.
        fitting > 0 && fitting + 1 + all / 10 >= all && self.is_sure(sample)
    }

    /// Tells whether a sample that fits cannot be a plain log. Two names may be a user and a database of the
    /// prefix as well, but then a line that goes on begins with its TAB, and no format without a prefix
    /// stands behind them.
    fn is_sure(self, sample: &[u8]) -> bool {
        let proves = |line: &[u8]| {
            let goes_on = self.unwrap(line).is_some_and(|line| {
                let text = time_off(&line.text).map_or(&*line.text, |(_, text)| text);
                text.starts_with(b"\t")
            });
            goes_on || line.starts_with(b"\x1b[")
        };
        let is_record =
            |log: &[u8]| matches!(Format::detect(log), Format::Csvlog | Format::Jsonlog);
        self != Self::Stern || lines_of(sample).any(proves) || is_record(&self.unwrap_all(sample))
    }

    /// Takes the wrapping off a sample.
    pub(crate) fn unwrap_all(self, sample: &[u8]) -> Vec<u8> {
        if let Some(shape) = self.shape() {
            return lines_of_document(sample, shape);
        }
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

    /// Tells whether each line is an object.
    const fn is_object(self) -> bool {
        matches!(
            self,
            Self::Docker
                | Self::CloudLogging
                | Self::Azure
                | Self::CloudNativePg
                | Self::Journal
                | Self::Json
        )
    }

    /// How the wrapping's records stand in the document that it is. `None` where it is one of lines.
    pub(crate) const fn shape(self) -> Option<Shape> {
        match self {
            Self::JsonArray => Some(Shape::Array),
            Self::JsonObjects => Some(Shape::Objects),
            _ => None,
        }
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
            Self::Json => in_any_object(line),
            Self::Stern => behind_names(line),
            Self::Crlf => {
                let text = line.strip_suffix(b"\r")?;
                Some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: None })
            }
            // Their lines are records, not lines.
            Self::JsonArray | Self::JsonObjects => None,
        }
    }
}

/// Tells whether a sample is the beginning of a document whose records are wrapped lines.
fn is_document(sample: &[u8], shape: Shape) -> bool {
    let begins = match shape {
        Shape::Array => sample.trim_ascii_start().first().is_some_and(|b| b"[{".contains(b)),
        Shape::Objects => sample.trim_ascii_start().starts_with(b"{"),
    };
    begins && {
        let lines = lines_of_document(sample, shape);
        Wrapping::ALL.into_iter().any(|inner| inner.is_object() && inner.fits_lines(&lines))
    }
}

/// The records of a document, each on a line.
fn lines_of_document(sample: &[u8], shape: Shape) -> Vec<u8> {
    let mut records = Records::new(shape, false, sample.len());
    let mut lines = Vec::with_capacity(sample.len());
    let mut rest = sample;
    while !rest.is_empty() {
        let (used, record) = records.take(rest);
        if let Some(record) = record {
            lines.extend_from_slice(&record);
            lines.push(b'\n');
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    lines
}

/// The lines of a sample that have a beginning and an end, where there are such.
fn lines_of(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', sample).and_then(|end| sample.get(..end)).unwrap_or(sample);
    whole.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
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

/// Reads `pg-0 postgres LINE`.
fn behind_names(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (pod, rest) = name_off(line)?;
    let (_container, text) = name_off(rest)?;
    let is_pod = pod.contains(&b'-');
    is_pod.then_some(Unwrapped { text: Cow::Borrowed(text), is_whole: true, time: None })
}

/// Splits a name as Kubernetes allows it, in colour or not, and the blank behind it off.
fn name_off(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = colour_off(line);
    let is_part = |byte: &&u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let (name, rest) = line.split_at_checked(line.iter().take_while(is_part).count())?;
    let rest = colour_off(rest).strip_prefix(b" ")?;
    (!name.is_empty()).then_some((name, rest))
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
            (
                Wrapping::Json,
                r#"{"@timestamp":"2026-11-24T02:20:47.1Z","message":"LOG:  a\tb"}"#,
                true,
                time,
            ),
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
            (
                Wrapping::Journal,
                r#"{"__REALTIME_TIMESTAMP":"1769593263123456","MESSAGE":"LOG:  a\tb"}"#,
                true,
                Some("1769593263123456"),
            ),
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
    fn two_names_before_a_line_that_goes_on_are_a_pod_and_a_container() {
        for log in [
            "pg-0 postgres LOG:  a\npg-0 postgres \tb\n",
            "\x1b[36mpg-0\x1b[0m \x1b[36mpostgres\x1b[0m LOG:  a\n",
        ] {
            assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::Stern), "{log}");
            let line = unwrapped(Wrapping::Stern, log.lines().next().unwrap());
            assert_eq!(line, Some(("LOG:  a".to_owned(), true, None)));
        }
        let record = b"pg-0 postgres 2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,\
                       2026-11-24 02:21:00 UTC,,0,LOG,00000,\"a\",,,,,,,,,\"\",\"startup\",,0\n";
        assert_eq!(Wrapping::detect(record), Some(Wrapping::Stern));
        // Here the TAB is the server's, and the names are of the prefix.
        assert_eq!(Wrapping::detect(b"bob-1 shop LOG:  a\n\tb\n"), None);
    }

    #[test]
    fn plain_logs_are_not_wrapped() {
        for line in [
            "2026-11-24 02:20:47 UTC [7] LOG:  x",
            r#"{"timestamp":"2026-11-24 02:20:47.123 UTC","error_severity":"LOG","message":"x"}"#,
            r#"{"level":"info","logger":"postgres","msg":"record","record":{"message":"x"}}"#,
            "bob-1 shop 2026-11-24 02:20:47 UTC LOG:  x",
            "Nov 24 02:22:07 vm postgres[7]: [1-1] LOG:  x",
            "a b | LOG:  x",
            "",
        ] {
            assert_eq!(Wrapping::detect(format!("{line}\n").as_bytes()), None, "{line}");
        }
    }
}
