//! Entries that say the same of different values, counted together.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::store::{
    EntryRow, Error, Store,
    entries::{SELECT, entry_row, take_bounded},
    micros, time_of,
};

/// Which entries are counted.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Of this project.
    pub project: Option<String>,
    /// Logged at this time or later.
    pub from: Option<Timestamp>,
    /// Logged before this time.
    pub to: Option<Timestamp>,
}

/// What makes a statement slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StatementOrder {
    /// Its slowest run.
    #[default]
    Max,
    /// All its runs together.
    Total,
    /// Its average run.
    Mean,
}

/// Runs of statements that differ only in values.
#[derive(Debug, Clone)]
pub struct StatementGroup {
    /// How many runs were logged with their duration.
    pub calls: i64,
    /// How long they took together, in microseconds.
    pub total_us: i64,
    /// How long the slowest took, in microseconds.
    pub max_us: i64,
    /// The slowest.
    pub slowest: EntryRow,
}

/// Errors that differ only in values.
#[derive(Debug, Clone)]
pub struct ErrorGroup {
    /// How many there were.
    pub count: i64,
    /// When the first was logged.
    pub first_timestamp: Timestamp,
    /// When the latest was logged.
    pub last_timestamp: Timestamp,
    /// The one that arrived last.
    pub latest: EntryRow,
}

impl Store {
    /// Returns the slowest statements in scope, the slowest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn slowest_statements(
        &self,
        scope: Scope,
        order: StatementOrder,
        limit: usize,
    ) -> Result<Vec<StatementGroup>, Error> {
        self.readers.ask(move |connection| statements(connection, &scope, order, limit)).await
    }

    /// Returns entries of level ERROR and above in scope, the most frequent first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn errors(&self, scope: Scope, limit: usize) -> Result<Vec<ErrorGroup>, Error> {
        self.readers.ask(move |connection| errors(connection, &scope, limit)).await
    }
}

fn statements(
    connection: &Connection,
    scope: &Scope,
    order: StatementOrder,
    limit: usize,
) -> rusqlite::Result<Vec<StatementGroup>> {
    let order = match order {
        StatementOrder::Max => "max_us",
        StatementOrder::Total => "total_us",
        StatementOrder::Mean => "total_us / calls",
    };
    // SQLite takes a bare column, here id, from the row that has the one maximum.
    let sql = format!(
        "{SELECT}, calls, total_us, max_us FROM (
           SELECT id, count(*) AS calls, sum(duration_us) AS total_us, max(duration_us) AS max_us
           FROM entries INDEXED BY entries_by_duration
           WHERE duration_us IS NOT NULL AND pattern IS NOT NULL
             AND timestamp >= ?1 AND timestamp < ?2 AND (?3 IS NULL OR project = ?3)
           GROUP BY pattern ORDER BY {order} DESC, id LIMIT ?4) g
         JOIN entries e ON e.id = g.id LEFT JOIN requests r ON r.id = e.request
         ORDER BY {order} DESC, g.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let (from, to) = bounds(scope);
    let rows = statement.query_map(params![from, to, scope.project, as_limit(limit)], |row| {
        Ok(StatementGroup {
            calls: row.get(9)?,
            total_us: row.get(10)?,
            max_us: row.get(11)?,
            slowest: entry_row(row)?,
        })
    })?;
    Ok(take_bounded(rows, |group| group.slowest.json.len())?.0)
}

fn errors(
    connection: &Connection,
    scope: &Scope,
    limit: usize,
) -> rusqlite::Result<Vec<ErrorGroup>> {
    // `level >= 9` is the index's own condition, `level >= 10` is ERROR.
    let sql = format!(
        "{SELECT}, count, first_timestamp, last_timestamp FROM (
           SELECT max(id) AS id, count(*) AS count, min(timestamp) AS first_timestamp,
                  max(timestamp) AS last_timestamp
           FROM entries INDEXED BY entries_by_level
           WHERE level >= 9 AND level >= 10
             AND timestamp >= ?1 AND timestamp < ?2 AND (?3 IS NULL OR project = ?3)
           GROUP BY pattern ORDER BY count(*) DESC, last_timestamp DESC LIMIT ?4) g
         JOIN entries e ON e.id = g.id LEFT JOIN requests r ON r.id = e.request
         ORDER BY count DESC, last_timestamp DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let (from, to) = bounds(scope);
    let rows = statement.query_map(params![from, to, scope.project, as_limit(limit)], |row| {
        Ok(ErrorGroup {
            count: row.get(9)?,
            first_timestamp: time_of(row.get(10)?),
            last_timestamp: time_of(row.get(11)?),
            latest: entry_row(row)?,
        })
    })?;
    Ok(take_bounded(rows, |group| group.latest.json.len())?.0)
}

fn bounds(scope: &Scope) -> (i64, i64) {
    (scope.from.map_or(i64::MIN, micros), scope.to.map_or(i64::MAX, micros))
}

fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
