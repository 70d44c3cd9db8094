//! What a tailer is told before it begins.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::tail::{Checkpoint, LogPath};

/// Where reading begins in files that are there at the first start of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// At their end: what happened before is not sent.
    #[default]
    End,
    /// At their beginning.
    Beginning,
}

/// What to follow.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files, folders and patterns; none by default.
    pub paths: Vec<LogPath>,
    /// Where reading begins at the first start of all; at the end by default.
    pub start_at: StartAt,
    /// How often to look for new files where the system does not tell of them; each second by default.
    pub scan_interval: Duration,
    /// The most bytes read from one file in one turn; 1 MiB by default.
    pub max_turn_bytes: usize,
    /// The most unread bytes for which a deleted file is kept while nothing may be read; 256 MiB by
    /// default. The file system gets the space back only when the file is closed.
    pub max_deleted_bytes: u64,
    /// From how many positions of files that are not followed on those are forgotten of which nothing is
    /// left; 1,024 by default.
    pub max_positions: usize,
    /// Files and folders of `logrotate`'s configuration, which tell where rotated logs go (`olddir`); the
    /// usual ones by default.
    pub logrotate: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            start_at: StartAt::End,
            scan_interval: Duration::from_secs(1),
            max_turn_bytes: 1 << 20,
            max_deleted_bytes: 256 << 20,
            max_positions: 1024,
            logrotate: vec!["/etc/logrotate.conf".into(), "/etc/logrotate.d".into()],
        }
    }
}

/// Whether there is room for what would be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Read on.
    Allowed,
    /// Only watch: the log itself holds the bytes. Deleted files alone are read on, for nobody else
    /// holds theirs.
    Paused,
    /// Only watch, whatever becomes of the files.
    Stopped,
}

/// What is known at a start of how far was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// When the agent was started for the first time, in milliseconds since 1970-01-01 UTC. What was
    /// rotated away before is none of its concern.
    pub first_start_ms: i64,
    /// How far each file was read. `None` at the first start of all, at which [`Settings::start_at`]
    /// counts.
    pub checkpoints: Option<Vec<Checkpoint>>,
}

impl History {
    /// Returns the history at the first start of all, which is now.
    #[must_use]
    pub const fn none(now_ms: i64) -> Self {
        Self { first_start_ms: now_ms, checkpoints: None }
    }
}
