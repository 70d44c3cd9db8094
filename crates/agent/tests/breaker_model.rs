#![cfg(test)]
//! The circuit breaker under random events in virtual time, watched from outside.
//!
//! The watcher knows only what was asked, granted and answered, and when; it checks the promises, and
//! does not work out states of its own.

use std::time::Duration;

use agent::ship::{
    CircuitBreaker,
    breaker::{Memory, Permission, Settings, Ticket},
};
use proptest::prelude::*;
use wire::BreakerState;

const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody asks; whoever is granted is under way from then on.
    Ask,
    /// A request under way, counted from the oldest, is answered.
    Answer { which: usize, succeeds: bool },
    /// Time passes.
    Pass(Duration),
    /// The process ends and starts again, while the time of day jumps by so many seconds.
    Restart { jump_s: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Ask),
        3 => (0..4usize, prop::bool::weighted(0.25))
            .prop_map(|(which, succeeds)| Step::Answer { which, succeeds }),
        2 => (0..70_000u64).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        1 => Just(Step::Pass(YEAR)),
        1 => prop_oneof![
            Just(0),
            -60..60i64,
            Just(10 * YEAR.as_secs().cast_signed()),
            Just(-10 * YEAR.as_secs().cast_signed()),
        ]
        .prop_map(|jump_s| Step::Restart { jump_s }),
    ]
}

/// A request that was granted.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    ticket: Ticket,
    /// How many changes of state there had been.
    era: u64,
    /// Whether it is the one request of a half-open breaker.
    is_probe: bool,
}

struct Watcher {
    breaker: CircuitBreaker,
    settings: Settings,
    now: Duration,
    under_way: Vec<UnderWay>,
    era: u64,
    /// Failures in a row of requests whose answer counts.
    failures: u32,
    opened_at: Option<Duration>,
    probe_since: Option<Duration>,
}

impl Watcher {
    fn new(settings: Settings) -> Self {
        Self {
            breaker: CircuitBreaker::new(settings, 3),
            settings,
            now: Duration::ZERO,
            under_way: Vec::new(),
            era: 0,
            failures: 0,
            opened_at: None,
            probe_since: None,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Ask => self.ask(),
            Step::Answer { which, succeeds } if *which < self.under_way.len() => {
                let request = self.under_way.remove(*which);
                self.answer(request, *succeeds);
            }
            Step::Answer { .. } => {}
            Step::Pass(time) => self.now += *time,
            Step::Restart { jump_s } => self.restart(*jump_s),
        }
        assert!(!(self.opened_at.is_some() && self.probe_since.is_some()));
    }

    fn ask(&mut self) {
        let before = self.breaker.state();
        let permission = self.breaker.allow(self.now);
        if before == BreakerState::HalfOpen && self.breaker.state() == BreakerState::Open {
            let since = self.probe_since.take().unwrap();
            assert!(self.now >= since + self.settings.reset_timeout, "a probe cut short");
            self.open();
        }
        match permission {
            Permission::Granted(ticket) => {
                let is_probe = self.breaker.state() == BreakerState::HalfOpen;
                if is_probe {
                    let opened = self.opened_at.take().expect("only an open breaker half-opens");
                    let silence = self.now - opened;
                    assert!(silence >= self.settings.reset_timeout, "a request after {silence:?}");
                    assert_eq!(self.probe_since, None, "two probes at once");
                    self.probe_since = Some(self.now);
                    self.era += 1;
                } else {
                    assert_eq!(self.opened_at, None, "granted while open");
                    assert_eq!(self.probe_since, None, "granted beside a probe");
                }
                self.under_way.push(UnderWay { ticket, era: self.era, is_probe });
            }
            Permission::Denied { until } => {
                assert!(until > self.now, "denied without end");
                assert!(until - self.now <= self.settings.reset_timeout * 11 / 10, "silenced");
            }
        }
    }

    fn answer(&mut self, request: UnderWay, succeeds: bool) {
        let before = self.breaker.state();
        if succeeds {
            self.breaker.record_success(request.ticket);
        } else {
            self.breaker.record_failure(request.ticket, self.now);
        }
        let after = self.breaker.state();
        if request.era != self.era {
            assert_eq!(before, after, "a late answer moved the state");
            return;
        }
        self.failures = if succeeds { 0 } else { self.failures + 1 };
        let opens = !succeeds && (request.is_probe || self.failures >= self.settings.fail_max);
        if opens {
            assert_eq!(after, BreakerState::Open, "failure {}", self.failures);
            self.probe_since = None;
            self.open();
        } else {
            assert_eq!(after, BreakerState::Closed, "failure {}", self.failures);
            if request.is_probe {
                self.probe_since = None;
                self.era += 1;
            }
        }
        assert_eq!(self.breaker.consecutive_failures(), self.failures);
    }

    fn open(&mut self) {
        self.opened_at = Some(self.now);
        self.era += 1;
    }

    /// What is stored is a moment of the time of day, which the jump moves.
    fn restart(&mut self, jump_s: i64) {
        let memory = self.breaker.memory(self.now);
        let left_ms = i64::try_from(memory.closed_off.as_millis()).unwrap() - jump_s * 1000;
        let is_closed_off = memory.closed_off > Duration::ZERO;
        let left_ms = if is_closed_off { left_ms.max(0) } else { 0 };
        let closed_off = Duration::from_millis(left_ms.unsigned_abs());
        let memory = Memory { closed_off, ..memory };
        self.breaker = CircuitBreaker::restore(self.settings, 4, memory, self.now);
        // Nothing is under way any more, and no jump silences it for longer than it would be open.
        self.under_way.clear();
        self.era += 1;
        let was_shut = self.opened_at.is_some() || self.probe_since.is_some();
        self.probe_since = None;
        self.opened_at = None;
        if was_shut {
            assert_eq!(self.breaker.state(), BreakerState::Open, "it forgot that it was open");
            // The silence that is left is checked from when it must have begun at the latest.
            let left = closed_off.min(self.settings.reset_timeout);
            self.opened_at = (self.now + left).checked_sub(self.settings.reset_timeout);
            if self.opened_at.is_none() {
                self.now += self.settings.reset_timeout;
                self.opened_at = Some(self.now - self.settings.reset_timeout);
            }
        } else {
            assert_eq!(self.breaker.state(), BreakerState::Closed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn breaker_keeps_its_promises_whatever_happens(
        fail_max in 1..6u32,
        reset_s in 1..60u64,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut watcher =
            Watcher::new(Settings { fail_max, reset_timeout: SECOND * u32::try_from(reset_s).unwrap() });
        for step in &steps {
            watcher.take(step);
        }
    }
}
