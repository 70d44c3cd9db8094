#![cfg(test)]
//! Days without a listener, in virtual time: logs grow and are rotated, the agent is started anew each day,
//! and nothing is lost or doubled when the listener is back.

mod support;

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use agent::{
    batch::{self, Batch, Batcher, Compression, Encoder},
    buffer::{self, Buffer, Entry},
    ship::{self, Client, Flushed, Now, SharedBuffer, Shipper, breaker},
    shutdown::Shutdown,
    tail::{self, Event, FileNumber, LogPath, Reading, StartAt, Tailer},
};
use pglog::{LinePrefix, Parser, ParserOptions};
use support::{Receiver, stored};
use uuid::Uuid;
use wire::BatchId;

const STEP: Duration = Duration::from_secs(600);
const STEPS_A_DAY: u64 = 144;
const ENTRIES_A_STEP: u64 = 25;
/// Steps between two rotations: four hours.
const ROTATE_EVERY: u64 = 24;

/// The server's log, which is rotated in each way in turn.
struct Log {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    written: u64,
    rotations: u64,
}

impl Log {
    fn new(folder: &Path) -> Self {
        let path = folder.join("postgresql.log");
        let file = append(&path);
        Self { folder: folder.to_owned(), path, file, written: 0, rotations: 0 }
    }

    fn write(&mut self, entries: u64) {
        for _ in 0..entries {
            let number = self.written;
            let text = format!("bob@shop LOG:  statement: SELECT {number}\n\tFROM numbers\n");
            write!(self.file, "2026-11-24 02:21:01.123 UTC [7] {text}").unwrap();
            self.written += 1;
        }
    }

    fn rotate(&mut self) {
        self.rotations += 1;
        let aside = PathBuf::from(format!("{}.{}", self.path.display(), self.rotations));
        match self.rotations % 3 {
            0 => {
                fs::copy(&self.path, aside).unwrap();
                self.file.set_len(0).unwrap();
                return;
            }
            1 => fs::rename(&self.path, aside).unwrap(),
            _ => self.path = self.folder.join(format!("postgresql-{}.log", self.rotations)),
        }
        self.file = append(&self.path);
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

/// One file's way to batches.
struct Stream {
    path: PathBuf,
    parser: Parser,
    batcher: Batcher,
    batches: Vec<Batch>,
}

impl Stream {
    /// Ends what is there, as after a silence.
    fn settle(&mut self) {
        let (batcher, batches) = (&mut self.batcher, &mut self.batches);
        self.parser.flush(&mut |entry| batches.extend(batcher.push(entry, Duration::ZERO)));
        batches.extend(batcher.flush(self.parser.safe_position()));
    }
}

/// The agent's stages, connected as in the pipeline, with a clock that moves when it is told.
struct Agent {
    tailer: Tailer,
    streams: HashMap<FileNumber, Stream>,
    opened: Vec<(FileNumber, u64)>,
    buffer: SharedBuffer,
    shipper: Shipper,
}

impl Agent {
    fn start(folder: &Path, url: &str, now: Now) -> Self {
        let mut buffer = Buffer::open(&buffer::Settings::at(&folder.join("buffer"))).unwrap();
        let history = buffer.history(now.wall_ms()).unwrap();
        let settings = tail::Settings {
            paths: vec![LogPath::new(folder.join("log").to_str().unwrap())],
            start_at: StartAt::Beginning,
            ..tail::Settings::default()
        };
        let buffer = Arc::new(Mutex::new(buffer));
        let client = Client::new(&ship::Settings {
            url: url.parse().unwrap(),
            api_key: "key".to_owned().into(),
            api_key_file: None,
            timeout: Duration::from_secs(5),
            tls: ship::tls::Settings::default(),
        });
        let settings_of_breaker = breaker::Settings::default();
        let shipper =
            Shipper::open(Arc::clone(&buffer), client.unwrap(), settings_of_breaker, 3, now)
                .unwrap();
        let (streams, opened) = (HashMap::new(), Vec::new());
        Self { tailer: Tailer::open(settings, history), streams, opened, buffer, shipper }
    }

    /// Reads all there is.
    fn read(&mut self, now: &Cell<Duration>) {
        for _ in 0..8 {
            now.set(now.get() + Duration::from_secs(3));
            let (streams, opened) = (&mut self.streams, &mut self.opened);
            let mut closed = Vec::new();
            self.tailer.poll(now.get(), Reading::Allowed, &mut |event| match event {
                Event::Opened { file, path, position, .. } => {
                    let prefix = LinePrefix::compile("%m [%p] %q%u@%d ");
                    let options =
                        ParserOptions { log_line_prefix: Some(prefix), ..ParserOptions::default() };
                    let stream = Stream {
                        path: path.to_owned(),
                        parser: Parser::new(options, position),
                        batcher: Batcher::new(batch::Settings::default(), position),
                        batches: Vec::new(),
                    };
                    streams.insert(file, stream);
                    opened.push((file, position));
                }
                Event::Bytes { file, bytes } => {
                    let stream = streams.get_mut(&file).unwrap();
                    let (batcher, batches) = (&mut stream.batcher, &mut stream.batches);
                    stream.parser.push(bytes, &mut |entry| {
                        batches.extend(batcher.push(entry, Duration::ZERO));
                    });
                }
                Event::Moved { file } => opened.push((file, streams[&file].batcher.position())),
                Event::Superseded { file } => streams.get_mut(&file).unwrap().settle(),
                Event::Closed { file } => closed.push(file),
                Event::Missed(missed) => panic!("{missed:?}"),
            });
            self.streams.values_mut().for_each(Stream::settle);
            self.store(now);
            for file in closed {
                self.streams.remove(&file);
                self.tailer.release(file);
            }
        }
    }

    fn store(&mut self, now: &Cell<Duration>) {
        let mut buffer = self.buffer.lock().unwrap();
        let now_ms = clock(now)().wall_ms();
        let tailer = &mut self.tailer;
        let starts: Vec<_> = self
            .opened
            .drain(..)
            .filter_map(|(file, position)| tailer.checkpoint(file, position))
            .collect();
        if !starts.is_empty() {
            buffer.push_checkpoints(&starts, now_ms).unwrap();
        }
        let mut encoder = Encoder::new("p".to_owned(), "a".to_owned(), Compression::Zstd);
        for (file, stream) in &mut self.streams {
            for mut batch in stream.batches.drain(..) {
                let id = BatchId::new(Uuid::now_v7());
                let checkpoint = tailer.checkpoint(*file, batch.end);
                let batch = encoder.seal(&mut batch, id, &stream.path, 1.0);
                buffer.push(&[Entry::new(batch, checkpoint)], now_ms).unwrap();
            }
        }
    }

    /// Sends until the buffer is empty or `end` has come; every pause passes at once.
    async fn send(&mut self, now: &Cell<Duration>, end: Duration) -> Flushed {
        let (clock, shutdown) = (clock(now), Shutdown::new());
        loop {
            match self.shipper.flush(&shutdown, end, &clock).await.unwrap() {
                Flushed::Pause { until } => now.set(until.min(end)),
                flushed => return flushed,
            }
        }
    }
}

fn clock(now: &Cell<Duration>) -> impl Fn() -> Now {
    || {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        Now { monotonic: now.get(), wall: start + now.get() }
    }
}

/// What the listener does during the outage.
#[derive(Debug, Clone, Copy)]
enum Away {
    /// It closes every connection.
    Silent,
    /// It refuses the key.
    Refusing,
}

fn outage(steps: u64, away: Away) {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("log");
    fs::create_dir(&logs).unwrap();
    let is_back = Arc::new(AtomicUsize::new(0));
    let back = Arc::clone(&is_back);
    let receiver = Receiver::start(move |_, _| match (back.load(Ordering::Relaxed), away) {
        (0, Away::Silent) => None,
        (0, Away::Refusing) => Some(("401 Unauthorized", String::new())),
        _ => stored(),
    });
    let url = format!("http://{}/ingest/postgres", receiver.address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now = Cell::new(Duration::ZERO);
    let mut log = Log::new(&logs);
    let mut agent = Agent::start(folder.path(), &url, clock(&now)());
    for step in 1..=steps {
        let end = STEP * u32::try_from(step).unwrap();
        log.write(ENTRIES_A_STEP);
        agent.read(&now);
        if step % ROTATE_EVERY == 0 {
            // What nobody has read yet is in the file that is rotated.
            log.write(3);
            log.rotate();
        }
        if step % STEPS_A_DAY == 50 {
            // It ends without a word, and meanwhile the log is rotated.
            drop(agent);
            log.write(ENTRIES_A_STEP);
            log.rotate();
            log.write(1);
            agent = Agent::start(folder.path(), &url, clock(&now)());
        }
        runtime.block_on(agent.send(&now, end));
        now.set(end);
    }
    agent.read(&now);
    let requests = receiver.count() as u64;
    let minutes = steps * STEP.as_secs() / 60;
    assert!(requests <= minutes + 20, "{requests} requests in {minutes} minutes");
    assert_eq!(agent.buffer.lock().unwrap().ledger().unwrap().waiting, log.written);

    is_back.store(1, Ordering::Relaxed);
    let ended = now.get();
    let flushed = runtime.block_on(agent.send(&now, ended + STEP));
    assert!(matches!(flushed, Flushed::Empty { .. }), "{flushed:?}");
    let ledger = agent.buffer.lock().unwrap().ledger().unwrap();
    assert!(ledger.balances() && ledger.delivered == log.written, "{ledger:?}");
    assert_eq!((ledger.lost_total(), ledger.missed.is_empty()), (0, true));
    receiver.assert_resends_are_identical();
    assert_eq!(delivered(&receiver, requests), (0..log.written).collect::<Vec<_>>());
}

/// Returns the numbers of the entries in the requests behind the first ones.
fn delivered(receiver: &Receiver, first: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for request in receiver.requests.lock().unwrap().iter().skip(usize::try_from(first).unwrap()) {
        let body: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
        for entry in body["data"]["entries"].as_array().unwrap() {
            let number = entry["statement"].as_str().unwrap().strip_prefix("SELECT ").unwrap();
            numbers.push(number.strip_suffix("\nFROM numbers").unwrap().parse().unwrap());
        }
    }
    numbers.sort_unstable();
    numbers
}

#[test]
fn hours_of_outage_with_rotation_lose_nothing() {
    outage(STEPS_A_DAY / 2, Away::Silent);
}

#[test]
fn a_day_with_a_key_that_is_refused_and_rotation_loses_nothing() {
    outage(STEPS_A_DAY, Away::Refusing);
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test long_outage -- --ignored"]
fn a_week_of_outage_with_rotation_loses_nothing() {
    outage(7 * STEPS_A_DAY, Away::Silent);
}
