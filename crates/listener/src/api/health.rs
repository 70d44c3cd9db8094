//! For whoever watches over the listener.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time;

use crate::api::{App, refused::json};

/// How long the database may take to say that it takes writes.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Whether data can be stored.
#[derive(Debug, Serialize)]
struct Ready {
    /// True if everything below is well.
    ready: bool,
    /// `ok`, or what is wrong.
    database: &'static str,
    /// How many projects have a key.
    projects: usize,
    /// The listener's version.
    version: &'static str,
}

/// `GET /health`: the process is alive.
pub(super) async fn health() -> &'static str {
    "OK"
}

/// `GET /ready`: 200 where data can be stored, 503 where not.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let database = match time::timeout(MAX_WAIT, app.store.probe()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "takes no writes",
        Err(_) => "does not answer",
    };
    let ready = Ready {
        ready: database == "ok",
        database,
        projects: app.projects().count(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, json(&ready)).into_response()
}
