//! The thread that writes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TryRecvError},
    oneshot,
};

use crate::{
    store::{
        Error, OpenError, Settings, Stored,
        insert::Arrival,
        retention::{Cleaning, Progress},
        schema::{self, Lock},
    },
    validate::Accepted,
};

/// How many requests may wait to be written.
const QUEUE_REQUESTS: usize = 256;

/// How large the requests that wait may be together, in KiB of their JSON.
const QUEUE_KIB: u32 = 96 << 10;

/// How many requests are committed together. Each commit waits for the disk once.
const GROUP_REQUESTS: usize = 64;

/// How large a group may be, in KiB of JSON: it bounds the write-ahead log and the wait of the first.
const GROUP_KIB: usize = 16 << 10;

/// The other end of the thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    memory: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Job {
    Ingest(Ingest),
    Probe(oneshot::Sender<Result<(), Error>>),
    Retain(Timestamp, oneshot::Sender<Result<(), Error>>),
}

/// A request that waits to be written.
#[derive(Debug)]
struct Ingest {
    project: Arc<str>,
    accepted: Accepted,
    received_at: Timestamp,
    reply: oneshot::Sender<Result<Stored, Error>>,
    /// Its share of the queue's memory, given back when it is dropped.
    memory: OwnedSemaphorePermit,
}

impl Writer {
    /// Opens the database and starts the thread.
    pub(super) fn start(settings: &Settings) -> Result<Self, OpenError> {
        let lock = schema::lock(&settings.path)?;
        let connection = schema::open_writer(&settings.path, settings.max_size_mb)?;
        let (jobs, queue) = mpsc::channel(QUEUE_REQUESTS);
        let state = State {
            connection,
            queue,
            retention: settings.retention,
            cleaning: None,
            is_failing: false,
            _lock: lock,
        };
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || state.run())
            .map_err(OpenError::Thread)?;
        let memory = Arc::new(Semaphore::new(QUEUE_KIB as usize));
        Ok(Self { jobs, memory, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a request and waits for its commit. A full queue is an error at once.
    pub(super) async fn ingest(
        &self,
        project: Arc<str>,
        accepted: Accepted,
        received_at: Timestamp,
    ) -> Result<Stored, Error> {
        let kib = u32::try_from(accepted.bytes() >> 10).unwrap_or(QUEUE_KIB).min(QUEUE_KIB);
        let memory = Arc::clone(&self.memory);
        let memory = memory.try_acquire_many_owned(kib + 1).map_err(|_| Error::Busy)?;
        let (reply, answer) = oneshot::channel();
        let job = Ingest { project, accepted, received_at, reply, memory };
        self.jobs.try_send(Job::Ingest(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Asks the thread whether it could write.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Probe(reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Orders the deletion of what is too old at `now` and waits for its end.
    pub(super) async fn retain(&self, now: Timestamp) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Retain(now, reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Lets the thread finish what is queued and waits for its end.
    pub(super) async fn close(self) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        let thread = thread.into_inner().unwrap_or_else(PoisonError::into_inner);
        let joined = tokio::task::spawn_blocking(|| thread.map(JoinHandle::join)).await;
        if !matches!(joined, Ok(Some(Ok(())))) {
            tracing::error!("the store's thread ended with a panic");
        }
    }
}

/// What the thread owns.
struct State {
    connection: Connection,
    queue: mpsc::Receiver<Job>,
    retention: SignedDuration,
    cleaning: Option<(Cleaning, oneshot::Sender<Result<(), Error>>)>,
    is_failing: bool,
    // Behind the connection: the next process may open the file only after this one has closed it.
    _lock: Lock,
}

impl State {
    /// Works until all senders are gone and the queue is empty.
    fn run(mut self) {
        while let Some(jobs) = self.wait() {
            let mut group = Vec::with_capacity(jobs.len());
            for job in jobs {
                match job {
                    Job::Ingest(request) => group.push(request),
                    Job::Probe(reply) => drop(reply.send(self.probe())),
                    Job::Retain(now, reply) => {
                        self.cleaning = Some((Cleaning::new(now, self.retention), reply));
                    }
                }
            }
            if !group.is_empty() {
                self.commit(group);
            }
            self.clean_a_little();
        }
        if let Err(error) = schema::checkpoint(&self.connection) {
            tracing::warn!(%error, "the write-ahead log stays; the next start reads it");
        }
    }

    /// Waits for a job and takes those behind it, up to the size of a group. Where there is something to
    /// clean, does not wait and may return no job; returns `None` at the end.
    fn wait(&mut self) -> Option<Vec<Job>> {
        let mut jobs = Vec::new();
        if self.cleaning.is_none() {
            jobs.push(self.queue.blocking_recv()?);
        }
        let mut kib = jobs.first().map_or(0, Job::kib);
        while jobs.len() < GROUP_REQUESTS && kib < GROUP_KIB {
            match self.queue.try_recv() {
                Ok(job) => {
                    kib += job.kib();
                    jobs.push(job);
                }
                Err(TryRecvError::Disconnected) if jobs.is_empty() => return None,
                Err(TryRecvError::Disconnected | TryRecvError::Empty) => break,
            }
        }
        Some(jobs)
    }

    /// Commits the requests together, then answers each.
    fn commit(&mut self, group: Vec<Ingest>) {
        let result = self.insert(&group).map_err(Arc::new);
        self.note(result.as_ref().err());
        match result {
            Ok(stored) => {
                for (request, stored) in group.into_iter().zip(stored) {
                    drop(request.reply.send(Ok(stored)));
                }
            }
            Err(error) => {
                for request in group {
                    drop(request.reply.send(Err(Error::Refused(Arc::clone(&error)))));
                }
            }
        }
    }

    fn insert(&mut self, group: &[Ingest]) -> rusqlite::Result<Vec<Stored>> {
        let transaction = self.begin()?;
        let mut stored = Vec::with_capacity(group.len());
        for request in group {
            let arrival = Arrival {
                project: &request.project,
                accepted: &request.accepted,
                received_at: request.received_at,
            };
            stored.push(arrival.insert(&transaction)?);
        }
        transaction.commit()?;
        Ok(stored)
    }

    /// While all is well, only asks for the write lock. After a failure, really writes, since nobody may
    /// send us anything before we say that we are ready.
    fn probe(&mut self) -> Result<(), Error> {
        let result = if self.is_failing { self.write_for_a_try() } else { self.begin().map(drop) };
        let result = result.map_err(Arc::new);
        self.note(result.as_ref().err());
        result.map_err(Error::Refused)
    }

    fn write_for_a_try(&mut self) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        transaction.execute("INSERT INTO probe VALUES (zeroblob(262144))", [])?;
        transaction.execute("DELETE FROM probe", [])?;
        transaction.commit()
    }

    fn clean_a_little(&mut self) {
        let Some((mut cleaning, reply)) = self.cleaning.take() else { return };
        match cleaning.step(&mut self.connection) {
            Ok(Progress::More) => self.cleaning = Some((cleaning, reply)),
            Ok(Progress::Done) => drop(reply.send(Ok(()))),
            Err(error) => drop(reply.send(Err(Error::Refused(Arc::new(error))))),
        }
    }

    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Logs when the database begins to refuse and when it stops to, not each time.
    fn note(&mut self, error: Option<&Arc<rusqlite::Error>>) {
        match error {
            Some(error) if !self.is_failing => {
                tracing::error!(%error, "the database refuses; agents keep their data until it is mended");
            }
            None if self.is_failing => tracing::info!("the database takes writes again"),
            Some(_) | None => {}
        }
        self.is_failing = error.is_some();
    }
}

impl Job {
    fn kib(&self) -> usize {
        match self {
            Self::Ingest(request) => request.memory.num_permits(),
            Self::Probe(_) | Self::Retain(..) => 0,
        }
    }
}
