//! What sending tells about itself, for whoever asks while it goes on.

use std::time::Duration;

use serde::Serialize;
use wire::{BreakerHealth, BreakerState, Source};

use crate::ship::{CircuitBreaker, Delivery};

/// Upper bounds of the buckets in which requests are counted by how long they took, in seconds.
pub const LATENCY_BUCKETS: [f64; 11] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What became of requests, by [`Delivery`].
pub const OUTCOMES: [&str; 6] = ["delivered", "failed", "busy", "held", "too_large", "rejected"];

/// How sending is going.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// The circuit breaker.
    pub breaker: BreakerHealth,
    /// Sources that the listener refuses as a whole.
    pub held_sources: Vec<Source>,
    /// Requests by outcome, in the order of [`OUTCOMES`].
    #[serde(skip)]
    pub requests: [u64; OUTCOMES.len()],
    /// Requests by how long they took: one count for each of [`LATENCY_BUCKETS`], and one beyond.
    #[serde(skip)]
    pub latency: [u64; LATENCY_BUCKETS.len() + 1],
    /// How long all requests together took, in seconds.
    #[serde(skip)]
    pub latency_sum_s: f64,
    /// What the listener said the last time it did not take a batch, until it takes one.
    pub last_problem: Option<String>,
    /// When a batch was last delivered, in milliseconds since 1970-01-01 UTC.
    pub last_delivery_ms: Option<i64>,
}

impl Default for Progress {
    fn default() -> Self {
        let breaker =
            BreakerHealth { state: BreakerState::Closed, consecutive_failures: 0, opened_total: 0 };
        Self {
            breaker,
            held_sources: Vec::new(),
            requests: [0; OUTCOMES.len()],
            latency: [0; LATENCY_BUCKETS.len() + 1],
            latency_sum_s: 0.0,
            last_problem: None,
            last_delivery_ms: None,
        }
    }
}

impl Progress {
    /// Takes over the state of the breaker.
    pub(crate) fn set_breaker(&mut self, breaker: &CircuitBreaker) {
        self.breaker = BreakerHealth {
            state: breaker.state(),
            consecutive_failures: breaker.consecutive_failures(),
            opened_total: breaker.opened_total(),
        };
    }

    /// Counts a request.
    pub(crate) fn count(&mut self, delivery: &Delivery, took: Duration, now_ms: i64) {
        let (outcome, problem) = match delivery {
            Delivery::Delivered { .. } => ("delivered", None),
            Delivery::Failed { why } => ("failed", Some(why.clone())),
            Delivery::Busy { .. } => ("busy", Some("it asks for a pause".to_owned())),
            Delivery::Held { why, hint } => ("held", Some(format!("{why} ({hint})"))),
            Delivery::TooLarge { why } => ("too_large", Some(why.clone())),
            Delivery::Rejected { why } => ("rejected", Some(why.clone())),
        };
        if problem.is_none() {
            self.last_delivery_ms = Some(now_ms);
        }
        self.last_problem = problem;
        let count = OUTCOMES.iter().position(|known| *known == outcome);
        if let Some(count) = count.and_then(|index| self.requests.get_mut(index)) {
            *count += 1;
        }
        let seconds = took.as_secs_f64();
        self.latency_sum_s += seconds;
        let bucket = LATENCY_BUCKETS.iter().position(|bound| seconds <= *bound);
        if let Some(count) = self.latency.get_mut(bucket.unwrap_or(LATENCY_BUCKETS.len())) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_outcome_and_time() {
        let mut progress = Progress::default();
        let failed = Delivery::Failed { why: "reset".to_owned() };
        progress.count(&failed, Duration::from_secs(60), 1);
        progress.count(&failed, Duration::from_millis(7), 2);
        assert_eq!(progress.last_problem.as_deref(), Some("reset"));
        progress.count(&Delivery::Delivered { duplicate: false }, Duration::from_millis(5), 3);
        assert_eq!(progress.requests, [1, 2, 0, 0, 0, 0]);
        assert_eq!(progress.latency, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((progress.last_problem, progress.last_delivery_ms), (None, Some(3)));
    }
}
