//! The identity of a batch of log entries, and the body that carries one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Source;

/// Names one batch for ever. A listener stores a batch once, however often it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

/// The text is not a batch id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch id is a UUID such as 0198c5d2-7a0e-7cc3-98c4-dc0c0c07398f")]
pub struct InvalidBatchId;

impl BatchId {
    /// Takes a UUID as batch id; version 7 keeps ids in the order of their making.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Returns the id's 16 bytes, in network order.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads an id from its 16 bytes.
    ///
    /// # Errors
    /// [`InvalidBatchId`] where there are not exactly 16.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidBatchId> {
        Uuid::from_slice(bytes).map(Self).map_err(|_| InvalidBatchId)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = InvalidBatchId;

    fn from_str(text: &str) -> Result<Self, InvalidBatchId> {
        Uuid::parse_str(text).map(Self).map_err(|_| InvalidBatchId)
    }
}

/// Which part of which file a batch holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMeta {
    /// The batch's name.
    pub id: BatchId,
    /// The agent's name, by default the machine's host name.
    pub agent: String,
    /// The log file's path on the agent's machine.
    pub file: String,
    /// Position of the first byte, counted from the start of the file.
    pub start: u64,
    /// Position behind the last byte.
    pub end: u64,
}

/// The parts of a `pg_log` request, with the entries already in JSON.
///
/// The agent turns each entry into bytes once; this puts the envelope around them without reading them
/// again. The result is a [`crate::Payload`] of [`crate::LogData`].
#[derive(Debug, Clone, Copy)]
pub struct LogBody<'a> {
    /// See [`crate::Payload::project`].
    pub project: &'a str,
    /// See [`crate::Payload::timestamp`].
    pub timestamp: f64,
    /// How many entries there are.
    pub count: u64,
    /// See [`crate::LogData::levels`].
    pub levels: &'a BTreeMap<&'static str, u64>,
    /// Which part of which file this is.
    pub batch: &'a BatchMeta,
    /// JSON objects with a comma between each two.
    pub entries: &'a [u8],
}

#[derive(Serialize)]
struct Envelope<'a> {
    correlation_id: &'static str,
    project: &'a str,
    timestamp: f64,
    source: Source,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    count: u64,
    levels: &'a BTreeMap<&'static str, u64>,
    batch: &'a BatchMeta,
    entries: [(); 0],
}

/// What stands behind the entries of a `pg_log` request.
pub const BEHIND_ENTRIES: &[u8] = b"]}}";

impl LogBody<'_> {
    /// Writes the request's body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = self.before_entries();
        body.reserve_exact(self.entries.len() + BEHIND_ENTRIES.len());
        body.extend_from_slice(self.entries);
        body.extend_from_slice(BEHIND_ENTRIES);
        body
    }

    /// Writes what stands before the entries. [`BEHIND_ENTRIES`] stands behind them.
    #[must_use]
    pub fn before_entries(&self) -> Vec<u8> {
        let data = Data { count: self.count, levels: self.levels, batch: self.batch, entries: [] };
        let envelope = Envelope {
            correlation_id: "",
            project: self.project,
            timestamp: self.timestamp,
            source: Source::PgLog,
            data,
        };
        // Strings, numbers and string keys cannot fail to serialize; an empty body would be refused
        // by any listener and so would not go unnoticed.
        let mut body = serde_json::to_vec(&envelope).unwrap_or_default();
        body.truncate(body.len().saturating_sub(BEHIND_ENTRIES.len()));
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogData, Payload};

    fn meta() -> BatchMeta {
        BatchMeta {
            id: "0198c5d2-7a0e-7cc3-98c4-dc0c0c07398f".parse().unwrap(),
            agent: "db1".to_owned(),
            file: "/var/log/postgresql/a \"b\".log".to_owned(),
            start: 0,
            end: 4711,
        }
    }

    #[test]
    fn body_reads_back_as_the_payload_it_stands_for() {
        let levels = BTreeMap::from([("ERROR", 1), ("LOG", 1)]);
        let body = LogBody {
            project: "shop",
            timestamp: 1_769_593_263.123,
            count: 2,
            levels: &levels,
            batch: &meta(),
            entries: br#"{"level":"LOG"},{"level":"ERROR"}"#,
        };
        let payload: Payload<LogData<serde_json::Value>> =
            serde_json::from_slice(&body.to_json()).unwrap();
        assert_eq!(payload.project, "shop");
        assert_eq!(payload.source, Source::PgLog);
        assert_eq!(payload.data.count, 2);
        assert_eq!(payload.data.levels.get("ERROR"), Some(&1));
        assert_eq!(payload.data.batch, Some(meta()));
        assert_eq!(
            payload.data.entries,
            [serde_json::json!({"level": "LOG"}), serde_json::json!({"level": "ERROR"})]
        );
    }

    #[test]
    fn batch_id_survives_text_and_bytes() {
        let id = meta().id;
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(BatchId::from_slice(id.as_bytes()), Ok(id));
        assert_eq!("not an id".parse::<BatchId>(), Err(InvalidBatchId));
    }
}
