//! The panels beside the list: errors, slowest statements, agents.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use wire::{AgentHealth, BreakerState, Ledger};

use crate::{
    api::rows::{Agent, ErrorKind, Statement},
    ui::{
        entries::level_class,
        query::Query,
        text::{self, Moment, bytes, count, headline, printable, shifted},
    },
    validate::Level,
};

/// How much of a message or statement a panel shows, in characters.
const MAX_CHARS: usize = 200;

/// How much of a statement is shown when it is opened, in characters.
const MAX_FULL_CHARS: usize = 4_000;

/// The errors.
#[derive(Template)]
#[template(path = "errors.html")]
pub(super) struct Errors {
    /// The errors.
    errors: Vec<ErrorRow>,
    when: String,
}

struct ErrorRow {
    count: String,
    message: String,
    level: &'static str,
    level_class: &'static str,
    state_code: Option<String>,
    last: Moment,
    href: String,
}

/// The slowest statements.
#[derive(Template)]
#[template(path = "statements.html")]
pub(super) struct Statements {
    statements: Vec<StatementRow>,
    when: String,
}

struct StatementRow {
    headline: String,
    full: String,
    calls: String,
    max: String,
    mean: String,
    total: String,
    duration_class: &'static str,
    href: String,
}

/// The agents.
#[derive(Template)]
#[template(path = "agents.html")]
pub(super) struct Agents {
    agents: Vec<AgentRow>,
}

struct AgentRow {
    name: String,
    state: &'static str,
    state_class: &'static str,
    seen: Moment,
    facts: Vec<Fact>,
}

/// Something that an agent said of itself.
struct Fact {
    text: String,
    is_bad: bool,
}

impl Errors {
    /// Shows groups of errors, which were counted over `when`.
    pub(super) fn new(errors: Vec<ErrorKind>, query: &Query, when: String, now: Timestamp) -> Self {
        let errors = errors.into_iter().map(|error| ErrorRow::new(error, query, now)).collect();
        Self { errors, when }
    }
}

impl ErrorRow {
    fn new(error: ErrorKind, query: &Query, now: Timestamp) -> Self {
        let level = error.level.and_then(Level::from_word);
        Self {
            count: count(error.count.unsigned_abs()),
            href: query.only_scope_and(&[("level", "ERROR"), ("text", fragment(&error.message))]),
            message: headline(&error.message, MAX_CHARS),
            level: level.map_or("ERROR", Level::as_str),
            level_class: level.map_or("error", level_class),
            state_code: error.state_code.map(|code| headline(&code, 8)),
            last: Moment::new(error.last_timestamp, now),
        }
    }
}

/// The longest part of a pattern that has no value in it: what to search for.
fn fragment(pattern: &str) -> &str {
    let parts = pattern.split(['…', '\n']).map(|part| part.trim_matches(['"', '\'', ' ']));
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

impl Statements {
    /// Shows groups of statements, which were counted over `when`.
    pub(super) fn new(statements: Vec<Statement>, query: &Query, when: String) -> Self {
        let row = |statement| StatementRow::new(&statement, query);
        Self { statements: statements.into_iter().map(row).collect(), when }
    }
}

impl StatementRow {
    fn new(statement: &Statement, query: &Query) -> Self {
        let second = SignedDuration::from_secs(1);
        let from = shifted(statement.slowest_timestamp, -second);
        let to = shifted(statement.slowest_timestamp, second);
        let least = statement.max_ms.to_string();
        let runs = if statement.calls == 1 { "run" } else { "runs" };
        Self {
            headline: headline(&statement.statement, MAX_CHARS),
            full: printable(&statement.statement, MAX_FULL_CHARS).0,
            calls: format!("{} {runs}", count(statement.calls.unsigned_abs())),
            max: text::duration(statement.max_ms),
            mean: text::duration(statement.mean_ms),
            total: text::duration(statement.total_ms),
            duration_class: text::duration_class(statement.max_ms),
            href: query.only_project_and(&[
                ("from", &from),
                ("to", &to),
                ("min_duration_ms", &least),
            ]),
        }
    }
}

impl Agents {
    /// Shows agents as they are at `now`.
    pub(super) fn new(agents: Vec<Agent>, now: Timestamp) -> Self {
        Self { agents: agents.into_iter().map(|agent| AgentRow::new(agent, now)).collect() }
    }
}

impl AgentRow {
    fn new(agent: Agent, now: Timestamp) -> Self {
        let breaker = agent.health.as_ref().map(|health| health.breaker.state);
        let (state, state_class) = match breaker {
            _ if agent.is_silent => ("silent", "silent"),
            Some(BreakerState::Open) => ("breaker open", "broken"),
            Some(BreakerState::HalfOpen) => ("trying again", "silent"),
            Some(BreakerState::Closed) | None => ("well", "well"),
        };
        let mut facts = vec![Fact::good(agent.project)];
        if let Some(health) = &agent.health {
            facts.extend(Fact::all(health, agent.lag_bytes.unwrap_or_default()));
        }
        Self {
            name: headline(&agent.agent, 80),
            state,
            state_class,
            seen: Moment::new(agent.last_seen, now),
            facts,
        }
    }
}

impl Fact {
    fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_bad: false }
    }

    fn all(health: &AgentHealth, lag_bytes: u64) -> Vec<Self> {
        let AgentHealth { breaker, buffer, ledger, .. } = health;
        let mut facts = vec![Self {
            text: match (breaker.state, breaker.consecutive_failures) {
                (BreakerState::Closed, 0) => "breaker closed".to_owned(),
                (state, failures) => {
                    let state = state.as_str().replace('_', " ");
                    format!("breaker {state}, {} failures in a row", count(failures.into()))
                }
            },
            is_bad: breaker.state != BreakerState::Closed,
        }];
        facts.push(Self::good(match buffer.batches {
            0 => "buffer empty".to_owned(),
            batches => {
                let [used, max] = [buffer.used_bytes, buffer.max_bytes].map(bytes);
                let many = if batches == 1 { "batch" } else { "batches" };
                format!("buffer {} {many}, {used} of {max}", count(batches))
            }
        }));
        facts.push(Self::good(format!("{} unread", bytes(lag_bytes))));
        if ledger.dead_lettered > 0 {
            let text = format!("{} refused", count(ledger.dead_lettered));
            facts.push(Self { text, is_bad: true });
        }
        facts.push(Self::lost(ledger));
        facts.push(Self::good(format!("{} delivered", count(ledger.delivered))));
        facts.push(Self::good(format!("version {}", headline(&health.version, 20))));
        facts
    }

    fn lost(ledger: &Ledger) -> Self {
        let reasons = ledger.lost.iter().filter(|(_, entries)| **entries > 0);
        let reasons = reasons.map(|(reason, _)| headline(reason, 40)).collect::<Vec<_>>();
        match ledger.lost_total() {
            0 => Self::good("none lost"),
            lost => Self {
                text: format!("{} lost ({})", count(lost), reasons.join(", ")),
                is_bad: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_searches_for_the_part_of_a_message_that_is_always_there() {
        let pattern = r#"duplicate key value violates unique constraint "users_pkey""#;
        assert_eq!(fragment(pattern), pattern.trim_matches('"'));
        assert_eq!(
            fragment("process … still waiting for ShareLock on …"),
            "still waiting for ShareLock on"
        );
        assert_eq!(fragment("…"), "");
    }
}
