//! The times of syslog.

use jiff::{civil, tz::TimeZone};

use crate::{
    syslog::header::{Time, month},
    timestamp::{Clock, Precision, Timestamp},
};

/// How far behind the latest moment a line may be, for clocks that disagree: a day.
const LEEWAY_MICROS: i64 = 86_400_000_000;

/// How far times may go back from one line to the next without New Year between them: 30 days.
const MOST_BACKWARDS_MICROS: i64 = 30 * LEEWAY_MICROS;

/// Reads times with and without a year.
#[derive(Debug, Clone, Default)]
pub(super) struct SyslogClock {
    clock: Clock,
    /// No line is later than this. Without it, a time without a year is none.
    not_after: Option<Timestamp>,
    /// The time that was read last: lines of a busy log share it.
    last: Option<(String, Option<(Timestamp, bool)>)>,
    /// The latest time without a year so far.
    latest: Option<Timestamp>,
    /// Room for a time in the server's form.
    text: String,
}

impl SyslogClock {
    pub(super) const fn new(clock: Clock, not_after: Option<Timestamp>) -> Self {
        Self { clock, not_after, last: None, latest: None, text: String::new() }
    }

    /// Returns the moment, and whether it is a guess.
    pub(super) fn read(&mut self, time: Time<'_>) -> Option<(Timestamp, bool)> {
        let (Time::NoYear(text) | Time::Iso(text) | Time::Spaced(text) | Time::Unix(text)) = time
        else {
            return None;
        };
        if let Some((last, moment)) = &self.last
            && last == text
        {
            return *moment;
        }
        let moment = match time {
            Time::Iso(text) => self.read_iso(text),
            Time::NoYear(text) => self.read_without_year(text),
            Time::Spaced(text) => self.read_spaced(text),
            Time::Unix(text) => read_unix(text),
            Time::Unknown => None,
        };
        self.last = Some((text.to_owned(), moment));
        moment
    }

    /// Reads `2026-11-24T02:22:07.522084+00:00`.
    fn read_iso(&mut self, text: &str) -> Option<(Timestamp, bool)> {
        let (date, time) = text.split_once('T')?;
        let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (time, zone) = time.split_at_checked(zone)?;
        let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
        let zeros = match fraction.len() {
            digits @ 1..=3 => "00".get(digits - 1..)?,
            digits @ 4..=6 => "00".get(digits - 4..)?,
            _ => "",
        };
        let fraction = fraction.get(..6).unwrap_or(fraction);
        let point = if fraction.is_empty() { "" } else { "." };
        self.text.clear();
        for part in [date, " ", second, point, fraction, zeros, " ", zone] {
            self.text.push_str(part);
        }
        let time = self.clock.read(&self.text)?;
        Some((time.timestamp, time.ambiguous))
    }

    /// Reads `2026-11-24 02:22:07 UTC`. Without a zone it is in that of the log, as far as it is known.
    fn read_spaced(&mut self, text: &str) -> Option<(Timestamp, bool)> {
        let zoned = self.clock.read(text).map(|time| (time.timestamp, time.ambiguous));
        let local = || {
            let local: civil::DateTime = text.parse().ok()?;
            self.in_zone(local, Precision::Micros)
        };
        zoned.or_else(local)
    }

    /// Reads `Nov 24 02:22:07`. The year is the latest that is possible, but a log that is followed over
    /// New Year goes on in the next one. The zone is that of the log, as far as it is known: syslog does
    /// not name its own.
    fn read_without_year(&mut self, text: &str) -> Option<(Timestamp, bool)> {
        let not_after = self.not_after?.micros().checked_add(LEEWAY_MICROS)?;
        let last_year = jiff::Timestamp::from_microsecond(not_after).ok()?;
        let last_year = last_year.to_zoned_datetime(TimeZone::UTC).year();
        let years = (0..=LONGEST_GAP_YEARS).filter_map(|years| last_year.checked_sub(years));
        let (year, first) = years
            .filter_map(|year| Some((year, self.in_year(text, year)?)))
            .find(|(_, (moment, _))| moment.micros() <= not_after)?;
        let found = match self.latest {
            Some(latest) => (0..=LONGEST_GAP_YEARS)
                .filter_map(|years| self.in_year(text, year.checked_add(years)?))
                .find(|(moment, _)| moment.micros() >= latest.micros() - MOST_BACKWARDS_MICROS)
                .unwrap_or(first),
            None => first,
        };
        self.latest = Some(self.latest.map_or(found.0, |latest| later(latest, found.0)));
        Some(found)
    }

    fn in_year(&self, text: &str, year: i16) -> Option<(Timestamp, bool)> {
        let number = |from: usize, to: usize| text.get(from..to)?.trim_start().parse::<i8>().ok();
        let month = i8::try_from(month(text.get(..3)?)?).ok()?;
        let (hour, minute, second) = (number(7, 9)?, number(10, 12)?, number(13, 15)?.min(59));
        let date = civil::Date::new(year, month, number(4, 6)?).ok()?;
        let local = date.to_datetime(civil::Time::new(hour, minute, second, 0).ok()?);
        self.in_zone(local, Precision::Seconds)
    }

    /// Returns the moment of a local time, and whether it is a guess.
    fn in_zone(&self, local: civil::DateTime, precision: Precision) -> Option<(Timestamp, bool)> {
        let zone = self.clock.zone().cloned();
        let is_guess = zone.is_none();
        let moment = zone.unwrap_or(TimeZone::UTC).to_ambiguous_timestamp(local);
        let is_ambiguous = moment.is_ambiguous();
        let micros = moment.compatible().ok()?.as_microsecond();
        Some((Timestamp::from_micros(micros, precision), is_guess || is_ambiguous))
    }
}

/// Reads `1769593263.123456`.
fn read_unix(text: &str) -> Option<(Timestamp, bool)> {
    let (seconds, micros) = text.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let micros = seconds.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?)?;
    Some((Timestamp::from_micros(micros, Precision::Micros), false))
}

const fn later(one: Timestamp, other: Timestamp) -> Timestamp {
    if one.micros() < other.micros() { other } else { one }
}

/// February 29th may be eight years ago.
const LONGEST_GAP_YEARS: i16 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(time: Time<'_>, zone: Option<&str>, not_after: Option<&str>) -> Option<(String, bool)> {
        let clock = zone.map_or_else(Clock::new, |zone| Clock::in_zone(zone).unwrap());
        let not_after = not_after.map(|text| Clock::new().read(text).unwrap().timestamp);
        let (moment, is_guess) = SyslogClock::new(clock, not_after).read(time)?;
        Some((moment.to_string(), is_guess))
    }

    #[test]
    fn iso_times_of_every_precision_are_read() {
        for (time, expected) in [
            ("2026-11-24T02:22:07Z", "2026-11-24T02:22:07Z"),
            ("2026-11-24T02:22:07.5+01:00", "2026-11-24T01:22:07.500Z"),
            ("2026-11-24T02:22:07.522084-0300", "2026-11-24T05:22:07.522084Z"),
            ("2026-11-24T02:22:07.522084123+00:00", "2026-11-24T02:22:07.522084Z"),
        ] {
            assert_eq!(read(Time::Iso(time), None, None), Some((expected.to_owned(), false)));
        }
        assert_eq!(read(Time::Iso("2026-11-24Tx"), None, None), None);
    }

    #[test]
    fn times_of_the_journal_are_read() {
        for (time, zone, expected) in [
            (Time::Spaced("2026-11-24 02:22:07 UTC"), None, ("2026-11-24T02:22:07Z", false)),
            (Time::Spaced("2026-11-24 02:22:07 CET"), None, ("2026-11-24T01:22:07Z", false)),
            (Time::Spaced("2026-11-24 02:22:07.5"), None, ("2026-11-24T02:22:07.500000Z", true)),
            (
                Time::Spaced("2026-11-24 02:22:07"),
                Some("Europe/Berlin"),
                ("2026-11-24T01:22:07.000000Z", false),
            ),
            (Time::Unix("1769593263.123456"), None, ("2026-01-28T09:41:03.123456Z", false)),
        ] {
            assert_eq!(
                read(time, zone, None),
                Some((expected.0.to_owned(), expected.1)),
                "{time:?}"
            );
        }
        assert_eq!(read(Time::Unknown, None, None), None);
    }

    #[test]
    fn year_is_the_latest_that_is_possible() {
        let in_berlin =
            |time, not_after| read(Time::NoYear(time), Some("Europe/Berlin"), Some(not_after));
        for (time, not_after, expected) in [
            ("Nov 24 02:22:07", "2026-11-24 12:00:00 UTC", "2026-11-24T01:22:07Z"),
            ("Nov 24 02:22:07", "2026-11-23 12:00:00 UTC", "2026-11-24T01:22:07Z"),
            ("Nov 25 02:22:07", "2026-11-23 12:00:00 UTC", "2025-11-25T01:22:07Z"),
            ("Dec 31 23:59:59", "2027-01-01 00:00:00 UTC", "2026-12-31T22:59:59Z"),
            ("Feb 29 12:00:00", "2027-01-01 00:00:00 UTC", "2024-02-29T11:00:00Z"),
            ("Jan  1 00:00:00", "2026-12-31 20:00:00 UTC", "2026-12-31T23:00:00Z"),
        ] {
            assert_eq!(in_berlin(time, not_after), Some((expected.to_owned(), false)), "{time}");
        }
        let doubled = in_berlin("Oct 25 02:30:00", "2026-11-24 12:00:00 UTC");
        assert_eq!(doubled, Some(("2026-10-25T00:30:00Z".to_owned(), true)));
    }

    #[test]
    fn log_that_is_followed_over_new_year_goes_on_in_the_next() {
        let not_after = Clock::new().read("2026-11-24 00:00:00 UTC").unwrap().timestamp;
        let mut clock = SyslogClock::new(Clock::in_zone("UTC").unwrap(), Some(not_after));
        let mut read = |time| clock.read(Time::NoYear(time)).unwrap().0.to_string();
        for (time, expected) in [
            ("Nov 24 00:00:00", "2026-11-24T00:00:00Z"),
            ("Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
            ("Jan  1 00:00:01", "2027-01-01T00:00:01Z"),
            ("Dec 31 23:59:58", "2026-12-31T23:59:58Z"),
            ("Oct  1 00:00:00", "2027-10-01T00:00:00Z"),
            ("Feb 28 00:00:00", "2028-02-28T00:00:00Z"),
        ] {
            assert_eq!(read(time), expected);
        }
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(read(Time::NoYear("Nov 24 02:22:07"), None, None), None);
        let guess = read(Time::NoYear("Nov 24 02:22:07"), None, Some("2026-11-25 00:00:00 UTC"));
        assert_eq!(guess, Some(("2026-11-24T02:22:07Z".to_owned(), true)));
    }
}
