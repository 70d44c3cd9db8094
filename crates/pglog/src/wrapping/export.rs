//! The journal's export format, `journalctl -o export`.
//!
//! An entry is fields, each on a line: `NAME=value`. A value that has line breaks or is no text stands behind
//! its name on a line of its own, eight bytes that tell its length, and a line break behind it. An empty line
//! ends the entry.

use crate::{held::HeldLine, wrapping::cut::Cut};

/// Cuts the format into its entries.
#[derive(Debug)]
pub(crate) struct Export {
    state: State,
    /// The line so far, or the value.
    held: HeldLine,
    message: Option<Vec<u8>>,
    time: Option<String>,
    has_fields: bool,
    max_value_bytes: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Line,
    /// The length of a value, of which so many bytes have come.
    Length {
        is_message: bool,
        length: u64,
        bytes: u32,
    },
    /// So many bytes of a value, and its line break.
    Value {
        is_message: bool,
        left: u64,
    },
}

impl Export {
    pub(super) fn new(max_value_bytes: usize) -> Self {
        Self {
            state: State::Line,
            held: HeldLine::default(),
            message: None,
            time: None,
            has_fields: false,
            max_value_bytes,
        }
    }

    pub(super) fn is_within(&self) -> bool {
        self.has_fields || !self.held.is_empty()
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Cut>) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::Line => {
                    let Some(end) = memchr::memchr(b'\n', rest) else {
                        self.held.extend(rest, self.max_value_bytes);
                        break;
                    };
                    self.held.extend(rest.get(..end).unwrap_or_default(), self.max_value_bytes);
                    if let Some(cut) = self.end_line() {
                        return (at + end + 1, Some(cut));
                    }
                    end + 1
                }
                State::Length { is_message, length, bytes } => {
                    let byte = rest.first().copied().unwrap_or_default();
                    let length = length | u64::from(byte) << (8 * bytes);
                    self.state = match bytes {
                        7 => State::Value { is_message, left: length.saturating_add(1) },
                        _ => State::Length { is_message, length, bytes: bytes + 1 },
                    };
                    1
                }
                State::Value { is_message, left } => self.take_value(rest, is_message, left),
            };
        }
        (bytes.len(), None)
    }

    pub(super) fn take_rest(&mut self) -> Option<Cut> {
        if self.state == State::Line && !self.held.is_empty() {
            self.end_line();
        }
        self.end_entry()
    }

    fn take_value(&mut self, bytes: &[u8], is_message: bool, left: u64) -> usize {
        let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.held.extend(bytes.get(..length).unwrap_or_default(), self.max_value_bytes);
        let left = left - length as u64;
        self.state = State::Value { is_message, left };
        if left == 0 {
            let mut value = self.held.take();
            if value.ends_with(b"\n") {
                value.pop();
            }
            if is_message {
                self.message = Some(value);
            }
            self.state = State::Line;
        }
        length
    }

    fn end_line(&mut self) -> Option<Cut> {
        let line = self.held.take();
        if line.is_empty() {
            return self.end_entry();
        }
        self.has_fields = true;
        match memchr::memchr(b'=', &line).and_then(|end| line.split_at_checked(end)) {
            Some((b"MESSAGE", value)) => self.message = value.get(1..).map(<[u8]>::to_vec),
            Some((b"__REALTIME_TIMESTAMP", value)) => {
                let time = value.get(1..).map(|time| String::from_utf8_lossy(time).into_owned());
                self.time = time;
            }
            Some(_) => {}
            None => {
                let is_message = line == b"MESSAGE";
                self.state = State::Length { is_message, length: 0, bytes: 0 };
            }
        }
        None
    }

    /// Ends an entry. One without a message has nothing of the log.
    fn end_entry(&mut self) -> Option<Cut> {
        self.has_fields = false;
        self.state = State::Line;
        let time = self.time.take();
        self.message.take().map(|text| Cut { text, time })
    }
}

/// Tells whether a sample begins with an entry.
pub(super) fn is_export(sample: &[u8]) -> bool {
    let begins = sample.starts_with(b"__CURSOR=") || sample.starts_with(b"__REALTIME_TIMESTAMP=");
    begins && memchr::memmem::find(sample, b"\nMESSAGE").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_however_the_bytes_come() {
        // As `journalctl` printed it: a carriage return makes a value no text.
        let text = b"__CURSOR=s=9e;i=1\n__REALTIME_TIMESTAMP=1795486927000000\n_PID=77\n\
                     MESSAGE=2026-11-24 02:22:14.024 UTC [7586] LOG:  listening\n\n\
                     __CURSOR=s=9e;i=23c\n__REALTIME_TIMESTAMP=1795486927000571\nX\n\
                     \x02\0\0\0\0\0\0\0\n\n\nMESSAGE\n\x0a\0\0\0\0\0\0\0LOG:  a,\n\r\n\n\
                     __CURSOR=s=9e;i=23d\n_PID=7\n\n";
        for chunk in 1..text.len() {
            let mut export = Export::new(1000);
            let mut found = Vec::new();
            for bytes in text.chunks(chunk) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (used, cut) = export.take(rest);
                    found.extend(cut.map(|cut| (cut.text, cut.time.unwrap())));
                    rest = &rest[used..];
                }
            }
            assert!(!export.is_within());
            let expected = [
                ("2026-11-24 02:22:14.024 UTC [7586] LOG:  listening", "1795486927000000"),
                ("LOG:  a,\n\r", "1795486927000571"),
            ];
            let expected = expected.map(|(text, time)| (text.as_bytes().to_vec(), time.to_owned()));
            assert_eq!(found, expected, "by {chunk}");
        }
    }
}
