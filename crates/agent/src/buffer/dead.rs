//! What the listener refuses for good, kept with its words until somebody looks at it.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    batch::SealedBatch,
    buffer::{
        Error, destinations,
        ledger::{self, Loss},
        row::{self, Stored},
    },
};

/// A batch that the listener refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number, by which it can be retried or dropped.
    pub number: i64,
    /// The batch, mostly of one entry.
    pub batch: SealedBatch,
    /// The listener's words.
    pub words: String,
    /// When it was refused, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// The columns of a dead letter: those of a batch and its own.
fn columns() -> String {
    format!("{}, number, words, at_ms", row::COLUMNS)
}

/// Moves a batch from the queue to the dead letters. Returns its number.
pub(super) fn bury(
    transaction: &Transaction<'_>,
    stored: &Stored,
    words: &str,
    now_ms: i64,
) -> Result<i64, Error> {
    // Its pages are free before they are needed again, unless an output needs it.
    destinations::settle(transaction, stored)?;
    let Some(batch) = &stored.batch else { return Ok(0) };
    transaction
        .prepare_cached(
            "INSERT INTO dead_letter (seq, span, id, source, entries, encoding, created_ms, file,
                                      hash, body, words, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            stored.seq,
            stored.span,
            batch.id.as_bytes(),
            batch.source.as_str(),
            batch.entries.cast_signed(),
            row::encoding_number(batch.encoding),
            stored.created_ms,
            stored.file,
            row::checksum(batch),
            batch.body,
            words,
            now_ms,
        ])?;
    Ok(transaction.last_insert_rowid())
}

/// Moves a dead letter back to its place in the queue. Returns it, `None` where there is none.
pub(super) fn revive(transaction: &Transaction<'_>, number: i64) -> Result<Option<Stored>, Error> {
    let Some(mut stored) = get(transaction, number)? else { return Ok(None) };
    if destinations::unsettle(transaction, stored.seq)? {
        delete(transaction, number)?;
        return Ok(Some(stored));
    }
    // One that was taken over from a damaged database has lost its place.
    if stored.seq < 0 || row::get(transaction, stored.seq)?.is_some() {
        stored.seq = row::next_seq(transaction)?;
        stored.span = row::SPAN;
    }
    delete(transaction, number)?;
    if let Some(batch) = &stored.batch {
        row::insert(transaction, &stored, batch)?;
    }
    destinations::regain(transaction, &stored)?;
    Ok(stored.batch.is_some().then_some(stored))
}

/// Drops the oldest dead letters until their bodies take no more than `max_bytes`.
pub(super) fn trim(
    transaction: &Transaction<'_>,
    max_bytes: u64,
    now_ms: i64,
) -> Result<(), Error> {
    loop {
        let (bytes, oldest): (i64, Option<i64>) = transaction
            .prepare_cached("SELECT coalesce(sum(length(body)), 0), min(number) FROM dead_letter")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        match oldest {
            Some(oldest) if bytes.unsigned_abs() > max_bytes => {
                drop_one(transaction, oldest, "dead_letters_full", now_ms)?;
            }
            _ => return Ok(()),
        }
    }
}

/// Drops a dead letter and accounts for it. Tells whether there was one.
pub(super) fn drop_one(
    transaction: &Transaction<'_>,
    number: i64,
    reason: &'static str,
    now_ms: i64,
) -> Result<bool, Error> {
    let Some(stored) = get(transaction, number)? else { return Ok(false) };
    delete(transaction, number)?;
    ledger::add_loss(transaction, &Loss::of(reason, &stored), now_ms)?;
    Ok(true)
}

/// Returns up to `limit` dead letters with numbers above `after`.
pub(super) fn list(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<DeadLetter>, Error> {
    let sql =
        format!("SELECT {} FROM dead_letter WHERE number > ?1 ORDER BY number LIMIT ?2", columns());
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(params![after, limit], read)?;
    Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Returns how many there are, and their entries.
pub(super) fn count(connection: &Connection) -> Result<(u64, u64), Error> {
    let counts = connection
        .prepare_cached("SELECT count(*), coalesce(sum(entries), 0) FROM dead_letter")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    Ok((counts.0.unsigned_abs(), counts.1.unsigned_abs()))
}

fn get(connection: &Connection, number: i64) -> Result<Option<Stored>, Error> {
    let sql = format!("SELECT {} FROM dead_letter WHERE number = ?1", row::COLUMNS);
    Ok(connection.prepare_cached(&sql)?.query_row([number], row::read).optional()?)
}

fn delete(transaction: &Transaction<'_>, number: i64) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM dead_letter WHERE number = ?1")?.execute([number])?;
    Ok(())
}

/// Reads a dead letter; `None` where it does not have its checksum.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<DeadLetter>> {
    let Some(batch) = row::read(row)?.batch else { return Ok(None) };
    Ok(Some(DeadLetter {
        batch,
        number: row.get("number")?,
        words: row.get("words")?,
        at_ms: row.get("at_ms")?,
    }))
}

/// Stores a dead letter of another database.
pub(super) fn restore(transaction: &Transaction<'_>, letter: &DeadLetter) -> Result<(), Error> {
    let batch = &letter.batch;
    transaction.execute(
        "INSERT OR IGNORE INTO dead_letter (number, seq, span, id, source, entries, encoding,
                                            created_ms, file, hash, body, words, at_ms)
         VALUES (?1, -?1, 1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, ?8, ?9, ?6)",
        params![
            letter.number,
            batch.id.as_bytes(),
            batch.source.as_str(),
            batch.entries.cast_signed(),
            row::encoding_number(batch.encoding),
            letter.at_ms,
            row::checksum(batch),
            batch.body,
            letter.words,
        ],
    )?;
    Ok(())
}
