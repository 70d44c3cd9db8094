//! Positions of files.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    buffer::Error,
    tail::{Checkpoint, FileIdentity, Guard},
};

/// Set once the files that were there at the first start have been looked at.
const STARTED: &str = "started";

/// Stores how far a file is read. Returns the file's row.
pub(super) fn store(
    transaction: &Transaction<'_>,
    checkpoint: &Checkpoint,
    now_ms: i64,
) -> Result<i64, Error> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO file (path, device, inode, born_ns, head, position, guard_bytes, guard_hash, seen_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (device, inode, born_ns) DO UPDATE SET
             path = excluded.path, head = excluded.head, position = excluded.position,
             guard_bytes = excluded.guard_bytes, guard_hash = excluded.guard_hash,
             seen_ms = excluded.seen_ms
         RETURNING id",
    )?;
    let identity = checkpoint.identity;
    let id = statement.query_row(
        params![
            checkpoint.path.as_os_str().as_bytes(),
            identity.device.cast_signed(),
            identity.inode.cast_signed(),
            identity.born_ns,
            checkpoint.head,
            checkpoint.position.cast_signed(),
            checkpoint.guard.bytes.cast_signed(),
            checkpoint.guard.hash.cast_signed(),
            now_ms,
        ],
        |row| row.get(0),
    )?;
    Ok(id)
}

/// Notes that this was not the last start at which old files are skipped.
pub(super) fn note_start(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES (?1, 1)")?
        .execute([STARTED])?;
    Ok(())
}

/// Returns all positions, the file that was read last at the end. `None` before the first start.
pub(super) fn load(connection: &Connection) -> Result<Option<Vec<Checkpoint>>, Error> {
    let started: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [STARTED], |row| row.get(0))
        .optional()?;
    let mut statement = connection.prepare(
        "SELECT path, device, inode, born_ns, head, position, guard_bytes, guard_hash
         FROM file ORDER BY seen_ms, id",
    )?;
    let found = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    Ok((started.is_some() || !found.is_empty()).then_some(found))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let number = |index| -> rusqlite::Result<u64> { Ok(row.get::<_, i64>(index)?.cast_unsigned()) };
    Ok(Checkpoint {
        path: OsString::from_vec(row.get(0)?).into(),
        identity: FileIdentity { device: number(1)?, inode: number(2)?, born_ns: row.get(3)? },
        head: row.get(4)?,
        position: number(5)?,
        guard: Guard { bytes: number(6)?, hash: number(7)? },
    })
}
