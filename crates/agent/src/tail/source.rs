//! The bytes of a log, wherever they are: in the file that was written, in a copy, compressed or not.

use std::{
    ffi::OsStr,
    fmt,
    fs::{File, Metadata},
    io::{self, BufReader, Read},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::Path,
};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::XzReader;
use rustix::fs::{Advice, Mode, OFlags};

use crate::tail::bytes::{MAX_GUARD_BYTES, MAX_HEAD_BYTES, read_at};

/// How many bytes a reader may pass before it asks the system to forget them, and how many before the position the system
/// is to keep: the checkpoint of a batch that waits to be stored needs some of them, and would read them from the disk.
const FORGET_BYTES: u64 = 4 << 20;

/// How much of a log is looked at to find out how to read it.
const SAMPLE_BYTES: u64 = 64 << 10;

/// An open log.
#[derive(Debug)]
pub(super) enum Source {
    /// The log as the server writes it.
    Plain(Plain),
    /// A compressed copy, read from front to back.
    Packed(Packed),
}

/// What a look at the next bytes brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// So many bytes, which stand in the buffer from there on.
    Read { from: usize, bytes: usize },
    /// The end, for now.
    AtEnd,
    /// What was read before is not in the file any more.
    Rewritten,
}

impl Source {
    /// Opens a file to read, whatever its path leads to, without waiting for it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let descriptor: OwnedFd = rustix::fs::open(path, flags, Mode::empty())?;
        let file = File::from(descriptor);
        if !file.metadata()?.is_file() {
            let problem = "not a regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        match Packing::of(path) {
            None => Ok(Self::Plain(Plain { file, forgotten: 0 })),
            Some(packing) => Ok(Self::Packed(Packed::new(file, packing)?)),
        }
    }

    /// Another reader of the same file.
    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Plain(Plain { file, .. }) => {
                Self::Plain(Plain { file: file.try_clone()?, forgotten: 0 })
            }
            Self::Packed(Packed { file, packing, .. }) => {
                Self::Packed(Packed::new(file.try_clone()?, *packing)?)
            }
        })
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(plain) => plain.file.metadata(),
            Self::Packed(packed) => packed.file.metadata(),
        }
    }

    /// The first bytes, 1,024 at most.
    pub(super) fn head(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(plain) => read_at(&plain.file, 0, MAX_HEAD_BYTES as u64),
            Self::Packed(packed) => packed.head(),
        }
    }

    /// Returns the position behind the last line break: a line without its end is read whole later.
    pub(super) fn last_line_break(&self) -> io::Result<u64> {
        let Self::Plain(plain) = self else { return Ok(0) };
        let mut end = plain.file.metadata()?.len();
        while end > 0 {
            let start = end.saturating_sub(SAMPLE_BYTES);
            let bytes = read_at(&plain.file, start, end - start)?;
            if let Some(last) = memchr::memrchr(b'\n', &bytes) {
                return Ok(start + last as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    /// Returns whole lines from before a position, or from the log's start where it is near.
    pub(super) fn sample(&mut self, position: u64) -> io::Result<Vec<u8>> {
        let Self::Plain(plain) = self else { return self.head() };
        let start = position.saturating_sub(SAMPLE_BYTES);
        let mut bytes = read_at(&plain.file, start, SAMPLE_BYTES)?;
        if start > 0 {
            let first = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
            bytes.drain(..first);
        }
        Ok(bytes)
    }

    /// Goes to a position, or to the end where that is before it. Returns where it is, and the bytes
    /// just before.
    pub(super) fn advance_to(&mut self, position: u64) -> io::Result<(u64, Vec<u8>)> {
        match self {
            Self::Plain(plain) => {
                let reached = position.min(plain.file.metadata()?.len());
                let bytes = reached.min(MAX_GUARD_BYTES as u64);
                Ok((reached, read_at(&plain.file, reached - bytes, bytes)?))
            }
            Self::Packed(packed) => packed.advance_to(position),
        }
    }

    /// The size of the log. A compressed one is decoded for it, once.
    pub(super) fn size(&mut self) -> io::Result<u64> {
        match self {
            Self::Plain(plain) => Ok(plain.file.metadata()?.len()),
            Self::Packed(packed) => Ok(packed.end()?.0),
        }
    }

    /// The bytes just before a position. Where reading goes on does not change.
    pub(super) fn before(&mut self, position: u64) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(plain) => {
                let bytes = position.min(MAX_GUARD_BYTES as u64);
                read_at(&plain.file, position - bytes, bytes)
            }
            Self::Packed(packed) => packed.before(position),
        }
    }

    /// Goes to a position of a compressed log and over the zeros there, so many at most. Returns how many
    /// there are.
    pub(super) fn skip_zeros(&mut self, position: u64, most: u64) -> io::Result<u64> {
        self.advance_to(position)?;
        match self {
            Self::Plain(_) => Ok(0),
            Self::Packed(packed) => packed.skip_zeros(most),
        }
    }

    /// Tells whether a compressed log ends at a position, as far as that can be told without decoding.
    pub(super) fn is_read_at(&self, position: u64) -> io::Result<bool> {
        match self {
            Self::Packed(Packed { file, packing: Packing::Gzip, .. }) => {
                let size = file.metadata()?.len();
                let last = read_at(file, size.saturating_sub(4), 4)?;
                let length = <[u8; 4]>::try_from(last).map(u32::from_le_bytes);
                Ok(length.map(u64::from) == Ok(position % (1 << 32)))
            }
            _ => Ok(false),
        }
    }

    /// Reads the bytes behind `position` into the buffer, if those before it are still `tail`.
    pub(super) fn look(
        &mut self,
        position: u64,
        tail: &[u8],
        buffer: &mut [u8],
    ) -> io::Result<Look> {
        match self {
            Self::Plain(plain) => plain.look(position, tail, buffer),
            Self::Packed(packed) => packed.look(buffer),
        }
    }

    /// The file, where its bytes are the log's.
    pub(super) const fn plain_file(&self) -> Option<&File> {
        match self {
            Self::Plain(plain) => Some(&plain.file),
            Self::Packed(_) => None,
        }
    }
}

/// A log as the server writes it.
#[derive(Debug)]
pub(super) struct Plain {
    file: File,
    /// Up to where the system was asked to forget the bytes.
    forgotten: u64,
}

impl Plain {
    /// One read brings the bytes before the position and those behind it, so that nothing can change
    /// in between.
    fn look(&mut self, position: u64, tail: &[u8], buffer: &mut [u8]) -> io::Result<Look> {
        let from = tail.len();
        let read = match self.file.read_at(buffer, position - from as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Look::AtEnd),
            read => read?,
        };
        if buffer.get(..read).and_then(|read| read.get(..from)) != Some(tail) {
            return Ok(Look::Rewritten);
        }
        if read == from {
            return Ok(Look::AtEnd);
        }
        self.forget(position);
        Ok(Look::Read { from, bytes: read - from })
    }

    /// Gives the memory back that the system keeps for what has been read: a database server has better
    /// use for it. The advice may be ignored.
    fn forget(&mut self, position: u64) {
        let bytes = position.saturating_sub(self.forgotten + FORGET_BYTES);
        if let Some(length) = std::num::NonZeroU64::new(bytes).filter(|_| bytes >= FORGET_BYTES) {
            let advice = Advice::DontNeed;
            let _ignored = rustix::fs::fadvise(&self.file, self.forgotten, Some(length), advice);
            self.forgotten += bytes;
        }
    }
}

/// How a copy is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
}

impl Packing {
    /// The packing that a name tells.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension().and_then(OsStr::to_str)? {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            "bz2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            "lz4" => Some(Self::Lz4),
            _ => None,
        }
    }
}

/// A compressed copy.
pub(super) struct Packed {
    file: File,
    packing: Packing,
    decoder: Box<dyn Read + Send>,
    /// How many bytes of the log have been decoded.
    position: u64,
    /// The last of them.
    tail: Vec<u8>,
    head: Option<Vec<u8>>,
    /// The size of the log and its last bytes, once it was decoded for them.
    end: Option<(u64, Vec<u8>)>,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Packed {
    fn new(file: File, packing: Packing) -> io::Result<Self> {
        let decoder = decoder(&file, packing)?;
        Ok(Self { file, packing, decoder, position: 0, tail: Vec::new(), head: None, end: None })
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.decoder = decoder(&self.file, self.packing)?;
        self.position = 0;
        self.tail.clear();
        Ok(())
    }

    fn head(&mut self) -> io::Result<Vec<u8>> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let mut head = Vec::new();
        decoder(&self.file, self.packing)?.take(MAX_HEAD_BYTES as u64).read_to_end(&mut head)?;
        self.head = Some(head.clone());
        Ok(head)
    }

    fn end(&mut self) -> io::Result<(u64, Vec<u8>)> {
        if let Some(end) = &self.end {
            return Ok(end.clone());
        }
        let mut tail = Vec::new();
        let size = pass(&mut decoder(&self.file, self.packing)?, u64::MAX, &mut tail)?;
        self.end = Some((size, tail.clone()));
        Ok((size, tail))
    }

    fn before(&mut self, position: u64) -> io::Result<Vec<u8>> {
        let (size, tail) = self.end()?;
        if position >= size {
            return Ok(tail);
        }
        let mut tail = Vec::new();
        pass(&mut decoder(&self.file, self.packing)?, position, &mut tail)?;
        Ok(tail)
    }

    fn advance_to(&mut self, position: u64) -> io::Result<(u64, Vec<u8>)> {
        if position < self.position {
            self.rewind()?;
        }
        self.position += pass(&mut self.decoder, position - self.position, &mut self.tail)?;
        Ok((self.position, self.tail.clone()))
    }

    /// Ends at the start of the log.
    fn skip_zeros(&mut self, most: u64) -> io::Result<u64> {
        let mut buffer = vec![0; 64 << 10];
        let mut total = 0;
        while total < most {
            let bytes = self.decoder.read(&mut buffer)?;
            let read = buffer.get(..bytes).unwrap_or_default();
            let zeros = read.iter().take_while(|byte| **byte == 0).count();
            total += zeros as u64;
            if zeros < bytes || bytes == 0 {
                break;
            }
        }
        self.rewind()?;
        Ok(total)
    }

    fn look(&mut self, buffer: &mut [u8]) -> io::Result<Look> {
        let bytes = self.decoder.read(buffer)?;
        self.position += bytes as u64;
        keep_last(&mut self.tail, buffer.get(..bytes).unwrap_or_default());
        Ok(if bytes == 0 { Look::AtEnd } else { Look::Read { from: 0, bytes } })
    }
}

/// Goes over so many bytes, or to the end, and keeps the last ones. Returns how many there were.
fn pass(decoder: &mut impl Read, bytes: u64, tail: &mut Vec<u8>) -> io::Result<u64> {
    let mut passed = 0;
    let mut buffer = vec![0; 64 << 10];
    while passed < bytes {
        let wanted = (bytes - passed).min(buffer.len() as u64);
        let wanted = usize::try_from(wanted).unwrap_or(buffer.len());
        let read = decoder.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        passed += read as u64;
        keep_last(tail, buffer.get(..read).unwrap_or_default());
    }
    Ok(passed)
}

fn decoder(file: &File, packing: Packing) -> io::Result<Box<dyn Read + Send>> {
    let from_start = FromStart { file: file.try_clone()?, position: 0 };
    Ok(match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(from_start)),
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(BufReader::new(from_start))?),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(from_start)),
        Packing::Xz => Box::new(XzReader::new(BufReader::new(from_start), true)),
        Packing::Lz4 => {
            check_lz4_end(file)?;
            Box::new(FrameDecoder::new(from_start))
        }
    })
}

/// Checks that a frame has its end mark: the decoder takes one that is still being written for whole.
fn check_lz4_end(file: &File) -> io::Result<()> {
    /// Offset of the frame's flags, and the one for a checksum behind the end mark.
    const FLAGS: (u64, u8) = (4, 0x04);
    let flags = read_at(file, FLAGS.0, 1)?.first().copied().unwrap_or(0);
    let behind = if flags & FLAGS.1 == 0 { 4 } else { 8 };
    let mark = read_at(file, file.metadata()?.len().saturating_sub(behind), 4)?;
    if mark == [0; 4] { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads a file by positions of its own, since clones of a descriptor share theirs.
struct FromStart {
    file: File,
    position: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// Appends bytes to those that stand before a position, of which only the last are kept.
pub(super) fn keep_last(tail: &mut Vec<u8>, bytes: &[u8]) {
    let kept = bytes.get(bytes.len().saturating_sub(MAX_GUARD_BYTES)..).unwrap_or_default();
    let surplus = (tail.len() + kept.len()).saturating_sub(MAX_GUARD_BYTES);
    tail.drain(..surplus.min(tail.len()));
    tail.extend_from_slice(kept);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// `one`, `two` and `three`, each on a line, as `bzip2`, `xz` and `lz4` pack them.
    const PACKED: [(&str, &[u8]); 3] = [
        (
            "bz2",
            &[
                66, 90, 104, 57, 49, 65, 89, 38, 83, 89, 8, 123, 125, 215, 0, 0, 4, 193, 128, 0,
                16, 2, 65, 148, 128, 32, 0, 49, 12, 8, 33, 163, 212, 200, 133, 71, 50, 56, 168,
                241, 119, 36, 83, 133, 9, 0, 135, 183, 221, 112,
            ],
        ),
        (
            "xz",
            &[
                253, 55, 122, 88, 90, 0, 0, 1, 105, 34, 222, 54, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47,
                229, 163, 1, 0, 13, 111, 110, 101, 10, 116, 119, 111, 10, 116, 104, 114, 101, 101,
                10, 0, 0, 0, 182, 213, 230, 37, 0, 1, 34, 14, 12, 222, 140, 96, 144, 66, 153, 13,
                1, 0, 0, 0, 0, 1, 89, 90,
            ],
        ),
        (
            "lz4",
            &[
                4, 34, 77, 24, 100, 64, 167, 14, 0, 0, 128, 111, 110, 101, 10, 116, 119, 111, 10,
                116, 104, 114, 101, 101, 10, 0, 0, 0, 0, 67, 37, 152, 163,
            ],
        ),
    ];

    fn read(path: &Path) -> io::Result<Vec<u8>> {
        let mut source = Source::open(path)?;
        let mut buffer = [0; 7];
        let mut all = Vec::new();
        while let Look::Read { bytes, .. } = source.look(0, &[], &mut buffer)? {
            all.extend_from_slice(&buffer[..bytes]);
        }
        Ok(all)
    }

    #[test]
    fn what_was_read_last_is_not_forgotten() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4 * FORGET_BYTES).unwrap();
        let mut plain = Plain { file, forgotten: 0 };
        for position in (0..4 * FORGET_BYTES).step_by(1 << 16) {
            plain.look(position, &[], &mut [0; 1 << 16]).unwrap();
            let kept = position - plain.forgotten;
            assert!(kept >= position.min(FORGET_BYTES) && kept < 2 * FORGET_BYTES);
        }
    }

    #[test]
    fn copy_is_read_however_it_is_packed() {
        let folder = tempfile::tempdir().unwrap();
        for (ending, packed) in PACKED {
            let path = folder.path().join(format!("x.log.2.{ending}"));
            fs::write(&path, packed).unwrap();
            assert_eq!(read(&path).unwrap(), b"one\ntwo\nthree\n", "{ending}");
            let mut source = Source::open(&path).unwrap();
            assert_eq!(source.head().unwrap(), b"one\ntwo\nthree\n", "{ending}");
            assert_eq!(source.advance_to(4).unwrap(), (4, b"one\n".to_vec()), "{ending}");
            assert_eq!(source.advance_to(8).unwrap(), (8, b"one\ntwo\n".to_vec()), "{ending}");
            assert_eq!(source.before(4).unwrap(), b"one\n", "{ending}");
            assert_eq!(source.size().unwrap(), 14, "{ending}");
        }
    }

    #[test]
    fn copy_that_is_still_being_packed_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        for (ending, packed) in PACKED {
            let path = folder.path().join(format!("x.log.2.{ending}"));
            for bytes in 1..packed.len() - 1 {
                fs::write(&path, &packed[..bytes]).unwrap();
                let kind = read(&path).map_err(|problem| problem.kind());
                assert_eq!(kind, Err(io::ErrorKind::UnexpectedEof), "{ending}, {bytes}");
            }
        }
    }
}
