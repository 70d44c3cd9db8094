//! Logs that went through syslog: bytes to entries.
//!
//! The server cuts a message into lines, and long lines into chunks, and numbers both: `[12-3]` is the
//! third chunk of a process's twelfth message. Processes write side by side. What belongs together is put
//! together here and is read like stderr then: each message has its `log_line_prefix`, its label and its
//! continuation lines with TABs, which syslog daemons write as `#011`.
//!
//! What syslog adds, time and pid, is used where the prefix has none.

mod header;
mod joined;
mod time;

use std::{borrow::Cow, collections::VecDeque};

use crate::{
    assemble::{Assembled, Assembler, Limits},
    entry::Depth,
    held::HeldLine,
    prefix::{LinePrefix, ParsedLine},
    severity::Label,
    syslog::{
        header::{Line, Number, unescape},
        joined::{Break, Lines, Message, Origin},
        time::SyslogClock,
    },
    text::decode,
    timestamp::{Clock, Timestamp},
};

/// How many messages in a row may overlap before they are ended by force, see [`Assembler`]. A server with
/// many sessions writes parts of many messages side by side.
const MAX_OVERLAPPING: usize = 2048;

/// How many bytes are made of a line that the daemon counted at most.
const MAX_REPEATED_BYTES: usize = 64 << 10;

/// What `journalctl` prints for a TAB.
const TAB_IN_JOURNAL: &[u8] = b"        ";

/// How many messages may be open for each entry that may be: of most it is not known that they are whole.
const MESSAGES_PER_ENTRY: usize = 8;

/// Reads one file that a syslog daemon has written, from one position on.
///
/// ```
/// use pglog::{LinePrefix, SyslogReader};
///
/// let log = b"\
/// Nov 24 02:22:09 vm postgres[7479]: [9-1] bob@shop ERROR:  division by zero
/// Nov 24 02:22:09 vm postgres[7479]: [9-2] bob@shop STATEMENT:  SELECT 1
/// Nov 24 02:22:09 vm postgres[7479]: [9-3] #011/ 0
/// ";
/// let mut statements = Vec::new();
/// let mut keep = |found: &pglog::Assembled<'_>| {
///     statements.extend(found.entry.statement.as_deref().map(str::to_owned));
/// };
/// let mut reader = SyslogReader::new(LinePrefix::compile("%q%u@%d "));
/// reader.push(log, &mut keep);
/// reader.finish(&mut keep);
/// assert_eq!(statements, ["SELECT 1\n/ 0"]);
/// ```
#[derive(Debug)]
pub struct SyslogReader {
    prefix: LinePrefix,
    clock: Clock,
    syslog_clock: SyslogClock,
    limits: Limits,
    depth: Depth,
    /// Position of the first byte of the line that is not whole.
    position: u64,
    held: HeldLine,
    open: VecDeque<Message>,
    /// The end of the message that ends last of all that were given out.
    taken_end: u64,
    taken_since_safe: usize,
    safe_position: u64,
    /// At most so many bytes are in the open messages.
    max_bytes_open: usize,
    /// A line began with a TAB: blanks stand for none.
    has_tabs: bool,
    /// For messages to come.
    #[expect(clippy::vec_box, reason = "they are large and go in and out for each message")]
    spare: Vec<Box<Lines>>,
}

impl SyslogReader {
    /// Makes a reader for a log with this prefix, at the file's start.
    #[must_use]
    pub fn new(prefix: LinePrefix) -> Self {
        Self {
            prefix,
            clock: Clock::new(),
            syslog_clock: SyslogClock::new(Clock::new(), None),
            limits: Limits::default(),
            depth: Depth::default(),
            position: 0,
            held: HeldLine::default(),
            open: VecDeque::new(),
            taken_end: 0,
            taken_since_safe: 0,
            safe_position: 0,
            max_bytes_open: 0,
            has_tabs: false,
            spare: Vec::new(),
        }
    }

    /// Sets the position of the first byte that will be pushed. It must be the start of a line.
    #[must_use]
    pub const fn starting_at(mut self, position: u64) -> Self {
        self.position = position;
        self.taken_end = position;
        self.safe_position = position;
        self
    }

    /// Sets how times are read, and a moment at or behind that of the last line: the times of RFC 3164
    /// have no year, so it takes one to make anything of them.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock, not_after: Option<Timestamp>) -> Self {
        self.syslog_clock = SyslogClock::new(clock.clone(), not_after);
        self.clock = clock;
        self
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

    /// Returns the prefix.
    #[must_use]
    pub const fn prefix(&self) -> &LinePrefix {
        &self.prefix
    }

    /// Takes the next bytes of the file, cut anywhere, and gives the entries that are whole to `sink`,
    /// in the order in which they begin.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if self.held.is_empty() && line.len() <= self.max_line_bytes() {
                self.take_line(line, line.len() as u64 + 1, sink);
            } else {
                self.held.extend(line, self.max_line_bytes());
                self.end_line(1, sink);
            }
            rest = behind;
        }
        self.held.extend(rest, self.max_line_bytes());
    }

    /// Gives the entries to `sink` that begin before `position`, see [`Assembler::flush_before`].
    pub fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let awaited = self.awaited_start();
        while let Some(front) = self.open.front()
            && front.start < position
            && awaited != Some(front.start)
        {
            self.emit_front(sink);
        }
    }

    /// Gives every entry to `sink`, also if a line has been begun behind it.
    pub fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        while !self.open.is_empty() {
            self.emit_front(sink);
        }
    }

    /// Takes a last line without a line break as whole, and gives everything to `sink`: the file is at
    /// its end for ever.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if !self.held.is_empty() {
            self.end_line(0, sink);
        }
        self.flush(sink);
    }

    /// Returns where reading may resume if all entries given out so far are kept.
    #[must_use]
    pub const fn safe_position(&self) -> u64 {
        self.safe_position
    }

    /// Returns the position of the next byte to push.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position + self.held.raw_bytes()
    }

    /// A longer line is not the server's: it keeps to 900 bytes, unless it is told to split nothing;
    /// then the daemon cuts off what is more than it takes. Control characters take four bytes.
    const fn max_line_bytes(&self) -> usize {
        (self.limits.max_field_bytes + (64 << 10)) * 4
    }

    fn end_line(&mut self, break_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let raw_bytes = self.held.raw_bytes() + break_bytes;
        let line = self.held.take();
        self.take_line(&line, raw_bytes, sink);
        self.held.recycle(line);
    }

    /// Takes a line without its line break, of so many bytes with it.
    fn take_line(&mut self, line: &[u8], raw_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.max_bytes_open += line.len();
        let start = self.position;
        self.position += raw_bytes;
        match header::parse(line) {
            Some(parsed) => self.take_parsed(line, &parsed, start),
            None if line.trim_ascii().is_empty() => self.pass_blank_line(),
            None => {
                let origin = Origin { tag: Vec::new(), pid: None, sequence: None, time: None };
                self.open.push_back(Message::foreign(origin, line, start, self.position));
            }
        }
        while self.is_surplus() {
            self.emit_front(sink);
        }
    }

    /// An empty line says nothing.
    fn pass_blank_line(&mut self) {
        if self.open.is_empty() {
            self.safe_position = self.position;
            self.taken_end = self.position;
        }
    }

    fn take_parsed(&mut self, whole: &[u8], line: &Line<'_>, start: u64) {
        if let Some((times, text)) = header::repeated(line.text) {
            return self.take_repeated(whole, &line.with_text(text), (times, start));
        }
        let text = self.text_of(line.text);
        match line.number {
            Number::Pair(sequence, chunk) => {
                let end = self.position;
                let mut open = self.open.iter_mut().rev();
                let is_wanted =
                    |open: &&mut Message| open.is_of(line, Some(sequence)) && open.awaits(chunk);
                if let Some(open) = open.find(is_wanted) {
                    open.add_chunk(chunk, &text, end);
                } else {
                    self.begin(line, Some(sequence), start).add_chunk(chunk, &text, end);
                }
            }
            Number::Single(rest) if self.label_of(&text).is_none() => {
                let rest = self.text_of(rest);
                let starts = self.label_of(&rest).is_some();
                let is_open = self.open.iter().any(|open| open.is_of(line, None));
                match starts || is_open {
                    true => self.take_unnumbered(whole, line, (&rest, Break::Perhaps), start),
                    false => self.take_unnumbered(whole, line, (&text, Break::Certain), start),
                }
            }
            Number::Single(_) | Number::None => {
                self.take_unnumbered(whole, line, (&text, Break::Certain), start);
            }
        }
    }

    /// Returns a text as the server wrote it. `journalctl` prints eight blanks for a TAB; what keeps TABs, be it
    /// as `#011`, does not.
    fn text_of<'l>(&mut self, text: &'l [u8]) -> Cow<'l, [u8]> {
        let text = unescape(text);
        self.has_tabs |= text.starts_with(b"\t");
        match text.strip_prefix(TAB_IN_JOURNAL) {
            Some(rest) if !self.has_tabs => Cow::Owned([b"\t", rest].concat()),
            _ => text,
        }
    }

    /// Takes a line that the daemon wrote once for several.
    fn take_repeated(&mut self, whole: &[u8], line: &Line<'_>, (times, start): (u32, u64)) {
        let most = MAX_REPEATED_BYTES / whole.len().max(1) + 1;
        for _ in 0..most.min(usize::try_from(times).unwrap_or(usize::MAX)) {
            self.max_bytes_open += whole.len();
            self.take_parsed(whole, line, start);
        }
    }

    /// Takes a line that only its text and its process connect with others.
    fn take_unnumbered(
        &mut self,
        whole: &[u8],
        line: &Line<'_>,
        (text, before): (&[u8], Break),
        start: u64,
    ) {
        let end = self.position;
        let label = self.label_of(text);
        let continues = match label {
            Some(Label::Level(_)) => false,
            Some(_) => true,
            None => before == Break::Perhaps || text.starts_with(b"\t"),
        };
        let mut open = self.open.iter_mut().rev();
        let open = if continues { open.find(|open| open.is_of(line, None)) } else { None };
        match open {
            Some(open) => open.add(text, before, end),
            None if label.is_some() || continues => {
                self.begin(line, None, start).add(text, before, end);
            }
            None => {
                let origin = self.origin(line, None);
                self.open.push_back(Message::foreign(origin, whole, start, end));
            }
        }
    }

    fn label_of(&self, text: &[u8]) -> Option<Label> {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let line = decode(text.get(..end)?);
        self.prefix.match_line(&line).map(|ParsedLine { label, .. }| label)
    }

    fn origin(&mut self, line: &Line<'_>, sequence: Option<u64>) -> Origin {
        let time = self.syslog_clock.read(line.time);
        Origin { tag: line.tag.to_vec(), pid: line.pid, sequence, time }
    }

    fn begin(&mut self, line: &Line<'_>, sequence: Option<u64>, start: u64) -> &mut Message {
        let origin = self.origin(line, sequence);
        let lines = self.spare.pop().unwrap_or_else(|| {
            let assembler = Assembler::new(self.prefix.clone())
                .with_clock(self.clock.clone())
                .with_limits(self.limits)
                .with_depth(self.depth);
            Box::new(Lines::new(assembler))
        });
        self.open.push_back_mut(Message::new(origin, lines, start))
    }

    /// Tells whether more is open than may be.
    fn is_surplus(&mut self) -> bool {
        self.open.len() > self.limits.max_open_entries.max(1).saturating_mul(MESSAGES_PER_ENTRY)
            || (self.open.len() > 1 && self.is_too_much())
            || (self.taken_since_safe >= MAX_OVERLAPPING && !self.open.is_empty())
    }

    fn is_too_much(&mut self) -> bool {
        let max_bytes = self.limits.max_open_bytes;
        if self.max_bytes_open <= max_bytes {
            return false;
        }
        self.max_bytes_open = self.open.iter().map(|open| open.bytes).sum();
        let held = |open: &Message| open.bytes.min(self.limits.max_field_bytes);
        self.open.iter().map(held).sum::<usize>() > max_bytes
    }

    /// The message that the line being written may belong to.
    fn awaited_start(&self) -> Option<u64> {
        if self.held.is_empty() {
            return None;
        }
        match header::parse(self.held.bytes()) {
            Some(line) => {
                let open = self.open.iter().rev().find(|open| open.origin.tag == line.tag);
                open.map(|open| open.start)
            }
            None => self.open.back().map(|open| open.start),
        }
    }

    fn emit_front(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let Some(front) = self.open.pop_front() else { return };
        self.max_bytes_open = self.max_bytes_open.saturating_sub(front.bytes);
        let (start, end) = (front.start, front.end);
        self.taken_end = self.taken_end.max(end);
        self.taken_since_safe += 1;
        let rest_start = self.open.front().map_or(self.position, |open| open.start);
        let before = self.safe_position;
        if rest_start >= self.taken_end {
            self.safe_position = rest_start;
            self.taken_since_safe = 0;
        }
        let after = self.safe_position;
        let spare = front.finish(self.limits.max_field_bytes, &mut |entry, behind| {
            // The position is safe only behind the last of the message's entries.
            let safe_position = if behind == 0 { after } else { before };
            sink(&Assembled { entry, start, end, safe_position });
        });
        self.spare.extend(spare);
        self.spare.truncate(self.limits.max_open_entries.clamp(1, 64));
    }
}

/// Tells whether a sample of a log, which may begin and end in the middle of a line, went through
/// syslog.
pub(crate) fn is_syslog(sample: &[u8]) -> bool {
    let (mut lines, mut fitting) = (0_usize, 0_usize);
    for line in sample.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        lines += 1;
        fitting += usize::from(header::parse(line).is_some());
    }
    fitting > 0 && (fitting * 2 > lines || (lines == 2 && fitting == 1))
}

/// The server's lines in a sample, as they would be in stderr, but for those that go on.
pub(crate) fn server_lines(sample: &[u8]) -> impl Iterator<Item = String> {
    sample.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = header::parse(line)?;
        let text = match line.number {
            Number::Single(rest) => rest,
            Number::Pair(..) | Number::None => line.text,
        };
        let text = unescape(text);
        let first = text.split(|byte| *byte == b'\n').next()?;
        Some(decode(first).into_owned())
    })
}

#[cfg(test)]
mod tests;
