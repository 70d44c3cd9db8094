#![cfg(test)]
//! A buffer whose files are deleted while it is in use.

use std::{fs, path::Path};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{Buffer, Entry, Error, Reserve, Settings},
};
use uuid::Uuid;
use wire::{BatchId, Source};

fn push(buffer: &mut Buffer, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let batch = SealedBatch {
            id: BatchId::new(Uuid::from_u128(u128::from(number) + 1)),
            source: Source::PgLog,
            entries: 2,
            encoding: Encoding::Identity,
            body: vec![number.to_le_bytes()[0]; 9000],
        };
        buffer.push(&[Entry::new(batch, None)], 1).unwrap();
    }
}

/// Deletes something under a buffer, and checks that nothing is lost by it.
fn loses_nothing_by(delete: impl Fn(&Path)) {
    for reserve in [Reserve::Preallocated, Reserve::Ballast] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("buffer");
        let settings = Settings { max_bytes: 2_000_000, reserve, ..Settings::at(&folder) };
        let mut buffer = Buffer::open(&settings).unwrap();
        push(&mut buffer, 0..20);
        delete(&folder);
        push(&mut buffer, 20..30);
        delete(&folder);
        buffer.rescue().unwrap();
        let stats = buffer.stats().unwrap();
        assert!(stats.disk_bytes <= settings.max_bytes, "{stats:?}");
        let is_full_size = stats.disk_bytes > settings.max_bytes / 10 * 9;
        assert_eq!(is_full_size, reserve == Reserve::Preallocated, "{stats:?}");
        let second = Buffer::open(&settings);
        assert!(matches!(second, Err(Error::InUse { .. })), "the folder is locked again");
        drop(buffer);
        let mut buffer = Buffer::open(&settings).unwrap();
        assert_eq!(buffer.salvaged(), None);
        let ledger = buffer.ledger().unwrap();
        assert!(ledger.balances() && ledger.waiting == 60, "{ledger:?}");
        for number in 0..30 {
            let waiting = buffer.peek(&[]).unwrap().unwrap();
            assert_eq!(waiting.batch.body, vec![number; 9000]);
            buffer.ack(waiting.seq).unwrap();
        }
    }
}

#[test]
fn deleted_folder_is_made_again() {
    loses_nothing_by(|folder| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn deleted_database_is_written_again() {
    loses_nothing_by(|folder| fs::remove_file(folder.join("buffer.db")).unwrap());
}

#[test]
fn deleted_log_of_the_database_is_written_again() {
    loses_nothing_by(|folder| fs::remove_file(folder.join("buffer.db-wal")).unwrap());
}

#[test]
fn database_that_was_put_in_its_place_is_set_aside() {
    loses_nothing_by(|folder| {
        fs::write(folder.join("other"), "another database").unwrap();
        fs::rename(folder.join("other"), folder.join("buffer.db")).unwrap();
    });
}

#[test]
fn buffer_that_cannot_be_written_again_is_told_and_tried_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("buffer");
    let settings = Settings { max_bytes: 1_000_000, ..Settings::at(&folder) };
    let mut buffer = Buffer::open(&settings).unwrap();
    push(&mut buffer, 0..5);
    fs::remove_dir_all(&folder).unwrap();
    // A file stands where the folder was.
    fs::write(&folder, "").unwrap();
    assert!(matches!(buffer.peek(&[]), Err(Error::Folder { .. })));
    fs::remove_file(&folder).unwrap();
    assert!(buffer.peek(&[]).unwrap().is_some());
    assert!(folder.join("buffer.db").exists());
}
