//! Positions of files.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    buffer::{Buffer, Error, row::unreadable},
    tail::{Checkpoint, FileIdentity, Guard, History},
};

/// When the agent was started for the first time.
const STARTED: &str = "started";

/// Stores how far a file is read. Returns the file's row.
pub(super) fn store(
    transaction: &Transaction<'_>,
    checkpoint: &Checkpoint,
    now_ms: i64,
) -> Result<i64, Error> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO file (path, device, inode, born_ns, head, position, guard_bytes, guard_hash, seen_ms,
                           hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (device, inode, born_ns) DO UPDATE SET
             path = excluded.path, head = excluded.head, position = excluded.position,
             guard_bytes = excluded.guard_bytes, guard_hash = excluded.guard_hash,
             seen_ms = excluded.seen_ms, hash = excluded.hash
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
            checksum(checkpoint),
        ],
        |row| row.get(0),
    )?;
    Ok(id)
}

/// Forgets how far a file was read, unless batches are told to be of it.
pub(super) fn forget(transaction: &Transaction<'_>, file: FileIdentity) -> Result<(), Error> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM file WHERE device = ?1 AND inode = ?2 AND born_ns = ?3
             AND id NOT IN (SELECT file FROM batch WHERE file IS NOT NULL
                            UNION ALL SELECT file FROM dead_letter WHERE file IS NOT NULL
                            UNION ALL SELECT file FROM loss WHERE file IS NOT NULL)",
    )?;
    statement.execute(params![
        file.device.cast_signed(),
        file.inode.cast_signed(),
        file.born_ns
    ])?;
    Ok(())
}

/// Notes when the agent was started for the first time, unless that is known.
pub(super) fn note_start(transaction: &Transaction<'_>, now_ms: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![STARTED, now_ms])?;
    Ok(())
}

/// Returns all positions, the file that was read last at the end. `None` before the first start.
pub(super) fn load(connection: &Connection) -> Result<Option<Vec<Checkpoint>>, Error> {
    let started = started_ms(connection)?;
    let sql = format!("SELECT {COLUMNS} FROM file ORDER BY seen_ms, id");
    let mut statement = connection.prepare(&sql)?;
    // A row without its checksum is no position: the file is read again.
    let found: Vec<Checkpoint> = statement.query_map([], read)?.flatten().collect();
    Ok((started.is_some() || !found.is_empty()).then_some(found))
}

fn started_ms(connection: &Connection) -> Result<Option<i64>, Error> {
    let select = "SELECT value FROM meta WHERE key = ?1";
    Ok(connection.query_row(select, [STARTED], |row| row.get(0)).optional()?)
}

impl Buffer {
    /// Returns how far each file was read. `now_ms` is when this start is, should it be the first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn history(&mut self, now_ms: i64) -> Result<History, Error> {
        let checkpoints = self.checkpoints()?;
        let started_ms = self.attempt(|buffer| started_ms(&buffer.connection))?;
        Ok(History { first_start_ms: started_ms.unwrap_or(now_ms), checkpoints })
    }
}

/// Tells whether every position has its checksum.
pub(super) fn are_valid(connection: &Connection) -> Result<bool, Error> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM file"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if read(row).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The columns of a position, in the order in which they are read.
pub(super) const COLUMNS: &str =
    "path, device, inode, born_ns, head, position, guard_bytes, guard_hash, hash";

/// Reads a row of [`COLUMNS`] and checks it.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let number = |index| -> rusqlite::Result<u64> { Ok(row.get::<_, i64>(index)?.cast_unsigned()) };
    let checkpoint = Checkpoint {
        path: OsString::from_vec(row.get(0)?).into(),
        identity: FileIdentity { device: number(1)?, inode: number(2)?, born_ns: row.get(3)? },
        head: row.get(4)?,
        position: number(5)?,
        guard: Guard { bytes: number(6)?, hash: number(7)? },
    };
    if row.get::<_, i64>(8)? == checksum(&checkpoint) {
        Ok(checkpoint)
    } else {
        Err(unreadable(8, "hash"))
    }
}

/// The checksum of everything in a position.
fn checksum(checkpoint: &Checkpoint) -> i64 {
    let mut hash = Xxh3::new();
    let identity = checkpoint.identity;
    hash.update(checkpoint.path.as_os_str().as_bytes());
    hash.update(&identity.device.to_le_bytes());
    hash.update(&identity.inode.to_le_bytes());
    hash.update(&identity.born_ns.to_le_bytes());
    hash.update(&checkpoint.head);
    hash.update(&checkpoint.position.to_le_bytes());
    hash.update(&checkpoint.guard.bytes.to_le_bytes());
    hash.update(&checkpoint.guard.hash.to_le_bytes());
    hash.digest().cast_signed()
}

/// Returns the positions, with when they were stored, that can be read of a damaged table.
pub(super) fn salvage(bad: &Connection) -> Vec<(Checkpoint, i64)> {
    let mut found = Vec::new();
    let sql = format!("SELECT {COLUMNS}, seen_ms FROM file");
    let Ok(mut statement) = bad.prepare(&sql) else { return found };
    let Ok(mut rows) = statement.query([]) else { return found };
    while let Ok(Some(row)) = rows.next() {
        if let (Ok(checkpoint), Ok(seen_ms)) = (read(row), row.get(9)) {
            found.push((checkpoint, seen_ms));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::buffer::{Noted, Settings};

    use super::*;

    #[test]
    fn forgotten_position_is_gone_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = Buffer::open(&Settings::at(folder.path())).unwrap();
        let position = |inode| Checkpoint {
            path: "/log/a.log".into(),
            identity: FileIdentity { device: 1, inode, born_ns: 3 },
            head: b"head".to_vec(),
            position: 4,
            guard: Guard { bytes: 4, hash: 5 },
        };
        let (kept, gone) = (position(1), position(2));
        buffer.push_checkpoints(&[kept.clone(), gone.clone()], 0).unwrap();
        let noted = Noted { forgotten: vec![gone.identity], ..Noted::default() };
        buffer.note(&noted, 0).unwrap();
        drop(buffer);
        let mut buffer = Buffer::open(&Settings::at(folder.path())).unwrap();
        assert_eq!(buffer.history(0).unwrap().checkpoints, Some(vec![kept]));
    }
}
