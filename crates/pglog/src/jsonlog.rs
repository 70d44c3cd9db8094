//! The jsonlog format: bytes to entries.
//!
//! Each line is one object (PostgreSQL 15 and later), or one that `CloudNativePG` has wrapped. A line that
//! is none makes an entry of its own that is marked as unparsed.

mod entry;

use crate::{
    assemble::{Assembled, Limits},
    entry::{Depth, Field, LogEntry},
    fingerprint::Fingerprint,
    held::{Gap, Held, raw_bytes_in},
    json::{Stretch, escaped, stretches, unescape},
    text::decode,
    timestamp::Clock,
};

/// How many bytes are copied at once to the line that is held.
const COPY_BYTES: usize = 64 << 10;

/// A line has at most so many times the bytes of one long field, surplus not counted.
const MAX_LONG_FIELDS: usize = 8;

/// The longest escape: a character of two halves.
const MAX_ESCAPE_BYTES: usize = 12;

/// How the objects of the server begin.
const HEADS: [&[u8]; 2] = [b"{\"timestamp\":\"", b"{\"level\":\""];

/// Reads one file in the jsonlog format, from one position on.
///
/// ```
/// use pglog::JsonReader;
///
/// let log = br#"{"timestamp":"2026-11-24 02:21:01.123 UTC","pid":7,"error_severity":"LOG","message":"hello"}
/// "#;
/// let mut messages = Vec::new();
/// JsonReader::new().push(log, &mut |found| messages.push(found.entry.message.to_string()));
/// assert_eq!(messages, ["hello"]);
/// ```
#[derive(Debug, Default)]
pub struct JsonReader {
    clock: Clock,
    limits: Limits,
    depth: Depth,
    /// Position of the first byte of the line that is not whole.
    position: u64,
    held: Held,
    /// Bytes of that line behind those held that nothing will be made of.
    skipped_bytes: u64,
}

impl JsonReader {
    /// Adds what decides how the reader reads on.
    pub(crate) fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.add(&(&self.clock, self.position, &self.held, self.skipped_bytes));
    }

    /// Makes a reader for a file's start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the position of the first byte that will be pushed. It need not be the start of a line.
    #[must_use]
    pub const fn starting_at(mut self, position: u64) -> Self {
        self.position = position;
        self
    }

    /// Sets how times are read.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Sets how much is read out of the entries' texts.
    #[must_use]
    pub const fn with_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Sets how much is read out of the texts of entries to come.
    pub(crate) const fn set_depth(&mut self, depth: Depth) {
        self.depth = depth;
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the next bytes of the file, cut anywhere, and gives the entries that are whole to `sink`.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if self.held.is_empty() {
                self.take_line(line, &[], line.len() as u64 + 1, sink);
            } else {
                self.hold(line);
                self.end_line(1, sink);
            }
            rest = behind;
        }
        self.hold(rest);
    }

    /// Takes a last line without a line break as whole: the file is at its end for ever.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if !self.held.is_empty() {
            self.end_line(0, sink);
        }
    }

    /// Returns where reading may resume if all entries given out so far are kept.
    #[must_use]
    pub const fn safe_position(&self) -> u64 {
        self.position
    }

    /// Tells whether the line that is not whole is likely to be a record.
    pub(crate) fn has_begun_record(&self) -> bool {
        HEADS.iter().any(|head| self.held.bytes().starts_with(head))
    }

    /// Returns the position of the next byte to push.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position + self.held.raw_bytes() + self.skipped_bytes
    }

    fn hold(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(COPY_BYTES) {
            if self.skipped_bytes > 0 {
                self.skipped_bytes += bytes.len() as u64;
                continue;
            }
            self.held.extend(bytes);
            if self.held.has_grown_by(COPY_BYTES + 2 * self.limits.max_field_bytes) {
                self.compact();
            }
        }
    }

    /// Leaves out what no entry can have of the line that is held.
    fn compact(&mut self) {
        let max_bytes = self.limits.max_field_bytes;
        let line = self.held.bytes();
        let cuts: Vec<Gap> =
            stretches(line).filter_map(|stretch| surplus(line, stretch, max_bytes)).collect();
        self.held.compact(&cuts);
        if is_hopeless(self.held.bytes(), max_bytes) {
            let raw_bytes = self.held.raw_bytes();
            let (mut bytes, _) = self.held.take();
            bytes.truncate(max_bytes + 4);
            self.skipped_bytes = raw_bytes - bytes.len() as u64;
            self.held.put_back(bytes, Vec::new(), 0);
        }
    }

    fn end_line(&mut self, break_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let raw_bytes = self.held.raw_bytes() + self.skipped_bytes + break_bytes;
        let (line, gaps) = self.held.take();
        if self.skipped_bytes > 0 {
            self.skipped_bytes = 0;
            self.take_text(&line, raw_bytes - break_bytes, raw_bytes, sink);
        } else {
            self.take_line(&line, &gaps, raw_bytes, sink);
        }
        let used = line.len();
        self.held.put_back(line, Vec::new(), used);
    }

    /// Takes a line without its line break, of so many bytes with it.
    fn take_line(
        &mut self,
        line: &[u8],
        gaps: &[Gap],
        raw_bytes: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        let max_bytes = self.limits.max_field_bytes;
        if line.len() <= max_bytes && line.trim_ascii().is_empty() {
            // A line of nothing tells nothing.
            self.position += raw_bytes;
            return;
        }
        let is_long = line.len() > max_bytes || !gaps.is_empty();
        let mut found =
            Assembled { entry: LogEntry::default(), start: 0, end: 0, safe_position: 0 };
        if self.read_into(&mut found.entry, line, gaps).is_some() {
            self.emit(&mut found, raw_bytes, sink);
            return;
        }
        found.entry.clear();
        // Behind text that has lost its line break a whole object may stand.
        let head = if is_long { None } else { find_last_head(line) };
        let split = head.and_then(|at| line.split_at_checked(at));
        if let Some((text, own)) = split
            && self.read_into(&mut found.entry, own, &[]).is_some()
        {
            let text_bytes = text.len() as u64;
            self.take_text(text, text_bytes, text_bytes, sink);
            self.emit(&mut found, raw_bytes - text_bytes, sink);
        } else {
            let text_bytes = line.len() as u64 + raw_bytes_in(gaps);
            self.take_text(line, text_bytes, raw_bytes, sink);
        }
    }

    fn read_into<'a>(
        &mut self,
        entry: &mut LogEntry<'a>,
        line: &'a [u8],
        gaps: &[Gap],
    ) -> Option<()> {
        let max_bytes = self.limits.max_field_bytes;
        let is_long = line.len() > max_bytes || !gaps.is_empty();
        if is_long && is_hopeless(line, max_bytes) {
            return None;
        }
        entry::read_into(entry, (line, gaps), &mut self.clock, (max_bytes, self.depth))
    }

    /// Takes text that is no record, of which only the beginning may be there.
    fn take_text(
        &mut self,
        text: &[u8],
        text_bytes: u64,
        raw_bytes: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        let max_bytes = self.limits.max_field_bytes;
        let mut entry = LogEntry { unparsed: true, ..LogEntry::default() };
        // Four more, so that a character is not cut where it need not be.
        let mut message = decode(text.get(..max_bytes + 4).unwrap_or(text)).into_owned();
        if text_bytes > max_bytes as u64 {
            message.truncate(message.floor_char_boundary(max_bytes));
            entry.truncated.push((Field::Message, text_bytes));
        }
        entry.message = message.into();
        let mut found = Assembled { entry, start: 0, end: 0, safe_position: 0 };
        self.emit(&mut found, raw_bytes, sink);
    }

    /// Gives an entry out, of so many bytes.
    fn emit(
        &mut self,
        found: &mut Assembled<'_>,
        raw_bytes: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        found.start = self.position;
        self.position += raw_bytes;
        (found.end, found.safe_position) = (self.position, self.position);
        sink(found);
    }
}

/// Takes one line of jsonlog apart, with or without its line break. `None` where it is no object that
/// the server wrote.
///
/// ```
/// let line = br#"{"pid":7,"error_severity":"ERROR","message":"division by zero","query_id":-12}"#;
/// let entry = pglog::parse_json_line(line, &mut pglog::Clock::new()).expect("a record");
/// assert_eq!(entry.query_id, Some(-12));
/// ```
#[must_use]
pub fn parse_json_line<'a>(line: &'a [u8], clock: &mut Clock) -> Option<LogEntry<'a>> {
    let mut entry = LogEntry::default();
    let how = (Limits::default().max_field_bytes, Depth::Meaning);
    entry::read_into(&mut entry, (line, &[]), clock, how)?;
    Some(entry)
}

/// Finds the last place within a line where an object of the server may begin.
fn find_last_head(line: &[u8]) -> Option<usize> {
    HEADS.iter().filter_map(|head| memchr::memmem::rfind(line, head)).max().filter(|at| *at > 0)
}

/// Tells whether a line is so long that it is not looked at. What is left out when it comes in pieces
/// does not count.
fn is_hopeless(line: &[u8], max_bytes: usize) -> bool {
    let mut kept = 0;
    stretches(line).any(|stretch| {
        let length = stretch.end - stretch.start;
        // With the quote behind it.
        kept += length.min(max_bytes) + 1;
        kept > MAX_LONG_FIELDS * max_bytes || (!stretch.is_string && length > max_bytes)
    })
}

/// What of a stretch can be left out because it is more than an entry may have.
fn surplus(line: &[u8], stretch: Stretch, max_bytes: usize) -> Option<Gap> {
    // A character that is cut at the end must not be among those that are wanted.
    let wanted = max_bytes + 4;
    let text = line.get(stretch.start..stretch.end)?;
    if text.len() <= wanted {
        return None;
    }
    if !stretch.is_string {
        let raw_bytes = (text.len() - wanted) as u64;
        return Some(Gap { at: stretch.start + wanted, raw_bytes, value_bytes: raw_bytes });
    }
    let kept = kept_bytes(text, wanted)?;
    let behind = text.get(kept..)?;
    let cut = behind.get(..whole_escapes(behind)).filter(|cut| !cut.is_empty())?;
    Some(Gap {
        at: stretch.start + kept,
        raw_bytes: cut.len() as u64,
        value_bytes: unescape(cut).len() as u64,
    })
}

/// How many bytes at the start of a string's rest end with a whole escape. Of those near the end only the
/// rest that is still to come tells.
fn whole_escapes(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(plain) = memchr::memchr(b'\\', rest) else { break };
        at += plain;
        let escape = text.get(at..).unwrap_or_default();
        if escape.len() < MAX_ESCAPE_BYTES {
            return at;
        }
        at += escaped(escape).1;
    }
    text.len()
}

/// How many bytes of a string stand for the first `wanted` bytes of its value. `None` where it has no
/// more than those.
fn kept_bytes(text: &[u8], wanted: usize) -> Option<usize> {
    let (mut kept, mut value_bytes) = (0, 0);
    while value_bytes < wanted {
        let rest = text.get(kept..)?;
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let taken = plain.min(wanted - value_bytes);
        kept += taken;
        value_bytes += taken;
        if value_bytes < wanted {
            let escape = rest.get(plain..).filter(|escape| escape.len() >= MAX_ESCAPE_BYTES)?;
            let (character, length) = escaped(escape);
            kept += length;
            value_bytes += character.len_utf8();
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests;
