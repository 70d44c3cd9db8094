//! Finds entries: filters, newest first, page by page.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use crate::{
    store::{Error, Store, micros, time_of},
    validate::Level,
};

/// How large an answer gets before it ends early, in bytes of JSON. A page may ask for a thousand entries,
/// and an entry may have megabytes.
const MAX_ANSWER_BYTES: usize = if cfg!(test) { 64 << 10 } else { 16 << 20 };

/// What entries must be; an empty filter takes all.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Of this project.
    pub project: Option<String>,
    /// Logged at this time or later.
    pub from: Option<Timestamp>,
    /// Logged before this time.
    pub to: Option<Timestamp>,
    /// Of these levels.
    pub levels: Levels,
    /// With this text in message, statement or detail, in any case.
    pub text: Option<String>,
    /// Of this server process.
    pub pid: Option<i64>,
    /// Of this role.
    pub user: Option<String>,
    /// Of this database.
    pub database: Option<String>,
    /// With this meaning.
    pub event: Option<String>,
    /// With this SQLSTATE.
    pub state_code: Option<String>,
    /// Of this application request.
    pub correlation_id: Option<String>,
    /// That took at least so long.
    pub min_duration: Option<SignedDuration>,
}

/// A choice of levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Levels {
    /// Every level, and none.
    #[default]
    Any,
    /// This one and heavier ones.
    AtLeast(Level),
    /// Exactly these.
    In(Vec<Level>),
}

/// The place behind an entry in the order newest first. Entries of one instant are told apart by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    timestamp: i64,
    id: i64,
}

/// One page of entries.
#[derive(Debug)]
pub struct EntryPage {
    /// Newest first; fewer than asked for where they are very large.
    pub entries: Vec<EntryRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// A stored entry.
#[derive(Debug, Clone)]
pub struct EntryRow {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub project: String,
    /// Which agent sent it; unknown for agents older than batch ids.
    pub agent: Option<String>,
    /// The log file that it comes from.
    pub file: Option<String>,
    /// The time that it is sorted by.
    pub timestamp: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// How severe it is.
    pub level: Option<Level>,
    /// How long its statement took, in microseconds.
    pub duration_us: Option<i64>,
    /// The entry as it came.
    pub json: String,
}

impl Store {
    /// Returns up to `limit` entries behind `cursor`, newest first.
    ///
    /// Pages neither skip nor repeat what was stored before the first of them was asked for.
    ///
    /// # Errors
    /// [`Error::TooSlow`] where the filter fits too few of too many entries.
    pub async fn entries(
        &self,
        filter: EntryFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<EntryPage, Error> {
        self.readers.ask(move |connection| page(connection, &filter, cursor, limit)).await
    }

    /// Returns one entry, if it is still there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn entry(&self, id: i64) -> Result<Option<EntryRow>, Error> {
        let sql = format!(
            "{SELECT} FROM entries e LEFT JOIN requests r ON r.id = e.request WHERE e.id = ?1"
        );
        self.readers
            .ask(move |connection| connection.query_row(&sql, [id], entry_row).optional())
            .await
    }
}

impl Cursor {
    fn behind(entry: &EntryRow) -> Self {
        Self { timestamp: micros(entry.timestamp), id: entry.id }
    }

    /// Reads a cursor from the text that it was shown as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (timestamp, id) = text.split_once('.')?;
        Some(Self { timestamp: timestamp.parse().ok()?, id: id.parse().ok()? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.timestamp, self.id)
    }
}

/// The columns that [`entry_row`] reads.
pub(super) const SELECT: &str =
    "SELECT e.id, e.project, r.agent, r.file, e.timestamp, r.received_at,
    e.level, e.duration_us, e.json";

/// Reads a row of [`SELECT`].
pub(super) fn entry_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let received_at = row.get::<_, Option<i64>>(5)?.unwrap_or_default();
    Ok(EntryRow {
        id: row.get(0)?,
        project: row.get(1)?,
        agent: row.get(2)?,
        file: row.get(3)?,
        timestamp: time_of(row.get(4)?),
        received_at: time_of(received_at),
        level: row.get::<_, Option<i64>>(6)?.and_then(Level::from_rank),
        duration_us: row.get(7)?,
        json: row.get(8)?,
    })
}

fn page(
    connection: &Connection,
    filter: &EntryFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> rusqlite::Result<EntryPage> {
    let query = Query::new(filter, cursor, limit);
    let mut statement = connection.prepare_cached(&query.sql)?;
    let rows = statement.query_map(params_from_iter(&query.values), entry_row)?;
    // One more is asked for than is shown, to know whether there is one.
    let (mut entries, is_cut) = take_bounded(rows, |entry| entry.json.len())?;
    let is_last_page = !is_cut && entries.len() <= limit;
    entries.truncate(limit);
    let next = if is_last_page { None } else { entries.last().map(Cursor::behind) };
    Ok(EntryPage { entries, next })
}

/// Takes rows until they are too large together; returns them and whether some were left.
pub(super) fn take_bounded<T>(
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    bytes: impl Fn(&T) -> usize,
) -> rusqlite::Result<(Vec<T>, bool)> {
    let mut taken = Vec::new();
    let mut total = 0;
    for row in rows {
        if total >= MAX_ANSWER_BYTES {
            return Ok((taken, true));
        }
        let row = row?;
        total += bytes(&row);
        taken.push(row);
    }
    Ok((taken, false))
}

/// A SELECT in the making.
struct Query {
    sql: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Query {
    fn new(filter: &EntryFilter, cursor: Option<Cursor>, limit: usize) -> Self {
        // The join comes last, for the rows of the page only. The index is named, so that a page takes
        // as long on a large file as on a small one, whatever the planner believes of the data.
        let mut query = Self {
            sql: format!(
                "{SELECT} FROM (SELECT * FROM entries INDEXED BY {} WHERE 1",
                index_for(filter)
            ),
            values: Vec::new(),
        };
        query.add("timestamp >=", filter.from.map(micros));
        query.add("timestamp <", filter.to.map(micros));
        if let Some(cursor) = cursor {
            query.add("timestamp <=", Some(cursor.timestamp));
            query.add("(timestamp, id) < (", Some(cursor.timestamp));
            query.sql.push_str(", ?)");
            query.values.push(Box::new(cursor.id));
        }
        query.add_levels(&filter.levels);
        query.add("project =", filter.project.clone());
        query.add("pid =", filter.pid);
        query.add("user =", filter.user.clone());
        query.add("database =", filter.database.clone());
        query.add("event =", filter.event.clone());
        query.add("state_code =", filter.state_code.clone());
        query.add("correlation_id =", filter.correlation_id.clone());
        query.add("duration_us >=", filter.min_duration.map(whole_micros));
        if let Some(text) = &filter.text {
            query.add("mentions(json,", Some(text.to_lowercase()));
            query.sql.push(')');
        }
        query.sql.push_str(" ORDER BY timestamp DESC, id DESC LIMIT ?) e");
        query.sql.push_str(" LEFT JOIN requests r ON r.id = e.request");
        query.sql.push_str(" ORDER BY e.timestamp DESC, e.id DESC");
        query.values.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)));
        query
    }

    fn add(&mut self, condition: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.sql.push_str(" ?");
            self.values.push(Box::new(value));
        }
    }

    fn add_levels(&mut self, levels: &Levels) {
        match levels {
            Levels::Any => {}
            Levels::AtLeast(level) => {
                if *level >= Level::Warning {
                    // Word for word the index's own condition, or SQLite does not use it.
                    self.sql.push_str(" AND level >= 9");
                }
                self.add("level >=", Some(level.rank()));
            }
            Levels::In(levels) => {
                self.sql.push_str(" AND level IN (0");
                for level in levels {
                    self.sql.push_str(", ?");
                    self.values.push(Box::new(level.rank()));
                }
                self.sql.push(')');
            }
        }
    }
}

/// The index that leaves the fewest rows to look at.
fn index_for(filter: &EntryFilter) -> &'static str {
    match filter {
        EntryFilter { correlation_id: Some(_), .. } => "entries_by_correlation",
        EntryFilter { levels: Levels::AtLeast(level), .. } if *level >= Level::Warning => {
            "entries_by_level"
        }
        EntryFilter { min_duration: Some(_), .. } => "entries_by_duration",
        EntryFilter { project: Some(_), .. } => "entries_by_project",
        _ => "entries_by_time",
    }
}

fn whole_micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// How SQLite would run the query for a filter.
    fn plan(filter: &EntryFilter) -> String {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open_writer(&folder.path().join("a.db"), None).unwrap();
        crate::store::search::install(&connection).unwrap();
        let query = Query::new(filter, Some(Cursor { timestamp: 1, id: 1 }), 10);
        let mut statement =
            connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
        let rows = statement.query_map(params_from_iter(&query.values), |row| row.get(3)).unwrap();
        rows.collect::<rusqlite::Result<Vec<String>>>().unwrap().join("\n")
    }

    #[test]
    fn no_page_sorts_the_whole_table() {
        let project = Some("shop".to_owned());
        let any = EntryFilter::default;
        for filter in [
            any(),
            EntryFilter { project: project.clone(), ..any() },
            EntryFilter { levels: Levels::AtLeast(Level::Fatal), project, ..any() },
            EntryFilter { min_duration: Some(SignedDuration::from_secs(1)), ..any() },
            EntryFilter { correlation_id: Some("c".to_owned()), ..any() },
        ] {
            let plan = plan(&filter);
            let page = plan.split("SCAN e").next().unwrap();
            assert!(page.contains("SEARCH entries USING INDEX entries_by_"), "{plan}");
            assert!(!page.contains("B-TREE FOR ORDER BY"), "{plan}");
        }
    }
}
