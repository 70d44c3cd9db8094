//! The csvlog format: bytes to entries.
//!
//! A record ends with a line break that is not in quotes, so it takes all of its bytes to see where it
//! ends. A record that was cut, by a rotation or a crash, leaves a quote open; what follows then no longer
//! looks like a record. From there the next place is looked for at which a whole record stands, and the
//! text up to it makes an entry of its own that is marked as unparsed.

mod entry;
mod layout;
mod piece;
mod scan;

use crate::{
    assemble::{Assembled, Limits},
    csvlog::{
        entry::{Record, long_values, missing, surplus},
        piece::Piece,
        scan::{Input, Scan, Spans, find_start, scan},
    },
    entry::{Depth, LogEntry},
    fingerprint::Fingerprint,
    held::{Gap, Held, raw_bytes_in},
    text::valid_start,
    timestamp::Clock,
};

/// How many bytes are copied at once to the record that is held.
const COPY_BYTES: usize = 64 << 10;

/// How many columns come before the message.
const MESSAGE: usize = 13;

/// Reads one file in the csvlog format, from one position on.
///
/// ```
/// use pglog::CsvReader;
///
/// let log = br#"2026-11-24 02:21:01.123 UTC,"bob","shop",7,"10.0.0.9:5432",6b04f48d.17ee,3,"SELECT",2026-11-24 02:21:00 UTC,3/5,0,ERROR,22012,"division by zero",,,,,,"SELECT 1
/// / 0",,,"psql","client backend",,0
/// "#;
/// let mut statements = Vec::new();
/// CsvReader::new().push(log, &mut |found| {
///     statements.extend(found.entry.statement.as_deref().map(str::to_owned));
/// });
/// assert_eq!(statements, ["SELECT 1\n/ 0"]);
/// ```
#[derive(Debug, Default)]
pub struct CsvReader {
    clock: Clock,
    limits: Limits,
    depth: Depth,
    /// Position of the first byte that is held, or will be pushed.
    position: u64,
    held: Held,
    /// Up to where the held bytes are known to be incomplete.
    scanned_bytes: usize,
    /// Text that is no record, until one follows.
    piece: Piece,
    /// Whether the byte before the position ended a line.
    at_line_end: bool,
    spans: Spans,
}

impl CsvReader {
    /// Makes a reader for a file's start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what decides how the reader reads on.
    pub(crate) fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.add(&(&self.clock, self.position, &self.held, &self.piece, self.at_line_end));
    }

    /// Sets the position of the first byte that will be pushed. It need not be the start of a record.
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
        while !self.held.is_empty() && !rest.is_empty() {
            rest = self.complete(rest, sink);
        }
        let used = self.take_records(rest, &[], Input::Open, sink);
        for bytes in rest.get(used..).unwrap_or_default().chunks(COPY_BYTES) {
            self.hold(bytes);
        }
    }

    /// Gives text to `sink` that is no record and begins before `position`, unless its line is still
    /// being written. Records are never kept back.
    pub fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.piece.start().is_some_and(|start| start < position) {
            self.flush(sink);
        }
    }

    /// Gives text to `sink` that is no record, unless its line is still being written.
    pub fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.at_line_end {
            self.end_piece(sink);
        }
    }

    /// Takes what is held as the end of the file, for ever.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let (held, gaps) = self.held.take();
        self.scanned_bytes = 0;
        self.take_records(&held, &gaps, Input::Ended, sink);
        self.end_piece(sink);
    }

    /// Returns where reading may resume if all entries given out so far are kept.
    #[must_use]
    pub fn safe_position(&self) -> u64 {
        self.piece.start().unwrap_or(self.position)
    }

    /// Tells whether what is held is likely to be a record: all that comes before its message is there.
    pub(crate) fn has_begun_record(&mut self) -> bool {
        scan(self.held.bytes(), Input::Open, &mut self.spans) == Scan::Incomplete
            && self.spans.as_slice().len() > MESSAGE
    }

    /// Returns the position of the next byte to push.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position + self.held.raw_bytes()
    }

    /// Adds lines to what is held until it is a record or turns out to be none; returns the rest.
    fn complete<'b>(&mut self, bytes: &'b [u8], sink: &mut impl FnMut(&Assembled<'_>)) -> &'b [u8] {
        let quotes = memchr::memchr_iter(b'"', self.held.bytes()).count();
        let mut in_quotes = quotes % 2 == 1;
        let mut from = 0;
        // A record ends where a line does and no quote is open.
        while let Some(line) = bytes.get(from..).and_then(|rest| {
            let end = memchr::memchr(b'\n', rest)?;
            rest.get(..=end)
        }) {
            from += line.len();
            in_quotes ^= memchr::memchr_iter(b'"', line).count() % 2 == 1;
            if !in_quotes || from >= COPY_BYTES {
                break;
            }
        }
        let ends_record = from > 0 && !in_quotes;
        let take = if ends_record { from } else { bytes.len().min(COPY_BYTES) };
        let (taken, rest) = bytes.split_at_checked(take).unwrap_or((bytes, &[]));
        self.hold(taken);
        let worth_a_look = self.held.bytes().len() >= 2 * self.scanned_bytes
            || self.held.bytes().len() < COPY_BYTES;
        if ends_record || worth_a_look {
            self.take_held(sink);
        }
        rest
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.held.extend(bytes);
        if self.held.has_grown_by(COPY_BYTES + 2 * self.limits.max_field_bytes) {
            scan(self.held.bytes(), Input::Open, &mut self.spans);
            let bytes = self.held.bytes();
            let cuts: Vec<Gap> = long_values(&self.spans)
                .filter_map(|span| surplus(bytes, span, self.limits.max_field_bytes))
                .collect();
            self.held.compact(&cuts);
        }
    }

    /// Takes what is whole of the bytes that are held.
    fn take_held(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let (held, gaps) = self.held.take();
        let used = self.take_records(&held, &gaps, Input::Open, sink);
        self.scanned_bytes = held.len() - used;
        self.held.put_back(held, gaps, used);
    }

    /// Takes records off the start of `bytes`, and text that is none; returns how many bytes were used.
    fn take_records(
        &mut self,
        bytes: &[u8],
        gaps: &[Gap],
        input: Input,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> usize {
        let mut at = 0;
        let mut text = Text::at(bytes, 0);
        // Only the first record can have gaps.
        let mut gaps = gaps;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let used = match scan(rest, input, &mut self.spans) {
                Scan::Record(length) => {
                    let record = rest.get(..length).unwrap_or(rest);
                    if !text.covers(at, length) {
                        text = Text::at(bytes, at);
                    }
                    self.take_record(record, text.get(at, length), gaps, sink);
                    length
                }
                Scan::Incomplete => break,
                Scan::Broken(end) => self.take_text(rest, gaps, (end, input), sink),
            };
            at += used;
            gaps = &[];
        }
        at
    }

    fn take_record(
        &mut self,
        bytes: &[u8],
        text: Option<&str>,
        gaps: &[Gap],
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        self.end_piece(sink);
        let start = self.position;
        self.position = start + bytes.len() as u64 + raw_bytes_in(gaps);
        self.at_line_end = true;
        let record = Record { bytes, text, spans: &self.spans, gaps };
        let (end, entry) = (self.position, LogEntry::default());
        let mut found = Assembled { entry, start, end, safe_position: end };
        let how = (self.limits.max_field_bytes, self.depth);
        record.read_into(&mut found.entry, &mut self.clock, how);
        sink(&found);
    }

    /// Takes text at the start of `bytes`, where there is no record: the byte at `end` cannot be part
    /// of one. Returns how many bytes were used.
    fn take_text(
        &mut self,
        bytes: &[u8],
        gaps: &[Gap],
        (end, input): (usize, Input),
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> usize {
        let max_bytes = self.limits.max_field_bytes as u64;
        let is_too_long = long_values(&self.spans).any(|span| {
            let there = (span.end - span.start) as u64;
            there + missing(gaps, span, |gap| gap.raw_bytes) > max_bytes
        });
        if is_too_long {
            // What was left out cannot be searched for a record; so that it makes no difference how
            // the bytes came, nor is it where it is still there.
            let text = bytes.get(..end.max(1)).unwrap_or(bytes);
            self.add_text(text, raw_bytes_in(gaps), sink);
            return text.len();
        }
        let text = bytes.get(..find_start(bytes, 1, input)).unwrap_or(bytes);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            self.add_text(line, 0, sink);
        }
        text.len()
    }

    fn add_text(&mut self, text: &[u8], missing: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let whole_bytes = text.len() as u64 + missing;
        let is_blank = text == b"\n" && missing == 0 && self.piece.start().is_none();
        // An empty line between records says nothing.
        if !is_blank {
            self.piece.add(text, whole_bytes, self.position, self.limits.max_field_bytes);
        }
        self.position += whole_bytes;
        self.at_line_end = text.last() == Some(&b'\n');
        if self.piece.is_full() && self.at_line_end {
            self.end_piece(sink);
        }
    }

    fn end_piece(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let end = self.position;
        if let Some((entry, start)) = self.piece.take(self.limits.max_field_bytes) {
            sink(&Assembled { entry, start, end, safe_position: end });
        }
    }
}

/// Takes one csvlog record apart, with or without its line break. `None` where it is none.
///
/// ```
/// let record = br#"2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,2026-11-24 02:21:00 UTC,,0,LOG,00000,"hello",,,,,,,,,"","checkpointer",,0"#;
/// let entry = pglog::parse_csv_record(record, &mut pglog::Clock::new()).expect("a record");
/// assert_eq!(entry.backend_type.as_deref(), Some("checkpointer"));
/// ```
#[must_use]
pub fn parse_csv_record<'a>(record: &'a [u8], clock: &mut Clock) -> Option<LogEntry<'a>> {
    let mut spans = Spans::default();
    let Scan::Record(length) = scan(record, Input::Ended, &mut spans) else { return None };
    let max_bytes = Limits::default().max_field_bytes;
    let is_all = length == record.len();
    let text = Text::at(record, 0).get(0, record.len());
    let record = Record { bytes: record, text, spans: &spans, gaps: &[] };
    is_all.then(|| {
        let mut entry = LogEntry::default();
        record.read_into(&mut entry, clock, (max_bytes, Depth::Meaning));
        entry
    })
}

/// A stretch of bytes that are text: it reaches up to a NUL or a byte that is no UTF-8. Many records are
/// checked at once this way.
#[derive(Debug, Clone, Copy)]
struct Text<'b> {
    start: usize,
    text: &'b str,
}

impl<'b> Text<'b> {
    /// The text in `bytes` from `start` on.
    fn at(bytes: &'b [u8], start: usize) -> Self {
        let bytes = bytes.get(start..).unwrap_or_default();
        let text = valid_start(bytes);
        let nul = memchr::memchr(0, text.as_bytes());
        let text = nul.and_then(|nul| text.get(..nul)).unwrap_or(text);
        Self { start, text }
    }

    const fn covers(&self, at: usize, length: usize) -> bool {
        at + length <= self.start + self.text.len()
    }

    fn get(&self, at: usize, length: usize) -> Option<&'b str> {
        let from = at.checked_sub(self.start)?;
        self.text.get(from..from + length)
    }
}

#[cfg(test)]
mod tests;
