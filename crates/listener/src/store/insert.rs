//! Puts one accepted request into the tables, inside the caller's transaction.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};
use wire::BatchMeta;

use crate::{
    store::{Stored, micros},
    validate::{Accepted, Content, Entry, Level},
};

/// How far ahead of us a server's clock is believed. Past that, an entry would stand on top of every
/// list until it is deleted; it goes by its time of arrival then, and its JSON keeps what it said.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

const INSERT_REQUEST: &str = "
    INSERT INTO requests (project, source, batch_id, agent, file, file_start, file_end, sent_at,
                          received_at, first_entry, entries, data)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (project, batch_id) WHERE batch_id IS NOT NULL DO NOTHING
    RETURNING id";

const INSERT_ENTRY: &str = "
    INSERT INTO entries (id, request, project, timestamp, level, pid, user, database, duration_us,
                         state_code, event, correlation_id, pattern, json)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const UPSERT_AGENT: &str = "
    INSERT INTO agents (project, agent, last_seen, health) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen,
                              health = coalesce(excluded.health, health)";

/// A request and where it arrived.
pub(super) struct Arrival<'a> {
    /// Whose key it came with.
    pub(super) project: &'a str,
    /// What it is.
    pub(super) accepted: &'a Accepted,
    /// When it arrived.
    pub(super) received_at: Timestamp,
}

impl Arrival<'_> {
    /// Stores the request, or finds that it is stored already.
    pub(super) fn insert(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Stored> {
        match self.accepted.content() {
            Content::Log { entries, batch } => {
                if let Some(batch) = batch {
                    self.saw_agent(transaction, &batch.agent, None)?;
                }
                self.insert_log(transaction, entries, batch.as_ref())
            }
            Content::Health { agent, json } => {
                self.saw_agent(transaction, agent, Some(json))?;
                Ok(Stored { row_id: None, is_duplicate: false })
            }
            Content::Sample { json } => {
                let row = Row { data: Some(json), ..Row::default() };
                self.insert_request(transaction, &row)
            }
        }
    }

    fn insert_log(
        &self,
        transaction: &Transaction<'_>,
        entries: &[Entry],
        batch: Option<&BatchMeta>,
    ) -> rusqlite::Result<Stored> {
        let first_entry: i64 = transaction
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM entries")?
            .query_row([], |row| row.get(0))?;
        let row = Row { batch, first_entry: Some(first_entry), entries: entries.len(), data: None };
        let stored = self.insert_request(transaction, &row)?;
        if !stored.is_duplicate {
            let mut statement = transaction.prepare_cached(INSERT_ENTRY)?;
            for (id, entry) in (first_entry..).zip(entries) {
                statement.execute(params![
                    id,
                    stored.row_id,
                    self.project,
                    micros(self.time_of(entry)),
                    entry.level.map(Level::rank),
                    entry.pid,
                    entry.user,
                    entry.database,
                    entry.duration_us,
                    entry.state_code,
                    entry.event,
                    entry.correlation_id,
                    entry.pattern,
                    entry.json,
                ])?;
            }
        }
        Ok(stored)
    }

    fn insert_request(
        &self,
        transaction: &Transaction<'_>,
        row: &Row<'_>,
    ) -> rusqlite::Result<Stored> {
        let batch_id = self.accepted.batch_id();
        let id = transaction
            .prepare_cached(INSERT_REQUEST)?
            .query_row(
                params![
                    self.project,
                    self.accepted.source().as_str(),
                    batch_id.as_ref().map(wire::BatchId::as_bytes),
                    row.batch.map(|batch| &batch.agent),
                    row.batch.map(|batch| &batch.file),
                    row.batch.and_then(|batch| i64::try_from(batch.start).ok()),
                    row.batch.and_then(|batch| i64::try_from(batch.end).ok()),
                    micros(self.accepted.sent_at()),
                    micros(self.received_at),
                    row.first_entry,
                    i64::try_from(row.entries).unwrap_or(i64::MAX),
                    row.data,
                ],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = id {
            return Ok(Stored { row_id: Some(id), is_duplicate: false });
        }
        let known = transaction
            .prepare_cached("SELECT id FROM requests WHERE project = ?1 AND batch_id = ?2")?
            .query_row(
                params![self.project, batch_id.as_ref().map(wire::BatchId::as_bytes)],
                |row| row.get(0),
            )?;
        Ok(Stored { row_id: Some(known), is_duplicate: true })
    }

    fn saw_agent(
        &self,
        transaction: &Transaction<'_>,
        agent: &str,
        health: Option<&str>,
    ) -> rusqlite::Result<()> {
        transaction
            .prepare_cached(UPSERT_AGENT)?
            .execute(params![self.project, agent, micros(self.received_at), health])
            .map(drop)
    }

    /// When the entry happened, as far as it can be believed.
    fn time_of(&self, entry: &Entry) -> Timestamp {
        let claimed = entry.time.unwrap_or_else(|| self.accepted.sent_at());
        if claimed.duration_since(self.received_at) > MAX_AHEAD {
            self.received_at
        } else {
            claimed
        }
    }
}

/// What a row of `requests` has besides the envelope.
#[derive(Default)]
struct Row<'a> {
    batch: Option<&'a BatchMeta>,
    first_entry: Option<i64>,
    entries: usize,
    data: Option<&'a str>,
}
