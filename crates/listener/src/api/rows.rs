//! What reads answer, in JSON and on the pages alike.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::AgentHealth;

use crate::{
    store::{AgentRow, EntryPage, EntryRow, ErrorGroup, StatementGroup},
    validate::{Text, message_pattern, statement_pattern},
};

/// How long an agent may say nothing before it is shown as silent.
const SILENT_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// `GET /api/entries`: a page of entries, newest first.
#[derive(Debug, Serialize)]
pub struct EntryList {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The `cursor` of the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// One log entry and where it comes from.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Names the entry: `GET /api/entries/{id}`.
    pub id: i64,
    /// The project that it belongs to.
    pub project: String,
    /// The agent that sent it; `null` where the agent is older than batch ids.
    pub agent: Option<String>,
    /// The log file on the agent's machine.
    pub file: Option<String>,
    /// The time that it is sorted by: its own, or that of the request where it has none.
    pub timestamp: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The entry as it came.
    pub entry: Box<RawValue>,
}

/// `GET /api/statements/slowest`: statements that were logged with their duration.
#[derive(Debug, Serialize)]
pub struct StatementList {
    /// The slowest first.
    pub statements: Vec<Statement>,
}

/// Runs of one statement with different values.
#[derive(Debug, Serialize)]
pub struct Statement {
    /// The statement, with `?` for its values.
    pub statement: String,
    /// How many runs were logged.
    pub calls: i64,
    /// How long they took together.
    pub total_ms: f64,
    /// How long they took on average.
    pub mean_ms: f64,
    /// How long the slowest took.
    pub max_ms: f64,
    /// The entry of the slowest.
    pub slowest_id: i64,
    /// When that was logged.
    pub slowest_timestamp: Timestamp,
    /// The project of the slowest.
    pub project: String,
}

/// `GET /api/errors`: entries of level ERROR, FATAL and PANIC.
#[derive(Debug, Serialize)]
pub struct ErrorList {
    /// The most frequent first.
    pub errors: Vec<ErrorKind>,
}

/// Errors that differ only in values.
#[derive(Debug, Serialize)]
pub struct ErrorKind {
    /// The message, with `…` for its values.
    pub message: String,
    /// How severe the latest was.
    pub level: Option<&'static str>,
    /// SQLSTATE of the latest; `null` where the log does not have it.
    pub state_code: Option<String>,
    /// How many there were.
    pub count: i64,
    /// When the first was logged.
    pub first_timestamp: Timestamp,
    /// When the last was logged.
    pub last_timestamp: Timestamp,
    /// The entry that arrived last.
    pub latest_id: i64,
    /// Its project.
    pub project: String,
}

/// `GET /api/agents`: every agent that was heard of in the last two weeks.
#[derive(Debug, Serialize)]
pub struct AgentList {
    /// In the order of their projects and names.
    pub agents: Vec<Agent>,
}

/// An agent and what it last said of itself.
#[derive(Debug, Serialize)]
pub struct Agent {
    /// The project whose key it uses.
    pub project: String,
    /// Its name.
    pub agent: String,
    /// When a request of it last arrived.
    pub last_seen: Timestamp,
    /// True if that was more than a minute ago.
    pub is_silent: bool,
    /// Bytes of its files that it has not read yet.
    pub lag_bytes: Option<u64>,
    /// Entries that it had to give up, for whatever reason; the ledger has the reasons.
    pub lost_total: Option<u64>,
    /// Its own account; `null` for an agent that sends only logs.
    pub health: Option<AgentHealth>,
}

/// The keys of an entry that groups are named by.
#[derive(Deserialize, Default)]
struct Named<'a> {
    #[serde(borrow)]
    message: Option<Text<'a>>,
    statement: Option<Text<'a>>,
    state_code: Option<Text<'a>>,
}

impl From<EntryPage> for EntryList {
    fn from(page: EntryPage) -> Self {
        Self {
            entries: page.entries.into_iter().map(Entry::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            project: row.project,
            agent: row.agent,
            file: row.file,
            timestamp: row.timestamp,
            received_at: row.received_at,
            // It was JSON when it was stored; anything else can only be a damaged file.
            entry: RawValue::from_string(row.json).unwrap_or_default(),
        }
    }
}

impl From<StatementGroup> for Statement {
    fn from(group: StatementGroup) -> Self {
        let named: Named<'_> = serde_json::from_str(&group.slowest.json).unwrap_or_default();
        let text = named.statement.or(named.message).unwrap_or_default();
        Self {
            statement: statement_pattern(&text),
            calls: group.calls,
            total_ms: as_ms(group.total_us),
            mean_ms: as_ms(group.total_us) / as_ms(group.calls.max(1)) / 1e3,
            max_ms: as_ms(group.max_us),
            slowest_id: group.slowest.id,
            slowest_timestamp: group.slowest.timestamp,
            project: group.slowest.project,
        }
    }
}

impl From<ErrorGroup> for ErrorKind {
    fn from(group: ErrorGroup) -> Self {
        let named: Named<'_> = serde_json::from_str(&group.latest.json).unwrap_or_default();
        Self {
            message: message_pattern(&named.message.unwrap_or_default()),
            level: group.latest.level.map(crate::validate::Level::as_str),
            state_code: named.state_code.map(|code| code.to_string()),
            count: group.count,
            first_timestamp: group.first_timestamp,
            last_timestamp: group.last_timestamp,
            latest_id: group.latest.id,
            project: group.latest.project,
        }
    }
}

impl Agent {
    /// Looks at an agent at `now`.
    pub(crate) fn new(row: AgentRow, now: Timestamp) -> Self {
        // An account that a later version cannot read is as good as none.
        let health = row.health.as_deref();
        let health = health.and_then(|json| serde_json::from_str::<AgentHealth>(json).ok());
        let lag = |health: &AgentHealth| health.files.iter().map(|file| file.lag_bytes).sum();
        Self {
            project: row.project,
            agent: row.agent,
            last_seen: row.last_seen,
            is_silent: now.duration_since(row.last_seen) > SILENT_AFTER,
            lag_bytes: health.as_ref().map(lag),
            lost_total: health.as_ref().map(|health| health.ledger.lost_total()),
            health,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration of 2^53 µs is 285 years")]
fn as_ms(us: i64) -> f64 {
    us as f64 / 1e3
}
