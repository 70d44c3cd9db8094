//! The only place where the agent reads a clock.

use std::time::{Duration, Instant, SystemTime};

use crate::ship::Now;

/// The clocks of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    started: Instant,
}

impl Clocks {
    #[expect(clippy::disallowed_methods, reason = "the agent's one source of time")]
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the agent's one source of time")]
    pub(super) fn now(&self) -> Now {
        Now { monotonic: self.started.elapsed(), wall: SystemTime::now() }
    }

    /// The time of day in seconds since 1970-01-01 UTC.
    pub(super) fn now_s(&self) -> f64 {
        self.since_1970().as_secs_f64()
    }

    /// The time of day in milliseconds since 1970-01-01 UTC.
    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.since_1970().as_millis()).unwrap_or(i64::MAX)
    }

    /// The time of day as logs have it.
    pub(super) fn timestamp(&self) -> pglog::Timestamp {
        let micros = i64::try_from(self.since_1970().as_micros()).unwrap_or(i64::MAX);
        pglog::Timestamp::from_micros(micros, pglog::Precision::Micros)
    }

    fn since_1970(&self) -> Duration {
        self.now().wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}
