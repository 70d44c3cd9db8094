//! Whether a database is what it should be.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

use rusqlite::Connection;

use crate::buffer::{
    checkpoints,
    error::Error,
    format::{FORMAT, FORMAT_KEY},
    ledger,
    make::log_of,
    row,
};

/// How much is read at once.
const PIECE_BYTES: usize = 1 << 18;

/// Looks whether these are our tables. Returns what is wrong, if something is. One torn page must not
/// make a version of its own, so both copies of the number have to say the same.
pub(super) fn format_of(connection: &Connection, path: &Path) -> Result<Option<String>, Error> {
    let header: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let stored: i64 =
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [FORMAT_KEY], |row| row.get(0))?;
    if header == FORMAT && stored == FORMAT {
        return Ok(None);
    }
    if header == stored && header > FORMAT {
        return Err(Error::TooNew { path: path.to_owned(), found: header });
    }
    Ok(Some(format!("its format is {header} in one place and {stored} in the other")))
}

/// Looks at every page and every checksum. Returns what is wrong, if something is.
pub(super) fn damage_of(connection: &Connection) -> Result<Option<String>, Error> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Some(verdict));
    }
    let wrong = if !row::are_valid(connection, "batch")? {
        "a batch"
    } else if !row::are_valid(connection, "dead_letter")? {
        "a dead letter"
    } else if !checkpoints::are_valid(connection)? {
        "a position"
    } else if !ledger::load(connection)?.whole {
        "the account"
    } else {
        return Ok(None);
    };
    Ok(Some(format!("{wrong} does not have its checksum")))
}

/// Reads a database and its log from the disk. SQLite takes what cannot be read for damage.
///
/// # Errors
/// Where a part of them cannot be read.
pub(super) fn read_through(database: &Path) -> Result<(), Error> {
    for path in [database.to_owned(), log_of(database)] {
        match read_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Unreadable { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let (mut piece, mut position) = (vec![0; PIECE_BYTES], 0);
    loop {
        match file.read_at(&mut piece, position)? {
            0 => return Ok(()),
            read => position += read as u64,
        }
    }
}
