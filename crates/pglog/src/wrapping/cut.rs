//! What a document has of a log.

use std::borrow::Cow;

use crate::json::unescape;

/// A record's piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) text: Vec<u8>,
    /// The time beside it.
    pub(crate) time: Option<String>,
}

/// The whole line that is the text of a string: without its escapes, and without a line break at its end.
pub(super) fn line_in(text: &[u8], has_escapes: bool) -> Cow<'_, [u8]> {
    let mut line = if has_escapes { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) };
    if line.ends_with(b"\n") {
        line.to_mut().pop();
    }
    line
}
