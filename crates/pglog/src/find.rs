//! Words in texts, found without setting up a search.
//!
//! Nearly all texts here are short, and each is searched for other words: what prepares a search costs
//! more than the search.

/// Finds the first place where some words stand in a text.
pub(crate) fn find(text: &[u8], words: &[u8]) -> Option<usize> {
    let anchor_at = anchor_of(words);
    let Some(anchor) = words.get(anchor_at) else { return Some(0) };
    let mut from = anchor_at;
    loop {
        let at = from + find_byte(text.get(from..)?, *anchor)?;
        let start = at - anchor_at;
        if text.get(start..)?.starts_with(words) {
            return Some(start);
        }
        from = at + 1;
    }
}

/// Returns where in some words the byte is that is looked for first. Blanks are everywhere, and so are letters.
fn anchor_of(words: &[u8]) -> usize {
    match words.last() {
        Some(b'=') => words.len() - 1,
        _ => words.iter().position(|byte| *byte != b' ').unwrap_or(0),
    }
}

/// Tells whether some words stand in a text.
pub(crate) fn has(text: &str, words: &str) -> bool {
    find(text.as_bytes(), words.as_bytes()).is_some()
}

/// Finds the first place of a byte. It is mostly near, where eight bytes at a time take less than a call.
pub(crate) fn find_byte(text: &[u8], byte: u8) -> Option<usize> {
    const NEAR_WORDS: usize = 4;
    let (words, _) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words.iter().take(NEAR_WORDS) {
        let marks = marks(u64::from_le_bytes(*word), byte);
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += word.len();
    }
    let rest = text.get(at..)?;
    let found = match rest.len() {
        0..8 => rest.iter().position(|other| *other == byte)?,
        _ => memchr::memchr(byte, rest)?,
    };
    Some(at + found)
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHEST_BITS: u64 = u64::from_le_bytes([0x80; 8]);

/// Returns a word whose lowest bit that is set is the highest one of the first byte that is `byte`.
pub(crate) const fn marks(word: u64, byte: u8) -> u64 {
    let different = word ^ u64::from_le_bytes([byte; 8]);
    different.wrapping_sub(ONES) & !different & HIGHEST_BITS
}

/// Marks control characters of ASCII in the same way.
pub(crate) const fn marks_of_controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGHEST_BITS
}

/// Finds the last place where some words stand in a text.
pub(crate) fn rfind(text: &[u8], words: &[u8]) -> Option<usize> {
    let anchor_at = anchor_of(words);
    let Some(anchor) = words.get(anchor_at) else { return Some(text.len()) };
    let mut before = text;
    loop {
        let at = memchr::memrchr(*anchor, before)?;
        before = before.get(..at)?;
        if let Some(start) = at.checked_sub(anchor_at)
            && text.get(start..)?.starts_with(words)
        {
            return Some(start);
        }
    }
}

/// Returns the first eight bytes as a number that sorts as they do. What is shorter is filled with zeros.
pub(crate) const fn first_bytes(text: &[u8]) -> u64 {
    if let Some(bytes) = text.first_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    let mut word = 0;
    let mut rest = text;
    while let Some((last, before)) = rest.split_last() {
        word = word >> 8 | (*last as u64) << 56;
        rest = before;
    }
    word
}

/// Returns the lines of a text as [`str::lines`] does.
pub(crate) fn each_line(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        let is_ended = end < rest.len();
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(if is_ended { line.strip_suffix('\r').unwrap_or(line) } else { line })
    })
}

/// Splits a text at the first place where some words stand.
pub(crate) fn split_once<'x>(text: &'x str, words: &str) -> Option<(&'x str, &'x str)> {
    around(text, words, find(text.as_bytes(), words.as_bytes())?)
}

/// Splits a text at the last place where some words stand.
pub(crate) fn rsplit_once<'x>(text: &'x str, words: &str) -> Option<(&'x str, &'x str)> {
    around(text, words, rfind(text.as_bytes(), words.as_bytes())?)
}

fn around<'x>(text: &'x str, words: &str, at: usize) -> Option<(&'x str, &'x str)> {
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(words.len()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_are_found_where_str_finds_them(text in "[ ab=]{0,20}", words in "[ ab=]{0,4}") {
            let bytes = (text.as_bytes(), words.as_bytes());
            prop_assert_eq!(find(bytes.0, bytes.1), text.find(&words));
            prop_assert_eq!(rfind(bytes.0, bytes.1), text.rfind(&words));
            prop_assert_eq!(split_once(&text, &words), text.split_once(&words));
            prop_assert_eq!(rsplit_once(&text, &words), text.rsplit_once(&words));
        }

        #[test]
        fn lines_are_those_of_str(text in "[ab\r\n]{0,12}") {
            prop_assert_eq!(each_line(&text).collect::<Vec<_>>(), text.lines().collect::<Vec<_>>());
        }

        #[test]
        fn first_control_character_is_marked(bytes in any::<[u8; 8]>()) {
            let marks = marks_of_controls(u64::from_le_bytes(bytes));
            let expected = bytes.iter().position(|byte| *byte < 0x20).unwrap_or(8);
            prop_assert_eq!(marks.trailing_zeros() as usize / 8, expected);
        }

        #[test]
        fn byte_is_found_wherever_it_is(text in "[a\u{61}\u{e1}]{0,60}b?[abc]{0,9}") {
            prop_assert_eq!(find_byte(text.as_bytes(), b'b'), text.find('b'));
        }
    }
}
