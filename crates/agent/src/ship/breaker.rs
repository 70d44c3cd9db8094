//! The circuit breaker: whether the listener is worth a request now.
//!
//! ```text
//!            5 failures in a row                    60 s, up to 10 % more
//!   Closed ───────────────────────▶ Open ──────────────────────────────▶ HalfOpen
//!     ▲                              ▲                                    │  one request
//!     │                              └──────────── it fails ──────────────┤
//!     └─────────────────────────────────────────── it succeeds ───────────┘
//! ```
//!
//! Time is an argument: any clock that never goes back.

use std::time::Duration;

use wire::BreakerState;

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row that open it; 5 by default.
    pub fail_max: u32,
    /// How long it stays open; 60 s by default, and up to a tenth longer, so that many agents do not
    /// come back at the same moment.
    pub reset_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { fail_max: 5, reset_timeout: Duration::from_secs(60) }
    }
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Send it, and record how it went.
    Granted,
    /// Send nothing before this moment.
    Denied {
        /// The moment.
        until: Duration,
    },
}

/// A change of state, to be told to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: BreakerState,
    /// The state after.
    pub to: BreakerState,
}

/// The breaker of one destination.
///
/// ```
/// use std::time::Duration;
/// use agent::ship::{CircuitBreaker, breaker::{Permission, Settings}};
///
/// let mut breaker = CircuitBreaker::new(Settings { fail_max: 1, ..Settings::default() }, 7);
/// let start = Duration::ZERO;
/// assert_eq!(breaker.allow(start), Permission::Granted);
/// breaker.record_failure(start);
/// assert!(matches!(breaker.allow(start), Permission::Denied { .. }));
/// assert_eq!(breaker.allow(start + Duration::from_secs(66)), Permission::Granted);
/// ```
#[derive(Debug)]
pub struct CircuitBreaker {
    settings: Settings,
    state: State,
    consecutive_failures: u32,
    opened_total: u64,
    /// State of the generator of the jitter.
    random: u64,
    /// A change that nobody has asked for yet.
    transition: Option<Transition>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open {
        until: Duration,
    },
    /// The one request is on its way. Without word of it until the deadline it counts as failed.
    HalfOpen {
        deadline: Duration,
    },
}

impl CircuitBreaker {
    /// Makes a closed breaker. `seed` is any number; it varies the jitter between agents.
    #[must_use]
    pub const fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            state: State::Closed,
            consecutive_failures: 0,
            opened_total: 0,
            random: seed,
            transition: None,
        }
    }

    /// Asks for permission to send one request. Once the reset time has passed one request is granted,
    /// and no other until it is recorded.
    pub fn allow(&mut self, now: Duration) -> Permission {
        match self.state {
            State::Closed => Permission::Granted,
            State::Open { until } if now < until => Permission::Denied { until },
            State::HalfOpen { deadline } if now < deadline => {
                Permission::Denied { until: deadline }
            }
            State::HalfOpen { .. } => {
                self.open(now);
                self.allow(now)
            }
            State::Open { .. } => {
                self.change(State::HalfOpen { deadline: now + self.settings.reset_timeout });
                Permission::Granted
            }
        }
    }

    /// Records that the listener answered as it should.
    pub fn record_success(&mut self) {
        self.consecutive_failures = 0;
        if !matches!(self.state, State::Closed) {
            self.change(State::Closed);
        }
    }

    /// Records that the listener did not answer, or answered that it cannot work.
    pub fn record_failure(&mut self, now: Duration) {
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        match self.state {
            State::Closed if self.consecutive_failures < self.settings.fail_max => {}
            State::Closed | State::HalfOpen { .. } => self.open(now),
            // The word of a request from before it opened.
            State::Open { .. } => {}
        }
    }

    /// Returns the state.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Returns the number of failures since the last success.
    #[must_use]
    pub const fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures
    }

    /// Returns how often the breaker has opened.
    #[must_use]
    pub const fn opened_total(&self) -> u64 {
        self.opened_total
    }

    /// Returns the last change of state, once.
    pub const fn take_transition(&mut self) -> Option<Transition> {
        self.transition.take()
    }

    fn open(&mut self, now: Duration) {
        self.opened_total += 1;
        let jitter = self.settings.reset_timeout.mul_f64(self.random_share() / 10.0);
        self.change(State::Open { until: now + self.settings.reset_timeout + jitter });
    }

    fn change(&mut self, state: State) {
        let from = self.state();
        self.state = state;
        self.transition = Some(Transition { from, to: self.state() });
    }

    /// Returns a number from 0 to 1 (splitmix64).
    fn random_share(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(high) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened_at_zero() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new(Settings::default(), 1);
        for _ in 0..5 {
            breaker.record_failure(Duration::ZERO);
        }
        breaker
    }

    #[test]
    fn fifth_failure_in_a_row_opens_it() {
        let mut breaker = CircuitBreaker::new(Settings::default(), 1);
        for _ in 0..4 {
            breaker.record_failure(Duration::ZERO);
        }
        breaker.record_success();
        for _ in 0..4 {
            breaker.record_failure(Duration::ZERO);
            assert_eq!(breaker.allow(Duration::ZERO), Permission::Granted);
        }
        breaker.record_failure(Duration::ZERO);
        assert_eq!(breaker.state(), BreakerState::Open);
        let change = Transition { from: BreakerState::Closed, to: BreakerState::Open };
        assert_eq!(breaker.take_transition(), Some(change));
        assert_eq!(breaker.take_transition(), None);
    }

    #[test]
    fn nothing_is_granted_for_sixty_seconds_and_then_one_request() {
        let mut breaker = opened_at_zero();
        assert!(
            matches!(breaker.allow(SECOND * 59), Permission::Denied { until } if until >= SECOND * 60)
        );
        assert_eq!(breaker.allow(SECOND * 66), Permission::Granted);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(matches!(breaker.allow(SECOND * 66), Permission::Denied { .. }));
    }

    #[test]
    fn probe_decides() {
        let mut breaker = opened_at_zero();
        breaker.allow(SECOND * 66);
        breaker.record_failure(SECOND * 67);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(matches!(breaker.allow(SECOND * 120), Permission::Denied { .. }));
        breaker.allow(SECOND * 134);
        breaker.record_success();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.opened_total(), 2);
    }

    #[test]
    fn probe_that_never_returns_counts_as_failed() {
        let mut breaker = opened_at_zero();
        breaker.allow(SECOND * 66);
        assert!(matches!(breaker.allow(SECOND * 126), Permission::Denied { .. }));
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.allow(SECOND * 200), Permission::Granted);
    }

    #[test]
    fn jitter_is_at_most_a_tenth() {
        for seed in 0..200 {
            let mut breaker =
                CircuitBreaker::new(Settings { fail_max: 1, ..Settings::default() }, seed);
            breaker.record_failure(Duration::ZERO);
            let Permission::Denied { until } = breaker.allow(Duration::ZERO) else {
                panic!("it is open")
            };
            assert!((SECOND * 60..=SECOND * 66).contains(&until), "{until:?}");
        }
    }
}
