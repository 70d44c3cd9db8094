//! Reads a message from its start to its end.

use crate::find;

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
        self.take_while(|byte| byte.is_ascii_digit()).parse().ok()
    }

    /// Reads a whole number with a sign.
    pub(super) fn signed(&mut self) -> Option<i64> {
        self.take_while(|byte| byte.is_ascii_digit() || byte == b'-').parse().ok()
    }

    /// Reads a number with or without a fraction.
    pub(super) fn decimal(&mut self) -> Option<f64> {
        let digits = self.take_while(|byte| byte.is_ascii_digit() || byte == b'.');
        digits.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Reads seconds as milliseconds, such as `1.234` as 1234.
    pub(super) fn seconds(&mut self) -> Option<f64> {
        let digits = self.take_while(|byte| byte.is_ascii_digit() || byte == b'.');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // By digits, for 0.001 times 1000 is not 1 in binary fractions.
        let whole: u32 = whole.parse().ok()?;
        let thousandths: u32 = match fraction.len() {
            0 => 0,
            1 => fraction.parse::<u32>().ok()? * 100,
            2 => fraction.parse::<u32>().ok()? * 10,
            3 => fraction.parse().ok()?,
            _ => return Some(digits.parse::<f64>().ok()? * 1000.0),
        };
        Some(f64::from(whole) * 1000.0 + f64::from(thousandths))
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
        let (name, rest) = self.split_at_quote_before(behind)?;
        self.rest = rest.strip_prefix(behind)?;
        Some(name)
    }

    /// A name may hold quotes itself: the server does not double them.
    fn split_at_quote_before(&self, behind: &str) -> Option<(&'x str, &'x str)> {
        let quotes = self.rest.match_indices('"');
        quotes.map(|(at, _)| at).find_map(|at| {
            let (name, rest) = self.rest.split_at_checked(at)?;
            let rest = rest.strip_prefix('"')?;
            rest.starts_with(behind).then_some((name, rest))
        })
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
    use super::*;

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
