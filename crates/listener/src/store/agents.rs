//! The agents that were heard of.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::store::{Error, Store, time_of};

/// The most agents that are listed.
const MAX_AGENTS: i64 = 1_000;

/// An agent and what it last said of itself.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// Whose key it uses.
    pub project: String,
    /// Its name.
    pub agent: String,
    /// When a request of it last arrived.
    pub last_seen: Timestamp,
    /// Its [`wire::AgentHealth`] as it came; `None` for an agent that sends logs only.
    pub health: Option<String>,
}

impl Store {
    /// Returns the agents of `project`, or all, in the order of their names.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agents(&self, project: Option<String>) -> Result<Vec<AgentRow>, Error> {
        self.readers.ask(move |connection| agents(connection, project.as_deref())).await
    }
}

fn agents(connection: &Connection, project: Option<&str>) -> rusqlite::Result<Vec<AgentRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT project, agent, last_seen, health FROM agents
         WHERE ?1 IS NULL OR project = ?1 ORDER BY project, agent LIMIT ?2",
    )?;
    let rows = statement.query_map(rusqlite::params![project, MAX_AGENTS], |row| {
        Ok(AgentRow {
            project: row.get(0)?,
            agent: row.get(1)?,
            last_seen: time_of(row.get(2)?),
            health: row.get(3)?,
        })
    })?;
    rows.collect()
}
