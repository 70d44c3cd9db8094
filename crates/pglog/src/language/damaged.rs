//! Words whose letters beyond ASCII did not make it into the log.

/// What stands for a byte that is no UTF-8.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// The first byte of [`REPLACEMENT`].
pub(super) const REPLACEMENT_LEAD: u8 = 0xef;

/// The most bytes that one letter has in the encodings of servers.
const MAX_LETTER_BYTES: usize = 3;

/// Returns how many bytes a word takes at the start of a text, as far as letters beyond ASCII may be lost.
/// `None` where another text stands there.
///
/// A server whose database is `SQL_ASCII` prints a question mark for such a letter (`D?TAIL:  `). One that
/// logs in Latin-1, EUC-JP or the like prints one to three bytes that are no UTF-8.
///
/// Both are read forwards or both backwards.
pub(super) fn damaged_length(
    word: impl Iterator<Item = char>,
    text: impl Iterator<Item = char>,
) -> Option<usize> {
    let mut word = word.peekable();
    let mut text = text.peekable();
    let mut length = 0;
    while let Some(expected) = word.next() {
        if text.peek() == Some(&expected) {
            length += text.next()?.len_utf8();
            continue;
        }
        if expected.is_ascii() {
            return None;
        }
        let mut letters = 1;
        while word.next_if(|letter| !letter.is_ascii()).is_some() {
            letters += 1;
        }
        let (mut marks, mut bytes) = (0, 0);
        while marks + bytes < letters * MAX_LETTER_BYTES
            && let Some(lost) =
                text.next_if(|c| *c == REPLACEMENT || (*c == '?' && marks < letters))
        {
            marks += usize::from(lost == '?');
            bytes += usize::from(lost == REPLACEMENT);
            length += lost.len_utf8();
        }
        let fits = if bytes == 0 { marks == letters } else { marks + bytes >= letters };
        if !fits {
            return None;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_may_be_lost_in_three_ways() {
        let length = |word: &str, text: &str| damaged_length(word.chars(), text.chars());
        assert_eq!(length("DÉTAIL", "D?TAIL:  x"), Some(6));
        assert_eq!(length("DÉTAIL", "D\u{fffd}TAIL:  x"), Some(8));
        assert_eq!(length("DÉTAIL", "D\u{fffd}\u{fffd}\u{fffd}TAIL:  x"), Some(14));
        assert_eq!(length("文脈", "??"), Some(2));
        assert_eq!(length("文脈", "???"), Some(2), "the caller looks at the rest");
        assert_eq!(length("文脈", "?"), None);
        assert_eq!(length("DÉTAIL", "DTAIL"), None);
        assert_eq!(length("DÉTAIL", "DETAIL"), None);
        assert_eq!(damaged_length("né".chars().rev(), "x n?".chars().rev()), Some(2));
    }
}
