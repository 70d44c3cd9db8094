//! Lines of a log, as far as inference looks at them.

use crate::{language::split_label, severity::Label};

/// A line with a label, and so with a prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    /// What stands in front of the first thing that looks like a label.
    pub(super) head: &'a str,
    /// The line from there on.
    tail: &'a str,
    pub(super) label: Label,
    /// What stands behind it.
    pub(super) text: &'a str,
    /// The line's number in the sample, continuation lines left out.
    pub(super) number: usize,
}

/// The longest prefix that is looked for, in bytes.
const MAX_HEAD_BYTES: usize = 1000;

/// How far behind a label another one can stand that a name reaches up to, in bytes.
const MAX_NAMES_BYTES: usize = 256;

impl<'a> Sample<'a> {
    pub(super) fn of_line(number: usize, line: &'a str) -> Option<Self> {
        let head = line.get(..line.floor_char_boundary(MAX_HEAD_BYTES)).unwrap_or(line);
        let starts = || head.char_indices().map(|(start, _)| start);
        // A word within another one, such as the end of CATALOG, is a label only where there is none
        // that stands by itself.
        starts()
            .filter(|start| !head.get(..*start).is_some_and(|before| before.ends_with(is_word)))
            .find_map(|start| Self::split_at(number, line, start))
            .or_else(|| starts().find_map(|start| Self::split_at(number, line, start)))
    }

    fn split_at(number: usize, line: &'a str, start: usize) -> Option<Self> {
        let (head, rest) = line.split_at_checked(start)?;
        let (label, text) = split_label(rest)?;
        Some(Self { head, tail: rest, label, text, number })
    }

    /// Tells whether another label stands so near behind this one that a name may reach up to it.
    pub(super) fn may_end_later(&self) -> bool {
        let text = self.text.get(..self.text.floor_char_boundary(MAX_NAMES_BYTES));
        text.is_some_and(|text| text.contains(":  ") && Self::of_line(0, text).is_some())
    }

    /// Returns the bytes of the head from `at` on.
    pub(super) fn rest(&self, at: usize) -> &'a [u8] {
        self.head.as_bytes().get(at..).unwrap_or_default()
    }

    pub(super) const fn tail(&self) -> &'a str {
        self.tail
    }

    /// Tells whether the line is a part of the one before it rather than an entry.
    pub(super) const fn is_part(&self) -> bool {
        !matches!(self.label, Label::Level(_))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Tells whether a mark stands in a text with no blank on either side.
pub(super) fn stands_tight(mark: u8, text: &[u8]) -> bool {
    mark.is_ascii_punctuation()
        && text.windows(3).any(|found| {
            matches!(found, [before, at, behind] if *at == mark && *before != b' ' && *behind != b' ')
        })
}
