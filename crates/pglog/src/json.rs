//! Where the members of a JSON object are.
//!
//! The server writes one flat object a line. Nothing is built of it here, and what is not known is
//! stepped over.

use crate::lanes::first_of;

/// A member's value, where it is in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw<'b> {
    /// Without its quotes; true where it has escapes.
    String(&'b [u8], bool),
    /// A number or a word.
    Scalar(&'b [u8]),
    /// An object or an array, brackets included.
    Nested(&'b [u8]),
}

/// Gives each member of the object that `bytes` is to `visit`, with its key as it stands there. `None`
/// where it is no object, or more than one.
pub(crate) fn members<'b>(bytes: &'b [u8], mut visit: impl FnMut(&'b [u8], Raw<'b>)) -> Option<()> {
    let mut rest = blanks_off(bytes).strip_prefix(b"{")?;
    if let Some(behind) = blanks_off(rest).strip_prefix(b"}") {
        return blanks_off(behind).is_empty().then_some(());
    }
    loop {
        let (key, _, behind) = string_off(blanks_off(rest))?;
        let behind = blanks_off(behind).strip_prefix(b":")?;
        let (value, behind) = value(blanks_off(behind))?;
        visit(key, value);
        rest = blanks_off(behind);
        match rest.split_first()? {
            (b',', behind) => rest = behind,
            (b'}', behind) => return blanks_off(behind).is_empty().then_some(()),
            _ => return None,
        }
    }
}

fn value(bytes: &[u8]) -> Option<(Raw<'_>, &[u8])> {
    match bytes.first()? {
        b'"' => {
            let (text, escaped, behind) = string_off(bytes)?;
            Some((Raw::String(text, escaped), behind))
        }
        b'{' | b'[' => {
            let (nested, behind) = bytes.split_at_checked(nested_bytes(bytes)?)?;
            Some((Raw::Nested(nested), behind))
        }
        _ => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let length = bytes.iter().take_while(|byte| is_part(byte)).count();
            let (scalar, behind) = bytes.split_at_checked(length)?;
            (length > 0).then_some((Raw::Scalar(scalar), behind))
        }
    }
}

/// Splits a string in quotes off: the string, whether it has escapes, and what stands behind it.
pub(crate) fn string_off(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let text = bytes.strip_prefix(b"\"")?;
    let (end, escaped) = string_end(text)?;
    Some((text.get(..end)?, escaped, text.get(end + 1..)?))
}

/// Finds the quote that ends a string. Also tells whether there are escapes before it.
fn string_end(text: &[u8]) -> Option<(usize, bool)> {
    let mut from = 0;
    loop {
        let found = from + quote_or_backslash(text.get(from..)?)?;
        if text.get(found) == Some(&b'"') {
            return Some((found, from > 0));
        }
        from = found + 2;
    }
}

/// Finds the first quote or backslash. That of a key or a short value is near, where a call would cost more.
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    const NEAR_BYTES: usize = 64;
    let near = text.get(..NEAR_BYTES).unwrap_or(text);
    first_of(near, *b"\"\\").or_else(|| {
        let far = text.get(NEAR_BYTES..)?;
        Some(NEAR_BYTES + memchr::memchr2(b'"', b'\\', far)?)
    })
}

/// How long an object or an array is. Whether its brackets fit each other does not matter.
fn nested_bytes(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at += 1 + string_end(bytes.get(at + 1..)?)?.0,
            _ => {}
        }
        at += 1;
    }
}

fn blanks_off(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}

/// Takes the escapes out of a string.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (head, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        plain.extend_from_slice(head);
        let (character, length) = escaped(escape);
        plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

/// Reads one escape, and tells how many bytes it has. What is no escape stands for its backslash.
pub(crate) fn escaped(text: &[u8]) -> (char, usize) {
    match text.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'"') => ('"', 2),
        Some(b'\\') => ('\\', 2),
        Some(b'/') => ('/', 2),
        Some(b'u') => unicode(text),
        _ => ('\\', 1),
    }
}

fn unicode(text: &[u8]) -> (char, usize) {
    let Some(first) = hexadecimal(text, 2) else { return ('\\', 1) };
    let low = (text.get(6..8) == Some(b"\\u")).then(|| hexadecimal(text, 8)).flatten();
    match (first, low) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    }
}

/// Reads four hexadecimal digits.
fn hexadecimal(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// A stretch of a line: inside of a string or outside of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) is_string: bool,
}

/// Cuts a line, or the beginning of one, into its strings and what is between them.
pub(crate) fn stretches(line: &[u8]) -> impl Iterator<Item = Stretch> {
    let (mut at, mut is_string) = (0, true);
    std::iter::from_fn(move || {
        is_string = !is_string;
        let rest = line.get(at..)?;
        let end = if is_string {
            string_end(rest).map(|(end, _)| end)
        } else {
            memchr::memchr(b'"', rest)
        };
        let start = at;
        let end = at + end.unwrap_or(rest.len());
        at = end + 1;
        Some(Stretch { start, end, is_string })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(json: &str) -> Option<Vec<(String, String)>> {
        let mut parts = Vec::new();
        members(json.as_bytes(), |key, value| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let value = match value {
                Raw::String(raw, _) => text(&unescape(raw)),
                Raw::Scalar(raw) | Raw::Nested(raw) => text(raw),
            };
            parts.push((text(key), value));
        })?;
        Some(parts)
    }

    #[test]
    fn members_of_every_kind_are_found() {
        let json = r#" { "a" : "x\"\ny" , "b":-12,"c":{"d":["}",1]}, "e":null,"f":"" } "#;
        let expected =
            [("a", "x\"\ny"), ("b", "-12"), ("c", r#"{"d":["}",1]}"#), ("e", "null"), ("f", "")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(parts(json).unwrap(), expected);
        assert_eq!(parts("{}").unwrap(), []);
    }

    #[test]
    fn every_beginning_of_an_object_is_none() {
        let json = r#"{"a":"x\"y","b":-12,"c":{"d":["}",1]}}"#;
        for cut in 0..json.len() {
            assert_eq!(parts(&json[..cut]), None, "{}", &json[..cut]);
        }
        for json in [r#"{"a":1}{"#, r#"{"a":1,}"#, r#"{"a" 1}"#, r#"{"a":}"#, "[1]", r#"{"a":1]"#] {
            assert_eq!(parts(json), None, "{json}");
        }
    }

    #[test]
    fn escapes_are_read_and_half_ones_stay() {
        for (escaped, plain) in [
            (r"\u00fc\u0001", "ü\u{1}"),
            (r"\ud83d\udc18", "🐘"),
            (r"\ud83d", "\u{fffd}"),
            (r"\q\u12", r"\q\u12"),
            (r"a\", r"a\"),
        ] {
            assert_eq!(String::from_utf8(unescape(escaped.as_bytes())).unwrap(), plain);
        }
    }

    proptest! {
        #[test]
        fn every_object_reads_as_serde_reads_it(texts in proptest::collection::vec(any::<String>(), 1..4)) {
            let object: serde_json::Map<_, _> =
                texts.iter().enumerate().map(|(n, text)| (n.to_string(), text.as_str().into())).collect();
            let parts = parts(&serde_json::to_string(&object).unwrap()).unwrap();
            prop_assert_eq!(parts.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), texts);
        }

        #[test]
        fn stretches_cover_every_line(line in "[a\"\\\\{}:]{0,40}") {
            let stretches: Vec<_> = stretches(line.as_bytes()).collect();
            prop_assert!(stretches.windows(2).all(|pair| pair[0].end + 1 == pair[1].start));
            prop_assert_eq!(stretches.last().unwrap().end, line.len());
        }
    }
}
