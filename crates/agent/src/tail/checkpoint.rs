//! What proves that a file holds what was read.
//!
//! A log can be truncated and written anew under the same identity, and its bytes can go on living in a
//! copy under another. So a position is kept with the file's first bytes, and with those just before the
//! position: both are compared wherever reading goes on.

use std::{fs::File, io, path::PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::tail::{
    FileIdentity,
    bytes::{MAX_GUARD_BYTES, MAX_HEAD_BYTES, read_at},
    source::Source,
};

/// A hash of the bytes just before a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How many bytes.
    pub bytes: u64,
    /// Their XXH3 hash.
    pub hash: u64,
}

impl Guard {
    /// The guard of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, hash: xxh3_64(bytes) }
    }

    fn before(file: &File, position: u64) -> io::Result<Self> {
        let bytes = position.min(MAX_GUARD_BYTES as u64);
        Ok(Self::of(&read_at(file, position - bytes, bytes)?))
    }
}

/// How far a file has been read, and which file it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where the file was found.
    pub path: PathBuf,
    /// The file.
    pub identity: FileIdentity,
    /// Its first bytes, 1,024 at most. Of a compressed file those of the log in it, as is the position.
    pub head: Vec<u8>,
    /// Everything before this position is stored.
    pub position: u64,
    /// What stands before the position; empty in a compressed file.
    pub guard: Guard,
}

impl Checkpoint {
    /// Tells whether a file holds what was read, and where reading goes on in it. `None` where it is
    /// another file, or was written anew.
    ///
    /// A copy that was made before the position was reached ends earlier: it has nothing more to give,
    /// and reading goes on at its end.
    ///
    /// # Errors
    /// Those of reading the file. A compressed file that is not whole yet gives
    /// [`io::ErrorKind::UnexpectedEof`].
    pub(super) fn find_in(&self, source: &mut Source) -> io::Result<Option<u64>> {
        let head = source.head()?;
        let shared = head.len().min(self.head.len());
        if shared == 0 {
            // Of an empty file there is nothing to recognise.
            return Ok(None);
        }
        if head.get(..shared) != self.head.get(..shared) {
            return Ok(None);
        }
        // Every hole is like any other.
        let is_hole = head.iter().take(shared).all(|byte| *byte == 0);
        if !is_hole && head.len() >= MAX_HEAD_BYTES && source.is_read_at(self.position)? {
            return Ok(Some(self.position));
        }
        let (reached, tail) = source.advance_to(self.position)?;
        if reached == self.position {
            let guarded = self.guard.bytes.min(tail.len() as u64);
            let from = tail.len() - usize::try_from(guarded).unwrap_or(tail.len());
            let before = tail.get(from..).unwrap_or_default();
            let says_something = !is_hole || before.iter().any(|byte| *byte != 0);
            let is_proof = says_something && Guard::of(before) == self.guard;
            return Ok(is_proof.then_some(reached));
        }
        // Too short to hold the guard, so its head is to prove it: the whole of it, or all there is.
        let is_proof = head.len() >= MAX_HEAD_BYTES || head.len() as u64 == reached;
        let is_proof = is_proof && !is_hole && shared == head.len();
        Ok((reached > 0 && is_proof).then_some(reached))
    }

    /// Tells whether the file of this identity still holds what was read.
    ///
    /// # Errors
    /// Those of reading the file.
    pub(super) fn is_intact(&self, source: &mut Source) -> io::Result<bool> {
        let is_empty = self.position == 0 && self.head.is_empty();
        Ok(is_empty || self.find_in(source)? == Some(self.position))
    }

    /// The checkpoint for an earlier position of the same file.
    pub(super) fn at(&self, file: &File, position: u64) -> io::Result<Self> {
        Ok(Self { position, guard: Guard::before(file, position)?, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn find(checkpoint: &Checkpoint, path: &Path) -> Option<u64> {
        checkpoint.find_in(&mut Source::open(path).unwrap()).unwrap()
    }

    fn checkpoint(path: &Path, position: u64) -> Checkpoint {
        let file = File::open(path).unwrap();
        Checkpoint {
            path: path.to_owned(),
            identity: FileIdentity::of(&file.metadata().unwrap()),
            head: read_at(&file, 0, 1024).unwrap(),
            position,
            guard: Guard::before(&file, position).unwrap(),
        }
    }

    #[test]
    fn file_that_grows_is_the_same_and_one_that_is_rewritten_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "one\ntwo\n").unwrap();
        let checkpoint = checkpoint(&path, 4);
        assert_eq!(find(&checkpoint, &path), Some(4));

        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(find(&checkpoint, &path), Some(4));

        fs::write(&path, "ONE\ntwo\nthree\n").unwrap();
        assert_eq!(find(&checkpoint, &path), None);
    }

    #[test]
    fn change_just_before_the_position_is_seen_where_the_head_is_equal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut bytes = vec![b'x'; 5000];
        fs::write(&path, &bytes).unwrap();
        let checkpoint = checkpoint(&path, 4000);
        assert_eq!(find(&checkpoint, &path), Some(4000));
        bytes[3990] = b'y';
        fs::write(&path, &bytes).unwrap();
        assert_eq!(find(&checkpoint, &path), None);
    }

    #[test]
    fn copy_from_before_the_position_has_nothing_more_to_give() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("x.log"), folder.path().join("x.log.1"));
        fs::write(&path, "one\ntwo\n").unwrap();
        let checkpoint = checkpoint(&path, 8);
        fs::write(&copy, "one\n").unwrap();
        assert_eq!(find(&checkpoint, &copy), Some(4));
        fs::write(&copy, "onE\n").unwrap();
        assert_eq!(find(&checkpoint, &copy), None);
        fs::write(&copy, "").unwrap();
        assert_eq!(find(&checkpoint, &copy), None);
    }
}
