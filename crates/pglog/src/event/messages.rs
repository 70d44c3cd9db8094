//! SQLSTATEs of messages whose log does not carry them.
//!
//! The list has what servers of the majors 13 to 18, PL/pgSQL and the extensions that come with them say
//! when they report an error that has a class, with `%` for what they fill in. It was read out of their
//! programs, where each message stands beside its SQLSTATE.

use std::{ops::Range, sync::LazyLock};

use crate::find::{first_bytes, split_once};

/// One message a line, `SQLSTATE PATTERN`, sorted by what stands before the first `%`.
const LIST: &str = include_str!("messages.txt");

static INDEX: LazyLock<Index> = LazyLock::new(Index::read);

/// The list, ready to be searched.
struct Index {
    patterns: Vec<Pattern>,
    root: Node,
}

/// The heads that begin alike, in a tree of which each level has the next eight bytes.
#[derive(Default)]
struct Node {
    /// The next eight bytes of the heads that have as many, sorted, and where each goes on.
    words: Vec<u64>,
    nodes: Vec<Self>,
    /// The heads that end before that, the longest first.
    ends: Vec<End>,
}

/// The end of a head, of less than eight bytes.
struct End {
    /// Its bytes, filled with zeros.
    bytes: u64,
    /// Has ones where the head has bytes.
    mask: u64,
    /// Where the patterns are that have the head.
    patterns: Range<usize>,
}

impl Index {
    fn read() -> Self {
        let patterns: Vec<Pattern> = LIST.lines().filter_map(Pattern::read).collect();
        let mut root = Node::default();
        let mut from = 0;
        for same in patterns.chunk_by(|a, b| a.head == b.head) {
            let range = from..from + same.len();
            from = range.end;
            let head = same.first().map_or("", |pattern| pattern.head);
            root.add(head.as_bytes(), range);
        }
        Self { patterns, root }
    }

    fn find(&self, message: &str) -> Option<&'static str> {
        self.find_in(&self.root, message.as_bytes(), message)
    }

    /// Finds the longest head of a message's patterns. `rest` is what of the message the node is about.
    fn find_in(&self, node: &Node, rest: &[u8], message: &str) -> Option<&'static str> {
        let start = first_bytes(rest);
        if let Ok(at) = node.words.binary_search(&start)
            && let (Some(next), Some(rest)) = (node.nodes.get(at), rest.get(size_of::<u64>()..))
            && let Some(found) = self.find_in(next, rest, message)
        {
            return Some(found);
        }
        let mut ends = node.ends.iter().filter(|end| start & end.mask == end.bytes);
        ends.find_map(|end| best(self.patterns.get(end.patterns.clone())?, message))
    }
}

impl Node {
    fn add(&mut self, head: &[u8], patterns: Range<usize>) {
        let bytes = first_bytes(head);
        let Some((_, rest)) = head.split_first_chunk::<8>() else {
            let unused = (size_of::<u64>() - head.len()) * 8;
            let mask = u32::try_from(unused).ok().and_then(|bits| u64::MAX.checked_shl(bits));
            self.ends.push(End { bytes, mask: mask.unwrap_or(0), patterns });
            self.ends.sort_by_key(|end| std::cmp::Reverse(end.mask));
            return;
        };
        // The list is sorted.
        if self.words.last() != Some(&bytes) {
            self.words.push(bytes);
            self.nodes.push(Self::default());
        }
        if let Some(node) = self.nodes.last_mut() {
            node.add(rest, patterns);
        }
    }
}

/// Returns the code of the pattern that says most, of those with the same head that fit.
fn best(patterns: &[Pattern], message: &str) -> Option<&'static str> {
    // Most messages are other ones, and most show it at their end.
    let end = last_bytes(message);
    let possible = patterns.iter().filter(|pattern| end & pattern.end_mask == pattern.end);
    let fitting = possible.filter(|pattern| pattern.fits(message));
    fitting.max_by_key(|pattern| pattern.rest.map_or(0, str::len)).map(|pattern| pattern.state_code)
}

/// Returns the last eight bytes as a number, the last one lowest. What is shorter has zeros before it.
fn last_bytes(text: &str) -> u64 {
    if let Some(bytes) = text.as_bytes().last_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    text.bytes().fold(0, |word, byte| word << 8 | u64::from(byte))
}

/// A message with gaps.
#[derive(Debug)]
struct Pattern {
    state_code: &'static str,
    /// What stands before the first gap.
    head: &'static str,
    /// What stands behind the first gap. `None` for a message without any.
    rest: Option<&'static str>,
    /// What stands between gaps, if there are several.
    inner: Box<[&'static str]>,
    /// What stands behind the last gap.
    tail: &'static str,
    /// The last bytes of that, up to eight.
    end: u64,
    /// Has ones where these are.
    end_mask: u64,
}

impl Pattern {
    fn read(line: &'static str) -> Option<Self> {
        let (state_code, pattern) = line.split_once(' ')?;
        let (head, rest) = match pattern.split_once('%') {
            Some((head, rest)) => (head, Some(rest)),
            None => (pattern, None),
        };
        let (inner, tail) = match rest.unwrap_or_default().rsplit_once('%') {
            Some((inner, tail)) => (inner.split('%').collect(), tail),
            None => (Box::default(), rest.unwrap_or_default()),
        };
        let end = last_bytes(tail);
        let unused = size_of::<u64>().saturating_sub(tail.len()) * 8;
        let end_mask = u32::try_from(unused).ok().and_then(|bits| u64::MAX.checked_shr(bits));
        let end_mask = end_mask.unwrap_or(0);
        Some(Self { state_code, head, rest, inner, tail, end, end_mask })
    }

    /// Tells whether a message that starts with the head goes on as the pattern does.
    fn fits(&self, message: &str) -> bool {
        let behind = message.get(self.head.len()..).unwrap_or_default();
        if self.rest.is_none() {
            return behind.is_empty();
        }
        let Some(mut behind) = behind.strip_suffix(self.tail) else { return false };
        for literal in &self.inner {
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

    #[test]
    fn pattern_with_the_longest_head_is_found() {
        for (line, other) in LIST.lines().zip(LIST.lines().skip(1)) {
            let message = line.split_at(6).1.replace('%', "%,%") + other.split_at(6).1;
            for message in [&message, line.split_at(6).1] {
                let fits = INDEX
                    .patterns
                    .iter()
                    .filter(|pattern| message.starts_with(pattern.head) && pattern.fits(message));
                let says =
                    |pattern: &&Pattern| (pattern.head.len(), pattern.rest.map_or(0, str::len));
                let expected = fits.max_by_key(says).map(|pattern| pattern.state_code);
                assert_eq!(state_code_of(message), expected, "{message}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), at in any::<prop::sample::Index>()) {
            state_code_of(&text);
            let pattern = &INDEX.patterns[at.index(INDEX.patterns.len())];
            state_code_of(&format!("{}{text}", pattern.head));
        }
    }
}
