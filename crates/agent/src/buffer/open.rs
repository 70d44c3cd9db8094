//! Opening the database, whatever state it is in.
//!
//! A lock on a file of its own says who owns the folder. A database that is damaged does not stop the
//! agent: what can be read is taken over into a new one, see [`salvage`].

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, params};
use rustix::fs::{FlockOperation, flock};

use crate::buffer::{
    Settings, allocate,
    check::{damage_of, format_of, read_through},
    connection::configure,
    destinations,
    error::{Check, Error},
    filesystem,
    format::FORMAT,
    make,
    salvage::{self, Salvaged},
    space::{FRAME_BYTES, PAGE_BYTES, Space},
};

/// The oldest SQLite that does not lose commits when its log is reset (fixed in 3.51.3).
const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// The largest database that is checked as a whole at each start; larger ones once a row is found without
/// its checksum.
const MAX_CHECKED_BYTES: u64 = 2 << 30;

/// Under which name the bound is noted.
pub(super) const BOUND_KEY: &str = "max bytes";

/// An open database.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) space: Space,
    /// What had to be done about a damaged one.
    pub(super) salvaged: Option<Salvaged>,
}

/// Takes the folder for this process. The lock ends with the file.
pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    if rusqlite::version_number() < MIN_SQLITE_VERSION {
        return Err(Error::OldSqlite(rusqlite::version()));
    }
    if let Some(kind) = filesystem::remote_kind(folder) {
        return Err(Error::Remote { path: folder.to_owned(), kind });
    }
    let cannot = |source| Error::Folder { path: folder.to_owned(), source };
    // What is logged is nobody else's business.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock_of(folder))
        .map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::InUse { path: folder.to_owned() }),
        Err(error) => Err(cannot(error.into())),
    }
}

/// Returns the bound that was noted in the database of a folder which is locked. Nothing changes by that.
pub(super) fn bound_of(folder: &Path) -> Option<u64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database_of(folder), flags).ok()?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").ok()?;
    let sql = "SELECT value FROM meta WHERE key = ?1";
    connection.query_row(sql, [BOUND_KEY], |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
}

/// Gives the files of a folder to whom it belongs, where root has come to have made some.
pub(super) fn give_to_owner(folder: &Path) {
    let (Ok(owner), Ok(files)) = (fs::metadata(folder), fs::read_dir(folder)) else { return };
    for file in files.flatten() {
        if file.metadata().is_ok_and(|found| found.uid() != owner.uid()) {
            // Only root can, and only where it was root does it matter.
            drop(chown(file.path(), Some(owner.uid()), Some(owner.gid())));
        }
    }
}

/// Returns the path of the lock in a folder.
pub(super) fn lock_of(folder: &Path) -> PathBuf {
    folder.join("buffer.lock")
}

/// Returns the path of the database in a folder.
pub(super) fn database_of(folder: &Path) -> PathBuf {
    folder.join("buffer.db")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Opens the database in a folder that is locked, makes it where there is none, and makes it anew where
/// it is damaged.
pub(super) fn open(settings: &Settings, check: Check) -> Result<Opened, Error> {
    let path = database_of(&settings.folder);
    let space = Space::of(settings, salvage::kept_bytes(&path));
    let draft = make::draft_of(&path);
    if !exists(&path)? {
        if is_whole(&draft)? {
            make::publish(&draft, &path)?;
        } else {
            make::make(&path, &space)?;
        }
    }
    make::remove(&draft)?;
    make::remove(&salvage::aside_of(&path))?;
    let damage = if check == Check::Failed {
        "it failed while it was used".to_owned()
    } else {
        match connect_twice(&path, &space, check)? {
            Connected::Whole(connection) => return opened(connection, space, &path, None),
            Connected::Damaged(damage) => damage,
        }
    };
    let salvaged = salvage::rebuild(&path, settings, &damage)?;
    let space = Space::of(settings, salvage::kept_bytes(&path));
    match connect(&path, &space, Check::Usual)? {
        Connected::Whole(connection) => opened(connection, space, &path, Some(salvaged)),
        Connected::Damaged(damage) => {
            let source = io::Error::other(damage);
            Err(Error::Folder { path, source })
        }
    }
}

/// Tells whether a database has all the space that it is to have.
pub(super) fn has_full_size(path: &Path, space: &Space) -> bool {
    let bytes = fs::metadata(path).map_or(0, |database| database.len());
    bytes / PAGE_BYTES + make::UNFILLED_PAGES >= space.pages
}

fn opened(
    connection: Connection,
    space: Space,
    path: &Path,
    salvaged: Option<Salvaged>,
) -> Result<Opened, Error> {
    if !space.preallocated || has_full_size(path, &space) {
        return Ok(Opened { connection, space, salvaged });
    }
    let space = space.growing();
    connection.pragma_update(None, "max_page_count", space.pages.cast_signed())?;
    Ok(Opened { connection, space, salvaged })
}

/// Tells whether a file exists. One of which that cannot be told must not be made anew.
fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}

/// Tells whether a draft had been finished when the process ended.
fn is_whole(draft: &Path) -> Result<bool, Error> {
    if !exists(draft)? {
        return Ok(false);
    }
    read_through(draft)?;
    let version = |connection: Connection| {
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
    };
    Ok(Connection::open(draft).and_then(version).is_ok_and(|found| found == FORMAT))
}

/// A database that can be used, or what is wrong with it.
enum Connected {
    Whole(Connection),
    Damaged(String),
}

/// Connects, and once more where the database seems to be damaged: SQLite takes what cannot be read for
/// that. Meanwhile the files are read as a whole, to find out whether they can be.
fn connect_twice(path: &Path, space: &Space, check: Check) -> Result<Connected, Error> {
    let first = connect(path, space, check);
    let is_failure = |error: &Error| error.code() == Some(ErrorCode::SystemIoFailure);
    match first {
        Ok(Connected::Damaged(_)) => read_through(path).and_then(|()| connect(path, space, check)),
        Err(error) if is_failure(&error) => read_through(path).and(Err(error)),
        first => first,
    }
}

fn connect(path: &Path, space: &Space, check: Check) -> Result<Connected, Error> {
    match try_connect(path, space, check).map_err(|error| error.or_full(folder_of(path))) {
        Ok(connected) => Ok(connected),
        Err(Error::Database(error)) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Err(Error::InUse { path: path.to_owned() })
            }
            // None of these says anything about what is on disk.
            Some(
                ErrorCode::OutOfMemory
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen,
            ) => Err(match OpenOptions::new().read(true).write(true).open(path) {
                Ok(_) => Error::Database(error),
                Err(source) => Error::Folder { path: path.to_owned(), source },
            }),
            _ => match OpenOptions::new().read(true).write(true).open(path) {
                Ok(_) => Ok(Connected::Damaged(error.to_string())),
                Err(source) => Err(Error::Folder { path: path.to_owned(), source }),
            },
        },
        Err(error) => Err(error),
    }
}

fn try_connect(path: &Path, space: &Space, check: Check) -> Result<Connected, Error> {
    if space.preallocated {
        restore_space(path);
    }
    let connection = Connection::open(path)?;
    configure(&connection, space)?;
    if let Some(damage) = format_of(&connection, path)? {
        return Ok(Connected::Damaged(damage));
    }
    if (check == Check::Whole || space.capacity_bytes() <= MAX_CHECKED_BYTES)
        && let Some(damage) = damage_of(&connection)?
    {
        return Ok(Connected::Damaged(damage));
    }
    match empty_log(&connection).map_err(|error| Error::from(error).or_full(folder_of(path))) {
        // It is moved when there is space.
        Err(error) if error.is_full() => {}
        emptied => emptied?,
    }
    connection.execute_batch(destinations::TABLES)?;
    if space.preallocated {
        take_log_space(&connection, path, space)?;
    }
    Ok(Connected::Whole(connection))
}

/// Takes the space of a database again, which a copy of the file does not have where nothing was written.
fn restore_space(path: &Path) {
    let bytes = fs::metadata(path).map_or(0, |database| database.len());
    match allocate::allocate(path, bytes) {
        Err(error) if allocate::is_no_room(&error) => {
            let path = path.display();
            let hint = "free space there";
            tracing::warn!(%path, hint, "no room for the whole buffer; it grows when there is");
        }
        // What cannot be opened is reported by whoever opens it next.
        Ok(_) | Err(_) => {}
    }
}

/// Moves what is in the log into the database, so that the log is written from its start on. After a crash
/// SQLite does not know what of it had been moved, and would go on behind all of it.
pub(super) fn empty_log(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
}

/// Pages that are left out of the filling of the log, for those that change besides.
const UNFILLED_PAGES: u64 = 8;

/// Takes the space of the log's full share, so that it never needs more.
fn take_log_space(connection: &Connection, path: &Path, space: &Space) -> Result<(), Error> {
    let log = make::log_of(path);
    let taken = match allocate::allocate(&log, space.log_pages * FRAME_BYTES) {
        Ok(_) => true,
        Err(error) if allocate::is_no_room(&error) => false,
        // Not every file system can do it without writing.
        Err(_) => fill_log(connection, &log, space)?,
    };
    if !taken {
        tracing::warn!("no room for the whole log of the buffer; it grows when there is");
    }
    Ok(())
}

/// Lets the log grow to its full share once. Tells whether there is room.
fn fill_log(connection: &Connection, log: &Path, space: &Space) -> Result<bool, Error> {
    let has_bytes = fs::metadata(log).map_or(0, |log| log.len());
    let pages = space.log_pages.saturating_sub(UNFILLED_PAGES);
    if has_bytes >= pages * FRAME_BYTES {
        return Ok(true);
    }
    let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    let bytes = pages.min(free.unsigned_abs().saturating_sub(UNFILLED_PAGES)) * PAGE_BYTES;
    match fill_pages(connection, bytes) {
        // It is as large as it can be now, and what is in it is not lost.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(false),
        result => {
            result?;
            connection.execute("DELETE FROM meta WHERE key LIKE 'fill %'", [])?;
            Ok(true)
        }
    }
}

/// Writes so many bytes in one transaction, piece by piece.
fn fill_pages(connection: &Connection, mut bytes: u64) -> Result<(), rusqlite::Error> {
    let transaction = connection.unchecked_transaction()?;
    while bytes > 0 {
        let piece = bytes.min(make::FILL_BYTES);
        bytes -= piece;
        transaction.execute(
            "INSERT INTO meta VALUES (?1, zeroblob(?2))",
            params![format!("fill {bytes}"), piece.cast_signed()],
        )?;
    }
    transaction.commit()
}
