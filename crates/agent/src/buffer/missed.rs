//! What was gone before it could be read: kept over a restart, as the account of entries is.

use rusqlite::{Connection, OptionalExtension as _, params};
use wire::Missed;

use crate::buffer::{Buffer, Error};

/// Where it stands among the small values, as JSON.
const KEY: &str = "missed";

/// Stores it in place of what was stored before.
pub(super) fn store(connection: &Connection, missed: &Missed) -> Result<(), Error> {
    // Numbers and text always have a JSON form.
    let Ok(json) = serde_json::to_string(missed) else { return Ok(()) };
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![KEY, json])?;
    Ok(())
}

/// Reads it. What is damaged is as if it were not there.
pub(super) fn load(connection: &Connection) -> Result<Missed, Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    let found = statement.query_row([KEY], |row| Ok(row.get::<_, String>(0).ok())).optional()?;
    let json = found.flatten().unwrap_or_default();
    Ok(serde_json::from_str(&json).unwrap_or_default())
}

impl Buffer {
    /// Returns what could not be read, as it was stored last.
    ///
    /// # Errors
    /// Those of the database.
    pub fn missed(&mut self) -> Result<Missed, Error> {
        self.attempt(|buffer| load(&buffer.connection))
    }
}

#[cfg(test)]
mod tests {
    use wire::LineGap;

    use super::*;
    use crate::buffer::{Noted, Settings};

    #[test]
    fn what_was_missed_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { max_bytes: 1_000_000, ..Settings::at(folder.path()) };
        let gap = LineGap {
            file: "/log/x.log".to_owned(),
            session_id: "1.a".to_owned(),
            first: 8,
            last: 9,
            after: None,
            before: Some("2026-11-24T02:22:16.885Z".to_owned()),
        };
        let bytes = [("truncated".to_owned(), 7)].into();
        let missed = Missed { lines: 2, bytes, gaps: vec![gap] };
        let mut buffer = Buffer::open(&settings).unwrap();
        assert!(buffer.missed().unwrap().is_empty());
        let noted = Noted { missed: Some(missed.clone()), ..Noted::default() };
        buffer.note(&noted, 1).unwrap();
        drop(buffer);
        let mut buffer = Buffer::open(&settings).unwrap();
        assert_eq!(buffer.missed().unwrap(), missed);
        assert_eq!(buffer.ledger().unwrap().missed, missed);
    }
}
