//! One file that is being read.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{Mode, OFlags};

use crate::tail::{
    checkpoint::{Checkpoint, FileIdentity, read_at},
    series::series_of,
};

/// How long a file that has been rotated away must stand still before it is left.
const QUIET_AFTER_ROTATION: Duration = Duration::from_secs(1);

/// Names a followed file for as long as the tailer lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileNumber(pub u64);

/// An open file and how far it has been read.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) number: FileNumber,
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    /// See [`series_of`].
    pub(super) series: String,
    file: File,
    position: u64,
    /// True while bytes have been read that nobody has been told are the last for now.
    is_unsettled: bool,
    /// Since when nothing new was found, while the path names another file or none.
    left_quiet_since: Option<Duration>,
}

/// What one look at the file brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes; there may be more.
    Read(usize),
    /// The end, for now.
    AtEnd,
}

impl Follower {
    pub(super) fn new(number: FileNumber, opened: OpenedFile, position: u64) -> Self {
        let OpenedFile { path, identity, file } = opened;
        let series = series_of(&path);
        Self {
            number,
            path,
            identity,
            series,
            file,
            position,
            is_unsettled: false,
            left_quiet_since: None,
        }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn checkpoint(&self, position: u64) -> io::Result<Checkpoint> {
        Checkpoint::of(&self.file, self.path.clone(), position)
    }

    /// Reads the next bytes into `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Progress> {
        self.file.seek(SeekFrom::Start(self.position))?;
        match self.file.read(buffer) {
            Ok(0) => Ok(Progress::AtEnd),
            Ok(read) => {
                self.position += read as u64;
                self.left_quiet_since = None;
                self.is_unsettled = true;
                Ok(Progress::Read(read))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Progress::Read(0)),
            Err(error) => Err(error),
        }
    }

    /// Notes that what was read so far is whole. False where nothing was read since the last time.
    pub(super) const fn settle(&mut self) -> bool {
        std::mem::replace(&mut self.is_unsettled, false)
    }

    /// Tells whether the file, which is at its end, has been rotated away and has stood still for long
    /// enough. The server may write to it for a moment after it got another name.
    pub(super) fn is_finished(&mut self, now: Duration) -> bool {
        let at_path = fs::metadata(&self.path).map(|metadata| FileIdentity::of(&metadata));
        if at_path.is_ok_and(|identity| identity == self.identity) {
            self.left_quiet_since = None;
            return false;
        }
        let since = *self.left_quiet_since.get_or_insert(now);
        now >= since + QUIET_AFTER_ROTATION
    }
}

/// A file that was found, opened and told from others.
#[derive(Debug)]
pub(super) struct OpenedFile {
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    pub(super) file: File,
}

impl OpenedFile {
    /// Opens a file to read, whatever its path leads to, without waiting for it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let descriptor: OwnedFd = rustix::fs::open(path, flags, Mode::empty())?;
        let file = File::from(descriptor);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let problem = "not a regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        Ok(Self { path: path.to_owned(), identity: FileIdentity::of(&metadata), file })
    }

    /// Returns the position behind the last line break: a line without its end is read whole later.
    pub(super) fn last_line_break(&self) -> io::Result<u64> {
        let mut end = self.file.metadata()?.len();
        while end > 0 {
            let start = end.saturating_sub(SAMPLE_BYTES);
            let bytes = read_at(&self.file, start, end - start)?;
            if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + last as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    /// Returns whole lines from before a position, or from the file's start where it is near.
    pub(super) fn sample(&self, position: u64) -> io::Result<Vec<u8>> {
        let start = position.saturating_sub(SAMPLE_BYTES);
        let bytes = read_at(&self.file, start, SAMPLE_BYTES)?;
        let first_line = match start {
            0 => 0,
            _ => bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1),
        };
        Ok(bytes.get(first_line..).unwrap_or_default().to_vec())
    }
}

/// How much of a file is looked at to find out how to read it.
const SAMPLE_BYTES: u64 = 64 << 10;
