//! What proves, after a restart, that a file is still the one that was read.
//!
//! A path names another file after a rotation, and a file system gives the number of a deleted file to
//! the next one at once. So a position is stored with the file's identity, its first bytes, and a hash
//! of the bytes just before the position.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::PathBuf,
    time::SystemTime,
};

use xxhash_rust::xxh3::xxh3_64;

/// How many of a file's first bytes are kept.
const MAX_HEAD_BYTES: usize = 1024;

/// How many bytes before the position are hashed.
const MAX_GUARD_BYTES: u64 = 256;

/// One file, as its file system tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file's number in it.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970-01-01 UTC; 0 where the file system does not tell.
    pub born_ns: i64,
}

impl FileIdentity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|born| {
            let since_1970 = born.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since_1970.as_nanos()).ok()
        });
        Self { device: metadata.dev(), inode: metadata.ino(), born_ns: born.unwrap_or(0) }
    }
}

/// A hash of the bytes just before a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How many bytes.
    pub bytes: u64,
    /// Their XXH3 hash.
    pub hash: u64,
}

impl Guard {
    pub(crate) fn before(file: &File, position: u64) -> io::Result<Self> {
        let bytes = position.min(MAX_GUARD_BYTES);
        let guarded = read_at(file, position - bytes, bytes)?;
        Ok(Self { bytes: guarded.len() as u64, hash: xxh3_64(&guarded) })
    }
}

/// How far a file has been read, and which file it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where the file was found.
    pub path: PathBuf,
    /// The file.
    pub identity: FileIdentity,
    /// Its first bytes, 1,024 at most.
    pub head: Vec<u8>,
    /// Everything before this position is stored.
    pub position: u64,
    /// What stands before the position.
    pub guard: Guard,
}

/// What a file is to a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The same file, longer or not: reading goes on at the position.
    Same,
    /// The same file, but what was read is not in it any more.
    Rewritten,
    /// Another file.
    Other,
}

impl Checkpoint {
    /// Makes the checkpoint of a file that is open.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn of(file: &File, path: PathBuf, position: u64) -> io::Result<Self> {
        Ok(Self {
            path,
            identity: FileIdentity::of(&file.metadata()?),
            head: head_of(file)?,
            position,
            guard: Guard::before(file, position)?,
        })
    }

    /// Compares the checkpoint with a file.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn compare(&self, file: &File) -> io::Result<Evidence> {
        let metadata = file.metadata()?;
        if FileIdentity::of(&metadata) != self.identity {
            return Ok(Evidence::Other);
        }
        let is_same = metadata.len() >= self.position
            && Guard::before(file, self.position)? == self.guard
            && head_of(file)?.starts_with(&self.head);
        Ok(if is_same { Evidence::Same } else { Evidence::Rewritten })
    }
}

fn head_of(file: &File) -> io::Result<Vec<u8>> {
    read_at(file, 0, MAX_HEAD_BYTES as u64)
}

/// Reads up to `bytes` bytes; fewer where the file ends before.
pub(super) fn read_at(file: &File, position: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn file_that_grows_is_the_same_and_one_that_is_rewritten_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "one\ntwo\n").unwrap();
        let open = || File::open(&path).unwrap();
        let checkpoint = Checkpoint::of(&open(), path.clone(), 4).unwrap();
        assert_eq!(checkpoint.compare(&open()).unwrap(), Evidence::Same);

        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(checkpoint.compare(&open()).unwrap(), Evidence::Same);

        fs::write(&path, "ONE\ntwo\nthree\n").unwrap();
        assert_eq!(checkpoint.compare(&open()).unwrap(), Evidence::Rewritten);

        fs::write(&path, "one").unwrap();
        assert_eq!(checkpoint.compare(&open()).unwrap(), Evidence::Rewritten);
    }

    #[test]
    fn file_under_the_same_name_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "one\n").unwrap();
        let checkpoint = Checkpoint::of(&File::open(&path).unwrap(), path.clone(), 4).unwrap();
        fs::rename(&path, folder.path().join("x.log.1")).unwrap();
        fs::write(&path, "one\n").unwrap();
        let compare = |path| checkpoint.compare(&File::open(path).unwrap()).unwrap();
        assert_eq!(compare(path), Evidence::Other);
        assert_eq!(compare(folder.path().join("x.log.1")), Evidence::Same);
    }
}
