//! Times as the server prints them, and their place in UTC.

mod abbreviations;
mod sessions;
mod write;

use std::fmt;

use jiff::{civil, tz::TimeZone};

pub(crate) use abbreviations::is_known as is_zone_abbreviation;

/// A moment in UTC, with the precision that the log had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    micros: i64,
    precision: Precision,
}

/// How finely a log gives the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// `%t`
    Seconds,
    /// `%m` and `%n`
    Millis,
    /// syslog with high-precision timestamps
    Micros,
}

impl Timestamp {
    /// Makes a timestamp from microseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_micros(micros: i64, precision: Precision) -> Self {
        Self { micros, precision }
    }

    /// Reads a `%n`: seconds since 1970 with three decimals.
    #[must_use]
    pub fn from_epoch(text: &str) -> Option<Self> {
        let (seconds, millis) = text.split_once('.')?;
        let seconds: i64 = seconds.parse().ok()?;
        let millis: i64 = millis.get(..3)?.parse().ok()?;
        let micros = seconds.checked_mul(1_000_000)?.checked_add(millis * 1000)?;
        Some(Self { micros, precision: Precision::Millis })
    }

    /// Returns microseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// Returns the moment so many seconds before.
    pub(crate) const fn earlier_by(self, seconds: i64) -> Self {
        Self { micros: self.micros.saturating_sub(seconds.saturating_mul(1_000_000)), ..self }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(27);
        self.write_to(&mut text);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A time of the log, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTime<'a> {
    /// The moment in UTC.
    pub timestamp: Timestamp,
    /// The zone as it was printed.
    pub zone: &'a str,
    /// True where the local time occurred twice and the printed zone does not tell which one it was,
    /// or where nothing says what the printed zone means.
    pub ambiguous: bool,
}

/// Reads the times of one log.
///
/// The server prints local time and an abbreviation such as `CET`. What an abbreviation means depends
/// on the setting `log_timezone`; without it the meaning is that of PostgreSQL's own table.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Option<TimeZone>,
    last: Option<Second>,
    /// The latest moment that was certain.
    latest: Option<i64>,
    /// What sessions have shown an abbreviation to mean.
    shown: Option<ShownZone>,
}

/// A zone's abbreviation, and what it means in this log.
#[derive(Debug, Clone)]
struct ShownZone {
    name: String,
    /// Seconds east of UTC.
    offset: i64,
}

/// The second that was read last: lines of a busy log share it.
#[derive(Debug, Clone)]
struct Second {
    text: [u8; SECONDS_BYTES],
    zone: String,
    seconds: i64,
    /// Seconds east of UTC.
    offset: i64,
    ambiguous: bool,
    /// What the zone means was looked up in a table that has one meaning of several.
    is_assumed: bool,
    /// The line of a young session can still show what the zone means.
    is_open: bool,
}

/// Length of `2026-11-24 02:21:01`.
const SECONDS_BYTES: usize = 19;

/// The name is not that of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time zone of the IANA database, such as Europe/Berlin")]
pub struct UnknownZone(pub String);

impl Clock {
    /// Makes a reader for a log whose `log_timezone` is not known.
    #[must_use]
    pub const fn new() -> Self {
        Self { zone: None, last: None, latest: None, shown: None }
    }

    /// Makes a reader for a log with this `log_timezone`.
    ///
    /// # Errors
    /// [`UnknownZone`] where the time zone database has no such name.
    pub fn in_zone(log_timezone: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(log_timezone).map_err(|_| UnknownZone(log_timezone.to_owned()))?;
        Ok(Self { zone: Some(zone), ..Self::new() })
    }

    /// Tells whether `log_timezone` is known.
    #[must_use]
    pub const fn is_in_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// Returns the rules of `log_timezone`, where it is known.
    pub(crate) const fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }

    /// Reads `2026-11-24 02:21:01.123 CET`, with or without the fraction. `None` where the text is not
    /// a time.
    ///
    /// An hour that occurs twice under one abbreviation is told apart by the times read before: a log goes
    /// on, so a time that seems to lie before them is that of the second hour.
    pub fn read<'a>(&mut self, text: &'a str) -> Option<LogTime<'a>> {
        self.read_in_session(text, None)
    }

    /// The same for a line of a session, given its id: it is not older than its session.
    pub(crate) fn read_in_session<'a>(
        &mut self,
        text: &'a str,
        session_id: Option<&str>,
    ) -> Option<LogTime<'a>> {
        if let Some(time) = self.read_again(text, session_id) {
            return Some(time);
        }
        let (second, rest) = text.split_at_checked(SECONDS_BYTES)?;
        let (fraction, zone) =
            rest.split_at_checked(rest.bytes().position(|byte| byte == b' ')?)?;
        let zone = zone.get(1..)?;
        let (micros, precision) = read_fraction(fraction)?;
        let (seconds, ambiguous) = self.read_second(second, zone, session_id)?;
        let timestamp = Timestamp { micros: seconds.checked_mul(1_000_000)? + micros, precision };
        Some(LogTime { timestamp, zone, ambiguous })
    }

    /// Reads a time of the second that was read last, as most are, at once.
    fn read_again<'a>(&self, text: &'a str, session_id: Option<&str>) -> Option<LogTime<'a>> {
        let last = self.last.as_ref().filter(|last| !last.is_open || session_id.is_none())?;
        let (second, rest) = text.as_bytes().split_first_chunk()?;
        if *second != last.text {
            return None;
        }
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        let (micros, precision, zone_at) = match *rest {
            [b'.', a, b, c, b' ', ..] => {
                let millis = digit(a)? * 100 + digit(b)? * 10 + digit(c)?;
                (millis * 1000, Precision::Millis, SECONDS_BYTES + 5)
            }
            [b' ', ..] => (0, Precision::Seconds, SECONDS_BYTES + 1),
            _ => return None,
        };
        // A call to compare a few letters costs more.
        let zone = text.get(zone_at..).filter(|zone| zone.bytes().eq(last.zone.bytes()))?;
        let micros = last.seconds.checked_mul(1_000_000)?.checked_add(micros)?;
        let timestamp = Timestamp { micros, precision };
        Some(LogTime { timestamp, zone, ambiguous: last.ambiguous })
    }

    fn read_second(
        &mut self,
        text: &str,
        zone: &str,
        session_id: Option<&str>,
    ) -> Option<(i64, bool)> {
        if let Some(last) = &self.last
            && text.as_bytes().first_chunk() == Some(&last.text)
            && last.zone == zone
            && (!last.is_open || session_id.is_none())
        {
            return Some((last.seconds, last.ambiguous));
        }
        let local = Local::read(text)?;
        let is_assumed = self.zone.is_none() && !is_universal(zone);
        if is_assumed && let Some(id) = session_id {
            sessions::look_at(&local, zone, id, &mut self.shown);
        }
        let (seconds, ambiguous) = match self.offset(&local, zone) {
            Offset::One(offset) => (local.seconds() - i64::from(offset), false),
            Offset::Either(first, second) => {
                let moments = [first, second].map(|offset| local.seconds() - i64::from(offset));
                self.choose(moments, session_id)
            }
            Offset::Unknown => (local.seconds(), true),
        };
        if !ambiguous {
            self.latest = self.latest.max(Some(seconds));
        }
        let text = text.as_bytes().try_into().ok()?;
        let offset = local.seconds() - seconds;
        let is_open = is_assumed && self.shown_offset(zone).is_none() && sessions::is_open(zone);
        let zone = zone.to_owned();
        self.last = Some(Second { text, zone, seconds, offset, ambiguous, is_assumed, is_open });
        Some((seconds, ambiguous))
    }

    /// Corrects the time that was read last by the session's start, which the log tells twice: as text in
    /// the same zone, and as seconds since 1970 in the session's id. Returns how many seconds the time
    /// was too late. `None` where nothing says that it was wrong, or uncertain.
    pub(crate) fn correction(&mut self, session_id: &str, session_start: &str) -> Option<i64> {
        let last = self.last.as_mut().filter(|last| last.is_assumed)?;
        let (started, zone) = session_start.split_at_checked(SECONDS_BYTES)?;
        if zone.strip_prefix(' ') != Some(&last.zone) {
            return None;
        }
        let offset = local_seconds(started)? - sessions::start_of(session_id)?;
        if !sessions::is_offset(offset) {
            return None;
        }
        let too_late = offset - last.offset;
        let is_news = too_late != 0 || last.ambiguous;
        last.seconds -= too_late;
        last.offset = offset;
        last.ambiguous = false;
        last.is_open = false;
        if is_news {
            self.shown = Some(ShownZone { name: last.zone.clone(), offset });
        }
        is_news.then_some(too_late)
    }

    /// Chooses between the two moments of a local time, and tells whether that is a guess.
    fn choose(&self, [first, second]: [i64; 2], session_id: Option<&str>) -> (i64, bool) {
        let started = session_id.and_then(sessions::start_of);
        if self.latest.max(started).is_some_and(|before| before > first + OUT_OF_ORDER_S) {
            return (second, false);
        }
        let is_close = self.latest.is_some_and(|before| before > first - CLOSE_S);
        (first, !is_close)
    }

    fn offset(&self, local: &Local, zone: &str) -> Offset {
        if let Some(offset) = abbreviations::numeric_offset(zone) {
            return Offset::One(offset);
        }
        let in_zone = self.zone.as_ref().and_then(|rules| local.offset_in(rules, zone));
        let shown = || self.shown_offset(zone).map(Offset::One);
        let by_name = || abbreviations::offset(zone, local.datetime()).map(Offset::One);
        in_zone.or_else(shown).or_else(by_name).unwrap_or(Offset::Unknown)
    }

    fn shown_offset(&self, zone: &str) -> Option<i32> {
        let shown = self.shown.as_ref().filter(|shown| shown.name == zone);
        shown.and_then(|shown| i32::try_from(shown.offset).ok())
    }

    /// Returns the time zones of which an abbreviation is the name, where several are in use: the one
    /// that it is taken for first, unless the sessions of the log say otherwise.
    ///
    /// ```
    /// assert_eq!(pglog::Clock::meanings("IST"), ["Asia/Jerusalem", "Asia/Kolkata", "Europe/Dublin"]);
    /// assert!(pglog::Clock::meanings("CET").is_empty());
    /// ```
    #[must_use]
    pub fn meanings(abbreviation: &str) -> Vec<&'static str> {
        let shared = abbreviations::shared(abbreviation).unwrap_or_default();
        shared.iter().map(|(_, zone)| *zone).collect()
    }
}

/// Tells whether a zone means the same everywhere.
fn is_universal(zone: &str) -> bool {
    matches!(zone, "UTC" | "GMT" | "Z") || abbreviations::numeric_offset(zone).is_some()
}

/// Lines of different processes are written up to so many seconds out of order.
const OUT_OF_ORDER_S: i64 = 5;

/// After a pause of up to so many seconds the first of two equal hours is the one that has begun.
const CLOSE_S: i64 = 600;

/// Seconds east of UTC.
enum Offset {
    One(i32),
    /// The local time occurred twice, with these offsets.
    Either(i32, i32),
    Unknown,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// A date and time of day without a zone.
struct Local {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Local {
    /// Reads `2026-11-24 02:21:01`.
    fn read(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let local = Self {
            year: number(0, 4)?,
            month: number(5, 7)?,
            day: number(8, 10)?,
            hour: number(11, 13)?,
            minute: number(14, 16)?,
            second: number(17, 19)?,
        };
        let plausible = (1..=12).contains(&local.month)
            && (1..=31).contains(&local.day)
            && (0..=24).contains(&local.hour)
            && (0..=59).contains(&local.minute)
            && (0..=60).contains(&local.second);
        plausible.then_some(local)
    }

    /// Seconds since 1970-01-01, were this UTC.
    fn seconds(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) * 86_400
            + self.hour * 3600
            + self.minute * 60
            + self.second
    }

    fn datetime(&self) -> Option<civil::DateTime> {
        let narrow = |value: i64| i8::try_from(value).ok();
        civil::DateTime::new(
            i16::try_from(self.year).ok()?,
            narrow(self.month)?,
            narrow(self.day)?,
            narrow(self.hour)?,
            narrow(self.minute)?,
            narrow(self.second.min(59))?,
            0,
        )
        .ok()
    }

    /// The offset that a zone had at this time: where it had two, the one with this abbreviation.
    fn offset_in(&self, rules: &TimeZone, abbreviation: &str) -> Option<Offset> {
        let ambiguous = rules.to_ambiguous_timestamp(self.datetime()?);
        let earlier = rules.to_offset_info(ambiguous.earlier().ok()?);
        let later = rules.to_offset_info(ambiguous.later().ok()?);
        let offsets = (earlier.offset().seconds(), later.offset().seconds());
        match (earlier.abbreviation() == abbreviation, later.abbreviation() == abbreviation) {
            (true, true) if offsets.0 != offsets.1 => Some(Offset::Either(offsets.0, offsets.1)),
            (true, _) => Some(Offset::One(offsets.0)),
            (false, true) => Some(Offset::One(offsets.1)),
            // Written in another zone than the one that is configured now.
            (false, false) => None,
        }
    }
}

/// Reads `2026-11-24 02:21:01` at the start of a text as seconds since 1970-01-01, were it UTC.
pub(crate) fn local_seconds(text: &str) -> Option<i64> {
    Local::read(text.get(..SECONDS_BYTES)?).map(|local| local.seconds())
}

/// Reads `.123` or `.123456` as microseconds; nothing is zero.
fn read_fraction(text: &str) -> Option<(i64, Precision)> {
    match text.as_bytes() {
        [] => Some((0, Precision::Seconds)),
        [b'.', digits @ ..] if digits.len() <= 6 => {
            let value = digits.iter().try_fold(0, |value, digit| {
                digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
            });
            match digits.len() {
                3 => Some((value? * 1000, Precision::Millis)),
                6 => Some((value?, Precision::Micros)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
