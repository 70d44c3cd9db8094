//! Short strings, of which all bytes fit in two words.

use super::marks_of;

/// How long a text may be: two bytes are left for what stands behind it.
const MAX_SHORT: usize = 14;

/// Returns a text and two bytes behind it, if it is short and needs no escapes. What follows them is of no
/// meaning: being always as long, it is copied without a call.
#[inline(always)]
pub(in super::super) fn short(text: &str, behind: [u8; 2]) -> Option<[u8; 16]> {
    const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);
    let text = text.as_bytes();
    if text.len() > MAX_SHORT {
        return None;
    }
    let bits = 8 * text.len();
    let behind = u64::from(u16::from_le_bytes(behind));
    let (low, high, marks) = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let last_word = u64::from_le_bytes(*last);
            // Of the last word, what the first one does not have. No shift is one by a whole word.
            let high = (last_word >> 8) >> (120 - bits) | behind << (bits - 64);
            (u64::from_le_bytes(*first), high, marks_of(*first) | marks_of(*last))
        }
        _ => {
            let word = word_of(text);
            let filled = word | BLANKS << bits;
            let high = (behind >> 8) >> (56 - bits);
            (word | behind << bits, high, marks_of(filled.to_le_bytes()))
        }
    };
    (marks == 0).then(|| (u128::from(low) | u128::from(high) << 64).to_le_bytes())
}

/// Returns up to seven bytes, with zeros behind them.
#[inline(always)]
fn word_of(text: &[u8]) -> u64 {
    let bits = 8 * text.len();
    // The two parts have bytes in common, which are the same.
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first))
            | u64::from(u32::from_le_bytes(*last)) << (bits - 32);
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return u64::from(u16::from_le_bytes(*first))
            | u64::from(u16::from_le_bytes(*last)) << (bits - 16);
    }
    text.first().copied().map_or(0, u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_text_stands_before_what_is_behind_it(text in "[ -!#-\\[\\]-~]{0,14}") {
            let whole = format!("{text}\":");
            let written = short(&text, *b"\":").unwrap();
            prop_assert_eq!(&written[..whole.len()], whole.as_bytes());
        }

        #[test]
        fn text_with_an_escape_is_none(
            before in "[ !a-zé]{0,13}", escaped in "[\\x00-\\x1f\"\\\\]", behind in "[ !a-zé]{0,13}",
        ) {
            prop_assert_eq!(short(&format!("{before}{escaped}{behind}"), *b"\":"), None);
        }
    }

    #[test]
    fn long_text_is_none() {
        assert_eq!(short("application.log", *b"\":"), None);
    }
}
