//! What tells one file from another.
//!
//! A path names another file after a rotation, and a file system gives the number of a deleted file to
//! the next one at once, so a file is known by its number together with its birth time.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _, time::SystemTime};

/// One file, as its file system tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file's number in it.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970-01-01 UTC; 0 where the file system does not tell.
    pub born_ns: i64,
}

impl FileIdentity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|born| {
            let since_1970 = born.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since_1970.as_nanos()).ok()
        });
        Self { device: metadata.dev(), inode: metadata.ino(), born_ns: born.unwrap_or(0) }
    }
}

/// A file's size and times: where they are as before, so is the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// When it was last written, in nanoseconds since 1970-01-01 UTC.
    pub(super) modified_ns: i64,
    changed_ns: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000) + rest;
        Self {
            size: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
