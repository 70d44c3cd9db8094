#![cfg(test)]
//! The buffer beside a model of it, under random operations with tiny limits.
//!
//! `cargo test -p agent --test buffer_model -- --ignored` does 100,000 operations.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{Buffer, Entry, Reserve, Settings, WhenFull},
    tail::{Checkpoint, FileIdentity, Guard},
};
use uuid::Uuid;
use wire::{BatchId, Source};

const MAX_BYTES: u64 = 1_000_000;
const OUTPUT: &str = "output";

/// Pseudo-random numbers (an LCG), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What the buffer should hold.
#[derive(Default)]
struct Model {
    queue: VecDeque<SealedBatch>,
    /// What the output does not have yet, also of what the listener has.
    output: VecDeque<SealedBatch>,
    output_taken: u64,
    output_lost: u64,
    lost_by_output: BTreeSet<BatchId>,
    output_next: Option<i64>,
    dead: BTreeMap<i64, SealedBatch>,
    position: u64,
    read: u64,
    delivered: u64,
    lost: u64,
    evicted: u64,
}

struct Pair {
    folder: tempfile::TempDir,
    settings: Settings,
    buffer: Buffer,
    model: Model,
    /// The places of all batches that were ever seen in the queue.
    seqs: BTreeMap<BatchId, i64>,
    next: u64,
    now_ms: i64,
}

impl Pair {
    fn new(when_full: WhenFull, reserve: Reserve) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            max_bytes: MAX_BYTES,
            when_full,
            reserve,
            ..Settings::at(&folder.path().join("buffer"))
        };
        let mut buffer = Buffer::open(&settings).unwrap();
        buffer.set_destinations(&[OUTPUT.to_owned()]).unwrap();
        Self {
            folder,
            settings,
            buffer,
            model: Model::default(),
            seqs: BTreeMap::new(),
            next: 1,
            now_ms: 1,
        }
    }

    fn step(&mut self, random: &mut Random) {
        self.now_ms += 1000;
        match random.below(100) {
            0..40 => self.push(random),
            40..60 => self.ack(),
            60..75 => self.take_for_output(),
            75..80 => self.split(),
            80..85 => self.bury(),
            85..87 => self.revive(),
            87..89 => self.drop_dead_letter(),
            89..93 => self.reopen(),
            93..95 => self.kill(),
            // Leaves a batch leased while others are pushed.
            _ => drop(self.buffer.peek(&[]).unwrap()),
        }
    }

    fn push(&mut self, random: &mut Random) {
        let sizes: Vec<(u64, u64)> = (0..=random.below(3))
            .map(|_| {
                let bytes = match random.below(20) {
                    0 => random.below(110_000),
                    _ => random.below(20_000),
                };
                (bytes, 1 + random.below(9))
            })
            .collect();
        self.push_batches(&sizes);
    }

    /// Pushes batches of so many bytes and entries.
    fn push_batches(&mut self, sizes: &[(u64, u64)]) {
        let numbered = (self.next + 1..).zip(sizes);
        let entries: Vec<Entry> = numbered
            .map(|(number, (bytes, entries))| {
                let batch = batch(number, *entries, *bytes);
                Entry::new(batch, Some(checkpoint(number)))
            })
            .collect();
        let count = entries.len() as u64;
        self.next += count;
        let leased = self.buffer.peek(&[]).unwrap().map(|waiting| waiting.batch.id);
        let pushed = self.buffer.push(&entries, self.now_ms).unwrap();
        let model = &mut self.model;
        for entry in entries.into_iter().take(pushed.stored) {
            model.read += entry.batch.entries;
            model.position = entry.checkpoint.unwrap().position;
            model.output.push_back(entry.batch.clone());
            model.queue.push_back(entry.batch);
        }
        let dropped = self.evict(leased);
        assert_eq!(dropped, pushed.lost_entries);
        if self.settings.when_full == WhenFull::Pause {
            assert_eq!(dropped, 0);
        } else {
            assert_eq!(pushed.stored as u64, count);
        }
    }

    /// Drops from the model what the buffer has dropped: the oldest, but not the one that is being sent.
    fn evict(&mut self, leased: Option<BatchId>) -> u64 {
        self.evict_before(leased, 0)
    }

    /// Does so where afterwards the output got back entries that it had lost.
    fn evict_before(&mut self, leased: Option<BatchId>, regained: u64) -> u64 {
        let evicted = self.buffer.ledger().unwrap().lost.get("evicted").copied().unwrap_or(0);
        let (mut dropped, model) = (0, &mut self.model);
        while model.evicted + dropped < evicted {
            let index = usize::from(model.queue.front().map(|batch| batch.id) == leased);
            dropped += model.queue.remove(index).unwrap().entries;
        }
        model.evicted += dropped;
        model.lost += dropped;
        assert_eq!(model.evicted, evicted);
        let lost = self.buffer.destinations().unwrap()[0].lost + regained;
        while model.output_lost < lost {
            let index = usize::from(model.output.front().map(|batch| batch.id) == leased);
            let gone = model.output.remove(index).unwrap();
            model.output_lost += gone.entries;
            model.lost_by_output.insert(gone.id);
        }
        assert_eq!(model.output_lost, lost);
        dropped
    }

    fn take_for_output(&mut self) {
        let found = self.buffer.peek_for(OUTPUT).unwrap();
        let expected = self.model.output.front();
        let found_batch = found.as_ref().map(|found| &found.waiting.batch);
        let ids = [found_batch, expected].map(|batch| batch.map(|batch| batch.id));
        assert!(found_batch == expected, "{ids:?}");
        let Some(found) = found else { return };
        let entries = found.waiting.batch.entries;
        self.buffer.advance(OUTPUT, &found, entries, 0).unwrap();
        self.model.output.pop_front();
        self.model.output_next = Some(found.next);
        self.model.output_taken += entries;
    }

    fn ack(&mut self) {
        let found = self.buffer.peek(&[]).unwrap();
        assert_eq!(found.as_ref().map(|found| &found.batch), self.model.queue.front());
        let Some(found) = found else { return };
        self.buffer.ack(found.seq).unwrap();
        // A mark may take a page, for which others may have to go.
        self.evict(Some(found.batch.id));
        self.model.delivered += self.model.queue.pop_front().unwrap().entries;
    }

    fn split(&mut self) {
        let Some(found) = self.buffer.peek(&[]).unwrap() else { return };
        let whole = found.batch;
        if whole.entries < 2 {
            return;
        }
        let middle = whole.body.len() / 2;
        self.next += 2;
        let next = u128::from(self.next);
        let half = |number: u128, entries, body: &[u8]| {
            let id = BatchId::new(Uuid::from_u128(number << 60));
            SealedBatch { id, entries, body: body.to_vec(), ..whole }
        };
        let first = half(next - 1, whole.entries / 2, &whole.body[..middle]);
        let second = half(next, whole.entries - whole.entries / 2, &whole.body[middle..]);
        assert!(self.buffer.split(found.seq, &[first.clone(), second.clone()]).unwrap());
        self.evict(Some(whole.id));
        self.drop_oldest_letters();
        if let Some(place) = self.model.output.iter().position(|batch| batch.id == whole.id) {
            self.model.output[place] = first.clone();
            self.model.output.insert(place + 1, second.clone());
        }
        self.model.queue.pop_front();
        self.model.queue.push_front(second);
        self.model.queue.push_front(first);
    }

    fn bury(&mut self) {
        let Some(found) = self.buffer.peek(&[]).unwrap() else { return };
        let number = self.buffer.bury(found.seq, "no", self.now_ms).unwrap().unwrap();
        self.evict(Some(found.batch.id));
        self.model.dead.insert(number, self.model.queue.pop_front().unwrap());
        self.drop_oldest_letters();
    }

    /// Drops the dead letters that the buffer has dropped: the oldest, where all take more than a tenth
    /// or there is no other room.
    fn drop_oldest_letters(&mut self) {
        let kept = self.buffer.dead_letters(0, u32::MAX).unwrap();
        let first_kept = kept.first().map_or(i64::MAX, |letter| letter.number);
        let rest = self.model.dead.split_off(&first_kept);
        let gone = std::mem::replace(&mut self.model.dead, rest);
        self.model.lost += gone.values().map(|batch| batch.entries).sum::<u64>();
    }

    fn revive(&mut self) {
        let Some((number, batch)) = self.model.dead.pop_first() else { return };
        let leased = self.buffer.peek(&[]).unwrap().map(|waiting| waiting.batch.id);
        let before: Vec<i64> = self.list();
        assert_eq!(self.buffer.revive(&[number]).unwrap(), 1);
        // What the output had lost it gets after all, unless it is further on already.
        let is_ahead = self.model.output_next.is_none_or(|next| self.seqs[&batch.id] >= next);
        let is_regained = is_ahead && self.model.lost_by_output.remove(&batch.id);
        let regained = if is_regained { batch.entries } else { 0 };
        self.evict_before(leased, regained);
        self.drop_oldest_letters();
        let after = self.list();
        let place = after.iter().position(|seq| !before.contains(seq)).unwrap();
        if is_regained {
            self.model.output_lost -= regained;
            let is_before = |other: &&SealedBatch| self.seqs[&other.id] < after[place];
            let before = self.model.output.iter().filter(is_before).count();
            self.model.output.insert(before, batch.clone());
        }
        self.model.queue.insert(place, batch);
    }

    fn drop_dead_letter(&mut self) {
        let Some((number, batch)) = self.model.dead.pop_last() else { return };
        assert!(self.buffer.drop_dead_letter(number, self.now_ms).unwrap());
        self.model.lost += batch.entries;
    }

    fn reopen(&mut self) {
        // The lock ends with the buffer, so it goes before the new one comes.
        let elsewhere = Settings::at(&self.folder.path().join("other"));
        let elsewhere = Settings { max_bytes: MAX_BYTES, reserve: Reserve::Ballast, ..elsewhere };
        drop(std::mem::replace(&mut self.buffer, Buffer::open(&elsewhere).unwrap()));
        self.buffer = Buffer::open(&self.settings).unwrap();
        assert_eq!(self.buffer.salvaged(), None);
    }

    /// Goes on with what is on disk at this moment, without closing anything.
    fn kill(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        let folder = copy.path().join("buffer");
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(&self.settings.folder).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        self.settings.folder = folder;
        self.buffer = Buffer::open(&self.settings).unwrap();
        self.folder = copy;
        assert_eq!(self.buffer.salvaged(), None);
    }

    fn list(&mut self) -> Vec<i64> {
        self.buffer.list(i64::MIN, u32::MAX).unwrap().iter().map(|row| row.seq).collect()
    }

    fn check(&mut self) {
        let Model { queue, dead, read, delivered, lost, position, .. } = &self.model;
        let Model { output_taken, output_lost, .. } = &self.model;
        let ledger = self.buffer.ledger().unwrap();
        assert!(ledger.balances() && self.buffer.counts_agree().unwrap(), "{ledger:?}");
        assert_eq!(ledger.read, *read);
        assert_eq!(ledger.delivered, *delivered);
        assert_eq!(ledger.lost_total(), *lost);
        assert_eq!(ledger.dead_lettered, dead.values().map(|batch| batch.entries).sum::<u64>());
        let ids = self.buffer.list(i64::MIN, u32::MAX).unwrap();
        self.seqs.extend(ids.iter().map(|row| (row.id.unwrap(), row.seq)));
        let ids: Vec<BatchId> = ids.iter().map(|row| row.id.unwrap()).collect();
        assert_eq!(ids, queue.iter().map(|batch| batch.id).collect::<Vec<_>>());
        let stats = self.buffer.stats().unwrap();
        assert!(stats.used_bytes <= stats.max_bytes, "{stats:?}");
        assert!(stats.disk_bytes + 4096 <= MAX_BYTES, "{stats:?}");
        let output = self.buffer.destinations().unwrap().remove(0);
        assert_eq!((output.delivered, output.lost), (*output_taken, *output_lost));
        if *position > 0 {
            assert_eq!(self.buffer.checkpoints().unwrap(), Some(vec![checkpoint(*position)]));
        }
    }
}

fn batch(number: u64, entries: u64, bytes: u64) -> SealedBatch {
    let noise = |n: u64| (number.wrapping_mul(31).wrapping_add(n) % 256).to_le_bytes()[0];
    SealedBatch {
        id: BatchId::new(Uuid::from_u128(u128::from(number) << 60)),
        source: Source::ALL[usize::try_from(number % 6).unwrap()],
        entries,
        encoding: Encoding::Zstd,
        body: (0..bytes).map(noise).collect(),
    }
}

fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint {
        path: "/log/a.log".into(),
        identity: FileIdentity { device: 1, inode: 2, born_ns: 3 },
        head: b"head".to_vec(),
        position,
        guard: Guard { bytes: 4, hash: position },
    }
}

fn run(steps: u64, seed: u64) {
    let kinds = [
        (WhenFull::DropOldest, Reserve::Preallocated),
        (WhenFull::DropOldest, Reserve::Ballast),
        (WhenFull::Pause, Reserve::Preallocated),
        (WhenFull::Pause, Reserve::Ballast),
    ];
    for (when_full, reserve) in kinds {
        let mut pair = Pair::new(when_full, reserve);
        let mut random = Random(seed);
        for _ in 0..steps / 4 {
            pair.step(&mut random);
            pair.check();
        }
        let Model { lost, delivered, output_taken, .. } = pair.model;
        assert!(output_taken > 0, "nothing for the output");
        assert!(delivered > 0 && lost > 0, "{delivered} delivered, {lost} lost");
    }
}

#[test]
fn buffer_does_what_its_model_does() {
    run(1_000, 1);
}

#[test]
fn crashes_do_not_let_the_log_of_the_database_grow() {
    let mut pair = Pair::new(WhenFull::DropOldest, Reserve::Preallocated);
    for _ in 0..10 {
        // Each fills a transaction, and so the log, as far as that goes.
        pair.push_batches(&[(70_000, 1), (20_000, 1)]);
        pair.check();
        pair.kill();
        pair.check();
    }
}

#[test]
fn output_that_is_removed_leaves_nothing_of_what_it_needed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 5_000_000, ..Settings::at(folder.path()) };
    let mut buffer = Buffer::open(&settings).unwrap();
    buffer.set_destinations(&[OUTPUT.to_owned()]).unwrap();
    for number in 1..=500 {
        let entry = Entry::new(batch(number, 1, 4000), None);
        buffer.push(&[entry], 1).unwrap();
    }
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    assert!(buffer.stats().unwrap().used_bytes > 2_000_000, "the output needs them");
    buffer.set_destinations(&[]).unwrap();
    let stats = buffer.stats().unwrap();
    assert!(stats.used_bytes < 100_000 && stats.disk_bytes <= settings.max_bytes, "{stats:?}");
    assert!(buffer.counts_agree().unwrap() && buffer.ledger().unwrap().balances());
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test buffer_model -- --ignored"]
fn buffer_does_what_its_model_does_a_hundred_thousand_times() {
    run(100_000, 2);
}
