//! The reading thread: files to batches in the buffer.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::sync::Notify;
use uuid::Uuid;
use wire::{BatchId, FileHealth};

use crate::{
    batch::{Batch, Encoder, SealedBatch},
    buffer::{self, Entry, Pushed},
    pipeline::{clock::Clocks, stream::Stream},
    ship::SharedBuffer,
    shutdown::Shutdown,
    status::Status,
    tail::{Checkpoint, Event, FileNumber, Reading, Tailer, Turn, Wake},
};

/// How many bytes may wait in memory while a log may be about to be truncated.
const MAX_URGENT_BYTES: usize = 8 << 20;
/// How often the files' progress is told to the others.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// How long a batch waits for more entries while the listener has everything else.
const MAX_AGE_CAUGHT_UP: Duration = Duration::from_millis(200);
/// How long it waits while others wait before it.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A batch that is not in the buffer yet.
#[derive(Debug)]
struct Sealed {
    file: FileNumber,
    start: u64,
    end: u64,
    batch: SealedBatch,
}

/// Reads until it is told to stop.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) tailer: Tailer,
    pub(super) parser: pglog::ParserOptions,
    pub(super) encoder: Encoder,
    pub(super) buffer: SharedBuffer,
    pub(super) status: Arc<Status>,
    pub(super) stored: Arc<Notify>,
    pub(super) clocks: Clocks,
    pub(super) streams: HashMap<FileNumber, Stream>,
    /// True while a log may be about to be truncated.
    pub(super) is_urgent: bool,
    /// Whether there was room at the last turn.
    pub(super) reading: Reading,
}

/// Whether what a turn has brought is in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    All,
    /// The buffer is full and is not to drop anything: what was read waits, and nothing more is read.
    NoRoom,
}

/// What there is to wait for between two turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Nothing: there is more to read.
    None,
    /// The truncation of a log, which may come at any moment.
    Urgent,
    /// Silence, or the age of a batch. Bytes are left to gather.
    Gather,
    /// Bytes.
    Idle,
    /// Room in the buffer.
    Full,
    /// The end of what keeps the buffer from being written.
    Failed,
}

impl Pause {
    const fn duration(self, is_woken: bool) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Urgent => Duration::from_millis(1),
            Self::Gather => Duration::from_millis(50),
            Self::Idle if is_woken => Duration::from_secs(1),
            Self::Idle | Self::Full => Duration::from_millis(250),
            Self::Failed => Duration::from_secs(1),
        }
    }
}

/// What one turn has brought so far.
#[derive(Debug, Default)]
struct Work {
    sealed: Vec<Sealed>,
    opened: Vec<(FileNumber, u64)>,
    closed: Vec<FileNumber>,
}

impl Reader {
    pub(super) fn run(mut self, shutdown: &Shutdown) {
        let mut work = Work::default();
        let mut pause = Pause::None;
        let mut next_status = Duration::ZERO;
        while !self.wait(pause, shutdown) {
            pause = self.turn_and_store(&mut work);
            let now = self.clocks.now().monotonic;
            if now >= next_status && pause != Pause::Urgent {
                next_status = now + STATUS_INTERVAL;
                self.status.set_files(self.files(), now);
            }
        }
        self.stop(work);
    }

    fn turn_and_store(&mut self, work: &mut Work) -> Pause {
        let turn = self.turn(work);
        if turn.is_urgent && work.bytes() < MAX_URGENT_BYTES {
            // Writing to the disk, to which a log is being copied just now, could take long.
            return Pause::Urgent;
        }
        match self.store(work) {
            Err(error) => {
                report(&error);
                Pause::Failed
            }
            Ok(Stored::All) if turn.read_bytes > 0 => Pause::None,
            Ok(Stored::All) if self.streams.values().any(Stream::is_waiting) => Pause::Gather,
            Ok(Stored::All) if self.reading == Reading::Allowed => Pause::Idle,
            Ok(Stored::All | Stored::NoRoom) => Pause::Full,
        }
    }

    /// Waits between two turns. Returns true once the agent is to stop.
    fn wait(&self, pause: Pause, shutdown: &Shutdown) -> bool {
        let wake = match pause {
            Pause::None => return shutdown.is_requested(),
            Pause::Urgent | Pause::Failed => return shutdown.wait(pause.duration(false)),
            Pause::Gather | Pause::Full => Wake::Rotation,
            Pause::Idle => Wake::Anything,
        };
        let duration = pause.duration(self.tailer.wakes());
        shutdown.wait_or_readable(&self.tailer.descriptors(wake), duration)
    }

    /// One look at all files.
    fn turn(&mut self, work: &mut Work) -> Turn {
        let now = self.clocks.now();
        let reading = self.may_read(work);
        self.reading = reading;
        let (streams, parser) = (&mut self.streams, &self.parser);
        let mut sealer =
            Sealer { encoder: &self.encoder, wall: now.wall, sealed: &mut work.sealed };
        let turn = self.tailer.poll(now.monotonic, reading, &mut |event| match event {
            Event::Opened { file, path, position, sample } => {
                let mut stream = Stream::new(path, parser.clone(), position, now.monotonic);
                stream.learn(sample);
                streams.insert(file, stream);
                work.opened.push((file, position));
            }
            Event::Bytes { file, bytes } => {
                let Some(stream) = streams.get_mut(&file) else { return };
                stream.push(bytes, now.monotonic, &mut sealer.for_file(file, stream.path()));
            }
            Event::Moved { file } => {
                let Some(stream) = streams.get(&file) else { return };
                let stored = sealer.first_start(file).unwrap_or(stream.batched_position());
                work.opened.push((file, stored));
            }
            Event::Missed(missed) => {
                let path = missed.path.display();
                let (position, bytes) = (missed.position, missed.bytes);
                let reason = missed.reason.as_str();
                tracing::error!(%path, reason, position, bytes, "bytes of a log were gone unread");
            }
            Event::Superseded { file } => {
                let Some(stream) = streams.get_mut(&file) else { return };
                stream.settle(now.monotonic, &mut sealer.for_file(file, stream.path()));
            }
            Event::Closed { file } => {
                let Some(stream) = streams.get_mut(&file) else { return };
                stream.finish(now.monotonic, &mut sealer.for_file(file, stream.path()));
                work.closed.push(file);
            }
        });
        let max_age = if self.status.is_caught_up() { MAX_AGE_CAUGHT_UP } else { MAX_AGE };
        for (file, stream) in streams {
            stream.tick(now.monotonic, max_age, &mut sealer.for_file(*file, stream.path()));
        }
        self.is_urgent = turn.is_urgent;
        turn
    }

    /// Tells whether there is room for more. What is read while it is urgent waits in memory, and the
    /// buffer, which may be busy with the disk, is not asked.
    fn may_read(&self, work: &Work) -> Reading {
        if self.is_urgent && work.bytes() < MAX_URGENT_BYTES {
            return Reading::Allowed;
        }
        if !work.is_stored() {
            return Reading::Stopped;
        }
        match self.with_buffer(buffer::Buffer::has_room) {
            Ok(true) => Reading::Allowed,
            Ok(false) | Err(_) => Reading::Paused,
        }
    }

    /// Stores what the turn has brought. What could not be stored stays in `work`.
    fn store(&mut self, work: &mut Work) -> Result<Stored, buffer::Error> {
        if work.is_stored() {
            return Ok(Stored::All);
        }
        let now_ms = self.clocks.now_ms();
        let opened = work.opened.iter();
        let starts: Vec<Checkpoint> =
            opened.filter_map(|(file, start)| self.tailer.checkpoint(*file, *start)).collect();
        let sealed = work.sealed.iter().map(|sealed| Entry {
            batch: sealed.batch.clone(),
            checkpoint: self.tailer.checkpoint(sealed.file, sealed.end),
        });
        let entries: Vec<Entry> = sealed.collect();
        let pushed = self.with_buffer(|buffer| {
            buffer.push_checkpoints(&starts, now_ms)?;
            buffer.push(&entries, now_ms)
        })?;
        let Pushed { stored, lost_entries } = pushed;
        if lost_entries > 0 {
            let hint = "raise buffer.max_size_mb, or see why the listener takes nothing";
            tracing::error!(lost_entries, hint, "the buffer is full: oldest entries dropped");
        }
        if stored > 0 {
            self.status.set_caught_up(false);
            self.stored.notify_one();
        }
        work.opened.clear();
        work.sealed.drain(..stored.min(entries.len()));
        if !work.sealed.is_empty() {
            return Ok(Stored::NoRoom);
        }
        for file in work.closed.drain(..) {
            self.streams.remove(&file);
            self.tailer.release(file);
        }
        Ok(Stored::All)
    }

    /// Seals and stores what is whole. The rest stays in the log, to be read at the next start.
    fn stop(mut self, mut work: Work) {
        let now = self.clocks.now();
        let mut sealer =
            Sealer { encoder: &self.encoder, wall: now.wall, sealed: &mut work.sealed };
        for (file, stream) in &mut self.streams {
            stream.stop(&mut sealer.for_file(*file, stream.path()));
        }
        if let Err(error) = self.store(&mut work) {
            report(&error);
        }
    }

    fn files(&self) -> Vec<FileHealth> {
        let health = |progress: crate::tail::FileProgress| {
            let stream = self.streams.get(&progress.file);
            let position = stream.map_or(progress.position, Stream::batched_position);
            FileHealth {
                path: progress.path.to_string_lossy().into_owned(),
                position,
                size: progress.size,
                lag_bytes: progress.size.saturating_sub(position),
            }
        };
        let mut files: Vec<_> = self.tailer.progress().into_iter().map(health).collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.lag_bytes));
        files
    }

    fn with_buffer<T>(&self, work: impl FnOnce(&mut buffer::Buffer) -> T) -> T {
        work(&mut self.buffer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Work {
    fn is_stored(&self) -> bool {
        self.sealed.is_empty() && self.opened.is_empty() && self.closed.is_empty()
    }

    fn bytes(&self) -> usize {
        self.sealed.iter().map(|sealed| sealed.batch.body.len()).sum()
    }
}

/// Turns batches into what is stored.
struct Sealer<'a> {
    encoder: &'a Encoder,
    wall: SystemTime,
    sealed: &'a mut Vec<Sealed>,
}

impl Sealer<'_> {
    /// Where the first batch of a file starts that is not stored.
    fn first_start(&self, file: FileNumber) -> Option<u64> {
        self.sealed.iter().find(|sealed| sealed.file == file).map(|sealed| sealed.start)
    }

    fn for_file(&mut self, file: FileNumber, path: Arc<Path>) -> impl FnMut(Batch) {
        move |batch| {
            let since_1970 = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let id = BatchId::new(Uuid::now_v7());
            let sealed = self.encoder.seal(&batch, id, &path, since_1970.as_secs_f64());
            self.sealed.push(Sealed { file, start: batch.start, end: batch.end, batch: sealed });
        }
    }
}

fn report(error: &buffer::Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let hint = "free space on its file system, or move buffer.path; reading waits meanwhile";
    tracing::error!(%error, cause, hint, "cannot write to the buffer");
}
