//! Deletes what is too old, in steps small enough that requests need not wait for it, and gives the
//! space back to the file system.
//!
//! Age counts from arrival by our clock: what an entry says of its time is not ours to trust.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::store::{micros, schema};

/// How long a batch id is remembered at least. An agent may resend after an outage of so long.
const MIN_ID_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How many rows one step deletes, give or take one request.
const STEP_ROWS: i64 = 2_000;

/// How many pages one step gives back: 2 MiB.
const STEP_PAGES: i64 = 512;

/// The part of the file that may stay free for what comes next: 1/16.
const FREE_PART: i64 = 16;

/// One round of deleting.
#[derive(Debug)]
pub(super) struct Cleaning {
    stage: Stage,
    data_before: i64,
    ids_before: i64,
    deleted_entries: i64,
}

/// What a round does next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Entries and other data go; the request's row stays for its batch id.
    Data,
    /// Requests go that nobody will resend.
    Requests,
    /// Free pages go back to the file system.
    Space,
}

/// Whether a round is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Call again.
    More,
    /// There is nothing left to do.
    Done,
}

/// A request whose time is over.
struct Expired {
    id: i64,
    first_entry: Option<i64>,
    entries: i64,
}

impl Cleaning {
    /// Begins a round that deletes what arrived more than `retention` before `now`.
    pub(super) fn new(now: Timestamp, retention: SignedDuration) -> Self {
        let before = |age| now.checked_sub(age).map_or(i64::MIN, micros);
        Self {
            stage: Stage::Data,
            data_before: before(retention),
            ids_before: before(retention.max(MIN_ID_AGE)),
            deleted_entries: 0,
        }
    }

    /// Does one step.
    pub(super) fn step(&mut self, connection: &mut Connection) -> rusqlite::Result<Progress> {
        let is_stage_over = match self.stage {
            Stage::Data => self.delete_data(connection)?,
            Stage::Requests => self.delete_requests(connection)?,
            Stage::Space => give_back(connection)?,
        };
        if !is_stage_over {
            return Ok(Progress::More);
        }
        self.stage = match self.stage {
            Stage::Data => Stage::Requests,
            Stage::Requests => Stage::Space,
            Stage::Space => {
                // Only now the file gets shorter.
                schema::checkpoint(connection)?;
                tracing::info!(entries = self.deleted_entries, "deleted what was too old");
                return Ok(Progress::Done);
            }
        };
        Ok(Progress::More)
    }

    /// Returns true when no data is too old any more.
    fn delete_data(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let transaction = begin(connection)?;
        let expired = expired(&transaction, self.data_before)?;
        for request in &expired {
            if let Some(first) = request.first_entry {
                let deleted = transaction
                    .prepare_cached("DELETE FROM entries WHERE id >= ?1 AND id < ?2")?
                    .execute([first, first + request.entries])?;
                self.deleted_entries += i64::try_from(deleted).unwrap_or(0);
            }
            transaction
                .prepare_cached(
                    "UPDATE requests SET is_cleared = 1, first_entry = NULL, data = NULL
                     WHERE id = ?1",
                )?
                .execute([request.id])?;
        }
        transaction.commit()?;
        Ok(expired.is_empty())
    }

    /// Returns true when no request is too old any more.
    fn delete_requests(&self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let transaction = begin(connection)?;
        let deleted = transaction.execute(
            "DELETE FROM requests WHERE id IN (
               SELECT id FROM requests WHERE is_cleared = 1 AND received_at < ?1 LIMIT ?2)",
            params![self.ids_before, STEP_ROWS],
        )?;
        transaction.execute("DELETE FROM agents WHERE last_seen < ?1", [self.ids_before])?;
        transaction.commit()?;
        Ok(deleted == 0)
    }
}

/// Returns the oldest requests whose data is too old, enough for one step.
fn expired(transaction: &Transaction<'_>, before: i64) -> rusqlite::Result<Vec<Expired>> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, first_entry, entries FROM requests
         WHERE is_cleared = 0 AND received_at < ?1 ORDER BY received_at LIMIT ?2",
    )?;
    let mut rows = statement.query(params![before, STEP_ROWS])?;
    let mut expired = Vec::new();
    let mut size = 0;
    while size < STEP_ROWS
        && let Some(row) = rows.next()?
    {
        let request = Expired { id: row.get(0)?, first_entry: row.get(1)?, entries: row.get(2)? };
        size += request.entries.max(1);
        expired.push(request);
    }
    Ok(expired)
}

/// Gives some free pages back; returns true when few enough are left.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free = schema::pragma(connection, "freelist_count")?;
    if free <= schema::pragma(connection, "page_count")? / FREE_PART {
        return Ok(true);
    }
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
    let mut rows = statement.query([])?;
    // Each row is a page; asked for one row only, SQLite would give back one page only.
    while rows.next()?.is_some() {}
    Ok(schema::pragma(connection, "freelist_count")? >= free)
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}
