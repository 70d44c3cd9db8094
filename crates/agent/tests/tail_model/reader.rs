//! The agent's reading side, without parser and database: lines instead of entries, a map instead of
//! the buffer.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    path::Path,
    time::Duration,
};

use agent::tail::{
    Checkpoint, Event, FileIdentity, FileNumber, History, LogPath, Reading, Reason, Settings,
    StartAt, Tailer,
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
    read_bytes: usize,
    has_dropped_deleted: bool,
    history: String,
}

/// How much the tailer does at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) turn_bytes: usize,
    pub(crate) deleted_bytes: u64,
}

impl Limits {
    pub(crate) fn usual() -> Self {
        let Settings { max_turn_bytes, max_deleted_bytes, .. } = Settings::default();
        Self { turn_bytes: max_turn_bytes, deleted_bytes: max_deleted_bytes }
    }

    pub(crate) fn any(random: &mut Random) -> Self {
        let usual = Self::usual();
        let turn_bytes = if random.one_in(3) { 1 + random.index(700) } else { usual.turn_bytes };
        let deleted_bytes = if random.one_in(4) { 500 } else { usual.deleted_bytes };
        Self { turn_bytes, deleted_bytes }
    }
}

/// One file's lines.
#[derive(Default)]
struct Stream {
    /// Where the bytes begin that are not stored.
    position: u64,
    bytes: Vec<u8>,
    is_closed: bool,
}

/// What is stored at once or not at all.
struct Transaction {
    /// Where reading of files begins.
    starts: Vec<Checkpoint>,
    /// The lines of a file, and the position behind them.
    entry: Option<(FileNumber, Vec<u64>, Option<Checkpoint>)>,
}

impl Transaction {
    fn identity(&self) -> Option<FileIdentity> {
        let (.., checkpoint) = self.entry.as_ref()?;
        checkpoint.as_ref().map(|checkpoint| checkpoint.identity)
    }
}

impl Reader {
    pub(crate) fn start(path: &Path, limits: Limits) -> Self {
        let settings = Settings {
            paths: vec![LogPath::new(path.to_str().unwrap())],
            start_at: StartAt::Beginning,
            max_turn_bytes: limits.turn_bytes,
            max_deleted_bytes: limits.deleted_bytes,
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
            read_bytes: 0,
            has_dropped_deleted: false,
            history: String::new(),
        }
    }

    pub(crate) fn poll(&mut self, random: &mut Random, world: &mut World) {
        self.turn(Reading::Allowed, random, world);
    }

    /// Polls until there is nothing more to read.
    pub(crate) fn read_all(&mut self, random: &mut Random, world: &mut World) {
        let mut idle = 0;
        while idle < 12 {
            let before = self.read_bytes;
            self.poll(random, world);
            idle = if self.read_bytes > before { 0 } else { idle + 1 };
        }
    }

    /// Looks once, a moment after the last time.
    pub(crate) fn glance(&mut self, random: &mut Random, world: &mut World) {
        self.look(Duration::from_millis(1 + random.below(300)), Reading::Allowed, world);
    }

    pub(crate) fn turn(&mut self, reading: Reading, random: &mut Random, world: &mut World) {
        // What was renamed a moment ago is read first and looked at later.
        self.look(Duration::from_millis(1100 + random.below(4) * 20_000), reading, world);
        self.look(Duration::from_millis(20), reading, world);
        if self.tailer.is_some() {
            world.reader_looked();
        }
    }

    fn look(&mut self, pause: Duration, reading: Reading, world: &mut World) {
        let Some(tailer) = &mut self.tailer else { return };
        self.now += pause;
        let (streams, history) = (&mut self.streams, &mut self.history);
        let (opened, closed) = (&mut self.opened, &mut self.closed);
        let (read_bytes, dropped) = (&mut self.read_bytes, &mut self.has_dropped_deleted);
        tailer.poll(self.now, reading, &mut |event| match event {
            Event::Opened { file, path, position, .. } => {
                let name = path.file_name().unwrap();
                writeln!(history, "opened {file:?} {name:?} at {position}").unwrap();
                streams.insert(file, Stream { position, ..Stream::default() });
                opened.push((file, position));
            }
            Event::Bytes { file, bytes } => {
                *read_bytes += bytes.len();
                writeln!(history, "{file:?}: {} bytes", bytes.len()).unwrap();
                streams.get_mut(&file).unwrap().bytes.extend_from_slice(bytes);
            }
            Event::Moved { file } => {
                writeln!(history, "moved {file:?}").unwrap();
                opened.push((file, streams[&file].position));
            }
            Event::Missed(missed) => {
                writeln!(history, "{missed:?}").unwrap();
                *dropped |= missed.reason == Reason::Deleted;
            }
            Event::Superseded { .. } => {}
            Event::Closed { file } => {
                writeln!(history, "closed {file:?}").unwrap();
                streams.get_mut(&file).unwrap().is_closed = true;
                closed.push(file);
            }
        });
        if std::mem::take(&mut self.has_dropped_deleted) {
            world.reader_dropped_deleted();
        }
    }

    /// Stores whole lines and positions, in the order in which the agent does.
    pub(crate) fn store(&mut self) {
        self.store_some(usize::MAX);
    }

    /// Makes so many of the transactions that store what was read.
    fn store_some(&mut self, count: usize) {
        let transactions = self.transactions();
        let is_all = count >= transactions.len();
        for Transaction { starts, entry } in transactions.into_iter().take(count) {
            self.checkpoints.extend(starts.into_iter().map(|start| (start.identity, start)));
            let Some((file, lines, checkpoint)) = entry else { continue };
            let name = checkpoint.as_ref().and_then(|one| one.path.file_name());
            let position = checkpoint.as_ref().map(|one| one.position);
            writeln!(self.history, "{file:?}: stored to {position:?} of {name:?}").unwrap();
            self.by_file.entry((self.starts, file)).or_default().extend(&lines);
            self.stored.extend(lines);
            self.checkpoints.extend(checkpoint.map(|one| (one.identity, one)));
        }
        for file in self.closed.drain(..).filter(|_| is_all) {
            self.streams.remove(&file);
            if let Some(tailer) = &mut self.tailer {
                tailer.release(file);
            }
        }
    }

    /// What there is to store, in the order in which the agent does: each start with the first entries of
    /// its file. Where it has none, what is gone on with comes before all others and a beginning behind them.
    fn transactions(&mut self) -> Vec<Transaction> {
        let Some(tailer) = &mut self.tailer else { return Vec::new() };
        self.history.push_str("store\n");
        let starts: Vec<_> = self
            .opened
            .drain(..)
            .filter_map(|(file, position)| tailer.checkpoint(file, position))
            .collect();
        let mut files: Vec<_> = self.streams.iter_mut().collect();
        files.sort_unstable_by_key(|(file, _)| **file);
        let mut transactions = Vec::new();
        for (file, stream) in files {
            let last = stream.bytes.iter().rposition(|byte| *byte == b'\n');
            let whole = last.map_or(0, |last| last + 1);
            if whole == 0 {
                continue;
            }
            let bytes: Vec<u8> = stream.bytes.drain(..whole).collect();
            stream.position += whole as u64;
            let checkpoint = tailer.checkpoint(*file, stream.position);
            let entry = Some((*file, lines(&bytes), checkpoint));
            transactions.push(Transaction { starts: Vec::new(), entry });
        }
        if transactions.is_empty() {
            transactions.push(Transaction { starts: Vec::new(), entry: None });
        }
        let begins = |start: &&Checkpoint| start.position == 0;
        let begun: HashSet<_> = starts.iter().filter(begins).map(|one| one.identity).collect();
        for start in starts {
            let is_of = |one: &Transaction| one.identity() == Some(start.identity);
            let is_begun = begun.contains(&start.identity);
            let other = if is_begun { transactions.len() - 1 } else { 0 };
            let index = transactions.iter().position(is_of).unwrap_or(other);
            transactions[index].starts.push(start);
        }
        transactions
    }

    pub(crate) fn stop(&mut self, world: &mut World) {
        self.store();
        self.kill(world);
    }

    /// Ends the agent between two transactions of those that store what was read.
    pub(crate) fn kill_while_storing(&mut self, world: &mut World, transactions: usize) {
        self.store_some(transactions);
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

    pub(crate) fn has_stored(&self, line: u64) -> bool {
        self.stored.contains(&line)
    }

    /// Tells whether it has the line and has not stored it.
    pub(crate) fn has_read(&self, line: u64) -> bool {
        self.streams.values().any(|stream| {
            let last = stream.bytes.iter().rposition(|byte| *byte == b'\n');
            lines(&stream.bytes[..last.map_or(0, |last| last + 1)]).contains(&line)
        })
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
