//! Times as RFC 3339 has them.

use crate::timestamp::{Precision, Timestamp};

const YEAR_0: i64 = -62_167_219_200_000_000;
const YEAR_9999: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// Appends the RFC 3339 form in UTC, such as `2026-11-24T02:21:01.123Z`. Years outside 0 to 9999
    /// have no such form and are shown as its first or last moment.
    pub fn write_to(self, out: &mut Vec<u8>) {
        // Numbers that have no sign and are short are divided faster.
        let since_year_0 = self.micros.clamp(YEAR_0, YEAR_9999).abs_diff(YEAR_0);
        let (seconds, micros) = (since_year_0 / 1_000_000, narrow(since_year_0 % 1_000_000));
        let (days, in_day) = (narrow(seconds / 86_400), narrow(seconds % 86_400));
        let (year, month, day) = date_of(days);
        let ([y1, y2], [y3, y4]) = (pair(year / 100), pair(year % 100));
        let ([m1, m2], [d1, d2]) = (pair(month), pair(day));
        let (minutes, second) = (in_day / 60, in_day % 60);
        let ([h1, h2], [i1, i2], [s1, s2]) = (pair(minutes / 60), pair(minutes % 60), pair(second));
        let ([f1, f2], [f3, f4], [f5, f6]) =
            (pair(micros / 10_000), pair(micros / 100 % 100), pair(micros % 100));
        let text = [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2,
            b'.', f1, f2, f3, f4, f5, f6, b'Z',
        ];
        let kept = match self.precision {
            Precision::Seconds => 19,
            Precision::Millis => 23,
            Precision::Micros => return out.extend_from_slice(&text),
        };
        out.extend_from_slice(text.get(..kept).unwrap_or(&text));
        out.push(b'Z');
    }
}

/// Year, month and day of a number of days since 0000-01-01, in the Gregorian calendar.
fn date_of(days: u32) -> (u32, u32, u32) {
    const DAYS_OF_ERA: u32 = 146_097;
    // Years begin in March here, so that the leap day is the last one; 400 years more, so that no number
    // has a sign.
    let days = days + DAYS_OF_ERA - 60;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u32::from(month <= 2) - 400, month, day)
}

/// For numbers that are known to be short.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Returns the two digits of a number below 100.
fn pair(value: u32) -> [u8; 2] {
    const PAIRS: &[u8; 200] = b"\
        0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899";
    let (pairs, _) = PAIRS.as_chunks::<2>();
    *pairs.get(value as usize).unwrap_or(b"99")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp as Moment;
    use proptest::prelude::*;

    use super::*;

    fn written(micros: i64, precision: Precision) -> String {
        Timestamp::from_micros(micros, precision).to_string()
    }

    proptest! {
        #[test]
        fn every_moment_is_that_of_the_calendar(
            micros in prop_oneof![YEAR_0..=YEAR_9999, -5_000_000_000_000_000..5_000_000_000_000_000_i64],
        ) {
            let moment = Moment::from_microsecond(micros).unwrap();
            prop_assert_eq!(written(micros, Precision::Micros), format!("{moment:.6}"));
            let text = written(micros, Precision::Millis);
            let seconds = written(micros, Precision::Seconds);
            prop_assert_eq!(&format!("{moment:.6}")[..23], text.trim_end_matches('Z'));
            prop_assert_eq!(&text[..19], seconds.trim_end_matches('Z'));
        }
    }

    #[test]
    fn first_and_last_moments_bound_all_others() {
        assert_eq!(written(i64::MIN, Precision::Seconds), "0000-01-01T00:00:00Z");
        assert_eq!(written(i64::MAX, Precision::Micros), "9999-12-31T23:59:59.999999Z");
        assert_eq!(written(YEAR_9999, Precision::Millis), "9999-12-31T23:59:59.999Z");
    }
}
