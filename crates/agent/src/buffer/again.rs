//! What is stored already of batches that come again.
//!
//! After a failure nobody knows whether a transaction was stored, and of a batch that is stored in parts
//! there may be room for the first ones only. Then the same batches are pushed again; what is stored of them
//! may have been sent meanwhile, and be gone. So each transaction notes what it stores last, and where the
//! parts of a batch begin whose end it does not store.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use wire::BatchId;
use xxhash_rust::xxh3::xxh3_64;

use crate::buffer::{Buffer, Error, ledger, totals::Totals};

/// The last batch, or part of one, that was stored.
const LAST_KEY: &str = "last batch stored";
/// Where the parts of a batch begin whose end is not stored.
const BEGUN_KEY: &str = "batch begun at";

/// Returns the number of what was stored last.
pub(super) fn last(connection: &Connection) -> Result<Option<i64>, Error> {
    number(connection, LAST_KEY)
}

/// A batch's number.
pub(super) fn number_of(id: &BatchId) -> i64 {
    xxh3_64(id.as_bytes()).cast_signed()
}

/// Where the parts begin of a batch whose end is not stored, before a transaction and behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    before: Option<i64>,
    now: Option<i64>,
}

impl Begun {
    pub(super) fn load(transaction: &Transaction<'_>) -> Result<Self, Error> {
        let before = number(transaction, BEGUN_KEY)?;
        Ok(Self { before, now: before })
    }

    /// Notes a batch, or a part of one.
    pub(super) fn pass(&mut self, seq: i64, is_end: bool) {
        self.now = if is_end { None } else { self.now.or(Some(seq)) };
    }

    /// Stores it, with the batch that is stored last.
    pub(super) fn store(self, transaction: &Transaction<'_>, last: &BatchId) -> Result<(), Error> {
        set(transaction, LAST_KEY, number_of(last))?;
        match self.now {
            now if now == self.before => Ok(()),
            Some(seq) => set(transaction, BEGUN_KEY, seq),
            None => unset(transaction, BEGUN_KEY),
        }
    }
}

impl Buffer {
    /// Takes out the parts of a batch whose end did not come before the process ended. The file is read
    /// again from before it.
    pub(super) fn take_begun_back(&mut self) -> Result<(), Error> {
        match self.attempt(|buffer| take_back(&mut buffer.connection)) {
            Ok(false) => return Ok(()),
            Err(error) if !error.is_full() => return Err(error),
            // Where there is no room for that, they are delivered as well.
            Ok(true) | Err(_) => {}
        }
        self.totals = Totals::count(&self.connection)?;
        Ok(())
    }
}

fn take_back(connection: &mut Connection) -> Result<bool, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(begun) = number(&transaction, BEGUN_KEY)? else { return Ok(false) };
    let waiting = "FROM batch WHERE seq >= ?1 AND seq NOT IN (SELECT seq FROM settled)";
    let sql = format!("SELECT coalesce(sum(entries), 0) {waiting}");
    let entries: i64 = transaction.query_row(&sql, [begun], |row| row.get(0))?;
    let read = ledger::load(&transaction)?.ledger.read.cast_signed();
    ledger::set(&transaction, ledger::READ, read.saturating_sub(entries))?;
    transaction.execute(&format!("DELETE {waiting}"), [begun])?;
    unset(&transaction, BEGUN_KEY)?;
    transaction.commit()?;
    Ok(true)
}

fn number(connection: &Connection, key: &str) -> Result<Option<i64>, Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    // What is damaged is as if it were not there.
    let found = statement.query_row([key], |row| Ok(row.get(0).ok())).optional()?;
    Ok(found.flatten())
}

fn set(transaction: &Transaction<'_>, key: &str, number: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key, number])?;
    Ok(())
}

fn unset(transaction: &Transaction<'_>, key: &str) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
    Ok(())
}
