//! Keeps what was accepted, and answers questions about it.
//!
//! One thread writes, in groups: requests that wait together are committed together, and each is
//! answered after its commit. A commit survives a power failure, so an answer does. Reads have
//! connections of their own and see the last commit; neither side waits for the other.
//!
//! The file is SQLite's. Nothing outside of this module knows that, so that another engine can stand
//! here: what goes in is [`Accepted`], what comes out are rows.

mod agents;
mod entries;
mod groups;
mod insert;
mod readers;
mod retention;
mod schema;
mod search;
mod writer;

use std::{path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::validate::Accepted;

pub use agents::AgentRow;
pub use entries::{Cursor, EntryFilter, EntryPage, EntryRow, Levels};
pub use groups::{ErrorGroup, Scope, StatementGroup, StatementOrder};

use readers::Readers;
use writer::Writer;

/// Where the store is and how much it keeps.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database file. Its folder is made where it is missing.
    pub path: PathBuf,
    /// How long entries and other data are kept, from their arrival.
    pub retention: SignedDuration,
    /// The most that the file may grow to; what comes then is refused until retention makes room.
    pub max_size_mb: Option<u64>,
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path} is in use by another process")]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot open {path}")]
    File {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("cannot use {path} as a database")]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file belongs to another program.
    #[error("{path} is not a listener's database")]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{path} was written by a later version of pgcourier")]
    Newer {
        /// The database file.
        path: PathBuf,
    },
    /// The linked SQLite may lose commits.
    #[error("SQLite {version} can lose data; 3.51.3 is the oldest that does not")]
    OldSqlite {
        /// What is linked.
        version: &'static str,
    },
    /// The writing thread cannot be started.
    #[error("cannot start the writing thread")]
    Thread(#[source] std::io::Error),
}

/// The store cannot do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// More waits to be written than memory is kept for. Nothing was stored; try again soon.
    #[error("too much waits to be written")]
    Busy,
    /// The database refuses, such as on a full disk. Nothing was stored.
    #[error("the database refuses")]
    Refused(#[source] Arc<rusqlite::Error>),
    /// The question took longer than it may.
    #[error("the search took too long")]
    TooSlow,
    /// The store is closed or its thread is gone.
    #[error("the store is closed")]
    Closed,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its row; `None` for what has no row of its own, such as an agent's health.
    pub row_id: Option<i64>,
    /// True where its batch id was known already and nothing was stored.
    pub is_duplicate: bool,
}

/// The store. Cheap to share behind an [`Arc`]; dropping it closes the file.
#[derive(Debug)]
pub struct Store {
    // Dropped before the writer, whose last act is to move the write-ahead log into the file.
    readers: Readers,
    writer: Writer,
}

impl Store {
    /// Opens the database, making or migrating it as needed, and starts the writing thread.
    ///
    /// # Errors
    /// [`OpenError`] says whose fault it is: another process, the file system, the file itself.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let writer = Writer::start(settings)?;
        let readers = Readers::open(&settings.path, readers::MAX_WAIT)?;
        Ok(Self { readers, writer })
    }

    /// Stores a request of `project` that arrived at `received_at`, and returns after the commit.
    ///
    /// # Errors
    /// Nothing is stored in any case of [`Error`].
    pub async fn ingest(
        &self,
        project: Arc<str>,
        accepted: Accepted,
        received_at: Timestamp,
    ) -> Result<Stored, Error> {
        self.writer.ingest(project, accepted, received_at).await
    }

    /// Finds out whether the database takes writes.
    ///
    /// # Errors
    /// [`Error`] where it does not.
    pub async fn probe(&self) -> Result<(), Error> {
        self.writer.probe().await
    }

    /// Deletes what is too old at `now`, in steps between requests, and returns when it is gone.
    ///
    /// # Errors
    /// [`Error`] where the database refuses; what was deleted until then is gone.
    pub async fn retain(&self, now: Timestamp) -> Result<(), Error> {
        self.writer.retain(now).await
    }

    /// Stores what waits, moves the write-ahead log into the file and closes it.
    pub async fn close(self) {
        drop(self.readers);
        self.writer.close().await;
    }
}

/// The form of a time in the database.
fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time of a number in the database; what cannot be one reads as 1970.
fn time_of(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
