//! Turns the bytes of a request into [`Accepted`], or says what is wrong with them and where.
//!
//! What is refused: text that is not JSON, an envelope that is not [`wire::Payload`], values of another
//! type in the keys that are stored in columns, and what exceeds a limit. What is not: keys that nobody
//! knows, levels and timestamps that nobody understands. Data is worth more than its form.
//!
//! Nothing here knows the time, the network or the store.

mod entry;
mod level;
mod pattern;
mod problem;
mod text;
mod time;

use jiff::Timestamp;
use serde_json::value::RawValue;
use wire::{AgentHealth, BatchId, BatchMeta, LogData, MAX_PROJECT_CHARS, Payload, Source};

pub use entry::Entry;
pub use level::Level;
pub use pattern::{message_pattern, statement_pattern};
pub use problem::Invalid;
pub use text::Text;
pub use time::parse_timestamp;

/// The longest agent name, in bytes; a host name has at most 64.
const MAX_AGENT_BYTES: usize = 255;

/// The longest path of a log file, in bytes: Linux' own limit.
const MAX_FILE_BYTES: usize = 4096;

/// The longest `data` of an `agent_health` request, in bytes.
const MAX_HEALTH_BYTES: usize = 1 << 20;

/// A request that is what it should be. Only [`accept`] makes one.
#[derive(Debug)]
pub struct Accepted {
    sent_at: Timestamp,
    source: Source,
    batch_id: Option<BatchId>,
    bytes: usize,
    content: Content,
}

/// The data of a request, by what happens to it.
#[derive(Debug)]
pub enum Content {
    /// Log entries and the part of the file that they come from.
    Log {
        /// The entries in the order of the log.
        entries: Vec<Entry>,
        /// Absent from senders older than batch ids.
        batch: Option<BatchMeta>,
    },
    /// An agent's newest account of itself: a [`wire::AgentHealth`].
    Health {
        /// The agent's name.
        agent: String,
        /// The account as it came.
        json: Box<str>,
    },
    /// Any other source's object.
    Sample {
        /// The object as it came.
        json: Box<str>,
    },
}

impl Accepted {
    /// When the request was made up, by the sender's clock.
    #[must_use]
    pub const fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// Where the data comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// What names the request, so that a resend is recognised.
    #[must_use]
    pub const fn batch_id(&self) -> Option<BatchId> {
        self.batch_id
    }

    /// How long the body was, a measure of the memory that this takes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The data.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Names the request by its `Idempotency-Key` header.
    ///
    /// # Errors
    /// Where the batch has an id of its own and it is another one.
    pub fn with_key(mut self, key: BatchId) -> Result<Self, Invalid> {
        if self.batch_id.is_some_and(|id| id != key) {
            return Err(Invalid::at("Idempotency-Key", "differs from data.batch.id")
                .hint("send the batch's own id in both, or leave the header out"));
        }
        self.batch_id = Some(key);
        Ok(self)
    }
}

/// Checks a request's body, already decompressed.
///
/// # Errors
/// [`Invalid`] names the place of the first problem and says what to do.
pub fn accept(body: &[u8]) -> Result<Accepted, Invalid> {
    let text = str::from_utf8(body)
        .map_err(|error| Invalid::json(format!("not UTF-8 behind byte {}", error.valid_up_to())))?;
    let payload: Payload<&RawValue> = problem::parse_object(text, "")?;
    check_project(&payload.project)?;
    let sent_at = sent_at(payload.timestamp)?;
    let (batch_id, content) = match payload.source {
        Source::PgLog => log(payload.data, &payload.correlation_id)?,
        Source::AgentHealth => (None, health(payload.data)?),
        Source::PgStatActivity
        | Source::PgStatStatements
        | Source::PgLocks
        | Source::SystemMetrics => (None, sample(payload.data)?),
    };
    Ok(Accepted { sent_at, source: payload.source, batch_id, bytes: body.len(), content })
}

fn check_project(project: &str) -> Result<(), Invalid> {
    let chars = project.chars().count();
    if (1..=MAX_PROJECT_CHARS).contains(&chars) {
        return Ok(());
    }
    Err(Invalid::at(
        "project",
        format_args!("expected 1 to {MAX_PROJECT_CHARS} characters, found {chars}"),
    )
    .hint("set listener.project_id in the agent's configuration"))
}

fn sent_at(seconds: f64) -> Result<Timestamp, Invalid> {
    time::from_seconds(seconds).ok_or_else(|| {
        Invalid::at("timestamp", format_args!("{seconds} is outside of the years 1970 to 9999"))
            .hint("send seconds since 1970-01-01 UTC, such as 1769593263.123")
    })
}

fn log(data: &RawValue, correlation_id: &str) -> Result<(Option<BatchId>, Content), Invalid> {
    let data: LogData<&RawValue> = problem::parse_object(data.get(), "data")?;
    let found = data.entries.len();
    if data.count != found as u64 {
        return Err(Invalid::at(
            "data.count",
            format_args!("says {}, data.entries has {found}", data.count),
        )
        .hint("the body was cut or put together wrongly; send it again as a whole"));
    }
    if let Some(batch) = &data.batch {
        check_batch(batch)?;
    }
    let mut entries = Vec::with_capacity(found);
    for (index, raw) in data.entries.into_iter().enumerate() {
        entries.push(Entry::read(raw.get(), index, correlation_id)?);
    }
    Ok((data.batch.as_ref().map(|batch| batch.id), Content::Log { entries, batch: data.batch }))
}

fn check_batch(batch: &BatchMeta) -> Result<(), Invalid> {
    check_length("data.batch.agent", &batch.agent, MAX_AGENT_BYTES)?;
    check_length("data.batch.file", &batch.file, MAX_FILE_BYTES)?;
    if batch.start > batch.end || i64::try_from(batch.end).is_err() {
        return Err(Invalid::at(
            "data.batch.end",
            format_args!("{} is not behind the start, {}", batch.end, batch.start),
        )
        .hint("positions are byte offsets in the file, start <= end < 2^63"));
    }
    Ok(())
}

fn health(data: &RawValue) -> Result<Content, Invalid> {
    let json = data.get();
    if json.len() > MAX_HEALTH_BYTES {
        return Err(Invalid::at(
            "data",
            format_args!("{} bytes, at most {MAX_HEALTH_BYTES}", json.len()),
        )
        .hint("list only the files with the most unread bytes"));
    }
    let health: AgentHealth = problem::parse_object(json, "data")?;
    check_length("data.agent", &health.agent, MAX_AGENT_BYTES)?;
    Ok(Content::Health { agent: health.agent, json: json.into() })
}

fn sample(data: &RawValue) -> Result<Content, Invalid> {
    problem::expect_object(data.get(), "data")?;
    Ok(Content::Sample { json: data.get().into() })
}

fn check_length(place: &str, value: &str, max_bytes: usize) -> Result<(), Invalid> {
    if value.len() <= max_bytes {
        return Ok(());
    }
    Err(Invalid::at(place, format_args!("{} bytes, at most {max_bytes}", value.len()))
        .hint("shorten the name"))
}

#[cfg(test)]
mod tests;
