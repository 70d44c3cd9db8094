#![cfg(test)]
//! Damaged buffers: the agent starts every time, and takes over what has its checksum.
//!
//! `cargo test -p agent --test buffer_damage -- --ignored` damages 5,000 files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{Buffer, Entry, Settings},
    tail::{Checkpoint, FileIdentity, Guard},
};
use uuid::Uuid;
use wire::{BatchId, Source};

const BATCHES: u64 = 40;
const ENTRIES: u64 = 3;

/// Pseudo-random numbers (an LCG), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn settings(folder: &Path) -> Settings {
    Settings { max_bytes: 1_000_000, ..Settings::at(folder) }
}

fn batch(number: u64) -> SealedBatch {
    let id = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    SealedBatch {
        id: BatchId::new(Uuid::from_u128(id)),
        source: Source::PgLog,
        entries: ENTRIES,
        encoding: Encoding::Identity,
        body: format!("batch {number:04};")
            .repeat(300 + usize::try_from(number).unwrap() * 10)
            .into(),
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        path: "/log/a.log".into(),
        identity: FileIdentity { device: 1, inode: 2, born_ns: 3 },
        head: b"head".to_vec(),
        position: 4711,
        guard: Guard { bytes: 4, hash: 5 },
    }
}

/// A buffer with batches, two of them delivered and two among the dead letters.
fn healthy(folder: &Path) -> Settings {
    let settings = settings(folder);
    let mut buffer = Buffer::open(&settings).unwrap();
    let entries: Vec<Entry> =
        (0..BATCHES).map(|number| Entry::new(batch(number), Some(checkpoint()))).collect();
    for pair in entries.chunks(2) {
        buffer.push(pair, 1).unwrap();
    }
    buffer.push_checkpoints(&[], 1).unwrap();
    for number in 0..4 {
        let waiting = buffer.peek(&[]).unwrap().unwrap();
        if number < 2 {
            buffer.ack(waiting.seq).unwrap();
        } else {
            buffer.bury(waiting.seq, "no", 1).unwrap();
        }
    }
    settings
}

fn damage(file: &Path, random: &mut Random) {
    let mut bytes = fs::read(file).unwrap();
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match random.below(6) {
        0 => {
            for _ in 0..=random.below(64) {
                let at = random.below(length);
                bytes[at] ^= 1 << random.below(8);
            }
        }
        1 => {
            let page = random.below(length.div_ceil(4096)) * 4096;
            bytes[page..(page + 4096).min(length)].fill(0);
        }
        2 => bytes.truncate(random.below(length)),
        3 => {
            let (from, to) =
                (random.below(length / 4096) * 4096, random.below(length / 4096) * 4096);
            bytes.copy_within(from..from + 4096, to);
        }
        4 => {
            let start = random.below(length);
            let end = (start + random.below(40_000)).min(length);
            for byte in &mut bytes[start..end] {
                *byte = random.below(256).to_le_bytes()[0];
            }
        }
        _ => {
            // The header and the first tables, where it hurts most.
            for _ in 0..=random.below(8) {
                let at = random.below(length.min(8 * 4096));
                bytes[at] = random.below(256).to_le_bytes()[0];
            }
        }
    }
    fs::write(file, bytes).unwrap();
}

fn copied(from: &Path, to: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(to).unwrap();
    let mut files = Vec::new();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
        files.push(to.join(file.file_name()));
    }
    files.sort();
    files
}

/// Opens a damaged buffer and checks all that is promised. Returns whether it had to be made anew, and
/// how many batches are left.
fn check(settings: &Settings, case: &str) -> (bool, usize) {
    let mut buffer = Buffer::open(settings).unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let was_damaged = buffer.salvaged().is_some();
    for found in buffer.checkpoints().unwrap().into_iter().flatten() {
        assert_eq!(found, checkpoint(), "{case}");
    }
    let originals: BTreeMap<BatchId, u64> =
        (0..BATCHES).map(|number| (batch(number).id, number)).collect();
    for letter in buffer.dead_letters(0, 100).unwrap() {
        assert_eq!(letter.batch, batch(originals[&letter.batch.id]), "{case}");
    }
    // What is left can be used: taken out in its order and unchanged, and added to.
    let new = batch(BATCHES);
    let entry = Entry::new(new.clone(), Some(checkpoint()));
    assert_eq!(buffer.push(&[entry], 2).unwrap().stored, 1, "{case}");
    let (mut left, mut last) = (0, None);
    for row in buffer.list(i64::MIN, 100).unwrap() {
        let found = buffer.get(row.seq).unwrap().unwrap().batch;
        if found != new {
            let number = originals[&found.id];
            assert_eq!(found, batch(number), "{case}");
            assert!(last < Some(number), "{case}: {number} after {last:?}");
            last = Some(number);
            left += 1;
        }
    }
    let first = buffer.peek(&[]).unwrap().unwrap();
    buffer.ack(first.seq).unwrap();
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances(), "{case}: {ledger:?}");
    assert!(ledger.read <= (BATCHES + 1) * ENTRIES, "{case}: {ledger:?}");
    assert!(buffer.stats().unwrap().disk_bytes <= settings.max_bytes, "{case}");
    let is_known = buffer.salvaged().is_some();
    drop(buffer);
    // The next start finds nothing wrong any more.
    let again = Buffer::open(settings).unwrap();
    assert_eq!(again.salvaged(), None, "{case}");
    (was_damaged || is_known, left)
}

fn run(cases: u64) {
    let base = tempfile::tempdir().unwrap();
    healthy(&base.path().join("buffer"));
    let (mut anew, mut left_in_all) = (0, 0);
    for case in 0..cases {
        let folder = base.path().join(format!("case {case}"));
        let files = copied(&base.path().join("buffer"), &folder);
        let mut random = Random(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // The database mostly, its log sometimes.
        let name = if random.below(5) == 0 { "buffer.db-wal" } else { "buffer.db" };
        let file = files.iter().find(|file| file.ends_with(name)).unwrap();
        damage(file, &mut random);
        let (was_damaged, left) = check(&settings(&folder), &format!("case {case}, {name}"));
        anew += u64::from(was_damaged);
        left_in_all += left as u64;
        fs::remove_dir_all(&folder).unwrap();
    }
    // The damage is real, and most of the data survives it.
    assert!(anew * 4 > cases, "{anew} of {cases} were made anew");
    assert!(left_in_all > cases * (BATCHES - 4) / 3, "{left_in_all} batches left in {cases} cases");
}

#[test]
fn damaged_buffer_starts_and_keeps_what_has_its_checksum() {
    run(100);
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test buffer_damage -- --ignored"]
fn five_thousand_damaged_buffers_start() {
    run(5_000);
}

#[test]
fn damage_to_one_body_costs_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let settings = healthy(folder.path());
    for name in ["buffer.db", "buffer.db-wal"] {
        let file = folder.path().join(name);
        let mut bytes = fs::read(&file).unwrap();
        let pattern = b"batch 0020;";
        let hits: Vec<usize> = bytes
            .windows(pattern.len())
            .enumerate()
            .filter_map(|(at, window)| (window == pattern).then_some(at))
            .collect();
        for at in hits {
            // The log has checksums of its own, and is cut where they do not fit: here only the database
            // is to be damaged.
            if name == "buffer.db" {
                bytes[at + 6] = b'X';
            }
        }
        fs::write(&file, bytes).unwrap();
    }
    let mut buffer = Buffer::open(&settings).unwrap();
    let mut left = 0;
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        left += 1;
        buffer.ack(waiting.seq).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances());
    assert_eq!((left, ledger.lost.get("corrupt")), (BATCHES - 4 - 1, Some(&ENTRIES)));
}

#[test]
fn damaged_file_is_kept_once_and_given_up_for_data() {
    let folder = tempfile::tempdir().unwrap();
    let settings = healthy(folder.path());
    let kept = folder.path().join("buffer.db.corrupt.zst");
    for _ in 0..2 {
        fs::write(folder.path().join("buffer.db"), vec![b'x'; 200_000]).unwrap();
        let buffer = Buffer::open(&settings).unwrap();
        assert_eq!(buffer.salvaged().unwrap().kept.as_deref(), Some(&*kept));
    }
    assert_eq!(zstd::decode_all(&fs::read(&kept).unwrap()[..]).unwrap(), vec![b'x'; 200_000]);
    let mut buffer = Buffer::open(&settings).unwrap();
    for number in 100..180 {
        buffer.push(&[Entry::new(batch(number), None)], 1).unwrap();
    }
    assert!(!kept.exists());
    assert!(buffer.ledger().unwrap().lost_total() > 0 && buffer.ledger().unwrap().balances());
}
