//! The reading thread: files to batches in the buffer.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, SystemTime},
};

use uuid::Uuid;
use wire::{BatchId, FileHealth};

use crate::{
    batch::{self, Batch, Encoder, SealedBatch},
    buffer::{Entry, Lines, Noted},
    pipeline::{
        clock::Clocks,
        completeness::{Completeness, LineCheck},
        starts,
        stash::Stash,
        storing::{Job, Outcome, Store, Tried},
        stream::Stream,
        told::Told,
    },
    shutdown::Shutdown,
    status::Status,
    tail::{Event, FileNumber, Reading, Tailer, Turn, Wake},
};

/// How many bytes of batches may wait in memory while others are being stored.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// How long the last batches may take to be stored.
const MAX_STOP: Duration = Duration::from_secs(5);
/// The pause after the buffer was full.
const AFTER_NO_ROOM: Duration = Duration::from_millis(250);
/// The pause after the buffer could not be written.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often the files' progress is told to the others.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// The same while nothing happens.
const IDLE_STATUS_INTERVAL: Duration = Duration::from_secs(30);
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
    /// What is known of line numbers behind it.
    lines: Option<Lines>,
}

/// Reads until it is told to stop.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) tailer: Tailer,
    pub(super) parser: pglog::ParserOptions,
    pub(super) batches: batch::Settings,
    pub(super) told: Told,
    pub(super) stash: Stash,
    pub(super) encoder: Encoder,
    pub(super) store: Store,
    pub(super) status: Arc<Status>,
    pub(super) completeness: Completeness,
    pub(super) clocks: Clocks,
    pub(super) streams: HashMap<FileNumber, Stream>,
    /// Whether there was room when that was last known.
    pub(super) has_room: bool,
    /// When to ask again.
    pub(super) next_question: Duration,
    /// When the agent was started for the first time, until that is handed over.
    pub(super) first_start_ms: Option<i64>,
}

/// What there is to wait for between two turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Nothing: there is more to read, or may be gone in a moment.
    None,
    /// The truncation of a log, which may come at any moment.
    Urgent,
    /// Silence, or the age of a batch. Bytes are left to gather.
    Gather,
    /// Bytes.
    Idle,
    /// Room, in the buffer or for what waits to be stored.
    Full,
}

impl Pause {
    const fn duration(self, is_woken: bool) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Urgent => Duration::from_micros(100),
            Self::Gather => Duration::from_millis(50),
            Self::Idle if is_woken => Duration::from_secs(1),
            Self::Idle | Self::Full => Duration::from_millis(250),
        }
    }
}

/// Which position of a file is to be stored before its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    At(u64),
    /// The one up to which everything is stored.
    Stored,
}

/// What the last turns have brought that is not being stored.
#[derive(Debug, Default)]
struct Work {
    sealed: Vec<Sealed>,
    opened: Vec<(FileNumber, Start)>,
    closed: Vec<FileNumber>,
    /// What could not be stored, and when to try again.
    again: Option<(Job, Duration)>,
}

impl Reader {
    pub(super) fn run(mut self, shutdown: &Shutdown) {
        // Else the system may prolong each wait by 50 µs, to wake less often.
        let _is_no_matter = rustix::thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        let mut work = Work::default();
        let mut pause = Pause::None;
        let mut next_status = Duration::ZERO;
        while !self.wait(pause, shutdown) {
            let turn = self.turn(&mut work);
            self.take_tried(&mut work);
            self.hand_over(&mut work);
            pause = self.pause_after(turn, &work);
            let now = self.clocks.now().monotonic;
            let is_idle = pause == Pause::Idle;
            if !is_idle {
                next_status = next_status.min(now + STATUS_INTERVAL);
            }
            if now >= next_status && !turn.is_urgent {
                next_status = now + if is_idle { IDLE_STATUS_INTERVAL } else { STATUS_INTERVAL };
                self.status.set_files(self.files(), now);
                self.tell_counts();
            }
        }
        self.stop(work);
    }

    fn pause_after(&self, turn: Turn, work: &Work) -> Pause {
        if turn.is_imminent {
            Pause::None
        } else if turn.is_urgent {
            Pause::Urgent
        } else if work.is_full() {
            Pause::Full
        } else if turn.read_bytes > 0 {
            Pause::None
        } else if self.store.is_busy() || self.streams.values().any(Stream::is_waiting) {
            Pause::Gather
        } else if self.has_room {
            Pause::Idle
        } else {
            Pause::Full
        }
    }

    /// Waits between two turns. Returns true once the agent is to stop.
    fn wait(&self, pause: Pause, shutdown: &Shutdown) -> bool {
        let wake = match pause {
            Pause::None => return shutdown.is_requested(),
            // Bytes may come one line at a time: they are left to gather.
            Pause::Gather | Pause::Full => Wake::Rotation,
            Pause::Urgent | Pause::Idle => Wake::Anything,
        };
        let mut descriptors = self.tailer.descriptors(wake);
        descriptors.extend(self.store.descriptor());
        shutdown.wait_or_readable(&descriptors, pause.duration(self.tailer.wakes()))
    }

    /// One look at all files.
    fn turn(&mut self, work: &mut Work) -> Turn {
        let now = self.clocks.now();
        let reading = self.may_read(work);
        if self.told.take_new() {
            self.tailer.set_paths(self.told.paths());
            self.streams.values_mut().for_each(|stream| self.told.tell(stream));
        }
        let Work { sealed, opened, closed, .. } = work;
        let mut taking = Taking {
            now: now.monotonic,
            stash: &mut self.stash,
            streams: &mut self.streams,
            parser: &self.parser,
            batches: self.batches,
            told: &self.told,
            completeness: &mut self.completeness,
            status: &self.status,
            sealer: Sealer { encoder: &mut self.encoder, wall: now.wall, sealed },
            opened,
            closed,
        };
        let turn = self.tailer.poll(now.monotonic, reading, &mut |event| taking.take(event));
        taking.stash.is_open = turn.is_urgent;
        if !turn.is_urgent || taking.stash.is_due(now.monotonic) {
            taking.take_stash();
        }
        taking.tick();
        turn
    }

    /// Tells whether there is room for more.
    fn may_read(&self, work: &Work) -> Reading {
        if work.is_full() {
            Reading::Stopped
        } else if self.has_room {
            Reading::Allowed
        } else {
            Reading::Paused
        }
    }

    /// Hands over what there is, if the last job is done. An empty job finds out whether there is room.
    fn hand_over(&mut self, work: &mut Work) {
        if self.store.is_busy() {
            return;
        }
        let now = self.clocks.now().monotonic;
        if work.again.as_ref().is_some_and(|(_, at)| now < *at) {
            return;
        }
        let again = work.again.take().map(|(job, _)| job);
        let job = again.unwrap_or_else(|| self.make_job(work));
        if !job.is_empty() || (!self.has_room && now >= self.next_question) {
            self.store.start(job);
        }
    }

    fn make_job(&mut self, work: &mut Work) -> Job {
        // No other job is on its way, so what is not in this one is stored.
        let mut starts = Vec::new();
        for (file, start) in work.opened.drain(..) {
            let first = work.sealed.iter().find(|sealed| sealed.file == file);
            let position = match (start, first) {
                (Start::At(position), _) => Some(position),
                (Start::Stored, Some(sealed)) => Some(sealed.start),
                (Start::Stored, None) => self.streams.get(&file).map(Stream::batched_position),
            };
            let checkpoint = |position| self.tailer.checkpoint(file, position);
            starts.extend(position.and_then(checkpoint));
        }
        let sealed = work.sealed.drain(..).map(|sealed| Entry {
            checkpoint: self.tailer.checkpoint(sealed.file, sealed.end),
            batch: sealed.batch,
            noted: Noted { lines: sealed.lines, ..Noted::default() },
        });
        let mut entries: Vec<Entry> = sealed.collect();
        let mut noted = Noted::default();
        starts::place(starts, &mut entries, &mut noted);
        let first = entries.first_mut().map_or(&mut noted, |entry| &mut entry.noted);
        first.forgotten = self.tailer.take_forgotten();
        first.missed = self.status.take_new_missed();
        let first_start_ms = self.first_start_ms.take();
        Job { first_start_ms, noted, entries, closed: std::mem::take(&mut work.closed) }
    }

    fn take_tried(&mut self, work: &mut Work) {
        if let Some(tried) = self.store.take() {
            self.note_tried(tried, work);
        }
    }

    fn note_tried(&mut self, tried: Tried, work: &mut Work) {
        let now = self.clocks.now().monotonic;
        self.has_room = tried.has_room;
        self.next_question = now + AFTER_NO_ROOM;
        match tried.outcome {
            Outcome::Stored => {
                for file in tried.job.closed {
                    if let Some(mut stream) = self.streams.remove(&file) {
                        self.status.add_tally(stream.tally());
                    }
                    self.tailer.release(file);
                }
            }
            Outcome::NoRoom => work.again = Some((tried.job, now + AFTER_NO_ROOM)),
            Outcome::Failed => work.again = Some((tried.job, now + AFTER_ERROR)),
        }
    }

    fn tell_counts(&mut self) {
        for stream in self.streams.values_mut() {
            self.status.add_tally(stream.tally());
        }
    }

    /// Seals and stores what is whole. The rest stays in the log, to be read at the next start.
    fn stop(mut self, mut work: Work) {
        let now = self.clocks.now();
        let sealed = &mut work.sealed;
        let mut sealer = Sealer { encoder: &mut self.encoder, wall: now.wall, sealed };
        for (file, bytes) in self.stash.take() {
            let Some(stream) = self.streams.get_mut(&file) else { continue };
            stream.push(&bytes, now.monotonic, &mut sealer.for_file(file, stream));
        }
        for (file, stream) in &mut self.streams {
            stream.stop(&mut sealer.for_file(*file, stream));
        }
        // The job that is on its way, what is left of it, and the last one.
        for _ in 0..3 {
            if let Some(tried) = self.store.wait(MAX_STOP) {
                self.note_tried(tried, &mut work);
            }
            if let Some((_, at)) = &mut work.again {
                *at = Duration::ZERO;
            }
            self.hand_over(&mut work);
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
}

impl Work {
    /// Tells whether nothing more is to be read until something is stored.
    fn is_full(&self) -> bool {
        let bytes: usize = self.sealed.iter().map(|sealed| sealed.batch.body.len()).sum();
        self.again.is_some() || bytes >= MAX_WAITING_BYTES
    }
}

/// Takes what a turn brings.
struct Taking<'a> {
    now: Duration,
    stash: &'a mut Stash,
    streams: &'a mut HashMap<FileNumber, Stream>,
    parser: &'a pglog::ParserOptions,
    batches: batch::Settings,
    told: &'a Told,
    completeness: &'a mut Completeness,
    status: &'a Status,
    sealer: Sealer<'a>,
    opened: &'a mut Vec<(FileNumber, Start)>,
    closed: &'a mut Vec<FileNumber>,
}

impl Taking<'_> {
    fn take(&mut self, event: Event<'_>) {
        if let Event::Bytes { file, bytes } = event {
            if self.stash.is_open && !self.stash.is_due(self.now) {
                return self.stash.push(file, bytes, self.now);
            }
            self.take_stash();
            return self.push(file, bytes);
        }
        self.take_stash();
        match event {
            Event::Opened { file, path, series, position, sample } => {
                let options = self.parser.clone();
                let mut stream = Stream::new(path, options, self.batches, position, self.now)
                    .with_line_check(self.completeness.of_series(series));
                self.told.tell(&mut stream);
                stream.learn(sample);
                self.streams.insert(file, stream);
                self.opened.push((file, Start::At(position)));
            }
            Event::Bytes { .. } => {}
            Event::Moved { file } => self.opened.push((file, Start::Stored)),
            Event::Missed(missed) => {
                let path = missed.path.display();
                let (position, bytes) = (missed.position, missed.bytes);
                let reason = missed.reason.as_str();
                tracing::error!(%path, reason, position, bytes, "bytes of a log were gone unread");
                self.status.note_missed_bytes(reason, bytes);
            }
            Event::Superseded { file } => {
                let Some(stream) = self.streams.get_mut(&file) else { return };
                stream.settle(self.now, &mut self.sealer.for_file(file, stream));
            }
            Event::Closed { file } => {
                let Some(stream) = self.streams.get_mut(&file) else { return };
                stream.finish(self.now, &mut self.sealer.for_file(file, stream));
                self.closed.push(file);
            }
        }
    }

    fn take_stash(&mut self) {
        for (file, bytes) in self.stash.take() {
            self.push(file, &bytes);
        }
    }

    fn push(&mut self, file: FileNumber, bytes: &[u8]) {
        let Some(stream) = self.streams.get_mut(&file) else { return };
        stream.push(bytes, self.now, &mut self.sealer.for_file(file, stream));
    }

    /// Lets time pass for what waits for it.
    fn tick(&mut self) {
        // What looks like the end of a log may go on among what was put aside.
        if !self.stash.is_empty() {
            return;
        }
        let max_age = if self.status.is_caught_up() { MAX_AGE_CAUGHT_UP } else { MAX_AGE };
        for (file, stream) in self.streams.iter_mut().filter(|(_, stream)| stream.is_waiting()) {
            stream.tick(self.now, max_age, &mut self.sealer.for_file(*file, stream));
        }
    }
}

/// Turns batches into what is stored.
struct Sealer<'a> {
    encoder: &'a mut Encoder,
    wall: SystemTime,
    sealed: &'a mut Vec<Sealed>,
}

impl<'a> Sealer<'a> {
    fn for_file(&mut self, file: FileNumber, stream: &Stream) -> impl FnMut(Batch) + use<'_, 'a> {
        let (path, lines) = (stream.path(), stream.line_check().cloned());
        move |mut batch| {
            let since_1970 = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let id = BatchId::new(Uuid::now_v7());
            let body = self.encoder.seal(&mut batch, id, &path, since_1970.as_secs_f64());
            let Batch { start, end, .. } = batch;
            // All entries that were noted of this file are in batches now.
            let lines = lines.as_ref().and_then(LineCheck::state);
            self.sealed.push(Sealed { file, start, end, batch: body, lines });
        }
    }
}
