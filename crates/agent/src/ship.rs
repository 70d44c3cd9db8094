//! Sends what is in the buffer, oldest first, one batch at a time.
//!
//! A batch leaves the buffer only when the listener has confirmed it. Everything else is a pause of some
//! length: the circuit breaker's, the one that the listener asks for, or one until the operator has
//! mended what is wrong.

pub mod breaker;
mod client;
mod delivery;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

pub use breaker::CircuitBreaker;
use breaker::Permission;
pub use client::{Client, Error, Settings};
pub use delivery::Delivery;

use crate::{
    batch::SealedBatch,
    buffer::{self, Buffer},
    shutdown::Shutdown,
};

/// The buffer, as both the reading and the sending thread hold it.
pub type SharedBuffer = Arc<Mutex<Buffer>>;

/// The two clocks that sending needs.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Any clock that never goes back.
    pub monotonic: Duration,
    /// The time of day.
    pub wall: SystemTime,
}

/// Why sending stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// The buffer is empty.
    Empty,
    /// The agent is to stop.
    Stopped,
    /// Nothing more is to be sent before this moment of the monotonic clock.
    Pause {
        /// The moment.
        until: Duration,
    },
}

/// How long to wait after the first failure; the wait doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait between two failures before the breaker opens.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How long to wait where the listener asks for a pause without saying how long.
const BUSY_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait where only the operator can mend what is wrong: soon at first, then rarely.
const FIRST_HOLD: Duration = Duration::from_secs(2);
/// The longest such wait.
const MAX_HOLD: Duration = Duration::from_secs(60);

/// Carries batches from the buffer to the listener.
#[derive(Debug)]
pub struct Shipper {
    buffer: SharedBuffer,
    client: Client,
    breaker: CircuitBreaker,
    /// Nothing is sent before this moment, whatever the breaker says.
    paused_until: Duration,
    /// Answers in a row that only the operator can do something about.
    holds: u32,
}

impl Shipper {
    /// Makes a shipper.
    #[must_use]
    pub const fn new(buffer: SharedBuffer, client: Client, breaker: CircuitBreaker) -> Self {
        Self { buffer, client, breaker, paused_until: Duration::ZERO, holds: 0 }
    }

    /// Returns the breaker.
    #[must_use]
    pub const fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// Sends batches until the buffer is empty or there is a reason to pause or to stop. The breaker is
    /// asked before each one. `clock` reads the time.
    ///
    /// # Errors
    /// Those of the buffer.
    pub async fn flush(
        &mut self,
        shutdown: &Shutdown,
        clock: &impl Fn() -> Now,
    ) -> Result<Flushed, buffer::Error> {
        loop {
            if shutdown.is_requested() {
                return Ok(Flushed::Stopped);
            }
            let now = clock();
            if now.monotonic < self.paused_until {
                return Ok(Flushed::Pause { until: self.paused_until });
            }
            let Some(waiting) = self.with_buffer(|buffer| buffer.peek(&[], 0))? else {
                return Ok(Flushed::Empty);
            };
            let permission = self.breaker.allow(now.monotonic);
            self.log_transition();
            if let Permission::Denied { until } = permission {
                return Ok(Flushed::Pause { until });
            }
            let delivery = self.client.send(&waiting.batch, now.wall).await;
            if let Delivery::Delivered { .. } = delivery {
                self.with_buffer(|buffer| buffer.ack(waiting.seq))?;
            }
            self.record(&delivery, clock().monotonic);
        }
    }

    /// Sends a batch that is not in the buffer, where the breaker has nothing against it: a snapshot
    /// that the next one replaces.
    pub async fn send_snapshot(&mut self, batch: &SealedBatch, clock: &impl Fn() -> Now) {
        let now = clock();
        let is_open = self.breaker.state() != wire::BreakerState::Closed;
        if is_open || now.monotonic < self.paused_until {
            return;
        }
        let delivery = self.client.send(batch, now.wall).await;
        // An old listener does not know the source, which says nothing about its health.
        if !matches!(delivery, Delivery::Rejected { .. }) {
            self.record(&delivery, clock().monotonic);
        }
    }

    fn with_buffer<T>(
        &self,
        work: impl FnOnce(&mut Buffer) -> Result<T, buffer::Error>,
    ) -> Result<T, buffer::Error> {
        work(&mut self.buffer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Draws the consequences of a request.
    fn record(&mut self, delivery: &Delivery, now: Duration) {
        if let Delivery::Failed { why } = delivery {
            self.breaker.record_failure(now);
            let failures = self.breaker.consecutive_failures();
            tracing::warn!(
                why,
                failures,
                "the listener did not take a batch; it stays in the buffer"
            );
            self.paused_until = now + doubled(FIRST_BACKOFF, failures, MAX_BACKOFF);
        } else {
            // Whatever it said, it is there and answers.
            self.breaker.record_success();
        }
        self.log_transition();
        match delivery {
            Delivery::Delivered { .. } => self.resume(),
            Delivery::Failed { .. } => {}
            Delivery::Busy { retry_after } => {
                let pause = retry_after.unwrap_or(BUSY_PAUSE);
                tracing::info!(pause_s = pause.as_secs(), "the listener asks for a pause");
                self.paused_until = now + pause;
            }
            Delivery::Held { hint, why } => self.hold(hint, why, now),
            Delivery::TooLarge { why } => self.hold(TOO_LARGE, why, now),
            Delivery::Rejected { why } => self.hold(REJECTED, why, now),
        }
    }

    fn hold(&mut self, hint: &str, why: &str, now: Duration) {
        self.holds = self.holds.saturating_add(1);
        let pause = doubled(FIRST_HOLD, self.holds, MAX_HOLD);
        self.paused_until = now + pause;
        let again_in_s = pause.as_secs();
        tracing::error!(why, hint, again_in_s, "the listener refuses; all data is kept");
    }

    fn resume(&mut self) {
        if self.holds > 0 {
            tracing::info!("the listener takes data again");
        }
        self.holds = 0;
    }

    fn log_transition(&mut self) {
        if let Some(change) = self.breaker.take_transition() {
            let (from, to) = (change.from.as_str(), change.to.as_str());
            tracing::warn!(from, to, "circuit breaker changed its state");
        }
    }
}

const TOO_LARGE: &str = "raise the body limit of the listener, or of the proxy before it";
const REJECTED: &str =
    "the listener finds fault with the data: update it, or report this with its words";

/// The `times`-th wait of a series that doubles.
fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(times.saturating_sub(1))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let wait = |times| doubled(FIRST_BACKOFF, times, MAX_BACKOFF).as_millis();
        assert_eq!([1, 2, 3, 4, 100].map(wait), [200, 400, 800, 1600, 5000]);
    }
}
