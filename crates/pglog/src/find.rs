//! Words in texts, found without setting up a search.
//!
//! Nearly all texts here are short, and each is searched for other words: what prepares a search costs
//! more than the search.

/// Finds the first place where some words stand in a text.
pub(crate) fn find(text: &[u8], words: &[u8]) -> Option<usize> {
    // Blanks are everywhere.
    let anchor_at = words.iter().position(|byte| *byte != b' ').unwrap_or(0);
    let Some(anchor) = words.get(anchor_at) else { return Some(0) };
    let mut from = anchor_at;
    loop {
        let at = from + memchr::memchr(*anchor, text.get(from..)?)?;
        let start = at - anchor_at;
        if text.get(start..)?.starts_with(words) {
            return Some(start);
        }
        from = at + 1;
    }
}

/// Finds the last place where some words stand in a text.
pub(crate) fn rfind(text: &[u8], words: &[u8]) -> Option<usize> {
    let anchor_at = words.iter().position(|byte| *byte != b' ').unwrap_or(0);
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
    }
}
