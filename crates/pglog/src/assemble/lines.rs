//! Bytes to lines of text.

use std::borrow::Cow;

use crate::text::{decode, valid_start};

/// The bytes of a line that are held back until its end is there. A longer line is used in pieces of
/// this size; no prefix is as long.
pub(super) const MAX_HELD_BYTES: usize = 64 << 10;

/// Pairs each line of a decoded text with the same line of the bytes that it was decoded from, both
/// without their line breaks. Decoding leaves line breaks as they are.
pub(super) fn pairs<'a>(text: &'a str, raw: &'a [u8]) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let mut raw_start = 0;
    let raw_lines = memchr::memchr_iter(b'\n', raw).filter_map(move |end| {
        let line = raw.get(raw_start..end);
        raw_start = end + 1;
        line
    });
    let mut start = 0;
    memchr::memchr_iter(b'\n', text.as_bytes())
        .filter_map(move |end| {
            let line = text.get(start..end);
            start = end + 1;
            line
        })
        .zip(raw_lines)
}

/// Whole lines, all of which are text as they are, or a single one that is not.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    text: Cow<'a, str>,
    raw: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Returns the lines, with their line breaks, unless they are one that had to be decoded.
    pub(super) const fn as_it_is(&self) -> Option<&'a str> {
        match self.text {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        }
    }

    /// Pairs each line with its bytes, both without line break.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        pairs(&self.text, self.raw)
    }
}

/// The most bytes that are taken at a time, unless one line is longer: what they are turned into stays
/// close to the processor.
const BLOCK_BYTES: usize = 256 << 10;

/// Splits whole lines into blocks of whole lines.
pub(super) fn blocks(whole: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = whole;
    std::iter::from_fn(move || {
        let most = rest.get(..BLOCK_BYTES).unwrap_or(rest);
        let end = memchr::memrchr(b'\n', most).or_else(|| memchr::memchr(b'\n', rest));
        let (block, behind) = rest.split_at_checked(end.map_or(rest.len(), |end| end + 1))?;
        rest = behind;
        (!block.is_empty()).then_some(block)
    })
}

/// Splits whole lines into segments.
pub(super) fn segments(whole: &[u8]) -> Vec<Segment<'_>> {
    let mut segments = Segments { rest: whole, nul: 0 };
    segments.find_nul();
    std::iter::from_fn(|| segments.next()).collect()
}

#[derive(Debug)]
struct Segments<'a> {
    rest: &'a [u8],
    /// Where the next NUL is, counted from the end of the rest; 0 where there is none.
    nul: usize,
}

impl<'a> Segments<'a> {
    fn find_nul(&mut self) {
        self.nul = memchr::memchr(0, self.rest).map_or(0, |at| self.rest.len() - at);
    }

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if self.nul > self.rest.len() {
            self.find_nul();
        }
        let clean = self.rest.len() - self.nul;
        let clean = self.rest.get(..clean).filter(|_| self.nul > 0).unwrap_or(self.rest);
        let valid = valid_start(clean);
        let whole = memchr::memrchr(b'\n', valid.as_bytes()).map_or(0, |last| last + 1);
        if whole == 0 {
            let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |end| end + 1);
            let (raw, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            return Some(Segment { text: Cow::Owned(decode(raw).into_owned()), raw });
        }
        let (raw, rest) = self.rest.split_at_checked(whole)?;
        self.rest = rest;
        Some(Segment { text: Cow::Borrowed(valid.get(..whole)?), raw })
    }
}

/// Where the next line starts, and what is there of it.
#[derive(Debug)]
pub(super) struct Splitter {
    /// Position of the first byte of the line that is not whole.
    position: u64,
    /// Its bytes that have not been used.
    held: Vec<u8>,
    /// How many bytes of it have been used already.
    used_bytes: u64,
    /// The last of these was NUL, such as the end of a hole in the file.
    is_behind_nul: bool,
}

/// A part of a line, or all of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Position of its first byte.
    pub(super) start: u64,
    pub(super) place: Place,
}

/// Where a piece stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At its start.
    First,
    /// Behind a NUL: a line of the server may begin here.
    BehindNul,
    /// It goes on with what the piece before it was.
    Later,
}

impl Splitter {
    pub(super) const fn at(position: u64) -> Self {
        Self { position, held: Vec::new(), used_bytes: 0, is_behind_nul: false }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn partial_bytes(&self) -> u64 {
        self.used_bytes + self.held.len() as u64
    }

    pub(super) fn has_partial(&self) -> bool {
        self.partial_bytes() > 0
    }

    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Tells whether the partial line belongs to the entry before it, or is part of one.
    pub(super) fn continues_entry(&self) -> bool {
        self.used_bytes > 0 || self.held.first() == Some(&b'\t')
    }

    /// Keeps bytes of the partial line; returns those for which there is no room until a piece is
    /// taken.
    pub(super) fn hold<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = MAX_HELD_BYTES.saturating_sub(self.held.len());
        let (kept, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.held.extend_from_slice(kept);
        rest
    }

    /// Takes the bytes held, if there are so many that their line is a long one. What stands behind a NUL
    /// waits.
    pub(super) fn take_piece(&mut self) -> Option<Piece> {
        if self.held.len() < MAX_HELD_BYTES {
            return None;
        }
        // A character may be cut at the end; its bytes wait for the rest.
        let whole = self.held.len() - incomplete_character(&self.held);
        let waiting = self.held.split_off(behind_nul(&self.held).unwrap_or(whole));
        Some(self.take(waiting))
    }

    /// Takes what is held as the end of the line.
    pub(super) fn take_rest(&mut self) -> Piece {
        self.take(Vec::new())
    }

    fn take(&mut self, waiting: Vec<u8>) -> Piece {
        let bytes = std::mem::replace(&mut self.held, waiting);
        let place = match self.used_bytes {
            0 => Place::First,
            _ if self.is_behind_nul => Place::BehindNul,
            _ => Place::Later,
        };
        let start = self.position + self.used_bytes;
        self.used_bytes += bytes.len() as u64;
        self.is_behind_nul = bytes.last().map_or(self.is_behind_nul, |last| *last == 0);
        Piece { bytes, start, place }
    }

    /// The line is whole; the next one starts at `position`.
    pub(super) fn advance_to(&mut self, position: u64) {
        self.position = position;
        self.used_bytes = 0;
        self.is_behind_nul = false;
        // One long line must not hold its memory for ever.
        self.held = Vec::new();
    }
}

/// Returns where the last NUL ends, if bytes stand behind it. The server writes none, but a crash or a
/// truncation leaves holes, behind which it goes on.
pub(super) fn behind_nul(bytes: &[u8]) -> Option<usize> {
    let behind = memchr::memrchr(0, bytes)? + 1;
    (behind < bytes.len()).then_some(behind)
}

/// Returns how many bytes at the end are the beginning of a character whose rest is missing.
fn incomplete_character(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    for length in 1..=tail.len() {
        let start = tail.len() - length;
        let Some(rest) = tail.get(start..) else { break };
        match std::str::from_utf8(rest) {
            // Without an error length the text ends within a character.
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => return length,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_paired_with_their_bytes() {
        let raw = b"\xff\xff\n\nab\n";
        let text = decode(raw);
        let found: Vec<_> = pairs(&text, raw).collect();
        let expected: [(&str, &[u8]); 3] =
            [("\u{fffd}\u{fffd}", b"\xff\xff"), ("", b""), ("ab", b"ab")];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_that_are_text_stay_in_place() {
        let whole = b"a\nb\n\xffc\nd\n\0e\n\nf\n\xfe\n";
        let mut found = Vec::new();
        for segment in segments(whole) {
            let lines: Vec<_> = segment.lines().map(|(line, _)| line.to_owned()).collect();
            let bytes: usize = segment.lines().map(|(_, raw)| raw.len() + 1).sum();
            assert_eq!(segment.raw.len(), bytes);
            found.push((matches!(segment.text, Cow::Borrowed(_)), lines.join(",")));
        }
        let expected = [
            (true, "a,b"),
            (false, "\u{fffd}c"),
            (true, "d"),
            (false, "\u{fffd}e"),
            (true, ",f"),
            (false, "\u{fffd}"),
        ];
        assert_eq!(found, expected.map(|(borrowed, lines)| (borrowed, lines.to_owned())));
    }

    #[test]
    fn character_cut_by_the_end_is_left_for_later() {
        for (bytes, incomplete) in [
            ("ü".as_bytes(), 0),
            (b"a\xc3".as_slice(), 1),
            (b"\xf0\x9f\x90", 3),
            (b"\xe6\x97", 2),
            (b"\xff", 0),
            (b"", 0),
        ] {
            assert_eq!(incomplete_character(bytes), incomplete, "{bytes:?}");
        }
    }
}
