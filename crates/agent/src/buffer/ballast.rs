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

use rustix::fs::statvfs;

use crate::buffer::allocate;

/// How long to wait before it is made again, in milliseconds.
const PAUSE_MS: i64 = 60_000;

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
        let found_bytes = fs::metadata(&self.path).map_or(0, |found| found.len());
        if found_bytes > self.bytes {
            // Of another bound, or of a database that has its full size by now.
            drop(fs::remove_file(&self.path));
        }
        if self.bytes == 0 || (1..=self.bytes).contains(&found_bytes) {
            return true;
        }
        // A clock that was set back must not make this pause a long one.
        let since_ms = self.next_attempt_ms.saturating_sub(PAUSE_MS);
        if (since_ms..self.next_attempt_ms).contains(&now_ms) {
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

    /// Tells whether it was tried to make it at this moment, and not only thought of.
    pub(super) const fn was_tried_at(&self, now_ms: i64) -> bool {
        self.next_attempt_ms == now_ms.saturating_add(PAUSE_MS)
    }

    /// Does so without a pause.
    pub(super) fn restore_at_once(&mut self, now_ms: i64) -> bool {
        self.next_attempt_ms = i64::MIN;
        self.restore(now_ms)
    }

    /// Tells whether there is so little space that giving this up is of use. Where there is more, it is the
    /// bound on the buffer that is reached.
    pub(super) fn is_needed(&self) -> bool {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let is_short = statvfs(folder).map_or(true, |found| {
            found.f_bavail.saturating_mul(found.f_frsize) < self.bytes.saturating_mul(2)
        });
        // Of a quota the file system says nothing.
        is_short || !allocate::has_room(folder)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_that_is_set_does_not_delay_the_next_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let mut ballast = Ballast::in_folder(folder.path(), 10_000);
        assert!(ballast.restore(1_000_000));
        assert!(ballast.release());
        assert!(!ballast.restore(1_000_000 + PAUSE_MS - 1));
        assert!(ballast.restore(1_000_000 + PAUSE_MS));
        assert!(ballast.release());
        // Years back, as where a machine's clock had been wrong.
        assert!(ballast.restore(1_000));
    }

    #[test]
    fn ballast_is_needed_where_there_is_no_other_space() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Ballast::in_folder(folder.path(), 1).is_needed());
        assert!(Ballast::in_folder(folder.path(), u64::MAX).is_needed());
    }
}
