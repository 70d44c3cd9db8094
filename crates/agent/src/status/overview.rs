//! The whole agent at a moment.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use wire::{AgentHealth, BufferHealth};

use crate::{
    buffer::{self, Destination, Stats},
    ship::{Now, Progress, SharedBuffer},
    status::{Status, Tally},
};

/// Where an overview comes from.
#[derive(Clone)]
pub struct Overview {
    /// The agent's name.
    pub agent: String,
    /// When it started, in seconds since 1970-01-01 UTC.
    pub started_at: f64,
    /// The buffer.
    pub buffer: SharedBuffer,
    /// What reading tells.
    pub status: Arc<Status>,
    /// What sending tells.
    pub progress: Arc<Mutex<Progress>>,
    /// What outputs tell, by their names.
    pub outputs: Vec<(String, Arc<Mutex<Progress>>)>,
    /// What outputs of metrics tell, by their names.
    pub exports: Vec<(String, Arc<Mutex<Export>>)>,
    /// Reads the clocks.
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
}

/// An overview of a moment.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// What is told the listener as well.
    #[serde(flatten)]
    pub health: AgentHealth,
    /// The buffer in more detail.
    pub stats: BufferDetail,
    /// Sending.
    pub sending: Progress,
    /// The outputs.
    pub outputs: Vec<OutputStatus>,
    /// The outputs of metrics.
    pub exports: Vec<ExportStatus>,
    /// Entries read since the start, by level and event.
    #[serde(skip)]
    pub tally: Tally,
    /// The files, with their lag in seconds.
    pub file_lags: Vec<FileStatus>,
    /// How long the slower of reading and sending has not gone round its loop, in seconds.
    pub standstill_s: f64,
}

/// The buffer in more detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BufferDetail {
    /// Bytes that its folder takes on disk.
    pub disk_bytes: u64,
    /// Bytes of the batches that wait, compressed.
    pub body_bytes: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Whether a damaged database was made anew since the agent started.
    pub was_damaged: bool,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputStatus {
    /// Its name.
    pub name: String,
    /// Entries that it took.
    pub delivered: u64,
    /// Entries that it refused for good.
    pub rejected: u64,
    /// Entries that were dropped from the full buffer before it had them.
    pub lost: u64,
    /// Sending to it.
    pub sending: Progress,
}

/// What an output of metrics tells about itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Export {
    /// Data points that it took.
    pub delivered: u64,
    /// Data points that it refused.
    pub rejected: u64,
    /// Sending to it.
    pub sending: Progress,
}

/// One output of metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportStatus {
    /// Its name.
    pub name: String,
    /// Data points that it took.
    pub delivered: u64,
    /// Data points that it refused.
    pub rejected: u64,
    /// Sending to it.
    pub sending: Progress,
}

/// How long ago a file had been read to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileStatus {
    /// The file.
    pub path: String,
    /// The time in seconds.
    pub lag_s: f64,
}

impl Overview {
    /// Returns what is told the listener.
    ///
    /// # Errors
    /// Those of the buffer.
    pub fn health(&self) -> Result<AgentHealth, buffer::Error> {
        Ok(self.snapshot()?.health)
    }

    /// Returns everything.
    ///
    /// # Errors
    /// Those of the buffer.
    pub fn snapshot(&self) -> Result<Snapshot, buffer::Error> {
        let now = (self.clock)();
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = buffer.stats()?;
        let ledger = wire::Ledger { missed: self.status.missed(), ..buffer.ledger()? };
        let was_damaged = buffer.salvaged().is_some();
        let destinations = buffer.destinations()?;
        drop(buffer);
        let sending = self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lags = self.status.lags(now.monotonic).into_iter();
        let mut file_lags: Vec<FileStatus> =
            lags.map(|(path, lag)| FileStatus { path, lag_s: lag.as_secs_f64() }).collect();
        file_lags.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Snapshot {
            health: AgentHealth {
                agent: self.agent.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: self.started_at,
                breaker: sending.breaker.clone(),
                buffer: buffer_health(&stats, now),
                ledger,
                files: self.status.files(),
            },
            stats: BufferDetail {
                disk_bytes: stats.disk_bytes,
                body_bytes: stats.body_bytes,
                dead_letters: stats.dead_letters,
                was_damaged,
            },
            sending,
            outputs: destinations.into_iter().map(|known| self.output(known)).collect(),
            exports: self
                .exports
                .iter()
                .map(|(name, export)| export_status(name, export))
                .collect(),
            tally: self.status.tally(),
            file_lags,
            standstill_s: self.status.standstill(now.monotonic).as_secs_f64(),
        })
    }
}

impl Overview {
    fn output(&self, known: Destination) -> OutputStatus {
        let progress = self.outputs.iter().find(|(name, _)| *name == known.name);
        let sending = progress
            .map(|(_, progress)| progress.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let Destination { name, delivered, rejected, lost } = known;
        OutputStatus { name, delivered, rejected, lost, sending: sending.unwrap_or_default() }
    }
}

fn export_status(name: &str, export: &Mutex<Export>) -> ExportStatus {
    let export = export.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Export { delivered, rejected, sending } = export;
    ExportStatus { name: name.to_owned(), delivered, rejected, sending }
}

fn buffer_health(stats: &Stats, now: Now) -> BufferHealth {
    let age_ms = stats.oldest_ms.map_or(0, |oldest| now.wall_ms() - oldest).max(0);
    BufferHealth {
        batches: stats.batches,
        used_bytes: stats.used_bytes,
        max_bytes: stats.max_bytes,
        oldest_age_s: Duration::from_millis(age_ms.unsigned_abs()).as_secs_f64(),
    }
}

impl std::fmt::Debug for Overview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overview").field("agent", &self.agent).finish_non_exhaustive()
    }
}
