//! Times as RFC 3339 has them.

use std::cell::Cell;

use crate::{
    digits,
    timestamp::{Precision, Timestamp},
};

const YEAR_0: i64 = -62_167_219_200_000_000;
const YEAR_9999: i64 = 253_402_300_799_999_999;

/// A second as text, such as `2026-11-24T02:21:01`.
#[derive(Clone, Copy)]
struct Second {
    micros: i64,
    text: [u8; 19],
}

thread_local! {
    /// The second that was written last: mostly it is also that of the next entry.
    static LAST: Cell<Second> =
        const { Cell::new(Second { micros: 0, text: *b"1970-01-01T00:00:00" }) };
}

impl Timestamp {
    /// Appends the RFC 3339 form in UTC, such as `2026-11-24T02:21:01.123Z`. Years outside 0 to 9999
    /// have no such form and are shown as its first or last moment.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let mut text = [0; Self::MAX_TEXT_BYTES];
        let length = self.write_into(&mut text);
        out.extend_from_slice(text.get(..length).unwrap_or(&text));
    }

    /// Writes the same to a place, and returns how long it is.
    #[inline(always)]
    pub(crate) fn write_into(self, text: &mut [u8; Self::MAX_TEXT_BYTES]) -> usize {
        let moment = self.micros.clamp(YEAR_0, YEAR_9999);
        let second = Second::around(moment);
        let micros = narrow(moment.abs_diff(second.micros));
        let [whole @ .., p, a, b, c, d, e, f, g] = text;
        *whole = second.text;
        let [f1, f2, f3, _] = digits::three(micros / 1000);
        match self.precision {
            Precision::Micros => {
                let [f4, f5, f6, _] = digits::three(micros % 1000);
                [*p, *a, *b, *c, *d, *e, *f, *g] = [b'.', f1, f2, f3, f4, f5, f6, b'Z'];
                27
            }
            Precision::Millis => {
                [*p, *a, *b, *c, *d] = [b'.', f1, f2, f3, b'Z'];
                24
            }
            Precision::Seconds => {
                *p = b'Z';
                20
            }
        }
    }

    /// Length of the longest form.
    pub(crate) const MAX_TEXT_BYTES: usize = 27;
}

impl Second {
    /// Returns the second in which a moment is, in microseconds, of the years that can be written.
    fn around(moment: i64) -> Self {
        let last = LAST.get();
        if (0..1_000_000).contains(&(moment - last.micros)) {
            return last;
        }
        let second = Self::of(moment);
        LAST.set(second);
        second
    }

    /// Works that second out.
    fn of(moment: i64) -> Self {
        // Numbers that have no sign and are short are divided faster.
        let since_year_0 = moment.abs_diff(YEAR_0);
        let seconds = since_year_0 / 1_000_000;
        let (days, in_day) = (narrow(seconds / 86_400), narrow(seconds % 86_400));
        let (year, month, day) = date_of(days);
        let (minutes, second) = (in_day / 60, in_day % 60);
        let [y1, y2, y3, y4, m1, m2, d1, d2] = digits::pairs([year / 100, year % 100, month, day]);
        let [h1, h2, i1, i2, s1, s2, ..] = digits::pairs([minutes / 60, minutes % 60, second, 0]);
        let text =
            [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2];
        Self { micros: YEAR_0.saturating_add_unsigned(seconds * 1_000_000), text }
    }
}

/// Year, month and day of a number of days since 0000-01-01, in the Gregorian calendar. This is how Neri and
/// Schneider do it ("Euclidean affine functions and their application to calendar algorithms", 2022).
fn date_of(days: u32) -> (u32, u32, u32) {
    const DAYS_OF_ERA: u32 = 146_097;
    // Years begin in March here, so that the leap day is the last one; 400 years more, so that no number
    // has a sign.
    let quarters = (days + DAYS_OF_ERA - 60) * 4 + 3;
    let (century, day_of_century) = (quarters / DAYS_OF_ERA, quarters % DAYS_OF_ERA / 4);
    // 2^32 / 2939745 is 1461, the quarters of a day in a year.
    let years = u64::from(day_of_century * 4 + 3) * 2_939_745;
    let (year_of_century, part) = (narrow(years >> 32), narrow(years & u64::from(u32::MAX)));
    let day_of_year = part / 2_939_745 / 4;
    // 2^16 / 2141 is the length of a month from March to January.
    let months = day_of_year * 2141 + 197_913;
    let (month, day) = (months >> 16, (months & 0xffff) / 2141 + 1);
    let is_next_year = day_of_year >= 306;
    let year = century * 100 + year_of_century + u32::from(is_next_year) - 400;
    (year, if is_next_year { month - 12 } else { month }, day)
}

/// For numbers that are known to be short.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
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

    #[test]
    fn each_moment_of_a_second_has_its_fraction() {
        for second in [-1, 0, 1] {
            for fraction in [0, 1, 123_456, 999_999] {
                let moment = second * 1_000_000 + fraction;
                let expected = Moment::from_microsecond(moment).unwrap();
                assert_eq!(written(moment, Precision::Micros), format!("{expected:.6}"));
            }
        }
    }
}
