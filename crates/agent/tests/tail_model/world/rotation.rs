//! What `logrotate` does, at once or bit by bit.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use flate2::{Compression, write::GzEncoder};

use crate::{Random, reader::Reader, world::World};

/// A file that was rotated away, or a copy.
pub(super) struct Rotated {
    path: PathBuf,
    pub(super) lines: Vec<u64>,
}

/// What is begun and not ended.
pub(super) enum Work {
    /// The newest rotated file becomes a copy of the server's; so many bytes of it are there.
    Copy { bytes: u64 },
    /// A file is being compressed. The rest of the bytes are not written yet.
    Pack { plain: PathBuf, packed: PathBuf, rest: Vec<u8>, modified: SystemTime },
}

impl World {
    /// Rotates by rename; some lines may go to the old file before the server opens the new one.
    pub(crate) fn rename(&mut self, random: &mut Random, reader: &Reader) {
        self.finish_work(reader);
        self.end_line();
        let path = self.make_way();
        fs::rename(&self.path, &path).unwrap();
        if random.one_in(3) {
            self.write(1, random);
        }
        let lines = self.take_lines();
        self.rotated.push_front(Rotated { path, lines });
        self.reopen();
        self.drop_oldest(reader);
    }

    pub(crate) fn copy_truncate(&mut self, reader: &Reader) {
        self.finish_work(reader);
        self.end_line();
        let path = self.make_way();
        fs::copy(&self.path, &path).unwrap();
        self.file.set_len(0).unwrap();
        let lines = self.take_lines();
        self.rotated.push_front(Rotated { path, lines });
        self.drop_oldest(reader);
    }

    /// Makes an empty file, to become a copy.
    pub(crate) fn begin_copy(&mut self, reader: &Reader) {
        self.finish_work(reader);
        let path = self.make_way();
        File::create(&path).unwrap();
        self.rotated.push_front(Rotated { path, lines: Vec::new() });
        self.work = Some(Work::Copy { bytes: 0 });
    }

    /// Goes on copying, for so many bytes.
    pub(crate) fn copy_some(&mut self, most: u64) {
        let Some(Work::Copy { bytes }) = &mut self.work else { return };
        let size = self.file.metadata().unwrap().len();
        let mut part = vec![0; usize::try_from(most.min(size - *bytes)).unwrap()];
        File::open(&self.path).unwrap().read_exact_at(&mut part, *bytes).unwrap();
        *bytes += part.len() as u64;
        let copy = &mut self.rotated[0];
        append(&copy.path, &part);
        let is_copied = |(_, end): &&(u64, u64)| *end <= *bytes;
        copy.lines = self.in_file.iter().filter(is_copied).map(|(line, _)| *line).collect();
    }

    /// Truncates what was copied, whatever has been written since.
    pub(crate) fn cut(&mut self, reader: &Reader) {
        if !matches!(self.work, Some(Work::Copy { .. })) {
            return;
        }
        self.work = None;
        self.file.set_len(0).unwrap();
        self.is_open = false;
        let lines = self.take_lines();
        self.lose(lines, reader);
        self.drop_oldest(reader);
    }

    /// Compresses the oldest file that is not.
    pub(crate) fn compress(&mut self, reader: &Reader) {
        self.begin_packing(reader);
        self.finish_work(reader);
    }

    /// The same, and writes only a part for now.
    pub(crate) fn begin_packing(&mut self, reader: &Reader) {
        self.finish_work(reader);
        let is_packed = |rotated: &&mut Rotated| rotated.path.extension().unwrap() == "gz";
        let mut oldest = self.rotated.iter_mut().rev();
        let Some(rotated) = oldest.find(|rotated| !is_packed(rotated)) else { return };
        let plain = rotated.path.clone();
        rotated.path.as_mut_os_string().push(".gz");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut log = File::open(&plain).unwrap();
        io::copy(&mut log, &mut encoder).unwrap();
        let mut begun = encoder.finish().unwrap();
        let rest = begun.split_off(begun.len() / 2);
        let modified = log.metadata().unwrap().modified().unwrap();
        let packed = rotated.path.clone();
        append(&packed, &begun);
        self.work = Some(Work::Pack { plain, packed, rest, modified });
    }

    /// Somebody wants to keep what is there now, under a name of the series.
    pub(crate) fn copy(&mut self, reader: &Reader) {
        self.finish_work(reader);
        let path = self.make_way();
        fs::copy(&self.path, &path).unwrap();
        let whole = self.in_file.iter().filter(|(_, end)| *end < u64::MAX);
        let lines = whole.map(|(line, _)| *line).collect();
        self.rotated.push_front(Rotated { path, lines });
        self.drop_oldest(reader);
    }

    /// Ends what `logrotate` has begun: it does one thing after the other.
    pub(crate) fn finish_work(&mut self, reader: &Reader) {
        match self.work.take() {
            None => {}
            Some(Work::Copy { bytes }) => {
                self.work = Some(Work::Copy { bytes });
                self.copy_some(u64::MAX);
                self.cut(reader);
            }
            Some(Work::Pack { plain, packed, rest, modified }) => {
                append(&packed, &rest).set_modified(modified).unwrap();
                fs::remove_file(plain).unwrap();
            }
        }
    }

    /// Finds a name for the next rotated file. Each numbered file gets the next number.
    fn make_way(&mut self) -> PathBuf {
        self.rotations += 1;
        if self.habits.is_dated {
            return self.folder.join(format!("x.log-{}", 2_026_010_100 + self.rotations));
        }
        for (index, rotated) in self.rotated.iter_mut().enumerate().rev() {
            let ending = rotated.path.extension().filter(|ending| *ending == "gz");
            let ending = if ending.is_some() { ".gz" } else { "" };
            let path = self.folder.join(format!("x.log.{}{ending}", index + 2));
            fs::rename(&rotated.path, &path).unwrap();
            rotated.path = path;
        }
        self.folder.join("x.log.1")
    }

    fn drop_oldest(&mut self, reader: &Reader) {
        while self.rotated.len() > self.habits.keep {
            let Some(oldest) = self.rotated.pop_back() else { break };
            fs::remove_file(oldest.path).unwrap();
            self.lose(oldest.lines, reader);
        }
    }
}

fn append(path: &Path, bytes: &[u8]) -> File {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file
}
