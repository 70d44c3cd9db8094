//! One message of the server, put together from the lines that syslog made of it.

use std::collections::BTreeMap;

use crate::{
    assemble::{Assembled, Assembler},
    entry::{Field, LogEntry},
    syslog::header::Line,
    text::decode,
    timestamp::Timestamp,
};

/// Servers cut messages into chunks of at most so many bytes (`syslog_split_messages`).
const MAX_CHUNK_BYTES: usize = 900;

/// The most chunks that wait for an earlier one.
const MAX_EARLY_CHUNKS: usize = 64;

/// Who logged a message, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tag: Vec<u8>,
    pub(super) pid: Option<u32>,
    /// The number that the process gave it.
    pub(super) sequence: Option<u64>,
    pub(super) time: Option<(Timestamp, bool)>,
}

/// A message that may still get lines.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) origin: Origin,
    pub(super) start: u64,
    pub(super) end: u64,
    /// How much memory it takes, roughly.
    pub(super) bytes: usize,
    body: Body,
    /// The chunk that comes next, and those that came before their turn.
    next_chunk: u32,
    early: BTreeMap<u32, Vec<u8>>,
    /// How long the piece before was.
    last_bytes: Option<usize>,
    /// Entries that are whole already: a message of another program can be many.
    done: Vec<LogEntry<'static>>,
}

#[derive(Debug)]
enum Body {
    /// The server's own lines, as they would be in stderr.
    Lines(Box<Lines>),
    /// What another program logged.
    Text(Vec<u8>),
}

/// Lines of the server, and what reads them. They wait until they are all there, unless they are many.
#[derive(Debug)]
pub(super) struct Lines {
    assembler: Assembler,
    waiting: Vec<u8>,
    /// Lines have been read already.
    is_begun: bool,
}

/// How many bytes of a message wait at most.
const MAX_WAITING_BYTES: usize = 32 << 10;

impl Lines {
    pub(super) const fn new(assembler: Assembler) -> Self {
        Self { assembler, waiting: Vec::new(), is_begun: false }
    }

    /// Adds a piece, and gives the entries to `sink` that are whole and have no room to wait.
    fn add(&mut self, line_break: &[u8], text: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        self.waiting.extend_from_slice(line_break);
        self.waiting.extend_from_slice(text);
        if self.waiting.len() > MAX_WAITING_BYTES {
            self.is_begun = true;
            self.assembler.push(&self.waiting, sink);
            self.waiting = Vec::new();
        }
    }

    /// Reads what waits, the last of it. Entries are given to `sink` with the number of those that follow.
    fn finish(
        &mut self,
        mut done: Vec<LogEntry<'static>>,
        sink: &mut impl FnMut(LogEntry<'_>, usize),
    ) {
        if !self.is_begun && self.assembler.can_read_at_once(&self.waiting) {
            self.assembler.read_at_once(&self.waiting, sink);
        } else {
            let mut keep = |found: &Assembled<'_>| done.push(found.entry.clone().into_owned());
            self.assembler.push(&self.waiting, &mut keep);
            self.assembler.finish(&mut keep);
            let count = done.len();
            for (entry, number) in done.into_iter().zip(1..) {
                sink(entry, count - number);
            }
        }
        self.waiting.clear();
        self.is_begun = false;
    }
}

impl Message {
    pub(super) fn new(origin: Origin, lines: Box<Lines>, start: u64) -> Self {
        Self::with_body(origin, Body::Lines(lines), start)
    }

    /// A line that is not the server's.
    pub(super) fn foreign(origin: Origin, line: &[u8], start: u64, end: u64) -> Self {
        Self { end, bytes: line.len(), ..Self::with_body(origin, Body::Text(line.to_vec()), start) }
    }

    const fn with_body(origin: Origin, body: Body, start: u64) -> Self {
        Self {
            origin,
            start,
            end: start,
            bytes: 0,
            body,
            next_chunk: 1,
            early: BTreeMap::new(),
            last_bytes: None,
            done: Vec::new(),
        }
    }

    /// Tells whether a line that follows can be of this message.
    pub(super) fn is_of(&self, line: &Line<'_>, sequence: Option<u64>) -> bool {
        // The tag has the pid, which is compared sooner.
        let origin = &self.origin;
        let is_of_server = matches!(self.body, Body::Lines(_));
        origin.pid == line.pid
            && origin.sequence == sequence
            && is_of_server
            && origin.tag == line.tag
    }

    /// Tells whether a chunk can be of this message.
    pub(super) fn awaits(&self, chunk: u32) -> bool {
        chunk >= self.next_chunk && !self.early.contains_key(&chunk)
    }

    /// Adds a numbered chunk. One that comes before its turn waits.
    pub(super) fn add_chunk(&mut self, chunk: u32, text: &[u8], end: u64) {
        self.end = self.end.max(end);
        self.bytes += text.len();
        if chunk > self.next_chunk {
            self.early.insert(chunk, text.to_vec());
            if self.early.len() > MAX_EARLY_CHUNKS {
                self.add_early();
            }
            return;
        }
        self.append(text, Break::Perhaps);
        self.next_chunk = chunk.saturating_add(1);
        while let Some(text) = self.early.remove(&self.next_chunk) {
            self.append(&text, Break::Perhaps);
            self.next_chunk = self.next_chunk.saturating_add(1);
        }
    }

    /// Adds what comes next without a number of its own.
    pub(super) fn add(&mut self, text: &[u8], before: Break, end: u64) {
        self.end = self.end.max(end);
        self.bytes += text.len();
        self.append(text, before);
    }

    /// Ends the message and gives its entries, mostly one, to `sink`, with the number of those that follow;
    /// returns what can be used for another message.
    pub(super) fn finish(
        mut self,
        max_field_bytes: usize,
        sink: &mut impl FnMut(LogEntry<'_>, usize),
    ) -> Option<Box<Lines>> {
        self.add_early();
        let Origin { pid, time, .. } = self.origin;
        let mut sink = |mut entry: LogEntry<'_>, behind: usize| {
            entry.pid = entry.pid.or(pid);
            // The server's own time is better: it is that of the event, and often finer.
            if let (None, Some((timestamp, is_guess))) = (entry.timestamp, time) {
                entry.timestamp = Some(timestamp);
                entry.timestamp_ambiguous = is_guess;
            }
            sink(entry, behind);
        };
        match self.body {
            Body::Lines(mut lines) => {
                lines.finish(self.done, &mut sink);
                Some(lines)
            }
            Body::Text(text) => {
                sink(unparsed(&text, max_field_bytes), 0);
                None
            }
        }
    }

    /// What is missing in between will not come any more.
    fn add_early(&mut self) {
        for (chunk, text) in std::mem::take(&mut self.early) {
            self.append(&text, Break::Perhaps);
            self.next_chunk = chunk.saturating_add(1);
        }
    }

    fn append(&mut self, text: &[u8], before: Break) {
        let is_first = self.last_bytes.is_none();
        let is_cut = is_first || (before == Break::Perhaps && self.is_cut_before(text));
        let Body::Lines(lines) = &mut self.body else { return };
        let done = &mut self.done;
        let mut keep = |found: &Assembled<'_>| done.push(found.entry.clone().into_owned());
        let line_break: &[u8] = if is_cut { b"" } else { b"\n" };
        lines.add(line_break, text, &mut keep);
        self.last_bytes = Some(text.len());
    }

    /// Tells whether the server has cut a line before this chunk, to keep to its limit. The lines of a
    /// message begin with a TAB or with the prefix; but a line can be cut at a TAB as well, at which the
    /// chunk before has no room for the next word.
    fn is_cut_before(&self, text: &[u8]) -> bool {
        let Body::Lines(lines) = &self.body else { return false };
        let last_bytes = self.last_bytes.unwrap_or_default();
        if let Some(rest) = text.strip_prefix(b"\t") {
            let word = rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
            return last_bytes <= MAX_CHUNK_BYTES && last_bytes + 1 + word > MAX_CHUNK_BYTES;
        }
        lines.assembler.prefix().match_line(&decode(text)).is_none()
    }
}

/// Whether a line ends before a piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    Certain,
    /// The server may have cut a line to keep to its limit.
    Perhaps,
}

fn unparsed(text: &[u8], max_field_bytes: usize) -> LogEntry<'_> {
    let mut entry = LogEntry { unparsed: true, message: decode(text), ..LogEntry::default() };
    if entry.message.len() > max_field_bytes {
        let kept = entry.message.floor_char_boundary(max_field_bytes);
        entry.message.to_mut().truncate(kept);
        entry.truncated.push((Field::Message, text.len() as u64));
    }
    entry
}
