//! Writes numbered entries and rotates the log in every way that loses nothing by nature.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::soak_parts::{Random, sleep};

/// How many entries a file gets about.
const ROTATE_EVERY: u64 = 4_000;

/// How many files keep their number: more than are rotated while the agent is away.
const KEEP: u64 = 40;

/// Writes about 5,000 entries a second until it is stopped. Each tenth has a second line.
pub(crate) struct Writer {
    written: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<String>>,
}

impl Writer {
    pub(crate) fn start(folder: &Path) -> Self {
        let written = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (counter, stopped) = (Arc::clone(&written), Arc::clone(&stop));
        let mut log = Log::new(folder);
        let thread = thread::spawn(move || {
            let mut random = Random::new(7);
            let mut number = 0;
            let mut rotations = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                for _ in 0..50 {
                    log.file.write_all(entry(number).as_bytes()).unwrap();
                    number += 1;
                }
                counter.store(number, Ordering::Relaxed);
                if random.below(ROTATE_EVERY / 50) == 0 {
                    rotations.push(format!("{number}: {}", log.rotate(&mut random)));
                }
                sleep(Duration::from_millis(10));
            }
            rotations
        });
        Self { written, stop, thread }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns how many entries were written, and after how many of them the log was rotated, and how.
    pub(crate) fn stop(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let rotations = self.thread.join().unwrap();
        (self.written.load(Ordering::Relaxed), rotations)
    }
}

fn entry(number: u64) -> String {
    let more = if number.is_multiple_of(10) { "\n\tFROM numbers" } else { "" };
    let time =
        format!("{:02}:{:02}.{:03}", number / 60_000 % 60, number / 1000 % 60, number % 1000);
    format!("2026-11-24 02:{time} UTC [1000] bob@shop LOG:  statement: SELECT {number}{more}\n")
}

struct Log {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    names: u64,
}

impl Log {
    fn new(folder: &Path) -> Self {
        let path = folder.join("postgresql.log");
        Self { folder: folder.to_owned(), file: append(&path), path, names: 0 }
    }

    fn rotate(&mut self, random: &mut Random) -> String {
        let path = self.path.clone();
        let how = match random.below(4) {
            0 => {
                self.make_way();
                fs::rename(&self.path, self.numbered(1, "")).unwrap();
                self.file = append(&self.path);
                "renamed"
            }
            1 => {
                self.make_way();
                fs::copy(&self.path, self.numbered(1, "")).unwrap();
                self.file.set_len(0).unwrap();
                "copied and truncated"
            }
            2 => {
                self.names += 1;
                self.path = self.folder.join(format!("postgresql-{}.log", 20_261_000 + self.names));
                self.file = append(&self.path);
                "left for a new name"
            }
            _ => {
                self.compress(2);
                "stays, .2 compressed"
            }
        };
        format!("{} {how}", path.display())
    }

    fn numbered(&self, number: u64, ending: &str) -> PathBuf {
        self.folder.join(format!("postgresql.log.{number}{ending}"))
    }

    fn make_way(&self) {
        for number in (1..KEEP).rev() {
            for ending in ["", ".gz"] {
                let path = self.numbered(number, ending);
                if path.exists() {
                    fs::rename(path, self.numbered(number + 1, ending)).unwrap();
                }
            }
        }
    }

    /// As `logrotate` does, which keeps the times.
    fn compress(&self, number: u64) {
        let path = self.numbered(number, "");
        let Ok(mut log) = File::open(&path) else { return };
        let packed = File::create(self.numbered(number, ".gz")).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        io::copy(&mut log, &mut encoder).unwrap();
        let packed = encoder.finish().unwrap();
        packed.set_modified(log.metadata().unwrap().modified().unwrap()).unwrap();
        fs::remove_file(path).unwrap();
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}
