//! Bytes to text.

mod encoded;

use std::borrow::Cow;

use encoded::labels_in_utf8;
use simdutf8::compat::from_utf8;

/// Decodes bytes as UTF-8. Each byte that is none, and each NUL, becomes U+FFFD, but for those of the server's own
/// labels in another encoding.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match from_utf8(bytes) {
        Ok(text) if memchr::memchr(0, bytes).is_none() => Cow::Borrowed(text),
        _ => Cow::Owned(decode_slowly(bytes)),
    }
}

fn decode_slowly(bytes: &[u8]) -> String {
    let bytes = labels_in_utf8(bytes).map_or(Cow::Borrowed(bytes), Cow::Owned);
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    if memchr::memchr(0, &bytes).is_some() { text.replace('\0', "\u{fffd}") } else { text }
}

/// Returns the text that bytes begin with, up to the first that is no UTF-8.
pub(crate) fn valid_start(bytes: &[u8]) -> &str {
    from_utf8(bytes).unwrap_or_else(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        from_utf8(valid).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn undecodable_bytes_become_replacement_characters() {
        assert_eq!(decode(b"a\xffb\0c"), "a\u{fffd}b\u{fffd}c");
        assert!(matches!(decode("ü".as_bytes()), Cow::Borrowed("ü")));
    }

    proptest! {
        #[test]
        fn text_ends_where_the_first_chunk_of_it_ends(
            text in "[ -~ü日🐘]{0,200}", strange in any::<u8>(), at in any::<prop::sample::Index>(),
        ) {
            let mut bytes = text.into_bytes();
            bytes.insert(at.index(bytes.len() + 1), strange);
            let first = bytes.utf8_chunks().next().unwrap().valid();
            prop_assert_eq!(valid_start(&bytes), first);
            let plain = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
            prop_assert_eq!(decode(&bytes), plain);
        }
    }
}
