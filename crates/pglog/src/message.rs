//! What the server puts around a message: SQLSTATE, position and location.

use std::borrow::Cow;

use crate::entry::Text;

/// Splits the SQLSTATE off that `log_error_verbosity = verbose` puts in front of a message.
pub(crate) fn split_state_code(message: &str) -> Option<(&str, &str)> {
    let (code, rest) = message.split_at_checked(5)?;
    let is_code = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    is_code.then(|| Some((code, rest.strip_prefix(": ")?)))?
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
    fn location_has_a_file_and_may_have_a_function() {
        let location = Location::read("int4div, int.c:846");
        assert_eq!(location.func_name, Some("int4div"));
        assert_eq!((location.file_name, location.file_line_num), ("int.c", Some(846)));
        assert_eq!(Location::read("int.c:846").func_name, None);
    }
}
