//! Reads a message from its start to its end.

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

    /// Returns the text before the next `end`, and passes both.
    pub(super) fn until(&mut self, end: &str) -> Option<&'x str> {
        let (text, rest) = self.rest.split_once(end)?;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_of_a_name_do_not_end_it() {
        let mut scan = Scan::of("\"a\"b\" on c");
        assert_eq!(scan.quoted_before(" on "), Some("a\"b"));
        assert_eq!(scan.rest(), "c");
        assert_eq!(Scan::of("\"a\" x").quoted_before(" on "), None);
    }
}
