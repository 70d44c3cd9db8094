//! JSON strings, borrowed where they have no escapes.

use std::{borrow::Cow, fmt, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A JSON string. Half of a surrogate pair, which JSON can write and UTF-8 cannot, reads as U+FFFD:
/// senders in other languages write it for bytes that they could not decode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }

        // As bytes, because serde_json refuses lone surrogates in a string.
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        let text: Text<'_> = serde_json::from_str(r#""grün""#).unwrap();
        assert!(matches!(&text, Text(Cow::Borrowed("grün"))));
    }

    #[test]
    fn escapes_are_resolved_and_half_a_surrogate_pair_is_no_error() {
        let text: Text<'_> = serde_json::from_str(r#""a\n\u00e9 \udc80!""#).unwrap();
        assert!(text.starts_with("a\né \u{FFFD}"), "{text:?}");
        assert!(text.ends_with('!'));
    }

    #[test]
    fn a_number_is_no_text() {
        let error = serde_json::from_str::<Text<'_>>("17").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: integer `17`, expected a string"), "{error}");
    }
}
