//! Going on after a failure.
//!
//! After a write or a read that failed nobody knows what is on disk, so the connection is given up, and the
//! database is opened anew and checked. One that is whole is used as it is: a disk, or the way to it, can
//! fail for a moment. Only what is damaged is made anew, or what cannot be read for long.

use std::mem;

use rusqlite::Connection;

use crate::buffer::{Buffer, Error, error::Check, open, rescue::Files, totals::Totals};

/// How many openings in a row must fail before a database that cannot be read counts as damaged. Whoever
/// uses the buffer waits a second after a failure.
const MAX_FAILED_OPENINGS: u32 = 60;

impl Buffer {
    /// Does something with the database. After a failure that leaves open what is on disk, the database
    /// is opened anew, checked, and asked once more: a commit that failed must not be tried again on the
    /// same connection. Where the disk is full the ballast goes first.
    pub(super) fn attempt<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.attempt_without_ballast(&mut work) {
            Err(error) if error.is_full() && self.ballast.is_needed() && self.ballast.release() => {
                tracing::warn!("the disk is full; the buffer gave its ballast up");
                work(self)
            }
            result => result,
        }
    }

    pub(super) fn attempt_without_ballast<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.is_open {
            self.rescue()?;
        } else {
            self.reopen(Check::Usual)?;
        }
        let result = work(self).map_err(|error| error.or_full(&self.settings.folder));
        let Some((error, check)) =
            result.as_ref().err().and_then(|error| Some((error, error.is_damage()?)))
        else {
            return result;
        };
        tracing::error!(%error, "the buffer failed; it is opened anew");
        self.reopen(check)?;
        match work(self) {
            // The check has not found what is wrong, and there is nothing else to be read than this.
            Err(error) if error.is_damage() == Some(Check::Whole) => {
                self.reopen(Check::Failed)?;
                work(self)
            }
            Err(error) => {
                // Nor is what fails twice to be tried on this connection again.
                self.is_open = error.is_damage().is_none();
                Err(error)
            }
            done => done,
        }
    }

    /// Opens the database anew.
    pub(super) fn reopen(&mut self, check: Check) -> Result<(), Error> {
        self.is_open = false;
        // The old connection must be gone before the new one looks at the files.
        drop(mem::replace(&mut self.connection, Connection::open_in_memory()?));
        let is_given_up = self.failed_openings >= MAX_FAILED_OPENINGS;
        let opened = open::open(&self.settings, if is_given_up { Check::Failed } else { check });
        let is_unreadable = matches!(opened, Err(Error::Unreadable { .. }));
        self.failed_openings =
            if is_unreadable && !is_given_up { self.failed_openings + 1 } else { 0 };
        let opened = opened?;
        self.totals = Totals::count(&opened.connection)?;
        self.first_seq = i64::MIN;
        self.connection = opened.connection;
        self.space = opened.space;
        self.salvaged = opened.salvaged.or_else(|| self.salvaged.take());
        self.files = Files::of(&open::database_of(&self.settings.folder));
        self.is_open = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::{BatchId, Source};

    use super::*;
    use crate::{
        batch::{Encoding, SealedBatch},
        buffer::{Entry, Settings},
    };

    #[test]
    fn database_that_cannot_be_read_for_long_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = Buffer::open(&Settings::at(folder.path())).unwrap();
        let batch = SealedBatch {
            id: BatchId::new(Uuid::from_u128(1)),
            source: Source::PgLog,
            entries: 3,
            encoding: Encoding::Identity,
            body: b"{}".to_vec(),
        };
        buffer.push(&[Entry::new(batch.clone(), None)], 1).unwrap();
        buffer.failed_openings = MAX_FAILED_OPENINGS - 1;
        buffer.reopen(Check::Usual).unwrap();
        assert_eq!((buffer.salvaged(), buffer.failed_openings), (None, 0), "it could be opened");
        buffer.failed_openings = MAX_FAILED_OPENINGS;
        buffer.reopen(Check::Usual).unwrap();
        assert!(buffer.salvaged().is_some_and(|salvaged| salvaged.batches == 1));
        assert_eq!(buffer.failed_openings, 0);
        assert_eq!(buffer.peek(&[]).unwrap().unwrap().batch, batch);
        assert!(buffer.ledger().unwrap().balances());
    }
}
