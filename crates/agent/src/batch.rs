//! Entries to batches.
//!
//! A batch is what is stored, sent and confirmed as one. It is sealed by whichever comes first: 5,000
//! entries, 900 KiB or 1 s. While a log is read as it is written the time comes first; a backlog makes
//! batches full, and few: each costs a transaction, a request and an answer, whatever is in it. A batch
//! ends only where reading may resume, so that the position stored with it is right after a crash.
//!
//! ```
//! use std::time::Duration;
//! use agent::batch::{Batcher, Settings};
//! use pglog::{Assembler, LinePrefix};
//!
//! let mut batcher = Batcher::new(Settings { max_entries: 2, ..Settings::default() }, 0);
//! let mut assembler = Assembler::new(LinePrefix::compile(""));
//! let mut sealed = Vec::new();
//! let mut sink = |entry: &pglog::Assembled<'_>| sealed.extend(batcher.push(entry, Duration::ZERO));
//! assembler.push(b"LOG:  one\nLOG:  two\nLOG:  three\n", &mut sink);
//! assembler.finish(&mut sink);
//! assert_eq!((sealed[0].entries, sealed[0].end), (2, 20));
//! ```

mod encode;
mod split;

use std::{collections::BTreeMap, time::Duration};

pub use encode::{Compression, Encoder, Encoding, SealedBatch};
use pglog::{Assembled, Level};
pub(crate) use split::OwnData;

/// When a batch is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The most entries; 5,000 by default, half of what a listener takes.
    pub max_entries: u64,
    /// The bytes of JSON from which on a batch is full; 900 KiB by default, see [`Settings::for_buffer`].
    /// So a body of usual entries passes proxies that take 1 MB, also where it is not compressed.
    pub max_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_entries: 5_000, max_bytes: 900 << 10 }
    }
}

impl Settings {
    /// Returns the defaults for a buffer of so many bytes: in a small one a full batch is small too, so that
    /// what is dropped for it is no large part.
    #[must_use]
    pub fn for_buffer(buffer_bytes: u64) -> Self {
        let default = Self::default();
        let share = usize::try_from(buffer_bytes / 64).unwrap_or(usize::MAX);
        Self { max_bytes: share.clamp(64 << 10, default.max_bytes), ..default }
    }
}

/// Entries of one file that belong together, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// How many entries.
    pub entries: u64,
    /// How many of them have each level.
    pub levels: BTreeMap<&'static str, u64>,
    /// The entries as JSON objects, with a comma between each two. Blanks before them are room for what a
    /// body begins with.
    pub json: Vec<u8>,
    /// Position of the first byte in the file.
    pub start: u64,
    /// Position behind the last byte, from which reading resumes.
    pub end: u64,
}

/// The room before the entries. What a body begins with takes about 300 bytes and a path.
const ROOM_BYTES: usize = 512;

/// Collects the entries of one file.
#[derive(Debug)]
pub struct Batcher {
    settings: Settings,
    open: Option<Open>,
    /// Where the next batch starts.
    position: u64,
    /// How much text the last batch had, for which the next one makes room at once.
    last_bytes: usize,
}

/// A batch that is not sealed yet.
#[derive(Debug)]
struct Open {
    batch: Batch,
    /// How many entries have each of [`Level::ALL`].
    levels: [u64; Level::ALL.len()],
    since: Duration,
    /// The end of the entry that ends last.
    entries_end: u64,
}

impl Batcher {
    /// Makes a batcher for a file that is read from `position` on.
    #[must_use]
    pub const fn new(settings: Settings, position: u64) -> Self {
        Self { settings, open: None, position, last_bytes: 0 }
    }

    /// Adds an entry. Returns the batch that it fills, if it fills one. `now` is any clock that never
    /// goes back.
    #[must_use]
    pub fn push(&mut self, found: &Assembled<'_>, now: Duration) -> Option<Batch> {
        let open = self.open.get_or_insert_with(|| Open::new(self.position, self.last_bytes, now));
        open.add(found);
        let full = open.batch.entries >= self.settings.max_entries
            || open.batch.json.len() >= self.settings.max_bytes;
        if full { self.seal(found.safe_position) } else { None }
    }

    /// Returns the batch if its first entry has waited for `max_age`. `safe_position` is where reading
    /// may resume now.
    #[must_use]
    pub fn tick(&mut self, safe_position: u64, max_age: Duration, now: Duration) -> Option<Batch> {
        let due = self.open.as_ref()?.since + max_age;
        if now >= due { self.seal(safe_position) } else { None }
    }

    /// Returns what there is.
    #[must_use]
    pub fn flush(&mut self, safe_position: u64) -> Option<Batch> {
        self.seal(safe_position)
    }

    /// Returns the end of the last batch, where the next one starts.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Returns when the open batch was begun. `None` where there is none.
    #[must_use]
    pub fn open_since(&self) -> Option<Duration> {
        self.open.as_ref().map(|open| open.since)
    }

    /// Seals the batch, unless an entry of it ends behind the position from which reading may resume.
    fn seal(&mut self, safe_position: u64) -> Option<Batch> {
        let open = self.open.take_if(|open| open.entries_end <= safe_position)?;
        let batch = open.end_at(safe_position);
        self.position = safe_position;
        self.last_bytes = batch.json.len().min(self.settings.max_bytes);
        Some(batch)
    }
}

impl Open {
    fn new(start: u64, bytes: usize, since: Duration) -> Self {
        // A little more, for batches are never of the same size.
        let mut json = Vec::with_capacity(ROOM_BYTES + bytes + bytes / 8);
        json.resize(ROOM_BYTES, b' ');
        let batch = Batch { entries: 0, levels: BTreeMap::new(), json, start, end: start };
        Self { batch, levels: [0; Level::ALL.len()], since, entries_end: start }
    }

    fn end_at(self, end: u64) -> Batch {
        let counts = Level::ALL.iter().zip(self.levels).filter(|(_, count)| *count > 0);
        let levels = counts.map(|(level, count)| (level.as_str(), count)).collect();
        Batch { end, levels, ..self.batch }
    }

    fn add(&mut self, found: &Assembled<'_>) {
        if self.batch.entries > 0 {
            self.batch.json.push(b',');
        }
        found.entry.write_json(&mut self.batch.json);
        self.batch.entries += 1;
        // Levels are numbered as they stand in the list of all.
        if let Some(count) = found.entry.level.and_then(|level| self.levels.get_mut(level as usize))
        {
            *count += 1;
        }
        self.entries_end = self.entries_end.max(found.end);
    }
}

#[cfg(test)]
mod tests {
    use pglog::LogEntry;

    use super::*;

    fn entry(start: u64, end: u64, safe_position: u64) -> Assembled<'static> {
        let entry = LogEntry { level: Some(Level::Log), ..LogEntry::default() };
        Assembled { entry, start, end, safe_position }
    }

    fn two_at_a_time() -> Batcher {
        Batcher::new(Settings { max_entries: 2, ..Settings::default() }, 100)
    }

    #[test]
    fn full_batch_is_sealed_and_the_next_one_starts_where_it_ends() {
        let mut batcher = two_at_a_time();
        assert_eq!(batcher.push(&entry(100, 110, 110), Duration::ZERO), None);
        let first = batcher.push(&entry(110, 120, 120), Duration::ZERO).unwrap();
        assert_eq!((first.entries, first.start, first.end), (2, 100, 120));
        assert_eq!(first.levels.get("LOG"), Some(&2));
        assert_eq!(
            first.json.trim_ascii_start(),
            br#"{"level":"LOG","message":""},{"level":"LOG","message":""}"#
        );
        assert_eq!(batcher.push(&entry(120, 130, 130), Duration::ZERO), None);
        assert_eq!(batcher.flush(130).unwrap().start, 120);
        assert_eq!(batcher.flush(130), None);
    }

    #[test]
    fn batches_of_a_small_buffer_are_small() {
        let max_bytes = |buffer_bytes| Settings::for_buffer(buffer_bytes).max_bytes;
        assert_eq!(max_bytes(1_000_000), 64 << 10);
        assert_eq!(max_bytes(32 << 20), 512 << 10);
        assert_eq!(max_bytes(100_000_000), Settings::default().max_bytes);
    }

    #[test]
    fn entries_are_counted_by_level() {
        let mut batcher = Batcher::new(Settings::default(), 0);
        let levels: Vec<_> = Level::ALL.into_iter().map(Some).chain([None, None]).collect();
        for level in &levels {
            let entry = LogEntry { level: *level, ..LogEntry::default() };
            let found = Assembled { entry, start: 0, end: 1, safe_position: 1 };
            assert_eq!(batcher.push(&found, Duration::ZERO), None);
        }
        let expected: BTreeMap<_, _> =
            Level::ALL.into_iter().map(|level| (level.as_str(), 1)).collect();
        let batch = batcher.flush(1).unwrap();
        assert_eq!((batch.levels, batch.entries), (expected, levels.len() as u64));
    }

    #[test]
    fn batch_grows_until_its_end_is_safe() {
        let mut batcher = two_at_a_time();
        assert_eq!(batcher.push(&entry(100, 150, 100), Duration::ZERO), None);
        assert_eq!(batcher.push(&entry(110, 120, 100), Duration::ZERO), None);
        assert_eq!(batcher.flush(100), None);
        let sealed = batcher.push(&entry(120, 160, 160), Duration::ZERO).unwrap();
        assert_eq!((sealed.entries, sealed.end), (3, 160));
    }

    #[test]
    fn batch_by_bytes_is_full_as_well() {
        let max_bytes = ROOM_BYTES + 40;
        let mut batcher = Batcher::new(Settings { max_bytes, ..Settings::default() }, 0);
        assert!(batcher.push(&entry(0, 10, 10), Duration::ZERO).is_none());
        assert!(batcher.push(&entry(10, 20, 20), Duration::ZERO).is_some());
    }

    #[test]
    fn entries_wait_for_others_no_longer_than_the_age() {
        let mut batcher = two_at_a_time();
        let second = Duration::from_secs(1);
        assert_eq!(batcher.tick(100, second, second * 9), None);
        assert_eq!(batcher.push(&entry(100, 110, 110), second * 10), None);
        assert_eq!(batcher.tick(110, second, Duration::from_millis(10_999)), None);
        assert_eq!(batcher.tick(110, second, second * 11).unwrap().entries, 1);
    }
}
