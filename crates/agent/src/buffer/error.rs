//! Why the buffer cannot be used, and what follows from that.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

use crate::buffer::{allocate, format::FORMAT};

/// Why the buffer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be made or written to.
    #[error("cannot use {path} for the buffer")]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The folder is on another machine's disk.
    #[error("the buffer {path} is on a network file system ({kind})")]
    Remote {
        /// The folder.
        path: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// Another process has the buffer open.
    #[error("the buffer {path} is in use by another pgcourier")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The tables are those of a later version.
    #[error("the buffer {path} was written by a newer pgcourier (format {found}, known {FORMAT})")]
    TooNew {
        /// The database.
        path: PathBuf,
        /// The version found.
        found: i64,
    },
    /// The disk does not give back what is on it, for now or for good.
    #[error("cannot read {path}")]
    Unreadable {
        /// The database, or its log.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The SQLite library is one that can lose commits.
    #[error("SQLite {0} can lose commits; 3.51.3 or later is needed")]
    OldSqlite(&'static str),
    /// Anything else.
    #[error("the buffer's database failed")]
    Database(#[from] rusqlite::Error),
}

impl Error {
    /// Says what to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Folder { .. } => {
                "make the folder and give it to the agent's user, or change buffer.path"
            }
            Self::Remote { .. } => {
                "set buffer.path to a folder on a local disk: what a network file system has \
                 confirmed may not be there after a crash"
            }
            Self::InUse { .. } => "stop the other agent, or give this one its own buffer.path",
            Self::TooNew { .. } => "start the newer version, or change buffer.path",
            Self::Unreadable { .. } => "see whether the disk is failing",
            Self::OldSqlite(_) => "build pgcourier with the SQLite that it brings along",
            Self::Database(_) => "see whether the file system of buffer.path is full or broken",
        }
    }

    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Database(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Tells whether there is no room, in the database or on its file system.
    pub(super) fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Returns this error; where there is no room for what could not be written, one that says so. SQLite
    /// knows of a full file system, but not of a quota that is used up.
    pub(super) fn or_full(self, folder: &Path) -> Self {
        if self.code() == Some(ErrorCode::SystemIoFailure) && !allocate::has_room(folder) {
            let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            return Self::Database(rusqlite::Error::SqliteFailure(full, None));
        }
        self
    }

    /// Tells whether the connection must not be trusted any more, and how the database is to be looked
    /// at then: after a failed write or read nobody knows what reached the disk.
    pub(super) fn is_damage(&self) -> Option<Check> {
        match self.code()? {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(Check::Whole),
            ErrorCode::SystemIoFailure => Some(Check::Usual),
            _ => None,
        }
    }
}

/// How thoroughly a database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// As a whole, where that does not take long.
    Usual,
    /// As a whole.
    Whole,
    /// Not at all: it is known to be damaged, and made anew.
    Failed,
}
