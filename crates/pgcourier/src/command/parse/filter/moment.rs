//! Moments as people write them.

use jiff::{Span, ZonedDateTime, civil, tz::TimeZone};

/// Forms that are read, for those who wrote another.
const FORMS: &str = "take 2026-11-24, '2026-11-24 02:20', '2026-11-24 02:20 Europe/Berlin', 02:20, -1h, \
                     '2 days ago', yesterday, RFC 3339 or seconds since 1970";

/// Reads a moment. Times without a zone are those of `zone`. Returns microseconds since 1970-01-01 UTC.
pub(in crate::command::parse) fn moment(
    text: &str,
    zone: &TimeZone,
    now: jiff::Timestamp,
) -> Result<i64, String> {
    let text = text.trim();
    let now = now.to_zoned_datetime(zone.clone());
    let found = relative(text, &now)
        .or_else(|| text.parse().ok())
        .or_else(|| since_1970(text))
        .or_else(|| local(text, &now));
    let found = found.ok_or_else(|| format!("{text:?} is no time; {FORMS}"))?;
    Ok(found.as_microsecond())
}

/// Reads `-1h`, `1 hour ago`, `now`, `today` and `yesterday`.
fn relative(text: &str, now: &ZonedDateTime) -> Option<jiff::Timestamp> {
    let day = |day: &ZonedDateTime| day.start_of_day().ok().map(|start| start.timestamp());
    match text.to_lowercase().as_str() {
        "now" => return Some(now.timestamp()),
        "today" => return day(now),
        "yesterday" => return day(&now.yesterday().ok()?),
        _ => {}
    }
    let ago = text.strip_suffix("ago").or_else(|| text.strip_prefix('-'))?;
    let ago: Span = ago.trim().parse().ok()?;
    Some(now.checked_sub(ago.abs()).ok()?.timestamp())
}

/// Reads seconds since 1970, with or without a fraction, as `%n` prints them.
fn since_1970(text: &str) -> Option<jiff::Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    // A year has four digits.
    let is_number =
        seconds.len() >= 9 && [seconds, fraction].concat().bytes().all(|b| b.is_ascii_digit());
    let digits = format!("{fraction:0<6}");
    let micros: i64 = is_number.then(|| digits.get(..6)?.parse().ok())??;
    let micros = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
    jiff::Timestamp::from_microsecond(micros).ok()
}

/// Reads a date, a time of today or both, in the zone behind it or in that of `now`.
fn local(text: &str, now: &ZonedDateTime) -> Option<jiff::Timestamp> {
    let (local, zone) = match text.rsplit_once(' ') {
        Some((local, zone)) if !zone.starts_with(|c: char| c.is_ascii_digit()) => {
            (local, zone_of(zone)?)
        }
        _ => (text, now.time_zone().clone()),
    };
    let date_time = match local.parse::<civil::DateTime>() {
        Ok(date_time) => date_time,
        Err(_) => now.with_time_zone(zone.clone()).date().to_datetime(local.parse().ok()?),
    };
    zone.to_timestamp(date_time).ok()
}

/// Reads `UTC`, `Europe/Berlin`, `+01` or `+01:00`.
fn zone_of(text: &str) -> Option<TimeZone> {
    if text.starts_with(['+', '-']) {
        let offset = jiff::fmt::temporal::DateTimeParser::new();
        return offset.parse_time_zone(text).ok();
    }
    TimeZone::get(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        match moment(text, &zone, now) {
            Ok(micros) => jiff::Timestamp::from_microsecond(micros).unwrap().to_string(),
            Err(problem) => problem,
        }
    }

    #[test]
    fn moments_are_read_in_every_form() {
        for (text, expected) in [
            ("2026-11-24T02:20:00Z", "2026-11-24T02:20:00Z"),
            ("2026-11-24 02:20:00Z", "2026-11-24T02:20:00Z"),
            ("2026-11-24 02:20", "2026-11-24T01:20:00Z"),
            ("2026-11-24 02:20:03.5", "2026-11-24T01:20:03.5Z"),
            ("2026-11-24T02:20", "2026-11-24T01:20:00Z"),
            ("2026-11-24 02:20:00 UTC", "2026-11-24T02:20:00Z"),
            ("2026-11-24 02:20 America/New_York", "2026-11-24T07:20:00Z"),
            ("2026-11-24 02:20 +0530", "2026-11-23T20:50:00Z"),
            ("2026-11-24 02:20:00+01:00", "2026-11-24T01:20:00Z"),
            ("2026-11-24", "2026-11-23T23:00:00Z"),
            ("02:20", "2026-11-24T01:20:00Z"),
            ("02:20 UTC", "2026-11-24T02:20:00Z"),
            ("today", "2026-11-23T23:00:00Z"),
            ("Yesterday", "2026-11-22T23:00:00Z"),
            ("now", "2026-11-24T12:00:00Z"),
            ("-1h", "2026-11-24T11:00:00Z"),
            ("- 90 min", "2026-11-24T10:30:00Z"),
            ("1 hour ago", "2026-11-24T11:00:00Z"),
            ("2 days ago", "2026-11-22T12:00:00Z"),
            ("2d 3h ago", "2026-11-22T09:00:00Z"),
            ("1769593263.123", "2026-01-28T09:41:03.123Z"),
            ("1769593263", "2026-01-28T09:41:03Z"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_with_what_is() {
        for text in ["", "soon", "1h", "26.11.2026", "2026-11-24 25:00", "2026-11-24 02:20 Nowhere"]
        {
            assert!(read(text).contains("is no time; take 2026-11-24"), "{text}: {}", read(text));
        }
    }
}
