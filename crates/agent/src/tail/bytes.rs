//! The bytes of a file by which it is recognised.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// How many of a file's first bytes are kept.
pub(super) const MAX_HEAD_BYTES: usize = 1024;

/// How many bytes before the position are compared.
pub(super) const MAX_GUARD_BYTES: usize = 256;

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
