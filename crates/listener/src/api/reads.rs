//! Answers questions in JSON.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{
        App, BadParam, EntryQuery, Params, Refused,
        refused::json,
        rows::{Agent, AgentList, Entry, EntryList, ErrorList, StatementList},
        scope,
    },
    store::{Scope, StatementOrder},
};

/// How far back groups reach without `from`.
const DEFAULT_SCOPE: SignedDuration = SignedDuration::from_hours(24);

type Answer = Result<Response, Refused>;

/// `GET /api/entries`.
pub(super) async fn entries(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(&query.unwrap_or_default());
    let query = EntryQuery::read(params, (app.clock)())?;
    let page = app.store.entries(query.filter, query.cursor, query.limit).await?;
    Ok(json(&EntryList::from(page)))
}

/// `GET /api/entries/{id}`.
pub(super) async fn entry(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let unknown = || Refused::not_found(format!("There is no entry {id}, or it was deleted"));
    let row = app.store.entry(id.parse().map_err(|_| unknown())?).await?;
    Ok(json(&Entry::from(row.ok_or_else(unknown)?)))
}

/// `GET /api/statements/slowest`.
pub(super) async fn slowest_statements(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Answer {
    let orders = [
        ("max", StatementOrder::Max),
        ("total", StatementOrder::Total),
        ("mean", StatementOrder::Mean),
    ];
    let mut params = Params::parse(&query.unwrap_or_default());
    let order = params.take_word("by", &orders)?.unwrap_or_default();
    let (scope, limit) = scope_and_limit(params, (app.clock)())?;
    let groups = app.store.slowest_statements(scope, order, limit).await?;
    Ok(json(&StatementList { statements: groups.into_iter().map(Into::into).collect() }))
}

/// `GET /api/errors`.
pub(super) async fn errors(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(&query.unwrap_or_default());
    let (scope, limit) = scope_and_limit(params, (app.clock)())?;
    let groups = app.store.errors(scope, limit).await?;
    Ok(json(&ErrorList { errors: groups.into_iter().map(Into::into).collect() }))
}

/// `GET /api/agents`.
pub(super) async fn agents(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let now = (app.clock)();
    let mut params = Params::parse(&query.unwrap_or_default());
    let project = params.take("project")?;
    params.finish()?;
    let rows = app.store.agents(project).await?;
    Ok(json(&AgentList { agents: rows.into_iter().map(|row| Agent::new(row, now)).collect() }))
}

fn scope_and_limit(mut params: Params, now: Timestamp) -> Result<(Scope, usize), BadParam> {
    let scope = scope(&mut params, now)?;
    let limit = params.take_limit()?;
    params.finish()?;
    let from = scope.from.or_else(|| now.checked_sub(DEFAULT_SCOPE).ok());
    Ok((Scope { from, ..scope }, limit))
}
