//! Batches back to entries, and what encoders need of them.

use jiff::Timestamp;
use serde_json::{Map, Value, value::RawValue};
use wire::Payload;

use crate::batch::{OwnData, SealedBatch};

/// The entries of a batch, and where they come from.
#[derive(Debug, Clone, Default)]
pub struct Unpacked {
    /// The batch's name.
    pub id: String,
    /// The project's name.
    pub project: String,
    /// The agent's name.
    pub agent: String,
    /// The log's path.
    pub file: String,
    /// When the batch was sealed, in seconds since 1970-01-01 UTC.
    pub sealed_at: f64,
    /// The entries as JSON objects.
    pub entries: Vec<Box<RawValue>>,
}

impl Unpacked {
    /// Takes a batch apart. One that has no log entries is empty.
    #[must_use]
    pub fn of(batch: &SealedBatch) -> Self {
        let payload = batch
            .decoded()
            .ok()
            .and_then(|body| serde_json::from_slice::<Payload<OwnData>>(&body).ok());
        let Some(payload) = payload.filter(|payload| payload.source == wire::Source::PgLog) else {
            return Self::default();
        };
        let meta = payload.data.batch;
        let (agent, file) = meta.map(|meta| (meta.agent, meta.file)).unwrap_or_default();
        Self {
            id: batch.id.to_string(),
            project: payload.project,
            agent,
            file,
            sealed_at: payload.timestamp,
            entries: payload.data.entries,
        }
    }

    /// Returns a part of the entries.
    pub(super) fn part(&self, part: std::ops::Range<usize>) -> &[Box<RawValue>] {
        self.entries.get(part).unwrap_or_default()
    }
}

/// Reads an entry. One that is no object, as none of ours, is empty.
pub(super) fn object(entry: &RawValue) -> Map<String, Value> {
    serde_json::from_str(entry.get()).unwrap_or_default()
}

/// Returns a text of an entry.
pub(super) fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns when an entry was logged, in nanoseconds since 1970-01-01 UTC; otherwise when its batch was
/// sealed.
pub(super) fn time_ns(entry: &Map<String, Value>, unpacked: &Unpacked) -> u64 {
    let logged = text(entry, "timestamp").parse::<Timestamp>().ok();
    let logged = logged.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    logged.unwrap_or_else(|| sealed_ns(unpacked))
}

/// Returns when a batch was sealed, in nanoseconds since 1970-01-01 UTC.
pub(super) fn sealed_ns(unpacked: &Unpacked) -> u64 {
    let sealed = std::time::Duration::try_from_secs_f64(unpacked.sealed_at).unwrap_or_default();
    u64::try_from(sealed.as_nanos()).unwrap_or(u64::MAX)
}
