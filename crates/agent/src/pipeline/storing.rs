//! The storing thread: writes to the disk, which may take long, while reading goes on.
//!
//! One job at a time goes there and comes back with what could not be stored.

use std::{
    collections::HashSet,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{
        Arc, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    time::Duration,
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::Notify;

use crate::{
    buffer::{self, Entry, Noted, Pushed},
    pipeline::clock::Clocks,
    ship::SharedBuffer,
    status::Status,
    tail::{Checkpoint, FileNumber},
};

/// What is to be stored.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// When the agent was started for the first time. Noted once all files have been looked at: what is
    /// there before that is not new.
    pub(super) first_start_ms: Option<i64>,
    /// What there is no batch to store with.
    pub(super) noted: Noted,
    pub(super) entries: Vec<Entry>,
    /// Files of which these are the last batches.
    pub(super) closed: Vec<FileNumber>,
}

impl Job {
    pub(super) const fn is_empty(&self) -> bool {
        self.first_start_ms.is_none()
            && self.noted.is_empty()
            && self.entries.is_empty()
            && self.closed.is_empty()
    }

    /// Where reading of each file begins first.
    fn first_starts(&self) -> Vec<Checkpoint> {
        let with_entries = self.entries.iter().map(|entry| &entry.noted);
        let starts = with_entries.chain([&self.noted]).flat_map(|noted| &noted.starts);
        let mut files = HashSet::new();
        starts.filter(|start| files.insert(start.identity)).cloned().collect()
    }
}

/// A job that was tried.
#[derive(Debug)]
pub(super) struct Tried {
    /// What is left of it: nothing but the closed files where all is stored.
    pub(super) job: Job,
    pub(super) outcome: Outcome,
    /// Whether there is room for more.
    pub(super) has_room: bool,
}

/// What became of a job.
#[derive(Debug)]
pub(super) enum Outcome {
    Stored,
    /// The buffer is full and is not to drop anything: the rest is to be tried again.
    NoRoom,
    /// The buffer cannot be written; what is left is to be tried again.
    Failed,
}

/// The reading thread's end.
#[derive(Debug)]
pub(super) struct Store {
    jobs: SyncSender<Job>,
    tried: Receiver<Tried>,
    /// Readable when a job has been tried.
    wake: Option<Arc<OwnedFd>>,
    /// How many jobs are on their way.
    is_busy: bool,
}

/// The storing thread's end.
#[derive(Debug)]
pub(super) struct Storing {
    jobs: Receiver<Job>,
    tried: SyncSender<Tried>,
    wake: Option<Arc<OwnedFd>>,
    pub(super) buffer: SharedBuffer,
    pub(super) status: Arc<Status>,
    pub(super) stored: Arc<Notify>,
    pub(super) clocks: Clocks,
    /// Whether reading waits for room, which is told once.
    is_full: bool,
}

/// Makes both ends.
pub(super) fn channel(
    buffer: SharedBuffer,
    status: Arc<Status>,
    stored: Arc<Notify>,
    clocks: Clocks,
) -> (Store, Storing) {
    let (job_sender, jobs) = mpsc::sync_channel(1);
    let (tried_sender, tried) = mpsc::sync_channel(1);
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok().map(Arc::new);
    let store = Store { jobs: job_sender, tried, wake: wake.clone(), is_busy: false };
    let is_full = false;
    (store, Storing { jobs, tried: tried_sender, wake, buffer, status, stored, clocks, is_full })
}

impl Store {
    pub(super) const fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Hands a job over. To be called only when none is on its way.
    pub(super) fn start(&mut self, job: Job) {
        // The other thread ends after this one, unless it has panicked, which ends the agent.
        self.is_busy = self.jobs.send(job).is_ok();
    }

    /// Returns the job that was handed over, if it has been tried.
    pub(super) fn take(&mut self) -> Option<Tried> {
        if !self.is_busy {
            return None;
        }
        let tried = self.tried.try_recv().ok()?;
        self.note_tried();
        Some(tried)
    }

    /// Waits for the job that was handed over.
    pub(super) fn wait(&mut self, timeout: Duration) -> Option<Tried> {
        if !self.is_busy {
            return None;
        }
        let tried = self.tried.recv_timeout(timeout).ok()?;
        self.note_tried();
        Some(tried)
    }

    fn note_tried(&mut self) {
        self.is_busy = false;
        if let Some(wake) = &self.wake {
            let _is_empty_already = rustix::io::read(wake, &mut [0; 8]);
        }
    }

    /// What to wait for: it can be read once the job has been tried.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.wake.as_ref().map(|wake| wake.as_fd())
    }
}

impl Storing {
    /// Stores until the reading thread has gone.
    pub(super) fn run(mut self) {
        while let Ok(job) = self.jobs.recv() {
            let tried = self.attempt(job);
            if self.tried.send(tried).is_err() {
                break;
            }
            if let Some(wake) = &self.wake {
                let _is_readable_already = rustix::io::write(wake, &1_u64.to_ne_bytes());
            }
        }
        // What only this process can still read would end with it.
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = buffer.rescue() {
            report(&error);
        }
    }

    fn attempt(&mut self, mut job: Job) -> Tried {
        match self.push(&mut job) {
            Ok(has_room) => {
                let is_stored = job.entries.is_empty() && job.noted.is_empty();
                self.tell_of_room(has_room && is_stored);
                let outcome = if is_stored { Outcome::Stored } else { Outcome::NoRoom };
                Tried { job, outcome, has_room }
            }
            Err(error) => {
                report(&error);
                Tried { job, outcome: Outcome::Failed, has_room: false }
            }
        }
    }

    /// Tells the operator that reading waits for room, and that it no longer does.
    fn tell_of_room(&mut self, has_room: bool) {
        if has_room && self.is_full {
            tracing::info!("there is room in the buffer again; reading goes on");
        } else if !has_room && !self.is_full {
            let hint = "see why the listener takes nothing, raise buffer.max_size_mb, or free space on \
                        the file system of buffer.path";
            tracing::warn!(
                hint,
                "no room in the buffer; reading waits, and the log keeps its lines"
            );
        }
        self.is_full = !has_room;
    }

    /// Stores what there is room for and takes it out of the job. Returns whether there is more room.
    fn push(&self, job: &mut Job) -> Result<bool, buffer::Error> {
        let now_ms = self.clocks.now_ms();
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first_start_ms) = job.first_start_ms {
            buffer.push_checkpoints(&job.first_starts(), first_start_ms)?;
            job.first_start_ms = None;
        }
        if buffer.note(&job.noted, now_ms)? {
            job.noted = Noted::default();
        }
        let Pushed { stored, lost_entries } = buffer.push(&job.entries, now_ms)?;
        job.entries.drain(..stored.min(job.entries.len()));
        if lost_entries > 0 {
            let hint = "raise buffer.max_size_mb, or see why the listener takes nothing";
            tracing::error!(lost_entries, hint, "the buffer is full: oldest entries dropped");
        }
        if stored > 0 {
            self.status.set_caught_up(false);
            self.stored.notify_one();
        }
        buffer.has_room()
    }
}

fn report(error: &buffer::Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let hint = "free space on its file system, or move buffer.path; reading waits meanwhile";
    tracing::error!(%error, cause, hint, "cannot write to the buffer");
}
