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

/// Eight bytes are written at a time, and those taken back that need an escape or stand behind it.
#[inline(never)]
fn write_unclean(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(word);
        rest = match first_mark(*word) {
            None => behind,
            Some(at) => {
                out.truncate(out.len() - word.len() + at);
                write_first(out, rest.get(at..).unwrap_or_default())
            }
        };
    }
    while !rest.is_empty() {
        rest = write_first(out, rest);
    }
}

/// Writes the first byte. Returns those behind it.
fn write_first<'t>(out: &mut Vec<u8>, text: &'t [u8]) -> &'t [u8] {
    let Some((byte, rest)) = text.split_first() else { return text };
    if needs_escape(*byte) {
        write_escape(out, *byte);
    } else {
        out.push(*byte);
    }
    rest
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
