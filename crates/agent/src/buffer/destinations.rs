//! Outputs besides the listener, each with its own place in the queue.
//!
//! A batch leaves the database when the listener and every output have it. Until then a batch that the
//! listener has, or has refused for good, is marked as settled: for the listener and for the account it is
//! gone.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use wire::Source;

use crate::buffer::{
    Buffer, Error, Waiting,
    row::{self, Stored},
    totals::Totals,
};

/// How many batches one transaction drops: so few that the log of the database stays small.
pub(super) const STEP_BATCHES: i64 = 16;

/// Made where they are missing, so that buffers from before there were outputs can be used.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS destination (
        name      TEXT PRIMARY KEY,
        next      INTEGER NOT NULL,
        delivered INTEGER NOT NULL DEFAULT 0,
        rejected  INTEGER NOT NULL DEFAULT 0,
        lost      INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS settled (seq INTEGER PRIMARY KEY) STRICT;";

/// What an output has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub name: String,
    /// Entries that it took.
    pub delivered: u64,
    /// Entries that it refused for good.
    pub rejected: u64,
    /// Entries that were dropped from the full buffer before it had them.
    pub lost: u64,
}

/// A batch for an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForOutput {
    /// The batch.
    pub waiting: Waiting,
    /// The first place behind it and behind all its parts.
    pub next: i64,
}

impl Buffer {
    /// Sets which outputs there are. A new one begins with what waits in the buffer; what only one that
    /// is gone was waiting for is removed.
    ///
    /// # Errors
    /// Those of the database.
    pub fn set_destinations(&mut self, names: &[String]) -> Result<(), Error> {
        self.attempt(|buffer| {
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let known: Vec<String> = transaction
                .prepare("SELECT name FROM destination")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for name in known.iter().filter(|name| !names.contains(name)) {
                transaction.execute("DELETE FROM destination WHERE name = ?1", [name])?;
            }
            for name in names {
                transaction.execute(
                    "INSERT OR IGNORE INTO destination (name, next) VALUES (?1, ?2)",
                    params![name, i64::MIN],
                )?;
            }
            transaction.commit()?;
            Ok(())
        })?;
        while self.sweep_some()? {}
        self.totals = Totals::count(&self.connection)?;
        Ok(())
    }

    /// Removes some of what nobody needs any more. Tells whether there was something.
    fn sweep_some(&mut self) -> Result<bool, Error> {
        self.attempt(|buffer| {
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let swept = sweep(&transaction)?;
            transaction.commit()?;
            Ok(swept > 0)
        })
    }

    /// Returns the outputs.
    ///
    /// # Errors
    /// Those of the database.
    pub fn destinations(&mut self) -> Result<Vec<Destination>, Error> {
        self.attempt(|buffer| {
            let mut statement = buffer.connection.prepare_cached(
                "SELECT name, delivered, rejected, lost FROM destination ORDER BY name",
            )?;
            let found = statement.query_map([], |row| {
                let number = |index| -> rusqlite::Result<u64> {
                    Ok(row.get::<_, i64>(index)?.unsigned_abs())
                };
                Ok(Destination {
                    name: row.get(0)?,
                    delivered: number(1)?,
                    rejected: number(2)?,
                    lost: number(3)?,
                })
            })?;
            Ok(found.collect::<Result<Vec<_>, _>>()?)
        })
    }

    /// Returns the oldest batch that an output does not have yet.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peek_for(&mut self, name: &str) -> Result<Option<ForOutput>, Error> {
        let found = self.attempt(|buffer| {
            let sql = format!(
                "SELECT {} FROM batch
                 WHERE seq >= (SELECT next FROM destination WHERE name = ?1) ORDER BY seq LIMIT 1",
                row::COLUMNS
            );
            Ok(buffer.connection.prepare_cached(&sql)?.query_row([name], row::read).optional()?)
        })?;
        // One without its checksum is found and dealt with by the listener's turn.
        Ok(found.and_then(|stored| {
            let (seq, created_ms, next) = (stored.seq, stored.created_ms, stored.seq + stored.span);
            let waiting = Waiting { seq, created_ms, batch: stored.batch? };
            Some(ForOutput { waiting, next })
        }))
    }

    /// Returns the newest batch of log entries, if there is one behind this.
    ///
    /// # Errors
    /// Those of the database.
    pub fn newest_behind(&mut self, known: &ForOutput) -> Result<Option<Waiting>, Error> {
        let found = self.attempt(|buffer| {
            let sql = format!(
                "SELECT {} FROM batch WHERE seq >= ?1 AND source = ?2 ORDER BY seq DESC LIMIT 1",
                row::COLUMNS
            );
            let mut statement = buffer.connection.prepare_cached(&sql)?;
            let key = params![known.next, Source::PgLog.as_str()];
            Ok(statement.query_row(key, row::read).optional()?)
        })?;
        Ok(found.and_then(|stored| {
            let (seq, created_ms) = (stored.seq, stored.created_ms);
            Some(Waiting { seq, created_ms, batch: stored.batch? })
        }))
    }

    /// Notes that an output has a batch, or has refused entries of it for good.
    ///
    /// # Errors
    /// Those of the database; then the output gets the batch again.
    pub fn advance(
        &mut self,
        name: &str,
        done: &ForOutput,
        delivered: u64,
        rejected: u64,
    ) -> Result<(), Error> {
        self.attempt(|buffer| {
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction
                .prepare_cached(
                    "UPDATE destination SET next = max(next, ?2), delivered = delivered + ?3,
                                            rejected = rejected + ?4
                     WHERE name = ?1",
                )?
                .execute(params![
                    name,
                    done.next,
                    delivered.cast_signed(),
                    rejected.cast_signed()
                ])?;
            sweep(&transaction)?;
            transaction.commit()?;
            Ok(())
        })
    }
}

/// Takes a batch out of the queue of the listener. It stays in the database where an output needs it.
pub(super) fn settle(transaction: &Transaction<'_>, stored: &Stored) -> Result<(), Error> {
    let is_needed: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM destination WHERE next <= ?1)")?
        .query_row([stored.seq], |row| row.get(0))?;
    if !is_needed {
        return row::delete(transaction, stored.seq);
    }
    transaction
        .prepare_cached("INSERT OR IGNORE INTO settled (seq) VALUES (?1)")?
        .execute([stored.seq])?;
    Ok(())
}

/// Puts a batch that is still there back into the queue of the listener. Tells whether it is.
pub(super) fn unsettle(transaction: &Transaction<'_>, seq: i64) -> Result<bool, Error> {
    let settled =
        transaction.prepare_cached("DELETE FROM settled WHERE seq = ?1")?.execute([seq])?;
    Ok(settled > 0)
}

/// Notes that a batch is back, which outputs that did not have it had lost.
pub(super) fn regain(transaction: &Transaction<'_>, stored: &Stored) -> Result<(), Error> {
    transaction
        .prepare_cached("UPDATE destination SET lost = max(lost - ?2, 0) WHERE next <= ?1")?
        .execute([stored.seq, stored.entries.cast_signed()])?;
    Ok(())
}

/// Removes batches that the listener has and no output needs any more: so few that the log of the database
/// stays small. Returns how many.
fn sweep(transaction: &Transaction<'_>) -> Result<usize, Error> {
    let some = format!(
        "seq IN (SELECT seq FROM settled
                 WHERE seq < (SELECT coalesce(min(next), {}) FROM destination)
                 ORDER BY seq LIMIT {STEP_BATCHES})",
        i64::MAX
    );
    for sql in
        [format!("DELETE FROM batch WHERE {some}"), format!("DELETE FROM settled WHERE {some}")]
    {
        transaction.prepare_cached(&sql)?.execute([])?;
    }
    Ok(usize::try_from(transaction.changes()).unwrap_or(usize::MAX))
}

/// Accounts for a batch that is dropped before outputs have it. Tells whether the listener has it.
pub(super) fn drop_one(
    transaction: &Transaction<'_>,
    seq: i64,
    entries: i64,
) -> Result<bool, Error> {
    transaction
        .prepare_cached("UPDATE destination SET lost = lost + ?2 WHERE next <= ?1")?
        .execute([seq, entries])?;
    unsettle(transaction, seq)
}

/// Takes over the places of outputs from a damaged database. One that cannot be read begins anew with what
/// is in the buffer.
pub(super) fn take_over(bad: &Connection, new: &Connection) -> Result<(), Error> {
    let sql = "SELECT name, next, delivered, rejected, lost FROM destination";
    if let Ok(mut statement) = bad.prepare(sql)
        && let Ok(mut rows) = statement.query([])
    {
        while let Ok(Some(row)) = rows.next() {
            let Ok(name) = row.get::<_, String>(0) else { continue };
            let number = |index| row.get::<_, i64>(index).unwrap_or(0);
            new.execute(
                "INSERT OR IGNORE INTO destination VALUES (?1, ?2, ?3, ?4, ?5)",
                params![name, number(1), number(2), number(3), number(4)],
            )?;
        }
    }
    if let Ok(mut statement) = bad.prepare("SELECT seq FROM settled")
        && let Ok(mut rows) = statement.query([])
    {
        while let Ok(Some(row)) = rows.next() {
            let Ok(seq) = row.get::<_, i64>(0) else { continue };
            new.execute(
                "INSERT OR IGNORE INTO settled (seq) SELECT seq FROM batch WHERE seq = ?1",
                [seq],
            )?;
        }
    }
    Ok(())
}
