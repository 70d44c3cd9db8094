//! Strings in JSON: escapes, found many bytes at a time.

mod short;

pub(super) use short::short;
use wide::u8x16;

/// Writes a JSON string in quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_to_quote(out, text);
}

/// Writes a JSON string from behind its first quote on.
pub(super) fn write_to_quote(out: &mut Vec<u8>, text: &str) {
    if let Some(short) = short(text, *b"\"\0") {
        let end = out.len() + text.len() + 1;
        out.extend_from_slice(&short);
        out.truncate(end);
    } else {
        write_escaped(out, text);
        out.push(b'"');
    }
}

/// Writes a string's text, without its quotes.
pub(super) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    if is_clean(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_unclean(out, text.as_bytes());
    }
}

/// What is looked at and copied at once of a text with escapes.
const BLOCK_BYTES: usize = 16;

/// Room for a block, or for less and the longest escape.
const ROOM_BYTES: usize = 32;

/// Where a text with escapes is put together, so that not each block looks for room in the output.
type Pieces = [u8; 16 * ROOM_BYTES];

#[inline(never)]
fn write_unclean(out: &mut Vec<u8>, text: &[u8]) {
    let mut pieces = [0; size_of::<Pieces>()];
    let (used, rest) = write_blocks(out, &mut pieces, 0, text);
    // Blanks make the rest whole, and are taken back.
    let mut last = [b' '; 2 * BLOCK_BYTES];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let (used, unread) = write_blocks(out, &mut pieces, used, &last);
    out.extend_from_slice(pieces.get(..used).unwrap_or_default());
    out.truncate(out.len() + rest.len() + unread.len() - last.len());
}

/// Writes all blocks, to where the pieces are not used yet. Returns how much is used then, and the rest,
/// which is less than a block.
fn write_blocks<'t>(
    out: &mut Vec<u8>,
    pieces: &mut Pieces,
    mut used: usize,
    mut text: &'t [u8],
) -> (usize, &'t [u8]) {
    while let Some((block, behind)) = text.split_first_chunk() {
        let Some(room) = pieces.get_mut(used..).and_then(<[u8]>::first_chunk_mut) else {
            out.extend_from_slice(pieces.get(..used).unwrap_or_default());
            used = 0;
            continue;
        };
        copy(room, block);
        let marks = marks_of_block(*block);
        if marks == 0 {
            used += block.len();
            text = behind;
            continue;
        }
        let at = marks.trailing_zeros() as usize;
        let (Some((byte, behind)), Some(room)) =
            (text.get(at..).and_then(<[u8]>::split_first), room.get_mut(at..))
        else {
            break;
        };
        used += at + write_escape(room, *byte);
        text = behind;
    }
    (used, text)
}

/// Copies a block to the begin of the room.
#[inline(always)]
fn copy(room: &mut [u8; ROOM_BYTES], block: &[u8; BLOCK_BYTES]) {
    if let Some(to) = room.first_chunk_mut() {
        *to = *block;
    }
}

/// Tells whether no byte of a text needs an escape, as is usual. Where the text has no whole number of
/// blocks, some bytes are looked at twice rather than one by one, which would be guesses for the processor.
#[inline(always)]
fn is_clean(text: &[u8]) -> bool {
    if let Some(last) = text.last_chunk::<64>() {
        let (blocks, _) = text.as_chunks::<64>();
        return blocks.iter().all(is_clean_block) && is_clean_block(last);
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<32>(), text.last_chunk::<32>()) {
        return is_clean_block(first) && is_clean_block(last);
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        let ((first, _), (last, _)) = (first.as_chunks(), last.as_chunks());
        return first.iter().chain(last).fold(0, |any, word| any | marks_of(*word)) == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return marks_of(*first) | marks_of(*last) == 0;
    }
    if let (Some([a, b, c, d]), Some([e, f, g, h])) = (text.first_chunk(), text.last_chunk()) {
        return marks_of([*a, *b, *c, *d, *e, *f, *g, *h]) == 0;
    }
    !text.iter().any(|byte| needs_escape(*byte))
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

    #[test]
    fn every_byte_is_found_at_every_place() {
        for byte in 0..=0x7f {
            for (at, length) in (0..150).flat_map(|at| [at + 1, at + 3, 150].map(|end| (at, end))) {
                let mut bytes = vec![b'a'; length];
                bytes[at] = byte;
                let is_clean = is_clean(&bytes);
                assert_eq!(is_clean, !needs_escape(byte), "{byte} at {at} of {length}");
                let mut json = Vec::new();
                write_string(&mut json, std::str::from_utf8(&bytes).unwrap());
                let read: String = serde_json::from_slice(&json).unwrap();
                assert_eq!(read.as_bytes(), bytes, "{byte} at {at} of {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_string_reads_back(text in prop_oneof![any::<String>(), "[ -~\n\t\"\\\\é\u{1f418}]*"]) {
            let mut json = Vec::new();
            write_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
