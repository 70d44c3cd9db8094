//! Sends what is in the buffer, oldest first, one batch at a time.
//!
//! A batch leaves the buffer only when the listener has confirmed it, or has refused it for good; then it
//! is among the dead letters. Everything else is a pause of some length: the circuit breaker's, the one
//! that the listener asks for, or one until the operator has mended what is wrong.

pub mod breaker;
mod client;
mod delivery;
mod jitter;
mod pace;
mod progress;
mod refusal;
pub mod tls;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

pub use breaker::CircuitBreaker;
use breaker::{Memory, Permission, Ticket};
pub use client::{Client, Error, Settings};
pub(crate) use client::{bearer, exchange, http_client, without_marks};
pub use delivery::Delivery;
pub(crate) use pace::Pace;
pub use progress::{LATENCY_BUCKETS, OUTCOMES, Progress};
use refusal::{Refusals, Verdict};

use crate::{
    batch::SealedBatch,
    buffer::{self, Buffer, Waiting},
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

impl Now {
    /// Returns the time of day in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        let since_1970 = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Why sending stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// The buffer is empty, or holds nothing but sources that the listener refuses.
    Empty {
        /// When such a source is to be tried again.
        until: Option<Duration>,
    },
    /// The agent is to stop.
    Stopped,
    /// The time for it is over.
    Due,
    /// Nothing more is to be sent before this moment of the monotonic clock.
    Pause {
        /// The moment.
        until: Duration,
    },
}

/// How often a key file is looked at while the listener refuses the key.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// What is remembered in the buffer for the next start.
const FAILURES_KEY: &str = "breaker failures";
const CLOSED_OFF_KEY: &str = "breaker closed off until ms";
const ADDRESS_KEY: &str = "breaker address";

/// Carries batches from the buffer to the listener.
#[derive(Debug)]
pub struct Shipper {
    buffer: SharedBuffer,
    client: Client,
    breaker: CircuitBreaker,
    /// What the buffer remembers of the breaker.
    remembered: Memory,
    pace: Pace,
    refusals: Refusals,
    /// The smallest body that was too large; larger ones are halved before they are sent.
    too_large_bytes: usize,
    progress: Arc<Mutex<Progress>>,
}

impl Shipper {
    /// Makes a shipper whose breaker goes on where the one before the restart stopped. `seed` is any
    /// number; it varies waits between agents.
    ///
    /// # Errors
    /// Those of the buffer.
    pub fn open(
        buffer: SharedBuffer,
        client: Client,
        breaker: breaker::Settings,
        seed: u64,
        now: Now,
    ) -> Result<Self, buffer::Error> {
        let recalled = {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            let address = client.address_hash();
            // What is known of another listener says nothing about this one.
            if buffer.recall(ADDRESS_KEY)?.is_some_and(|known| known != address) {
                buffer.remember(FAILURES_KEY, 0)?;
                buffer.remember(CLOSED_OFF_KEY, 0)?;
            }
            buffer.remember(ADDRESS_KEY, address)?;
            (buffer.recall(FAILURES_KEY)?, buffer.recall(CLOSED_OFF_KEY)?)
        };
        let failures = recalled.0.unwrap_or(0).clamp(0, i64::from(breaker.fail_max));
        let closed_off_ms = recalled.1.unwrap_or(0).saturating_sub(now.wall_ms()).max(0);
        let memory = Memory {
            consecutive_failures: u32::try_from(failures).unwrap_or(0),
            closed_off: Duration::from_millis(closed_off_ms.unsigned_abs()),
        };
        Ok(Self {
            buffer,
            client,
            breaker: CircuitBreaker::restore(breaker, seed, memory, now.monotonic),
            remembered: memory,
            pace: Pace::new(seed.rotate_left(32)),
            refusals: Refusals::default(),
            too_large_bytes: usize::MAX,
            progress: Arc::default(),
        })
    }

    /// Returns what sending tells about itself, also while it goes on.
    #[must_use]
    pub fn progress(&self) -> Arc<Mutex<Progress>> {
        Arc::clone(&self.progress)
    }

    /// Returns the breaker.
    #[must_use]
    pub const fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// Returns the sources that the listener refuses as a whole, and that are kept.
    #[must_use]
    pub fn held_sources(&self) -> Vec<wire::Source> {
        self.refusals.held()
    }

    /// Sends batches until the buffer is empty, there is a reason to pause or to stop, or `deadline` of
    /// the monotonic clock has come. The breaker is asked before each one. `clock` reads the time.
    ///
    /// # Errors
    /// Those of the buffer.
    pub async fn flush(
        &mut self,
        shutdown: &Shutdown,
        deadline: Duration,
        clock: &impl Fn() -> Now,
    ) -> Result<Flushed, buffer::Error> {
        loop {
            let now = clock();
            if shutdown.is_requested() {
                return Ok(Flushed::Stopped);
            }
            if now.monotonic >= deadline {
                return Ok(Flushed::Due);
            }
            if let Some(until) = self.pause_until(now.monotonic) {
                return Ok(Flushed::Pause { until });
            }
            let Some(waiting) = self.next(now.monotonic)? else {
                return Ok(Flushed::Empty { until: self.refusals.next_trial() });
            };
            if waiting.batch.body.len() >= self.too_large_bytes && self.halve(&waiting)? {
                continue;
            }
            let ticket = match self.allow(now)? {
                Permission::Granted(ticket) => ticket,
                Permission::Denied { until } => return Ok(Flushed::Pause { until }),
            };
            let delivery = self.client.send(&waiting.batch, now.wall).await;
            let answered = clock();
            let took = answered.monotonic.saturating_sub(now.monotonic);
            self.tell(|progress| progress.count(&delivery, took, answered.wall_ms()));
            self.record(ticket, &delivery, answered)?;
            self.settle(&waiting, &delivery, answered)?;
        }
    }

    /// Sends a batch that is not in the buffer, where the breaker has nothing against it: a snapshot
    /// that the next one replaces.
    ///
    /// # Errors
    /// Those of the buffer.
    pub async fn send_snapshot(
        &mut self,
        batch: &SealedBatch,
        clock: &impl Fn() -> Now,
    ) -> Result<(), buffer::Error> {
        let now = clock();
        let is_open = self.breaker.state() != wire::BreakerState::Closed;
        if is_open || self.pace.is_held() || now.monotonic < self.pace.until() {
            return Ok(());
        }
        let Permission::Granted(ticket) = self.allow(now)? else { return Ok(()) };
        let delivery = self.client.send(batch, now.wall).await;
        // An old listener does not know the source, which says nothing about its health.
        if matches!(delivery, Delivery::Rejected { .. } | Delivery::TooLarge { .. }) {
            return Ok(());
        }
        let answered = clock();
        let took = answered.monotonic.saturating_sub(now.monotonic);
        self.tell(|progress| progress.count(&delivery, took, answered.wall_ms()));
        match delivery {
            Delivery::Delivered { .. } => Ok(()),
            _ => self.record(ticket, &delivery, answered),
        }
    }

    /// Returns until when nothing is to be sent. A key that was changed ends the wait for one.
    fn pause_until(&mut self, now: Duration) -> Option<Duration> {
        if now >= self.pace.until() {
            return None;
        }
        if !self.pace.is_held() {
            return Some(self.pace.until());
        }
        if self.client.refresh_key() {
            tracing::info!("the key file holds another key; trying it");
            self.pace.try_again();
            return None;
        }
        Some(self.pace.until().min(now + KEY_INTERVAL))
    }

    /// Returns the batch to be sent: the oldest one, but where a source as a whole seems to be refused
    /// the newest of it.
    fn next(&mut self, now: Duration) -> Result<Option<Waiting>, buffer::Error> {
        for source in self.refusals.to_try(now) {
            match self.with_buffer(|buffer| buffer.peek_newest(source))? {
                Some(newest) if self.refusals.is_evidence(&newest) => return Ok(Some(newest)),
                Some(_) => {}
                None => self.refusals.forget(source),
            }
        }
        let held = self.refusals.held();
        self.with_buffer(|buffer| buffer.peek(&held))
    }

    /// Asks the breaker. What it knows is stored before the request that it grants can go wrong.
    fn allow(&mut self, now: Now) -> Result<Permission, buffer::Error> {
        let permission = self.breaker.allow(now.monotonic);
        self.remember(now)?;
        Ok(permission)
    }

    /// Draws the consequences of an answer for what is sent next, and when.
    fn record(
        &mut self,
        ticket: Ticket,
        delivery: &Delivery,
        now: Now,
    ) -> Result<(), buffer::Error> {
        let is_back = self.breaker.state() != wire::BreakerState::Closed || self.pace.is_held();
        if let Delivery::Failed { why } = delivery {
            self.breaker.record_failure(ticket, now.monotonic);
            let failures = self.breaker.consecutive_failures();
            tracing::warn!(
                why,
                failures,
                "the listener did not take a batch; it stays in the buffer"
            );
            self.pace.back_off(failures, now.monotonic);
        } else {
            // Whatever it said, it is there and answers.
            self.breaker.record_success(ticket);
        }
        self.remember(now)?;
        match delivery {
            Delivery::Failed { .. } => {}
            Delivery::Busy { retry_after } => {
                let pause = self.pace.pause(*retry_after, now.monotonic);
                tracing::info!(pause_s = pause.as_secs(), "the listener asks for a pause");
            }
            Delivery::Held { hint, why } => {
                let again_in_s = self.pace.hold(now.monotonic).as_secs();
                tracing::error!(why, hint, again_in_s, "the listener refuses; all data is kept");
            }
            _ if is_back => {
                tracing::info!("the listener takes data again");
                self.pace.recover(now.monotonic);
            }
            _ => self.pace.go_on(now.monotonic),
        }
        Ok(())
    }

    /// Draws the consequences of an answer for the batch.
    fn settle(
        &mut self,
        waiting: &Waiting,
        delivery: &Delivery,
        now: Now,
    ) -> Result<(), buffer::Error> {
        match delivery {
            Delivery::Delivered { .. } => {
                self.with_buffer(|buffer| buffer.ack(waiting.seq))?;
                let source = waiting.batch.source;
                if self.refusals.taken(source) {
                    tracing::info!(%source, "the listener takes this source again");
                }
                Ok(())
            }
            Delivery::TooLarge { why } => {
                self.too_large_bytes = self.too_large_bytes.min(waiting.batch.body.len());
                if !self.halve(waiting)? {
                    self.bury(waiting, why, now)?;
                }
                Ok(())
            }
            Delivery::Rejected { why } => {
                self.reject(waiting, why, now)?;
                self.tell(|_| ());
                Ok(())
            }
            Delivery::Failed { .. } | Delivery::Busy { .. } | Delivery::Held { .. } => Ok(()),
        }
    }

    /// Deals with a batch whose content is refused.
    fn reject(&mut self, waiting: &Waiting, why: &str, now: Now) -> Result<(), buffer::Error> {
        match self.refusals.refused(waiting, now.monotonic) {
            Verdict::Bisect => {
                if !self.halve(waiting)?
                    && let Some(number) = self.bury(waiting, why, now)?
                {
                    self.refusals.buried(waiting, number);
                }
            }
            Verdict::Hold { pause, revive } => {
                self.with_buffer(|buffer| buffer.revive(&revive))?;
                let (source, again_in_s) = (waiting.batch.source, pause.as_secs());
                let hint = "update the listener, or report this with its words";
                tracing::error!(
                    why,
                    %source,
                    again_in_s,
                    hint,
                    "the listener refuses all of a source; its data is kept"
                );
            }
        }
        Ok(())
    }

    /// Puts the halves of a batch in its place. Returns false where it cannot be halved.
    fn halve(&self, waiting: &Waiting) -> Result<bool, buffer::Error> {
        match waiting.batch.split() {
            Some(halves) => self.with_buffer(|buffer| buffer.split(waiting.seq, &halves)),
            None => Ok(false),
        }
    }

    /// Sets a batch aside, with the listener's words.
    fn bury(&self, waiting: &Waiting, why: &str, now: Now) -> Result<Option<i64>, buffer::Error> {
        let now_ms = now.wall_ms();
        let number = self.with_buffer(|buffer| buffer.bury(waiting.seq, why, now_ms))?;
        let (entries, source) = (waiting.batch.entries, waiting.batch.source);
        let hint = "look at it with: pgcourier buffer dead-letters list";
        tracing::error!(why, number, entries, %source, hint, "the listener refuses an entry");
        Ok(number)
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        progress.set_breaker(&self.breaker);
        progress.held_sources = self.refusals.held();
    }

    fn with_buffer<T>(
        &self,
        work: impl FnOnce(&mut Buffer) -> Result<T, buffer::Error>,
    ) -> Result<T, buffer::Error> {
        work(&mut self.buffer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the operator of a change of the breaker, and stores what it knows where that has changed.
    fn remember(&mut self, now: Now) -> Result<(), buffer::Error> {
        let is_changed = match self.breaker.take_transition() {
            Some(change) => {
                let (from, to) = (change.from.as_str(), change.to.as_str());
                tracing::warn!(from, to, "circuit breaker changed its state");
                true
            }
            None => false,
        };
        self.tell(|_| ());
        let memory = self.breaker.memory(now.monotonic);
        if is_changed || memory.consecutive_failures != self.remembered.consecutive_failures {
            self.remembered = memory;
            let closed_off_ms = i64::try_from(memory.closed_off.as_millis()).unwrap_or(i64::MAX);
            let until_ms = match closed_off_ms {
                0 => 0,
                closed_off_ms => now.wall_ms().saturating_add(closed_off_ms),
            };
            self.with_buffer(|buffer| {
                buffer.remember(FAILURES_KEY, i64::from(memory.consecutive_failures))?;
                buffer.remember(CLOSED_OFF_KEY, until_ms)
            })?;
        }
        Ok(())
    }
}
