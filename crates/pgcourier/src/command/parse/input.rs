//! Bytes of the logs: files and stdin, compressed or not.

mod utf16;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use crate::command::parse::input::utf16::{Order, Utf16};

/// How much is read at once.
pub(super) const READ_BYTES: usize = 256 << 10;
/// How many reads are done before they are asked for.
const CHUNKS_AHEAD: usize = 4;

/// A log that is being read on a thread of its own, so that unpacking and parsing go side by side, and
/// so that a silence can be noticed.
#[derive(Debug)]
pub(super) struct Input {
    /// The bytes, cut anywhere. It closes at the end of the log.
    pub(super) chunks: Receiver<io::Result<Vec<u8>>>,
    /// Takes chunks that have been used: fresh memory costs more than what is read into it.
    used: Sender<Vec<u8>>,
    read: Arc<AtomicU64>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Self {
        let (sender, chunks) = mpsc::sync_channel(CHUNKS_AHEAD);
        let (used, free) = mpsc::channel();
        let read = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&read);
        let path: PathBuf = path.to_owned();
        thread::spawn(move || {
            let result = open(&path, counter).and_then(|mut input| {
                loop {
                    let mut chunk: Vec<u8> = free.try_recv().unwrap_or_default();
                    let read = read_some(&mut input, &mut chunk)?;
                    // The receiver is gone where nobody wants the rest.
                    if read == 0 || sender.send(Ok(chunk)).is_err() {
                        return Ok(());
                    }
                }
            });
            if let Err(error) = result {
                let _nobody_waits = sender.send(Err(error));
            }
        });
        Self { chunks, used, read }
    }

    /// Reads all that is left.
    pub(super) fn for_each(&self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        for chunk in &self.chunks {
            let chunk = chunk?;
            take(&chunk);
            self.give_back(chunk);
        }
        Ok(())
    }

    /// Gives a chunk back.
    pub(super) fn give_back(&self, chunk: Vec<u8>) {
        // At the end nobody needs it any more.
        let _is_at_end = self.used.send(chunk);
    }

    /// How many bytes of the file, as it stands on disk, have been read.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// Opens a file, and unpacks it if its first bytes say that it is packed. Text in UTF-16 becomes UTF-8.
fn open(path: &Path, counter: Arc<AtomicU64>) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    unpacked(Counted { input, counter })
}

fn unpacked(input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let head = input.fill_buf()?;
    Ok(match Packing::of(head) {
        None => match Order::of(head) {
            Some(order) => Box::new(Utf16::new(input, order)),
            None => Box::new(input),
        },
        Some(Packing::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Some(Packing::Zstd) => Box::new(zstd::Decoder::with_buffer(input)?),
        Some(Packing::Bzip2) => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Some(Packing::Xz) => Box::new(lzma_rust2::XzReader::new(input, true)),
        Some(Packing::Lz4) => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
    })
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
}

impl Packing {
    /// Reads the first bytes; names lie.
    fn of(head: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Packing); 5] = [
            (b"\x1f\x8b", Packing::Gzip),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
            (b"BZh", Packing::Bzip2),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x04\x22\x4d\x18", Packing::Lz4),
        ];
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packing)| *packing)
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    counter: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads what there is, one chunk at most. Returns 0 at the end.
fn read_some(input: &mut impl Read, chunk: &mut Vec<u8>) -> io::Result<usize> {
    chunk.resize(READ_BYTES, 0);
    loop {
        match input.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                chunk.truncate(*read.as_ref().unwrap_or(&0));
                return read;
            }
        }
    }
}

/// Tells whether a file is worth being read in parts side by side: a big one that is not packed.
pub(super) fn is_big(path: &Path) -> bool {
    let is_packed = || -> io::Result<bool> {
        let mut head = [0; 8];
        let read = File::open(path)?.read(&mut head)?;
        let head = head.get(..read).unwrap_or_default();
        Ok(Packing::of(head).is_some() || Order::of(head).is_some())
    };
    size_of(path).is_some_and(|size| size >= BIG_BYTES) && is_packed().is_ok_and(|packed| !packed)
}

/// The size of a regular file; `None` for a pipe.
fn size_of(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(metadata.len())
}

/// Smaller files are through before anybody wonders.
const BIG_BYTES: u64 = 32 << 20;
/// Width of the bar, in characters.
const BAR_CHARS: u64 = 30;

/// Shows on stderr how far a big file has been read.
#[derive(Debug)]
pub(super) struct Progress {
    /// Size of the file. `None` where nothing is to be shown.
    size: Option<u64>,
    /// Per cent shown last.
    shown: u64,
}

impl Progress {
    /// Shows something only on a terminal that the output does not go to meanwhile.
    pub(super) fn beside_output(path: &Path) -> Self {
        if io::stdout().is_terminal() { Self { size: None, shown: 0 } } else { Self::alone(path) }
    }

    /// Shows something on a terminal, for what is put out only at the end.
    pub(super) fn alone(path: &Path) -> Self {
        let is_seen = io::stderr().is_terminal();
        Self { size: size_of(path).filter(|size| is_seen && *size >= BIG_BYTES), shown: 0 }
    }

    pub(super) fn show(&mut self, read_bytes: u64) {
        let Some(size) = self.size else { return };
        let percent = (u128::from(read_bytes) * 100 / u128::from(size)).min(100);
        let percent = u64::try_from(percent).unwrap_or(100);
        if percent == self.shown {
            return;
        }
        self.shown = percent;
        let done = usize::try_from(percent * BAR_CHARS / 100).unwrap_or(0);
        let width = usize::try_from(BAR_CHARS).unwrap_or(0);
        let bar = format!("\r[{:<width$}] {percent:>3} %", "=".repeat(done));
        let _nobody_looks = io::stderr().write_all(bar.as_bytes());
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        if self.shown > 0 {
            let width = usize::try_from(BAR_CHARS + 10).unwrap_or(0);
            let _nobody_looks = io::stderr().write_all(format!("\r{:<width$}\r", "").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello\n`, packed by the command-line tools of each format.
    const PACKED: [(&[u8], Packing); 5] = [
        (
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00",
            Packing::Gzip,
        ),
        (b"\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00hello\n\x53\x88\xbd\x91", Packing::Zstd),
        (BZIP2, Packing::Bzip2),
        (XZ, Packing::Xz),
        (LZ4, Packing::Lz4),
    ];
    const BZIP2: &[u8] = b"\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xc1\xc0\x80\xe2\x00\x00\x01\x41\x00\x00\x10\x02\x44\xa0\x00\x30\xcd\x00\xc3\x46\x29\x97\x17\x72\x45\x38\x50\x90\xc1\xc0\x80\xe2";
    const XZ: &[u8] = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x05\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\xa5\x60\x97\xf1\x94\xf6\xfd\xe0\x00\x01\x1e\x06\xc1\x2f\xa4\x1d\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a";
    const LZ4: &[u8] = b"\x04\x22\x4d\x18\x64\x40\xa7\x06\x00\x00\x80\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\x00\xf9\x5b\x6b\x94";

    #[test]
    fn every_packing_is_known_by_its_first_bytes_and_unpacked() {
        for (packed, packing) in PACKED {
            assert_eq!(Packing::of(packed), Some(packing));
            let mut text = String::new();
            unpacked(packed).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello\n", "{packing:?}");
        }
        assert_eq!(Packing::of(b"hello\n"), None);
    }

    #[test]
    fn packed_log_that_ends_too_early_is_an_error() {
        for (packed, packing) in PACKED {
            // Within the data: the lz4 library takes a frame without its end mark for whole.
            let cut = &packed[..packed.len() - 9];
            let read = unpacked(cut).and_then(|mut input| io::read_to_string(&mut input));
            assert!(read.is_err(), "{packing:?}");
        }
    }
}
