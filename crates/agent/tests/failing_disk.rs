#![cfg(test)]
//! A disk that fails for a moment: single calls of the system that end with an error.
//!
//! The test starts itself again under `strace`, which lets the call fail that it is told to. Where there is
//! no `strace`, or it may not trace, the test says so and checks nothing.
//!
//! `cargo test -p agent --test failing_disk -- --ignored each_call` lets each call fail, one after the other.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{Buffer, Entry, Error, Settings},
    tail::{Checkpoint, FileIdentity, Guard},
};
use uuid::Uuid;
use wire::{BatchId, Source};

/// Names the folder, for the part that runs under `strace`.
const FOLDER: &str = "PGCOURIER_TEST_FAILING_DISK";

/// The calls by which a database is read and written.
const CALLS: [&str; 4] = ["pread64", "pwrite64", "fsync", "ftruncate"];

/// How often something is tried before it has failed for good. A call fails once, or 10 times in a row.
const TRIES: usize = 40;

const BATCHES: u64 = 24;
const ENTRIES: u64 = 2;

fn batch(number: u64) -> SealedBatch {
    SealedBatch {
        id: BatchId::new(Uuid::from_u128(u128::from(number) + 1)),
        source: Source::PgLog,
        entries: ENTRIES,
        encoding: Encoding::Identity,
        body: number.to_le_bytes().repeat(2_000),
    }
}

fn entry(number: u64) -> Entry {
    let checkpoint = Checkpoint {
        path: "/log/a.log".into(),
        identity: FileIdentity { device: 1, inode: 2, born_ns: 3 },
        head: b"head".to_vec(),
        position: number,
        guard: Guard { bytes: 4, hash: 5 },
    };
    Entry::new(batch(number), Some(checkpoint))
}

fn settings(folder: &Path) -> Settings {
    Settings { max_bytes: 2_000_000, ..Settings::at(&folder.join("buffer")) }
}

/// Does something until it works, as those do who use the buffer.
fn again_and_again<T>(what: &str, mut work: impl FnMut() -> Result<T, Error>) -> T {
    let mut last = None;
    for _ in 0..TRIES {
        match work() {
            Ok(done) => return done,
            Err(error) => last = Some(error),
        }
    }
    panic!("{what}: {last:?}")
}

/// Stores batches, takes half of them out, and starts anew twice.
#[test]
#[ignore = "started by the others"]
fn work_goes_on() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let settings = settings(&folder);
    let mut taken = 0;
    for half in [0..BATCHES / 2, BATCHES / 2..BATCHES] {
        let mut buffer = again_and_again("open", || Buffer::open(&settings));
        for number in half {
            let pushed = again_and_again("push", || buffer.push(&[entry(number)], 1));
            assert_eq!(pushed.stored, 1, "{number}");
            if number % 2 == 1 {
                let waiting = again_and_again("peek", || buffer.peek(&[])).unwrap();
                assert_eq!(waiting.batch, batch(taken));
                again_and_again("ack", || buffer.ack(waiting.seq));
                taken += 1;
            }
        }
        assert_eq!(buffer.salvaged(), None, "a whole database was made anew");
    }
    let mut buffer = again_and_again("open", || Buffer::open(&settings));
    let ledger = again_and_again("account", || buffer.ledger());
    let waiting = (BATCHES - taken) * ENTRIES;
    assert!(ledger.balances() && ledger.waiting == waiting, "{ledger:?}");
    assert_eq!(ledger.delivered, taken * ENTRIES);
    while let Some(waiting) = again_and_again("peek", || buffer.peek(&[])) {
        assert_eq!(waiting.batch, batch(taken));
        again_and_again("ack", || buffer.ack(waiting.seq));
        taken += 1;
    }
    assert_eq!(taken, BATCHES);
    assert_eq!(buffer.salvaged(), None, "a whole database was made anew");
    assert!(!folder.join("buffer/buffer.db.corrupt.zst").exists());
}

/// Runs that under `strace`, with what it is to inject. It sees the calls on the files of the database only.
fn under_strace(folder: &Path, inject: Option<&String>) -> Option<(Output, String)> {
    let buffer = folder.join("buffer");
    let trace = folder.join("trace");
    fs::create_dir_all(&buffer).unwrap();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .args(
            ["buffer.db", "buffer.db-wal"].map(|file| format!("-P{}", buffer.join(file).display())),
        )
        .arg(format!("-etrace={}", CALLS.join(",")))
        .args(inject)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "work_goes_on", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .ok()?;
    Some((output, fs::read_to_string(trace).unwrap_or_default()))
}

/// Counts the calls of a run without errors. `None` where that cannot be done.
fn calls() -> Option<Vec<(&'static str, usize)>> {
    let folder = tempfile::tempdir().unwrap();
    let (output, trace) = under_strace(folder.path(), None)?;
    let count = |call: &'static str| (call, trace.matches(&format!(" {call}(")).count());
    let counts: Vec<_> = CALLS.into_iter().map(count).collect();
    if !output.status.success() || counts.iter().all(|(_, count)| *count == 0) {
        return None;
    }
    Some(counts)
}

/// Lets every `step`-th call fail, each in a run of its own.
fn fail_each(step: usize) {
    let Some(calls) = calls() else {
        eprintln!("not checked: strace cannot be used here");
        return;
    };
    for (call, count) in calls {
        for number in (1..=count).step_by(step) {
            for times in [1, 10] {
                let folder = tempfile::tempdir().unwrap();
                let when = format!("when={number}..{}", number + times - 1);
                let inject = format!("-einject={call}:error=EIO:{when}");
                let (output, trace) = under_strace(folder.path(), Some(&inject)).unwrap();
                let said = String::from_utf8_lossy(&output.stdout)
                    + String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.contains("1 passed"), "{inject}: {said}");
                assert!(trace.contains("(INJECTED)"), "{inject}: no call failed");
            }
        }
    }
}

#[test]
fn disk_that_fails_for_a_moment_costs_nothing() {
    fail_each(61);
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test failing_disk -- --ignored each_call"]
fn each_call_may_fail() {
    fail_each(1);
}
