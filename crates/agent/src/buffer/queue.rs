//! Taking out, in the order of the queue.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use wire::Source;

use crate::{
    batch::SealedBatch,
    buffer::{
        Buffer, DeadLetter, Error, Waiting, dead, destinations,
        error::Check,
        ledger,
        row::{self, Stored},
    },
};

/// How often a batch without its checksum is looked for again in a database that was made anew.
const MAX_ATTEMPTS: u32 = 3;

/// The share of the buffer that dead letters may take.
const DEAD_LETTER_SHARE: u64 = 10;

/// When a change has to be on disk. It is safe from a crash of the process in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDisk {
    AtOnce,
    /// With the next change that has to be there at once. Changes keep their order.
    WithTheNext,
}

impl OnDisk {
    fn transact<T>(
        self,
        connection: &mut Connection,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // SQLite sets this when it reads the words, so they cannot be prepared once.
        if self == Self::WithTheNext {
            connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        }
        let result = in_transaction(connection, work);
        if self == Self::WithTheNext {
            connection.execute_batch("PRAGMA synchronous = FULL")?;
        }
        result
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

impl Buffer {
    /// Returns the oldest batch of a source that is not `held`. It stays until it is acknowledged, and
    /// is not evicted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peek(&mut self, held: &[Source]) -> Result<Option<Waiting>, Error> {
        let found = self.lease(|buffer| row::first(&buffer.connection, buffer.first_seq, held))?;
        if let Some(first) = found.as_ref().filter(|_| held.is_empty()) {
            self.first_seq = first.seq;
        }
        Ok(found)
    }

    /// Returns the newest batch of a source, as [`Buffer::peek`] returns the oldest.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peek_newest(&mut self, source: Source) -> Result<Option<Waiting>, Error> {
        self.lease(|buffer| row::last_of(&buffer.connection, source))
    }

    fn lease(
        &mut self,
        find: impl Fn(&Self) -> Result<Option<Stored>, Error>,
    ) -> Result<Option<Waiting>, Error> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(stored) = self.attempt(|buffer| find(buffer))? else {
                self.leased = None;
                return Ok(None);
            };
            let (seq, created_ms) = (stored.seq, stored.created_ms);
            if let Some(batch) = stored.batch {
                self.leased = Some(seq);
                return Ok(Some(Waiting { seq, created_ms, batch }));
            }
            // Made anew, the database has no such row any more, and the account knows.
            self.reopen(Check::Whole)?;
        }
        Err(Error::Database(row::unreadable(0, "batch")))
    }

    /// Removes a batch that the listener has confirmed. Should the machine crash before the next batch is
    /// stored, it may be there again: then it is sent again, and the listener knows its id.
    ///
    /// # Errors
    /// Those of the database; then the batch stays, and is sent again.
    pub fn ack(&mut self, seq: i64) -> Result<(), Error> {
        self.change(OnDisk::WithTheNext, seq, row::head, |transaction, stored| {
            destinations::settle(transaction, stored)?;
            ledger::add(transaction, ledger::DELIVERED, stored.entries)
        })?;
        Ok(())
    }

    /// Puts the two halves of a batch in its place. Returns false where it cannot be halved any more;
    /// then nothing has changed.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed.
    pub fn split(&mut self, seq: i64, halves: &[SealedBatch; 2]) -> Result<bool, Error> {
        let mut is_split = false;
        let parent = self.change(OnDisk::AtOnce, seq, row::get, |transaction, parent| {
            is_split = parent.span >= 2;
            if is_split {
                row::delete(transaction, seq)?;
                let span = parent.span / 2;
                for (seq, half) in [seq, seq + span].into_iter().zip(halves) {
                    row::insert(transaction, &Stored::within(parent, seq, span, half), half)?;
                }
            }
            Ok(())
        })?;
        if parent.is_some() && is_split {
            for half in halves {
                self.totals.add(half.entries, half.body.len() as u64);
            }
        } else if let Some(parent) = parent {
            self.totals.add(parent.entries, parent.bytes);
        }
        Ok(is_split)
    }

    /// Moves a batch to the dead letters, with the words in which it was refused. Returns its number
    /// there.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed.
    pub fn bury(&mut self, seq: i64, words: &str, now_ms: i64) -> Result<Option<i64>, Error> {
        let max_bytes = self.space.capacity_bytes() / DEAD_LETTER_SHARE;
        let mut number = None;
        self.change(OnDisk::AtOnce, seq, row::get, |transaction, stored| {
            number = Some(dead::bury(transaction, stored, words, now_ms)?);
            dead::trim(transaction, max_bytes, now_ms)
        })?;
        Ok(number)
    }

    /// Returns up to `limit` dead letters with numbers above `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn dead_letters(&mut self, after: i64, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        self.attempt(|buffer| dead::list(&buffer.connection, after, limit))
    }

    /// Puts dead letters back into the queue, each in its old place. Returns how many there were.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed.
    pub fn revive(&mut self, numbers: &[i64]) -> Result<u64, Error> {
        loop {
            match self.revive_once(numbers) {
                Err(error) if error.is_full() && self.make_way()? => {}
                result => return result,
            }
        }
    }

    fn revive_once(&mut self, numbers: &[i64]) -> Result<u64, Error> {
        self.attempt(|buffer| {
            let mut totals = buffer.totals;
            let before = totals.batches;
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for number in numbers {
                if let Some(stored) = dead::revive(&transaction, *number)? {
                    totals.add(stored.entries, stored.bytes);
                }
            }
            transaction.commit()?;
            buffer.totals = totals;
            buffer.first_seq = i64::MIN;
            Ok(totals.batches - before)
        })
    }

    /// Drops a dead letter, and accounts for it as lost. Tells whether there was one.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed.
    pub fn drop_dead_letter(&mut self, number: i64, now_ms: i64) -> Result<bool, Error> {
        self.attempt(|buffer| {
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let found = dead::drop_one(&transaction, number, "dropped_by_operator", now_ms)?;
            transaction.commit()?;
            Ok(found)
        })
    }

    /// Makes room for what takes a batch out of the queue. Where nothing may go, or a full disk does not
    /// even let that happen, the ballast does. Tells whether there was something.
    fn make_way(&mut self) -> Result<bool, Error> {
        match self.free_some() {
            Ok(true) => Ok(true),
            Err(error) if !error.is_full() => Err(error),
            Ok(false) | Err(_) => Ok(self.ballast.release()),
        }
    }

    /// Drops the oldest batches, where that is allowed, else the oldest dead letter. Tells whether there
    /// was one.
    fn free_some(&mut self) -> Result<bool, Error> {
        let now_ms = self.now_ms;
        if self.drop_some(0, now_ms)?.batches > 0 {
            return Ok(true);
        }
        self.attempt(|buffer| {
            let Some(oldest) = dead::list(&buffer.connection, 0, 1)?.first().map(|l| l.number)
            else {
                return Ok(false);
            };
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let is_dropped = dead::drop_one(&transaction, oldest, "dead_letters_full", now_ms)?;
            transaction.commit()?;
            Ok(is_dropped)
        })
    }

    /// Takes a batch out of the queue in whatever way, in one transaction. `read` finds it. Returns it, `None` where it
    /// is not there any more.
    fn change(
        &mut self,
        on_disk: OnDisk,
        seq: i64,
        read: impl Fn(&Connection, i64) -> Result<Option<Stored>, Error>,
        mut work: impl FnMut(&Transaction<'_>, &Stored) -> Result<(), Error>,
    ) -> Result<Option<Stored>, Error> {
        let taken = loop {
            let taken = self.attempt(|buffer| {
                on_disk.transact(&mut buffer.connection, |transaction| {
                    let stored = read(transaction, seq)?;
                    if let Some(stored) = &stored {
                        work(transaction, stored)?;
                    }
                    Ok(stored)
                })
            });
            match taken {
                // Halves and dead letters take a page more at times.
                Err(error) if error.is_full() && self.make_way()? => {}
                taken => break taken?,
            }
        };
        if let Some(stored) = &taken {
            self.totals.take(stored);
        }
        self.leased = None;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::BatchId;

    use super::*;
    use crate::{
        batch::Encoding,
        buffer::{Entry, Settings},
    };

    /// What SQLite calls `FULL`.
    const FULL: i64 = 2;

    #[test]
    fn only_acknowledgements_do_not_wait_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = Buffer::open(&Settings::at(folder.path())).unwrap();
        let synchronous = |connection: &Connection| -> i64 {
            connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
        };
        let batch = SealedBatch {
            id: BatchId::new(Uuid::from_u128(1)),
            source: Source::PgLog,
            entries: 1,
            encoding: Encoding::Identity,
            body: b"{}".to_vec(),
        };
        buffer.push(&[Entry::new(batch, None)], 1).unwrap();
        let seq = buffer.peek(&[]).unwrap().unwrap().seq;
        for (on_disk, expected) in [(OnDisk::AtOnce, true), (OnDisk::WithTheNext, false)] {
            let waits = on_disk
                .transact(
                    &mut buffer.connection,
                    |transaction| Ok(synchronous(transaction) == FULL),
                )
                .unwrap();
            assert_eq!(waits, expected);
            let failed = on_disk.transact(&mut buffer.connection, |_| {
                Err::<(), _>(Error::Database(row::unreadable(0, "x")))
            });
            assert!(failed.is_err());
            assert_eq!(synchronous(&buffer.connection), FULL);
        }
        buffer.ack(seq).unwrap();
        assert_eq!(synchronous(&buffer.connection), FULL);
    }
}
