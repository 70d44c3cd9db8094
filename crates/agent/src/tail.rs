//! Follows log files through rotations.
//!
//! A file is known by what it is, not by its name: it is read to its end through the descriptor that was
//! opened first, also after it got another name or was deleted. Nothing in the log folder is ever
//! written, renamed or locked.
//!
//! ```
//! use std::{fs, time::Duration};
//! use agent::tail::{Event, History, LogPath, Reading, Settings, StartAt, Tailer};
//!
//! let folder = tempfile::tempdir()?;
//! let log = folder.path().join("postgresql.log");
//! fs::write(&log, "LOG:  hello\n")?;
//! let settings = Settings {
//!     paths: vec![LogPath::new(log.to_str().unwrap_or_default())],
//!     start_at: StartAt::Beginning,
//!     ..Settings::default()
//! };
//! let mut tailer = Tailer::open(settings, History::none(0));
//! let mut read = Vec::new();
//! tailer.poll(Duration::ZERO, Reading::Allowed, &mut |event| {
//!     if let Event::Bytes { bytes, .. } = event {
//!         read.extend_from_slice(bytes);
//!     }
//! });
//! assert_eq!(read, b"LOG:  hello\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod bytes;
mod checkpoint;
mod clusters;
mod discover;
mod ending;
mod event;
mod follower;
mod foreign;
mod forget;
mod formats;
mod haste;
mod identity;
mod judge;
mod likeness;
mod moment;
mod named;
mod olddir;
mod order;
mod problem;
mod retire;
mod rewrite;
mod scan;
mod series;
mod settings;
mod source;
mod survey;
mod watch;

use std::{
    collections::{HashMap, HashSet},
    io,
    os::fd::BorrowedFd,
    path::PathBuf,
    time::Duration,
};

use bytes::MAX_GUARD_BYTES;
pub use checkpoint::{Checkpoint, Guard};
pub use discover::LogPath;
pub use event::{Event, Missed, Reason, Turn};
pub use follower::FileNumber;
use follower::{Follower, Occasion, Opened, Progress};
use formats::Formats;
use haste::Haste;
pub use identity::FileIdentity;
use identity::Stamp;
pub use named::NamedLogs;
use olddir::OldDirs;
use problem::Problems;
pub use settings::{History, Reading, Settings, StartAt};
pub use watch::Wake;
use watch::{Changes, Watcher};

/// How far a followed file has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProgress {
    /// The file.
    pub file: FileNumber,
    /// Where it was found.
    pub path: PathBuf,
    /// Bytes read.
    pub position: u64,
    /// Bytes that the file has.
    pub size: u64,
}

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// How often to look for files at most.
const MIN_SCAN_INTERVAL: Duration = Duration::from_millis(50);

/// The same while a log is watched closely and the system tells of new files.
const URGENT_SCAN_INTERVAL: Duration = Duration::from_millis(250);

/// For how long logs are only read after a name of their series came, went or led to another file.
const JUST_ROTATED: Duration = Duration::from_millis(10);

/// How many times less often to look for files, and at logs in which nothing happens, where the system tells
/// of what happens to them.
const SCANS_SAVED: u32 = 30;

/// Follows files.
#[derive(Debug)]
pub struct Tailer {
    settings: Settings,
    /// The logs that are read, of each series the oldest first.
    followers: Vec<Follower>,
    /// Followers that have ended and are not released yet.
    closed: Vec<Follower>,
    /// How far files were read that are not followed, or not found yet.
    records: HashMap<FileIdentity, Checkpoint>,
    /// Where logs are when they were rotated.
    old_dirs: OldDirs,
    /// Files whose positions are not needed any more.
    forgotten: Vec<FileIdentity>,
    next_forgetting: Duration,
    /// Files that have been looked at and left alone, as they were then.
    left: HashMap<FileIdentity, Stamp>,
    /// Compressed files, as they were at the last scan.
    packed: HashMap<FileIdentity, Stamp>,
    /// Files that were written anew: they are read from their start.
    rewritten: HashMap<FileIdentity, Opened>,
    /// What has happened between two polls.
    due: Vec<Due>,
    first_start_ns: i64,
    /// True where this is the first start of all.
    is_first_start: bool,
    /// True until the first scan.
    is_first_scan: bool,
    /// Until when a log may be about to be truncated.
    urgent_until: Duration,
    haste: Haste,
    last_scan: Duration,
    next_scan: Duration,
    next_number: u64,
    watcher: Watcher,
    formats: Formats,
    problems: Problems,
    buffer: Vec<u8>,
}

/// What the sink has to be told.
#[derive(Debug)]
enum Due {
    Moved(FileNumber),
    Missed(Missed),
}

impl Tailer {
    /// Makes a tailer that goes on where the history says.
    #[must_use]
    pub fn open(settings: Settings, history: History) -> Self {
        let is_first_start = history.checkpoints.is_none();
        let checkpoints = history.checkpoints.unwrap_or_default();
        let max_turn_bytes = settings.max_turn_bytes.clamp(1, READ_BYTES);
        Self {
            settings,
            followers: Vec::new(),
            closed: Vec::new(),
            records: checkpoints.into_iter().map(|known| (known.identity, known)).collect(),
            old_dirs: OldDirs::default(),
            forgotten: Vec::new(),
            next_forgetting: Duration::ZERO,
            left: HashMap::new(),
            packed: HashMap::new(),
            rewritten: HashMap::new(),
            due: Vec::new(),
            // File systems keep time by the tick of the system, which is a little late.
            first_start_ns: (history.first_start_ms - 20).saturating_mul(1_000_000),
            is_first_start,
            is_first_scan: true,
            urgent_until: Duration::ZERO,
            haste: Haste::default(),
            last_scan: Duration::ZERO,
            next_scan: Duration::ZERO,
            next_number: 0,
            watcher: Watcher::new(),
            formats: Formats::default(),
            problems: Problems::default(),
            buffer: vec![0; READ_BYTES.min(max_turn_bytes + MAX_GUARD_BYTES)],
        }
    }

    /// Looks for files and reads what is new, a bounded part of each file. `now` is any clock that
    /// never goes back.
    pub fn poll(
        &mut self,
        now: Duration,
        reading: Reading,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Turn {
        let changes = self.watcher.take();
        self.note_changes(&changes, now);
        let mut read_bytes = 0;
        if now >= self.next_scan {
            if now < self.urgent_until {
                // It may be gone when the scan is done.
                read_bytes += self.read(now, reading, sink);
            }
            self.next_scan = now + self.scan_interval(now);
            self.scan(now, sink);
        }
        read_bytes += self.read(now, reading, sink);
        if self.haste.is_on(now) {
            read_bytes += self.read_again_and_again(now, reading, sink);
        }
        if self.is_rewritten() {
            self.scan(now, sink);
            read_bytes += self.read(now, reading, sink);
        }
        self.close_finished(now, sink);
        let is_urgent = now < self.urgent_until;
        if !is_urgent {
            self.haste.end(now);
        }
        Turn { read_bytes, is_urgent, is_imminent: is_urgent && self.haste.is_on(now) }
    }

    /// Follows what is here from now on. What has been begun is read on as long as it is in a folder of
    /// these.
    pub fn set_paths(&mut self, paths: Vec<LogPath>) {
        if self.settings.paths != paths {
            self.settings.paths = paths;
            self.scan_soon();
        }
    }

    /// Looks for files at the next poll, whenever the last scan was.
    pub const fn scan_soon(&mut self) {
        self.next_scan = Duration::ZERO;
    }

    /// What to wait for between two polls, next to the time: these can be read when there is something to
    /// do.
    #[must_use]
    pub fn descriptors(&self, wake: Wake) -> Vec<BorrowedFd<'_>> {
        self.watcher.descriptors(wake)
    }

    /// Tells whether everything that can happen to the files wakes whoever waits for it.
    #[must_use]
    pub fn wakes(&self) -> bool {
        self.watcher.is_complete()
    }

    fn note_changes(&mut self, changes: &Changes, now: Duration) {
        self.watcher.check(changes);
        if changes.is_rotation {
            let mut soon = self.last_scan + MIN_SCAN_INTERVAL;
            let renamed: HashSet<String> =
                changes.renamed.iter().flat_map(|name| self.old_dirs.series_of(name)).collect();
            if self.followers.iter().any(|follower| renamed.contains(&follower.series)) {
                // The copy of a small log is made, and the log truncated, within a few milliseconds.
                self.urgent_until = self.urgent_until.max(now + JUST_ROTATED);
                self.hurry(now, JUST_ROTATED);
                soon = soon.max(now + JUST_ROTATED);
            }
            self.next_scan = self.next_scan.min(soon);
        }
        for path in &changes.written {
            let mut is_followed = false;
            for follower in self.followers.iter_mut().filter(|follower| follower.is_at(path)) {
                follower.look_soon();
                is_followed = true;
            }
            if !is_followed {
                // A file that was left, or a copy.
                self.next_scan = self.next_scan.min(now + self.settings.scan_interval);
            }
        }
    }

    fn scan_interval(&self, now: Duration) -> Duration {
        let interval = self.settings.scan_interval;
        if now < self.urgent_until {
            // A scan takes longer than the log should be out of sight.
            let is_told = self.watcher.is_complete();
            interval.min(if is_told { URGENT_SCAN_INTERVAL } else { MIN_SCAN_INTERVAL })
        } else if self.watcher.is_complete() {
            interval * SCANS_SAVED
        } else {
            interval
        }
    }

    /// Reads a bounded part of each file. Of a series the oldest file is read to its end first.
    fn read(&mut self, now: Duration, reading: Reading, sink: &mut dyn FnMut(Event<'_>)) -> usize {
        let mut total = 0;
        let mut held_back: HashSet<String> = HashSet::new();
        let interval = self.scan_interval(now).max(self.settings.scan_interval);
        let mut newest = None;
        for index in 0..self.followers.len() {
            let Some(follower) = self.followers.get_mut(index) else { break };
            if held_back.contains(&follower.series) {
                follower.pass_over();
                continue;
            }
            let may_read = match reading {
                Reading::Allowed => true,
                Reading::Paused => follower.is_deleted,
                Reading::Stopped => false,
            };
            let Some(occasion) = follower.occasion(now, interval) else { continue };
            let outcome = if may_read {
                self.read_one(index, now, sink)
            } else {
                follower.pass_over();
                follower.is_rewritten().map(|_| Outcome::Unread)
            };
            if newest.is_none() && self.followers.get(index).is_some_and(Follower::is_unsettled) {
                newest = Some(self.newest());
            }
            let Some(follower) = self.followers.get_mut(index) else { break };
            match outcome {
                Ok(Outcome::Read { bytes, is_at_end }) => {
                    total += bytes;
                    if bytes > 0 && occasion == Occasion::Clock {
                        self.watcher.expect(&follower.path);
                    }
                    if !is_at_end {
                        held_back.insert(follower.series.clone());
                    } else if newest.as_ref().is_some_and(|newest| {
                        newest.get(&follower.series) != Some(&follower.number)
                    }) && follower.settle()
                    {
                        sink(Event::Superseded { file: follower.number });
                    }
                }
                Ok(Outcome::Unread) => {
                    held_back.insert(follower.series.clone());
                }
                Err(error) => self.problems.report(&follower.path, &error),
            }
        }
        total
    }

    /// Reads one file until its end or the turn's.
    fn read_one(
        &mut self,
        index: usize,
        now: Duration,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> io::Result<Outcome> {
        let max_bytes = self.settings.max_turn_bytes;
        let mut total = 0;
        while let Some(follower) = self.followers.get_mut(index).filter(|_| total < max_bytes) {
            match follower.read(&mut self.buffer, now)? {
                Progress::AtEnd => return Ok(Outcome::Read { bytes: total, is_at_end: true }),
                Progress::Rewritten => return Ok(Outcome::Read { bytes: total, is_at_end: false }),
                Progress::Zeros => self.skip_zeros(index, sink)?,
                Progress::Read { from, bytes } => {
                    let read = self.buffer.get(from..from + bytes).unwrap_or_default();
                    sink(Event::Bytes { file: follower.number, bytes: read });
                    total += bytes;
                }
            }
        }
        Ok(Outcome::Read { bytes: total, is_at_end: false })
    }

    /// Goes over zeros, which nobody has written: a writer that does not append leaves them where a file
    /// was truncated behind its back, a file system after a crash. What follows is read as a log of its
    /// own.
    fn skip_zeros(&mut self, index: usize, sink: &mut dyn FnMut(Event<'_>)) -> io::Result<()> {
        let number = self.take_number();
        let Some(follower) = self.followers.get_mut(index) else { return Ok(()) };
        let (before, zeros) = follower.skip_zeros(number)?;
        let (path, series) = (follower.path.clone(), follower.series.clone());
        let position = follower.position();
        let sample = follower.sample()?;
        tracing::warn!(path = %path.display(), zeros, position, "zeros in the log are skipped");
        sink(Event::Closed { file: before.number });
        self.closed.push(before);
        sink(Event::Opened {
            file: number,
            path: &path,
            series: &series,
            position,
            sample: &sample,
        });
        Ok(())
    }

    /// The follower of each series that was written last.
    fn newest(&self) -> HashMap<String, FileNumber> {
        let followers = self.followers.iter();
        followers.map(|follower| (follower.series.clone(), follower.number)).collect()
    }

    /// Returns the checkpoint of a file for a position in it. `None` where nothing holds the bytes any
    /// more, or the file cannot be read.
    pub fn checkpoint(&mut self, file: FileNumber, position: u64) -> Option<Checkpoint> {
        if let Some(checkpoint) = self.checkpoint_now(file, position) {
            return Some(checkpoint);
        }
        // Truncated since the last poll: the copy holds the bytes, if there is one.
        if self.is_rewritten() {
            let candidates = self.survey();
            self.resolve_rewritten(&candidates);
            self.scan_soon();
            return self.checkpoint_now(file, position);
        }
        None
    }

    fn checkpoint_now(&mut self, file: FileNumber, position: u64) -> Option<Checkpoint> {
        let mut followers = self.followers.iter_mut().chain(&mut self.closed);
        let follower = followers.find(|follower| follower.number == file)?;
        match follower.checkpoint(position) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                self.problems.report(&follower.path, &error);
                None
            }
        }
    }

    /// Forgets a file that was closed, once its checkpoint is stored.
    pub fn release(&mut self, file: FileNumber) {
        self.closed.retain(|follower| follower.number != file);
    }

    /// Returns how far each file has been read.
    #[must_use]
    pub fn progress(&self) -> Vec<FileProgress> {
        let progress = |follower: &Follower| FileProgress {
            file: follower.number,
            path: follower.path.clone(),
            position: follower.position(),
            size: follower.size(),
        };
        self.followers.iter().map(progress).collect()
    }

    const fn take_number(&mut self) -> FileNumber {
        let number = FileNumber(self.next_number);
        self.next_number += 1;
        number
    }
}

/// What a turn with one file brought.
enum Outcome {
    Read {
        bytes: usize,
        is_at_end: bool,
    },
    /// It was not to be read.
    Unread,
}

#[cfg(test)]
mod tests;
