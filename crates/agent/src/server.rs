//! The agent's own pages: whether it works, what it counts, and what is in its buffer.
//!
//! Two doors. An address, off by default, shows no data: `/healthz`, `/readyz`, `/metrics`, `/status`. A
//! socket in the buffer's folder, for whoever may use that folder, opens the buffer as well, because no
//! other process can while the agent runs; `pgcourier buffer` comes in there.

mod control;

use std::{
    collections::VecDeque,
    convert::Infallible,
    fs, io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt as _, net::UnixListener as StdUnixListener},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

pub use control::{Answer, control};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
};

use crate::status::{Overview, Snapshot, metrics, prometheus};

/// How long a connection may last, in which one request is answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most connections at a time, of each door.
const MAX_CONNECTIONS: usize = 64;
/// How long another one waits for a place before it takes that of the connection that is there longest: far
/// more than an answer takes.
const PLACE_PATIENCE: Duration = Duration::from_millis(100);
/// How long to wait when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a loop may stand still before the agent is not healthy.
pub const MAX_STANDSTILL: Duration = Duration::from_secs(90);
/// The share of the buffer in use, in percent, above which the agent is not ready.
const FULL_PERCENT: u64 = 95;

/// The name of the socket in the buffer's folder.
pub const SOCKET: &str = "control.sock";

/// Which door a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// The address: pages without data.
    Address,
    /// The socket: everything.
    Socket,
}

/// Why the address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct Error {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// Doors that are open and not served yet.
#[derive(Debug)]
pub struct Server {
    overview: Arc<Overview>,
    address: Option<std::net::TcpListener>,
    socket: Option<StdUnixListener>,
    socket_path: PathBuf,
    patience: Duration,
}

impl Server {
    /// Opens the address, where one is given, and the socket in the buffer's folder. Without the socket,
    /// as where the path is too long for one, the agent works all the same.
    ///
    /// # Errors
    /// Where the address cannot be had.
    pub fn bind(
        overview: Overview,
        address: Option<SocketAddr>,
        folder: &Path,
    ) -> Result<Self, Error> {
        let address = match address {
            Some(address) => {
                let bound = std::net::TcpListener::bind(address).and_then(|bound| {
                    bound.set_nonblocking(true)?;
                    Ok(bound)
                });
                Some(bound.map_err(|source| Error { address, source })?)
            }
            None => None,
        };
        let socket_path = folder.join(SOCKET);
        let socket = bind_socket(&socket_path)
            .inspect_err(|error| {
                let (path, hint) = (socket_path.display(), "choose a shorter buffer.path");
                tracing::warn!(%path, %error, hint, "no socket for `pgcourier buffer`");
            })
            .ok();
        let overview = Arc::new(overview);
        Ok(Self { overview, address, socket, socket_path, patience: PATIENCE })
    }

    /// Changes how long a connection may last; 30 s by default.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the address, where it has one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.as_ref()?.local_addr().ok()
    }

    /// Serves until it is dropped.
    pub async fn run(self) {
        let patience = self.patience;
        let of_socket = serve_socket(self.socket, Arc::clone(&self.overview), patience);
        let of_address = serve_address(self.address, self.overview, patience);
        let _remove = RemoveOnDrop(self.socket_path);
        tokio::join!(of_socket, of_address);
        // With neither door there is nobody to wait for.
        std::future::pending::<()>().await;
    }
}

/// The folder is locked, so a socket that is there belongs to nobody.
fn bind_socket(path: &Path) -> io::Result<StdUnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = StdUnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // The next start removes it as well.
        drop(fs::remove_file(&self.0));
    }
}

async fn serve_address(
    address: Option<std::net::TcpListener>,
    overview: Arc<Overview>,
    patience: Duration,
) {
    let Some(Ok(listener)) = address.map(TcpListener::from_std) else { return };
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "showing the agent's status");
    }
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.serve(stream, Door::Address, &overview, patience).await,
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_socket(
    socket: Option<StdUnixListener>,
    overview: Arc<Overview>,
    patience: Duration,
) {
    let Some(Ok(listener)) = socket.map(UnixListener::from_std) else { return };
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.serve(stream, Door::Socket, &overview, patience).await,
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The connections of a door.
#[derive(Debug)]
struct Connections {
    places: Arc<Semaphore>,
    /// In the order in which they came.
    open: VecDeque<AbortHandle>,
}

impl Connections {
    fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), open: VecDeque::new() }
    }

    /// Serves a connection in a task of its own, once there is a place for it, for as long as the patience
    /// lasts.
    async fn serve<S>(
        &mut self,
        stream: S,
        door: Door,
        overview: &Arc<Overview>,
        patience: Duration,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(place) = self.place().await else { return };
        let overview = Arc::clone(overview);
        let connection = tokio::spawn(serve(stream, door, overview, patience, place));
        self.open.push_back(connection.abort_handle());
    }

    /// Waits for a place, and at last takes that of the connection that has been there longest, so that clients
    /// that never end what they ask keep nobody out.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.places).acquire_owned();
        let free = tokio::time::timeout(PLACE_PATIENCE, free).await;
        self.open.retain(|connection| !connection.is_finished());
        match free {
            Ok(place) => place.ok(),
            Err(_) => {
                if let Some(oldest) = self.open.pop_front() {
                    oldest.abort();
                }
                Arc::clone(&self.places).acquire_owned().await.ok()
            }
        }
    }
}

async fn serve<S>(
    stream: S,
    door: Door,
    overview: Arc<Overview>,
    patience: Duration,
    place: OwnedSemaphorePermit,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(&overview, door, request.method().as_str(), &target_of(&request));
        async move { Ok::<_, Infallible>(response(answer)) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(patience, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the status page broke"),
        Err(_) => tracing::debug!("a connection to the status page took too long"),
    }
    drop(place);
}

fn target_of(request: &Request<Incoming>) -> String {
    request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned()
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    if let Ok(status) = hyper::StatusCode::from_u16(answer.status) {
        *response.status_mut() = status;
    }
    let kind = hyper::header::HeaderValue::from_static(answer.content_type);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Answers one request.
fn answer(overview: &Overview, door: Door, method: &str, target: &str) -> Answer {
    if door == Door::Socket && target.starts_with("/buffer") {
        let now_ms = (overview.clock)().wall_ms();
        let mut buffer = overview.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        return control(&mut buffer, method, target, now_ms);
    }
    if method != "GET" && method != "HEAD" {
        return Answer::text(405, "only GET\n");
    }
    let page = match target.split('?').next().unwrap_or_default() {
        "/healthz" => return healthz(overview),
        "/" => return Answer::text(200, "pgcourier agent: /healthz /readyz /metrics /status\n"),
        "/readyz" => readyz,
        "/metrics" => |snapshot: &Snapshot| Answer {
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            ..Answer::text(200, &prometheus(&metrics(snapshot)))
        },
        "/status" => |snapshot: &Snapshot| Answer::json(snapshot),
        _ => return Answer::text(404, "there is /healthz /readyz /metrics /status\n"),
    };
    match overview.snapshot() {
        Ok(snapshot) => page(&snapshot),
        Err(error) => Answer::text(503, &format!("the buffer cannot be read: {error}\n")),
    }
}

/// Whether the loops go round. It asks nothing of the buffer, whose disk may hang.
fn healthz(overview: &Overview) -> Answer {
    let standstill = overview.status.standstill((overview.clock)().monotonic);
    if standstill < MAX_STANDSTILL {
        return Answer::text(200, "ok\n");
    }
    Answer::text(503, &format!("no turn for {} s\n", standstill.as_secs()))
}

/// Whether what is logged now will be kept.
fn readyz(snapshot: &Snapshot) -> Answer {
    let buffer = &snapshot.health.buffer;
    let state = snapshot.health.breaker.state.as_str();
    if buffer.used_bytes * 100 >= buffer.max_bytes * FULL_PERCENT {
        return Answer::text(503, &format!("the buffer is full; circuit breaker {state}\n"));
    }
    if snapshot.standstill_s >= MAX_STANDSTILL.as_secs_f64() {
        return Answer::text(503, "reading or sending stands still\n");
    }
    Answer::text(200, &format!("ready; circuit breaker {state}\n"))
}
