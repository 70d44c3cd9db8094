//! Entries as JSON lines, to a file, to stdout, and as the body of a request.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::value::RawValue;

use crate::output::{Sent, Unpacked};

/// Writes one entry a line.
pub(super) fn body(entries: &[Box<RawValue>]) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in entries {
        lines.extend_from_slice(entry.get().as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// Writes to something that may take its time, such as a full pipe, and lets all else go on meanwhile.
pub(super) async fn write(target: &Target, unpacked: &Unpacked, part: Range<usize>) -> Sent {
    let (target, lines) = (target.clone(), body(unpacked.part(part)));
    let written = tokio::task::spawn_blocking(move || {
        target.write(&lines).map_err(|error| Sent::failed(format_args!("{target}: {error}")))
    });
    match written.await {
        Ok(Ok(())) => Sent::ALL,
        Ok(Err(sent)) => sent,
        Err(error) => Sent::failed(error),
    }
}

/// Where lines go.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A file that is appended to. It is opened for each batch, so that it can be renamed away.
    File(PathBuf),
    /// The agent's stdout.
    Stdout,
}

impl Target {
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::File(path) => append(path, lines),
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines).and_then(|()| out.flush())
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdout => f.write_str("stdout"),
        }
    }
}

fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let before = file.metadata()?;
    let written = file.write_all(lines);
    if !before.is_file() {
        // A pipe or a device can neither be brought to the disk nor shortened.
        return written;
    }
    // Half a batch would be there twice after the next attempt.
    written
        .and_then(|()| file.sync_data())
        .or_else(|error| file.set_len(before.len()).and(Err(error)))
}
