//! A bound that is lower than it was.
//!
//! A database does not give back what it has taken, so it is written anew.

use std::fs;

use crate::buffer::{
    Buffer, Error, evict,
    make::log_of,
    open::{self, BOUND_KEY, database_of},
    space::{FRAME_BYTES, PAGE_BYTES},
};

impl Buffer {
    /// Notes the bound for whoever opens the buffer without knowing it. Where the files are larger than it
    /// allows, as after it was lowered, the oldest batches are dropped as far as they are too many, and the
    /// rest is written anew. Returns how many entries were lost. `now_ms` is the time of day in milliseconds
    /// since 1970-01-01 UTC.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_bound(&mut self, now_ms: i64) -> Result<u64, Error> {
        self.remember(BOUND_KEY, self.settings.max_bytes.cast_signed())?;
        if !self.is_beyond_bound() {
            return Ok(0);
        }
        let lost_entries = self.make_room(0, now_ms)?;
        if self.fits(0)?
            && let Err(error) = self.shrink()
        {
            let hint = "free space there; it is tried again at the next start";
            tracing::warn!(%error, hint, "the buffer stays larger than its bound");
        }
        Ok(lost_entries)
    }

    /// Where there is no room for the ballast because the database itself has taken it, and needs it no more,
    /// writes what is left anew. Tells whether the ballast is there then.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn give_back(&mut self, now_ms: i64) -> Result<bool, Error> {
        let ballast_bytes = self.space.ballast_bytes;
        let used_bytes = self.attempt(|buffer| evict::used_bytes(&buffer.connection))?;
        let path = database_of(&self.settings.folder);
        let file_bytes = fs::metadata(path).map_or(0, |file| file.len());
        // The copy needs room as well, which the ballast has left.
        let is_worth_it =
            used_bytes * 2 <= ballast_bytes && file_bytes > used_bytes + ballast_bytes;
        if !is_worth_it || !self.ballast.was_tried_at(now_ms) {
            return Ok(false);
        }
        self.shrink()?;
        Ok(self.ballast.restore_at_once(now_ms))
    }

    fn shrink(&mut self) -> Result<(), Error> {
        // The log is removed before the new database takes its place, so nothing may be in it.
        open::empty_log(&self.connection)?;
        self.write_anew()
    }

    fn is_beyond_bound(&self) -> bool {
        let path = database_of(&self.settings.folder);
        let bytes = |path| fs::metadata(path).map_or(0, |file: fs::Metadata| file.len());
        let log_bytes = (self.space.log_pages + SLACK_PAGES) * FRAME_BYTES;
        bytes(path.clone()) > (self.space.pages + SLACK_PAGES) * PAGE_BYTES
            || bytes(log_of(&path)) > log_bytes
    }
}

/// Pages that are not worth it.
const SLACK_PAGES: u64 = 16;

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::{BatchId, Source};

    use super::*;
    use crate::{
        batch::{Encoding, SealedBatch},
        buffer::{Entry, Settings, disk_bytes},
    };

    fn entry(number: u64) -> Entry {
        let batch = SealedBatch {
            id: BatchId::new(Uuid::from_u128(u128::from(number) + 1)),
            source: Source::PgLog,
            entries: 2,
            encoding: Encoding::Identity,
            body: number.to_le_bytes().repeat(5_000),
        };
        Entry::new(batch, None)
    }

    #[test]
    fn lower_bound_holds_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let large = Settings { max_bytes: 8_000_000, ..Settings::at(folder.path()) };
        let small = Settings { max_bytes: 2_000_000, ..large.clone() };
        for batches in [3, 100] {
            let mut buffer = Buffer::open(&large).unwrap();
            buffer.take_bound(1).unwrap();
            let before = buffer.ledger().unwrap();
            for number in 0..batches {
                buffer.push(&[entry(before.read + number)], 1).unwrap();
            }
            drop(buffer);
            let mut buffer = Buffer::open(&small).unwrap();
            let lost_entries = buffer.take_bound(2).unwrap();
            assert_eq!(lost_entries > 0, batches == 100, "{lost_entries}");
            assert!(disk_bytes(folder.path()) <= small.max_bytes);
            let ledger = buffer.ledger().unwrap();
            assert_eq!(ledger.read, before.read + 2 * batches);
            assert!(ledger.balances() && ledger.waiting > 0, "{ledger:?}");
            assert_eq!(ledger.lost_total(), before.lost_total() + lost_entries);
            // It works as ever, within its bound.
            buffer.push(&[entry(10_000 + batches)], 3).unwrap();
            while let Some(waiting) = buffer.peek(&[]).unwrap() {
                buffer.ack(waiting.seq).unwrap();
            }
            assert!(buffer.ledger().unwrap().balances());
            assert!(disk_bytes(folder.path()) <= small.max_bytes);
        }
    }

    #[test]
    fn look_from_outside_changes_no_size() {
        let folder = tempfile::tempdir().unwrap();
        for max_bytes in [2_000_000, 150_000_000] {
            let path = folder.path().join(max_bytes.to_string());
            let settings = Settings { max_bytes, ..Settings::at(&path) };
            let mut buffer = Buffer::open(&settings).unwrap();
            buffer.take_bound(1).unwrap();
            buffer.push(&[entry(1)], 1).unwrap();
            let stats = buffer.stats().unwrap();
            drop(buffer);
            assert_eq!(Buffer::open_found(&path).unwrap().stats().unwrap(), stats);
        }
    }
}
