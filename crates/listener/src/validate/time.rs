//! The two forms of time on the wire: text in an entry, seconds in the envelope.

use jiff::{SignedDuration, Timestamp, Unit, civil::DateTime, tz::Offset};

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const MAX_SECONDS: f64 = 253_402_300_799.0;

/// Reads RFC 3339. A time without a zone, which agents older than pgcourier send, is taken as UTC.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    // The zone may stand behind a space: PostgreSQL writes it so.
    let text = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" GMT")).unwrap_or(text);
    let local = text.parse::<DateTime>().ok()?;
    Offset::UTC.to_timestamp(local).ok()
}

/// Returns the time so many seconds after 1970-01-01 UTC, unless it lies outside of 1970 to 9999.
pub(super) fn from_seconds(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        return None;
    }
    let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
    // Today's seconds leave a double no more precision than this.
    Timestamp::from_duration(duration).ok()?.round(Unit::Microsecond).ok()
}

/// Turns milliseconds into whole microseconds; what no log can mean is `None`.
pub(super) fn micros_from_ms(milliseconds: f64) -> Option<i64> {
    let duration = SignedDuration::try_from_secs_f64(milliseconds / 1e3).ok()?;
    i64::try_from(duration.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_of_all_senders_mean_the_same_instant() {
        let instant = Timestamp::from_microsecond(1_769_593_263_123_000).unwrap();
        for text in [
            "2026-01-28T09:41:03.123Z",
            "2026-01-28T11:41:03.123+02:00",
            "2026-01-28 09:41:03.123",
            "2026-01-28 09:41:03.123 UTC",
        ] {
            assert_eq!(parse_timestamp(text), Some(instant), "{text}");
        }
        assert_eq!(from_seconds(1_769_593_263.123), Some(instant));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01 00:00:00", "1769593263", "\u{FFFD}"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        for seconds in [f64::NAN, f64::INFINITY, -1.0, 1e12, 1e300] {
            assert_eq!(from_seconds(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn milliseconds_keep_their_microseconds() {
        assert_eq!(micros_from_ms(12.345), Some(12_345));
        assert_eq!(micros_from_ms(0.001), Some(1));
        assert_eq!(micros_from_ms(1e300), None);
    }
}
