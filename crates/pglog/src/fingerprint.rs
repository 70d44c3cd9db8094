//! What a reader remembers of the bytes before its position, in a number.

use std::{
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hasher as _},
};

/// Hashes the parts of a reader that decide how it reads on.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Adds a part. Its debug form is hashed, which shows everything that it holds.
    pub(crate) fn add(&mut self, part: &dyn fmt::Debug) {
        // Hashing does not fail.
        let _written = write!(self, "{part:?};");
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
