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
//! Whatever the state, only the answer to a request that was granted in it counts: an answer that comes
//! late says how the listener was, not how it is. Time is an argument: any clock that never goes back.

use std::time::Duration;

use wire::BreakerState;

use crate::ship::jitter::Jitter;

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

impl Settings {
    /// The longest time for which it can be open.
    fn max_open(&self) -> Duration {
        self.reset_timeout + self.reset_timeout / 10
    }
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Send it, and record with the ticket how it went.
    Granted(Ticket),
    /// Send nothing before this moment.
    Denied {
        /// The moment.
        until: Duration,
    },
}

/// Stands for a request that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// How many changes of state there had been.
    generation: u64,
}

/// A change of state, to be told to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: BreakerState,
    /// The state after.
    pub to: BreakerState,
}

/// What a breaker knows after a restart, so that an agent that crashes again and again does not hammer
/// the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// For how long no request is to be sent.
    pub closed_off: Duration,
}

/// The breaker of one destination.
///
/// ```
/// use std::time::Duration;
/// use agent::ship::{CircuitBreaker, breaker::{Permission, Settings}};
///
/// let mut breaker = CircuitBreaker::new(Settings { fail_max: 1, ..Settings::default() }, 7);
/// let start = Duration::ZERO;
/// let Permission::Granted(ticket) = breaker.allow(start) else { panic!("it is closed") };
/// breaker.record_failure(ticket, start);
/// assert!(matches!(breaker.allow(start), Permission::Denied { .. }));
/// assert!(matches!(breaker.allow(start + Duration::from_secs(66)), Permission::Granted(_)));
/// ```
#[derive(Debug)]
pub struct CircuitBreaker {
    settings: Settings,
    state: State,
    generation: u64,
    consecutive_failures: u32,
    opened_total: u64,
    jitter: Jitter,
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

/// What moves the breaker.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Somebody asks for permission.
    Asked,
    Succeeded,
    Failed,
}

impl CircuitBreaker {
    /// Makes a closed breaker. `seed` is any number; it varies the jitter between agents.
    #[must_use]
    pub const fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            state: State::Closed,
            generation: 0,
            consecutive_failures: 0,
            opened_total: 0,
            jitter: Jitter::new(seed),
            transition: None,
        }
    }

    /// Makes a breaker that knows what the one before the restart knew. The clock may have been set
    /// meanwhile, so a memory never closes off the listener for longer than the breaker itself would.
    #[must_use]
    pub fn restore(settings: Settings, seed: u64, memory: Memory, now: Duration) -> Self {
        let mut breaker = Self::new(settings, seed);
        breaker.consecutive_failures = memory.consecutive_failures;
        let is_open = memory.consecutive_failures >= settings.fail_max;
        if is_open || memory.closed_off > Duration::ZERO {
            let until = now + memory.closed_off.min(settings.max_open());
            breaker.state = State::Open { until };
        }
        breaker
    }

    /// Returns what is to be known after a restart.
    #[must_use]
    pub fn memory(&self, now: Duration) -> Memory {
        let closed_off = match self.state {
            State::Closed => Duration::ZERO,
            State::Open { until } => until.saturating_sub(now),
            // Who crashes over the one request may not send the next one at once.
            State::HalfOpen { deadline } => deadline.saturating_sub(now),
        };
        Memory { consecutive_failures: self.consecutive_failures, closed_off }
    }

    /// Asks for permission to send one request. Once the reset time has passed one request is granted,
    /// and no other until it is recorded.
    pub fn allow(&mut self, now: Duration) -> Permission {
        let before = self.generation;
        self.step(Event::Asked, now);
        let ticket = self.ticket();
        match self.state {
            State::Closed => Permission::Granted(ticket),
            State::Open { until } => Permission::Denied { until },
            // The one request is that of whoever half-opens it.
            State::HalfOpen { .. } if ticket.generation != before => Permission::Granted(ticket),
            State::HalfOpen { deadline } => Permission::Denied { until: deadline },
        }
    }

    /// Records that the listener answered as it should.
    pub fn record_success(&mut self, ticket: Ticket) {
        if ticket == self.ticket() {
            self.consecutive_failures = 0;
            self.step(Event::Succeeded, Duration::ZERO);
        }
    }

    /// Records that the listener did not answer, or answered that it cannot work.
    pub fn record_failure(&mut self, ticket: Ticket, now: Duration) {
        if ticket == self.ticket() {
            self.consecutive_failures = self.consecutive_failures.saturating_add(1);
            self.step(Event::Failed, now);
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

    /// The table of states: which event leads from which state to which other one.
    fn step(&mut self, event: Event, now: Duration) {
        let trips = self.consecutive_failures >= self.settings.fail_max;
        match (self.state, event) {
            (State::Closed, Event::Failed) if trips => self.open(now),
            (State::Open { until }, Event::Asked) if now >= until => self.half_open(now),
            (State::HalfOpen { .. }, Event::Succeeded) => self.change(State::Closed),
            (State::HalfOpen { .. }, Event::Failed) => self.open(now),
            (State::HalfOpen { deadline }, Event::Asked) if now >= deadline => self.open(now),
            (State::Closed | State::Open { .. } | State::HalfOpen { .. }, _) => {}
        }
    }

    fn open(&mut self, now: Duration) {
        self.opened_total += 1;
        let until = now + self.jitter.a_tenth_more(self.settings.reset_timeout);
        self.change(State::Open { until });
    }

    fn half_open(&mut self, now: Duration) {
        self.change(State::HalfOpen { deadline: now + self.settings.reset_timeout });
    }

    fn change(&mut self, state: State) {
        let from = self.state();
        self.state = state;
        self.generation += 1;
        self.transition = Some(Transition { from, to: self.state() });
    }

    const fn ticket(&self) -> Ticket {
        Ticket { generation: self.generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Asks, and returns the ticket.
    fn granted(breaker: &mut CircuitBreaker, now: Duration) -> Ticket {
        match breaker.allow(now) {
            Permission::Granted(ticket) => ticket,
            Permission::Denied { until } => panic!("denied at {now:?} until {until:?}"),
        }
    }

    fn fail(breaker: &mut CircuitBreaker, now: Duration) {
        let ticket = granted(breaker, now);
        breaker.record_failure(ticket, now);
    }

    fn succeed(breaker: &mut CircuitBreaker, now: Duration) {
        let ticket = granted(breaker, now);
        breaker.record_success(ticket);
    }

    fn opened_at_zero() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new(Settings::default(), 1);
        for _ in 0..5 {
            fail(&mut breaker, Duration::ZERO);
        }
        breaker
    }

    #[test]
    fn fifth_failure_in_a_row_opens_it() {
        let mut breaker = CircuitBreaker::new(Settings::default(), 1);
        for _ in 0..4 {
            fail(&mut breaker, Duration::ZERO);
        }
        succeed(&mut breaker, Duration::ZERO);
        for _ in 0..5 {
            assert_eq!(breaker.state(), BreakerState::Closed);
            fail(&mut breaker, Duration::ZERO);
        }
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
        granted(&mut breaker, SECOND * 66);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(matches!(breaker.allow(SECOND * 66), Permission::Denied { .. }));
    }

    #[test]
    fn probe_decides() {
        let mut breaker = opened_at_zero();
        fail(&mut breaker, SECOND * 66);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(matches!(breaker.allow(SECOND * 120), Permission::Denied { .. }));
        succeed(&mut breaker, SECOND * 134);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.opened_total(), 2);
    }

    #[test]
    fn probe_that_never_returns_counts_as_failed() {
        let mut breaker = opened_at_zero();
        let hung = granted(&mut breaker, SECOND * 66);
        assert!(matches!(breaker.allow(SECOND * 126), Permission::Denied { .. }));
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker.record_success(hung);
        assert_eq!(breaker.state(), BreakerState::Open, "its answer comes too late");
        granted(&mut breaker, SECOND * 200);
    }

    #[test]
    fn late_answer_changes_nothing() {
        let mut breaker = CircuitBreaker::new(Settings::default(), 1);
        let late = granted(&mut breaker, Duration::ZERO);
        for _ in 0..5 {
            fail(&mut breaker, Duration::ZERO);
        }
        breaker.record_success(late);
        assert_eq!(breaker.state(), BreakerState::Open);
        granted(&mut breaker, SECOND * 66);
        breaker.record_success(late);
        breaker.record_failure(late, SECOND * 66);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }

    #[test]
    fn restart_forgets_nothing_and_the_clock_cannot_silence_it() {
        let opened = opened_at_zero();
        let memory = opened.memory(SECOND * 20);
        assert_eq!(memory.consecutive_failures, 5);
        assert!((SECOND * 40..=SECOND * 46).contains(&memory.closed_off), "{memory:?}");
        let mut breaker = CircuitBreaker::restore(Settings::default(), 2, memory, SECOND);
        assert!(matches!(breaker.allow(SECOND * 40), Permission::Denied { .. }));
        granted(&mut breaker, SECOND * 48);

        let years = Memory { closed_off: SECOND * 1_000_000_000, ..memory };
        let mut breaker = CircuitBreaker::restore(Settings::default(), 2, years, Duration::ZERO);
        granted(&mut breaker, SECOND * 66);
        let probing = breaker.memory(SECOND * 67);
        assert!(probing.closed_off > SECOND * 58, "a crash over the probe does not send the next");

        let failing = Memory { consecutive_failures: 4, closed_off: Duration::ZERO };
        let mut breaker = CircuitBreaker::restore(Settings::default(), 2, failing, Duration::ZERO);
        fail(&mut breaker, Duration::ZERO);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn jitter_is_at_most_a_tenth() {
        for seed in 0..200 {
            let mut breaker =
                CircuitBreaker::new(Settings { fail_max: 1, ..Settings::default() }, seed);
            fail(&mut breaker, Duration::ZERO);
            let Permission::Denied { until } = breaker.allow(Duration::ZERO) else {
                panic!("it is open")
            };
            assert!((SECOND * 60..=SECOND * 66).contains(&until), "{until:?}");
        }
    }
}
