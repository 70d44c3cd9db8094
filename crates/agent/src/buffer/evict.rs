//! Dropping the oldest batches.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::buffer::{
    Error, WhenFull,
    destinations::{self, STEP_BATCHES},
    ledger::{self, Loss},
    totals::Totals,
};

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
/// is being sent, and notes the loss in the same transaction. A buffer that is to pause drops only what the
/// listener has: an output that takes nothing must not keep it back. Returns what went.
pub(super) fn step(
    connection: &mut Connection,
    leased: Option<i64>,
    when_full: WhenFull,
    target_bytes: u64,
    now_ms: i64,
) -> Result<Step, Error> {
    let (mut dropped, mut gone) = (Totals::default(), 0);
    let may_lose = when_full == WhenFull::DropOldest;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut oldest = transaction.prepare_cached(
            "SELECT seq, entries, length(body) FROM batch
             WHERE seq <> ?1 AND (?3 OR seq IN (SELECT seq FROM settled)) ORDER BY seq LIMIT ?2",
        )?;
        let mut delete = transaction.prepare_cached("DELETE FROM batch WHERE seq = ?1")?;
        let oldest = oldest
            .query_map(params![leased.unwrap_or(-1), STEP_BATCHES, may_lose], |row| {
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::{BatchId, Source};

    use super::*;
    use crate::{
        batch::{Encoding, SealedBatch},
        buffer::{Buffer, Entry, Settings},
    };

    #[test]
    fn output_that_takes_nothing_does_not_fill_a_buffer_that_is_to_pause() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            max_bytes: 1_000_000,
            when_full: WhenFull::Pause,
            ..Settings::at(folder.path())
        };
        let mut buffer = Buffer::open(&settings).unwrap();
        buffer.set_destinations(&["dead".to_owned()]).unwrap();
        let push = |buffer: &mut Buffer, number: u128| {
            let batch = SealedBatch {
                id: BatchId::new(Uuid::from_u128(number)),
                source: Source::PgLog,
                entries: 1,
                encoding: Encoding::Identity,
                body: number.to_le_bytes().repeat(2_500),
            };
            buffer.push(&[Entry::new(batch, None)], 1).unwrap().stored
        };
        for number in 0..60 {
            assert!(buffer.has_room().unwrap());
            assert_eq!(push(&mut buffer, number), 1, "{number}");
            let waiting = buffer.peek(&[]).unwrap().unwrap();
            buffer.ack(waiting.seq).unwrap();
        }
        assert!(buffer.destinations().unwrap()[0].lost > 30);
        // What the listener does not have is kept as ever.
        let stored: usize = (100..160).map(|number| push(&mut buffer, number)).sum();
        assert!(stored < 60 && !buffer.has_room().unwrap());
        let ledger = buffer.ledger().unwrap();
        assert_eq!((ledger.delivered, ledger.lost_total()), (60, 0));
        assert!(ledger.balances() && ledger.waiting == stored as u64, "{ledger:?}");
    }
}
