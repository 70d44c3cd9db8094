//! The page for a browser: entries as they come, what fails, what is slow, who sends.
//!
//! Everything is written by the server and can be read without a script. The script fetches the same
//! parts again, by the addresses that stand in the page.

mod assets;
mod entries;
mod panels;
mod query;
mod text;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{App, EntryQuery, Refused, rows::Agent, scope},
    store::{EntryFilter, Scope, StatementOrder},
};

use entries::Entries;
use panels::{Agents, Errors, Statements};
use query::{Form, Query};

/// How many entries a page shows.
const ENTRIES: usize = 60;

/// How many groups a panel shows.
const GROUPS: usize = 8;

/// How far panels count back from the newest entry where no time is chosen.
const DEFAULT_SCOPE: SignedDuration = SignedDuration::from_hours(24);

/// The routes for a browser.
pub(crate) fn pages() -> Router<Arc<App>> {
    Router::new().route("/", get(page)).route("/parts/{name}", get(part))
}

/// The files that pages refer to; they tell nothing and need no key.
pub(crate) fn assets() -> Router<Arc<App>> {
    Router::new()
        .route("/style.css", get(assets::style))
        .route("/live.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    form: Form,
    problem: Option<String>,
    is_live: bool,
    refresh_href: String,
    sources: Sources,
    entries: String,
    errors: String,
    statements: String,
    agents: String,
}

/// Stands where a panel should be.
#[derive(Template)]
#[template(source = r#"<p class="none">{{ text }}.</p>"#, ext = "html")]
struct Note {
    text: String,
}

/// Where the script gets each part.
struct Sources {
    entries: Option<String>,
    errors: String,
    statements: String,
    agents: String,
}

/// What a browser asks for.
struct View<'a> {
    app: &'a App,
    query: Query,
    host: String,
    now: Timestamp,
}

type Part = Result<String, Refused>;

async fn page(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let view = View::new(&app, query, &headers);
    let (entries, errors, statements, agents) =
        tokio::join!(view.entries(), view.errors(), view.statements(), view.agents());
    let [errors, statements, agents] = [errors, statements, agents].map(or_note);
    let parts = [&entries, &errors, &statements, &agents];
    let refused = parts.into_iter().find_map(|part| part.as_ref().err());
    let status = refused.map_or(StatusCode::OK, Refused::status);
    let problem = refused.map(Refused::reason);
    let is_live = problem.is_none() && view.query.is_open_ended();
    let page = Page {
        title: view.title(),
        form: view.query.form(app.projects()),
        is_live,
        refresh_href: view.query.with(&[("cursor", "")]),
        sources: Sources {
            entries: is_live.then(|| view.query.part("/parts/entries")),
            errors: view.query.scope_part("/parts/errors"),
            statements: view.query.scope_part("/parts/statements"),
            agents: view.query.scope_part("/parts/agents"),
        },
        problem,
        entries: entries.unwrap_or_default(),
        errors: errors.unwrap_or_default(),
        statements: statements.unwrap_or_default(),
        agents: agents.unwrap_or_default(),
    };
    (status, Html(render(&page))).into_response()
}

/// `GET /parts/{name}`: one part of the page, as the page has it.
async fn part(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Html<String>, Refused> {
    let view = View::new(&app, query, &headers);
    let part = match name.as_str() {
        "entries" => view.entries().await,
        "errors" => or_note(view.errors().await),
        "statements" => or_note(view.statements().await),
        "agents" => or_note(view.agents().await),
        _ => Err(Refused::not_found(format!("The page has no part {name}"))),
    };
    part.map(Html)
}

impl<'a> View<'a> {
    fn new(app: &'a App, query: Option<String>, headers: &HeaderMap) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        Self {
            app,
            query: Query::parse(&query.unwrap_or_default()),
            host: host.unwrap_or("localhost").to_owned(),
            now: (app.clock)(),
        }
    }

    fn title(&self) -> String {
        match self.query.get("project") {
            Some(project) => format!("{project} · pgcourier"),
            None => "pgcourier".to_owned(),
        }
    }

    async fn entries(&self) -> Part {
        let EntryQuery { filter, cursor, limit } = EntryQuery::read(self.query.params(), self.now)?;
        let limit = if self.query.get("limit").is_some() { limit } else { ENTRIES };
        let page = self.app.store.entries(filter, cursor, limit).await?;
        let entries = if page.entries.is_empty() && !self.query.is_filtered() {
            Entries::none_yet(&self.host, self.app.projects().next().unwrap_or("default"))
        } else {
            Entries::new(page, &self.query, self.now)
        };
        Ok(render(&entries))
    }

    async fn errors(&self) -> Part {
        let groups = self.app.store.errors(self.scope().await?, GROUPS).await?;
        let errors = groups.into_iter().map(Into::into).collect();
        Ok(render(&Errors::new(errors, &self.query, self.when(), self.now)))
    }

    async fn statements(&self) -> Part {
        let scope = self.scope().await?;
        let order = StatementOrder::default();
        let groups = self.app.store.slowest_statements(scope, order, GROUPS).await?;
        let statements = groups.into_iter().map(Into::into).collect();
        Ok(render(&Statements::new(statements, &self.query, self.when())))
    }

    async fn agents(&self) -> Part {
        let project = self.query.get("project").map(str::to_owned);
        let rows = self.app.store.agents(project).await?;
        let agents = rows.into_iter().map(|row| Agent::new(row, self.now)).collect();
        Ok(render(&Agents::new(agents, self.now)))
    }

    /// What panels count: what was chosen, else the day that ends with the newest entry. A log that is
    /// read in later is as old as it is.
    async fn scope(&self) -> Result<Scope, Refused> {
        let scope = scope(&mut self.query.params(), self.now)?;
        if scope.from.is_some() {
            return Ok(scope);
        }
        let newest =
            EntryFilter { project: scope.project.clone(), to: scope.to, ..EntryFilter::default() };
        let newest = self.app.store.entries(newest, None, 1).await?.entries;
        let newest = newest.first().map_or(self.now, |entry| entry.timestamp);
        Ok(Scope { from: newest.checked_sub(DEFAULT_SCOPE).ok(), ..scope })
    }

    /// Says in words what panels count.
    fn when(&self) -> String {
        match self.query.get("from") {
            None => "in the last 24 hours of the log".to_owned(),
            Some(from) => query::range_in_words(from),
        }
    }
}

/// Puts a note in place of a panel that the database did not answer in time: the others are of use.
fn or_note(part: Part) -> Part {
    match part {
        Err(refused) if refused.status() == StatusCode::SERVICE_UNAVAILABLE => {
            Ok(render(&Note { text: refused.reason() }))
        }
        part => part,
    }
}

/// Writes a template. It can only fail where a value's own text fails, and none here does.
fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page cannot be written");
        String::new()
    })
}
