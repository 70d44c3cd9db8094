//! Batches as rows, each with a checksum.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params, types::Type};
use wire::{BatchId, Source};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    batch::{Encoding, SealedBatch},
    buffer::Error,
};

/// How many numbers a new batch owns. It can be halved as often as 2 divides this.
pub(super) const SPAN: i64 = 1 << 20;

/// The columns of a batch, in the order in which they are read.
pub(super) const COLUMNS: &str =
    "seq, span, id, source, entries, encoding, created_ms, file, hash, body";

/// A batch that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the queue.
    pub seq: i64,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// The batch, byte for byte as it was stored.
    pub batch: SealedBatch,
}

impl Waiting {
    /// Returns the number that a batch shares with all the parts it is split into.
    #[must_use]
    pub const fn family(&self) -> i64 {
        self.seq / SPAN
    }
}

/// A row as it stands in the database.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) span: i64,
    pub(super) created_ms: i64,
    pub(super) file: Option<i64>,
    /// The batch. `None` where the row does not have its checksum, or was made or read without its body.
    pub(super) batch: Option<SealedBatch>,
    /// How many entries the row says it has.
    pub(super) entries: u64,
    /// Bytes of the body.
    pub(super) bytes: u64,
}

impl Stored {
    /// Makes a row for a batch in the place of another one, without its body.
    pub(super) const fn within(place: &Self, seq: i64, span: i64, batch: &SealedBatch) -> Self {
        Self {
            seq,
            span,
            created_ms: place.created_ms,
            file: place.file,
            entries: batch.entries,
            bytes: batch.body.len() as u64,
            batch: None,
        }
    }
}

/// Returns the place of the next batch, behind all that there ever were.
pub(super) fn next_seq(connection: &Connection) -> Result<i64, Error> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'batch'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok((last.unwrap_or(0) / SPAN + 1) * SPAN)
}

/// Stores a batch in a row. Returns false where its id is there already: then it is the same batch, stored by a
/// transaction whose outcome nobody knew.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    stored: &Stored,
    batch: &SealedBatch,
) -> Result<bool, Error> {
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO batch (seq, span, id, source, entries, encoding, created_ms, file, hash, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            stored.seq,
            stored.span,
            batch.id.as_bytes(),
            batch.source.as_str(),
            batch.entries.cast_signed(),
            encoding_number(batch.encoding),
            stored.created_ms,
            stored.file,
            checksum(batch),
            batch.body,
        ])?;
    Ok(inserted == 1)
}

/// Returns the first row from `from` on that the listener does not have, whose source is none of those `held`.
pub(super) fn first(
    connection: &Connection,
    from: i64,
    held: &[Source],
) -> Result<Option<Stored>, Error> {
    // Names of sources are ours, and need no quoting.
    let held: Vec<String> = held.iter().map(|source| format!("'{source}'")).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM batch WHERE seq >= ?1 AND source NOT IN ({})
             AND seq NOT IN (SELECT seq FROM settled) ORDER BY seq LIMIT 1",
        held.join(", ")
    );
    Ok(connection.prepare_cached(&sql)?.query_row([from], read).optional()?)
}

/// Returns the last row of a source.
pub(super) fn last_of(connection: &Connection, source: Source) -> Result<Option<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM batch WHERE source = ?1
             AND seq NOT IN (SELECT seq FROM settled) ORDER BY seq DESC LIMIT 1"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([source.as_str()], read).optional()?)
}

/// Returns one row.
pub(super) fn get(connection: &Connection, seq: i64) -> Result<Option<Stored>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM batch WHERE seq = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([seq], read).optional()?)
}

/// Returns one row without its body.
pub(super) fn head(connection: &Connection, seq: i64) -> Result<Option<Stored>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT span, created_ms, file, entries, length(body) FROM batch WHERE seq = ?1",
    )?;
    let found = statement.query_row([seq], |row| {
        Ok(Stored {
            seq,
            span: row.get(0)?,
            created_ms: row.get(1)?,
            file: row.get(2)?,
            batch: None,
            entries: row.get::<_, i64>(3)?.unsigned_abs(),
            bytes: row.get::<_, i64>(4)?.unsigned_abs(),
        })
    });
    Ok(found.optional()?)
}

/// Removes a row.
pub(super) fn delete(transaction: &Transaction<'_>, seq: i64) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM batch WHERE seq = ?1")?.execute([seq])?;
    Ok(())
}

/// Tells whether every row of a table has its checksum.
pub(super) fn are_valid(connection: &Connection, table: &str) -> Result<bool, Error> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM {table}"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !read(row).is_ok_and(|stored| stored.batch.is_some()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a row of [`COLUMNS`] and checks it.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let entries = row.get::<_, i64>(4)?.unsigned_abs();
    let body: Vec<u8> = row.get(9)?;
    let bytes = body.len() as u64;
    let id: Vec<u8> = row.get(2)?;
    // Text that is no UTF-8 any more is an unknown source.
    let source = row.get_ref(3)?.as_bytes().unwrap_or_default().to_vec();
    let source = Source::ALL.into_iter().find(|known| known.as_str().as_bytes() == source);
    let encoding = encoding_of(row.get(5)?);
    let batch = match (BatchId::from_slice(&id), source, encoding) {
        (Ok(id), Some(source), Some(encoding)) => {
            Some(SealedBatch { id, source, entries, encoding, body })
        }
        _ => None,
    };
    let hash: i64 = row.get(8)?;
    Ok(Stored {
        seq: row.get(0)?,
        span: row.get(1)?,
        created_ms: row.get(6)?,
        file: row.get(7)?,
        batch: batch.filter(|batch| checksum(batch) == hash),
        entries,
        bytes,
    })
}

/// The checksum of everything in a batch.
pub(super) fn checksum(batch: &SealedBatch) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(batch.id.as_bytes());
    hash.update(batch.source.as_str().as_bytes());
    hash.update(&batch.entries.to_le_bytes());
    hash.update(&encoding_number(batch.encoding).to_le_bytes());
    hash.update(&batch.body);
    hash.digest().cast_signed()
}

/// A value that stands where none of its kind can.
pub(super) fn unreadable(column: usize, name: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, name.to_owned(), Type::Null)
}

pub(super) const fn encoding_number(encoding: Encoding) -> i64 {
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
