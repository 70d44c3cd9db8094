//! What a document has of a log.

/// A record's piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) text: Vec<u8>,
    /// The time beside it.
    pub(crate) time: Option<String>,
}
