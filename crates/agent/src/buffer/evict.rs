//! Dropping the oldest batches.

use rusqlite::{Connection, TransactionBehavior};

use crate::buffer::{
    Error, destinations,
    ledger::{self, Loss},
    totals::Totals,
};

/// How many batches one transaction drops: so few that the log of the database stays small.
pub(super) const STEP_BATCHES: i64 = 16;

/// Returns the bytes in use. The file itself does not shrink when rows go; its free pages are used
/// again.
pub(super) fn used_bytes(connection: &Connection) -> Result<u64, Error> {
    let pragma = |sql: &str| -> Result<i64, Error> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    let pages = pragma("PRAGMA page_count")? - pragma("PRAGMA freelist_count")?;
    Ok((pages * pragma("PRAGMA page_size")?).unsigned_abs())
}

/// What one transaction dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Batches that the listener does not have.
    pub(super) dropped: Totals,
    /// All batches, with those that only outputs were waiting for.
    pub(super) gone: u64,
}

/// Drops some of the oldest batches, until no more than `target_bytes` are in use, but not the one that
/// is being sent, and notes the loss in the same transaction. Returns what went.
pub(super) fn step(
    connection: &mut Connection,
    leased: Option<i64>,
    target_bytes: u64,
    now_ms: i64,
) -> Result<Step, Error> {
    let (mut dropped, mut gone) = (Totals::default(), 0);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut oldest = transaction.prepare_cached(
            "SELECT seq, entries, length(body) FROM batch WHERE seq <> ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut delete = transaction.prepare_cached("DELETE FROM batch WHERE seq = ?1")?;
        let oldest = oldest
            .query_map([leased.unwrap_or(-1), STEP_BATCHES], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        for (seq, entries, bytes) in oldest {
            if gone > 0 && used_bytes(&transaction)? <= target_bytes {
                break;
            }
            delete.execute([seq])?;
            gone += 1;
            let is_settled = destinations::drop_one(&transaction, seq, entries)?;
            if !is_settled {
                dropped.add(entries.unsigned_abs(), bytes.unsigned_abs());
            }
        }
    }
    if dropped.batches > 0 {
        let Totals { batches, entries, bytes } = dropped;
        let loss = Loss { reason: "evicted", file: None, batches, entries, bytes };
        ledger::add_loss(&transaction, &loss, now_ms)?;
    }
    transaction.commit()?;
    Ok(Step { dropped, gone })
}
