//! SQLSTATEs of messages whose log does not carry them.
//!
//! The list has what servers of the majors 13 to 18, PL/pgSQL and the extensions that come with them say
//! when they report an error that has a class, with `%` for what they fill in. It was read out of their
//! programs, where each message stands beside its SQLSTATE.

use std::sync::LazyLock;

/// One message a line, `SQLSTATE PATTERN`, sorted by what stands before the first `%`.
const LIST: &str = include_str!("messages.txt");

static PATTERNS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| LIST.lines().filter_map(Pattern::read).collect());

/// A message with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pattern {
    state_code: &'static str,
    /// What stands before the first gap.
    head: &'static str,
    /// What stands between gaps. `None` for a message without any.
    rest: Option<&'static str>,
}

impl Pattern {
    fn read(line: &'static str) -> Option<Self> {
        let (state_code, pattern) = line.split_once(' ')?;
        let (head, rest) = match pattern.split_once('%') {
            Some((head, rest)) => (head, Some(rest)),
            None => (pattern, None),
        };
        Some(Self { state_code, head, rest })
    }

    /// Tells whether a message that starts with the head goes on as the pattern does.
    fn fits(&self, message: &str) -> bool {
        let behind = message.get(self.head.len()..).unwrap_or_default();
        let Some(rest) = self.rest else { return behind.is_empty() };
        let Some((inner, tail)) = rest.rsplit_once('%') else { return behind.ends_with(rest) };
        let Some(mut behind) = behind.strip_suffix(tail) else { return false };
        for literal in inner.split('%') {
            let Some((_, next)) = behind.split_once(literal) else { return false };
            behind = next;
        }
        true
    }
}

/// Finds the SQLSTATE that a server gives a message. `None` for messages of no class and in other
/// languages.
pub(super) fn state_code_of(message: &str) -> Option<&'static str> {
    // Only the first line can be in the list, and names are short.
    let mut prefix = message;
    loop {
        // All heads that the message starts with are sorted before it, and so are all that such a head
        // is a start of: looking backwards, each step leaves less of the message to look for.
        let end = PATTERNS.partition_point(|pattern| pattern.head <= prefix);
        let head = PATTERNS.get(end.checked_sub(1)?)?.head;
        let common = common_bytes(head, prefix);
        if common < head.len() {
            prefix = prefix.get(..prefix.floor_char_boundary(common))?;
            continue;
        }
        let same = PATTERNS.get(..end)?.iter().rev().take_while(|pattern| pattern.head == head);
        if let Some(found) = same.filter(|pattern| pattern.fits(message)).max_by_key(literal_bytes)
        {
            return Some(found.state_code);
        }
        prefix = prefix.get(..prefix.floor_char_boundary(head.len().checked_sub(1)?))?;
    }
}

/// The more a pattern says the better it fits.
fn literal_bytes(pattern: &&Pattern) -> usize {
    pattern.rest.map_or(0, str::len)
}

fn common_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn list_is_sorted_by_its_heads() {
        assert!(PATTERNS.is_sorted_by_key(|pattern| pattern.head));
        assert_eq!(PATTERNS.len(), LIST.lines().count());
        assert!(PATTERNS.iter().all(|pattern| pattern.state_code.len() == 5));
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
            let pattern = PATTERNS[at.index(PATTERNS.len())];
            state_code_of(&format!("{}{text}", pattern.head));
        }
    }
}
