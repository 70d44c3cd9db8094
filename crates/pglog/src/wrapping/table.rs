//! Comma-separated values of which one column has the log: what consoles of clouds give for download.

use crate::{held::HeldLine, wrapping::cut::Cut};

/// Names of the column with the log, the surest first.
const TEXTS: [&str; 15] = [
    "@message",
    "message",
    "Message",
    "MESSAGE",
    "textPayload",
    "jsonPayload.message",
    "_raw",
    "event_message",
    "log",
    "Line",
    "line",
    "msg",
    "body",
    "content",
    "Content",
];

/// Names of the column with the time.
const TIMES: [&str; 6] = ["timestamp", "@timestamp", "Time", "time", "_time", "Timestamp"];

/// Cuts a table into its rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the first line says. `None` before it, and where reading began behind it.
    columns: Option<Columns>,
    awaits_names: bool,
    in_quotes: bool,
    /// The row so far.
    held: HeldLine,
    max_row_bytes: usize,
}

/// Where the columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    text: usize,
    time: Option<usize>,
}

impl Table {
    /// Makes a cutter for a table from its start on, or, where `is_begun`, from behind a row.
    pub(super) fn new(is_begun: bool, max_row_bytes: usize) -> Self {
        Self {
            columns: None,
            awaits_names: !is_begun,
            in_quotes: false,
            held: HeldLine::default(),
            max_row_bytes,
        }
    }

    pub(super) fn is_within(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Cut>) {
        let mut from = 0;
        for at in memchr::memchr2_iter(b'"', b'\n', bytes) {
            if bytes.get(at) == Some(&b'"') {
                self.in_quotes = !self.in_quotes;
            } else if !self.in_quotes {
                self.held.extend(bytes.get(from..at).unwrap_or_default(), self.max_row_bytes);
                from = at + 1;
                if let Some(cut) = self.end_row() {
                    return (from, Some(cut));
                }
            }
        }
        self.held.extend(bytes.get(from..).unwrap_or_default(), self.max_row_bytes);
        (bytes.len(), None)
    }

    pub(super) fn take_rest(&mut self) -> Option<Cut> {
        self.in_quotes = false;
        self.end_row()
    }

    fn end_row(&mut self) -> Option<Cut> {
        let row = self.held.take();
        let row = row.strip_suffix(b"\r").unwrap_or(&row);
        if std::mem::take(&mut self.awaits_names) {
            self.columns = Columns::named_in(row);
            return None;
        }
        let mut values = values(row);
        let columns = self.columns.unwrap_or(Columns { text: values.len().max(1) - 1, time: None });
        let time = columns.time.and_then(|time| values.get(time)).and_then(|time| time_of(time));
        if columns.text >= values.len() {
            return None;
        }
        let mut text = values.swap_remove(columns.text);
        if text.ends_with(b"\n") {
            text.pop();
        }
        Some(Cut { text, time })
    }
}

impl Columns {
    fn named_in(row: &[u8]) -> Option<Self> {
        let row = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row);
        let names = values(row);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"@_.- #/()[]".contains(byte);
        let is_name = |name: &Vec<u8>| {
            name.first().is_some_and(|first| !first.is_ascii_digit())
                && name.iter().all(is_part)
                && name.len() <= 64
        };
        let place = |wanted: &&str| names.iter().position(|name| name == wanted.as_bytes());
        let text = TEXTS.iter().find_map(place)?;
        let time = TIMES.iter().find_map(place);
        (names.len() > 1 && names.iter().all(is_name)).then_some(Self { text, time })
    }
}

/// Tells whether a sample begins with the names of a table's columns, of which one has the log.
pub(super) fn is_table(sample: &[u8]) -> bool {
    let first = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Columns::named_in(first.strip_suffix(b"\r").unwrap_or(first)).is_some()
}

/// Takes a row apart.
fn values(row: &[u8]) -> Vec<Vec<u8>> {
    let (mut values, mut value, mut in_quotes) = (Vec::new(), Vec::new(), false);
    let mut bytes = row.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if in_quotes && bytes.peek() == Some(&&b'"') => {
                bytes.next();
                value.push(b'"');
            }
            b'"' => in_quotes = !in_quotes,
            b',' if !in_quotes => values.push(std::mem::take(&mut value)),
            _ => value.push(*byte),
        }
    }
    values.push(value);
    values
}

/// Reads a time, also in the form of `CloudWatch`, whose times are UTC: `2026-11-24 02:22:07.123`.
fn time_of(value: &[u8]) -> Option<String> {
    const FORM: &[u8] = b"0000-00-00 00:00:00.000";
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    let text = std::str::from_utf8(value).ok()?;
    let is_spaced = value.len() == FORM.len() && value.iter().zip(FORM).all(fits);
    Some(if is_spaced { text.replace(' ', "T") + "Z" } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_out_however_the_bytes_come() {
        let text = "timestamp,message\n1795486927000,\"LOG:  say \"\"x\"\",\n\ty\"\r\n\
                    2026-11-24 02:22:07.123,LOG:  b\n";
        let cut = |text: &str, time: &str| Cut { text: text.into(), time: Some(time.into()) };
        for chunk in 1..text.len() {
            let mut table = Table::new(false, 1000);
            let mut found = Vec::new();
            for bytes in text.as_bytes().chunks(chunk) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (used, row) = table.take(rest);
                    found.extend(row);
                    rest = &rest[used..];
                }
            }
            let expected = [
                cut("LOG:  say \"x\",\n\ty", "1795486927000"),
                cut("LOG:  b", "2026-11-24T02:22:07.123Z"),
            ];
            assert_eq!(found, expected, "by {chunk}");
        }
    }

    #[test]
    fn only_names_begin_a_table() {
        for (line, is) in [
            ("timestamp,message", true),
            ("@timestamp,@message,@logStream", true),
            ("\"insertId\",\"textPayload\"", true),
            ("TimeGenerated [UTC],Message,errorLevel_s", true),
            ("date,stream,content", true),
            ("message", false),
            ("LOG:  message,line", false),
            ("2026-11-24 02:21:01.123 UTC,message", false),
        ] {
            assert_eq!(is_table(line.as_bytes()), is, "{line}");
        }
    }
}
