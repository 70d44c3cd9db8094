//! What following files brings.

use std::path::{Path, PathBuf};

use crate::tail::FileNumber;

/// What a poll finds.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file is followed from now on.
    Opened {
        /// Its number from here on.
        file: FileNumber,
        /// Where it was found.
        path: &'a Path,
        /// What it has in common with the files that continue it.
        series: &'a str,
        /// Where reading starts: the start of a line.
        position: u64,
        /// Whole lines from around the position, to find out how to read the file.
        sample: &'a [u8],
    },
    /// The next bytes of a file, cut anywhere.
    Bytes {
        /// The file.
        file: FileNumber,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The rest of the log is read from a copy from now on, since the file was truncated: the position
    /// that is reached is to be stored anew.
    Moved {
        /// The file.
        file: FileNumber,
    },
    /// Bytes are gone that nobody has read.
    Missed(Missed),
    /// The file has been read to its end, and the next of its series is there: what was read is whole.
    /// More may come, from a process that still has the file open.
    Superseded {
        /// The file.
        file: FileNumber,
    },
    /// The file has been read to its end and is left, as it was rotated away or written anew. Its
    /// checkpoint can be asked for until it is released.
    Closed {
        /// The file.
        file: FileNumber,
    },
}

/// Bytes of a log that were gone before they could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Where the log was.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
    /// From which position on.
    pub position: u64,
    /// How many bytes there were at least.
    pub bytes: u64,
}

/// Why bytes were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The file was truncated or written anew, and no copy holds them.
    Truncated,
    /// The file was deleted while nothing could be read, and kept too much space.
    Deleted,
}

impl Reason {
    /// The reason's name in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Deleted => "deleted",
        }
    }
}

/// What a poll did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// How many bytes were read.
    pub read_bytes: usize,
    /// True while a log is being copied, most likely to be truncated then: the next poll should come
    /// within a fraction of a millisecond.
    pub is_urgent: bool,
    /// True while that may happen at any moment: the next poll should come at once. Never for longer than
    /// half a second in ten.
    pub is_imminent: bool,
}
