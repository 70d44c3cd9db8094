//! One log that is being read, from one writing of the file to the next.

use std::{
    fs::File,
    io, mem,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{fs::SeekFrom, io::Errno};

use crate::tail::{
    bytes::{MAX_GUARD_BYTES, MAX_HEAD_BYTES, read_at},
    checkpoint::{Checkpoint, Guard},
    identity::{FileIdentity, Stamp},
    moment::Moment,
    series::series_of,
    source::{Look, Source, keep_last},
};

/// From when on a log counts as one in which nothing happens.
const QUIET: Duration = Duration::from_secs(1);

/// Names a followed log for as long as the tailer lives. A file that is truncated and written anew gets
/// another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileNumber(pub u64);

/// An open log and how far it has been read.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) number: FileNumber,
    /// Where it was found.
    pub(super) path: PathBuf,
    /// Where it is now.
    name: PathBuf,
    pub(super) identity: FileIdentity,
    /// See [`series_of`].
    pub(super) series: String,
    pub(super) state: State,
    /// True while its path names this file.
    pub(super) is_current: bool,
    /// True once no path names this file.
    pub(super) is_deleted: bool,
    /// The largest size that was seen.
    pub(super) seen_size: u64,
    pub(super) source: Source,
    position: u64,
    /// The first bytes, as they were read.
    pub(super) head: Vec<u8>,
    /// The moment of its first entry, as far as that can be told.
    moment: Option<Moment>,
    /// The bytes before the position, as they were read.
    tail: Vec<u8>,
    /// True while bytes have been read that nobody has been told are the last for now.
    is_unsettled: bool,
    /// What the file looked like at the last scan.
    stamp: Option<Stamp>,
    /// Since when there has been nothing new.
    quiet_since: Option<Duration>,
    /// When it was looked at last. `None` where it is known to have been written to since.
    looked_at: Option<Duration>,
}

/// Where the bytes behind the position are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In the source.
    Reading,
    /// Not where they were: the file was truncated or written anew.
    Rewritten,
    /// Nowhere more: the copy ends before the position, at this one.
    Drained(u64),
    /// Nowhere: there is no copy.
    Gone,
}

/// Why a log is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// There may be bytes.
    Bytes,
    /// It is time to, though nobody has told of any.
    Clock,
}

/// What one look at the log brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Bytes, which stand in the buffer from there on; there may be more.
    Read { from: usize, bytes: usize },
    /// A hole, or zeros, at the start of a line.
    Zeros,
    /// The end, for now.
    AtEnd,
    /// The file was truncated or written anew.
    Rewritten,
}

/// A log that was found and opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    pub(super) source: Source,
}

impl Follower {
    /// Reads `opened` from `position` on.
    pub(super) fn new(number: FileNumber, opened: Opened, position: u64) -> io::Result<Self> {
        let Opened { path, identity, mut source } = opened;
        let head = source.head()?;
        let (position, tail) = source.advance_to(position)?;
        let size = source.plain_file().and_then(|file| file.metadata().ok()?.len().into());
        Ok(Self {
            number,
            series: series_of(&path),
            name: path.clone(),
            path,
            identity,
            state: State::Reading,
            is_current: true,
            is_deleted: false,
            seen_size: size.unwrap_or(position),
            source,
            position,
            moment: Moment::of_head(&head),
            head,
            tail,
            is_unsettled: false,
            stamp: None,
            quiet_since: None,
            looked_at: None,
        })
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The moment of its first entry, where that is known.
    pub(super) const fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Tells whether no byte of it has been seen.
    pub(super) const fn has_nothing(&self) -> bool {
        self.head.is_empty()
    }

    pub(super) const fn is_packed(&self) -> bool {
        matches!(self.source, Source::Packed(_))
    }

    /// What the file looks like, where it is compressed.
    pub(super) fn packed_stamp(&self) -> Option<Stamp> {
        let metadata = self.source.metadata().ok().filter(|_| self.is_packed());
        metadata.map(|metadata| Stamp::of(&metadata))
    }

    /// The size of the file; the position where that of the log in it is not known.
    pub(super) fn size(&self) -> u64 {
        let file = self.source.plain_file().filter(|_| self.state == State::Reading);
        let metadata = file.and_then(|file| file.metadata().ok());
        metadata.map_or(self.position, |metadata| metadata.len())
    }

    /// Notes how large the file is. One that has shrunk was truncated, also where nothing has been read.
    pub(super) fn note_stamp(&mut self, stamp: Stamp) {
        if self.state != State::Reading || self.is_packed() || self.stamp == Some(stamp) {
            return;
        }
        self.stamp = Some(stamp);
        let size = stamp.size;
        if size < self.seen_size {
            self.state = State::Rewritten;
        } else if matches!(self.is_rewritten(), Ok(false)) {
            self.seen_size = size;
            // What is not read yet is to be known as well, should the file be written anew before.
            if self.head.len() < MAX_HEAD_BYTES {
                self.head = self.source.head().unwrap_or_default();
            }
        }
    }

    /// The same file, to be read anew.
    pub(super) fn again(&self) -> Option<Opened> {
        self.source.plain_file()?;
        let source = self.source.again().ok()?;
        Some(Opened { path: self.path.clone(), identity: self.identity, source })
    }

    /// Whole lines from around the position.
    pub(super) fn sample(&mut self) -> io::Result<Vec<u8>> {
        self.source.sample(self.position)
    }

    /// Tells whether the file that is read is smaller than it was seen to be.
    pub(super) fn has_shrunk(&self) -> io::Result<bool> {
        let file = self.source.plain_file().filter(|_| self.state == State::Reading);
        let Some(file) = file else { return Ok(false) };
        Ok(file.metadata()?.len() < self.seen_size)
    }

    /// Notes whether a path still leads to the file.
    pub(super) fn note_links(&mut self) {
        self.is_current = false;
        if let Ok(metadata) = self.source.metadata() {
            self.is_deleted = metadata.nlink() == 0;
        }
    }

    /// Reads the next bytes into `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Duration) -> io::Result<Progress> {
        match self.state {
            State::Reading => {}
            State::Rewritten => return Ok(Progress::Rewritten),
            State::Drained(_) | State::Gone => return Ok(self.at_end(now)),
        }
        match self.look(buffer)? {
            Look::AtEnd => Ok(self.at_end(now)),
            Look::Rewritten => Ok(Progress::Rewritten),
            Look::Read { from, bytes } => {
                let read = buffer.get(from..from + bytes).unwrap_or_default();
                if read.first() == Some(&0) && self.tail.last().is_none_or(|last| *last == b'\n') {
                    return Ok(Progress::Zeros);
                }
                self.note_read(read);
                Ok(Progress::Read { from, bytes })
            }
        }
    }

    /// Tells whether what was read is still in the file, without reading on.
    pub(super) fn is_rewritten(&mut self) -> io::Result<bool> {
        if self.state == State::Reading && !self.is_packed() {
            let look = self.look(&mut [0; 2 * MAX_GUARD_BYTES])?;
            // As many bytes as before are no proof.
            if look == Look::AtEnd && !self.has_head()? {
                self.state = State::Rewritten;
            }
        }
        Ok(self.state == State::Rewritten)
    }

    /// Tells whether a file begins as it did. Logs repeat themselves, so the bytes before the position can be
    /// what they were by chance; the first ones have a time in them.
    fn has_head(&self) -> io::Result<bool> {
        let Some(file) = self.source.plain_file() else { return Ok(true) };
        let known = self.head.get(..self.head.len().min(MAX_GUARD_BYTES)).unwrap_or_default();
        Ok(read_at(file, 0, known.len() as u64)? == known)
    }

    /// Looks at the bytes behind the position. Those before it, and those of the head that have not been
    /// read yet, must be as they were.
    fn look(&mut self, buffer: &mut [u8]) -> io::Result<Look> {
        let mut look = self.source.look(self.position, &self.tail, buffer)?;
        if matches!(look, Look::Read { .. }) && !self.has_head()? {
            look = Look::Rewritten;
        }
        // Without any bytes that were read only the size can tell.
        if self.tail.is_empty()
            && let Some(file) = self.source.plain_file()
            && file.metadata()?.len() < self.seen_size
        {
            look = Look::Rewritten;
        }
        let read = match look {
            Look::Read { from, bytes } => buffer.get(from..from + bytes).unwrap_or_default(),
            Look::AtEnd | Look::Rewritten => &[],
        };
        let position = usize::try_from(self.position).unwrap_or(usize::MAX);
        if let Some(unread) = self.head.get(position..).filter(|unread| !unread.is_empty()) {
            let shared = unread.len().min(read.len());
            if shared == 0 || read.get(..shared) != unread.get(..shared) {
                look = Look::Rewritten;
            }
        }
        if look == Look::Rewritten {
            self.state = State::Rewritten;
        }
        Ok(look)
    }

    fn note_read(&mut self, read: &[u8]) {
        let known = self.head.len() as u64;
        if self.head.len() < MAX_HEAD_BYTES && known >= self.position {
            let new = usize::try_from(known - self.position).unwrap_or(usize::MAX);
            let room = MAX_HEAD_BYTES - self.head.len();
            self.head.extend(read.get(new..).unwrap_or_default().iter().take(room));
            self.moment = self.moment.or_else(|| Moment::of_head(&self.head));
        }
        self.position += read.len() as u64;
        self.seen_size = self.seen_size.max(self.position);
        keep_last(&mut self.tail, read);
        self.quiet_since = None;
        self.is_unsettled = true;
    }

    fn at_end(&mut self, now: Duration) -> Progress {
        self.quiet_since.get_or_insert(now);
        Progress::AtEnd
    }

    /// Tells whether to look for new bytes, and why. A log in which nothing happens is looked at once in an
    /// interval.
    pub(super) fn occasion(&mut self, now: Duration, interval: Duration) -> Option<Occasion> {
        let is_quiet = self.quiet_for(now).is_some_and(|quiet| quiet >= QUIET);
        // Nobody tells of what is written to a file without a name in a folder that is watched.
        let interval = if self.is_current { interval } else { interval.min(QUIET) };
        let looked_at = self.looked_at.filter(|_| is_quiet);
        if looked_at.is_some_and(|looked_at| now < looked_at + interval) {
            return None;
        }
        self.looked_at = Some(now);
        let is_told = looked_at.is_none() || !self.is_current;
        Some(if is_told { Occasion::Bytes } else { Occasion::Clock })
    }

    /// Notes under which name the file is now.
    pub(super) fn note_name(&mut self, path: &Path) {
        self.is_current = path == self.path;
        if self.name != path {
            path.clone_into(&mut self.name);
        }
    }

    /// Tells whether the file has this name, as far as is known, or had it when it was opened.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.name == path || self.path == path
    }

    /// Looks at the log at the next turn.
    pub(super) const fn look_soon(&mut self) {
        self.looked_at = None;
    }

    /// Notes that nobody looks whether there is anything new.
    pub(super) const fn pass_over(&mut self) {
        self.quiet_since = None;
    }

    /// Tells whether the end of the last line has not been read.
    pub(super) fn is_within_line(&self) -> bool {
        self.tail.last().is_some_and(|last| *last != b'\n')
    }

    /// How long there has been nothing new. `None` while there is.
    pub(super) fn quiet_for(&self, now: Duration) -> Option<Duration> {
        self.quiet_since.map(|since| now.saturating_sub(since))
    }

    /// Goes over zeros at the position, a bounded part of them; `number` counts from there on. Returns
    /// what to call the log up to here, and how many zeros there were.
    pub(super) fn skip_zeros(&mut self, number: FileNumber) -> io::Result<(Self, u64)> {
        let mut source = self.source.again()?;
        let end = match source.plain_file() {
            Some(file) => end_of_zeros(file, self.position)?,
            None => self.position + source.skip_zeros(self.position, MAX_ZEROS_AT_ONCE)?,
        };
        let zeros = end - self.position;
        let opened = Opened { path: self.path.clone(), identity: self.identity, source };
        let mut next = Self::new(number, opened, end)?;
        next.is_deleted = self.is_deleted;
        let before = mem::replace(self, next);
        Ok((before, zeros))
    }

    /// Reads on in a copy, which begins with `head` and holds the bytes up to `found`.
    pub(super) fn go_on_in(&mut self, copy: Opened, head: Vec<u8>, found: u64) {
        self.head = head;
        self.path = copy.path;
        self.identity = copy.identity;
        self.source = copy.source;
        self.state = if found < self.position { State::Drained(found) } else { State::Reading };
        self.is_deleted = false;
        self.seen_size = self.position;
        self.stamp = None;
        self.quiet_since = None;
    }

    /// What proves that a file holds what has been read.
    pub(super) fn evidence(&self) -> Checkpoint {
        Checkpoint {
            path: self.path.clone(),
            identity: self.identity,
            head: self.head.clone(),
            position: self.position,
            guard: Guard::of(&self.tail),
        }
    }

    /// The checkpoint for a position up to which the log has been read. `None` where the bytes are in no
    /// file more.
    ///
    /// The file is only asked for bytes that are certain to be those that were read.
    pub(super) fn checkpoint(&mut self, position: u64) -> io::Result<Option<Checkpoint>> {
        let evidence = self.evidence();
        let position = match self.state {
            State::Gone | State::Rewritten => return Ok(None),
            State::Drained(end) => position.min(end),
            State::Reading => position,
        };
        let Some(file) = self.source.plain_file() else {
            return Ok(Some(Checkpoint { position, guard: Guard::of(&[]), ..evidence }));
        };
        if position == self.position {
            return Ok(Some(evidence));
        }
        let checkpoint = evidence.at(file, position)?;
        // Compared behind it: had the file been written anew before, this would have changed as well.
        Ok(if self.is_rewritten()? { None } else { Some(checkpoint) })
    }

    /// Tells whether anything was read since what was read was whole.
    pub(super) const fn is_unsettled(&self) -> bool {
        self.is_unsettled
    }

    /// Notes that what was read so far is whole. False where nothing was read since the last time.
    pub(super) const fn settle(&mut self) -> bool {
        mem::replace(&mut self.is_unsettled, false)
    }
}

/// How many zeros that are no hole are gone over in one turn.
const MAX_ZEROS_AT_ONCE: u64 = 64 << 20;

/// Where the zeros end that begin at a position, or those of them that are looked at in one turn.
fn end_of_zeros(file: &File, position: u64) -> io::Result<u64> {
    let mut end = match rustix::fs::seek(file, SeekFrom::Data(position)) {
        Ok(data) => data.max(position),
        Err(Errno::NXIO) => file.metadata()?.len().max(position),
        Err(_) => position,
    };
    let last = end + MAX_ZEROS_AT_ONCE;
    while end < last {
        let bytes = read_at(file, end, 64 << 10)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        end += zeros as u64;
        if zeros < bytes.len() || bytes.is_empty() {
            break;
        }
    }
    Ok(end)
}
