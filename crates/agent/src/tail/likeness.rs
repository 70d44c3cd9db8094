//! Whether a file is the copy of a log that is read.

use std::io;

use crate::tail::{
    bytes::{MAX_HEAD_BYTES, read_at},
    follower::{Follower, State},
    source::Source,
};

/// What a file has in common with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It holds something else.
    None,
    /// It holds the log but for so many bytes at its end.
    Copy {
        /// How many.
        missing: u64,
    },
    /// It holds all of the log, and more.
    Longer,
}

impl Follower {
    /// Tells what another file has in common with this one.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where it cannot be told, because the log is being truncated or
    /// the other file is not whole; and those of reading.
    pub(super) fn likeness(&mut self, other: &mut Source) -> io::Result<Likeness> {
        if self.is_rewritten()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let likeness = self.compare(other)?;
        let is_copy = matches!(likeness, Likeness::Copy { .. });
        if !is_copy && (self.has_shrunk()? || self.is_rewritten()?) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(likeness)
    }

    fn compare(&mut self, other: &mut Source) -> io::Result<Likeness> {
        let theirs = other.head()?;
        // What was read may be less than what was copied.
        let ours = match self.source.plain_file() {
            Some(file) if self.head.len() < MAX_HEAD_BYTES && self.state == State::Reading => {
                read_at(file, 0, MAX_HEAD_BYTES as u64)?
            }
            _ => self.head.clone(),
        };
        let shared = theirs.len().min(ours.len());
        if shared == 0 || theirs.get(..shared) != ours.get(..shared) {
            return Ok(Likeness::None);
        }
        // Whoever compresses a log changes nothing in it.
        if self.is_packed() != other.plain_file().is_none() && shared == MAX_HEAD_BYTES {
            let plain = if self.is_packed() { other.size()? } else { self.source.size()? };
            if self.source.is_read_at(plain)? || other.is_read_at(plain)? {
                return Ok(Likeness::Copy { missing: 0 });
            }
        }
        // In this order: the log may grow, and its copy with it.
        let their_size = other.size()?;
        let our_size = self.source.size()?;
        let end = their_size.min(our_size);
        Ok(if self.source.before(end)? != other.before(end)? {
            Likeness::None
        } else if their_size <= our_size {
            Likeness::Copy { missing: our_size - their_size }
        } else {
            Likeness::Longer
        })
    }
}
