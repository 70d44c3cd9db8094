//! Entries as JSON lines, to a file, to stdout, and as the body of a request.

use std::{
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

/// A file that is appended to. It is opened for each batch, so that it can be renamed away.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) fn send(&self, unpacked: &Unpacked, part: Range<usize>) -> Sent {
        let written =
            OpenOptions::new().append(true).create(true).open(&self.path).and_then(|mut file| {
                let before = file.metadata()?.len();
                let lines = body(unpacked.part(part));
                let written = file.write_all(&lines).and_then(|()| file.sync_data());
                // Half a batch would be there twice after the next attempt.
                written.or_else(|error| file.set_len(before).and(Err(error)))
            });
        match written {
            Ok(()) => Sent::ALL,
            Err(error) => Sent::failed(format_args!("{}: {error}", self.path.display())),
        }
    }
}

/// The agent's stdout.
#[derive(Debug)]
pub(super) struct Stdout;

impl Stdout {
    #[expect(clippy::unused_self, reason = "sinks are used alike")]
    pub(super) fn send(&self, unpacked: &Unpacked, part: Range<usize>) -> Sent {
        let mut out = io::stdout().lock();
        match out.write_all(&body(unpacked.part(part))).and_then(|()| out.flush()) {
            Ok(()) => Sent::ALL,
            Err(error) => Sent::failed(format_args!("stdout: {error}")),
        }
    }
}
