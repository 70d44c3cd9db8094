//! Dropping the oldest batches.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::buffer::{
    Error,
    ledger::{self, Loss},
};

/// How many batches one transaction drops: so few that the log of the database stays small.
const STEP_BATCHES: i64 = 16;

/// Returns the bytes in use. The file itself does not shrink when rows go; its free pages are used
/// again.
pub(super) fn used_bytes(connection: &Connection) -> Result<u64, Error> {
    let pragma = |sql: &str| -> Result<i64, Error> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    let pages = pragma("PRAGMA page_count")? - pragma("PRAGMA freelist_count")?;
    Ok((pages * pragma("PRAGMA page_size")?).unsigned_abs())
}

/// Drops some of the oldest batches, but not the one that is being sent, and notes the loss in the same
/// transaction. Returns how many entries that were; 0 where none is left.
pub(super) fn step(
    connection: &mut Connection,
    leased: Option<i64>,
    now_ms: i64,
) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let leased = leased.unwrap_or(-1);
    let Some((last_seq, loss)) = oldest(&transaction, leased)? else { return Ok(0) };
    transaction
        .prepare_cached("DELETE FROM batch WHERE seq <= ?1 AND seq <> ?2")?
        .execute([last_seq, leased])?;
    ledger::add_loss(&transaction, &loss, now_ms)?;
    transaction.commit()?;
    Ok(loss.entries)
}

/// Returns the place of the last batch that a step drops, and what the step loses.
fn oldest(transaction: &Transaction<'_>, leased: i64) -> Result<Option<(i64, Loss)>, Error> {
    let mut statement = transaction.prepare_cached(
        "SELECT max(seq), count(*), sum(entries), sum(length(body))
         FROM (SELECT seq, entries, body FROM batch WHERE seq <> ?1 ORDER BY seq LIMIT ?2)",
    )?;
    let found = statement.query_row([leased, STEP_BATCHES], |row| {
        let last_seq: Option<i64> = row.get(0)?;
        let Some(last_seq) = last_seq else { return Ok(None) };
        let number =
            |index| -> rusqlite::Result<u64> { Ok(row.get::<_, i64>(index)?.unsigned_abs()) };
        let (batches, entries, bytes) = (number(1)?, number(2)?, number(3)?);
        Ok(Some((last_seq, Loss { reason: "evicted", file: None, batches, entries, bytes })))
    })?;
    Ok(found)
}
