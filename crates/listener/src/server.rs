//! Accepts connections, and stops without losing what is under way.

use std::{io, net, sync::Arc, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, JoinSet},
    time,
};

use crate::{
    api::{self, App},
    config::{self, Config},
    store::{OpenError, Store},
    ui,
};

/// How long a client may take to send a request's head, and to send the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// How often what is too old is deleted.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3_600);

/// How long to wait when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: net::SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint(),
            Self::Store(error) => store_hint(error),
            Self::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program has the port: stop it, or change server.listen"
                }
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one in server.listen"
                }
                io::ErrorKind::AddrNotAvailable => {
                    "this machine does not have the address: change server.listen"
                }
                _ => "change server.listen",
            }
            .to_owned(),
        }
    }
}

fn store_hint(error: &OpenError) -> String {
    match error {
        OpenError::InUse { .. } => "stop the other listener, or change store.path",
        OpenError::File { .. } => "make the folder writable for this user, or change store.path",
        OpenError::Database { .. } | OpenError::Foreign { .. } => {
            "move the file away, or change store.path"
        }
        OpenError::Newer { .. } => "start the newer version, or change store.path",
        OpenError::OldSqlite { .. } => "build pgcourier with the SQLite that it brings along",
        OpenError::Thread(_) => "raise the limit on threads of this user",
    }
    .to_owned()
}

/// A listener that has its address and its store.
#[derive(Debug)]
pub struct Server {
    socket: net::TcpListener,
    address: net::SocketAddr,
    max_connections: u32,
    app: Arc<App>,
}

impl Server {
    /// Checks the configuration, takes the address and opens the store.
    ///
    /// # Errors
    /// [`Error`], with a hint.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        let checked = config.checked()?;
        let failed = |source| Error::Listen { address: checked.listen, source };
        // The address before the store: where both are taken, a listener is running already.
        let socket = net::TcpListener::bind(checked.listen).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let store = Store::open(&checked.store)?;
        let app = Arc::new(App::new(store, checked.api, system_time));
        Ok(Self { socket, address, max_connections: checked.max_connections, app })
    }

    /// The address that it listens on, with the port that the system chose where it was asked to.
    #[must_use]
    pub const fn local_addr(&self) -> net::SocketAddr {
        self.address
    }

    /// Serves until `shutdown` comes; then stops accepting, gives requests under way 5 s to finish, and
    /// closes the store.
    ///
    /// # Errors
    /// Where the runtime cannot watch the socket; the store is closed then too.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self { socket, address, max_connections, app } = self;
        let retention = tokio::spawn(retain_hourly(Arc::clone(&app)));
        let result = match TcpListener::from_std(socket) {
            Ok(socket) => {
                tracing::info!(%address, "listening");
                let connections = Connections::new(Arc::clone(&app), max_connections);
                connections.serve(socket, shutdown).await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        stop(retention).await;
        match Arc::into_inner(app) {
            Some(app) => app.store.close().await,
            None => tracing::warn!("a request is still under way; the store closes behind it"),
        }
        tracing::info!("stopped");
        result
    }
}

/// The connections that are open.
struct Connections {
    service: axum::Router,
    open: JoinSet<()>,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
}

impl Connections {
    fn new(app: Arc<App>, max: u32) -> Self {
        Self {
            service: api::router(app, ui::pages(), ui::assets()),
            open: JoinSet::new(),
            places: Arc::new(Semaphore::new(max as usize)),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Accepts connections until `shutdown` comes, then lets them end.
    async fn serve(mut self, socket: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = self.open.join_next() => {}
                (stream, place) = accept(&socket, &self.places) => self.spawn(stream, place),
            }
        }
        drop(socket);
        let Self { mut open, graceful, service, .. } = self;
        drop(service);
        if time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = open.len(), "cut requests that took too long");
        }
        open.shutdown().await;
    }

    fn spawn(&mut self, stream: TcpStream, place: Option<OwnedSemaphorePermit>) {
        // Answers are small, and whoever waits for one should not wait for a full packet.
        drop(stream.set_nodelay(true));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.service.clone()));
        let connection = self.graceful.watch(connection);
        self.open.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }
}

/// Waits for a free place and for somebody to take it.
async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn retain_hourly(app: Arc<App>) {
    let mut hours = time::interval(RETENTION_INTERVAL);
    loop {
        hours.tick().await;
        if let Err(error) = app.store.retain((app.clock)()).await {
            tracing::warn!(%error, "cannot delete what is too old; the next hour tries again");
        }
    }
}

async fn stop(task: JoinHandle<()>) {
    task.abort();
    // It was told to end; how it ended says nothing.
    drop(task.await);
}

#[expect(clippy::disallowed_methods, reason = "reads the clock for all others")]
fn system_time() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}
