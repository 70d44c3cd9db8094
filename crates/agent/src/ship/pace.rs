//! How long to wait between two requests.

use std::time::Duration;

use crate::ship::jitter::Jitter;

/// How long to wait after the first failure; the wait doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait between two failures before the breaker opens.
const MAX_BACKOFF: Duration = Duration::from_secs(8);
/// How long to wait where the listener asks for a pause without saying how long.
const BUSY_PAUSE: Duration = Duration::from_secs(5);
/// The shortest pause that is made where the listener asks for one: none at all, or a moment that has passed,
/// would have it asked again and again.
const MIN_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait where only the operator can mend what is wrong: soon at first, then rarely.
const FIRST_HOLD: Duration = Duration::from_secs(2);
/// The longest such wait.
const MAX_HOLD: Duration = Duration::from_secs(60);
/// The gap after the first request to a listener that is back; it halves with each second.
const FIRST_GAP: Duration = Duration::from_secs(1);
/// How many seconds it takes from one request a second to no gap at all.
const RAMP_SECONDS: u32 = 7;

/// What is to be waited for.
#[derive(Debug)]
pub(crate) struct Pace {
    jitter: Jitter,
    /// Nothing is sent before this moment, whatever the breaker says.
    until: Duration,
    /// Answers in a row that only the operator can do something about.
    holds: u32,
    /// When the listener came back.
    back_since: Option<Duration>,
}

impl Pace {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { jitter: Jitter::new(seed), until: Duration::ZERO, holds: 0, back_since: None }
    }

    /// Returns the moment before which nothing is to be sent.
    pub(crate) const fn until(&self) -> Duration {
        self.until
    }

    /// Tells whether the operator is waited for.
    pub(crate) const fn is_held(&self) -> bool {
        self.holds > 0
    }

    /// Waits after the `failures`-th failure in a row.
    pub(crate) fn back_off(&mut self, failures: u32, now: Duration) {
        let wait = doubled(FIRST_BACKOFF, failures, MAX_BACKOFF);
        self.until = now + self.jitter.half_at_least(wait);
        self.back_since = None;
    }

    /// Waits as the listener asks. Returns for how long.
    pub(crate) fn pause(&mut self, retry_after: Option<Duration>, now: Duration) -> Duration {
        let wait = self.jitter.a_tenth_more(retry_after.unwrap_or(BUSY_PAUSE).max(MIN_PAUSE));
        self.until = now + wait;
        self.back_since = Some(self.until);
        wait
    }

    /// Waits for the operator. Returns for how long.
    pub(crate) fn hold(&mut self, now: Duration) -> Duration {
        self.holds = self.holds.saturating_add(1);
        let wait = self.jitter.a_tenth_more(doubled(FIRST_HOLD, self.holds, MAX_HOLD));
        self.until = now + wait;
        wait
    }

    /// Waits no longer for the operator, who seems to have mended something. The next refusal is waited
    /// out as long as the one before.
    pub(crate) const fn try_again(&mut self) {
        self.until = Duration::ZERO;
    }

    /// The listener takes data after a time in which it did not: requests come slowly at first.
    pub(crate) fn recover(&mut self, now: Duration) {
        self.holds = 0;
        self.back_since = Some(now);
        self.until = now + FIRST_GAP;
    }

    /// The listener has taken a batch.
    pub(crate) fn go_on(&mut self, now: Duration) {
        self.holds = 0;
        let Some(since) = self.back_since else { return };
        let seconds = u32::try_from(now.saturating_sub(since).as_secs()).unwrap_or(u32::MAX);
        if seconds >= RAMP_SECONDS {
            self.back_since = None;
        } else {
            self.until = now + FIRST_GAP / 2u32.pow(seconds);
        }
    }
}

/// The `times`-th wait of a series that doubles.
pub(super) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(times.saturating_sub(1))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_longest() {
        let wait = |times| doubled(FIRST_BACKOFF, times, MAX_BACKOFF).as_millis();
        assert_eq!([1, 2, 3, 4, 100].map(wait), [500, 1000, 2000, 4000, 8000]);
    }

    #[test]
    fn waits_differ_between_agents_within_their_bounds() {
        let waits: Vec<Duration> = (0..100)
            .map(|seed| {
                let mut pace = Pace::new(seed);
                pace.back_off(3, SECOND);
                pace.until() - SECOND
            })
            .collect();
        assert!(waits.iter().all(|wait| (SECOND..=SECOND * 2).contains(wait)), "{waits:?}");
        assert!(
            waits.iter().max().unwrap().saturating_sub(*waits.iter().min().unwrap()) > SECOND / 2
        );
        let asked = Pace::new(1).pause(Some(SECOND * 10), SECOND);
        assert!((SECOND * 10..=SECOND * 11).contains(&asked), "{asked:?}");
        let none = Pace::new(1).pause(Some(Duration::ZERO), SECOND);
        assert!((SECOND..SECOND * 2).contains(&none), "{none:?}");
    }

    #[test]
    fn listener_that_is_back_gets_one_request_at_first_and_twice_as_many_each_second() {
        let mut pace = Pace::new(1);
        pace.recover(SECOND * 100);
        let (mut now, mut in_second) = (SECOND * 100, [0; 9]);
        while now < SECOND * 109 {
            now = now.max(pace.until()) + Duration::from_millis(2);
            let second = usize::try_from(now.as_secs() - 100).unwrap();
            if let Some(count) = in_second.get_mut(second) {
                *count += 1;
            }
            pace.go_on(now);
        }
        assert_eq!(in_second[0], 0);
        assert!((1..=2).contains(&in_second[1]), "{in_second:?}");
        for pair in in_second.windows(2).skip(1) {
            assert!(
                pair[1] >= pair[0] && pair[1] <= 3 * pair[0] + 1 || pair[0] > 40,
                "{in_second:?}"
            );
        }
        assert!(in_second[8] > 300, "{in_second:?}");
    }
}
