//! Takes in what agents send.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use tokio::task;
use wire::{Answer, BatchId};

use crate::{
    api::{
        App, Refused, access,
        body::{self, Encoding},
        refused::json,
    },
    store::Stored,
    validate::{self, Accepted},
};

/// `POST /ingest/postgres`: stores a request of the project whose key it bears.
pub(super) async fn ingest(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let (project, encoding) = match admit(&app, &headers) {
        Ok(admitted) => admitted,
        Err(refused) => {
            note(&app, "unknown", &refused);
            return Err(refuse(&headers, body, refused).await);
        }
    };
    let result = match reserve(&app, &body) {
        Ok(reserved) => {
            let result = store(&app, &project, &headers, (body, encoding)).await;
            drop(reserved);
            result
        }
        Err(refused) => Err(refuse(&headers, body, refused).await),
    };
    match result {
        Ok(answer) => Ok(json(&answer)),
        Err(refused) => {
            note(&app, &project, &refused);
            Err(refused)
        }
    }
}

/// Checks what can be checked before the body has come.
fn admit(app: &App, headers: &HeaderMap) -> Result<(Arc<str>, Encoding), Refused> {
    let project = access::project_of(app, headers)?;
    app.rate.admit(&project, (app.clock)()).map_err(|wait_s| {
        Refused::too_many("Rate limit exceeded", wait_s)
            .detail("hint: raise limits.requests_per_minute, or send larger batches")
    })?;
    Ok((project, Encoding::of(headers)?))
}

/// Keeps memory for the body.
fn reserve(app: &App, body: &Body) -> Result<impl Drop + use<>, Refused> {
    let kib = u32::try_from((body::announced_bytes(body)? >> 10) + 1).unwrap_or(u32::MAX);
    let receiving = Arc::clone(&app.receiving);
    receiving
        .try_acquire_many_owned(kib)
        .map_err(|_| Refused::too_many("Too many requests are being received", 1))
}

async fn store(
    app: &App,
    project: &Arc<str>,
    headers: &HeaderMap,
    (body, encoding): (Body, Encoding),
) -> Result<Answer, Refused> {
    let body = body::receive(body, app.settings.body_timeout).await?;
    let accepted = check(app, body, encoding).await?;
    let accepted = match headers.get(wire::IDEMPOTENCY_KEY) {
        Some(value) => accepted.with_key(batch_id(value)?)?,
        None => accepted,
    };
    let source = accepted.source();
    let stored = app.store.ingest(Arc::clone(project), accepted, (app.clock)()).await?;
    let Stored { row_id, is_duplicate } = stored;
    Ok(Answer { success: true, row_id, source: Some(source), duplicate: is_duplicate })
}

/// Decompresses and validates, on a thread that may be busy for a while.
async fn check(app: &App, body: Vec<u8>, encoding: Encoding) -> Result<Accepted, Refused> {
    let closed = || Refused::unavailable("The listener is stopping");
    let decoder = app.decoders.acquire().await.map_err(|_| closed())?;
    let checking = task::spawn_blocking(move || {
        let decoded = body::decode(&body, encoding)?;
        validate::accept(&decoded).map_err(Refused::from)
    });
    let result = checking.await.map_err(|_| closed())?;
    drop(decoder);
    result
}

/// Reads the header: a UUID, in quotes as the standard wants it or without.
fn batch_id(value: &HeaderValue) -> Result<BatchId, Refused> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let text = text.trim().trim_matches('"');
    text.parse().map_err(|error| {
        Refused::bad_request("Payload validation failed")
            .detail(format!("Idempotency-Key: {error}"))
            .detail("hint: send data.batch.id in quotes, or leave the header out")
    })
}

/// Lets the sender finish, so that it reads the answer, unless it waits for a word before it sends.
async fn refuse(headers: &HeaderMap, body: Body, refused: Refused) -> Refused {
    if !headers.contains_key(header::EXPECT) {
        body::discard(body).await;
    }
    refused
}

/// Logs a refusal, now and then: a sender that is refused comes again.
fn note(app: &App, project: &str, refused: &Refused) {
    if let Some(held_back) = app.refusals.admit((app.clock)()) {
        tracing::warn!(project, reason = refused.reason(), held_back, "a request is refused");
    }
}
