//! The page's own query string: what the form shows and where links lead.

use crate::api::Params;

/// The parameters that say which entries panels count.
const SCOPE: [&str; 3] = ["project", "from", "to"];

/// Filters that are used seldom: name, label, example.
const MORE: [(&str, &str, &str); 7] = [
    ("database", "Database", "shop"),
    ("user", "User", "app"),
    ("pid", "Process", "4711"),
    ("state_code", "SQLSTATE", "40P01"),
    ("event", "Event", "lock.deadlock_detected"),
    ("correlation_id", "Correlation id", ""),
    ("to", "Until", "2026-01-28T09:41:00Z"),
];

/// Levels to choose from, as the least that is wanted.
const LEVELS: [(&str, &str); 6] = [
    ("", "All"),
    ("INFO", "INFO and above"),
    ("NOTICE", "NOTICE and above"),
    ("WARNING", "WARNING and above"),
    ("ERROR", "ERROR and above"),
    ("FATAL", "FATAL and above"),
];

/// Ranges of time to choose from.
const RANGES: [(&str, &str); 6] = [
    ("", "All"),
    ("-5m", "Last 5 minutes"),
    ("-1h", "Last hour"),
    ("-24h", "Last 24 hours"),
    ("-7d", "Last 7 days"),
    ("-30d", "Last 30 days"),
];

/// A query string that can be changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Params);

/// What the form shows.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) text: String,
    pub(super) min_duration_ms: String,
    pub(super) projects: Vec<Choice>,
    pub(super) levels: Vec<Choice>,
    pub(super) ranges: Vec<Choice>,
    pub(super) more: Vec<Field>,
    pub(super) has_more: bool,
    pub(super) is_filtered: bool,
}

/// An option of a list.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// A filter that is used seldom.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) example: &'static str,
    pub(super) value: String,
}

impl Query {
    /// Reads a query string.
    pub(super) fn parse(query: &str) -> Self {
        Self(Params::parse(query))
    }

    /// The parameters.
    pub(super) fn params(&self) -> Params {
        self.0.clone()
    }

    /// A parameter as it was given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// True if new entries can show up in the answer.
    pub(super) fn is_open_ended(&self) -> bool {
        self.get("to").is_none() && self.get("cursor").is_none()
    }

    /// True if anything is asked for in particular.
    pub(super) fn is_filtered(&self) -> bool {
        self.0.iter().next().is_some()
    }

    /// The same question with other or more parameters.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> String {
        link("/", self.0.iter().filter(|(name, _)| !is_changed(name, changes)), changes)
    }

    /// The same question to a part of the page.
    pub(super) fn part(&self, path: &str) -> String {
        link(path, self.0.iter(), &[])
    }

    /// The question which entries panels count, to a part of the page.
    pub(super) fn scope_part(&self, path: &str) -> String {
        link(path, self.scope(), &[])
    }

    /// A question about the same project and time.
    pub(super) fn only_scope_and(&self, changes: &[(&str, &str)]) -> String {
        link("/", self.scope(), changes)
    }

    /// A question about the same project.
    pub(super) fn only_project_and(&self, changes: &[(&str, &str)]) -> String {
        link("/", self.0.iter().filter(|(name, _)| *name == "project"), changes)
    }

    fn scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(name, _)| SCOPE.contains(name))
    }

    /// What the form shows, with these projects to choose from.
    pub(super) fn form<'a>(&self, projects: impl Iterator<Item = &'a str>) -> Form {
        let value = |name| self.get(name).unwrap_or_default().to_owned();
        let projects = std::iter::once(("", "All")).chain(projects.map(|name| (name, name)));
        Form {
            text: value("text"),
            min_duration_ms: value("min_duration_ms"),
            projects: choices(projects, self.get("project")),
            levels: choices(LEVELS.into_iter(), self.get("level")),
            ranges: choices(RANGES.into_iter(), self.get("from")),
            more: MORE
                .map(|(name, label, example)| Field { name, label, example, value: value(name) })
                .into(),
            has_more: MORE.iter().any(|(name, ..)| self.get(name).is_some()),
            is_filtered: self.is_filtered(),
        }
    }
}

/// A list of options with one chosen; what is chosen is in it, even if nobody offered it.
fn choices<'a>(
    offered: impl Iterator<Item = (&'a str, &'a str)>,
    chosen: Option<&str>,
) -> Vec<Choice> {
    let chosen = chosen.unwrap_or_default();
    let mut choices = offered
        .map(|(value, label)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            is_chosen: value == chosen,
        })
        .collect::<Vec<_>>();
    if !choices.iter().any(|choice| choice.is_chosen) {
        let (value, label) = (chosen.to_owned(), chosen.to_owned());
        choices.push(Choice { value, label, is_chosen: true });
    }
    choices
}

/// A range of time that begins with `from`, as part of a sentence.
pub(super) fn range_in_words(from: &str) -> String {
    let offered = RANGES.iter().find(|(value, _)| *value == from);
    match (offered, from.strip_prefix('-')) {
        (Some((_, label)), _) => format!("in the {}", label.to_lowercase()),
        (None, Some(ago)) => format!("in the last {ago}"),
        (None, None) => format!("since {from}"),
    }
}

fn is_changed(name: &str, changes: &[(&str, &str)]) -> bool {
    changes.iter().any(|(changed, _)| *changed == name)
}

fn link<'a>(
    path: &str,
    kept: impl Iterator<Item = (&'a str, &'a str)>,
    changes: &[(&str, &str)],
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let changes = changes.iter().filter(|(_, value)| !value.is_empty());
    query.extend_pairs(kept).extend_pairs(changes);
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_they_should() {
        let query = Query::parse("project=a+b&from=-1h&text=x%26y&cursor=1.2&level=");
        assert_eq!(
            query.with(&[("cursor", "3.4")]),
            "/?project=a+b&from=-1h&text=x%26y&cursor=3.4"
        );
        assert_eq!(query.only_scope_and(&[("text", "")]), "/?project=a+b&from=-1h");
        assert_eq!(query.only_project_and(&[("from", "-5m")]), "/?project=a+b&from=-5m");
        assert_eq!(Query::default().part("/parts/entries"), "/parts/entries");
    }

    #[test]
    fn the_form_shows_a_choice_that_nobody_offered() {
        let form = Query::parse("from=-2h&level=LOG,PANIC&pid=7").form(["shop"].into_iter());
        let chosen = |choices: &[Choice]| {
            choices.iter().find(|choice| choice.is_chosen).map(|choice| choice.label.clone())
        };
        assert_eq!(chosen(&form.ranges).as_deref(), Some("-2h"));
        assert_eq!(chosen(&form.levels).as_deref(), Some("LOG,PANIC"));
        assert_eq!(chosen(&form.projects).as_deref(), Some("All"));
        assert!(form.has_more && form.is_filtered);
    }
}
