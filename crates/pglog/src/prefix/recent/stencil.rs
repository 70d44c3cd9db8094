//! Heads of earlier lines, laid over others.
//!
//! From one line of a busy log to the next often only digits change: those of the time and of numbers. So all
//! that stands before the label is compared at once, and where it is the same but for these digits, each value
//! stands where it stood in the earlier line.

use crate::{
    language::split_label,
    prefix::{
        ParsedLine,
        escape::Escape,
        fields::is_known,
        pattern::{Pattern, Place},
        recent::{Part, Steady},
    },
    severity::Label,
};

/// How many heads are kept.
const STENCILS: usize = 8;

/// Of so many lines that no head fits one is kept: in a log whose heads never come again it costs little.
const MISSES_TO_NOTE: usize = 4;

/// Heads of earlier lines of one prefix.
#[derive(Debug, Default)]
pub(super) struct Stencils {
    stencils: Vec<Stencil>,
    /// The one that fitted last.
    last: usize,
    /// The one that is replaced next.
    oldest: usize,
    misses: usize,
}

/// A line that is taken apart, without a place for each value that it does not have.
#[derive(Debug)]
pub(crate) struct Head<'s, 'a> {
    stencil: &'s Stencil,
    line: &'a str,
    pub(crate) label: Label,
    pub(crate) text: &'a str,
}

/// All that stands before the label of an earlier line.
#[derive(Debug, Default)]
pub(super) struct Stencil {
    /// What stands where. The last comes first: there names stand, and all before them if a number is longer.
    patterns: Vec<(usize, Pattern)>,
    /// Where the label begins.
    end: usize,
    /// Values that are there and known, in the order of [`rank`].
    values: Vec<(Escape, usize, usize)>,
    /// Where digits stand that may be hexadecimal.
    hexadecimal: Vec<usize>,
}

impl Stencils {
    /// Takes a line apart whose head is like an earlier one.
    #[inline(always)]
    pub(super) fn find<'s, 'a>(&'s mut self, line: &'a str) -> Option<Head<'s, 'a>> {
        let (stencil, (label, text)) = match self.stencils.get(self.last)?.split(line) {
            Some(found) => (self.stencils.get(self.last)?, found),
            None => self.find_other(line)?,
        };
        Some(Head { stencil, line, label, text })
    }

    #[inline(never)]
    fn find_other<'a>(&mut self, line: &'a str) -> Option<(&Stencil, (Label, &'a str))> {
        let mut others = self.stencils.iter().enumerate();
        let (at, stencil, found) =
            others.find_map(|(at, stencil)| Some((at, stencil, stencil.split(line)?)))?;
        self.last = at;
        Some((stencil, found))
    }

    /// Keeps the head of a line that no other fits, unless there are many like it.
    pub(super) fn note(&mut self, stencil: impl FnOnce() -> Option<Stencil>) {
        self.misses += 1;
        if self.misses % MISSES_TO_NOTE != 1 {
            return;
        }
        let Some(stencil) = stencil() else { return };
        match self.stencils.get_mut(self.oldest) {
            Some(oldest) => *oldest = stencil,
            None => self.stencils.push(stencil),
        }
        self.last = self.oldest;
        self.oldest = (self.oldest + 1) % STENCILS;
    }
}

impl<'a> Head<'_, 'a> {
    /// The line up to where its label begins.
    pub(crate) fn prefix(&self) -> &'a str {
        self.line.get(..self.stencil.end).unwrap_or_default()
    }

    /// The values that are there and known: first the session's id, and all times before others.
    #[inline(always)]
    pub(crate) fn values(&self) -> impl Iterator<Item = (Escape, &'a str)> {
        let line = self.line;
        let value = move |(escape, start, end): &(Escape, usize, usize)| {
            line.get(*start..*end).map(|value| (*escape, value))
        };
        self.stencil.values.iter().filter_map(value)
    }

    /// The same line with all of its values.
    #[inline(never)]
    pub(crate) fn parsed(&self) -> ParsedLine<'a> {
        let mut parsed = ParsedLine { label: self.label, text: self.text, ..ParsedLine::blank() };
        self.values().for_each(|(escape, value)| parsed.fields.set(escape, value));
        parsed
    }
}

impl Stencil {
    /// Makes one of a line that fits these parts with these texts, up to where its label begins.
    pub(super) fn of(parts: &[Part], steady: &[Steady], line: &str) -> Option<Self> {
        let mut stencil = Self::default();
        let mut steady = steady.iter();
        let mut places = Vec::new();
        for part in parts {
            let at = places.len();
            match part {
                Part::Literal(literal) => places.extend(literal.bytes().map(Place::Same)),
                Part::Changing(escape, shape) => {
                    let rest = line.as_bytes().get(at..)?;
                    let (_, length) = shape.lengths(rest)?;
                    stencil.values.push((*escape, at, at + length));
                    let value = rest.get(..length)?.iter();
                    places.extend(value.map(|byte| place_of(*escape, *byte)));
                }
                Part::Steady { .. } => {
                    let Steady { text, values } = steady.next()?;
                    let values = values.iter();
                    stencil
                        .values
                        .extend(values.map(|(escape, start, end)| (*escape, at + start, at + end)));
                    places.extend(text.bytes().map(Place::Same));
                }
            }
        }
        stencil.end = places.len();
        let value = |(_, start, end): &(_, usize, usize)| line.get(*start..*end);
        stencil.values.retain(|place| value(place).is_some_and(is_known));
        stencil.values.sort_by_key(|(escape, ..)| rank(*escape));
        let any = places.iter().enumerate().filter(|(_, place)| **place == Place::Any);
        stencil.hexadecimal = any.map(|(at, _)| at).collect();
        // What the last one shares with the one before it is compared twice.
        let last = (places.len().checked_sub(Pattern::BYTES)?, *places.last_chunk()?);
        let others = places.as_chunks().0.iter().enumerate();
        let others = others.map(|(number, places)| (number * Pattern::BYTES, *places));
        let all = [last].into_iter().chain(others);
        stencil.patterns = all.map(|(at, places)| (at, Pattern::of(places))).collect();
        Some(stencil)
    }

    /// Splits a line behind this head into its label and its text.
    #[inline(always)]
    fn split<'a>(&self, line: &'a str) -> Option<(Label, &'a str)> {
        if self.fits(line.as_bytes()) { split_label(line.get(self.end..)?) } else { None }
    }

    #[inline(always)]
    fn fits(&self, line: &[u8]) -> bool {
        let fits = |(at, pattern): &(usize, Pattern)| {
            let found = line.get(*at..*at + Pattern::BYTES).and_then(|found| found.first_chunk());
            found.is_some_and(|found| pattern.fits(*found))
        };
        let is_hexadecimal = |at: &usize| {
            line.get(*at).is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        self.patterns.iter().all(fits) && self.hexadecimal.iter().all(is_hexadecimal)
    }
}

/// In which order values are read: what a time means depends on its session, and a finer time replaces another.
const fn rank(escape: Escape) -> usize {
    match escape {
        Escape::SessionId => 0,
        Escape::Time => 1,
        Escape::TimeMillis => 2,
        Escape::TimeEpoch => 3,
        _ => 4,
    }
}

/// What may stand in the place of a byte of a value that changes.
const fn place_of(escape: Escape, byte: u8) -> Place {
    match (escape, byte) {
        (Escape::SessionId, b'0'..=b'9' | b'a'..=b'f') => Place::Any,
        (_, b'0'..=b'9') => Place::Digit,
        _ => Place::Same(byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::prefix::{Fit, LinePrefix, ParsedLine, Recent};

    /// A prefix, and a line with it.
    const LINES: [(&str, &str); 5] = [
        ("%m [%p] %q%u@%d ", "2026-11-24 02:21:01.123 UTC [77123] bob@shop LOG:  one"),
        ("%m [%p] ", "2026-11-24 02:21:01.123 +0545 [77123] LOG:  one"),
        (
            "%n %c,%l,%s,%v,%x %e %a@",
            "1795486862.227 6b04f48d.17ee,12,2026-11-24 02:21:01 UTC,3/567,0 00000 psql@LOG:  one",
        ),
        ("%t:%r:%u@%d:[%p]:", "2026-11-24 02:21:01 UTC:10.0.0.1(5432):bob@shop7:[123]:ERROR:  one"),
        ("%p %h=%Q %u ", "123 [local]=-8441324848661855122 b0b LOG:  one"),
    ];

    proptest! {
        #[test]
        fn line_under_a_stencil_is_what_one_pass_finds(
            (setting, earlier) in prop::sample::select(LINES.to_vec()),
            changes in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::sample::select(b"0123456789abcdefgA-./:[] @".to_vec())),
                0..6,
            ),
        ) {
            let prefix = LinePrefix::compile(setting);
            let mut recent = Recent::of(prefix.tokens());
            let mut parsed = ParsedLine::blank();
            prop_assert!(matches!(prefix.match_into(&mut parsed, earlier), Fit::UpTo(_)));
            recent.note(prefix.tokens(), earlier);
            // The first line that is like the earlier one makes the stencil.
            prop_assert!(recent.match_into(&mut ParsedLine::blank(), earlier).is_some());
            let mut line = earlier.as_bytes().to_vec();
            for (at, byte) in &changes {
                line[at.index(earlier.len())] = *byte;
            }
            let line = String::from_utf8(line).unwrap();
            let mut parsed = ParsedLine::blank();
            let mut expected = ParsedLine::blank();
            let fit = prefix.match_into(&mut expected, &line);
            let under = recent.head(&line);
            prop_assert!(under.is_some() || !changes.is_empty());
            if let Some(under) = under {
                let found = (Fit::UpTo(under.prefix().len()), under.parsed());
                prop_assert_eq!(found, (fit, expected), "{}", line);
            }
            if let Some(at) = recent.match_into(&mut parsed, &line) {
                prop_assert_eq!((Fit::UpTo(at), parsed), (fit, expected), "{}", line);
            }
        }

        #[test]
        fn lines_whose_digits_differ_are_under_one_stencil(
            (setting, earlier) in prop::sample::select(LINES[..3].to_vec()), digits in "[0-9]{120}",
        ) {
            let prefix = LinePrefix::compile(setting);
            let mut recent = Recent::of(prefix.tokens());
            recent.note(prefix.tokens(), earlier);
            prop_assert!(recent.match_into(&mut ParsedLine::blank(), earlier).is_some());
            let other = |(byte, digit): (char, char)| if byte.is_ascii_digit() { digit } else { byte };
            let line: String = earlier.chars().zip(digits.chars()).map(other).collect();
            // A SQLSTATE does not count as a number.
            let state = earlier.find("00000").map_or(0..0, |at| at..at + 5);
            let line = [&line[..state.start], &earlier[state.clone()], &line[state.end..]].concat();
            prop_assert!(recent.head(&line).is_some(), "{}", line);
        }
    }
}
