//! Strings in JSON: escapes, found many bytes at a time.

mod short;

pub(super) use short::short;
use wide::u8x16;

use super::pen::Pen;

/// Writes a JSON string in quotes.
pub(super) fn write_string(pen: &mut Pen<'_>, text: &str) {
    pen.word("\"");
    write_to_quote(pen, text);
}

/// Writes a JSON string from behind its first quote on.
pub(super) fn write_to_quote(pen: &mut Pen<'_>, text: &str) {
    if let Some(short) = short(text, *b"\"\0") {
        pen.array(short, text.len() + 1);
    } else {
        write_escaped(pen, text);
        pen.word("\"");
    }
}

/// Writes a string's text, without its quotes.
pub(super) fn write_escaped(pen: &mut Pen<'_>, text: &str) {
    let text = text.as_bytes();
    if let Some(room) = pen.room(text.len()) {
        let clean = copy_clean(room, text);
        pen.pass(clean);
        if clean < text.len() {
            write_unclean(pen, text.get(clean..).unwrap_or_default());
        }
    } else {
        write_long(pen, text);
    }
}

/// Writes a text for which there is no room now.
#[cold]
fn write_long(pen: &mut Pen<'_>, text: &[u8]) {
    for part in text.chunks(LONG_BYTES) {
        pen.make_room(part.len());
        let clean = pen.room(part.len()).map_or(0, |room| copy_clean(room, part));
        pen.pass(clean);
        write_unclean(pen, part.get(clean..).unwrap_or_default());
    }
}

/// How much of a long text is copied at once.
const LONG_BYTES: usize = 512;

/// What is looked at and copied at once of a text with escapes.
const BLOCK_BYTES: usize = 16;

/// What is looked at and copied at once of a text that may have none.
const CLEAN_BYTES: usize = 32;

#[inline(never)]
fn write_unclean(pen: &mut Pen<'_>, text: &[u8]) {
    let rest = write_blocks(pen, text);
    // Blanks make the rest whole, and are taken back.
    let mut last = [b' '; 2 * BLOCK_BYTES];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let unread = write_blocks(pen, &last);
    pen.take_back(last.len() - rest.len() - unread.len());
}

/// Writes all blocks. Returns the rest, which is less than a block.
fn write_blocks<'t>(pen: &mut Pen<'_>, mut text: &'t [u8]) -> &'t [u8] {
    while let Some((block, behind)) = text.split_first_chunk() {
        let marks = marks_of_block(*block);
        pen.piece(|to| {
            if let Some(to) = to.first_chunk_mut() {
                *to = *block;
            }
            if marks == 0 {
                text = behind;
                return block.len();
            }
            let at = marks.trailing_zeros() as usize;
            let (Some((byte, behind)), Some(to)) =
                (text.get(at..).and_then(<[u8]>::split_first), to.get_mut(at..))
            else {
                text = behind;
                return block.len();
            };
            text = behind;
            at + write_escape(to, *byte)
        });
    }
    text
}

/// Copies a text up to what needs an escape, which few texts have, or less. Returns how much is copied. Where the
/// text has no whole number of blocks, some bytes are copied twice rather than one by one, which would be guesses
/// for the processor.
#[inline(always)]
fn copy_clean(to: &mut [u8], text: &[u8]) -> usize {
    let (blocks, rest) = text.as_chunks::<CLEAN_BYTES>();
    let (room, _) = to.as_chunks_mut::<CLEAN_BYTES>();
    let mut copied = 0;
    for (to, block) in room.iter_mut().zip(blocks) {
        if !is_clean_block(block) {
            return copied;
        }
        *to = *block;
        copied += block.len();
    }
    if rest.is_empty() || copy_last::<CLEAN_BYTES>(to, text) {
        return text.len();
    }
    if copied > 0 {
        return copied;
    }
    if let (Some(first), Some(start)) = (text.first_chunk::<16>(), to.first_chunk_mut()) {
        *start = *first;
        let is_clean = is_clean_block(first) && copy_last::<16>(to, text);
        return if is_clean { text.len() } else { 0 };
    }
    if let (Some(first), Some(start)) = (text.first_chunk::<8>(), to.first_chunk_mut()) {
        *start = *first;
        let is_clean = marks_of(*first) == 0 && copy_last::<8>(to, text);
        return if is_clean { text.len() } else { 0 };
    }
    to.iter_mut()
        .zip(text)
        .take_while(|(_, byte)| !needs_escape(**byte))
        .map(|(to, byte)| *to = *byte)
        .count()
}

/// Copies the last bytes of a text to where they belong. False where they need an escape, or where there are not so
/// many.
#[inline(always)]
fn copy_last<const N: usize>(to: &mut [u8], text: &[u8]) -> bool {
    let (Some(last), Some(to)) = (text.last_chunk::<N>(), to.last_chunk_mut()) else {
        return false;
    };
    *to = *last;
    is_clean_block(last)
}

/// Tells whether no byte of a text needs an escape.
pub(super) fn is_clean(text: &str) -> bool {
    !text.bytes().any(needs_escape)
}

/// What follows from all bytes at once is found out for many of them at a time.
#[inline(always)]
fn is_clean_block<const N: usize>(block: &[u8; N]) -> bool {
    !block.iter().fold(false, |any, byte| any | needs_escape(*byte))
}

/// Returns one bit for each byte that needs an escape.
#[inline(always)]
fn marks_of_block(block: [u8; BLOCK_BYTES]) -> u32 {
    let bytes = u8x16::new(block);
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    let is_control = bytes.min(u8x16::splat(b' ' - 1)).simd_eq(bytes);
    (is(b'"') | is(b'\\') | is_control).to_bitmask()
}

const fn needs_escape(byte: u8) -> bool {
    // The quote is 0x22: it and the blank change places.
    (byte ^ 2) <= 0x20 || byte == b'\\'
}

/// Each byte's lowest bit.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// Marks the highest bit of each byte that needs an escape. Bytes behind the first mark may be marked
/// without need, for a subtraction may borrow from them.
const fn marks_of(word: [u8; 8]) -> u64 {
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let below_quote = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let is_backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (below_quote | is_backslash) & !word & HIGHEST
}

/// Writes what stands for a byte. Returns how long that is.
#[inline(always)]
fn write_escape(room: &mut [u8], byte: u8) -> usize {
    /// What stands behind the backslash for a control character, by its code.
    const LETTERS: [u8; 14] = *b"\0\0\0\0\0\0\0\0\0tn\0\0r";
    let letter = if byte < b' ' { LETTERS.get(usize::from(byte)).copied() } else { Some(byte) };
    match letter.unwrap_or(0) {
        0 => write_long_escape(room, byte),
        letter => {
            if let Some(to) = room.first_chunk_mut() {
                *to = [b'\\', letter];
            }
            2
        }
    }
}

#[cold]
fn write_long_escape(room: &mut [u8], byte: u8) -> usize {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    if let Some(to) = room.first_chunk_mut() {
        *to = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)];
    }
    6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> Vec<u8> {
        let mut json = Vec::new();
        let mut pen = Pen::new(&mut json);
        write_string(&mut pen, text);
        pen.finish();
        json
    }

    #[test]
    fn every_byte_is_found_at_every_place() {
        for byte in 0..=0x7f {
            for (at, length) in (0..150).flat_map(|at| [at + 1, at + 3, 150].map(|end| (at, end))) {
                let mut bytes = vec![b'a'; length];
                bytes[at] = byte;
                let json = written(std::str::from_utf8(&bytes).unwrap());
                let is_clean = json.len() == bytes.len() + 2;
                assert_eq!(is_clean, !needs_escape(byte), "{byte} at {at} of {length}");
                let read: String = serde_json::from_slice(&json).unwrap();
                assert_eq!(read.as_bytes(), bytes, "{byte} at {at} of {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_string_reads_back(text in prop_oneof![any::<String>(), "[ -~\n\t\"\\\\é\u{1f418}]*"]) {
            let json = written(&text);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
