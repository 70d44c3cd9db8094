//! Batches as rows.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use wire::{BatchId, Source};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    batch::{Encoding, SealedBatch},
    buffer::Error,
};

/// The space that a row takes besides its body, with its share of the indexes and of a page half full.
pub(super) const OVERHEAD_BYTES: u64 = 16 << 10;

/// A batch that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the queue.
    pub seq: i64,
    /// The batch, byte for byte as it was stored.
    pub batch: SealedBatch,
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    batch: &SealedBatch,
    file: Option<i64>,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO batch (id, source, entries, encoding, created_ms, file, hash, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            batch.id.as_bytes(),
            batch.source.as_str(),
            batch.entries.cast_signed(),
            encoding_number(batch.encoding),
            now_ms,
            file,
            xxh3_64(&batch.body).cast_signed(),
            batch.body,
        ])?;
    Ok(())
}

/// Returns the oldest batch.
pub(super) fn oldest(connection: &Connection) -> Result<Option<Waiting>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, id, source, entries, encoding, body FROM batch ORDER BY seq LIMIT 1",
    )?;
    Ok(statement.query_row([], read).optional()?)
}

/// Removes a batch. Returns how many entries it had; `None` where it is not there.
pub(super) fn delete(transaction: &Transaction<'_>, seq: i64) -> Result<Option<u64>, Error> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM batch WHERE seq = ?1 RETURNING entries")?;
    let entries: Option<i64> = statement.query_row([seq], |row| row.get(0)).optional()?;
    Ok(entries.map(i64::unsigned_abs))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let id: Vec<u8> = row.get(1)?;
    let source: String = row.get(2)?;
    let entries: i64 = row.get(3)?;
    let broken = |column| {
        rusqlite::Error::InvalidColumnType(column, "batch".to_owned(), rusqlite::types::Type::Null)
    };
    Ok(Waiting {
        seq: row.get(0)?,
        batch: SealedBatch {
            id: BatchId::from_slice(&id).map_err(|_| broken(1))?,
            source: Source::ALL
                .into_iter()
                .find(|known| known.as_str() == source)
                .ok_or_else(|| broken(2))?,
            entries: entries.unsigned_abs(),
            encoding: encoding_of(row.get(4)?).ok_or_else(|| broken(4))?,
            body: row.get(5)?,
        },
    })
}

const fn encoding_number(encoding: Encoding) -> i64 {
    match encoding {
        Encoding::Identity => 0,
        Encoding::Gzip => 1,
        Encoding::Zstd => 2,
    }
}

const fn encoding_of(number: i64) -> Option<Encoding> {
    match number {
        0 => Some(Encoding::Identity),
        1 => Some(Encoding::Gzip),
        2 => Some(Encoding::Zstd),
        _ => None,
    }
}
