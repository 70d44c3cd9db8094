//! What the buffer promises.

use proptest::prelude::*;
use uuid::Uuid;
use wire::{BatchId, Source};

use super::*;
use crate::{
    batch::Encoding,
    tail::{FileIdentity, Guard},
};

fn settings(folder: &tempfile::TempDir, max_bytes: u64) -> Settings {
    Settings { max_bytes, ..Settings::at(folder.path()) }
}

fn entry(number: u128, entries: u64, body_bytes: usize) -> Entry {
    let byte = u8::try_from(number % 251).unwrap();
    Entry {
        batch: SealedBatch {
            id: BatchId::new(Uuid::from_u128(number)),
            source: Source::PgLog,
            entries,
            encoding: Encoding::Zstd,
            body: vec![byte; body_bytes],
        },
        checkpoint: Some(checkpoint(u64::try_from(number).unwrap())),
    }
}

fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint {
        path: "/log/a.log".into(),
        identity: FileIdentity { device: 1, inode: u64::MAX, born_ns: 3 },
        head: b"head".to_vec(),
        position,
        guard: Guard { bytes: 4, hash: u64::MAX },
    }
}

#[test]
fn batches_leave_in_their_order_and_unchanged_also_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 100_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    buffer.push(&[entry(1, 10, 5000), entry(2, 20, 0)], 1).unwrap();
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    let first = buffer.peek().unwrap().unwrap();
    assert_eq!(first.batch, entry(1, 10, 5000).batch);
    assert_eq!(buffer.peek().unwrap().unwrap(), first, "it stays until it is acknowledged");
    buffer.ack(first.seq).unwrap();
    assert_eq!(buffer.peek().unwrap().unwrap().batch, entry(2, 20, 0).batch);
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.read, ledger.delivered, ledger.waiting), (30, 10, 20));
    assert!(ledger.balances());
}

#[test]
fn position_is_stored_with_the_batch_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 100_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    assert_eq!(buffer.checkpoints().unwrap(), None, "the first start of all");
    buffer.push_checkpoints(&[], 0).unwrap();
    assert_eq!(buffer.checkpoints().unwrap(), Some(Vec::new()));
    buffer.push(&[entry(7, 1, 10)], 1).unwrap();
    drop(buffer);
    let buffer = Buffer::open(&settings).unwrap();
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(7)]));
}

#[test]
fn full_buffer_drops_the_oldest_down_to_four_fifths_and_accounts_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let max_bytes = 2_000_000;
    let mut buffer = Buffer::open(&settings(&folder, max_bytes)).unwrap();
    let mut evictions = 0;
    for number in 0..200 {
        let Pushed::Stored { lost_entries } = buffer.push(&[entry(number, 5, 40_000)], 1).unwrap()
        else {
            panic!("this buffer does not pause")
        };
        let stats = buffer.stats().unwrap();
        assert!(stats.used_bytes <= max_bytes, "{} bytes used", stats.used_bytes);
        if lost_entries > 0 {
            evictions += 1;
            assert!(stats.used_bytes <= max_bytes / 5 * 4, "{} bytes left", stats.used_bytes);
            assert!(stats.used_bytes > max_bytes / 2, "{} bytes left", stats.used_bytes);
        }
    }
    assert!(evictions > 3);
    let ledger = buffer.ledger().unwrap();
    assert_eq!(ledger.read, 1000);
    assert!(ledger.lost["evicted"] > 0 && ledger.balances(), "{ledger:?}");
    // What is left is the newest, without a gap.
    let first = buffer.peek().unwrap().unwrap();
    assert_eq!(u64::try_from(first.seq).unwrap() * 5 + ledger.waiting, 1000 + 5);
}

#[test]
fn batches_stored_together_stay_within_the_bound_together() {
    let folder = tempfile::tempdir().unwrap();
    let max_bytes = 1_000_000;
    let mut buffer = Buffer::open(&settings(&folder, max_bytes)).unwrap();
    for group in 0..5 {
        let entries: Vec<_> = (0..10).map(|number| entry(group * 10 + number, 1, 60_000)).collect();
        buffer.push(&entries, 1).unwrap();
        assert!(buffer.stats().unwrap().used_bytes <= max_bytes);
    }
    assert!(buffer.ledger().unwrap().balances());
}

#[test]
fn batch_larger_than_the_bound_is_accounted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 400_000)).unwrap();
    let pushed = buffer.push(&[entry(0, 7, 500_000), entry(1, 2, 10)], 1).unwrap();
    assert_eq!(pushed, Pushed::Stored { lost_entries: 7 });
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.lost["too_large"], ledger.waiting), (7, 2));
    assert!(ledger.balances());
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(1)]));
}

#[test]
fn batch_that_is_being_sent_is_not_evicted() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    buffer.push(&[entry(0, 1, 40_000)], 1).unwrap();
    let sent = buffer.peek().unwrap().unwrap();
    for number in 1..100 {
        buffer.push(&[entry(number, 1, 40_000)], 1).unwrap();
    }
    buffer.ack(sent.seq).unwrap();
    let ledger = buffer.ledger().unwrap();
    assert_eq!(ledger.delivered, 1);
    assert!(ledger.lost_total() > 0 && ledger.balances(), "{ledger:?}");
}

#[test]
fn second_process_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 1_000_000);
    let _first = Buffer::open(&settings).unwrap();
    assert!(matches!(Buffer::open(&settings), Err(Error::InUse { .. })));
}

#[test]
fn pausing_buffer_says_when_it_has_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { when_full: WhenFull::Pause, ..settings(&folder, 1_000_000) };
    let mut buffer = Buffer::open(&settings).unwrap();
    let mut number = 0;
    while buffer.has_room().unwrap() {
        buffer.push(&[entry(number, 1, 20_000)], 1).unwrap();
        number += 1;
    }
    assert_eq!(buffer.push(&[entry(number, 1, 200_000)], 1).unwrap(), Pushed::NoRoom);
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.read, ledger.lost_total()), (u64::try_from(number).unwrap(), 0));
}

#[test]
fn folder_that_cannot_be_made_is_named() {
    let error = Buffer::open(&Settings::at(Path::new("/proc/nowhere"))).unwrap_err();
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn account_balances_whatever_happens(
        steps in proptest::collection::vec((0..4u8, 1..50_000usize), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, 400_000);
        let mut buffer = Buffer::open(&settings).unwrap();
        let mut read = 0;
        for (number, (step, body_bytes)) in (0..).zip(steps) {
            match step {
                0 | 1 => {
                    buffer.push(&[entry(number, 3, body_bytes)], 1).unwrap();
                    read += 3;
                }
                2 => {
                    if let Some(waiting) = buffer.peek().unwrap() {
                        buffer.ack(waiting.seq).unwrap();
                    }
                }
                _ => {
                    drop(buffer);
                    buffer = Buffer::open(&settings).unwrap();
                }
            }
            let ledger = buffer.ledger().unwrap();
            prop_assert!(ledger.balances(), "{:?}", ledger);
            prop_assert_eq!(ledger.read, read);
            prop_assert!(buffer.stats().unwrap().used_bytes <= settings.max_bytes);
        }
    }
}
