//! With which batch it is stored where reading of a file begins.
//!
//! A process that is killed has stored some transactions of those that store what was read. A file can begin
//! anew under the same identity, behind a hole or after a truncation: stored too early, this would be taken
//! for the end of what the file was until then, or replace what a copy of that is known by.

use std::collections::HashSet;

use crate::{
    buffer::{Entry, Noted},
    tail::{Checkpoint, FileIdentity},
};

/// Puts each start to the first batch of its file. Where there is none, what is gone on with comes before all
/// batches and a beginning behind them. Without any batches all are noted by themselves.
pub(super) fn place(starts: Vec<Checkpoint>, entries: &mut [Entry], noted: &mut Noted) {
    let begins = |start: &&Checkpoint| start.position == 0;
    let begun: HashSet<FileIdentity> =
        starts.iter().filter(begins).map(|start| start.identity).collect();
    let last = entries.len().saturating_sub(1);
    for start in starts {
        let is_of = |entry: &Entry| {
            entry.checkpoint.as_ref().is_some_and(|end| end.identity == start.identity)
        };
        let other = if begun.contains(&start.identity) { last } else { 0 };
        let index = entries.iter().position(is_of).unwrap_or(other);
        let with = entries.get_mut(index).map_or(&mut *noted, |entry| &mut entry.noted);
        with.starts.push(start);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wire::{BatchId, Source};

    use super::*;
    use crate::{
        batch::{Encoding, SealedBatch},
        tail::Guard,
    };

    fn at(inode: u64, position: u64) -> Checkpoint {
        Checkpoint {
            path: "/log/a.log".into(),
            identity: FileIdentity { device: 1, inode, born_ns: 3 },
            head: b"head".to_vec(),
            position,
            guard: Guard { bytes: 4, hash: 5 },
        }
    }

    fn entry(end: Option<Checkpoint>) -> Entry {
        let batch = SealedBatch {
            id: BatchId::new(Uuid::from_u128(1)),
            source: Source::PgLog,
            entries: 1,
            encoding: Encoding::Zstd,
            body: Vec::new(),
        };
        Entry::new(batch, end)
    }

    #[test]
    fn beginning_of_a_file_is_stored_behind_what_the_file_was_before() {
        let mut entries = [Some(at(1, 10)), None, Some(at(1, 20)), Some(at(2, 30))].map(entry);
        let starts = vec![at(1, 40), at(2, 0), at(3, 0), at(3, 50)];
        place(starts, &mut entries, &mut Noted::default());
        let starts = entries.map(|entry| entry.noted.starts);
        let last = vec![at(2, 0), at(3, 0), at(3, 50)];
        assert_eq!(starts, [vec![at(1, 40)], vec![], vec![], last]);
    }

    #[test]
    fn copy_that_is_gone_on_with_is_stored_before_its_log_begins_anew() {
        let mut entries = [Some(at(1, 10)), Some(at(2, 20))].map(entry);
        place(vec![at(3, 50), at(1, 0)], &mut entries, &mut Noted::default());
        assert_eq!(entries.map(|entry| entry.noted.starts), [vec![at(3, 50), at(1, 0)], vec![]]);
    }

    #[test]
    fn starts_are_noted_where_there_is_no_batch() {
        let mut noted = Noted::default();
        place(vec![at(1, 0), at(2, 5)], &mut [], &mut noted);
        assert_eq!(noted.starts, [at(1, 0), at(2, 5)]);
    }
}
