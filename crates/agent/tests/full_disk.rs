#![cfg(test)]
//! A file system without a free byte.
//!
//! The tests start themselves again in a namespace of their own, where they may mount a small file system
//! in memory. Where the system does not allow that they say so and check nothing.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{Buffer, Entry, Reserve, Settings, WhenFull},
};
use uuid::Uuid;
use wire::{BatchId, Source};

/// Names the folder of the small file system, for the part that runs in the namespace.
const FOLDER: &str = "PGCOURIER_TEST_FULL_DISK";

/// Runs an ignored test of this file on a file system of 4 MiB.
fn on_small_file_system(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=4m none \"$0\"";
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(folder.path());
        command
    };
    let is_allowed = in_namespace(mount).output().is_ok_and(|output| output.status.success());
    if !is_allowed {
        eprintln!("not checked: this system does not let the test mount a file system");
        return;
    }
    let script = format!("{mount} && exec \"$1\" --exact {test} --ignored --nocapture");
    let output = in_namespace(&script)
        .arg(env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn small_file_system() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Takes every byte that is free.
fn fill(folder: &Path) {
    let mut file =
        OpenOptions::new().create(true).append(true).open(folder.join("somebody else's")).unwrap();
    for size in [1 << 16, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    assert!(fs::write(folder.join("one more"), b"x").is_err(), "the file system is not full");
}

fn entry(number: u64, bytes: usize) -> Entry {
    let batch = SealedBatch {
        id: BatchId::new(Uuid::from_u128(u128::from(number) + 1)),
        source: Source::PgLog,
        entries: 2,
        encoding: Encoding::Identity,
        body: vec![number.to_le_bytes()[0]; bytes],
    };
    Entry { batch, checkpoint: None }
}

/// Pushes and acknowledges, beyond what the buffer holds.
fn work(buffer: &mut Buffer, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let pushed = buffer.push(&[entry(number, 30_000)], 1).unwrap();
        assert_eq!(pushed.stored, 1, "{number}");
        if number % 3 == 0 {
            let waiting = buffer.peek(&[]).unwrap().unwrap();
            buffer.ack(waiting.seq).unwrap();
        }
    }
}

#[test]
fn full_file_system_stops_nothing() {
    on_small_file_system("preallocated_buffer_works_without_a_free_byte");
    on_small_file_system("ballast_is_given_up_for_acknowledgements");
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn preallocated_buffer_works_without_a_free_byte() {
    let Some(folder) = small_file_system() else { return };
    let settings = Settings { max_bytes: 2_000_000, ..Settings::at(&folder.join("buffer")) };
    let mut buffer = Buffer::open(&settings).unwrap();
    fill(&folder);
    work(&mut buffer, 0..200);
    assert!(buffer.ledger().unwrap().lost["evicted"] > 0, "it was full as well");
    drop(buffer);
    let mut buffer = Buffer::open(&settings).unwrap();
    work(&mut buffer, 200..400);
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances() && ledger.read == 800 && ledger.waiting == 0, "{ledger:?}");
    assert_eq!(buffer.salvaged(), None);
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn ballast_is_given_up_for_acknowledgements() {
    let Some(folder) = small_file_system() else { return };
    let settings = Settings {
        max_bytes: 3_000_000,
        reserve: Reserve::Ballast,
        when_full: WhenFull::Pause,
        ..Settings::at(&folder.join("buffer"))
    };
    let mut buffer = Buffer::open(&settings).unwrap();
    for number in 0..20 {
        buffer.push(&[entry(number, 30_000)], 1).unwrap();
    }
    fill(&folder);
    let ballast = folder.join("buffer/buffer.ballast");
    assert!(ballast.exists());
    // Nothing is dropped: what does not fit is not taken.
    let mut taken = 20;
    for number in 20..100 {
        let pushed = buffer.push(&[entry(number, 30_000)], 1).unwrap();
        assert_eq!(pushed.lost_entries, 0);
        taken += pushed.stored as u64;
    }
    assert!(ballast.exists() && taken < 100, "{taken} taken");
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances() && ledger.delivered == 2 * taken, "{ledger:?}");
}
