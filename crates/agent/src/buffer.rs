//! The queue on disk between reading and sending, and the account of what went through it.
//!
//! A batch, the position after it and the account change in one SQLite transaction, so that a crash at
//! any moment loses nothing and doubles nothing: what is in the buffer is sent, what is not is read
//! again. Batches leave in the order in which they came. The space in use has a bound; where it would
//! be exceeded the oldest batches go, and the account says so.
//!
//! ```
//! use agent::buffer::{Buffer, Settings};
//!
//! let folder = tempfile::tempdir()?;
//! let mut buffer = Buffer::open(&Settings::at(folder.path()))?;
//! assert_eq!(buffer.peek(&[])?, None);
//! assert!(buffer.ledger()?.balances());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod again;
mod allocate;
mod ballast;
mod check;
mod checkpoints;
mod connection;
mod dead;
mod destinations;
mod error;
mod evict;
mod filesystem;
mod format;
mod ledger;
mod lines;
mod make;
mod missed;
mod open;
mod push;
mod queue;
mod reopen;
mod rescue;
mod row;
mod salvage;
mod shrink;
mod space;
mod totals;

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ballast::Ballast;
pub use dead::DeadLetter;
pub use destinations::{Destination, ForOutput};
use error::Check;
pub use error::Error;
pub use lines::Lines;
use rescue::Files;
pub use row::Waiting;
use rusqlite::{Connection, OptionalExtension as _, params};
pub use salvage::Salvaged;
use serde::Deserialize;
use space::Space;
use totals::Totals;
use wire::{BatchId, Missed, Source};

use crate::{
    batch::SealedBatch,
    tail::{Checkpoint, FileIdentity},
};

/// The lowest bound.
const MIN_BYTES: u64 = 1_000_000;

/// What happens when the buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The oldest batches are dropped and accounted for.
    #[default]
    DropOldest,
    /// Reading stops while the log still holds the bytes.
    Pause,
}

/// How the buffer keeps working on a full file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reserve {
    /// The files have their full size from the start.
    #[default]
    Preallocated,
    /// A file of ballast is given up when there is no other space. So on file systems that copy on
    /// write, and for buffers of more than 2 GiB.
    Ballast,
}

/// Where the buffer is and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its folder, which is made where it is missing.
    pub folder: PathBuf,
    /// The most bytes that its folder takes on disk; 100 MB by default, 1 MB at least.
    pub max_bytes: u64,
    /// What happens then; the oldest batches are dropped by default.
    pub when_full: WhenFull,
    /// How it keeps working on a full file system; chosen by the kind of file system by default.
    pub reserve: Reserve,
}

impl Settings {
    /// Returns the defaults for a buffer in this folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        let copies = filesystem::is_copying(folder);
        Self {
            folder: folder.to_owned(),
            max_bytes: 100_000_000,
            when_full: WhenFull::default(),
            reserve: if copies { Reserve::Ballast } else { Reserve::Preallocated },
        }
    }
}

/// A batch to store, with the position that is reached by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The batch.
    pub batch: SealedBatch,
    /// The file and the position after the batch. Without it, as where the file cannot be read any
    /// more, the batch is stored alone.
    pub checkpoint: Option<Checkpoint>,
    /// What is stored in the same transaction, before that position.
    pub noted: Noted,
}

impl Entry {
    /// A batch with which nothing else is stored.
    #[must_use]
    pub fn new(batch: SealedBatch, checkpoint: Option<Checkpoint>) -> Self {
        Self { batch, checkpoint, noted: Noted::default() }
    }
}

/// What is stored in one transaction with a batch: with it or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noted {
    /// Where reading of files begins. A file that was truncated, or that goes on behind a hole, begins
    /// anew under an identity whose last entries may be in batches before.
    pub starts: Vec<Checkpoint>,
    /// Files whose positions are not needed any more.
    pub forgotten: Vec<FileIdentity>,
    /// What could not be read, where that has changed.
    pub missed: Option<Missed>,
    /// What is known of line numbers once the batch is stored.
    pub lines: Option<Lines>,
}

impl Noted {
    /// Tells whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
            && self.forgotten.is_empty()
            && self.missed.is_none()
            && self.lines.is_none()
    }
}

/// What storing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// How many of the batches, from the first on, are stored or accounted for. For the others there is
    /// no room, and nothing more may be dropped.
    pub stored: usize,
    /// Entries that were lost because the buffer is full: of the oldest batches, dropped to make room,
    /// and of batches that are larger than the whole buffer may be.
    pub lost_entries: u64,
}

/// How full the buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Batches that wait.
    pub batches: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// Bytes in use in the database.
    pub used_bytes: u64,
    /// The bound on them: what is left of [`Settings::max_bytes`] besides SQLite's log.
    pub max_bytes: u64,
    /// Bytes that the folder takes on disk.
    pub disk_bytes: u64,
    /// When the oldest batch was stored, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<i64>,
    /// Dead letters.
    pub dead_letters: u64,
}

/// A batch that waits, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its place in the queue.
    pub seq: i64,
    /// Its name.
    pub id: Option<BatchId>,
    /// Where its data comes from.
    pub source: Option<Source>,
    /// How many entries it has.
    pub entries: u64,
    /// Bytes of its body, as compressed as it is stored.
    pub bytes: u64,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
}

/// The buffer. One process opens it, with one connection.
#[derive(Debug)]
pub struct Buffer {
    connection: Connection,
    /// False after a failure, until the database is open again.
    is_open: bool,
    /// How often it could not be opened in a row because the disk fails.
    failed_openings: u32,
    settings: Settings,
    space: Space,
    totals: Totals,
    ballast: Ballast,
    /// What was done about a damaged database, the last time.
    salvaged: Option<Salvaged>,
    /// The batch that is being sent, which is not to be evicted.
    leased: Option<i64>,
    /// No batch before this one waits for the listener.
    first_seq: i64,
    /// The last time of day that it was told, in milliseconds since 1970-01-01 UTC.
    now_ms: i64,
    /// Held for as long as the buffer is open.
    lock: File,
    /// Which files are open.
    files: Files,
}

impl Buffer {
    /// Opens the buffer, and makes it where there is none. One that is damaged is made anew from what
    /// can be read of it.
    ///
    /// # Errors
    /// [`Error`] says what is in the way: no right to write, another process, a later version.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let lock = open::lock(&settings.folder)?;
        Self::open_locked(settings, lock, Check::Usual)
    }

    /// Opens a buffer that could not be read for long, see [`Error::Unreadable`]: it is made anew from
    /// what the disk gives back.
    ///
    /// # Errors
    /// As [`Buffer::open`].
    pub fn open_unreadable(settings: &Settings) -> Result<Self, Error> {
        let lock = open::lock(&settings.folder)?;
        Self::open_locked(settings, lock, Check::Failed)
    }

    /// Opens the buffer of a folder with the bound that its agent gave it, or where that cannot be read with
    /// the space that it takes.
    ///
    /// # Errors
    /// As [`Buffer::open`].
    pub fn open_found(folder: &Path) -> Result<Self, Error> {
        let lock = open::lock(folder)?;
        let mut settings = Settings::at(folder);
        let taken_bytes = disk_bytes(folder).max(MIN_BYTES);
        settings.max_bytes = open::bound_of(folder).unwrap_or(taken_bytes);
        Self::open_locked(&settings, lock, Check::Usual)
    }

    fn open_locked(settings: &Settings, lock: File, check: Check) -> Result<Self, Error> {
        let opened = open::open(settings, check)?;
        let mut ballast = Ballast::in_folder(&settings.folder, opened.space.ballast_bytes);
        // Where there is no room for it yet, nothing is stored yet.
        let _there = ballast.restore(i64::MIN);
        open::give_to_owner(&settings.folder);
        let mut buffer = Self {
            totals: Totals::count(&opened.connection)?,
            connection: opened.connection,
            is_open: true,
            failed_openings: 0,
            settings: settings.clone(),
            space: opened.space,
            ballast,
            salvaged: opened.salvaged,
            leased: None,
            first_seq: i64::MIN,
            now_ms: 0,
            lock,
            files: Files::of(&open::database_of(&settings.folder)),
        };
        buffer.take_begun_back()?;
        Ok(buffer)
    }

    /// Returns what was done about a damaged database, if one was found since the buffer was opened.
    #[must_use]
    pub const fn salvaged(&self) -> Option<&Salvaged> {
        self.salvaged.as_ref()
    }

    /// Returns the positions of all files. `None` before the first start.
    ///
    /// # Errors
    /// Those of the database.
    pub fn checkpoints(&mut self) -> Result<Option<Vec<Checkpoint>>, Error> {
        self.attempt(|buffer| checkpoints::load(&buffer.connection))
    }

    /// Returns the account of all entries.
    ///
    /// # Errors
    /// Those of the database.
    pub fn ledger(&mut self) -> Result<wire::Ledger, Error> {
        self.attempt(|buffer| {
            let mut ledger = ledger::load(&buffer.connection)?.ledger;
            ledger.missed = missed::load(&buffer.connection)?;
            ledger.waiting = buffer.totals.entries;
            (_, ledger.dead_lettered) = dead::count(&buffer.connection)?;
            Ok(ledger)
        })
    }

    /// Returns how full the buffer is.
    ///
    /// # Errors
    /// Those of the database.
    pub fn stats(&mut self) -> Result<Stats, Error> {
        self.attempt(|buffer| {
            let oldest_ms = buffer
                .connection
                .prepare_cached(
                    "SELECT created_ms FROM batch WHERE seq >= ?1 ORDER BY seq LIMIT 1",
                )?
                .query_row([buffer.first_seq], |row| row.get(0))
                .optional()?;
            let (dead_letters, _) = dead::count(&buffer.connection)?;
            let Totals { batches, entries, bytes } = buffer.totals;
            Ok(Stats {
                batches,
                entries,
                body_bytes: bytes,
                used_bytes: evict::used_bytes(&buffer.connection)?,
                max_bytes: buffer.space.capacity_bytes(),
                disk_bytes: disk_bytes(&buffer.settings.folder),
                oldest_ms,
                dead_letters,
            })
        })
    }

    /// Tells whether the counts that are kept agree with the rows.
    ///
    /// # Errors
    /// Those of the database.
    pub fn counts_agree(&mut self) -> Result<bool, Error> {
        self.attempt(|buffer| Ok(Totals::count(&buffer.connection)? == buffer.totals))
    }

    /// Returns up to `limit` batches that wait, from the first behind `after` on.
    ///
    /// # Errors
    /// Those of the database.
    pub fn list(&mut self, after: i64, limit: u32) -> Result<Vec<Summary>, Error> {
        self.attempt(|buffer| {
            let mut statement = buffer.connection.prepare_cached(
                "SELECT seq, id, source, entries, length(body), created_ms FROM batch
                 WHERE seq > ?1 AND seq NOT IN (SELECT seq FROM settled) ORDER BY seq LIMIT ?2",
            )?;
            let found = statement.query_map(params![after, limit], |row| {
                let (id, source): (Vec<u8>, String) = (row.get(1)?, row.get(2)?);
                Ok(Summary {
                    seq: row.get(0)?,
                    id: BatchId::from_slice(&id).ok(),
                    source: Source::ALL.into_iter().find(|known| known.as_str() == source),
                    entries: row.get::<_, i64>(3)?.unsigned_abs(),
                    bytes: row.get::<_, i64>(4)?.unsigned_abs(),
                    created_ms: row.get(5)?,
                })
            })?;
            Ok(found.collect::<Result<Vec<_>, _>>()?)
        })
    }

    /// Returns one batch. `None` where it is not there or damaged.
    ///
    /// # Errors
    /// Those of the database.
    pub fn get(&mut self, seq: i64) -> Result<Option<Waiting>, Error> {
        let stored = self.attempt(|buffer| row::get(&buffer.connection, seq))?;
        Ok(stored.and_then(|stored| {
            let (seq, created_ms) = (stored.seq, stored.created_ms);
            stored.batch.map(|batch| Waiting { seq, created_ms, batch })
        }))
    }

    /// Stores a number under a name, for the next start.
    ///
    /// # Errors
    /// Those of the database.
    pub fn remember(&mut self, key: &str, number: i64) -> Result<(), Error> {
        self.attempt(|buffer| {
            buffer
                .connection
                .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
                .execute(params![key, number])?;
            Ok(())
        })
    }

    /// Returns a number that was stored under a name. What is damaged is as if it were not there.
    ///
    /// # Errors
    /// Those of the database.
    pub fn recall(&mut self, key: &str) -> Result<Option<i64>, Error> {
        self.attempt(|buffer| {
            let mut statement =
                buffer.connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
            let found = statement.query_row([key], |row| Ok(row.get(0).ok())).optional()?;
            Ok(found.flatten())
        })
    }

    /// Removes a damaged database that is kept, whose space is needed. Tells whether there was one.
    fn give_up_kept(&mut self) -> Result<bool, Error> {
        let kept = salvage::kept_of(&open::database_of(&self.settings.folder));
        if !kept.exists() {
            return Ok(false);
        }
        make::remove(&kept)?;
        self.space = Space::of(&self.settings, 0);
        let pages = self.space.pages.cast_signed();
        self.connection.pragma_update(None, "max_page_count", pages)?;
        Ok(true)
    }
}

/// Returns the bytes that the files of a folder take on disk.
fn disk_bytes(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    let blocks = files.flatten().filter_map(|file| file.metadata().ok());
    blocks.map(|metadata| metadata.blocks() * 512).sum()
}

#[cfg(test)]
mod tests;
