//! Where in a statement an error is: the server appends it to the message.

use crate::language::damaged::{REPLACEMENT, REPLACEMENT_LEAD, damaged_length};

/// How a language appends a position: the text before the number and the text behind it.
///
/// Translations of ` at character %d` in the catalogs that the labels come from, English first.
const BEFORE_AND_BEHIND: [(&str, &str); 22] = [
    (" at character ", ""),
    (" bei Zeichen ", ""),
    (" en carácter ", ""),
    (" au caractère ", ""),
    (" al carattere ", ""),
    (" przy znaku ", ""),
    (" no caractere ", ""),
    (" no caracter ", ""),
    (" pada karakter ", ""),
    (" vid tecken ", ""),
    (" символ ", ""),
    (" სიმბოლოსთან ", ""),
    ("(", "文字目)"),
    // The same in `EUC_JP`, and others in CP949 and GBK, whose bytes are partly those of other letters.
    ("(", "\u{2b8}\u{fffd}\u{fffd}\u{fffd}\u{fffd})"),
    (" ", " \u{fffd}\u{fffd}\u{b0} \u{fffd}\u{fffd}\u{fffd}\u{fffd} \u{fffd}\u{3b1}\u{fffd}"),
    (" \u{fffd}\u{fffd} ", " \u{fffd}\u{fffd}\u{fffd}\u{5b7}\u{fffd}\u{fffd}\u{fffd}"),
    (" (символ ", ")"),
    (" 第 ", " 个字符处"),
    (" 在第 ", " 個字元處"),
    (" ", " 번째 문자 부근"),
    (" ", " karakterinde "),
    // Traditional Chinese before PostgreSQL 10.
    ("於字元", ""),
];

/// No position is longer with all that is around it.
const MAX_TAIL_BYTES: usize = 64;

/// The most digits of a position.
const MAX_DIGITS: usize = 10;

/// Takes the second text off the end of the first.
type Strip = for<'a> fn(&'a str, &str) -> Option<&'a str>;

/// Splits ` at character 15`, in any language, off the end of a message.
pub(crate) fn split_position(message: &str) -> Option<(&str, u32)> {
    let last = *message.as_bytes().last()?;
    if last.is_ascii() && !matches!(last, b')' | b'?' | b' ') && !last.is_ascii_digit() {
        return None;
    }
    split(message, strip_suffix).or_else(|| {
        let tail = message.as_bytes();
        let tail = tail.get(tail.len().saturating_sub(MAX_TAIL_BYTES)..)?;
        let is_damaged = memchr::memchr2(b'?', REPLACEMENT_LEAD, tail).is_some();
        if is_damaged { split(message, strip_damaged_suffix) } else { None }
    })
}

fn split(message: &str, strip: Strip) -> Option<(&str, u32)> {
    let at_end = split_number(message).filter(|(_, number)| !number.is_empty());
    // Numbers at the end of other messages stand behind an equals sign or a slash.
    let behind = at_end.and_then(|(words, _)| words.as_bytes().last());
    if behind.is_some_and(|byte| byte.is_ascii() && !matches!(byte, b' ' | b'?')) {
        return None;
    }
    // Words before a number end in one of these letters, or in one beyond ASCII.
    if let Some((words, _)) = at_end
        && let [.., letter, b' '] = words.as_bytes()
        && letter.is_ascii()
        && !matches!(letter, b'r' | b'n' | b'e' | b'u' | b'?')
    {
        return None;
    }
    let mut fitting =
        BEFORE_AND_BEHIND.iter().filter(|(_, behind)| behind.is_empty() == at_end.is_some());
    fitting.find_map(|(before, behind)| {
        let (rest, number) = match at_end {
            Some(split) => split,
            None => split_number(strip(message, behind)?)?,
        };
        let words = strip(rest, before)?;
        // A number behind a word of which no letter is left: any word may have been there.
        let may_be_any = behind.is_empty() && !before.bytes().any(|byte| byte.is_ascii_lowercase());
        if may_be_any && rest.get(words.len()..).is_some_and(|word| word.contains(REPLACEMENT)) {
            return None;
        }
        // As the server prints numbers: without leading zeros.
        (!number.starts_with('0')).then(|| Some((words, number.parse().ok()?)))?
    })
}

/// Splits the digits off that a text ends in.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let digits = text.bytes().rev().take(MAX_DIGITS + 1).take_while(u8::is_ascii_digit).count();
    text.split_at_checked(text.len() - digits)
}

/// Takes a suffix off. Looks at the last bytes first, because nearly no message has one of the suffixes
/// and a call to compare them costs more.
fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (last, expected) = (text.as_bytes().last_chunk::<2>(), suffix.as_bytes().last_chunk::<2>());
    if expected.is_some() && last != expected {
        return None;
    }
    text.strip_suffix(suffix)
}

/// Takes a suffix off of which letters beyond ASCII may be lost.
fn strip_damaged_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let length = damaged_length(suffix.chars().rev(), text.chars().rev())?;
    text.get(..text.len() - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_taken_from_the_end_only() {
        assert_eq!(split_position("syntax error at character 15"), Some(("syntax error", 15)));
        assert_eq!(split_position("a at character 1 b"), None);
        assert_eq!(split_position("a at character "), None);
        assert_eq!(split_position("a at character 015"), None);
        assert_eq!(split_position("a at character 99999999999"), None);
        assert_eq!(split_position(""), None);
        let lost = "\u{fffd}".repeat(6);
        assert_eq!(split_position(&format!("x {lost} 36")), None, "any word");
        assert_eq!(split_position(&format!("x ({lost} 36)")), Some(("x", 36)));
    }

    #[test]
    fn position_is_found_in_every_language() {
        for (before, behind) in BEFORE_AND_BEHIND {
            let message = format!("»x« ü{before}4711{behind}");
            assert_eq!(split_position(&message), Some(("»x« ü", 4711)), "{message}");
            let lose = |text: &str| text.replace(|c: char| !c.is_ascii(), "?");
            let message = format!("x{}4711{}", lose(before), lose(behind));
            assert_eq!(split_position(&message), Some(("x", 4711)), "{message}");
        }
    }
}
