//! SQLSTATEs of messages whose log does not carry them.
//!
//! The list has what servers of the majors 13 to 18, PL/pgSQL and the extensions that come with them say
//! when they report an error that has a class, with `%` for what they fill in. It was read out of their
//! programs, where each message stands beside its SQLSTATE.

use std::{ops::Range, sync::LazyLock};

use crate::{event::letters::LetterSet, find::split_once};

/// One message a line, `SQLSTATE PATTERN`, sorted by what stands before the first `%`.
const LIST: &str = include_str!("messages.txt");

static INDEX: LazyLock<Index> = LazyLock::new(Index::read);

/// The list, ready to be searched.
struct Index {
    patterns: Vec<Pattern>,
    /// The first eight bytes of the heads, each once and sorted, and where the patterns are that begin so.
    starts: Vec<u64>,
    ranges: Vec<Range<usize>>,
    /// The heads of less than eight bytes, the longest first, and where their patterns are.
    short: Vec<(Head, Range<usize>)>,
}

/// A head of less than eight bytes.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Its bytes, filled with zeros.
    bytes: u64,
    /// Has ones where the head has bytes.
    mask: u64,
}

impl Head {
    fn of(head: &str) -> Self {
        let unused = u32::try_from((size_of::<u64>() - head.len()) * 8).unwrap_or(u64::BITS);
        Self { bytes: first_bytes(head), mask: u64::MAX.checked_shl(unused).unwrap_or(0) }
    }

    /// Tells whether a text starts with the head, given its own first bytes.
    const fn begins(self, start: u64) -> bool {
        start & self.mask == self.bytes
    }
}

impl Index {
    fn read() -> Self {
        let patterns: Vec<Pattern> = LIST.lines().filter_map(Pattern::read).collect();
        let (starts, ranges) =
            groups(&patterns, |pattern| first_bytes(pattern.head)).into_iter().unzip();
        let heads = groups(&patterns, |pattern| pattern.head).into_iter();
        let short = heads.filter(|(head, _)| head.len() < size_of::<u64>());
        let mut short: Vec<_> = short.map(|(head, range)| (Head::of(head), range)).collect();
        short.sort_by_key(|(head, _)| std::cmp::Reverse(head.mask));
        Self { patterns, starts, ranges, short }
    }

    fn find(&self, message: &str) -> Option<&'static str> {
        let start = first_bytes(message);
        self.find_by_long_head(start, message).or_else(|| {
            let letters = LetterSet::of(message);
            let mut short = self.short.iter().filter(|(head, _)| head.begins(start));
            short.find_map(|(_, range)| {
                let patterns = self.patterns.get(range.clone())?.iter();
                best(patterns.filter(|pattern| letters.may_hold(pattern.letters)), message)
            })
        })
    }

    /// Looks at the patterns that share their first eight bytes with the message.
    fn find_by_long_head(&self, start: u64, message: &str) -> Option<&'static str> {
        let range = self.ranges.get(self.starts.binary_search(&start).ok()?)?;
        let patterns = self.patterns.get(range.clone())?;
        let mut prefix = message;
        loop {
            // All heads that the message starts with are sorted before it, and so are all that such a
            // head starts with: looking backwards, each step leaves less of the message to look for.
            let second = second_bytes(prefix);
            let end =
                patterns.partition_point(|other| (other.second, other.head) <= (second, prefix));
            let Pattern { head, second, .. } = *patterns.get(end.checked_sub(1)?)?;
            let common = common_bytes(head, prefix);
            if common < head.len() {
                prefix = prefix.get(..prefix.floor_char_boundary(common))?;
                continue;
            }
            let first =
                patterns.partition_point(|other| (other.second, other.head) < (second, head));
            if let Some(found) = best(patterns.get(first..end)?.iter(), message) {
                return Some(found);
            }
            prefix = prefix.get(..prefix.floor_char_boundary(head.len().checked_sub(1)?))?;
        }
    }
}

/// Returns what patterns next to each other have in common, and where they are.
fn groups<K: PartialEq>(
    patterns: &[Pattern],
    key: impl Fn(&Pattern) -> K,
) -> Vec<(K, Range<usize>)> {
    let mut at = 0;
    let same = patterns.chunk_by(|a, b| key(a) == key(b));
    let group = same.filter_map(|same| {
        let from = at;
        at += same.len();
        Some((key(same.first()?), from..at))
    });
    group.collect()
}

/// Returns the code of the pattern that says most, of those with the same head that fit.
fn best<'p>(patterns: impl Iterator<Item = &'p Pattern>, message: &str) -> Option<&'static str> {
    let fitting = patterns.filter(|pattern| pattern.fits(message));
    fitting.max_by_key(|pattern| pattern.rest.map_or(0, str::len)).map(|pattern| pattern.state_code)
}

/// Returns the first eight bytes as a number that sorts as they do. What is shorter is filled with zeros.
fn first_bytes(text: &str) -> u64 {
    eight_bytes(text.as_bytes())
}

/// Returns the eight bytes behind those in the same way.
fn second_bytes(text: &str) -> u64 {
    eight_bytes(text.as_bytes().get(size_of::<u64>()..).unwrap_or_default())
}

fn eight_bytes(text: &[u8]) -> u64 {
    if let Some(bytes) = text.first_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; size_of::<u64>()];
    for (to, from) in bytes.iter_mut().zip(text) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}

/// A message with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pattern {
    state_code: &'static str,
    /// What stands before the first gap.
    head: &'static str,
    /// The second eight bytes of the head, which tell most heads apart that begin alike.
    second: u64,
    /// What stands behind the first gap. `None` for a message without any.
    rest: Option<&'static str>,
    /// What stands between gaps, if there are several.
    inner: Option<&'static str>,
    /// What stands behind the last gap.
    tail: &'static str,
    /// Of all that stands behind the first gap.
    letters: LetterSet,
}

impl Pattern {
    fn read(line: &'static str) -> Option<Self> {
        let (state_code, pattern) = line.split_once(' ')?;
        let (head, rest) = match pattern.split_once('%') {
            Some((head, rest)) => (head, Some(rest)),
            None => (pattern, None),
        };
        let (inner, tail) = match rest.unwrap_or_default().rsplit_once('%') {
            Some((inner, tail)) => (Some(inner), tail),
            None => (None, rest.unwrap_or_default()),
        };
        let second = second_bytes(head);
        let literals = rest.unwrap_or_default().split('%').map(LetterSet::of);
        let letters = literals.fold(LetterSet::default(), LetterSet::and);
        Some(Self { state_code, head, second, rest, inner, tail, letters })
    }

    /// Tells whether a message that starts with the head goes on as the pattern does.
    fn fits(&self, message: &str) -> bool {
        let behind = message.get(self.head.len()..).unwrap_or_default();
        if self.rest.is_none() {
            return behind.is_empty();
        }
        // Most messages are other ones, and most show it in their last byte.
        if self.tail.bytes().last().is_some_and(|last| behind.bytes().last() != Some(last)) {
            return false;
        }
        let Some(mut behind) = behind.strip_suffix(self.tail) else { return false };
        for literal in self.inner.into_iter().flat_map(|inner| inner.split('%')) {
            let Some((_, rest)) = split_once(behind, literal) else { return false };
            behind = rest;
        }
        true
    }
}

/// Finds the SQLSTATE that a server gives a message. `None` for messages of no class and in other
/// languages.
pub(super) fn state_code_of(message: &str) -> Option<&'static str> {
    INDEX.find(message)
}

/// Counts the bytes up to the first that differs, eight at a time.
fn common_bytes(a: &str, b: &str) -> usize {
    let ((words_of_a, _), (words_of_b, _)) =
        (a.as_bytes().as_chunks::<8>(), b.as_bytes().as_chunks::<8>());
    let same = words_of_a.iter().zip(words_of_b).take_while(|(a, b)| a == b).count();
    let at = same * 8;
    let tails = (a.as_bytes().get(at..), b.as_bytes().get(at..));
    let (a, b) = (tails.0.unwrap_or_default(), tails.1.unwrap_or_default());
    at + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn list_is_sorted_by_its_heads() {
        assert!(INDEX.patterns.is_sorted_by_key(|pattern| pattern.head));
        assert_eq!(INDEX.patterns.len(), LIST.lines().count());
        assert!(INDEX.patterns.iter().all(|pattern| pattern.state_code.len() == 5));
    }

    #[test]
    fn real_messages_have_their_codes() {
        let messages = [
            ("relation \"nosuch\" does not exist", "42P01"),
            ("column t.nosuch does not exist", "42703"),
            ("column \"a\" of relation \"t\" does not exist", "42703"),
            ("\"pk\" is not a view", "42809"),
            ("duplicate key value violates unique constraint \"a\"b%_pkey\"", "23505"),
            ("syntax error at or near \"FORM\"", "42601"),
            ("value \"99999999999\" is out of range for type integer", "22003"),
            ("permission denied for table t", "42501"),
            ("sorry, too many clients already", "53300"),
        ];
        for (message, code) in messages {
            assert_eq!(state_code_of(message), Some(code), "{message}");
        }
    }

    #[test]
    fn messages_of_no_server_have_none() {
        for message in ["", "x", "relation", "relation \"a\" does not exist yet", "\"a\" is", "ü"]
        {
            assert_eq!(state_code_of(message), None, "{message}");
        }
    }

    #[test]
    fn every_pattern_is_found() {
        for line in LIST.lines() {
            let pattern = Pattern::read(line).unwrap();
            let message = line.split_at(6).1.replace('%', "x");
            let found = state_code_of(&message);
            assert!(found.is_some(), "{message}: {pattern:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), at in any::<prop::sample::Index>()) {
            state_code_of(&text);
            let pattern = INDEX.patterns[at.index(INDEX.patterns.len())];
            state_code_of(&format!("{}{text}", pattern.head));
        }
    }
}
