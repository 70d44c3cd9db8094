//! Which entries are wanted: `--where`, `--since` and `--until`.

mod comparison;
mod condition;
mod field;
mod moment;

pub(super) use condition::{Condition, HELP};
pub(super) use moment::moment;
use pglog::{LogEntry, Timestamp};

/// What an entry must fulfil.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) conditions: Vec<Condition>,
    /// The first moment, in microseconds since 1970-01-01 UTC.
    pub(super) since: Option<i64>,
    /// The first moment that is not wanted any more.
    pub(super) until: Option<i64>,
}

impl Filter {
    /// Tells whether an entry is wanted. One without a time is not where times are asked for.
    pub(super) fn takes(&self, entry: &LogEntry<'_>) -> bool {
        let micros = entry.timestamp.map(Timestamp::micros);
        self.since.is_none_or(|since| micros.is_some_and(|micros| micros >= since))
            && self.until.is_none_or(|until| micros.is_some_and(|micros| micros < until))
            && self.conditions.iter().all(|condition| condition.holds(entry))
    }
}
