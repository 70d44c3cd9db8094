//! Making a database: complete under another name first, so that a crash leaves none or a whole one.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, params};

use crate::buffer::{
    allocate,
    destinations::TABLES,
    error::Error,
    format::{FORMAT, FORMAT_KEY},
    space::{PAGE_BYTES, Space},
};

/// The largest value written at once while a file is filled; SQLite holds it in memory.
pub(super) const FILL_BYTES: u64 = 1 << 20;
/// Bytes of a large value that a page of its own holds.
const OVERFLOW_BYTES: u64 = PAGE_BYTES - 4;
/// Pages that may be left out of the filling, so that it cannot go beyond the bound. They are not used.
pub(super) const UNFILLED_PAGES: u64 = 4;

/// Where a database is made.
pub(super) fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("db.new")
}

/// Where the log of a database is.
pub(super) fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

/// Makes an empty database at `path`, of its full size where there is room for that.
pub(super) fn make(path: &Path, space: &Space) -> Result<(), Error> {
    let draft = draft_of(path);
    drop(start(&draft, space)?);
    publish(&draft, path)
}

/// Makes the tables in a draft. Nothing in it is durable before it is published.
pub(super) fn start(draft: &Path, space: &Space) -> Result<Connection, Error> {
    remove(draft)?;
    remove(&draft.with_extension("new-journal"))?;
    let mut connection = connect(draft, space)?;
    connection.execute_batch(include_str!("schema.sql"))?;
    connection.execute_batch(TABLES)?;
    if space.preallocated {
        drop(connection);
        if !take_space(draft, space)? {
            let hint = "free space there, or lower buffer.max_size_mb";
            let path = draft.display();
            tracing::warn!(%path, hint, "no room for the whole buffer; it grows when there is");
            return start(draft, &Space { preallocated: false, ..*space });
        }
        connection = connect(draft, space)?;
    }
    connection.execute("INSERT INTO meta VALUES (?1, ?2)", params![FORMAT_KEY, FORMAT])?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    Ok(connection)
}

fn connect(draft: &Path, space: &Space) -> Result<Connection, Error> {
    let connection = Connection::open(draft)?;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA max_page_count = {};",
        space.pages
    ))?;
    Ok(connection)
}

/// Takes the space of the whole database: from then on storing needs none that somebody else could take.
/// Tells whether there was room.
fn take_space(draft: &Path, space: &Space) -> Result<bool, Error> {
    match allocate::add_free_pages(draft, space.pages) {
        Ok(()) => Ok(true),
        Err(error) if allocate::is_no_room(&error) => Ok(false),
        // Not every file system can do it without writing.
        Err(_) => match fill(&connect(draft, space)?, space.pages) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(false),
            filled => Ok(filled.map(|()| true)?),
        },
    }
}

/// Writes the file to its full size and frees the pages again.
fn fill(connection: &Connection, pages: u64) -> Result<(), rusqlite::Error> {
    loop {
        let count: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let missing = pages.saturating_sub(count.unsigned_abs() + UNFILLED_PAGES);
        if missing == 0 {
            break;
        }
        let bytes = (missing * OVERFLOW_BYTES).min(FILL_BYTES).cast_signed();
        let key = format!("fill {count}");
        connection.execute("INSERT INTO meta VALUES (?1, zeroblob(?2))", params![key, bytes])?;
    }
    connection.execute("DELETE FROM meta WHERE key LIKE 'fill %'", [])?;
    Ok(())
}

/// Brings a draft to the disk.
pub(super) fn sync(draft: &Path) -> Result<(), Error> {
    let synced = File::open(draft).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::Folder { path: draft.to_owned(), source })
}

/// Gives a draft its name, after it is on disk.
pub(super) fn publish(draft: &Path, path: &Path) -> Result<(), Error> {
    let in_folder = |source| Error::Folder { path: path.to_owned(), source };
    sync(draft)?;
    // The log of another database would be played into this one.
    remove(&log_of(path))?;
    fs::rename(draft, path).map_err(in_folder)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(in_folder)
}

/// Removes a file, which need not be there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Folder { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
