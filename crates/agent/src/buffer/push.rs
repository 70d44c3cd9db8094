//! Storing.

use std::{borrow::Cow, collections::HashMap};

use rusqlite::{Transaction, TransactionBehavior};

use crate::{
    batch::SealedBatch,
    buffer::{
        Buffer, Entry, Error, Lines, Noted, Pushed, WhenFull,
        again::{self, Begun},
        allocate, checkpoints, evict,
        ledger::{self, Loss},
        lines, missed, open,
        row::{self, SPAN, Stored},
        space::ROW_BYTES,
        totals::Totals,
    },
    tail::Checkpoint,
};

/// What was dropped to make room.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dropped {
    pub(super) batches: u64,
    /// Entries that the listener will not get.
    pub(super) entries: u64,
}

/// A batch, or a part of one that would be too large for the buffer as a whole.
struct Piece<'a> {
    batch: Cow<'a, SealedBatch>,
    /// What it is the last part of, with whose position it is stored.
    ends: Option<&'a Entry>,
}

impl Piece<'_> {
    fn bytes(&self) -> u64 {
        self.batch.body.len() as u64 + ROW_BYTES
    }
}

impl Buffer {
    /// Stores batches with their positions, in their order, as many as there is room for. `now_ms` is the
    /// time of day in milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// Those of the database; then nothing is stored.
    pub fn push(&mut self, entries: &[Entry], now_ms: i64) -> Result<Pushed, Error> {
        if !self.prepare(now_ms)? {
            return Ok(Pushed::default());
        }
        let pieces = pieces(entries, self.space.body_bytes());
        let (again, pieces) = self.stored_already(&pieces)?;
        let mut pushed = Pushed { stored: ends(again), lost_entries: 0 };
        for group in in_groups(pieces, self.space.transaction_bytes()) {
            match self.push_group(group, now_ms) {
                Ok(Some(lost_entries)) => pushed.lost_entries += lost_entries,
                Ok(None) => break,
                // It comes again when the rest is pushed.
                Err(_) if pushed.stored > 0 => break,
                Err(error) => return Err(error),
            }
            pushed.stored += ends(group);
        }
        Ok(pushed)
    }

    /// Cuts off what is stored since it was pushed before.
    fn stored_already<'a, 'b>(
        &mut self,
        pieces: &'a [Piece<'b>],
    ) -> Result<(&'a [Piece<'b>], &'a [Piece<'b>]), Error> {
        let last = self.attempt(|buffer| again::last(&buffer.connection))?;
        let is_last = |piece: &Piece<'_>| Some(again::number_of(&piece.batch.id)) == last;
        let count = pieces.iter().position(is_last).map_or(0, |index| index + 1);
        Ok(pieces.split_at_checked(count).unwrap_or((&[], pieces)))
    }

    /// Stores what was noted while there is no batch to store it with. Returns false where the disk has no
    /// room.
    ///
    /// # Errors
    /// Those of the database; then nothing is stored.
    pub fn note(&mut self, noted: &Noted, now_ms: i64) -> Result<bool, Error> {
        if !self.prepare(now_ms)? {
            return Ok(false);
        }
        if !noted.is_empty() {
            self.attempt(|buffer| {
                let transaction =
                    buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                store_noted(&transaction, noted, now_ms)?;
                store_lines(&transaction, &[noted], now_ms)?;
                transaction.commit()?;
                Ok(())
            })?;
        }
        Ok(true)
    }

    /// Takes back the space that was given up. Returns false where there is none.
    fn prepare(&mut self, now_ms: i64) -> Result<bool, Error> {
        self.now_ms = now_ms;
        self.rescue()?;
        Ok(self.ballast.restore(now_ms) || self.give_back(now_ms)?)
    }

    /// Stores what one transaction can store. Returns how many entries were lost for it, `None` where
    /// there is no room.
    fn push_group(&mut self, pieces: &[Piece<'_>], now_ms: i64) -> Result<Option<u64>, Error> {
        let max_bytes = self.space.body_bytes();
        let fitting = pieces.iter().filter(|piece| piece.batch.body.len() as u64 <= max_bytes);
        let needed = fitting.map(Piece::bytes).sum();
        let mut lost_entries = self.make_room(needed, now_ms)?;
        if self.settings.when_full == WhenFull::Pause && !self.fits(needed)? {
            return Ok(None);
        }
        loop {
            match self.attempt_without_ballast(|buffer| buffer.store(pieces, now_ms)) {
                Ok(lost) => return Ok(Some(lost_entries + lost)),
                // Where the disk is full, dropping what is stored would make no room for more.
                Err(error) if error.is_full() && self.is_disk_full() => return Ok(None),
                Err(error) if error.is_full() => {
                    let dropped = self.drop_some(0, now_ms)?;
                    if dropped.batches == 0 {
                        return Ok(None);
                    }
                    lost_entries += dropped.entries;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells whether it is the file system that is full, and not the buffer.
    fn is_disk_full(&self) -> bool {
        let folder = &self.settings.folder;
        let may_grow = || !open::has_full_size(&open::database_of(folder), &self.space);
        self.ballast.is_needed() || (may_grow() && !allocate::has_room(folder))
    }

    /// Stores one group in one transaction. Returns how many entries are too large to be stored.
    fn store(&mut self, pieces: &[Piece<'_>], now_ms: i64) -> Result<u64, Error> {
        let max_bytes = self.space.body_bytes();
        let mut totals = self.totals;
        let mut lost_entries = 0;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut begun = Begun::load(&transaction)?;
        for piece in pieces {
            if let Some(entry) = piece.ends {
                store_noted(&transaction, &entry.noted, now_ms)?;
            }
            let file = match piece.ends.and_then(|entry| entry.checkpoint.as_ref()) {
                Some(checkpoint) => Some(checkpoints::store(&transaction, checkpoint, now_ms)?),
                None => None,
            };
            let stored = Stored {
                seq: row::next_seq(&transaction)?,
                span: SPAN,
                created_ms: now_ms,
                file,
                entries: piece.batch.entries,
                bytes: piece.batch.body.len() as u64,
                batch: None,
            };
            begun.pass(stored.seq, piece.ends.is_some());
            if stored.bytes > max_bytes {
                lost_entries += stored.entries;
                lose(&transaction, &stored, now_ms)?;
            } else if row::insert(&transaction, &stored, &piece.batch)? {
                ledger::add(&transaction, ledger::READ, stored.entries)?;
                totals.add(stored.entries, stored.bytes);
            }
        }
        let ended = pieces.iter().filter_map(|piece| piece.ends);
        let noted: Vec<_> = ended.map(|entry| &entry.noted).collect();
        store_lines(&transaction, &noted, now_ms)?;
        if let Some(last) = pieces.last() {
            begun.store(&transaction, &last.batch.id)?;
        }
        transaction.commit()?;
        self.totals = totals;
        Ok(lost_entries)
    }

    /// Stores positions without a batch, such as where reading of a file begins.
    ///
    /// # Errors
    /// Those of the database; then nothing is stored.
    pub fn push_checkpoints(
        &mut self,
        checkpoints: &[Checkpoint],
        now_ms: i64,
    ) -> Result<(), Error> {
        self.attempt(|buffer| {
            let transaction =
                buffer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for checkpoint in checkpoints {
                checkpoints::store(&transaction, checkpoint, now_ms)?;
            }
            checkpoints::note_start(&transaction, now_ms)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Tells whether a batch of usual size can be stored without dropping another.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_room(&mut self) -> Result<bool, Error> {
        if self.settings.when_full == WhenFull::DropOldest {
            return Ok(true);
        }
        let usual_bytes = self.space.capacity_bytes() / 10;
        self.make_room(usual_bytes, self.now_ms)?;
        self.fits(usual_bytes)
    }

    /// Where nothing may be dropped a part stays free, so that what is there can be split and set aside.
    pub(super) fn fits(&mut self, needed: u64) -> Result<bool, Error> {
        let capacity = self.space.capacity_bytes();
        let limit = match self.settings.when_full {
            WhenFull::DropOldest => capacity,
            WhenFull::Pause => capacity / 100 * 95,
        };
        Ok(self.attempt(|buffer| evict::used_bytes(&buffer.connection))? + needed <= limit)
    }

    /// Drops the oldest batches, down to 80 % of the bound, if `needed` bytes more would exceed it.
    /// Returns how many entries that were.
    pub(super) fn make_room(&mut self, needed: u64, now_ms: i64) -> Result<u64, Error> {
        if self.fits(needed)? || (self.give_up_kept()? && self.fits(needed)?) {
            return Ok(0);
        }
        let target = self.space.target_bytes().saturating_sub(needed);
        let mut lost_entries = 0;
        while self.attempt(|buffer| evict::used_bytes(&buffer.connection))? > target {
            let dropped = self.drop_some(target, now_ms)?;
            if dropped.batches == 0 {
                break;
            }
            lost_entries += dropped.entries;
        }
        Ok(lost_entries)
    }

    /// Drops some of the oldest batches, where that is allowed.
    pub(super) fn drop_some(&mut self, target_bytes: u64, now_ms: i64) -> Result<Dropped, Error> {
        let when_full = self.settings.when_full;
        let step = self.attempt(|buffer| {
            evict::step(&mut buffer.connection, buffer.leased, when_full, target_bytes, now_ms)
        })?;
        self.totals.subtract(&step.dropped);
        Ok(Dropped { batches: step.gone, entries: step.dropped.entries })
    }
}

/// Stores all that was noted but for line numbers.
fn store_noted(transaction: &Transaction<'_>, noted: &Noted, now_ms: i64) -> Result<(), Error> {
    for start in &noted.starts {
        checkpoints::store(transaction, start, now_ms)?;
    }
    for file in &noted.forgotten {
        checkpoints::forget(transaction, *file)?;
    }
    noted.missed.as_ref().map_or(Ok(()), |missed| missed::store(transaction, missed))
}

/// Stores what is known of line numbers behind the last of these; what was known before it is replaced.
fn store_lines(transaction: &Transaction<'_>, noted: &[&Noted], now_ms: i64) -> Result<(), Error> {
    let lines = noted.iter().filter_map(|noted| noted.lines.as_ref());
    let last: HashMap<&str, &Lines> = lines.map(|lines| (lines.series.as_str(), lines)).collect();
    last.into_values().try_for_each(|last| lines::store(transaction, last, now_ms))
}

/// Accounts for a batch that the buffer cannot hold.
fn lose(transaction: &Transaction<'_>, stored: &Stored, now_ms: i64) -> Result<(), Error> {
    ledger::add(transaction, ledger::READ, stored.entries)?;
    ledger::add_loss(transaction, &Loss::of("too_large", stored), now_ms)
}

/// Splits batches whose body is too large for the buffer, or that have more entries than a listener takes, as
/// far as they can be split.
fn pieces(entries: &[Entry], max_bytes: u64) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut parts = vec![Cow::Borrowed(&entry.batch)];
        let mut fitting: Vec<Cow<'_, SealedBatch>> = Vec::new();
        while let Some(part) = parts.pop() {
            let is_too_large =
                part.body.len() as u64 > max_bytes || part.entries > wire::MAX_ENTRIES as u64;
            let halves = is_too_large.then(|| part.split()).flatten();
            match halves {
                Some([first, second]) => parts.extend([second, first].map(Cow::Owned)),
                None => fitting.push(part),
            }
        }
        let last = fitting.len() - 1;
        for (index, batch) in fitting.into_iter().enumerate() {
            pieces.push(Piece { batch, ends: Some(entry).filter(|_| index == last) });
        }
    }
    pieces
}

/// How many batches end among these pieces.
fn ends(pieces: &[Piece<'_>]) -> usize {
    pieces.iter().filter(|piece| piece.ends.is_some()).count()
}

/// Cuts a list into groups that one transaction can store.
fn in_groups<'a, 'b>(
    mut pieces: &'a [Piece<'b>],
    max_bytes: u64,
) -> impl Iterator<Item = &'a [Piece<'b>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = pieces.iter().take_while(|piece| {
            bytes += piece.bytes();
            bytes <= max_bytes
        });
        let count = fitting.count().max(1).min(pieces.len());
        let (group, rest) = pieces.split_at_checked(count)?;
        pieces = rest;
        (!group.is_empty()).then_some(group)
    })
}

impl Totals {
    /// Counts a batch out.
    pub(super) const fn take(&mut self, stored: &Stored) {
        self.subtract(&Self { batches: 1, entries: stored.entries, bytes: stored.bytes });
    }
}
