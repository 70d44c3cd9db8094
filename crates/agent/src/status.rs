//! What the agent's threads tell each other, and others, about their work.

mod metrics;
mod overview;
mod prometheus;
mod tally;

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub use metrics::{Kind, Metric, Sample, Value, metrics};
pub use overview::{Export, ExportStatus, FileStatus, OutputStatus, Overview, Snapshot};
pub use prometheus::prometheus;
pub use tally::Tally;
use wire::{FileHealth, LineGap, Missed};

/// Shared by the reading and the sending thread.
#[derive(Debug, Default)]
pub struct Status {
    files: Mutex<Files>,
    missed: Mutex<Missed>,
    /// Whether anything was missed since it was last stored.
    has_missed: AtomicBool,
    tally: Mutex<Tally>,
    caught_up: AtomicBool,
    /// When reading and sending last went round their loops, in milliseconds of the monotonic clock.
    read_ms: AtomicU64,
    sent_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Files {
    health: Vec<FileHealth>,
    /// When each file was last seen read to its end.
    whole_at: HashMap<String, Duration>,
}

/// How many gaps are told.
const MAX_GAPS: usize = 50;

impl Status {
    /// Makes the status of an agent that missed this in earlier runs.
    #[must_use]
    pub fn new(missed: Missed) -> Self {
        Self { missed: Mutex::new(missed), ..Self::default() }
    }

    /// Notes that lines of a session are missing. A gap that is known counts once: after a crash the
    /// lines around it can be read again.
    pub fn note_gap(&self, gap: LineGap) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &LineGap| {
            (&known.session_id, known.first, known.last, &known.before)
                == (&gap.session_id, gap.first, gap.last, &gap.before)
        };
        if missed.gaps.iter().any(is_same) {
            return;
        }
        missed.lines += gap.last - gap.first + 1;
        missed.gaps.push(gap);
        let surplus = missed.gaps.len().saturating_sub(MAX_GAPS);
        missed.gaps.drain(..surplus);
        self.has_missed.store(true, Ordering::Relaxed);
    }

    /// Notes that bytes of a log were gone before they could be read.
    pub fn note_missed_bytes(&self, reason: &str, bytes: u64) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        *missed.bytes.entry(reason.to_owned()).or_default() += bytes;
        self.has_missed.store(true, Ordering::Relaxed);
    }

    /// Returns what could not be read, where that is more than what this returned last.
    pub fn take_new_missed(&self) -> Option<Missed> {
        self.has_missed.swap(false, Ordering::Relaxed).then(|| self.missed())
    }

    /// Returns what could not be read.
    #[must_use]
    pub fn missed(&self) -> Missed {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds counts of entries that were read, and empties them.
    pub fn add_tally(&self, tally: &mut Tally) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).take(tally);
    }

    /// Returns how many entries were read since the start.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets how far each file has been read. `now` is the monotonic clock.
    pub fn set_files(&self, health: Vec<FileHealth>, now: Duration) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut files.whole_at);
        files.whole_at = health
            .iter()
            .map(|file| {
                let known = before.get(&file.path).copied().unwrap_or(now);
                (file.path.clone(), if file.lag_bytes == 0 { now } else { known })
            })
            .collect();
        files.health = health;
        self.read_ms.store(millis(now), Ordering::Relaxed);
    }

    /// Returns how far each file has been read.
    #[must_use]
    pub fn files(&self) -> Vec<FileHealth> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).health.clone()
    }

    /// Returns how long ago each file had been read to its end.
    #[must_use]
    pub fn lags(&self, now: Duration) -> HashMap<String, Duration> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let lag = |at: &Duration| now.saturating_sub(*at);
        files.whole_at.iter().map(|(path, at)| (path.clone(), lag(at))).collect()
    }

    /// Notes that sending goes on.
    pub fn note_sending(&self, now: Duration) {
        self.sent_ms.store(millis(now), Ordering::Relaxed);
    }

    /// Returns how long the slower of reading and sending has not gone round its loop.
    #[must_use]
    pub fn standstill(&self, now: Duration) -> Duration {
        let last_ms = [&self.read_ms, &self.sent_ms].map(|beat| beat.load(Ordering::Relaxed));
        now.saturating_sub(Duration::from_millis(last_ms.into_iter().min().unwrap_or(0)))
    }

    /// Notes whether everything in the buffer has been delivered.
    pub fn set_caught_up(&self, caught_up: bool) {
        self.caught_up.store(caught_up, Ordering::Relaxed);
    }

    /// Tells whether everything in the buffer had been delivered a moment ago.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn file(lag_bytes: u64) -> FileHealth {
        FileHealth { path: "/a.log".to_owned(), position: 0, size: lag_bytes, lag_bytes }
    }

    #[test]
    fn lag_counts_from_when_the_file_was_last_read_whole() {
        let status = Status::default();
        status.set_files(vec![file(0)], SECOND);
        status.set_files(vec![file(10)], SECOND * 5);
        assert_eq!(status.lags(SECOND * 9)["/a.log"], SECOND * 8);
        status.set_files(vec![file(0)], SECOND * 10);
        assert_eq!(status.lags(SECOND * 10)["/a.log"], Duration::ZERO);
    }

    #[test]
    fn gap_that_is_known_counts_once() {
        let gap = LineGap {
            file: "/a.log".to_owned(),
            session_id: "1.a".to_owned(),
            first: 3,
            last: 4,
            after: None,
            before: None,
        };
        let status = Status::default();
        assert_eq!(status.take_new_missed(), None);
        status.note_gap(gap.clone());
        let missed = status.take_new_missed().unwrap();
        let status = Status::new(missed);
        status.note_gap(gap.clone());
        assert_eq!((status.missed().lines, status.take_new_missed()), (2, None));
        status.note_gap(LineGap { first: 6, last: 6, ..gap });
        assert_eq!(status.missed().lines, 3);
    }

    #[test]
    fn standstill_is_that_of_the_slower_thread() {
        let status = Status::default();
        status.set_files(Vec::new(), SECOND * 10);
        status.note_sending(SECOND * 7);
        assert_eq!(status.standstill(SECOND * 11), SECOND * 4);
    }
}
