//! How many batches wait, kept as they come and go: counting them would read the whole database.

use rusqlite::Connection;

use crate::buffer::Error;

/// The sums over all batches that wait for the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) batches: u64,
    pub(super) entries: u64,
    /// Bytes of the bodies.
    pub(super) bytes: u64,
}

impl Totals {
    /// Counts the rows.
    pub(super) fn count(connection: &Connection) -> Result<Self, Error> {
        let sums = connection.query_row(
            "SELECT count(*), coalesce(sum(entries), 0), coalesce(sum(length(body)), 0) FROM batch
             WHERE seq NOT IN (SELECT seq FROM settled)",
            [],
            |row| {
                let sum = |index| -> rusqlite::Result<u64> {
                    Ok(row.get::<_, i64>(index)?.unsigned_abs())
                };
                Ok(Self { batches: sum(0)?, entries: sum(1)?, bytes: sum(2)? })
            },
        )?;
        Ok(sums)
    }

    pub(super) const fn add(&mut self, entries: u64, bytes: u64) {
        self.batches += 1;
        self.entries += entries;
        self.bytes += bytes;
    }

    pub(super) const fn subtract(&mut self, gone: &Self) {
        self.batches = self.batches.saturating_sub(gone.batches);
        self.entries = self.entries.saturating_sub(gone.entries);
        self.bytes = self.bytes.saturating_sub(gone.bytes);
    }
}
