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
//! assert_eq!(buffer.peek()?, None);
//! assert!(buffer.ledger()?.balances());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checkpoints;
mod evict;
mod ledger;
mod open;
mod row;

use std::path::{Path, PathBuf};

use ledger::Loss;
pub use open::Error;
pub use row::Waiting;
use rusqlite::{Connection, TransactionBehavior};
use serde::Deserialize;

use crate::{batch::SealedBatch, tail::Checkpoint};

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

/// Where the buffer is and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its folder, which is made where it is missing.
    pub folder: PathBuf,
    /// The most bytes in use; 100 MB by default.
    pub max_bytes: u64,
    /// What happens then; the oldest batches are dropped by default.
    pub when_full: WhenFull,
}

impl Settings {
    /// Returns the defaults for a buffer in this folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), max_bytes: 100_000_000, when_full: WhenFull::default() }
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
}

/// What storing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Everything is stored or accounted for.
    Stored {
        /// Entries that were lost because the buffer is full: of the oldest batches, dropped to make
        /// room, and of batches that are larger than the whole buffer may be.
        lost_entries: u64,
    },
    /// Nothing is stored: there is no room, and nothing may be dropped.
    NoRoom,
}

/// How full the buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Batches that wait.
    pub batches: u64,
    /// Bytes in use on disk.
    pub used_bytes: u64,
    /// The bound on them.
    pub max_bytes: u64,
    /// When the oldest batch was stored, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<i64>,
}

/// The buffer. One process opens it, with one connection.
#[derive(Debug)]
pub struct Buffer {
    connection: Connection,
    settings: Settings,
    /// The batch that is being sent, which is not to be evicted.
    leased: Option<i64>,
}

impl Buffer {
    /// Opens the buffer, and makes it where there is none.
    ///
    /// # Errors
    /// [`Error`] says what is in the way: no right to write, another process, no database.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let connection = open::open(settings)?;
        Ok(Self { connection, settings: settings.clone(), leased: None })
    }

    /// Stores batches with their positions, all or none. `now_ms` is the time of day in milliseconds
    /// since 1970-01-01 UTC.
    ///
    /// # Errors
    /// Those of the database; then nothing is stored.
    pub fn push(&mut self, entries: &[Entry], now_ms: i64) -> Result<Pushed, Error> {
        let space = |entry: &Entry| entry.batch.body.len() as u64 + row::OVERHEAD_BYTES;
        let max_bytes = self.settings.max_bytes / 5 * 4;
        let needed = entries.iter().map(space).filter(|bytes| *bytes <= max_bytes).sum();
        if self.settings.when_full == WhenFull::Pause && !self.fits(needed)? {
            return Ok(Pushed::NoRoom);
        }
        let mut lost_entries = self.make_room(needed, now_ms)?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for entry in entries {
            let file = match &entry.checkpoint {
                Some(checkpoint) => Some(checkpoints::store(&transaction, checkpoint, now_ms)?),
                None => None,
            };
            ledger::add(&transaction, ledger::READ, entry.batch.entries)?;
            if space(entry) <= max_bytes {
                row::insert(&transaction, &entry.batch, file, now_ms)?;
            } else {
                let loss = Loss { reason: "too_large", file, ..Loss::of(&entry.batch) };
                ledger::add_loss(&transaction, &loss, now_ms)?;
                lost_entries += entry.batch.entries;
            }
        }
        transaction.commit()?;
        Ok(Pushed::Stored { lost_entries })
    }

    /// Stores positions without a batch, such as where reading of a file begins.
    ///
    /// # Errors
    /// Those of the database; then nothing is stored.
    pub fn push_checkpoints(
        &mut self,
        checkpoints: &[Checkpoint],
        now_ms: i64,
    ) -> Result<(), Error> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for checkpoint in checkpoints {
            checkpoints::store(&transaction, checkpoint, now_ms)?;
        }
        checkpoints::note_start(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// Returns the oldest batch. It stays until it is acknowledged, and is not evicted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peek(&mut self) -> Result<Option<Waiting>, Error> {
        let oldest = row::oldest(&self.connection)?;
        self.leased = oldest.as_ref().map(|waiting| waiting.seq);
        Ok(oldest)
    }

    /// Removes a batch that the listener has confirmed.
    ///
    /// # Errors
    /// Those of the database; then the batch stays, and is sent again.
    pub fn ack(&mut self, seq: i64) -> Result<(), Error> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(entries) = row::delete(&transaction, seq)? {
            ledger::add(&transaction, ledger::DELIVERED, entries)?;
        }
        transaction.commit()?;
        self.leased = None;
        Ok(())
    }

    /// Returns the positions of all files. `None` before the first start.
    ///
    /// # Errors
    /// Those of the database.
    pub fn checkpoints(&self) -> Result<Option<Vec<Checkpoint>>, Error> {
        checkpoints::load(&self.connection)
    }

    /// Returns the account of all entries.
    ///
    /// # Errors
    /// Those of the database.
    pub fn ledger(&self) -> Result<wire::Ledger, Error> {
        ledger::load(&self.connection)
    }

    /// Tells whether a batch of usual size can be stored without dropping another.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_room(&self) -> Result<bool, Error> {
        Ok(self.settings.when_full == WhenFull::DropOldest
            || evict::used_bytes(&self.connection)? < self.settings.max_bytes / 100 * 95)
    }

    /// Returns how full the buffer is.
    ///
    /// # Errors
    /// Those of the database.
    pub fn stats(&self) -> Result<Stats, Error> {
        let (batches, oldest_ms) = self.connection.query_row(
            "SELECT count(*), min(created_ms) FROM batch",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        )?;
        Ok(Stats {
            batches: batches.unsigned_abs(),
            used_bytes: evict::used_bytes(&self.connection)?,
            max_bytes: self.settings.max_bytes,
            oldest_ms,
        })
    }

    fn fits(&self, needed: u64) -> Result<bool, Error> {
        Ok(evict::used_bytes(&self.connection)? + needed <= self.settings.max_bytes)
    }

    /// Drops the oldest batches, down to 80 % of the bound, if `needed` bytes more would exceed it.
    /// Returns how many entries that were.
    fn make_room(&mut self, needed: u64, now_ms: i64) -> Result<u64, Error> {
        if self.fits(needed)? {
            return Ok(0);
        }
        let target = (self.settings.max_bytes / 5 * 4).saturating_sub(needed);
        let mut dropped = 0;
        while evict::used_bytes(&self.connection)? > target {
            match evict::step(&mut self.connection, self.leased, now_ms)? {
                0 => break,
                entries => dropped += entries,
            }
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests;
