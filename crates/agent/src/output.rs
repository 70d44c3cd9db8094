//! Destinations besides the listener: each its own encoder, its own place in the queue, its own breaker.
//!
//! An output gets the entries of `pg_log` batches, in order. It fails alone: neither the listener nor
//! another output waits for it, but the buffer keeps what it has not taken. Most receivers cannot tell an
//! entry that comes twice, so after a crash, or an answer that was lost, they may get a batch again.

mod elastic;
mod encode;
mod gelf;
mod http;
mod lines;
mod loki;
mod metrics;
mod otlp;
mod protobuf;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use encode::Unpacked;
use http::Receiver;
pub use http::{Settings as HttpSettings, Token};
use lines::Target;
pub use metrics::{Exporter, Settings as MetricsSettings};

use crate::{
    buffer::{self, Buffer, ForOutput},
    ship::{
        self, CircuitBreaker, Delivery, Now, Pace, Progress, SharedBuffer,
        breaker::{self, Permission, Ticket},
    },
    shutdown::Shutdown,
};

/// How often the buffer is looked at while there is nothing to send.
const IDLE: Duration = Duration::from_millis(500);
/// The pause after the buffer could not be read or written.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// Entries refused one after the other, none taken between, that make it likely that all are.
const SUSPICIOUS: u64 = 3;

/// One output.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, under which the buffer knows its place.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Where entries go, and in which form.
#[derive(Debug, Clone)]
pub enum Kind {
    /// OTLP over HTTP: logs as protobuf.
    Otlp(HttpSettings),
    /// Loki's push API.
    Loki(HttpSettings),
    /// The bulk API of Elasticsearch and OpenSearch.
    Elasticsearch {
        /// Where to.
        http: HttpSettings,
        /// The index or data stream.
        index: String,
    },
    /// Any HTTP server that takes JSON lines.
    JsonLines(HttpSettings),
    /// Graylog's GELF over HTTP.
    GelfHttp(HttpSettings),
    /// Graylog's GELF over TCP, `host:port`.
    Gelf {
        /// The address.
        address: String,
        /// How long a connection and a batch may take.
        timeout: Duration,
    },
    /// A file, appended to. It may be renamed away at any time.
    File(PathBuf),
    /// The agent's stdout.
    Stdout,
}

/// What became of entries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sent {
    /// The receiver has them, but for some that it refused for good.
    Taken {
        /// How many it refused.
        rejected: u64,
        /// Its words.
        why: Option<String>,
    },
    /// It does not have them.
    Not(Delivery),
}

impl Sent {
    pub(crate) const ALL: Self = Self::Taken { rejected: 0, why: None };

    /// What it means that the network failed.
    pub(crate) fn failed(why: impl std::fmt::Display) -> Self {
        Self::Not(Delivery::Failed { why: why.to_string() })
    }

    /// What it means that the answer is not the receiver's.
    pub(crate) const fn not_answered(why: String) -> Self {
        let hint = "check the output's url: another server answers there";
        Self::Not(Delivery::Held { hint, why })
    }
}

/// The way out.
#[derive(Debug)]
enum Sink {
    Http(Box<Receiver>),
    Gelf(gelf::Gelf),
    Lines(Target),
}

/// Carries entries from the buffer to one output.
#[derive(Debug)]
pub struct Output {
    name: String,
    sink: Sink,
    buffer: SharedBuffer,
    breaker: CircuitBreaker,
    pace: Pace,
    progress: Arc<Mutex<Progress>>,
    pending: Option<Pending>,
    suspicion: Suspicion,
}

/// Whether it is the entries that are at fault, or the output that takes none.
#[derive(Debug)]
struct Suspicion {
    /// Entries refused one after the other.
    in_row: u64,
    /// How many of them raise it. They double each time that it turns out to be wrong.
    limit: u64,
    /// Whether the newest entry is to be tried: an output that takes it refuses not all.
    is_raised: bool,
}

impl Suspicion {
    const NONE: Self = Self { in_row: 0, limit: SUSPICIOUS, is_raised: false };

    /// Notes that an entry was refused. Tells whether that are too many.
    const fn refused(&mut self) -> bool {
        self.in_row += 1;
        self.is_raised = self.in_row >= self.limit;
        self.is_raised
    }

    /// The newest entry was taken, so it is the entries that are at fault.
    const fn disprove(&mut self) {
        *self = Self { in_row: 0, limit: self.limit.saturating_mul(2), is_raised: false };
    }
}

/// A batch of which not everything is sent.
#[derive(Debug)]
struct Pending {
    batch: ForOutput,
    unpacked: Unpacked,
    /// Parts that are still to be sent, the next one last.
    parts: Vec<std::ops::Range<usize>>,
    taken: u64,
    rejected: u64,
}

impl Pending {
    fn new(batch: ForOutput, max_entries: usize) -> Self {
        let unpacked = Unpacked::of(&batch.waiting.batch);
        let parts = Vec::new();
        let mut pending = Self { batch, unpacked, parts, taken: 0, rejected: 0 };
        pending.begin(max_entries);
        pending
    }

    /// Has all of it sent, so many entries at a time.
    fn begin(&mut self, max_entries: usize) {
        let end = self.unpacked.entries.len();
        let starts = (0..end).step_by(max_entries.max(1)).rev();
        self.parts =
            starts.map(|start| start..end.min(start.saturating_add(max_entries))).collect();
        self.rejected = 0;
    }
}

impl Sink {
    /// The most entries of one part.
    fn max_entries(&self) -> usize {
        match self {
            Self::Http(http) => http.max_entries(),
            Self::Gelf(_) | Self::Lines(_) => usize::MAX,
        }
    }
}

impl Output {
    /// Makes an output. It connects when it sends.
    ///
    /// # Errors
    /// Where the client cannot be set up.
    pub fn new(
        settings: &Settings,
        buffer: SharedBuffer,
        breaker: breaker::Settings,
        seed: u64,
    ) -> Result<Self, ship::Error> {
        let sink = match &settings.kind {
            Kind::Otlp(http) => Sink::Http(Box::new(Receiver::new(http, http::Form::Otlp)?)),
            Kind::Loki(http) => Sink::Http(Box::new(Receiver::new(http, http::Form::Loki)?)),
            Kind::JsonLines(http) => {
                Sink::Http(Box::new(Receiver::new(http, http::Form::JsonLines)?))
            }
            Kind::Elasticsearch { http, index } => {
                let form = http::Form::Elasticsearch { index: index.clone() };
                Sink::Http(Box::new(Receiver::new(http, form)?))
            }
            Kind::GelfHttp(http) => Sink::Http(Box::new(Receiver::new(http, http::Form::Gelf)?)),
            Kind::Gelf { address, timeout } => Sink::Gelf(gelf::Gelf::new(address, *timeout)),
            Kind::File(path) => Sink::Lines(Target::File(path.clone())),
            Kind::Stdout => Sink::Lines(Target::Stdout),
        };
        Ok(Self {
            name: settings.name.clone(),
            sink,
            buffer,
            breaker: CircuitBreaker::new(breaker, seed),
            pace: Pace::new(seed),
            progress: Arc::default(),
            pending: None,
            suspicion: Suspicion::NONE,
        })
    }

    /// Returns the output's name, and what it tells about itself while it works.
    #[must_use]
    pub fn progress(&self) -> (String, Arc<Mutex<Progress>>) {
        (self.name.clone(), Arc::clone(&self.progress))
    }

    /// Sends until it is told to stop.
    pub async fn run(mut self, shutdown: Shutdown, clock: impl Fn() -> Now) {
        while !shutdown.is_requested() {
            let pause = self.turn(&clock).await.unwrap_or_else(|error| {
                let output = &self.name;
                tracing::error!(output, %error, "cannot use the buffer");
                AFTER_ERROR
            });
            if pause > Duration::ZERO {
                tokio::select! {
                    () = shutdown.requested() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// Sends one part of a batch, if there is one and nothing is against it. Returns how long to wait
    /// before the next.
    ///
    /// # Errors
    /// Those of the buffer.
    pub async fn turn(&mut self, clock: &impl Fn() -> Now) -> Result<Duration, buffer::Error> {
        let now = clock();
        if now.monotonic < self.pace.until() {
            return Ok(self.pace.until() - now.monotonic);
        }
        if self.pending.is_none() {
            let next = self.with_buffer(Buffer::peek_for)?;
            let Some(next) = next else { return Ok(IDLE) };
            self.pending = Some(Pending::new(next, self.sink.max_entries()));
        }
        let Some(pending) = &self.pending else { return Ok(IDLE) };
        let Some(part) = pending.parts.last().cloned() else {
            self.finish()?;
            return Ok(Duration::ZERO);
        };
        let newest = match self.suspicion.is_raised {
            true => self.with_buffer(|buffer, _| buffer.newest_behind(&pending.batch))?,
            false => None,
        };
        let newest = newest.map(|newest| Unpacked::of(&newest.batch));
        let (unpacked, part) = match &newest {
            Some(newest) => (newest, newest.entries.len().saturating_sub(1)..newest.entries.len()),
            None => (&pending.unpacked, part),
        };
        let ticket = match self.breaker.allow(now.monotonic) {
            Permission::Granted(ticket) => ticket,
            Permission::Denied { until } => return Ok(until.saturating_sub(now.monotonic)),
        };
        let sent = match &mut self.sink {
            Sink::Http(http) => http.send(unpacked, part, now.wall).await,
            Sink::Gelf(gelf) => gelf.send(unpacked, part).await,
            Sink::Lines(target) => lines::write(target, unpacked, part).await,
        };
        let answered = clock();
        let took = answered.monotonic.saturating_sub(now.monotonic);
        self.record(ticket, &sent, took, answered);
        if newest.is_some() {
            self.judge(&sent, answered.monotonic);
        } else {
            self.conclude(&sent, answered.monotonic);
        }
        Ok(Duration::ZERO)
    }

    /// Notes that a batch is done with.
    fn finish(&mut self) -> Result<(), buffer::Error> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let (taken, rejected) = (pending.taken, pending.rejected);
        self.with_buffer(|buffer, name| buffer.advance(name, &pending.batch, taken, rejected))
    }

    /// Draws the consequences of an answer for what is sent next, and when.
    fn record(&mut self, ticket: Ticket, sent: &Sent, took: Duration, now: Now) {
        let is_back = self.breaker.state() != wire::BreakerState::Closed || self.pace.is_held();
        let delivery = match sent {
            Sent::Taken { .. } => Delivery::Delivered { duplicate: false },
            Sent::Not(delivery) => delivery.clone(),
        };
        if matches!(delivery, Delivery::Failed { .. }) {
            self.breaker.record_failure(ticket, now.monotonic);
        } else {
            self.breaker.record_success(ticket);
        }
        if let Some(change) = self.breaker.take_transition() {
            let (from, to) = (change.from.as_str(), change.to.as_str());
            tracing::warn!(output = self.name, from, to, "circuit breaker changed its state");
        }
        {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.count(&delivery, took, now.wall_ms());
            progress.set_breaker(&self.breaker);
        }
        match sent {
            Sent::Taken { .. } if is_back => self.pace.recover(now.monotonic),
            Sent::Taken { .. } => self.pace.go_on(now.monotonic),
            Sent::Not(_) => {}
        }
    }

    /// Draws the consequences of the answer to a part.
    fn conclude(&mut self, sent: &Sent, now: Duration) {
        match sent {
            Sent::Taken { rejected, why } => self.take(*rejected, why.as_deref()),
            Sent::Not(delivery) => self.retry(delivery, now),
        }
    }

    /// Draws the consequences of the answer to the newest entry.
    fn judge(&mut self, sent: &Sent, now: Duration) {
        match sent {
            Sent::Taken { rejected: 0, .. } => {
                tracing::info!(output = self.name, "the output takes newer entries; going on");
                self.suspicion.disprove();
            }
            Sent::Taken { why, .. } => self.hold(why.as_deref().unwrap_or_default(), now),
            Sent::Not(Delivery::TooLarge { why } | Delivery::Rejected { why }) => {
                self.hold(why, now);
            }
            Sent::Not(delivery) => self.retry(delivery, now),
        }
    }

    /// Waits for the operator.
    fn hold(&mut self, why: &str, now: Duration) {
        let again_in_s = self.pace.hold(now).as_secs();
        let output = &self.name;
        tracing::error!(output, why, again_in_s, "the output refuses all; all data is kept");
    }

    /// Notes that the receiver has the part.
    fn take(&mut self, rejected: u64, why: Option<&str>) {
        let Some(pending) = &mut self.pending else { return };
        let Some(part) = pending.parts.pop() else { return };
        let taken = (part.len() as u64).saturating_sub(rejected);
        pending.rejected += rejected;
        pending.taken += taken;
        if taken > 0 {
            self.suspicion = Suspicion::NONE;
        }
        if rejected > 0 {
            let output = &self.name;
            tracing::error!(output, rejected, why, "the output refuses entries for good");
        }
    }

    /// Decides how to go on with a part that the receiver does not have.
    fn retry(&mut self, delivery: &Delivery, now: Duration) {
        let output = &self.name;
        match delivery {
            Delivery::Delivered { .. } => {}
            Delivery::Failed { why } => {
                let failures = self.breaker.consecutive_failures();
                tracing::warn!(output, why, failures, "the output did not take a batch");
                self.pace.back_off(failures, now);
            }
            Delivery::Busy { retry_after } => {
                let pause_s = self.pace.pause(*retry_after, now).as_secs();
                tracing::info!(output, pause_s, "the output asks for a pause");
            }
            Delivery::Held { why, hint } => {
                let again_in_s = self.pace.hold(now).as_secs();
                tracing::error!(
                    output,
                    why,
                    hint,
                    again_in_s,
                    "the output refuses; all data is kept"
                );
            }
            Delivery::TooLarge { why } | Delivery::Rejected { why } => self.bisect(why, now),
        }
    }

    /// Looks for the entry at fault.
    fn bisect(&mut self, why: &str, now: Duration) {
        let Some(pending) = &mut self.pending else { return };
        let Some(part) = pending.parts.pop() else { return };
        if part.len() > 1 {
            let middle = part.start + part.len().div_ceil(2);
            pending.parts.extend([middle..part.end, part.start..middle]);
            return;
        }
        pending.rejected += 1;
        if pending.taken == 0 && self.suspicion.refused() {
            pending.begin(self.sink.max_entries());
            self.hold(why, now);
            return;
        }
        tracing::error!(output = self.name, why, "the output refuses an entry for good");
    }

    fn with_buffer<T>(
        &self,
        work: impl FnOnce(&mut Buffer, &str) -> Result<T, buffer::Error>,
    ) -> Result<T, buffer::Error> {
        work(&mut self.buffer.lock().unwrap_or_else(PoisonError::into_inner), &self.name)
    }
}
