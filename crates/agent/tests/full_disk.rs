#![cfg(test)]
//! File systems that a buffer cannot rely on: one without a free byte, and one of another machine.
//!
//! The tests start themselves again in a namespace of their own, where they may mount what they need. Where the system does not allow that they say so and check nothing.

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

/// Mounts a file system of 4 MiB.
const SMALL: &str = "mount -t tmpfs -o size=4m none \"$0\"";
/// Lets the table of mounts say that everything is on a server.
const REMOTE: &str = "mount -t tmpfs none \"$0\" && sed 's/ - [^ ]* / - nfs4 /' /proc/self/mountinfo \
                      > \"$0/table\" && mount --bind \"$0/table\" /proc/$$/mountinfo";

/// Mounts a file system in which a folder may have 8 MiB. Only root can.
const QUOTA: &str = "rm -f \"$0/image\" && truncate -s 128M \"$0/image\" && mkfs.btrfs -q \"$0/image\" \
                     && mount -o loop \"$0/image\" \"$0\" && btrfs quota enable \"$0\" \
                     && btrfs subvolume create \"$0/ours\" && btrfs qgroup limit 8M \"$0/ours\"";

/// Runs an ignored test of this file where something has been mounted.
fn where_mounted(mount: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        if mount != QUOTA {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "sh", "-c", script]).arg(folder.path());
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

fn test_folder() -> Option<PathBuf> {
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
    Entry::new(batch, None)
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
    where_mounted(SMALL, "preallocated_buffer_works_without_a_free_byte");
    where_mounted(SMALL, "ballast_is_given_up_for_acknowledgements");
    where_mounted(SMALL, "full_disk_drops_nothing_of_a_buffer_with_ballast");
    where_mounted(SMALL, "full_disk_drops_nothing_of_a_buffer_below_its_size");
    where_mounted(SMALL, "full_disk_drops_nothing_of_a_buffer_whose_bound_was_raised");
}

#[test]
fn quota_stops_no_more_than_a_full_file_system() {
    where_mounted(QUOTA, "used_up_quota_drops_nothing");
}

#[test]
#[ignore = "started by quota_stops_no_more_than_a_full_file_system"]
fn used_up_quota_drops_nothing() {
    let Some(folder) = test_folder() else { return };
    let settings = Settings { max_bytes: 20_000_000, ..Settings::at(&folder.join("ours/buffer")) };
    assert_eq!(settings.reserve, Reserve::Ballast);
    let mut buffer = Buffer::open(&settings).unwrap();
    let mut taken = 0;
    for number in 0..600 {
        taken += buffer.push(&[entry(number, 30_000)], 1).unwrap().stored as u64;
    }
    assert!((100..600).contains(&taken), "{taken} taken");
    let denied = fs::write(folder.join("ours/somebody else's"), vec![1; 1 << 20]).unwrap_err();
    assert_eq!(denied.kind(), std::io::ErrorKind::QuotaExceeded);
    // What has to be remembered while nothing can be sent.
    buffer.remember("failures", 5).unwrap();
    assert_eq!(buffer.recall("failures").unwrap(), Some(5));
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.balances() && ledger.delivered == 2 * taken, "{ledger:?}");
    assert_eq!((ledger.lost_total(), buffer.salvaged()), (0, None));
    assert_eq!(buffer.push(&[entry(700, 30_000)], 100_000).unwrap().stored, 1);
}

#[test]
fn buffer_on_a_network_file_system_is_refused() {
    where_mounted(REMOTE, "folder_on_a_server_is_refused");
}

#[test]
#[ignore = "started by buffer_on_a_network_file_system_is_refused"]
fn folder_on_a_server_is_refused() {
    let Some(folder) = test_folder() else { return };
    let error = Buffer::open(&Settings::at(&folder.join("buffer"))).unwrap_err();
    let expected =
        format!("the buffer {}/buffer is on a network file system (nfs4)", folder.display());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().contains("local disk"));
    assert!(!folder.join("buffer").exists());
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn preallocated_buffer_works_without_a_free_byte() {
    let Some(folder) = test_folder() else { return };
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
fn full_disk_drops_nothing_of_a_buffer_with_ballast() {
    let Some(folder) = test_folder() else { return };
    let settings = Settings {
        max_bytes: 3_000_000,
        reserve: Reserve::Ballast,
        ..Settings::at(&folder.join("buffer"))
    };
    let mut buffer = Buffer::open(&settings).unwrap();
    for number in 0..20 {
        buffer.push(&[entry(number, 30_000)], 1).unwrap();
    }
    fill(&folder);
    let mut taken = 20;
    for number in 20..100 {
        taken += buffer.push(&[entry(number, 30_000)], 1).unwrap().stored as u64;
    }
    assert!(taken < 100, "{taken} taken");
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.waiting == 2 * taken && ledger.lost_total() == 0, "{ledger:?}");
    // With space there is room again.
    fs::remove_file(folder.join("somebody else's")).unwrap();
    assert_eq!(buffer.push(&[entry(200, 30_000)], 100_000).unwrap().stored, 1);
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn full_disk_drops_nothing_of_a_buffer_below_its_size() {
    let Some(folder) = test_folder() else { return };
    // More than the file system has: it grows as there is room.
    let settings = Settings { max_bytes: 20_000_000, ..Settings::at(&folder.join("buffer")) };
    let mut buffer = Buffer::open(&settings).unwrap();
    let mut taken = 0;
    for number in 0..200 {
        taken += buffer.push(&[entry(number, 30_000)], 1).unwrap().stored as u64;
        if number == 20 {
            fill(&folder);
        }
    }
    let ledger = buffer.ledger().unwrap();
    assert!((20..200).contains(&taken), "{taken} taken");
    assert!(ledger.balances() && ledger.waiting == 2 * taken, "{ledger:?}");
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    fs::remove_file(folder.join("somebody else's")).unwrap();
    assert_eq!(buffer.push(&[entry(200, 30_000)], 100_000).unwrap().stored, 1);
    assert_eq!(buffer.ledger().unwrap().lost_total(), 0);
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn full_disk_drops_nothing_of_a_buffer_whose_bound_was_raised() {
    let Some(folder) = test_folder() else { return };
    let low = Settings { max_bytes: 1_200_000, ..Settings::at(&folder.join("buffer")) };
    let high = Settings { max_bytes: 3_500_000, ..low.clone() };
    let mut buffer = Buffer::open(&low).unwrap();
    buffer.take_bound(1).unwrap();
    work(&mut buffer, 0..40);
    let before = buffer.ledger().unwrap();
    drop(buffer);
    let mut buffer = Buffer::open(&high).unwrap();
    assert_eq!(buffer.take_bound(2).unwrap(), 0);
    let mut taken = before.waiting;
    for number in 40..200 {
        if number == 60 {
            fill(&folder);
        }
        taken += 2 * buffer.push(&[entry(number, 30_000)], 1).unwrap().stored as u64;
        let stats = buffer.stats().unwrap();
        assert!(stats.disk_bytes <= high.max_bytes, "{stats:?}");
    }
    let ledger = buffer.ledger().unwrap();
    assert!(taken > before.waiting + 30 && taken < before.waiting + 250, "{taken} taken");
    assert!(ledger.balances() && ledger.waiting == taken, "{ledger:?}");
    assert_eq!(ledger.lost_total(), before.lost_total());
    while let Some(waiting) = buffer.peek(&[]).unwrap() {
        buffer.ack(waiting.seq).unwrap();
    }
    drop(buffer);
    fs::remove_file(folder.join("somebody else's")).unwrap();
    // With space it grows to its new bound, and no further.
    let mut buffer = Buffer::open(&high).unwrap();
    let mut most = 0;
    for number in 200..400 {
        assert_eq!(buffer.push(&[entry(number, 30_000)], 100_000).unwrap().stored, 1);
        let stats = buffer.stats().unwrap();
        assert!(stats.disk_bytes <= high.max_bytes, "{stats:?}");
        most = most.max(stats.used_bytes);
    }
    assert!(most > high.max_bytes / 2, "{most} bytes in use at most");
}

#[test]
#[ignore = "started by full_file_system_stops_nothing"]
fn ballast_is_given_up_for_acknowledgements() {
    let Some(folder) = test_folder() else { return };
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
