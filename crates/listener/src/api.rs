//! The HTTP interface: `POST` [`wire::INGEST_PATH`] for agents, `GET /api/..` for whoever asks.
//!
//! | route | key | answer |
//! |---|---|---|
//! | `POST /ingest/postgres` | a project's | [`wire::Answer`] |
//! | `GET /health` | none | `OK` |
//! | `GET /ready` | none | whether data can be stored; 503 where not |
//! | `GET /api/entries` | for reading | [`rows::EntryList`] |
//! | `GET /api/entries/{id}` | for reading | [`rows::Entry`] |
//! | `GET /api/statements/slowest` | for reading | [`rows::StatementList`] |
//! | `GET /api/errors` | for reading | [`rows::ErrorList`] |
//! | `GET /api/agents` | for reading | [`rows::AgentList`] |
//!
//! Whatever is refused is refused as [`wire::Refusal`], which names what is wrong.
//!
//! Parameters of `/api/entries`, all of which may be left out:
//!
//! | parameter | entries |
//! |---|---|
//! | `project` | of this project |
//! | `from`, `to` | logged from, and before: RFC 3339, or `-90s`, `-15m`, `-1h`, `-7d` |
//! | `level` | `WARNING`: of this level and above; `LOG,FATAL`: of exactly these |
//! | `text` | with this in message, statement or detail, in any case |
//! | `pid`, `user`, `database`, `event`, `state_code`, `correlation_id` | with exactly this |
//! | `min_duration_ms` | that took at least so long |
//! | `limit`, `cursor` | so many (100, at most 1000), behind `next_cursor` of the page before |
//!
//! The groups take `project`, `from` (`-24h`), `to` and `limit`; statements also `by`, which is `max`,
//! `total` or `mean`. The agents take `project`.

mod access;
mod body;
mod health;
mod ingest;
mod params;
mod quiet;
mod rate;
mod reads;
mod refused;
pub mod rows;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, Uri},
    middleware,
    routing::{get, post},
};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::store::Store;

pub(crate) use access::{Hosts, Keys, ReadKey, Secret};
pub(crate) use params::{BadParam, EntryQuery, Params, scope};
pub(crate) use refused::Refused;

use quiet::Quiet;
use rate::Rate;

/// How large the bodies that are being received may be together, in KiB.
const RECEIVING_KIB: usize = 128 << 10;

/// How many bodies are decompressed and checked at once. It is work for a processor, and memory.
const DECODERS: usize = 2;

/// Tells the time.
pub(crate) type Clock = fn() -> Timestamp;

/// Who may do what, and how much of it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The keys that agents send with.
    pub(crate) keys: Keys,
    /// The key to read with; `None` lets everybody read who can connect.
    pub(crate) read_key: Option<ReadKey>,
    /// The names under which a browser may ask for us.
    pub(crate) hosts: Hosts,
    /// How many requests a project may send in a minute.
    pub(crate) requests_per_minute: u32,
    /// How long a request's body may take to arrive.
    pub(crate) body_timeout: Duration,
}

/// What every handler has at hand.
#[derive(Debug)]
pub(crate) struct App {
    /// Where everything is kept.
    pub(crate) store: Store,
    /// The time.
    pub(crate) clock: Clock,
    settings: Settings,
    rate: Rate,
    receiving: Arc<Semaphore>,
    decoders: Semaphore,
    refusals: Quiet,
}

impl App {
    /// Puts the parts together.
    pub(crate) fn new(store: Store, settings: Settings, clock: Clock) -> Self {
        Self {
            store,
            clock,
            rate: Rate::new(settings.requests_per_minute),
            settings,
            receiving: Arc::new(Semaphore::new(RECEIVING_KIB)),
            decoders: Semaphore::new(DECODERS),
            refusals: Quiet::default(),
        }
    }

    /// The projects that have a key, in the order of their names.
    pub(crate) fn projects(&self) -> impl Iterator<Item = &str> {
        self.settings.keys.projects()
    }
}

/// All routes. `pages` are under the same lock as the API's reads, `assets` are for everybody.
pub(crate) fn router(app: Arc<App>, pages: Router<Arc<App>>, assets: Router<Arc<App>>) -> Router {
    let reads = Router::new()
        .route("/api/entries", get(reads::entries))
        .route("/api/entries/{id}", get(reads::entry))
        .route("/api/statements/slowest", get(reads::slowest_statements))
        .route("/api/errors", get(reads::errors))
        .route("/api/agents", get(reads::agents))
        .merge(pages)
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), access::require_read_key));
    Router::new()
        .route(wire::INGEST_PATH, post(ingest::ingest))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .merge(reads)
        .merge(assets)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), access::guard))
        .with_state(app)
}

async fn not_found(method: Method, uri: Uri) -> Refused {
    Refused::not_found(format!("Route {method} {} not found", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Refused {
    Refused::method_not_allowed(format!("{} does not take {method}", uri.path()))
}
