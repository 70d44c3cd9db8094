//! Space that is given up when there is no other.
//!
//! On a file system that copies on write a file of full size helps nothing: writing into it takes new
//! blocks. There a second file is kept, and removed when the disk is full, so that batches can still be
//! acknowledged.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use rustix::fs::statfs;

/// File systems that copy on write.
const COPYING: [(u64, &str); 3] =
    [(0x9123_683e, "btrfs"), (0x2fc1_2fc1, "zfs"), (0xca45_1a4e, "bcachefs")];

/// How long to wait before it is made again, in milliseconds.
const PAUSE_MS: i64 = 60_000;

/// Tells whether a folder is on a file system that copies on write.
pub(super) fn is_copying(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let kind = statfs(existing).map_or(0, |found| u64::try_from(found.f_type).unwrap_or(0));
    COPYING.iter().any(|(magic, _)| *magic == kind)
}

/// The file.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    bytes: u64,
    now_ms: i64,
    next_attempt_ms: i64,
}

impl Ballast {
    pub(super) fn in_folder(folder: &Path, bytes: u64) -> Self {
        Self { path: folder.join("buffer.ballast"), bytes, now_ms: 0, next_attempt_ms: i64::MIN }
    }

    /// Makes it where it is missing and there is room. Tells whether it is there; without it nothing
    /// more may be stored, so that what is stored can be taken out.
    pub(super) fn restore(&mut self, now_ms: i64) -> bool {
        self.now_ms = now_ms;
        if self.bytes == 0 || self.path.exists() {
            return true;
        }
        if now_ms < self.next_attempt_ms {
            return false;
        }
        self.next_attempt_ms = now_ms.saturating_add(PAUSE_MS);
        let written = self.write();
        if written.is_err() {
            // A part of it is of no use and takes what others need.
            drop(fs::remove_file(&self.path));
        }
        written.is_ok()
    }

    /// Gives the space up. Tells whether there was any.
    pub(super) fn release(&mut self) -> bool {
        self.next_attempt_ms = self.now_ms.saturating_add(PAUSE_MS);
        fs::remove_file(&self.path).is_ok()
    }

    /// Writes what no file system compresses.
    fn write(&self) -> std::io::Result<()> {
        let mut file = File::create(&self.path)?;
        let mut noise = Vec::with_capacity(1 << 16);
        for number in 0..self.bytes / 8 {
            noise.extend(xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes()).to_le_bytes());
            if noise.len() >= 1 << 16 {
                file.write_all(&noise)?;
                noise.clear();
            }
        }
        file.write_all(&noise)?;
        file.sync_all()
    }
}
