//! Strings in JSON: escapes, found eight bytes at a time.

/// Writes a JSON string in quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_to_quote(out, text);
}

/// Writes a JSON string from behind its first quote on.
pub(super) fn write_to_quote(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 1);
    write_escaped(out, text);
    out.push(b'"');
}

/// Writes a string's text, without its quotes.
pub(super) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    if is_clean(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_unclean(out, text.as_bytes());
    }
}

#[inline(never)]
fn write_unclean(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some((clean, byte, behind)) = split_at_escape(rest) {
        out.extend_from_slice(clean);
        write_escape(out, byte);
        rest = behind;
    }
    out.extend_from_slice(rest);
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

/// Splits at the first byte that needs an escape.
fn split_at_escape(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let at = first_escape(bytes)?;
    let (clean, rest) = bytes.split_at_checked(at)?;
    let (byte, behind) = rest.split_first()?;
    Some((clean, *byte, behind))
}

fn first_escape(bytes: &[u8]) -> Option<usize> {
    // Most of a text is clean, which a compiler can find out for many bytes at once.
    let (blocks, _) = bytes.as_chunks::<32>();
    let clean = blocks.iter().take_while(|block| is_clean_block(block)).count() * 32;
    Some(clean + first_escape_of_few(bytes.get(clean..)?)?)
}

fn first_escape_of_few(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        if let Some(found) = first_mark(*word) {
            return Some(at * 8 + found);
        }
    }
    if tail.is_empty() {
        return None;
    }
    // The last bytes once more, with those before them, which are clean: one by one they would be guesses
    // for the processor.
    if let Some(last) = bytes.last_chunk::<8>() {
        return Some(bytes.len() - 8 + first_mark(*last)?);
    }
    if let (Some([a, b, c, d]), Some([e, f, g, h])) = (bytes.first_chunk(), bytes.last_chunk()) {
        let found = first_mark([*a, *b, *c, *d, *e, *f, *g, *h])?;
        return Some(if found < 4 { found } else { found + bytes.len() - 8 });
    }
    bytes.iter().position(|byte| needs_escape(*byte))
}

/// Finds the first byte that needs an escape.
fn first_mark(word: [u8; 8]) -> Option<usize> {
    let marks = marks_of(word);
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Each byte's lowest bit.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// Marks the highest bit of each byte that needs an escape. Bytes behind the first mark may be marked
/// without need, for a subtraction may borrow from them.
const fn marks_of(word: [u8; 8]) -> u64 {
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let below_blank = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    (below_blank | is_quote | is_backslash) & HIGHEST
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        _ => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend([digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(short);
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
                let found = first_escape(&bytes);
                assert_eq!(found, needs_escape(byte).then_some(at), "{byte} at {at} of {length}");
                assert_eq!(is_clean(&bytes), found.is_none(), "{byte} at {at} of {length}");
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
