//! The account: every entry read is delivered, waiting, kept aside or lost for a reason.

use rusqlite::{Connection, Transaction, params};
use wire::Ledger;

use crate::{batch::SealedBatch, buffer::Error};

/// Entries stored in the buffer, since it was made.
pub(super) const READ: &str = "read";
/// Entries confirmed by the listener.
pub(super) const DELIVERED: &str = "delivered";
/// What stands before the reason of a loss.
const LOST: &str = "lost:";

pub(super) fn add(transaction: &Transaction<'_>, account: &str, entries: u64) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO ledger (account, entries) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET entries = entries + excluded.entries",
        )?
        .execute(params![account, entries.cast_signed()])?;
    Ok(())
}

/// Entries that will never be delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    /// Why, in a word.
    pub(super) reason: &'static str,
    /// The file's row, where they are of one file.
    pub(super) file: Option<i64>,
    pub(super) batches: u64,
    pub(super) entries: u64,
    /// Bytes of the bodies.
    pub(super) bytes: u64,
}

impl Loss {
    pub(super) const fn of(batch: &SealedBatch) -> Self {
        let bytes = batch.body.len() as u64;
        Self { reason: "", file: None, batches: 1, entries: batch.entries, bytes }
    }
}

/// Notes a loss, and counts it under its reason.
pub(super) fn add_loss(
    transaction: &Transaction<'_>,
    loss: &Loss,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO loss (reason, file, batches, entries, bytes, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            loss.reason,
            loss.file,
            loss.batches.cast_signed(),
            loss.entries.cast_signed(),
            loss.bytes.cast_signed(),
            now_ms,
        ])?;
    add(transaction, &format!("{LOST}{}", loss.reason), loss.entries)
}

pub(super) fn load(connection: &Connection) -> Result<Ledger, Error> {
    let mut ledger = Ledger::default();
    let mut statement = connection.prepare_cached("SELECT account, entries FROM ledger")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account: String = row.get(0)?;
        let entries = row.get::<_, i64>(1)?.unsigned_abs();
        match account.as_str() {
            READ => ledger.read = entries,
            DELIVERED => ledger.delivered = entries,
            other => {
                let reason = other.strip_prefix(LOST).unwrap_or(other);
                ledger.lost.insert(reason.to_owned(), entries);
            }
        }
    }
    // Counted anew each time, so that the account and the queue can be seen to agree.
    let waiting: i64 = connection
        .prepare_cached("SELECT coalesce(sum(entries), 0) FROM batch")?
        .query_row([], |row| row.get(0))?;
    ledger.waiting = waiting.unsigned_abs();
    Ok(ledger)
}
