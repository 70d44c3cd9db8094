//! Batches that are pushed again, after a failure or for want of room.

use std::slice;

use super::*;

#[test]
fn batch_pushed_again_after_it_was_delivered_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 1_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    let batches = [entry(1, 3, 10), entry(2, 7, 500_000), entry(3, 4, 10)];
    for round in 0..3 {
        buffer.push(&batches[..=round], 1).unwrap();
        while let Some(waiting) = buffer.peek(&[]).unwrap() {
            buffer.ack(waiting.seq).unwrap();
        }
        if round == 1 {
            drop(buffer);
            buffer = Buffer::open(&settings).unwrap();
        }
    }
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.read, ledger.delivered, ledger.lost["too_large"]), (14, 7, 7));
    assert!(ledger.balances());
}

/// A buffer that is to pause, with room for no more than the first parts of a large batch.
fn with_room_for_a_part(settings: &Settings) -> (Buffer, Entry) {
    let mut buffer = Buffer::open(settings).unwrap();
    let mut number = 100;
    while buffer.fits(300_000).unwrap() {
        buffer.push(&[entry(number, 1, 20_000)], 1).unwrap();
        number += 1;
    }
    let large = Entry::new(halvable(1, 20_000), Some(checkpoint(5)));
    assert_eq!(buffer.push(slice::from_ref(&large), 1).unwrap(), Pushed::default());
    assert!(buffer.stats().unwrap().entries > u64::try_from(number - 100).unwrap());
    (buffer, large)
}

#[test]
fn batch_whose_first_part_was_delivered_before_the_rest_fits_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { when_full: WhenFull::Pause, ..settings(&folder, 1_000_000) };
    let (mut buffer, large) = with_room_for_a_part(&settings);
    let mut parts_delivered = 0;
    let mut deliver_one = |buffer: &mut Buffer| {
        let waiting = buffer.peek(&[]).unwrap().unwrap();
        if waiting.batch.encoding == Encoding::Identity {
            parts_delivered += waiting.batch.entries;
        }
        buffer.ack(waiting.seq).unwrap();
    };
    while buffer.stats().unwrap().batches > 0 {
        deliver_one(&mut buffer);
    }
    while buffer.push(slice::from_ref(&large), 1).unwrap().stored == 0 {
        deliver_one(&mut buffer);
    }
    while buffer.stats().unwrap().batches > 0 {
        deliver_one(&mut buffer);
    }
    let ledger = buffer.ledger().unwrap();
    assert_eq!((parts_delivered, ledger.read), (20_000, ledger.delivered));
    assert!(ledger.balances(), "{ledger:?}");
    assert_eq!(buffer.checkpoints().unwrap().unwrap().last(), Some(&checkpoint(5)));
}

#[test]
fn parts_of_a_batch_whose_end_was_not_stored_are_gone_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { when_full: WhenFull::Pause, ..settings(&folder, 1_000_000) };
    let (buffer, large) = with_room_for_a_part(&settings);
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    assert!(buffer.counts_agree().unwrap());
    let ledger = buffer.ledger().unwrap();
    assert_eq!(ledger.read, buffer.stats().unwrap().batches, "one entry each");
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        assert_eq!(waiting.batch.encoding, Encoding::Zstd);
        buffer.ack(waiting.seq).unwrap();
    }
    // It is read again, and gets another name.
    let large = Entry::new(halvable(2, large.batch.entries), large.checkpoint);
    assert_eq!(buffer.push(&[large], 1).unwrap().stored, 1);
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    assert_eq!(drain(&mut buffer).len(), 20_000);
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances() && ledger.read == ledger.delivered, "{ledger:?}");
}
