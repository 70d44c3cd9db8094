//! The envelope of every request and the `data` of a `pg_log` request.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{BatchMeta, bounded};

/// One request: who sends, when, from which source, and the source's own `data`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload<D> {
    /// The application request that the data belongs to; empty where it belongs to many or to none.
    #[serde(default)]
    pub correlation_id: String,
    /// The project's name as the agent knows it. The listener goes by the key instead.
    pub project: String,
    /// When the request was made up, in seconds since 1970-01-01 UTC.
    pub timestamp: f64,
    /// What `data` is.
    pub source: Source,
    /// The source's own object.
    pub data: D,
}

/// Where the data of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Log entries, see [`LogData`].
    PgLog,
    /// Sessions from `pg_stat_activity`.
    PgStatActivity,
    /// Counters from `pg_stat_statements`.
    PgStatStatements,
    /// Who waits for whom.
    PgLocks,
    /// Processor, memory, disk and network of the machine.
    SystemMetrics,
    /// The agent's own state, see [`crate::AgentHealth`].
    AgentHealth,
}

impl Source {
    /// Every source, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::PgLog,
        Self::PgStatActivity,
        Self::PgStatStatements,
        Self::PgLocks,
        Self::SystemMetrics,
        Self::AgentHealth,
    ];

    /// Returns the source's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PgLog => "pg_log",
            Self::PgStatActivity => "pg_stat_activity",
            Self::PgStatStatements => "pg_stat_statements",
            Self::PgLocks => "pg_locks",
            Self::SystemMetrics => "system_metrics",
            Self::AgentHealth => "agent_health",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `data` of a `pg_log` request. `E` is the form in which the reader wants an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de>"))]
pub struct LogData<E> {
    /// Log entries in the order of the log, at most [`crate::MAX_ENTRIES`].
    #[serde(deserialize_with = "bounded::entries")]
    pub entries: Vec<E>,
    /// How many entries the sender put in.
    pub count: u64,
    /// How many entries there are of each level; entries without a level are not in it.
    #[serde(default, deserialize_with = "bounded::levels")]
    pub levels: BTreeMap<String, u64>,
    /// Which part of which file this is. Absent from senders older than batch ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchMeta>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_are_the_same_in_json_and_in_text() {
        for source in Source::ALL {
            let json = serde_json::to_string(&source).unwrap();
            assert_eq!(json, format!("\"{source}\""));
        }
    }
}
