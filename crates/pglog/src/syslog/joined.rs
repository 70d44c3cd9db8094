//! One message of the server, put together from the lines that syslog made of it.

use std::collections::BTreeMap;

use crate::{
    assemble::{Assembled, Assembler, decode},
    entry::{Field, LogEntry},
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
    Lines(Box<Assembler>),
    /// What another program logged.
    Text(Vec<u8>),
}

impl Message {
    pub(super) fn new(origin: Origin, assembler: Assembler, start: u64) -> Self {
        Self::with_body(origin, Body::Lines(Box::new(assembler)), start)
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
    pub(super) fn is_of(&self, tag: &[u8], sequence: Option<u64>) -> bool {
        let is_of_server = matches!(self.body, Body::Lines(_));
        is_of_server && self.origin.tag == tag && self.origin.sequence == sequence
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

    /// Ends the message and gives its entries, mostly one, to `sink`; returns the assembler, which can
    /// be used for another message.
    pub(super) fn finish(
        mut self,
        max_field_bytes: usize,
        sink: &mut impl FnMut(LogEntry<'_>),
    ) -> Option<Assembler> {
        self.add_early();
        let Origin { pid, time, .. } = self.origin;
        let mut sink = |mut entry: LogEntry<'_>| {
            entry.pid = entry.pid.or(pid);
            // The server's own time is better: it is that of the event, and often finer.
            if let (None, Some((timestamp, is_guess))) = (entry.timestamp, time) {
                entry.timestamp = Some(timestamp);
                entry.timestamp_ambiguous = is_guess;
            }
            sink(entry);
        };
        self.done.into_iter().for_each(&mut sink);
        match self.body {
            Body::Lines(mut assembler) => {
                assembler.finish(&mut |found: &Assembled<'_>| sink(found.entry.clone()));
                Some(*assembler)
            }
            Body::Text(text) => {
                sink(unparsed(&text, max_field_bytes));
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
        let is_cut = before == Break::Perhaps && self.is_cut_before(text);
        let Body::Lines(assembler) = &mut self.body else { return };
        let done = &mut self.done;
        let mut keep = |found: &Assembled<'_>| done.push(found.entry.clone().into_owned());
        if self.last_bytes.is_some() && !is_cut {
            assembler.push(b"\n", &mut keep);
        }
        assembler.push(text, &mut keep);
        self.last_bytes = Some(text.len());
    }

    /// Tells whether the server has cut a line before this chunk, to keep to its limit. The lines of a
    /// message begin with a TAB or with the prefix; but a line can be cut at a TAB as well, at which the
    /// chunk before has no room for the next word.
    fn is_cut_before(&self, text: &[u8]) -> bool {
        let Body::Lines(assembler) = &self.body else { return false };
        let last_bytes = self.last_bytes.unwrap_or_default();
        if let Some(rest) = text.strip_prefix(b"\t") {
            let word = rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
            return last_bytes <= MAX_CHUNK_BYTES && last_bytes + 1 + word > MAX_CHUNK_BYTES;
        }
        assembler.prefix().match_line(&decode(text)).is_none()
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
