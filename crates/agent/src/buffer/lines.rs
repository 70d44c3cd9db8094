//! What is known of the line numbers of sessions: kept over a restart, so that what is missing behind it is
//! noticed.

use rusqlite::{Connection, params};

use crate::buffer::{Buffer, Error};

/// What a key among the small values begins with; the series of logs follows.
const PREFIX: &str = "lines ";

/// For how many series of logs it is kept. Containers come with logs of their own, and go.
const MAX_SERIES: usize = 1000;

/// What is known of one series of logs, in the words of who knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The series.
    pub series: String,
    /// Text of some KB at most.
    pub state: String,
}

/// Stores it in place of what was stored before.
pub(super) fn store(
    connection: &Connection,
    Lines { series, state }: &Lines,
    now_ms: i64,
) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![format!("{PREFIX}{series}"), format!("{now_ms} {state}")])?;
    Ok(())
}

impl Buffer {
    /// Returns what is known of each series, and forgets those that were stored last before the newest 1,000.
    /// What is damaged is left out.
    ///
    /// # Errors
    /// Those of the database.
    pub fn lines(&mut self) -> Result<Vec<Lines>, Error> {
        self.attempt(|buffer| load(&buffer.connection))
    }
}

fn load(connection: &Connection) -> Result<Vec<Lines>, Error> {
    let sql = "SELECT key, value FROM meta WHERE key LIKE 'lines %'";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0).ok(), row.get(1).ok())))?;
    let mut found = Vec::new();
    for row in rows {
        let (Some(key), Some(value)): (Option<String>, Option<String>) = row? else { continue };
        let parts = key.strip_prefix(PREFIX).zip(value.split_once(' '));
        let Some((series, (stored_ms, state))) = parts else { continue };
        let lines = Lines { series: series.to_owned(), state: state.to_owned() };
        found.push((stored_ms.parse::<i64>().unwrap_or(0), lines));
    }
    found.sort_by_key(|(stored_ms, _)| std::cmp::Reverse(*stored_ms));
    for (_, old) in found.drain(MAX_SERIES.min(found.len())..) {
        connection
            .prepare_cached("DELETE FROM meta WHERE key = ?1")?
            .execute([format!("{PREFIX}{}", old.series)])?;
    }
    Ok(found.into_iter().map(|(_, lines)| lines).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{Noted, Settings};

    #[test]
    fn newest_thousand_series_are_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { max_bytes: 1_000_000, ..Settings::at(folder.path()) };
        let mut buffer = Buffer::open(&settings).unwrap();
        let lines = |number: usize, state: &str| Lines {
            series: format!("/log/{number} x.log"),
            state: state.to_owned(),
        };
        let mut note = |lines: Lines, now_ms| {
            buffer.note(&Noted { lines: Some(lines), ..Noted::default() }, now_ms).unwrap();
        };
        note(lines(0, "old"), 1);
        for number in 1..=MAX_SERIES {
            note(lines(number, "a"), 2);
        }
        note(lines(9, "b c"), 3);
        drop(buffer);
        let mut buffer = Buffer::open(&settings).unwrap();
        for _ in 0..2 {
            let found = buffer.lines().unwrap();
            assert_eq!((&found[0], found.len()), (&lines(9, "b c"), MAX_SERIES));
            assert!(!found.contains(&lines(0, "old")));
        }
    }
}
