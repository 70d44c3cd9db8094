//! Text that is the same in all lines so far: what stands between values, or a value that may change.

use crate::prefix::escape::{Padding, Token};

/// Takes the words out of a literal that stand for themselves: as like as not the next session has
/// another one there. What ends in an equals sign or a colon is a key.
pub(super) fn tokens_of(literal: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = literal;
    while let Some((start, end)) = word(rest, tokens.is_empty()) {
        let (before, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let before = before.get(..start).unwrap_or_default();
        if !before.is_empty() {
            tokens.push(Token::Literal(before.to_owned()));
        }
        tokens.push(Token::Unknown { like: None, padding: Padding::None });
        rest = behind;
    }
    if !rest.is_empty() {
        tokens.push(Token::Literal(rest.to_owned()));
    }
    tokens
}

/// Words that people write between values, and nobody is called.
const WORDS: [&str; 10] = ["from", "at", "on", "in", "by", "to", "as", "via", "PID", "host"];

/// Finds the first word that stands for itself.
fn word(text: &str, is_first: bool) -> Option<(usize, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find(is_word)?;
        let rest = text.get(start..)?;
        let end = start + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (before, behind) = (text.get(..start)?, text.get(end..)?);
        // At the beginning of a prefix, or behind what is no value.
        let opens = before.ends_with([' ', '[', '(', '<', '|', ',', ';', '"', '@', '/'])
            || before.is_empty() && is_first;
        let closes = behind.starts_with([' ', ']', ')', '>', '|', ',', ';', '"', '@', '/']);
        // A key may stand in quotes.
        let behind_quote = behind.strip_prefix('"').unwrap_or(behind);
        let is_key = behind_quote.trim_start().starts_with(['=', ':']);
        let word = text.get(start..end)?;
        let has_letters = word.contains(char::is_alphabetic);
        if opens && closes && !is_key && has_letters && !WORDS.contains(&word) {
            return Some((start, end));
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::escape::setting_of;

    #[test]
    fn words_that_may_change_are_left_open() {
        for (literal, expected) in [
            ("] [my-db] [bob] ", "] [%?] [%?] "),
            (" postgres@", " %?@"),
            ("]: [", "]: ["),
            (" user=", " user="),
            (" [vxid:", " [vxid:"),
            ("sql_error_code = ", "sql_error_code = "),
            ("-1] ", "-1] "),
            (" - PG-", " - PG-"),
            ("db1 ", "%? "),
            (" from ", " from "),
            ("{\"time\":\"", "{\"time\":\""),
            ("\",\"app\":\"psql\"} ", "\",\"app\":\"%?\"} "),
            ("postgres: ", "postgres: "),
        ] {
            assert_eq!(setting_of(&tokens_of(literal)), expected, "{literal:?}");
        }
    }
}
