//! A log that stands in one text of an object: what `aws rds download-db-log-file-portion` prints where nobody
//! asks for text.

use crate::{held::HeldLine, json::unescape, wrapping::cut::Cut};

/// The name of the member with the text.
const NAME: &[u8] = b"\"LogFileData\"";

/// What may stand between the name and the text, and before the name on its line.
const MAX_LEAD_BYTES: usize = 256;

/// Cuts the text into its lines.
#[derive(Debug)]
pub(crate) struct Portion {
    state: State,
    /// What stands before the text, or the line so far with its escapes.
    held: HeldLine,
    max_line_bytes: usize,
}

/// Where the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the text.
    Outside,
    /// In the text.
    Within,
    /// In it, behind the sign that begins an escape.
    Escaped,
}

impl Portion {
    /// Makes a cutter for a document from its start on, or, where `is_begun`, from behind a line.
    pub(super) fn new(is_begun: bool, max_line_bytes: usize) -> Self {
        let state = if is_begun { State::Within } else { State::Outside };
        Self { state, held: HeldLine::default(), max_line_bytes }
    }

    pub(super) fn is_within(&self) -> bool {
        self.state != State::Outside && !self.held.is_empty()
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Cut>) {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match (self.state, byte) {
                (State::Outside, b'"') => {
                    let head = bytes.get(from..at).unwrap_or_default();
                    self.held.extend(head, MAX_LEAD_BYTES);
                    let head = self.held.take();
                    if head.strip_suffix(b":").is_some_and(|head| head.ends_with(NAME)) {
                        self.state = State::Within;
                        from = at + 1;
                    } else {
                        self.held.extend(&head, MAX_LEAD_BYTES);
                        from = at;
                    }
                }
                (State::Outside, b' ' | b'\n' | b'\r' | b',') => {
                    self.held.extend(bytes.get(from..at).unwrap_or_default(), MAX_LEAD_BYTES);
                    from = at + 1;
                    if *byte != b' ' {
                        self.held.take();
                    }
                }
                (State::Within, b'\\') => self.state = State::Escaped,
                (State::Within, b'"') if at > from || !self.held.is_empty() => {
                    // The quote is left to be read, so that what stands behind each line is within the text.
                    return (at, self.end_line(bytes.get(from..at)));
                }
                (State::Within, b'"') => {
                    self.state = State::Outside;
                    from = at + 1;
                }
                (State::Escaped, b'n') => {
                    self.state = State::Within;
                    return (at + 1, self.end_line(bytes.get(from..=at)));
                }
                (State::Escaped, _) => self.state = State::Within,
                _ => {}
            }
        }
        let limit = if self.state == State::Outside { MAX_LEAD_BYTES } else { self.max_line_bytes };
        self.held.extend(bytes.get(from..).unwrap_or_default(), limit);
        (bytes.len(), None)
    }

    pub(super) fn take_rest(&mut self) -> Option<Cut> {
        let is_text = self.state != State::Outside;
        self.state = State::Outside;
        let rest = self.end_line(Some(b""));
        rest.filter(|_| is_text)
    }

    /// Ends a line with its last bytes. The text ends with one of nothing.
    fn end_line(&mut self, last: Option<&[u8]>) -> Option<Cut> {
        self.held.extend(last.unwrap_or_default(), self.max_line_bytes);
        let line = self.held.take();
        let mut text = unescape(&line);
        if text.ends_with(b"\n") {
            text.pop();
        } else if text.is_empty() {
            return None;
        }
        Some(Cut { text, time: None })
    }
}

/// Tells whether a sample begins with the object.
pub(super) fn is_portion(sample: &[u8]) -> bool {
    let head = sample.get(..MAX_LEAD_BYTES).unwrap_or(sample);
    sample.trim_ascii_start().starts_with(b"{") && memchr::memmem::find(head, NAME).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_out_however_the_bytes_come() {
        let text = "{\n    \"LogFileData\": \"LOG:  say \\\"x\\\\n\\\"\\n\\ty\\n\\nLOG:  z\",\n    \
                    \"Marker\": \"1:2\",\n    \"AdditionalDataPending\": false\n}\n\
                    {\"LogFileData\":\"LOG:  b\\n\",\"Marker\":\"\"}\n";
        for chunk in 1..text.len() {
            let mut portion = Portion::new(false, 1000);
            let mut found = Vec::new();
            for bytes in text.as_bytes().chunks(chunk) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (used, cut) = portion.take(rest);
                    found.extend(cut.map(|cut| String::from_utf8(cut.text).unwrap()));
                    rest = &rest[used..];
                }
            }
            let expected = ["LOG:  say \"x\\n\"", "\ty", "", "LOG:  z", "LOG:  b"];
            assert_eq!(found, expected, "by {chunk}");
            assert!(!portion.is_within());
        }
    }
}
