//! What the buffer promises.

mod again;
mod noted;

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
    let batch = SealedBatch {
        id: BatchId::new(Uuid::from_u128(number)),
        source: Source::PgLog,
        entries,
        encoding: Encoding::Zstd,
        body: vec![byte; body_bytes],
    };
    Entry::new(batch, Some(checkpoint(u64::try_from(number).unwrap())))
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
    let first = buffer.peek(&[]).unwrap().unwrap();
    assert_eq!(first.batch, entry(1, 10, 5000).batch);
    assert_eq!(buffer.peek(&[]).unwrap().unwrap(), first, "it stays until it is acknowledged");
    buffer.ack(first.seq).unwrap();
    assert_eq!(buffer.peek(&[]).unwrap().unwrap().batch, entry(2, 20, 0).batch);
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
    let mut buffer = Buffer::open(&settings).unwrap();
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(7)]));
}

#[test]
fn full_buffer_drops_the_oldest_down_to_four_fifths_and_accounts_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let max_bytes = 2_000_000;
    let mut buffer = Buffer::open(&settings(&folder, max_bytes)).unwrap();
    let mut evictions = 0;
    for number in 0..200 {
        let pushed = buffer.push(&[entry(number, 5, 40_000)], 1).unwrap();
        assert_eq!(pushed.stored, 1);
        let lost_entries = pushed.lost_entries;
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
    let first = buffer.peek(&[]).unwrap().unwrap();
    assert_eq!(u64::try_from(first.family()).unwrap() * 5 + ledger.waiting, 1000 + 5);
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
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    let pushed = buffer.push(&[entry(0, 7, 500_000), entry(1, 2, 10)], 1).unwrap();
    assert_eq!(pushed, Pushed { stored: 2, lost_entries: 7 });
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
    let sent = buffer.peek(&[]).unwrap().unwrap();
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
    let pushed = buffer.push(&[entry(number, 1, 100_000)], 1).unwrap();
    assert_eq!(pushed, Pushed { stored: 0, lost_entries: 0 });
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.read, ledger.lost_total()), (u64::try_from(number).unwrap(), 0));
}

#[test]
fn folder_that_cannot_be_made_is_named() {
    let error = Buffer::open(&Settings::at(Path::new("/proc/nowhere"))).unwrap_err();
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
}

/// A batch with a body of ours, so that it can be halved.
fn halvable(number: u64, entries: u64) -> SealedBatch {
    let json: Vec<String> =
        (0..entries).map(|n| format!(r#"{{"message":"{number}.{n}"}}"#)).collect();
    let mut batch = crate::batch::Batch {
        entries,
        levels: std::collections::BTreeMap::new(),
        json: json.join(",").into_bytes(),
        start: 0,
        end: number,
    };
    let mut encoder =
        crate::batch::Encoder::new("p".to_owned(), "a".to_owned(), crate::batch::Compression::None);
    let id = BatchId::new(Uuid::from_u128(u128::from(number)));
    encoder.seal(&mut batch, id, Path::new("/x.log"), 1.0)
}

/// Every entry in the order of the queue.
fn drain(buffer: &mut Buffer) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        let body = String::from_utf8(waiting.batch.decoded().unwrap()).unwrap();
        let parts = body.split(r#""message":""#).skip(1);
        messages.extend(parts.map(|part| part.split('"').next().unwrap().to_owned()));
        buffer.ack(waiting.seq).unwrap();
    }
    messages
}

#[test]
fn halves_stand_in_the_place_of_their_batch_down_to_single_entries() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    let batches = [1, 2, 3].map(|number| Entry::new(halvable(number, 5), None));
    buffer.push(&batches, 1).unwrap();
    let second = buffer.list(i64::MIN, 10).unwrap()[1].seq;
    let mut queue = vec![second];
    while let Some(seq) = queue.pop() {
        let Some(halves) = buffer.get(seq).unwrap().unwrap().batch.split() else { continue };
        assert!(buffer.split(seq, &halves).unwrap());
        let family = second / row::SPAN;
        let parts = buffer.list(i64::MIN, 10).unwrap();
        queue = parts
            .iter()
            .filter(|part| part.seq / row::SPAN == family && part.entries > 1)
            .map(|part| part.seq)
            .collect();
    }
    assert_eq!(buffer.stats().unwrap().batches, 7);
    assert!(buffer.ledger().unwrap().balances() && buffer.counts_agree().unwrap());
    let expected: Vec<String> =
        (1..=3).flat_map(|batch| (0..5).map(move |n| format!("{batch}.{n}"))).collect();
    assert_eq!(drain(&mut buffer), expected);
}

#[test]
fn dead_letter_keeps_the_words_and_goes_back_to_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 1_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    let batches = [1, 2].map(|number| Entry::new(halvable(number, 2), None));
    buffer.push(&batches, 1).unwrap();
    let first = buffer.peek(&[]).unwrap().unwrap();
    let number = buffer.bury(first.seq, "400 no", 7).unwrap().unwrap();
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    let letter = buffer.dead_letters(0, 10).unwrap().remove(0);
    assert_eq!((letter.number, &letter.batch), (number, &first.batch));
    assert_eq!((letter.words.as_str(), letter.at_ms), ("400 no", 7));
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.waiting, ledger.dead_lettered), (2, 2));
    assert!(ledger.balances());
    assert_eq!(buffer.revive(&[number, 99]).unwrap(), 1);
    assert_eq!(drain(&mut buffer), ["1.0", "1.1", "2.0", "2.1"]);
    assert!(buffer.ledger().unwrap().balances());
}

#[test]
fn dead_letters_take_a_tenth_of_the_buffer_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    for number in 0..20 {
        buffer.push(&[entry(number, 1, 10_000)], 1).unwrap();
        let waiting = buffer.peek(&[]).unwrap().unwrap();
        buffer.bury(waiting.seq, "no", 1).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.dead_lettered < 10 && ledger.lost["dead_letters_full"] > 10, "{ledger:?}");
    assert!(ledger.balances());
    let oldest = buffer.dead_letters(0, 1).unwrap().remove(0);
    assert!(buffer.drop_dead_letter(oldest.number, 1).unwrap());
    assert!(!buffer.drop_dead_letter(oldest.number, 1).unwrap());
    assert_eq!(buffer.ledger().unwrap().lost["dropped_by_operator"], 1);
    assert!(buffer.ledger().unwrap().balances());
}

#[test]
fn sources_that_are_held_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    let of = |number, source| {
        let entry = entry(number, 1, 10);
        Entry::new(SealedBatch { source, ..entry.batch }, None)
    };
    let sources = [Source::PgLocks, Source::PgLog, Source::PgLocks, Source::SystemMetrics];
    let batches: Vec<_> = (1..).zip(sources).map(|(number, source)| of(number, source)).collect();
    buffer.push(&batches, 1).unwrap();
    let mut next = |held: &[Source]| {
        let found = buffer.peek(held).unwrap();
        found.map(|waiting| waiting.family())
    };
    assert_eq!(next(&[]), Some(1));
    assert_eq!(next(&[Source::PgLocks]), Some(2));
    assert_eq!(next(&[Source::PgLocks, Source::PgLog]), Some(4));
    assert_eq!(next(&Source::ALL), None);
    assert_eq!(buffer.peek_newest(Source::PgLocks).unwrap().unwrap().family(), 3);
}

#[test]
fn batch_too_large_for_the_buffer_is_stored_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    let large = halvable(1, 9000);
    assert!(large.body.len() > 180_000, "{}", large.body.len());
    let pushed = buffer.push(&[Entry::new(large, Some(checkpoint(5)))], 1).unwrap();
    assert_eq!(pushed, Pushed { stored: 1, lost_entries: 0 });
    assert!(buffer.stats().unwrap().batches >= 2);
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(5)]));
    assert_eq!(buffer.ledger().unwrap().read, 9000);
    let expected: Vec<String> = (0..9000).map(|n| format!("1.{n}")).collect();
    assert_eq!(drain(&mut buffer), expected);
}

#[test]
fn pushing_again_stores_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    buffer.push(&[entry(1, 3, 10)], 1).unwrap();
    buffer.push(&[entry(1, 3, 10), entry(2, 4, 10)], 1).unwrap();
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.read, ledger.waiting), (7, 7));
}

#[test]
fn folder_never_takes_more_than_the_bound_on_disk() {
    for reserve in [Reserve::Preallocated, Reserve::Ballast] {
        let folder = tempfile::tempdir().unwrap();
        let max_bytes = 3_000_000;
        let settings = Settings { reserve, ..settings(&folder, max_bytes) };
        let mut buffer = Buffer::open(&settings).unwrap();
        for number in 0..120 {
            let bytes = 1 + usize::try_from(number * 7919 % 120_000).unwrap();
            buffer
                .push(&[entry(2 * number, 1, bytes), entry(2 * number + 1, 1, 9_000)], 1)
                .unwrap();
            if number % 3 == 0 {
                let waiting = buffer.peek(&[]).unwrap().unwrap();
                buffer.ack(waiting.seq).unwrap();
            }
            let stats = buffer.stats().unwrap();
            assert!(stats.disk_bytes + 4096 <= max_bytes, "{reserve:?}: {stats:?}");
            if number % 40 == 0 {
                drop(buffer);
                buffer = Buffer::open(&settings).unwrap();
            }
        }
        let full = buffer.stats().unwrap().disk_bytes;
        assert!(buffer.ledger().unwrap().lost["evicted"] > 0);
        while let Some(waiting) = buffer.peek(&[]).unwrap() {
            buffer.ack(waiting.seq).unwrap();
        }
        if reserve == Reserve::Preallocated {
            assert_eq!(buffer.stats().unwrap().disk_bytes, full, "its size does not change");
        }
    }
}

#[test]
fn batch_stays_until_the_listener_and_every_output_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 1_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    let names = ["a", "b"].map(str::to_owned);
    buffer.set_destinations(&names).unwrap();
    let batches = [1, 2].map(|number| Entry::new(halvable(number, 4), None));
    buffer.push(&batches, 1).unwrap();
    let first = buffer.peek(&[]).unwrap().unwrap();
    buffer.ack(first.seq).unwrap();
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.delivered, ledger.waiting), (4, 4));
    assert!(ledger.balances() && buffer.counts_agree().unwrap());
    let for_a = buffer.peek_for("a").unwrap().unwrap();
    assert_eq!(for_a.waiting, first);
    // Halves of what an output has are not given to it again; the other output gets the halves.
    let second = buffer.peek(&[]).unwrap().unwrap();
    buffer.advance("a", &for_a, 4, 0).unwrap();
    let for_a = buffer.peek_for("a").unwrap().unwrap();
    assert_eq!(for_a.waiting, second);
    buffer.split(second.seq, &second.batch.split().unwrap()).unwrap();
    buffer.advance("a", &for_a, 3, 1).unwrap();
    assert_eq!(buffer.peek_for("a").unwrap(), None);
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    let mut for_b = 0;
    while let Some(next) = buffer.peek_for("b").unwrap() {
        for_b += next.waiting.batch.entries;
        buffer.advance("b", &next, next.waiting.batch.entries, 0).unwrap();
    }
    assert_eq!(for_b, 8);
    let a = Destination { name: "a".to_owned(), delivered: 7, rejected: 1, lost: 0 };
    assert_eq!(buffer.destinations().unwrap()[0], a);
    assert_eq!(drain(&mut buffer), ["2.0", "2.1", "2.2", "2.3"]);
    let left: i64 =
        buffer.connection.query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn full_buffer_counts_what_an_output_loses_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    buffer.set_destinations(&["slow".to_owned()]).unwrap();
    for number in 0..60 {
        buffer.push(&[entry(number, 1, 40_000)], 1).unwrap();
        let waiting = buffer.peek(&[]).unwrap().unwrap();
        buffer.ack(waiting.seq).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert_eq!((ledger.delivered, ledger.lost_total()), (60, 0), "the listener has all");
    assert!(ledger.balances() && buffer.counts_agree().unwrap());
    let slow = buffer.destinations().unwrap().remove(0);
    assert!(slow.lost > 30 && slow.lost < 60, "{slow:?}");
    let kept: i64 =
        buffer.connection.query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap();
    assert_eq!(kept.unsigned_abs() + slow.lost, 60);
    // Without the output nobody needs them.
    buffer.set_destinations(&[]).unwrap();
    let kept: i64 =
        buffer.connection.query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
}

#[test]
fn dead_letter_that_an_output_needs_can_still_be_retried() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = Buffer::open(&settings(&folder, 1_000_000)).unwrap();
    buffer.set_destinations(&["a".to_owned()]).unwrap();
    buffer.push(&[Entry::new(halvable(1, 2), None)], 1).unwrap();
    let waiting = buffer.peek(&[]).unwrap().unwrap();
    let number = buffer.bury(waiting.seq, "no", 1).unwrap().unwrap();
    assert_eq!(buffer.peek(&[]).unwrap(), None);
    assert_eq!(buffer.peek_for("a").unwrap().unwrap().waiting, waiting);
    assert_eq!(buffer.revive(&[number]).unwrap(), 1);
    assert_eq!(drain(&mut buffer), ["1.0", "1.1"]);
    assert!(buffer.ledger().unwrap().balances() && buffer.counts_agree().unwrap());
    assert!(buffer.peek_for("a").unwrap().is_some());
}

#[test]
fn number_is_remembered_for_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, 1_000_000);
    let mut buffer = Buffer::open(&settings).unwrap();
    assert_eq!(buffer.recall("breaker").unwrap(), None);
    buffer.remember("breaker", 7).unwrap();
    buffer.remember("breaker", 8).unwrap();
    drop(buffer);
    assert_eq!(Buffer::open(&settings).unwrap().recall("breaker").unwrap(), Some(8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn account_balances_whatever_happens(
        steps in proptest::collection::vec((0..4u8, 1..50_000usize), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, 1_000_000);
        let mut buffer = Buffer::open(&settings).unwrap();
        let mut read = 0;
        for (number, (step, body_bytes)) in (0..).zip(steps) {
            match step {
                0 | 1 => {
                    buffer.push(&[entry(number, 3, body_bytes)], 1).unwrap();
                    read += 3;
                }
                2 => {
                    if let Some(waiting) = buffer.peek(&[]).unwrap() {
                        buffer.ack(waiting.seq).unwrap();
                    }
                }
                _ => {
                    drop(buffer);
                    buffer = Buffer::open(&settings).unwrap();
                }
            }
            let ledger = buffer.ledger().unwrap();
            prop_assert!(buffer.counts_agree().unwrap());
            prop_assert!(ledger.balances(), "{:?}", ledger);
            prop_assert_eq!(ledger.read, read);
            prop_assert!(buffer.stats().unwrap().used_bytes <= settings.max_bytes);
        }
    }
}
