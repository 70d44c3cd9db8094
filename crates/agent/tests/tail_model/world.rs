//! The log folder, as the server and `logrotate` treat it.

mod rotation;

use std::{
    collections::{BTreeSet, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::unix,
    path::{Path, PathBuf},
};

use rotation::{Rotated, Work};

use crate::{Random, reader::Reader};

/// What server and `logrotate` are like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// How many rotated files are kept.
    pub(crate) keep: usize,
    /// Whether rotated files get dates instead of numbers.
    pub(crate) is_dated: bool,
    /// Whether the server appends, wherever the file ends by then.
    pub(crate) appends: bool,
    /// Whether a link leads to what the server writes to.
    pub(crate) has_link: bool,
}

impl Habits {
    /// More files are kept than a sequence has rotations.
    pub(crate) const USUAL: Self =
        Self { keep: 70, is_dated: false, appends: true, has_link: false };

    pub(crate) fn any(random: &mut Random) -> Self {
        Self {
            keep: if random.one_in(3) { 1 + random.index(4) } else { 70 },
            is_dated: random.one_in(3),
            appends: !random.one_in(6),
            has_link: random.one_in(5),
        }
    }
}

pub(crate) struct World {
    folder: PathBuf,
    habits: Habits,
    /// What the server writes to.
    path: PathBuf,
    file: File,
    /// How many lines have been begun.
    lines: u64,
    /// True while the last line has no end.
    is_open: bool,
    /// The lines that are in the server's file, with where they end in it.
    in_file: Vec<(u64, u64)>,
    /// The files that were rotated away, the newest first.
    rotated: VecDeque<Rotated>,
    /// The lines in files that the server has left for another name.
    left_behind: BTreeSet<u64>,
    /// What `logrotate` has begun.
    work: Option<Work>,
    /// The lines that only a reader that has their file open can still read.
    deleted: Vec<u64>,
    /// The lines that only a reader has that has read them.
    in_memory: Vec<u64>,
    /// The lines that nobody may have been able to read.
    may_be_missing: BTreeSet<u64>,
    /// True while the reader has the server's file open.
    is_held: bool,
    names: u64,
    rotations: u64,
}

impl World {
    pub(crate) fn new(folder: &Path, habits: Habits) -> Self {
        let path = folder.join("x.log");
        let world = Self {
            folder: folder.to_owned(),
            habits,
            file: open(&path, habits),
            path,
            lines: 0,
            is_open: false,
            in_file: Vec::new(),
            rotated: VecDeque::new(),
            left_behind: BTreeSet::new(),
            work: None,
            deleted: Vec::new(),
            in_memory: Vec::new(),
            may_be_missing: BTreeSet::new(),
            is_held: false,
            names: 0,
            rotations: 0,
        };
        world.lead();
        world
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

    /// A server that does not append leaves holes at the start of its file. They say nothing of which file it
    /// is, so that a shorter copy is not known for one.
    pub(crate) fn may_come_twice(&self) -> bool {
        !self.habits.appends
    }

    /// The reader has looked at all files.
    pub(crate) fn reader_looked(&mut self) {
        self.is_held = true;
    }

    /// The reader is gone, and with it what it had not stored of deleted files.
    pub(crate) fn reader_left(&mut self) {
        self.is_held = false;
        let kept: Vec<_> = self.deleted.drain(..).chain(self.in_memory.drain(..)).collect();
        let gone: Vec<_> = kept.into_iter().filter(|line| !self.is_somewhere(*line)).collect();
        self.may_be_missing.extend(gone);
    }

    /// The reader has given up a deleted file for its size.
    pub(crate) fn reader_dropped_deleted(&mut self) {
        self.may_be_missing.extend(self.deleted.drain(..));
    }

    /// Notes that lines are not in a file any more in which they were.
    fn lose(&mut self, lines: impl IntoIterator<Item = u64>, reader: &Reader) {
        for line in lines {
            if self.is_somewhere(line) {
                continue;
            }
            if reader.has_read(line) {
                self.in_memory.push(line);
            } else if !reader.has_stored(line) {
                self.may_be_missing.insert(line);
            }
        }
    }

    /// Tells whether a file has the line.
    fn is_somewhere(&self, line: u64) -> bool {
        self.left_behind.contains(&line)
            || self.in_file.iter().any(|(own, end)| *own == line && *end < u64::MAX)
            || self.rotated.iter().any(|rotated| rotated.lines.contains(&line))
    }

    pub(crate) fn write(&mut self, count: u64, random: &mut Random) {
        self.end_line();
        for _ in 0..count {
            self.write_line(random.index(400));
        }
    }

    fn write_line(&mut self, padding: usize) {
        writeln!(self.file, "<{}> {}", self.lines, "x".repeat(padding)).unwrap();
        self.in_file.push((self.lines, self.end()));
        self.lines += 1;
    }

    pub(crate) fn write_part(&mut self) {
        self.end_line();
        write!(self.file, "<{}> begun", self.lines).unwrap();
        self.in_file.push((self.lines, u64::MAX));
        self.lines += 1;
        self.is_open = true;
    }

    pub(crate) fn end_line(&mut self) {
        if self.is_open {
            writeln!(self.file, " and ended").unwrap();
            let end = self.end();
            self.in_file.last_mut().unwrap().1 = end;
            self.is_open = false;
        }
    }

    /// Where the server's file ends.
    fn end(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    fn take_lines(&mut self) -> Vec<u64> {
        self.in_file.drain(..).map(|(line, _)| line).collect()
    }

    /// Goes on under another name, as `log_filename` says.
    pub(crate) fn new_name(&mut self, reader: &Reader) {
        self.finish_work(reader);
        self.end_line();
        self.names += 1;
        self.path = self.folder.join(format!("x-{}.log", 20_261_000 + self.names));
        let lines = self.take_lines();
        self.left_behind.extend(lines);
        self.reopen();
        self.lead();
    }

    /// Has the link lead to what the server writes to.
    fn lead(&self) {
        if self.habits.has_link {
            let new = self.folder.join("new");
            unix::fs::symlink(&self.path, &new).unwrap();
            fs::rename(new, self.folder.join("link.log")).unwrap();
        }
    }

    /// Without a reader that has the file open what is in it is gone.
    pub(crate) fn delete_and_recreate(&mut self, reader: &Reader) {
        self.finish_work(reader);
        self.end_line();
        fs::remove_file(&self.path).unwrap();
        let lines = self.take_lines();
        if self.is_held {
            self.deleted.extend(lines);
        } else {
            self.lose(lines, reader);
        }
        self.reopen();
    }

    /// Truncates without a copy: what has not been read is gone.
    pub(crate) fn truncate(&mut self, reader: &Reader) {
        self.finish_work(reader);
        self.file.set_len(0).unwrap();
        self.is_open = false;
        let lines = self.take_lines();
        self.lose(lines, reader);
    }

    /// The same, and writes as many bytes as there were.
    pub(crate) fn refill(&mut self, reader: &Reader) {
        let size = self.end();
        self.truncate(reader);
        let begun = format!("<{}> \n", self.lines).len() as u64;
        if let Some(padding) = size.checked_sub(begun) {
            self.write_line(usize::try_from(padding).unwrap());
        }
    }

    fn reopen(&mut self) {
        self.file = open(&self.path, self.habits);
        self.is_held = false;
    }
}

fn open(path: &Path, habits: Habits) -> File {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false);
    if habits.appends {
        return options.append(true).open(path).unwrap();
    }
    let mut file = options.write(true).open(path).unwrap();
    file.seek(io::SeekFrom::End(0)).unwrap();
    file
}
