//! Follows log files through rotations.
//!
//! A file is known by what it is, not by its name: it is read to its end through the descriptor that was
//! opened first, also after it got another name or was deleted. Nothing in the log folder is ever
//! written, renamed or locked.
//!
//! ```
//! use std::{fs, time::Duration};
//! use agent::tail::{Event, LogPath, Reading, Settings, StartAt, Tailer};
//!
//! let folder = tempfile::tempdir()?;
//! let log = folder.path().join("postgresql.log");
//! fs::write(&log, "LOG:  hello\n")?;
//! let settings = Settings {
//!     paths: vec![LogPath::new(log.to_str().unwrap_or_default())],
//!     start_at: StartAt::Beginning,
//!     ..Settings::default()
//! };
//! let mut tailer = Tailer::open(settings, None);
//! let mut read = Vec::new();
//! tailer.poll(Duration::ZERO, Reading::Allowed, &mut |event| {
//!     if let Event::Bytes { bytes, .. } = event {
//!         read.extend_from_slice(bytes);
//!     }
//! });
//! assert_eq!(read, b"LOG:  hello\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod checkpoint;
mod discover;
mod follower;
mod problem;
mod series;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

pub use checkpoint::{Checkpoint, Evidence, FileIdentity, Guard};
pub use discover::LogPath;
pub use follower::FileNumber;
use follower::{Follower, OpenedFile, Progress};
use problem::Problems;
use serde::Deserialize;

/// Where reading begins in files that are there at the first start of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// At their end: what happened before is not sent.
    #[default]
    End,
    /// At their beginning.
    Beginning,
}

/// What to follow.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files, folders and patterns; none by default.
    pub paths: Vec<LogPath>,
    /// Where reading begins at the first start of all; at the end by default.
    pub start_at: StartAt,
    /// How often to look for new files; each second by default.
    pub scan_interval: Duration,
    /// The most bytes read from one file in one turn; 1 MiB by default.
    pub max_turn_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            start_at: StartAt::End,
            scan_interval: Duration::from_secs(1),
            max_turn_bytes: 1 << 20,
        }
    }
}

/// Whether there is room for what would be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Read on.
    Allowed,
    /// Only watch: the log itself holds the bytes.
    Paused,
}

/// What a poll finds.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file is followed from now on.
    Opened {
        /// Its number from here on.
        file: FileNumber,
        /// Where it was found.
        path: &'a Path,
        /// Where reading starts: the start of a line.
        position: u64,
        /// Whole lines from around the position, to find out how to read the file.
        sample: &'a [u8],
    },
    /// The next bytes of a file, cut anywhere.
    Bytes {
        /// The file.
        file: FileNumber,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The file has been read to its end, and the next of its series is there: what was read is whole.
    /// More may come, from a process that still has the file open.
    Superseded {
        /// The file.
        file: FileNumber,
    },
    /// The file was rotated away and has been read to its end. Its checkpoint can be asked for until
    /// the next poll.
    Closed {
        /// The file.
        file: FileNumber,
    },
}

/// What a poll did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// How many bytes were read.
    pub read_bytes: usize,
}

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

/// Follows files.
#[derive(Debug)]
pub struct Tailer {
    settings: Settings,
    followers: Vec<Follower>,
    /// Followers that ended in the last poll.
    closed: Vec<Follower>,
    /// Positions of files that have not been found again yet.
    checkpoints: Vec<Checkpoint>,
    /// Files that were read to their end and left; a pattern may still find them.
    finished: HashSet<FileIdentity>,
    /// True until the first scan of the first start of all.
    is_first_scan: bool,
    next_scan: Duration,
    next_number: u64,
    problems: Problems,
    buffer: Vec<u8>,
}

impl Tailer {
    /// Makes a tailer that goes on where the checkpoints say. `None` at the first start of all, at which
    /// [`Settings::start_at`] counts.
    #[must_use]
    pub fn open(settings: Settings, checkpoints: Option<Vec<Checkpoint>>) -> Self {
        Self {
            settings,
            followers: Vec::new(),
            closed: Vec::new(),
            is_first_scan: checkpoints.is_none(),
            checkpoints: checkpoints.unwrap_or_default(),
            finished: HashSet::new(),
            next_scan: Duration::ZERO,
            next_number: 0,
            problems: Problems::default(),
            buffer: vec![0; READ_BYTES],
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
        self.closed.clear();
        if now >= self.next_scan {
            self.next_scan = now + self.settings.scan_interval;
            self.scan(sink);
        }
        let mut turn = Turn::default();
        if reading == Reading::Allowed {
            turn.read_bytes = self.read(sink);
            self.close_finished(now, sink);
        }
        turn
    }

    /// Reads a bounded part of each file. Of a series the oldest file is read to its end first.
    fn read(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> usize {
        let mut total = 0;
        let mut held_back: HashSet<String> = HashSet::new();
        let newest: HashMap<String, FileNumber> = self
            .followers
            .iter()
            .map(|follower| (follower.series.clone(), follower.number))
            .collect();
        for follower in &mut self.followers {
            if held_back.contains(&follower.series) {
                continue;
            }
            let max_bytes = self.settings.max_turn_bytes;
            match read_turn(follower, &mut self.buffer, max_bytes, sink) {
                Ok(bytes) if bytes >= max_bytes => {
                    total += bytes;
                    held_back.insert(follower.series.clone());
                }
                Ok(bytes) => {
                    total += bytes;
                    let is_newest = newest.get(&follower.series) == Some(&follower.number);
                    if !is_newest && follower.settle() {
                        sink(Event::Superseded { file: follower.number });
                    }
                }
                Err(error) => self.problems.report(&follower.path, &error),
            }
        }
        total
    }

    /// Returns the checkpoint of a file for a position in it. `None` where the file is not followed any
    /// more, or cannot be read.
    pub fn checkpoint(&mut self, file: FileNumber, position: u64) -> Option<Checkpoint> {
        let mut followers = self.followers.iter().chain(&self.closed);
        let follower = followers.find(|follower| follower.number == file)?;
        follower
            .checkpoint(position)
            .inspect_err(|error| self.problems.report(&follower.path, error))
            .ok()
    }

    /// Returns how far each file has been read.
    #[must_use]
    pub fn progress(&self) -> Vec<FileProgress> {
        let progress = |follower: &Follower| FileProgress {
            file: follower.number,
            path: follower.path.clone(),
            position: follower.position(),
            size: follower.size().unwrap_or(follower.position()),
        };
        self.followers.iter().map(progress).collect()
    }

    /// Finds files that are not followed yet. Files of which a position is stored come first, so that
    /// the rest of a rotated one is read before what followed it.
    fn scan(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let mut found = Vec::new();
        for path in &self.settings.paths {
            match path.find() {
                Ok(paths) if paths.is_empty() => self.problems.report_none(path),
                Ok(paths) => found.extend(paths),
                Err(error) => self.problems.report(Path::new(&path.to_string()), &error),
            }
        }
        let mut opened = Vec::new();
        for path in found {
            match OpenedFile::open(&path) {
                Ok(file) => {
                    self.problems.clear(&path);
                    opened.push(file);
                }
                Err(error) => self.problems.report(&path, &error),
            }
        }
        if !self.checkpoints.is_empty() {
            self.resume(&mut opened, sink);
        }
        // The oldest first: of a series it is to be read first.
        opened.sort_by_key(|file| file.identity.born_ns);
        for file in opened {
            if !self.is_known(file.identity) {
                let position = self.start_position(&file);
                self.follow(file, position, sink);
            }
        }
        self.is_first_scan = false;
    }

    /// Goes on with the files of the checkpoints, under whatever name they are now.
    fn resume(&mut self, opened: &mut Vec<OpenedFile>, sink: &mut dyn FnMut(Event<'_>)) {
        for checkpoint in std::mem::take(&mut self.checkpoints) {
            let at_path = opened.iter().position(|file| file.identity == checkpoint.identity);
            let file = match at_path {
                Some(index) => Some(opened.remove(index)),
                None => find_sibling(&checkpoint),
            };
            let Some(file) = file else { continue };
            match checkpoint.compare(&file.file) {
                Ok(Evidence::Same) => self.follow(file, checkpoint.position, sink),
                Ok(Evidence::Rewritten | Evidence::Other) => self.follow(file, 0, sink),
                Err(error) => self.problems.report(&file.path, &error),
            }
        }
    }

    fn is_known(&self, identity: FileIdentity) -> bool {
        self.finished.contains(&identity)
            || self.followers.iter().any(|follower| follower.identity == identity)
    }

    /// Where to begin in a file that was never read: a new one is wanted from its first byte.
    fn start_position(&self, file: &OpenedFile) -> u64 {
        if self.is_first_scan && self.settings.start_at == StartAt::End {
            file.last_line_break().unwrap_or(0)
        } else {
            0
        }
    }

    fn follow(&mut self, file: OpenedFile, position: u64, sink: &mut dyn FnMut(Event<'_>)) {
        let number = FileNumber(self.next_number);
        self.next_number += 1;
        let sample = file.sample(position).unwrap_or_default();
        tracing::info!(path = %file.path.display(), position, "following");
        sink(Event::Opened { file: number, path: &file.path, position, sample: &sample });
        self.followers.push(Follower::new(number, file, position));
    }

    fn close_finished(&mut self, now: Duration, sink: &mut dyn FnMut(Event<'_>)) {
        let is_finished = |follower: &mut Follower| {
            let at_end = follower.size().is_ok_and(|size| size <= follower.position());
            at_end && follower.is_finished(now)
        };
        self.closed = self.followers.extract_if(.., is_finished).collect();
        for follower in &self.closed {
            tracing::info!(path = %follower.path.display(), "finished: rotated away and read to its end");
            self.finished.insert(follower.identity);
            sink(Event::Closed { file: follower.number });
        }
    }
}

/// Reads one file until its end or the turn's.
fn read_turn(
    follower: &mut Follower,
    buffer: &mut [u8],
    max_bytes: usize,
    sink: &mut dyn FnMut(Event<'_>),
) -> io::Result<usize> {
    let mut total = 0;
    while total < max_bytes {
        match follower.read(buffer)? {
            Progress::AtEnd => break,
            Progress::Read(bytes) => {
                let read = buffer.get(..bytes).unwrap_or_default();
                sink(Event::Bytes { file: follower.number, bytes: read });
                total += bytes;
            }
        }
    }
    Ok(total)
}

/// Looks for a file that got another name in its folder.
fn find_sibling(checkpoint: &Checkpoint) -> Option<OpenedFile> {
    let entries = fs::read_dir(checkpoint.path.parent()?).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let metadata = entry.metadata().ok()?;
        let is_it = metadata.is_file() && FileIdentity::of(&metadata) == checkpoint.identity;
        if is_it { OpenedFile::open(&entry.path()).ok() } else { None }
    })
}

#[cfg(test)]
mod tests;
