//! Opening the database.

use std::{fs, io, path::PathBuf, time::Duration};

use rusqlite::{Connection, ErrorCode};

use crate::buffer::Settings;

/// The oldest SQLite that does not lose commits when its log is reset (fixed in 3.51.3).
const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// The version of the tables, in `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 1;

const PAGE_BYTES: u64 = 4096;

/// Why the buffer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be made or written to.
    #[error("cannot use the folder {path} for the buffer")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has the buffer open.
    #[error("the buffer {path} is in use by another pgcourier")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The tables are those of a later version.
    #[error(
        "the buffer {path} was written by a newer pgcourier (format {found}, known {SCHEMA_VERSION})"
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// The version found.
        found: i64,
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
            Self::InUse { .. } => "stop the other agent, or give this one a buffer.path of its own",
            Self::TooNew { .. } => "start the newer version, or change buffer.path",
            Self::OldSqlite(_) => "build pgcourier with the SQLite that it brings along",
            Self::Database(_) => "see whether the file system of buffer.path is full or broken",
        }
    }
}

pub(super) fn open(settings: &Settings) -> Result<Connection, Error> {
    if rusqlite::version_number() < MIN_SQLITE_VERSION {
        return Err(Error::OldSqlite(rusqlite::version()));
    }
    fs::create_dir_all(&settings.folder)
        .map_err(|source| Error::Folder { path: settings.folder.clone(), source })?;
    let path = settings.folder.join("buffer.db");
    let connection = Connection::open(&path)?;
    // Another process would hold it for as long as it lives, so waiting is of no use.
    connection.busy_timeout(Duration::ZERO)?;
    let configured = configure(&connection, settings.max_bytes);
    match configured.as_ref().err().and_then(rusqlite::Error::sqlite_error_code) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(Error::InUse { path }),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            let source = io::Error::from(io::ErrorKind::PermissionDenied);
            Err(Error::Folder { path: settings.folder.clone(), source })
        }
        _ => {
            configured?;
            migrate(&connection, path)?;
            Ok(connection)
        }
    }
}

/// Sets the connection up. The locking mode comes first: any read before it would make a file of shared
/// memory, for which a full disk has no room.
fn configure(connection: &Connection, max_bytes: u64) -> Result<(), rusqlite::Error> {
    let max_pages = (max_bytes / PAGE_BYTES).max(32);
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 256;
         PRAGMA secure_delete = OFF;
         PRAGMA mmap_size = 0;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -2048;
         PRAGMA max_page_count = {max_pages};
         BEGIN IMMEDIATE; COMMIT;"
    ))
}

fn migrate(connection: &Connection, path: PathBuf) -> Result<(), Error> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        SCHEMA_VERSION => Ok(()),
        0 => Ok(connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;",
            include_str!("schema.sql")
        ))?),
        _ => Err(Error::TooNew { path, found }),
    }
}
