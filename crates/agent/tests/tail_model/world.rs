//! The log folder, as the server and `logrotate` treat it.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::Random;

/// How many rotated files are kept: more than a sequence has rotations.
const KEEP: u64 = 70;

pub(crate) struct World {
    folder: PathBuf,
    /// What the server writes to.
    path: PathBuf,
    file: File,
    /// How many lines have been begun.
    lines: u64,
    /// True while the last line has no end.
    is_open: bool,
    /// The lines that are in the server's file.
    in_file: Vec<u64>,
    /// The lines that only a reader that has their file open can still read.
    deleted: Vec<u64>,
    /// The lines that nobody may have been able to read.
    may_be_missing: BTreeSet<u64>,
    /// True while the reader has the server's file open.
    is_held: bool,
    names: u64,
}

impl World {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("x.log");
        let file = append(&path);
        Self {
            folder: folder.to_owned(),
            path,
            file,
            lines: 0,
            is_open: false,
            in_file: Vec::new(),
            deleted: Vec::new(),
            may_be_missing: BTreeSet::new(),
            is_held: false,
            names: 0,
        }
    }

    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// The files with their sizes, for whoever has to find out what happened.
    pub(crate) fn files(&self) -> String {
        let describe = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.unwrap();
            let (name, bytes) = (entry.file_name(), entry.metadata().unwrap().len());
            format!("{}={bytes}", name.to_string_lossy().trim_start_matches("x"))
        };
        let mut files: Vec<_> = fs::read_dir(&self.folder).unwrap().map(describe).collect();
        files.sort_unstable();
        format!("  {} lines in {}", self.lines, files.join(" "))
    }

    pub(crate) fn may_be_missing(&self, line: u64) -> bool {
        self.may_be_missing.contains(&line)
    }

    /// The reader has looked at all files.
    pub(crate) fn reader_looked(&mut self) {
        self.is_held = true;
    }

    /// The reader is gone, and with it what it had not stored of deleted files.
    pub(crate) fn reader_left(&mut self) {
        self.is_held = false;
        self.may_be_missing.extend(self.deleted.drain(..));
    }

    pub(crate) fn write(&mut self, count: u64, random: &mut Random) {
        self.end_line();
        for _ in 0..count {
            let padding = "x".repeat(random.index(400));
            writeln!(self.file, "<{}> {padding}", self.lines).unwrap();
            self.in_file.push(self.lines);
            self.lines += 1;
        }
    }

    pub(crate) fn write_part(&mut self) {
        self.end_line();
        write!(self.file, "<{}> begun", self.lines).unwrap();
        self.in_file.push(self.lines);
        self.lines += 1;
        self.is_open = true;
    }

    pub(crate) fn end_line(&mut self) {
        if self.is_open {
            writeln!(self.file, " and ended").unwrap();
            self.is_open = false;
        }
    }

    /// Rotates by rename; some lines may go to the old file before the server opens the new one.
    pub(crate) fn rename(&mut self, random: &mut Random) {
        self.end_line();
        self.make_way();
        fs::rename(&self.path, self.numbered(1, "")).unwrap();
        if random.one_in(3) {
            self.write(1, random);
        }
        self.reopen();
    }

    pub(crate) fn copy_truncate(&mut self) {
        self.end_line();
        self.make_way();
        fs::copy(&self.path, self.numbered(1, "")).unwrap();
        self.file.set_len(0).unwrap();
        self.in_file.clear();
    }

    /// Goes on under another name, as `log_filename` says.
    pub(crate) fn new_name(&mut self) {
        self.end_line();
        self.names += 1;
        self.path = self.folder.join(format!("x-{}.log", 20_261_000 + self.names));
        self.reopen();
    }

    /// Without a reader that has the file open what is in it is gone.
    pub(crate) fn delete_and_recreate(&mut self) {
        self.end_line();
        if self.is_held {
            self.deleted.extend(&self.in_file);
        } else {
            self.may_be_missing.extend(&self.in_file);
        }
        fs::remove_file(&self.path).unwrap();
        self.reopen();
    }

    /// Truncates without a copy: what has not been read is gone.
    pub(crate) fn truncate(&mut self) {
        self.may_be_missing.extend(&self.in_file);
        self.file.set_len(0).unwrap();
        self.in_file.clear();
        self.is_open = false;
    }

    /// Compresses the oldest file that is not.
    pub(crate) fn compress(&mut self) {
        let plain = (1..=KEEP).rev().map(|number| self.numbered(number, ""));
        let Some(path) = plain.into_iter().find(|path| path.exists()) else { return };
        let mut packed = path.clone().into_os_string();
        packed.push(".gz");
        let mut log = File::open(&path).unwrap();
        let file = File::create(packed).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        io::copy(&mut log, &mut encoder).unwrap();
        let file = encoder.finish().unwrap();
        file.set_modified(log.metadata().unwrap().modified().unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
    }

    /// Somebody wants to keep what is there now, under a name of the series.
    pub(crate) fn copy(&mut self) {
        self.make_way();
        fs::copy(&self.path, self.numbered(1, "")).unwrap();
    }

    /// Each numbered file gets the next number.
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

    fn numbered(&self, number: u64, ending: &str) -> PathBuf {
        self.folder.join(format!("x.log.{number}{ending}"))
    }

    fn reopen(&mut self) {
        self.file = append(&self.path);
        self.in_file.clear();
        self.is_held = false;
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}
