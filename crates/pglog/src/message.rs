//! What the server puts around a message: SQLSTATE, position and location.

use std::borrow::Cow;

use crate::entry::Text;

/// The SQLSTATE of what did not fail; jsonlog leaves it out.
pub(crate) const SUCCESS: &str = "00000";

/// Splits the SQLSTATE off that `log_error_verbosity = verbose` puts in front of a message.
pub(crate) fn split_state_code(message: &str) -> Option<(&str, &str)> {
    // One byte tells of nearly all messages that they have none.
    if message.as_bytes().get(5) != Some(&b':') {
        return None;
    }
    let (code, rest) = message.split_at_checked(5)?;
    let is_code = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    is_code.then(|| Some((code, rest.strip_prefix(": ")?)))?
}

/// Splits off the place in the server's source that `AlloyDB` puts in front of a message, `[auth.c:2847]  `.
pub(crate) fn split_source(message: &str) -> Option<(Location<'_>, &str)> {
    let (place, rest) = message.strip_prefix('[')?.split_once("]  ")?;
    let location = Location::read(place);
    let (name, ending) = location.file_name.rsplit_once('.')?;
    let is_name = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && matches!(ending, "c" | "cc" | "cpp" | "h" | "y" | "l");
    let is_place = is_name && location.func_name.is_none() && location.file_line_num.is_some();
    is_place.then_some((location, rest))
}

/// A `LOCATION:` line: function, file and line of the server's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    pub(crate) func_name: Option<&'a str>,
    pub(crate) file_name: &'a str,
    pub(crate) file_line_num: Option<u32>,
}

impl<'a> Location<'a> {
    /// Reads `int4div, int.c:846` or `int.c:846`.
    pub(crate) fn read(text: &'a str) -> Self {
        let (func_name, file) =
            text.split_once(", ").map_or((None, text), |(name, file)| (Some(name), file));
        let (file_name, line) =
            file.rsplit_once(':').map_or((file, None), |(name, line)| (name, line.parse().ok()));
        Self { func_name, file_name, file_line_num: line }
    }
}

/// Applies `cut` to a text without copying what is borrowed.
pub(crate) fn cut<'a>(text: &Text<'a>, cut: impl for<'x> Fn(&'x str) -> &'x str) -> Text<'a> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_in_the_source_may_stand_in_front_of_a_message() {
        let (place, rest) = split_source("[auth.c:2847]  hello").unwrap();
        assert_eq!((place.file_name, place.file_line_num, rest), ("auth.c", Some(2847), "hello"));
        for message in ["[auth.c:2847] x", "[auth.c]  x", "[7]  x", "[a b.c:7]  x", "[a.sql:7]  x"]
        {
            assert_eq!(split_source(message), None, "{message}");
        }
    }

    #[test]
    fn location_has_a_file_and_may_have_a_function() {
        let location = Location::read("int4div, int.c:846");
        assert_eq!(location.func_name, Some("int4div"));
        assert_eq!((location.file_name, location.file_line_num), ("int.c", Some(846)));
        assert_eq!(Location::read("int.c:846").func_name, None);
    }
}
