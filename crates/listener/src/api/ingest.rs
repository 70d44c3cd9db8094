//! Takes in what agents send.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use tokio::{sync::OwnedSemaphorePermit, task};
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
    let admitted = match Admitted::new(&app, &headers, &body) {
        Ok(admitted) => admitted,
        Err(refused) => {
            note(&app, None, &refused);
            // A sender that waits for our word need not send at all.
            if !headers.contains_key(header::EXPECT) {
                body::discard(body).await;
            }
            return Err(refused);
        }
    };
    match admitted.store(&app, &headers, body).await {
        Ok(answer) => Ok(json(&answer)),
        Err(refused) => {
            note(&app, Some(&admitted.project), &refused);
            Err(refused)
        }
    }
}

/// A request whose body may come.
struct Admitted {
    project: Arc<str>,
    encoding: Encoding,
    /// The body's share of memory, given back when it is dropped.
    _memory: OwnedSemaphorePermit,
}

impl Admitted {
    /// Checks what can be checked before the body has come.
    fn new(app: &App, headers: &HeaderMap, body: &Body) -> Result<Self, Refused> {
        let project = access::project_of(app, headers)?;
        app.rate.admit(&project, (app.clock)()).map_err(|wait_s| {
            Refused::too_many("Rate limit exceeded", wait_s)
                .detail("hint: raise limits.requests_per_minute, or send larger batches")
        })?;
        let encoding = Encoding::of(headers)?;
        let kib = u32::try_from((body::announced_bytes(body)? >> 10) + 1).unwrap_or(u32::MAX);
        let memory = Arc::clone(&app.receiving)
            .try_acquire_many_owned(kib)
            .map_err(|_| Refused::too_many("Too many requests are being received", 1))?;
        Ok(Self { project, encoding, _memory: memory })
    }

    /// Receives, checks and stores the body.
    async fn store(&self, app: &App, headers: &HeaderMap, body: Body) -> Result<Answer, Refused> {
        let body = body::receive(body, app.settings.body_timeout).await?;
        let accepted = check(app, body, self.encoding).await?;
        let accepted = match headers.get(wire::IDEMPOTENCY_KEY) {
            Some(value) => accepted.with_key(batch_id(value)?)?,
            None => accepted,
        };
        let source = accepted.source();
        let project = Arc::clone(&self.project);
        let Stored { row_id, is_duplicate } =
            app.store.ingest(project, accepted, (app.clock)()).await?;
        Ok(Answer { success: true, row_id, source: Some(source), duplicate: is_duplicate })
    }
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

/// Logs a refusal, now and then: a sender that is refused comes again.
fn note(app: &App, project: Option<&str>, refused: &Refused) {
    if let Some(held_back) = app.refusals.admit((app.clock)()) {
        let (status, reason) = (refused.status().as_u16(), refused.reason());
        tracing::warn!(project, status, reason, held_back, "a request is refused");
    }
}
