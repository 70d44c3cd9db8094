//! How the logs within a wrapping are read: what it takes to make a reader for one.

use crate::{
    format::Format,
    parser::{ParserOptions, reader::Reader},
    prefix::LinePrefix,
    wrapping::Wrapping,
};

/// What is known of a log.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// The outermost first.
    pub(super) wrappings: Vec<Wrapping>,
    pub(super) format: Format,
    pub(super) prefix: LinePrefix,
    pub(super) options: ParserOptions,
}

impl Recipe {
    /// Makes a reader for bytes from `position` on.
    pub(super) fn reader(mut self, position: u64) -> Reader {
        if self.wrappings.is_empty() {
            return Reader::new(self.format, self.prefix, &self.options, position);
        }
        let outer = self.wrappings.remove(0);
        Reader::wrapped(outer, self, position)
    }
}
