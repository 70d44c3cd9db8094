//! Reads a message from its start to its end.

use crate::find;

/// As many digits are a number of 64 bits, whatever they are.
const MAX_DIGITS: usize = 19;

/// 1 to 10 to the power of 15, which all are less than 2 to the power of 53.
const POWERS_OF_TEN: [u64; 16] = powers_of_ten();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn powers_of_ten() -> [u64; 16] {
    let mut powers = [1; 16];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
}

/// The rest of a text that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'x> {
    rest: &'x str,
}

impl<'x> Scan<'x> {
    pub(super) const fn of(text: &'x str) -> Self {
        Self { rest: text }
    }

    pub(super) const fn rest(&self) -> &'x str {
        self.rest
    }

    /// Returns all that is left, and passes it.
    pub(super) fn take_rest(&mut self) -> &'x str {
        std::mem::take(&mut self.rest)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes a literal. `None`, and nothing passed, where something else stands.
    pub(super) fn literal(&mut self, literal: &str) -> Option<()> {
        // One byte mostly shows that it is something else.
        let first = literal.as_bytes().first();
        if first.is_some() && first != self.rest.as_bytes().first() {
            return None;
        }
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Passes a literal if it is there, and tells whether it was.
    pub(super) fn eat(&mut self, literal: &str) -> bool {
        self.literal(literal).is_some()
    }

    /// Returns so many bytes, and passes them. `None` where they end inside of a character.
    pub(super) fn take(&mut self, bytes: usize) -> Option<&'x str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// Returns the text before the next `end`, and passes both.
    pub(super) fn until(&mut self, end: &str) -> Option<&'x str> {
        let (text, rest) = find::split_once(self.rest, end)?;
        self.rest = rest;
        Some(text)
    }

    /// Returns the text before the last `end`, and passes both.
    pub(super) fn until_last(&mut self, end: &str) -> Option<&'x str> {
        let (text, rest) = find::rsplit_once(self.rest, end)?;
        self.rest = rest;
        Some(text)
    }

    /// Returns the characters that fit, and passes them.
    pub(super) fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'x str {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii() || !fits(byte));
        let (taken, rest) =
            self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or(("", self.rest));
        self.rest = rest;
        taken
    }

    /// Reads a whole number.
    pub(super) fn number(&mut self) -> Option<u64> {
        let start = self.rest;
        match self.digits() {
            (_, 0) => None,
            (number, ..=MAX_DIGITS) => Some(number),
            (_, count) => start.get(..count)?.parse().ok(),
        }
    }

    /// Passes digits. Returns the number that up to [`MAX_DIGITS`] of them are, and how many they are.
    pub(super) fn digits(&mut self) -> (u64, usize) {
        let bytes = self.rest.as_bytes();
        let mut number: u64 = 0;
        let mut count = 0;
        while let Some(byte) = bytes.get(count)
            && byte.is_ascii_digit()
        {
            number = number.wrapping_mul(10).wrapping_add((byte - b'0').into());
            count += 1;
        }
        self.rest = self.rest.get(count..).unwrap_or_default();
        (number, count)
    }

    /// Reads a whole number with a sign.
    pub(super) fn signed(&mut self) -> Option<i64> {
        self.take_while(|byte| byte.is_ascii_digit() || byte == b'-').parse().ok()
    }

    /// Reads a number with or without a fraction.
    pub(super) fn decimal(&mut self) -> Option<f64> {
        let start = *self;
        let (whole, whole_count) = self.digits();
        let (mut number, mut count) = (whole, whole_count);
        let mut divisor = 1;
        if self.eat(".") {
            let (fraction, fraction_count) = self.digits();
            count += fraction_count;
            divisor = *POWERS_OF_TEN.get(fraction_count).unwrap_or(&0);
            number = whole.wrapping_mul(divisor).wrapping_add(fraction);
        }
        // Of whole numbers below 2 to the power of 53 the quotient is the number nearest to the decimal one.
        if (1..POWERS_OF_TEN.len()).contains(&count) && !self.rest.starts_with('.') {
            return Some(number as f64 / divisor as f64);
        }
        *self = start;
        let digits = self.take_while(|byte| byte.is_ascii_digit() || byte == b'.');
        digits.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Reads seconds as milliseconds, such as `1.234` as 1234.
    pub(super) fn seconds(&mut self) -> Option<f64> {
        let start = self.rest;
        let whole = u32::try_from(self.number()?).ok()?;
        // By digits, for 0.001 times 1000 is not 1 in binary fractions.
        let mut thousandths = 0;
        if self.eat(".") {
            let (fraction, count) = self.digits();
            let more = self.take_while(|byte| byte.is_ascii_digit() || byte == b'.');
            thousandths = match (count, more) {
                (0..=3, "") => fraction * POWERS_OF_TEN.get(3 - count)?,
                _ => {
                    let digits = start.get(..start.len() - self.rest.len())?;
                    return Some(digits.parse::<f64>().ok()? * 1000.0);
                }
            };
        }
        Some(f64::from(whole) * 1000.0 + thousandths as f64)
    }

    /// Reads a position in the WAL, such as `0/15FE3C8`.
    pub(super) fn lsn(&mut self) -> Option<&'x str> {
        let start = *self;
        let lsn = self.take_while(|byte| byte.is_ascii_hexdigit() || byte == b'/');
        let (high, low) = lsn.split_once('/')?;
        if high.is_empty() || low.is_empty() || low.contains('/') {
            *self = start;
            return None;
        }
        Some(lsn)
    }

    /// Reads a name in quotes that `behind` follows, and passes that too.
    pub(super) fn quoted_before(&mut self, behind: &str) -> Option<&'x str> {
        self.literal("\"")?;
        // A name may hold quotes itself: the server does not double them.
        let mut from = 0;
        loop {
            let at = from + find::find_byte(self.rest.as_bytes().get(from..)?, b'"')?;
            let mut scan = Self::of(self.rest.get(at + 1..)?);
            if scan.eat(behind) {
                let name = self.rest.get(..at);
                *self = scan;
                return name;
            }
            from = at + 1;
        }
    }

    /// Reads a name in quotes, the last thing in the text.
    pub(super) fn quoted_to_end(&mut self) -> Option<&'x str> {
        let name = self.rest.strip_prefix('"')?.strip_suffix('"')?;
        self.rest = "";
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_those_that_std_reads(text in "[0-9]{0,21}([.][0-9]{0,9}){0,2}x?") {
            let digits = text.trim_end_matches('x');
            prop_assert_eq!(Scan::of(&text).decimal(), digits.parse().ok());
            let whole = digits.split('.').next().and_then(|whole| whole.parse().ok());
            prop_assert_eq!(Scan::of(&text).number(), whole);
            let seconds = digits.parse::<f64>().ok().filter(|_| whole.is_some_and(|whole| whole <= u32::MAX.into()));
            let millis = Scan::of(&text).seconds();
            prop_assert_eq!(millis.is_some(), seconds.is_some());
            let error = millis.unwrap_or_default() - seconds.unwrap_or_default() * 1000.0;
            prop_assert!(error.abs() <= 1e-12 * millis.unwrap_or_default());
        }
    }

    #[test]
    fn seconds_are_exact_milliseconds() {
        for (text, millis) in [("0.001", 1.0), ("12.345", 12345.0), ("1.5", 1500.0), ("7", 7000.0)]
        {
            assert_eq!(Scan::of(text).seconds(), Some(millis), "{text}");
        }
        assert_eq!(Scan::of("x").seconds(), None);
    }

    #[test]
    fn quotes_inside_of_a_name_do_not_end_it() {
        let mut scan = Scan::of("\"a\"b\" on c");
        assert_eq!(scan.quoted_before(" on "), Some("a\"b"));
        assert_eq!(scan.rest(), "c");
        assert_eq!(Scan::of("\"a\" x").quoted_before(" on "), None);
    }

    #[test]
    fn lsn_has_two_parts() {
        assert_eq!(Scan::of("0/15FE3C8: x").lsn(), Some("0/15FE3C8"));
        assert_eq!(Scan::of("15FE3C8").lsn(), None);
        assert_eq!(Scan::of("0/").lsn(), None);
    }
}
