//! Lines that fit a prefix in more than one way.
//!
//! Names are free text: `a@b@shop` is a user `a` or a user `a@b`, and a name with a label in it hides
//! where the message begins. The first reading of such a line is no better than the others.

use std::ops::ControlFlow;

use crate::{
    lanes::any_place_of_three,
    prefix::{LinePrefix, ParsedLine, escape::Token, matcher::Search},
};

/// The most readings that are looked at.
const MAX_READINGS: usize = 64;

/// How far behind a label another one can stand that a name reaches up to: three names and what is
/// between them.
const MAX_NAMES_BYTES: usize = 256;

/// What in a name makes a line fit in more than one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Separators {
    /// The first bytes of what stands behind names.
    bytes: ByteSet,
    has_names: bool,
    /// A name has no separator behind it.
    is_open: bool,
    /// Between names stands what stands in many names too, and no key.
    are_common: bool,
}

impl Separators {
    /// Those of a prefix without names.
    pub(super) const NONE: Self =
        Self { bytes: ByteSet::EMPTY, has_names: false, is_open: false, are_common: false };

    pub(super) fn of(tokens: &[Token]) -> Self {
        let mut separators = Self::NONE;
        let mut rest = tokens;
        while let Some((token, behind)) = rest.split_first() {
            rest = behind;
            match token {
                Token::Field(escape, _) if escape.is_name() => separators.add_name(behind),
                // A name with a label in it looks like a line that ends here.
                Token::SessionOnly => separators.bytes.add(b':'),
                Token::Field(..) | Token::Literal(_) | Token::Unknown { .. } => {}
            }
        }
        separators
    }

    fn add_name(&mut self, behind: &[Token]) {
        self.has_names = true;
        match behind {
            // The label ends it.
            [] | [Token::Literal(_)] => {}
            [Token::Literal(literal), ..] => {
                self.bytes.add(literal.bytes().next().unwrap_or_default());
                self.are_common |= matches!(literal.as_str(), " " | "," | "-" | "." | "/");
            }
            [..] => self.is_open = true,
        }
    }

    fn are_in(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| name.bytes().any(|byte| self.bytes.has(byte)))
    }
}

/// A set of bytes: a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl ByteSet {
    const EMPTY: Self = Self([0; 4]);

    fn add(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte / 64)) {
            *bits |= 1 << (byte % 64);
        }
    }

    fn has(self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 64)).is_some_and(|bits| bits >> (byte % 64) & 1 == 1)
    }
}

/// Tells whether the end of a label, a colon with two blanks, stands in a text so early that a name may reach
/// up to it. No label ends in a small Latin letter, as words before a colon do.
#[inline(always)]
fn may_hide_label(text: &str) -> bool {
    let text = text.as_bytes();
    let text = text.get(..MAX_NAMES_BYTES).unwrap_or(text);
    any_place_of_three(text, *b":  ", |at| {
        let last = at.checked_sub(1).and_then(|last| text.get(last));
        last.is_some_and(|byte| !byte.is_ascii_lowercase())
    })
}

impl LinePrefix {
    /// Tells whether a line with this first reading may have another one. False for most lines at once.
    pub(crate) fn may_read_otherwise(&self, first: &ParsedLine<'_>) -> bool {
        let separators = &self.separators;
        if !separators.has_names {
            return false;
        }
        separators.is_open || self.separates_in_names(first) || may_hide_label(first.text)
    }

    /// Tells whether a line with the names of one that cannot be read otherwise may be, because of the text
    /// behind its label.
    pub(crate) fn may_text_be_read_otherwise(&self, text: &str) -> bool {
        self.separators.has_names && may_hide_label(text)
    }

    /// Tells whether the names of a line have something in them that separates names elsewhere.
    pub(crate) fn separates_in_names(&self, line: &ParsedLine<'_>) -> bool {
        let fields = &line.fields;
        [fields.user, fields.database, fields.application_name]
            .into_iter()
            .any(|name| self.separators.are_in(name))
    }

    /// Tells whether a text has something in it that separates names.
    pub(crate) fn separates_in(&self, text: &str) -> bool {
        self.separators.is_open || self.separators.are_in(Some(text))
    }

    /// Tells whether between names stands what stands in many names too, so that it takes knowledge of the
    /// names to read them.
    pub(crate) const fn has_common_separators(&self) -> bool {
        self.separators.are_common
    }

    /// Tells whether the prefix carries a name of a user's choice.
    pub(crate) const fn has_names(&self) -> bool {
        self.separators.has_names
    }

    /// Returns each way in which a line fits, the first reading first.
    pub(crate) fn readings<'a>(&self, line: &'a str) -> Vec<ParsedLine<'a>> {
        let mut readings = Vec::new();
        Search::run(&self.tokens, line, |found| {
            if !readings.contains(&found) {
                readings.push(found);
            }
            match readings.len() {
                MAX_READINGS.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(prefix: &str, line: &str) -> Vec<String> {
        let prefix = LinePrefix::compile(prefix);
        let first = prefix.match_line(line).unwrap();
        let readings = prefix.readings(line);
        assert_eq!(readings[0], first);
        assert!(readings.len() == 1 || prefix.may_read_otherwise(&first), "{line}");
        readings.iter().filter_map(|reading| reading.fields.user).map(str::to_owned).collect()
    }

    #[test]
    fn every_reading_of_a_line_is_found() {
        let time = "2026-11-24 02:22:16.884 UTC [7628] ";
        for (names, expected) in [
            ("bob@my db", &["bob"][..]),
            ("a@b@shop", &["a", "a@b"]),
            ("bob@a LOG:  x", &["bob", "bob"]),
            ("LOG:  x@shop", &["LOG:  x"]),
        ] {
            let line = format!("{time}{names} ERROR:  division by zero");
            assert_eq!(users("%m [%p] %q%u@%d ", &line), expected, "{names}");
        }
    }

    #[test]
    fn plain_lines_are_known_to_be_plain() {
        let plain = |prefix: &str, line: &str| {
            let prefix = LinePrefix::compile(prefix);
            !prefix.may_read_otherwise(&prefix.match_line(line).unwrap())
        };
        let time = "2026-11-24 02:22:16.884 UTC [7628] ";
        assert!(plain("%m [%p] %q%u@%d ", &format!("{time}bob@shop LOG:  duration: 1.2 ms")));
        assert!(plain("%m [%p] %q%u@%d ", &format!("{time}LOG:  checkpoint starting: time")));
        assert!(plain("%m [%p] ", &format!("{time}LOG:  x: LOG:  y")));
        assert!(plain(
            "%m [%p] user=%u,db=%d,app=%a,client=%h ",
            &format!("{time}user=a,db=b,app=PostgreSQL JDBC Driver,client=::1 LOG:  x")
        ));
        assert!(!plain("%u %d%a ", "a b LOG:  x"), "nothing separates two names");
    }
}
