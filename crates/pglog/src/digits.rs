//! Decimal digits, several of them worked out at once in one word.

/// The digit zero in each byte.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// What [`short`] can write.
pub(crate) const MAX_SHORT: u32 = 99_999_999;

/// Returns a number's digits without zeros in front, and how many there are. Bytes behind them are of no
/// meaning. Numbers above [`MAX_SHORT`] have more digits than that.
#[inline(always)]
pub(crate) fn short(number: u32) -> ([u8; 8], usize) {
    if number < 1_000_000 {
        return six(number);
    }
    let digits = u64::from_le_bytes(eight(number));
    // At most one is in front.
    let zeros = usize::from(number < 10_000_000);
    ((digits >> (8 * zeros)).to_le_bytes(), 8 - zeros)
}

/// The same for a number of no more than six digits.
#[inline(always)]
fn six(number: u32) -> ([u8; 8], usize) {
    let half = |number| u64::from(u32::from_le_bytes(three(number)));
    let digits = half(number / 1000) | half(number % 1000) << 24;
    // At least the last digit stays.
    let zeros = ((digits ^ ZEROS) | 1 << 47).trailing_zeros() as usize / 8;
    ((digits >> (8 * zeros)).to_le_bytes(), 6 - zeros)
}

/// Three digits each, and a byte of no meaning, of all numbers that have no more.
static THREES: [[u8; 4]; 1000] = threes();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn threes() -> [[u8; 4]; 1000] {
    let mut threes = [[0; 4]; 1000];
    let mut number = 0;
    while number < 1000 {
        let [.., a, b, c] = eight(number);
        threes[number as usize] = [a, b, c, 0];
        number += 1;
    }
    threes
}

/// Returns the three digits of a number below 1000. The byte behind them is of no meaning.
#[inline(always)]
pub(crate) fn three(number: u32) -> [u8; 4] {
    THREES.get(number as usize).copied().unwrap_or_default()
}

/// Tells whether all bytes are decimal digits, as those of an empty text are.
pub(crate) fn are_all(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    words.iter().all(|word| is_word(u64::from_le_bytes(*word)))
        && match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            (Some([a, b, c, d]), Some([e, f, g, h])) => {
                is_word(u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
            }
            _ => rest.iter().all(u8::is_ascii_digit),
        }
}

/// Tells whether the eight bytes of a word are digits.
const fn is_word(word: u64) -> bool {
    const HIGH_HALVES: u64 = u64::from_le_bytes([0xf0; 8]);
    const SIX: u64 = u64::from_le_bytes([6; 8]);
    // Those behind the nine leave their sixteen when six is added; no byte adds to the one above it.
    (word & HIGH_HALVES) | ((word.wrapping_add(SIX) & HIGH_HALVES) >> 4) == ZEROS | ZEROS >> 4
}

/// Returns the eight digits of a number up to [`MAX_SHORT`].
pub(crate) const fn eight(number: u32) -> [u8; 8] {
    let fours = (number / 10_000) as u64 | ((number % 10_000) as u64) << 32;
    // So short a number times 10486 / 2^20 is its hundredth.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    digits_of(hundreds | (fours - hundreds * 100) << 16)
}

/// Returns the two digits of each of four numbers below 100.
pub(crate) fn pairs(numbers: [u32; 4]) -> [u8; 8] {
    digits_of(numbers.iter().rev().fold(0, |pairs, number| pairs << 16 | u64::from(*number)))
}

/// Returns the digits of four numbers below 100 that stand side by side, the first one in the lowest bits.
const fn digits_of(pairs: u64) -> [u8; 8] {
    // So short a number times 103 / 2^10 is its tenth.
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = pairs - tens * 10;
    (ZEROS | tens | ones << 8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: u32) -> String {
        let (digits, length) = short(number);
        String::from_utf8(digits[..length].to_vec()).unwrap()
    }

    #[test]
    fn every_half_of_a_number_has_its_digits() {
        for half in 0..10_000 {
            assert_eq!(written(half), half.to_string());
            for number in [half * 10_000, half * 10_000 + 9_999 - half] {
                assert_eq!(written(number), number.to_string());
                assert_eq!(eight(number), format!("{number:08}").as_bytes());
            }
        }
        assert_eq!(written(MAX_SHORT), "99999999");
    }

    #[test]
    fn every_byte_that_is_no_digit_is_noticed_at_every_place() {
        for byte in 0..=u8::MAX {
            for (length, at) in (0..20).flat_map(|length| (0..length).map(move |at| (length, at))) {
                let mut text = vec![b'0' + byte % 10; length];
                text[at] = byte;
                assert_eq!(are_all(&text), byte.is_ascii_digit(), "{text:?}");
            }
        }
        assert!(are_all(b""));
    }

    #[test]
    fn every_number_of_three_digits_has_them() {
        for number in 0..1000 {
            assert_eq!(three(number)[..3], *format!("{number:03}").as_bytes());
        }
    }

    #[test]
    fn every_pair_has_two_digits() {
        for number in 0..100 {
            let digits = pairs([number, 99 - number, 0, number]);
            assert_eq!(digits, format!("{number:02}{:02}00{number:02}", 99 - number).as_bytes());
        }
    }
}
