//! An agent's account of itself: the `data` of an `agent_health` request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A snapshot of one agent. The newest one counts; a lost one is made good by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentHealth {
    /// The agent's name, by default the machine's host name.
    pub agent: String,
    /// The agent's version.
    pub version: String,
    /// When the agent started, in seconds since 1970-01-01 UTC.
    pub started_at: f64,
    /// The circuit breaker towards this listener.
    pub breaker: BreakerHealth,
    /// The buffer on disk.
    pub buffer: BufferHealth,
    /// Where every entry went.
    pub ledger: Ledger,
    /// The files that the agent follows, the one with the most unread bytes first.
    #[serde(default)]
    pub files: Vec<FileHealth>,
}

/// The state of a circuit breaker and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakerHealth {
    /// The state now.
    pub state: BreakerState,
    /// Failures in a row; 0 after a success.
    pub consecutive_failures: u32,
    /// How often it opened since the agent started.
    pub opened_total: u64,
}

/// Whether requests may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests flow.
    Closed,
    /// No request is sent until the reset time has passed.
    Open,
    /// One request is on its way to find out whether the listener is back.
    HalfOpen,
}

impl BreakerState {
    /// Returns the state's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How full the buffer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BufferHealth {
    /// Batches that wait to be delivered.
    pub batches: u64,
    /// Bytes in use on disk.
    pub used_bytes: u64,
    /// The bound on them.
    pub max_bytes: u64,
    /// Age of the oldest batch that waits, in seconds; 0 where none waits.
    pub oldest_age_s: f64,
}

/// Accounts for every entry ever read: `read = delivered + waiting + dead_lettered + Σ lost`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Entries read from logs and stored in the buffer.
    pub read: u64,
    /// Entries that a listener confirmed.
    pub delivered: u64,
    /// Entries in the buffer.
    pub waiting: u64,
    /// Entries that the listener refused for good, kept for inspection.
    pub dead_lettered: u64,
    /// Entries lost, by reason.
    #[serde(default)]
    pub lost: BTreeMap<String, u64>,
    /// What was gone before it could be read, and so is in none of the other accounts.
    #[serde(default, skip_serializing_if = "Missed::is_empty")]
    pub missed: Missed,
}

/// What the agent could not read, since its buffer was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Lines that the numbers of the sessions show to be missing.
    pub lines: u64,
    /// Bytes that were seen in a file and gone before they were read, by reason.
    #[serde(default)]
    pub bytes: BTreeMap<String, u64>,
    /// Which lines those are; the newest gaps.
    #[serde(default)]
    pub gaps: Vec<LineGap>,
}

impl Missed {
    /// Tells whether nothing was missed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines == 0 && self.bytes.is_empty() && self.gaps.is_empty()
    }
}

/// Lines of one session that never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineGap {
    /// The log.
    pub file: String,
    /// The session.
    pub session_id: String,
    /// The first number that is missing.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// When the session logged what comes before, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When it logged what comes behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

impl Ledger {
    /// Returns the sum over all reasons of loss.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// Tells whether every entry read is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.read == self.delivered + self.waiting + self.dead_lettered + self.lost_total()
    }
}

/// How far one file has been read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileHealth {
    /// The path under which the agent found the file.
    pub path: String,
    /// Bytes read and stored.
    pub position: u64,
    /// Bytes that the file has.
    pub size: u64,
    /// Bytes of it that are not stored yet.
    pub lag_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_balances_only_when_every_entry_is_accounted_for() {
        let mut ledger =
            Ledger { read: 10, delivered: 5, waiting: 2, dead_lettered: 1, ..Ledger::default() };
        assert!(!ledger.balances());
        ledger.lost.insert("evicted".to_owned(), 2);
        assert!(ledger.balances());
    }

    #[test]
    fn breaker_state_has_one_name() {
        for state in [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen] {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.as_str()));
        }
    }
}
