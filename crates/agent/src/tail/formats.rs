//! One of several formats.
//!
//! A server can write the same entries in several formats at once, to files whose names differ in their
//! endings. One of them is read: the richest, but what has been begun is gone on with. The server
//! creates these files one after the other, so a poorer one that appears alone may be about to get
//! company.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use pglog::{Assembled, Format, Parser, ParserOptions, Timestamp};

use crate::tail::{ending::rank, foreign::Foreign, series::series_of};

/// How long a format may not have been written while another is, to count as one that the server writes.
const SAME_ENTRIES: Duration = Duration::from_secs(10);

/// How long a new file waits for a richer one of its name where the server wrote such before.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of a log's end is looked at for its last entry.
const END_BYTES: u64 = 64 << 10;

/// How much is read at once in search of an entry.
const SEARCH_BYTES: usize = 256 << 10;

/// A file of which something has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun<'a> {
    pub(super) path: &'a Path,
    pub(super) position: u64,
    /// True where it is being read; false where only its position is known.
    pub(super) is_followed: bool,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) path: PathBuf,
    /// Where reading begins in a file of which nothing has been read: behind the entries that were read in
    /// another format. `None` where the usual counts.
    pub(super) begins_at: Option<u64>,
    /// True where the settings name this very file, whether it is there or not.
    pub(super) is_named: bool,
}

impl Choice {
    /// A file that is read whatever else there is.
    pub(super) const fn only(path: PathBuf) -> Self {
        Self { path, begins_at: None, is_named: false }
    }
}

/// Chooses among the formats of the same entries.
#[derive(Debug, Default)]
pub(super) struct Formats {
    /// New files that wait for a richer one, with the time since when they do.
    waiting: HashMap<PathBuf, Duration>,
    /// The moments of the last entries that were read of files that are not followed, with the positions
    /// behind these.
    reached: HashMap<PathBuf, (u64, Option<i64>)>,
    foreign: Foreign,
}

impl Formats {
    /// Leaves out what holds the same entries as another file, and what has a log's ending and is none. Files
    /// that are no log by their name stay.
    pub(super) fn choose(
        &mut self,
        found: impl IntoIterator<Item = PathBuf>,
        begun: &[Begun<'_>],
        now: Duration,
    ) -> Vec<Choice> {
        self.waiting.retain(|path, _| path.exists());
        let known = Known::of(begun);
        let mut groups: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for path in found {
            if !known.at.contains_key(path.as_os_str()) && !self.foreign.is_log(&path) {
                continue;
            }
            let name = if rank(&path) > 0 { path.with_extension("") } else { path.clone() };
            groups.entry(name).or_default().push(path);
        }
        self.reached.retain(|path, _| known.at.contains_key(path.as_os_str()));
        let choose = |(name, group): (PathBuf, Vec<PathBuf>)| match group.as_slice() {
            [path] if known.at.contains_key(path.as_os_str()) => Some(Choice::only(path.clone())),
            _ => self.choose_one(&name, group, &known, now),
        };
        groups.into_iter().filter_map(choose).collect()
    }

    /// Tells whether a file waits for a richer one.
    pub(super) fn is_waiting(&self, now: Duration) -> bool {
        self.waiting.values().any(|since| now < *since + PATIENCE)
    }

    fn choose_one(
        &mut self,
        name: &Path,
        mut group: Vec<PathBuf>,
        known: &Known<'_>,
        now: Duration,
    ) -> Option<Choice> {
        group.sort_by_key(|path| std::cmp::Reverse(rank(path)));
        let begun: Vec<_> =
            group.iter().filter_map(|path| known.at.get(path.as_os_str()).copied()).collect();
        if let Some(begun) = self.latest_of(&begun) {
            let (path, begins_at) =
                goes_on_in(begun, &group).unwrap_or_else(|| (begun.path.to_owned(), None));
            return Some(Choice { begins_at, ..Choice::only(path) });
        }
        let richest = richest_of(&group)?;
        (!self.waits(name, richest, known, now)).then(|| Choice::only(richest.clone()))
    }

    /// Finds the file that is gone on with: the one that is followed, else the one of which the latest entry
    /// was read. One that was left for another format can have been written to since then.
    fn latest_of<'a>(&mut self, begun: &[&'a Begun<'a>]) -> Option<&'a Begun<'a>> {
        let is_clear = begun.len() < 2 || begun.iter().any(|begun| begun.is_followed);
        let reached = |begun: &&&Begun<'_>| {
            let reached = if is_clear { None } else { self.reached_in(begun) };
            (reached, begun.order())
        };
        begun.iter().max_by_key(reached).copied()
    }

    fn reached_in(&mut self, begun: &Begun<'_>) -> Option<i64> {
        if let Some((position, moment)) = self.reached.get(begun.path)
            && *position == begun.position
        {
            return *moment;
        }
        let moment = last_moment(begun.path, begun.position);
        self.reached.insert(begun.path.to_owned(), (begun.position, moment));
        moment
    }

    /// Tells whether a file of which nothing has been read may get richer company: what its server wrote
    /// last was richer.
    fn waits(&mut self, name: &Path, path: &Path, known: &Known<'_>, now: Duration) -> bool {
        let earlier = known.latest().get(&series_of(name));
        if earlier.is_none_or(|earlier| rank(earlier.path) <= rank(path)) {
            self.waiting.remove(path);
            return false;
        }
        let since = *self.waiting.entry(path.to_owned()).or_insert(now);
        now.saturating_sub(since) < PATIENCE
    }
}

/// Files of which something has been read, as they are asked for.
struct Known<'a> {
    at: HashMap<&'a OsStr, &'a Begun<'a>>,
    /// Of each series, whatever the format, that which was read last. Most scans find nothing new and
    /// need none of it.
    latest: OnceCell<HashMap<String, &'a Begun<'a>>>,
}

impl<'a> Known<'a> {
    fn of(begun: &'a [Begun<'a>]) -> Self {
        // What is followed stands first, and counts where something else was at its path before.
        let at = begun.iter().rev().map(|begun| (begun.path.as_os_str(), begun)).collect();
        Self { at, latest: OnceCell::new() }
    }

    fn latest(&self) -> &HashMap<String, &'a Begun<'a>> {
        self.latest.get_or_init(|| {
            let mut logs: Vec<_> = self.at.values().filter(|begun| rank(begun.path) > 0).collect();
            logs.sort_by_cached_key(|begun| begun.order());
            logs.into_iter()
                .map(|begun| (series_of(&begun.path.with_extension("")), *begun))
                .collect()
        })
    }
}

impl Begun<'_> {
    /// What was read of last is greater: what is followed before what is only known, then what was written
    /// later.
    fn order(&self) -> (bool, Option<SystemTime>, u8) {
        (self.is_followed, modified(self.path), rank(self.path))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// Of files with the same entries, the richest first, that which the server writes. A file of a format that
/// it does not write any more says nothing about the others.
pub(super) fn richest_of(group: &[PathBuf]) -> Option<&PathBuf> {
    let newest = group.iter().filter_map(|path| modified(path)).max();
    let is_written = |path: &&PathBuf| {
        let age = newest.zip(modified(path)).map(|(newest, own)| newest.duration_since(own));
        age.is_none_or(|age| age.unwrap_or_default() <= SAME_ENTRIES)
    };
    group.iter().find(is_written).or(group.first())
}

/// Finds the format in which the server goes on that writes the begun one no more, and where behind the
/// entries that were read. Other programs write to the server's stderr too, so only a later entry proves
/// it.
fn goes_on_in(begun: &Begun<'_>, group: &[PathBuf]) -> Option<(PathBuf, Option<u64>)> {
    let metadata = fs::metadata(begun.path).ok()?;
    // What is left of the begun one comes first.
    if metadata.len() != begun.position {
        return None;
    }
    let stopped = metadata.modified().ok()?;
    let is_later = |path: &&PathBuf| {
        modified(path).is_some_and(|time| time > stopped + SAME_ENTRIES) && *path != begun.path
    };
    let mut last = None;
    for other in group.iter().filter(is_later) {
        let last = *last.get_or_insert_with(|| last_moment(begun.path, u64::MAX));
        if last_moment(other, u64::MAX) > last {
            let position = last.map_or(Some(0), |last| position_after(other, last));
            return Some((other.clone(), position));
        }
    }
    None
}

fn parser_of(path: &Path) -> Parser {
    let format = match rank(path) {
        3 => Format::Jsonlog,
        2 => Format::Csvlog,
        _ => Format::Stderr,
    };
    Parser::new(ParserOptions { format: Some(format), ..ParserOptions::default() }, 0)
}

/// When the last entry of a log that begins before `end` was logged, in microseconds since 1970-01-01 UTC.
/// `None` where none is found near there.
fn last_moment(path: &Path, end: u64) -> Option<i64> {
    let file = File::open(path).ok()?;
    let end = end.min(file.metadata().ok()?.len());
    let start = end.saturating_sub(END_BYTES);
    let mut bytes = vec![0; usize::try_from(end - start).ok()?];
    let read = file.read_at(&mut bytes, start).ok()?;
    let mut parser = parser_of(path);
    let mut last = None;
    let mut take = |found: &Assembled<'_>| last = last.max(moment(found));
    parser.push(bytes.get(..read)?, &mut take);
    parser.finish(&mut take);
    last
}

/// The position of the first entry behind all that are not later than `last`.
fn position_after(path: &Path, last: i64) -> Option<u64> {
    let file = File::open(path).ok()?;
    let mut parser = parser_of(path);
    let mut position = None;
    let mut take = |found: &Assembled<'_>| match moment(found) {
        Some(moment) if moment > last => {
            position.get_or_insert(found.start);
        }
        Some(_) => position = None,
        None => {}
    };
    let mut bytes = vec![0; SEARCH_BYTES];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut bytes, at).ok()?;
        if read == 0 {
            break;
        }
        at += read as u64;
        parser.push(bytes.get(..read)?, &mut take);
    }
    parser.finish(&mut take);
    position
}

fn moment(found: &Assembled<'_>) -> Option<i64> {
    found.entry.timestamp.map(Timestamp::micros)
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _};

    use crate::tail::{
        Checkpoint, Event, FileNumber, History, LogPath, Reading, Settings, StartAt, Tailer,
    };

    use super::*;

    /// A folder in which a server writes logs, and what was read of it, with the file's name.
    struct Scene {
        folder: tempfile::TempDir,
        tailer: Tailer,
        now: Duration,
        read: Vec<(String, String)>,
        names: HashMap<FileNumber, String>,
        checkpoints: HashMap<FileNumber, Checkpoint>,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let tailer = Tailer::open(Self::settings(&folder), History::none(0));
            let (now, read) = (Duration::ZERO, Vec::new());
            let (names, checkpoints) = (HashMap::new(), HashMap::new());
            Self { folder, tailer, now, read, names, checkpoints }
        }

        fn settings(folder: &tempfile::TempDir) -> Settings {
            Settings {
                paths: vec![LogPath::new(folder.path().to_str().unwrap())],
                start_at: StartAt::Beginning,
                ..Settings::default()
            }
        }

        fn restart(&mut self) {
            let checkpoints = Some(self.checkpoints.values().cloned().collect());
            let history = History { first_start_ms: 0, checkpoints };
            self.tailer = Tailer::open(Self::settings(&self.folder), history);
            (self.names, self.checkpoints) = (HashMap::new(), HashMap::new());
        }

        /// Appends what was written so many seconds after the beginning.
        fn append(&self, name: &str, text: &str, at_s: u64) {
            let path = self.folder.path().join(name);
            let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let beginning = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
            file.set_modified(beginning + Duration::from_secs(at_s)).unwrap();
        }

        fn log(&self, name: &str, at_s: u64) {
            let text = format!("2026-01-28 09:00:{at_s:02}.000 UTC [1] LOG:  at {at_s}\n");
            self.append(name, &text, at_s);
        }

        fn csv(&self, name: &str, at_s: u64) {
            let time = format!("2026-01-28 09:00:{at_s:02}.000 UTC");
            let text = format!(
                "{time},,,1,,6979a000.1,1,,{time},,0,LOG,00000,\"at {at_s}\",,,,,,,,,\"\",\"postmaster\",,0\n"
            );
            self.append(name, &text, at_s);
        }

        fn poll_after(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
            self.tailer.scan_soon();
            let (read, names) = (&mut self.read, &mut self.names);
            self.tailer.poll(self.now, Reading::Allowed, &mut |event| match event {
                Event::Opened { file, path, .. } => {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    names.insert(file, name.to_owned());
                }
                Event::Bytes { file, bytes } => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let times = text.split("at ").skip(1);
                    let time = |text: &str| text.chars().take_while(char::is_ascii_digit).collect();
                    let times: Vec<String> = times.map(time).collect();
                    read.push((names[&file].clone(), times.join(" ")));
                }
                _ => {}
            });
            for file in self.tailer.progress() {
                let checkpoint = self.tailer.checkpoint(file.file, file.position);
                self.checkpoints.extend(checkpoint.map(|checkpoint| (file.file, checkpoint)));
            }
        }

        fn read(&self) -> Vec<(&str, &str)> {
            self.read.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
        }
    }

    #[test]
    fn new_log_waits_for_the_richer_one_that_its_server_writes() {
        let mut scene = Scene::new();
        scene.log("pg-2026-01-28_090000.log", 0);
        scene.csv("pg-2026-01-28_090000.csv", 0);
        scene.poll_after(0);
        scene.log("pg-2026-01-28_090001.log", 1);
        scene.poll_after(2);
        assert_eq!(scene.tailer.next_scan, scene.now + Duration::from_secs(1));
        scene.csv("pg-2026-01-28_090001.csv", 1);
        scene.poll_after(2);
        scene.log("pg-2026-01-28_090002.log", 2);
        scene.poll_after(1);
        let so_far = [("pg-2026-01-28_090000.csv", "0"), ("pg-2026-01-28_090001.csv", "1")];
        assert_eq!(scene.read(), so_far);
        // The server does not write csvlog any more. Then nothing is waited for.
        scene.poll_after(20);
        assert_eq!(scene.read().last(), Some(&("pg-2026-01-28_090002.log", "2")));
        scene.log("pg-2026-01-28_090003.log", 3);
        scene.poll_after(1);
        assert_eq!(scene.read().last(), Some(&("pg-2026-01-28_090003.log", "3")));
    }

    #[test]
    fn richer_log_that_comes_later_is_not_read_twice() {
        let mut scene = Scene::new();
        scene.log("a.log", 0);
        scene.poll_after(0);
        scene.log("a.log", 1);
        scene.csv("a.csv", 1);
        scene.poll_after(60);
        scene.poll_after(60);
        assert_eq!(scene.read(), [("a.log", "0"), ("a.log", "1")]);
    }

    #[test]
    fn other_programs_output_is_no_sign_that_a_format_is_not_written_any_more() {
        let mut scene = Scene::new();
        scene.log("a.log", 0);
        scene.csv("a.csv", 0);
        scene.poll_after(0);
        scene.append("a.log", "archiver: pushed at 7\n", 50);
        scene.poll_after(60);
        scene.log("a.log", 55);
        scene.csv("a.csv", 55);
        scene.poll_after(60);
        assert_eq!(scene.read(), [("a.csv", "0"), ("a.csv", "55")]);
    }

    #[test]
    fn format_that_is_not_written_any_more_is_left_behind_its_last_entry() {
        let mut scene = Scene::new();
        for at_s in 0..5 {
            scene.log("a.log", at_s);
            scene.csv("a.csv", at_s);
        }
        scene.poll_after(0);
        scene.log("a.log", 30);
        scene.log("a.log", 31);
        scene.poll_after(60);
        assert_eq!(scene.read(), [("a.csv", "0 1 2 3 4"), ("a.log", "30 31")]);
        // Written again, it has what the other one has.
        scene.log("a.log", 32);
        scene.csv("a.csv", 32);
        scene.poll_after(60);
        scene.poll_after(60);
        assert_eq!(scene.read().get(2..), Some(&[("a.log", "32")][..]));
        // Also by an agent that was started anew.
        scene.restart();
        scene.log("a.log", 33);
        scene.csv("a.csv", 33);
        scene.poll_after(60);
        scene.poll_after(60);
        assert_eq!(scene.read().get(3..), Some(&[("a.log", "33")][..]));
    }
}
