//! The whole agent: every stage, connected.
//!
//! Three threads, because there are three loops that block: on files, on the disk and on the network.
//! They share the buffer and nothing else that matters:
//!
//! ```text
//! reading:  tail ─ parse ─ batch
//! storing:                     └─ buffer.push
//! sending:                        buffer.peek ─ send ─ buffer.ack
//! ```

mod clock;
mod completeness;
mod preview;
mod reading;
mod sending;
mod starts;
mod stash;
mod storing;
mod stream;
mod told;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use clock::Clocks;
use completeness::Completeness;
pub use preview::{PlannedFile, PrefixSource, Preview, preview};
use reading::Reader;
use sending::Sender;
use stash::Stash;
use storing::Storing;
use tokio::{sync::Notify, task::JoinSet};
use told::Told;
use uuid::Uuid;

use crate::{
    batch::{self, Encoder},
    buffer::{self, Buffer},
    config::Settings,
    database::Observer,
    output::{Exporter, Output},
    server::{self, Server},
    ship::{self, Client, SharedBuffer, Shipper},
    shutdown::Shutdown,
    status::{Export, Overview, Status},
    tail::Tailer,
};

/// How long a request under way may take when the agent stops.
const GRACE: Duration = Duration::from_secs(6);

/// How long a disk that cannot be read is waited for at the start.
const DISK_PATIENCE: Duration = Duration::from_secs(10);
/// How long it is left alone between two tries.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Why the agent cannot start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The buffer cannot be used.
    #[error(transparent)]
    Buffer(#[from] buffer::Error),
    /// The status page's address cannot be had.
    #[error(transparent)]
    Status(#[from] server::Error),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Client(#[from] ship::Error),
    /// The system gives no more threads or sockets.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// A bug.
    #[error("the sending thread panicked")]
    Panicked,
}

impl Error {
    /// Tells whether another process has the buffer open.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        matches!(self, Self::Buffer(buffer::Error::InUse { .. }))
    }

    /// Says what to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Buffer(error) => error.hint(),
            Self::Client(_) => {
                "check listener.api_key, the certificate files of [listener] and the machine's \
                 certificates (ca-certificates)"
            }
            Self::Status(_) => {
                "change status.listen: the machine must have the address, and its port be free"
            }
            Self::Thread(_) => "raise the limits on threads and open files of this user",
            Self::Panicked => "start it again, nothing is lost; and report its last log lines",
        }
    }
}

/// An agent that is ready to run.
#[derive(Debug)]
pub struct Agent {
    reader: Reader,
    storing: Storing,
    sender: Sender,
    outputs: Vec<Output>,
    exporters: Vec<Exporter>,
    observer: Option<Observer>,
    server: Server,
    overview: Overview,
}

impl Agent {
    /// Opens the buffer and prepares every stage. Nothing is read or sent yet.
    ///
    /// # Errors
    /// Where the buffer cannot be opened or the client not be set up.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let clocks = Clocks::start();
        let mut buffer = open_buffer(&settings, clocks)?;
        let history = buffer.history(clocks.now_ms())?;
        let status = Arc::new(Status::new(buffer.missed()?));
        let completeness = Completeness::new(Arc::clone(&status), buffer.lines()?);
        let buffer = Arc::new(Mutex::new(buffer));
        let stored = Arc::new(Notify::new());
        let client = Client::new(&settings.client)?;
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        let shipper =
            Shipper::open(Arc::clone(&buffer), client, settings.breaker, seed, clocks.now())?;
        let (store, storing) =
            storing::channel(Arc::clone(&buffer), Arc::clone(&status), Arc::clone(&stored), clocks);
        let outputs = outputs(&settings, &buffer, seed)?;
        let overview = Overview {
            outputs: outputs.iter().map(Output::progress).collect(),
            exports: exports(&settings),
            agent: settings.agent.clone(),
            started_at: clocks.now_s(),
            buffer: Arc::clone(&buffer),
            status: Arc::clone(&status),
            progress: shipper.progress(),
            clock: Arc::new(move || clocks.now()),
        };
        let exporters = exporters(&settings, &overview)?;
        let (observer, told) = Told::open(&settings);
        let encoder = Encoder::new(settings.project.clone(), settings.agent, settings.compression);
        let folder = &settings.buffer.folder;
        let server = Server::bind(overview.clone(), settings.status_listen, folder)?;
        Ok(Self {
            storing,
            reader: Reader {
                first_start_ms: Some(history.first_start_ms),
                tailer: Tailer::open(settings.tail, history),
                parser: parser_options(settings.parser, clocks),
                batches: batch::Settings::for_buffer(settings.buffer.max_bytes),
                told,
                stash: Stash::default(),
                encoder,
                store,
                completeness,
                status: Arc::clone(&status),
                clocks,
                streams: HashMap::new(),
                has_room: true,
                next_question: Duration::ZERO,
            },
            sender: Sender {
                shipper,
                overview: overview.clone(),
                stored,
                clocks,
                project: settings.project,
            },
            outputs,
            exporters,
            observer,
            server,
            overview,
        })
    }

    /// Returns where the agent's state can be seen while it runs.
    #[must_use]
    pub fn overview(&self) -> Overview {
        self.overview.clone()
    }

    /// Reads and sends until the shutdown is requested; then stores what is whole, lets the request in
    /// flight end, and returns. Blocks the thread.
    ///
    /// # Errors
    /// Where a thread or its runtime cannot be started, or a thread has panicked.
    pub fn run(self, shutdown: &Shutdown) -> Result<(), Error> {
        let Self { reader, storing, sender, outputs, exporters, observer, server, .. } = self;
        let others = Others { outputs, exporters, observer };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let ended = thread::scope(|scope| {
            let sending = thread::Builder::new()
                .name("send".to_owned())
                .spawn_scoped(scope, || {
                    // Whatever ends one thread ends the other, and so the process.
                    let _stop = StopOnDrop(shutdown);
                    runtime.block_on(send(sender, others, server, shutdown));
                })
                .map_err(Error::Thread)?;
            let stored = thread::Builder::new()
                .name("store".to_owned())
                .spawn_scoped(scope, || {
                    let _stop = StopOnDrop(shutdown);
                    storing.run();
                })
                .map_err(Error::Thread)?;
            let stop = StopOnDrop(shutdown);
            // With the reader goes its end of the channel, which ends the storing thread.
            reader.run(shutdown);
            drop(stop);
            let joined = [stored.join(), sending.join()];
            if joined.iter().all(Result::is_ok) { Ok(()) } else { Err(Error::Panicked) }
        });
        // A look-up of a name, or a pipe that nobody reads, may hold one of its threads for long.
        runtime.shutdown_background();
        ended
    }
}

/// No line is later than the moment of now.
fn parser_options(options: pglog::ParserOptions, clocks: Clocks) -> pglog::ParserOptions {
    pglog::ParserOptions { not_after: Some(clocks.timestamp()), ..options }
}

fn open_buffer(settings: &Settings, clocks: Clocks) -> Result<Buffer, buffer::Error> {
    let mut buffer = open_patiently(&settings.buffer, clocks)?;
    buffer.set_destinations(&settings.output_names())?;
    let lost_entries = buffer.take_bound(clocks.now_ms())?;
    if lost_entries > 0 {
        let hint = "raise buffer.max_size_mb again where more is to be kept";
        tracing::error!(lost_entries, hint, "the buffer's bound is lower: oldest entries dropped");
    }
    Ok(buffer)
}

/// Opens the buffer. A disk that cannot be read may be back in a moment; what cannot be read for longer is
/// given up.
fn open_patiently(settings: &buffer::Settings, clocks: Clocks) -> Result<Buffer, buffer::Error> {
    let deadline = clocks.now().monotonic + DISK_PATIENCE;
    loop {
        match Buffer::open(settings) {
            Err(error @ buffer::Error::Unreadable { .. }) => {
                if clocks.now().monotonic >= deadline {
                    return Buffer::open_unreadable(settings);
                }
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let hint = error.hint();
                tracing::error!(%error, cause, hint, "the buffer is tried again");
                // Before anything runs a signal ends the process, and so this wait.
                let _is_never_requested = Shutdown::new().wait(DISK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Makes the outputs. Each has a number of its own from which its waits vary.
fn outputs(
    settings: &Settings,
    buffer: &SharedBuffer,
    seed: u64,
) -> Result<Vec<Output>, ship::Error> {
    let breaker = settings.breaker;
    let numbered = settings.outputs.iter().zip(1_u64..);
    numbered
        .map(|(output, number)| {
            Output::new(output, Arc::clone(buffer), breaker, seed.wrapping_mul(number + 1))
        })
        .collect()
}

/// Makes room for what outputs of metrics tell about themselves.
fn exports(settings: &Settings) -> Vec<(String, Arc<Mutex<Export>>)> {
    settings.exporters.iter().map(|exporter| (exporter.name.clone(), Arc::default())).collect()
}

fn exporters(settings: &Settings, overview: &Overview) -> Result<Vec<Exporter>, ship::Error> {
    let exporters = settings.exporters.iter().zip(&overview.exports);
    exporters
        .map(|(exporter, (_, export))| {
            Exporter::new(exporter, overview.clone(), Arc::clone(export))
        })
        .collect()
}

/// What waits on the network besides the sender and the status pages.
struct Others {
    outputs: Vec<Output>,
    exporters: Vec<Exporter>,
    observer: Option<Observer>,
}

/// Runs all that waits on the network.
async fn send(sender: Sender, others: Others, server: Server, shutdown: &Shutdown) {
    let clocks = sender.clocks;
    let mut running = JoinSet::new();
    for output in others.outputs {
        running.spawn(output.run(shutdown.clone(), move || clocks.now()));
    }
    for exporter in others.exporters {
        running.spawn(exporter.run(shutdown.clone(), move || clocks.now()));
    }
    if let Some(observer) = others.observer {
        running.spawn(observer.run(shutdown.clone()));
    }
    let sending = async {
        sender.run(shutdown).await;
        // Each ends with its request.
        while running.join_next().await.is_some() {}
    };
    let out_of_patience = async {
        shutdown.requested().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = sending => {}
        () = server.run() => {}
        () = out_of_patience => {
            tracing::warn!("stopping without the answer to a request; it is sent again");
        }
    }
}

/// Requests the shutdown when a thread ends, for whatever reason.
struct StopOnDrop<'a>(&'a Shutdown);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}
