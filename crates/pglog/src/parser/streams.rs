//! Logs of several writers in one: containers, pods, files. Each is read by itself, and what they wrote is given
//! out in the order in which it begins.

use std::collections::BTreeMap;

use crate::{
    assemble::Assembled,
    entry::{Depth, LogEntry},
    parser::{
        inner::{Inner, Piece},
        reader::Reader,
        recipe::Recipe,
    },
    prefix::LinePrefix,
    timestamp::Clock,
};

/// How many writers are told apart. What more there are counts as written by the first one.
const MAX_STREAMS: usize = 64;

/// How many entries wait for earlier ones of others that may go on.
const MAX_WAITING: usize = 4096;

/// How many bytes they may have, roughly.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// How many entries in a row may overlap before all that is open is ended by force.
const MAX_OVERLAPPING: usize = 2048;

/// The logs that stand side by side in a wrapping, mostly one.
#[derive(Debug)]
pub(super) struct Streams {
    recipe: Recipe,
    streams: Vec<Stream>,
    /// Who wrote the last line.
    last: usize,
    /// Entries that may not be given out before others, by their starts; those of a line in their order.
    waiting: BTreeMap<(u64, u64), Waiting>,
    waiting_bytes: usize,
    /// How many have waited.
    number: u64,
    /// The end of the entry that ends last of all that were given out.
    taken_end: u64,
    taken_since_safe: usize,
    safe: u64,
    /// Where the last line ends.
    position: u64,
}

#[derive(Debug)]
struct Stream {
    /// `None` before the first line.
    origin: Option<Vec<u8>>,
    inner: Inner,
}

/// Which entries end.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// Those that begin before a position.
    Before(u64),
    All,
    /// All, and nothing comes behind them up to the end of the outer log.
    Last(u64),
}

impl Stream {
    fn end(&mut self, which: Which, sink: &mut impl FnMut(&Assembled<'_>)) {
        match which {
            Which::Before(position) => self.inner.flush_before(position, sink),
            Which::All => self.inner.flush(sink),
            Which::Last(outer_end) => self.inner.finish(outer_end, sink),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    entry: LogEntry<'static>,
    end: u64,
}

impl Waiting {
    /// How many bytes it has, roughly.
    fn bytes(&self) -> usize {
        let texts = [&self.entry.statement, &self.entry.detail, &self.entry.context];
        let texts = texts.into_iter().flatten().map(|text| text.len());
        size_of::<Self>() + self.entry.message.len() + texts.sum::<usize>()
    }
}

impl Streams {
    /// Makes them for an outer log that is read from `position` on.
    pub(super) fn new(recipe: Recipe, position: u64) -> Self {
        let first = Stream { origin: None, inner: Inner::new(recipe.clone().reader(0), position) };
        Self {
            recipe,
            streams: vec![first],
            last: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            number: 0,
            taken_end: position,
            taken_since_safe: 0,
            safe: position,
            position,
        }
    }

    /// The reader of the first one.
    #[expect(clippy::indexing_slicing, reason = "there is always one")]
    pub(super) fn first(&self) -> &Reader {
        self.streams[0].inner.reader()
    }

    pub(super) fn tell(&mut self, prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        for stream in &mut self.streams {
            stream.inner.reader_mut().tell(prefix, clock);
        }
        self.recipe.prefix = prefix.unwrap_or(&self.recipe.prefix).clone();
        self.recipe.options.clock = clock.unwrap_or(&self.recipe.options.clock).clone();
    }

    pub(super) fn set_depth(&mut self, depth: Depth) {
        for stream in &mut self.streams {
            stream.inner.reader_mut().set_depth(depth);
        }
        self.recipe.options.depth = depth;
    }

    /// Where the outer log may be resumed.
    pub(super) fn safe_position(&self) -> u64 {
        match self.only() {
            Some(only) => only.inner.safe_position(),
            None => self.safe,
        }
    }

    /// Reads a piece of the log that `origin` writes, or of that of the last line.
    pub(super) fn push(
        &mut self,
        origin: Option<&[u8]>,
        piece: &Piece<'_>,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        if let Some(origin) = origin {
            self.last = self.find(origin, piece.outer.start);
        }
        self.position = piece.outer.end;
        let is_only = self.only().is_some();
        let Some(stream) = self.streams.get_mut(self.last) else { return };
        if is_only {
            return stream.inner.push(piece, sink);
        }
        let mut found = Vec::new();
        stream.inner.push(piece, &mut |entry| found.push(kept(entry)));
        self.keep(found);
        self.release(sink);
        self.release_surplus(sink);
    }

    pub(super) fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.end(Which::Before(position), sink);
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.end(Which::All, sink);
    }

    /// Ends the logs, with what stands behind them.
    pub(super) fn finish(&mut self, outer_end: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.position = outer_end;
        self.end(Which::Last(outer_end), sink);
        self.safe = outer_end;
    }

    fn only(&self) -> Option<&Stream> {
        match &*self.streams {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Ends entries of each log, and gives them out.
    fn end(&mut self, which: Which, sink: &mut impl FnMut(&Assembled<'_>)) {
        if let [only] = &mut *self.streams {
            return only.end(which, sink);
        }
        let mut found = Vec::new();
        for stream in &mut self.streams {
            stream.end(which, &mut |entry: &Assembled<'_>| found.push(kept(entry)));
        }
        self.keep(found);
        self.release(sink);
    }

    /// Finds the log that `origin` writes, or begins one at a position.
    fn find(&mut self, origin: &[u8], position: u64) -> usize {
        let is_of = |stream: &Stream| stream.origin.as_deref().is_none_or(|own| own == origin);
        if self.streams.get(self.last).is_some_and(is_of) {
            self.claim(self.last, origin);
            return self.last;
        }
        if let Some(at) = self.streams.iter().position(is_of) {
            return at;
        }
        if self.streams.len() == MAX_STREAMS {
            return 0;
        }
        if let Some(only) = self.only() {
            // From here on what was given out is kept account of.
            self.safe = only.inner.safe_position();
            self.taken_end = position;
        }
        let inner = Inner::new(self.recipe.clone().reader(0), position);
        self.streams.push(Stream { origin: Some(origin.to_vec()), inner });
        self.streams.len() - 1
    }

    fn claim(&mut self, at: usize, origin: &[u8]) {
        if let Some(stream) = self.streams.get_mut(at).filter(|stream| stream.origin.is_none()) {
            stream.origin = Some(origin.to_vec());
        }
    }

    fn keep(&mut self, found: Vec<(u64, Waiting)>) {
        for (start, entry) in found {
            self.waiting_bytes += entry.bytes();
            self.waiting.insert((start, self.number), entry);
            self.number += 1;
        }
    }

    /// Where the first entry begins that is open in any log.
    fn open_start(&self) -> Option<u64> {
        self.streams.iter().filter_map(|stream| stream.inner.open_start()).min()
    }

    /// Gives out what begins before all that is open.
    fn release(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let open = self.open_start().unwrap_or(u64::MAX);
        while self.waiting.first_key_value().is_some_and(|((start, _), _)| *start < open) {
            self.give_first(sink);
        }
        self.reach_safe();
    }

    /// Gives out what can wait no longer.
    fn release_surplus(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.taken_since_safe >= MAX_OVERLAPPING {
            self.flush(sink);
        }
        while self.waiting.len() > MAX_WAITING || self.waiting_bytes > MAX_WAITING_BYTES {
            let open = self.open_start();
            let mut streams = self.streams.iter_mut();
            let first = streams.find(|stream| stream.inner.open_start() == open);
            let mut found = Vec::new();
            if let Some(first) = first {
                first.inner.flush(&mut |entry| found.push(kept(entry)));
            }
            self.keep(found);
            self.give_first(sink);
            self.release(sink);
        }
    }

    fn give_first(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let Some(((start, _), first)) = self.waiting.pop_first() else { return };
        self.waiting_bytes = self.waiting_bytes.saturating_sub(first.bytes());
        let Waiting { entry, end } = first;
        self.taken_end = self.taken_end.max(end);
        self.taken_since_safe += 1;
        self.reach_safe();
        sink(&Assembled { entry, start, end, safe_position: self.safe });
    }

    /// Moves the safe position behind all that was given out, if nothing that is left begins before.
    fn reach_safe(&mut self) {
        let waiting = self.waiting.first_key_value().map(|((start, _), _)| *start);
        let rest = waiting.into_iter().chain(self.open_start()).min().unwrap_or(self.position);
        if rest >= self.taken_end {
            self.safe = self.safe.max(rest);
            self.taken_since_safe = 0;
        }
    }
}

/// An entry that outlives the line, and its start.
fn kept(found: &Assembled<'_>) -> (u64, Waiting) {
    (found.start, Waiting { entry: found.entry.clone().into_owned(), end: found.end })
}
