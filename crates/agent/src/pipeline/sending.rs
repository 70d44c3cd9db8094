//! The sending thread: batches from the buffer to the listener.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use uuid::Uuid;
use wire::{BatchId, Payload, Source};

use crate::{
    batch::{Encoding, SealedBatch},
    pipeline::clock::Clocks,
    ship::{Flushed, Shipper},
    shutdown::Shutdown,
    status::Overview,
};

/// How often the agent tells how it is.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// The pause after the buffer could not be read or written.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Sends until it is told to stop.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) shipper: Shipper,
    pub(super) overview: Overview,
    pub(super) stored: Arc<Notify>,
    pub(super) clocks: Clocks,
    pub(super) project: String,
}

impl Sender {
    /// Sends what there is, waits for more, and stops between two requests.
    pub(super) async fn run(mut self, shutdown: &Shutdown) {
        let clocks = self.clocks;
        let mut next_health = Duration::ZERO;
        while !shutdown.is_requested() {
            self.overview.status.note_sending(clocks.now().monotonic);
            let flushed = self.shipper.flush(shutdown, next_health, &|| clocks.now()).await;
            let flushed = flushed.unwrap_or_else(|error| {
                let hint = "see whether its file system is full or broken";
                tracing::error!(%error, hint, "cannot use the buffer");
                Flushed::Pause { until: clocks.now().monotonic + AFTER_ERROR }
            });
            if clocks.now().monotonic >= next_health {
                next_health = clocks.now().monotonic + HEALTH_INTERVAL;
                // Each of the two requests may take as long as listener.timeout_s lets it.
                self.overview.status.note_sending(clocks.now().monotonic);
                self.send_health().await;
            }
            let wake = match flushed {
                Flushed::Stopped => break,
                Flushed::Due => continue,
                Flushed::Empty { until } => until.unwrap_or(next_health).min(next_health),
                Flushed::Pause { until } => until.min(next_health),
            };
            // A new batch does not end the pause that a failure asked for.
            let is_empty = matches!(flushed, Flushed::Empty { .. });
            self.overview.status.set_caught_up(is_empty);
            let pause = wake.saturating_sub(clocks.now().monotonic);
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep(pause) => {}
                () = self.stored.notified(), if is_empty => {}
            }
        }
    }

    async fn send_health(&mut self) {
        let health = match self.overview.health() {
            Ok(health) => health,
            Err(error) => {
                tracing::error!(%error, "cannot read the buffer's account");
                return;
            }
        };
        let payload = Payload {
            correlation_id: String::new(),
            project: self.project.clone(),
            timestamp: self.clocks.now_s(),
            source: Source::AgentHealth,
            data: health,
        };
        let Ok(body) = serde_json::to_vec(&payload) else { return };
        let batch = SealedBatch {
            id: BatchId::new(Uuid::now_v7()),
            source: Source::AgentHealth,
            entries: 0,
            encoding: Encoding::Identity,
            body,
        };
        let clocks = self.clocks;
        if let Err(error) = self.shipper.send_snapshot(&batch, &|| clocks.now()).await {
            tracing::error!(%error, "cannot use the buffer");
        }
    }
}
