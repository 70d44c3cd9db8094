//! The agent's reading side, without parser and database: lines instead of entries, a map instead of
//! the buffer.

use std::{collections::HashMap, fmt::Write as _, path::Path, time::Duration};

use agent::tail::{
    Checkpoint, Event, FileIdentity, FileNumber, History, LogPath, Reading, Settings, StartAt,
    Tailer,
};

use crate::{Random, world::World};

pub(crate) struct Reader {
    settings: Settings,
    now: Duration,
    tailer: Option<Tailer>,
    streams: HashMap<FileNumber, Stream>,
    /// What the last turns brought and is not stored.
    opened: Vec<(FileNumber, u64)>,
    closed: Vec<FileNumber>,
    /// Numbers of the lines that have been stored.
    stored: Vec<u64>,
    by_file: HashMap<(u64, FileNumber), Vec<u64>>,
    checkpoints: HashMap<FileIdentity, Checkpoint>,
    starts: u64,
    history: String,
}

/// One file's lines.
#[derive(Default)]
struct Stream {
    /// Where the bytes begin that are not stored.
    position: u64,
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Reader {
    pub(crate) fn start(path: &Path) -> Self {
        let settings = Settings {
            paths: vec![LogPath::new(path.to_str().unwrap())],
            start_at: StartAt::Beginning,
            ..Settings::default()
        };
        let history = History::none(0);
        Self {
            tailer: Some(Tailer::open(settings.clone(), history)),
            settings,
            now: Duration::ZERO,
            streams: HashMap::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            stored: Vec::new(),
            by_file: HashMap::new(),
            checkpoints: HashMap::new(),
            starts: 0,
            history: String::new(),
        }
    }

    pub(crate) fn poll(&mut self, random: &mut Random, world: &mut World) {
        self.turn(Reading::Allowed, random, world);
    }

    pub(crate) fn poll_paused(&mut self, random: &mut Random, world: &mut World) {
        self.turn(Reading::Paused, random, world);
    }

    fn turn(&mut self, reading: Reading, random: &mut Random, world: &mut World) {
        // What was renamed a moment ago is read first and looked at later.
        self.look(Duration::from_millis(1100 + random.below(4) * 20_000), reading);
        self.look(Duration::from_millis(20), reading);
        if self.tailer.is_some() {
            world.reader_looked();
        }
    }

    fn look(&mut self, pause: Duration, reading: Reading) {
        let Some(tailer) = &mut self.tailer else { return };
        self.now += pause;
        let (streams, history) = (&mut self.streams, &mut self.history);
        let (opened, closed) = (&mut self.opened, &mut self.closed);
        tailer.poll(self.now, reading, &mut |event| match event {
            Event::Opened { file, path, position, .. } => {
                let name = path.file_name().unwrap();
                writeln!(history, "opened {file:?} {name:?} at {position}").unwrap();
                streams.insert(file, Stream { position, ..Stream::default() });
                opened.push((file, position));
            }
            Event::Bytes { file, bytes } => {
                writeln!(history, "{file:?}: {} bytes", bytes.len()).unwrap();
                streams.get_mut(&file).unwrap().bytes.extend_from_slice(bytes);
            }
            Event::Moved { file } => {
                writeln!(history, "moved {file:?}").unwrap();
                opened.push((file, streams[&file].position));
            }
            Event::Missed(missed) => writeln!(history, "{missed:?}").unwrap(),
            Event::Superseded { .. } => {}
            Event::Closed { file } => {
                writeln!(history, "closed {file:?}").unwrap();
                streams.get_mut(&file).unwrap().is_closed = true;
                closed.push(file);
            }
        });
    }

    /// Stores whole lines and positions, in the order in which the agent does.
    pub(crate) fn store(&mut self) {
        self.store_files(usize::MAX);
    }

    /// Stores the lines of so many files, with all that is stored before any of them.
    fn store_files(&mut self, count: usize) {
        let Some(tailer) = &mut self.tailer else { return };
        self.history.push_str("store\n");
        let starts: Vec<_> = self
            .opened
            .drain(..)
            .filter_map(|(file, position)| tailer.checkpoint(file, position))
            .collect();
        self.checkpoints.extend(starts.into_iter().map(|start| (start.identity, start)));
        let mut files: Vec<_> = self.streams.keys().copied().collect();
        files.sort_unstable();
        for file in files.into_iter().take(count) {
            let stream = self.streams.get_mut(&file).unwrap();
            let last = stream.bytes.iter().rposition(|byte| *byte == b'\n');
            let whole = last.map_or(0, |last| last + 1);
            if whole == 0 {
                continue;
            }
            let bytes: Vec<u8> = stream.bytes.drain(..whole).collect();
            stream.position += whole as u64;
            let found = lines(&bytes);
            self.by_file.entry((self.starts, file)).or_default().extend(&found);
            self.stored.extend(found);
            let checkpoint = tailer.checkpoint(file, stream.position);
            let name = checkpoint.as_ref().and_then(|one| one.path.file_name());
            writeln!(self.history, "{file:?}: stored to {} of {name:?}", stream.position).unwrap();
            if let Some(checkpoint) = checkpoint {
                self.checkpoints.insert(checkpoint.identity, checkpoint);
            }
        }
        for file in self.closed.drain(..) {
            self.streams.remove(&file);
            tailer.release(file);
        }
    }

    pub(crate) fn stop(&mut self, world: &mut World) {
        self.store();
        self.kill(world);
    }

    /// Ends the agent between two transactions of those that store what was read.
    pub(crate) fn kill_while_storing(&mut self, world: &mut World, files: usize) {
        self.store_files(files);
        self.kill(world);
    }

    pub(crate) fn kill(&mut self, world: &mut World) {
        self.history.push_str("killed\n");
        self.tailer = None;
        self.streams.clear();
        self.opened.clear();
        self.closed.clear();
        world.reader_left();
    }

    pub(crate) fn go_on(&mut self) {
        if self.tailer.is_none() {
            self.history.push_str("started\n");
            self.starts += 1;
            for one in self.checkpoints.values() {
                let (name, inode) = (one.path.file_name(), one.identity.inode);
                writeln!(self.history, "  {} of {name:?}, {inode}", one.position).unwrap();
            }
            let checkpoints = Some(self.checkpoints.values().cloned().collect());
            let history = History { first_start_ms: 0, checkpoints };
            self.now = Duration::ZERO;
            self.tailer = Some(Tailer::open(self.settings.clone(), history));
        }
    }

    pub(crate) fn stored(&self) -> &[u64] {
        &self.stored
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.history.push_str(text);
        self.history.push('\n');
    }

    pub(crate) fn history(&self) -> &str {
        &self.history
    }

    /// The lines of each file must come in their order.
    pub(crate) fn order(&self) -> Result<(), String> {
        for ((_, file), lines) in &self.by_file {
            if let Some(pair) = lines.windows(2).find(|pair| pair[0] >= pair[1]) {
                return Err(format!("{file:?}: line {} before {}", pair[0], pair[1]));
            }
        }
        Ok(())
    }
}

/// The numbers of whole lines; of a line that was cut in front there is none.
fn lines(bytes: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(bytes);
    let number = |line: &str| {
        let number = line.strip_prefix('<')?.split_once("> ")?.0;
        number.parse().ok()
    };
    text.lines().filter_map(number).collect()
}
