//! When to look at logs without any pause.
//!
//! What is written between the last look at a log and its truncation is lost, and with pauses of a tenth of
//! a millisecond that is a line now and then. So there are none from the moment in which a name changes,
//! and once the copy is whole; for a bounded time, since it takes a processor.
//!
//! Where others wait for the processors as well, whoever does not sleep uses up its share and is made to wait
//! in turn, longer than the pauses are: there they stay.

use std::{fs, time::Duration};

use crate::tail::{Event, Reading, Tailer};

/// How long there are no pauses, at most.
const ALLOWANCE: Duration = Duration::from_millis(500);

/// In so much time.
const PERIOD: Duration = Duration::from_secs(10);

/// How long this thread may have waited for a processor, on average, for one to be free.
const MAX_WAIT: Duration = Duration::from_micros(50);

/// How many times logs are read in one poll while one may be truncated at any moment: in a fraction of a
/// millisecond, for each look takes a microsecond.
const LOOKS_IN_HASTE: usize = 100;

/// Grants time without pauses.
#[derive(Debug, Default)]
pub(super) struct Haste {
    until: Duration,
    left: Duration,
    renews_at: Duration,
    /// At the last scan, while no log was watched closely.
    waits: Option<Waits>,
    /// Whether this thread had to wait for a processor before that scan.
    is_busy: bool,
}

/// How long a thread has waited for a processor in all, and how often it got one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waits {
    ns: u64,
    times: u64,
}

impl Waits {
    /// `None` where the system does not tell.
    fn of_this_thread() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
    }

    fn parse(schedstat: &str) -> Option<Self> {
        let mut numbers = schedstat.split_whitespace().skip(1).map(str::parse);
        Some(Self { ns: numbers.next()?.ok()?, times: numbers.next()?.ok()? })
    }

    /// `None` where the thread has not run since.
    fn mean_since(self, before: Self) -> Option<Duration> {
        let times = self.times.saturating_sub(before.times);
        Some(Duration::from_nanos(self.ns.saturating_sub(before.ns).checked_div(times)?))
    }
}

impl Haste {
    /// Asks for so much time from now on.
    pub(super) fn begin(&mut self, now: Duration, wanted: Duration) {
        if now >= self.renews_at {
            self.renews_at = now + PERIOD;
            self.left = ALLOWANCE;
        }
        let from = self.until.max(now);
        let granted = (now + wanted).saturating_sub(from).min(self.left);
        self.left -= granted;
        self.until = from + granted;
    }

    /// Gives back what is not needed any more.
    pub(super) fn end(&mut self, now: Duration) {
        self.left += self.until.saturating_sub(now);
        self.until = self.until.min(now);
    }

    pub(super) fn is_on(&self, now: Duration) -> bool {
        now < self.until
    }
}

impl Tailer {
    /// Reads without pauses for so long, if there is a processor for it.
    pub(super) fn hurry(&mut self, now: Duration, wanted: Duration) {
        if !self.haste.is_busy {
            self.haste.begin(now, wanted);
        }
    }

    /// Notes how long this thread has waited for a processor since the last time.
    pub(super) fn note_waits(&mut self) {
        let waits = Waits::of_this_thread();
        let mean = self.haste.waits.zip(waits).and_then(|(before, now)| now.mean_since(before));
        if let Some(mean) = mean {
            self.haste.is_busy = mean > MAX_WAIT;
        }
        self.haste.waits = waits;
    }

    /// Reads so often that next to nothing can be written between a look and the truncation.
    pub(super) fn read_again_and_again(
        &mut self,
        now: Duration,
        reading: Reading,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> usize {
        let mut read_bytes = 0;
        for _ in 0..LOOKS_IN_HASTE {
            if self.is_rewritten() || read_bytes >= self.settings.max_turn_bytes {
                break;
            }
            read_bytes += self.read(now, reading, sink);
        }
        read_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_wait_is_that_since_the_last_scan() {
        let before = Waits::parse("900 1000000 100\n").unwrap();
        let waits = Waits::parse("905 2000000 110\n").unwrap();
        assert_eq!(waits.mean_since(before), Some(Duration::from_micros(100)));
        assert_eq!(before.mean_since(before), None);
        assert_eq!(Waits::parse("0\n"), None);
    }

    #[test]
    fn half_a_second_of_ten_is_granted() {
        let ms = Duration::from_millis;
        let mut haste = Haste::default();
        let start = ms(60_000);
        assert!(!haste.is_on(start));
        haste.begin(start, ms(10));
        haste.begin(start + ms(4), ms(10));
        assert!(haste.is_on(start + ms(13)) && !haste.is_on(start + ms(14)));

        haste.begin(start + ms(100), ms(5000));
        assert!(haste.is_on(start + ms(585)) && !haste.is_on(start + ms(586)));
        haste.begin(start + ms(9999), ms(10));
        assert!(!haste.is_on(start + ms(9999)));

        let next = start + ms(10_000);
        haste.begin(next, ms(400));
        haste.end(next + ms(50));
        assert!(!haste.is_on(next + ms(50)));
        haste.begin(next + ms(100), ms(5000));
        assert!(haste.is_on(next + ms(549)) && !haste.is_on(next + ms(550)));
    }
}
