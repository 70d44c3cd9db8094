//! What crosses the network between an agent and a listener, and nothing else.
//!
//! An agent sends one [`Payload`] per request as the JSON body of `POST` [`INGEST_PATH`], with a Bearer
//! token. The listener answers with an [`Answer`] or, where it refuses, with a [`Refusal`]. Both ends
//! take the types from here, so there is one copy of the format.
//!
//! ```
//! use wire::{LogData, Payload, Source};
//!
//! let body = r#"{"project": "shop", "timestamp": 1769593263.123, "source": "pg_log",
//!                "data": {"entries": [{"level": "ERROR", "message": "division by zero"}], "count": 1}}"#;
//! let payload: Payload<LogData<serde_json::Value>> = serde_json::from_str(body)?;
//! assert_eq!(payload.source, Source::PgLog);
//! assert_eq!(payload.data.entries.len(), 1);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod answer;
mod batch;
mod bounded;
mod health;
mod payload;

pub use answer::{Answer, Refusal};
pub use batch::{BEHIND_ENTRIES, BatchId, BatchMeta, InvalidBatchId, LogBody};
pub use health::{
    AgentHealth, BreakerHealth, BreakerState, BufferHealth, FileHealth, Ledger, LineGap, Missed,
};
pub use payload::{LogData, Payload, Source};

/// The path that agents post to.
pub const INGEST_PATH: &str = "/ingest/postgres";

/// The header that carries the batch id, in quotes as a structured header string.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The largest request body that a listener takes, in bytes as they cross the network.
pub const MAX_BODY_BYTES: usize = 8 << 20;

/// The largest request body that a listener takes, in bytes after decompression.
pub const MAX_DECODED_BYTES: usize = 32 << 20;

/// The most entries that one request may carry. An agent's batches hold up to 5,000.
pub const MAX_ENTRIES: usize = 10_000;

/// The longest project name, in characters.
pub const MAX_PROJECT_CHARS: usize = 50;
