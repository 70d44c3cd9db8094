//! Plans that `auto_explain` logs, in its four formats.

mod json;
mod markup;

use std::{borrow::Cow, time::Duration};

use crate::entry::{Plan, Text};
use crate::event::{Event, Meaning, parameters};
use crate::find::{has, rsplit_once};

/// What stands in a plan beside its nodes.
#[derive(Debug, Default)]
struct Parts<'x> {
    query_text: Option<Text<'x>>,
    /// PostgreSQL 16 and later.
    query_parameters: Option<Text<'x>>,
    /// With `auto_explain.log_verbose`.
    query_identifier: Option<i64>,
}

/// Reads what stands behind `plan:`. A plan that was cut is text, whatever it was.
pub(super) fn read(text: &str, duration: Duration, is_cut: bool) -> Meaning<'_> {
    let (format, plan, parts) = match text.as_bytes().first() {
        Some(b'{') => match json::read(text) {
            Some((compact, parts)) => ("json", Plan::Json(Cow::Owned(compact)), parts),
            None => ("json", whole(text), Parts::default()),
        },
        Some(b'<') => ("xml", whole(text), markup::xml(text)),
        _ if text.starts_with("Query Text: \"") => ("yaml", whole(text), markup::yaml(text)),
        _ => {
            let (plan, parts) = plain(text, is_cut);
            ("text", plan, parts)
        }
    };
    let event = if format == "text" { Event::StatementAutoExplain } else { Event::StatementPlan };
    let mut meaning =
        Meaning { event: Some(event), duration: Some(duration), ..Meaning::default() };
    meaning.fields.push("format", format);
    meaning.statement = parts.query_text;
    meaning.query_id = parts.query_identifier;
    meaning.plan = Some(plan);
    match parts.query_parameters {
        Some(Cow::Borrowed(list)) => {
            if let Some(parameters) = parameters::alone(list) {
                parameters.give_to(&mut meaning.fields, &mut meaning.parameters);
            }
        }
        Some(Cow::Owned(list)) => {
            if let Some(parameters) = parameters::alone(&list) {
                let parameters = parameters.into_owned();
                parameters.give_to(&mut meaning.fields, &mut meaning.parameters);
            }
        }
        None => {}
    }
    meaning
}

const fn whole(text: &str) -> Plan<'_> {
    Plan::Text(Cow::Borrowed(text))
}

/// Splits a plan in text format into the query, and the plan without it.
fn plain(text: &str, is_cut: bool) -> (Plan<'_>, Parts<'_>) {
    let Some(behind) = text.strip_prefix("Query Text: ") else {
        return (whole(text), Parts::default());
    };
    let Some(root) = root_node(behind) else {
        let query_text = is_cut.then_some(Cow::Borrowed(behind));
        return (whole(text), Parts { query_text, ..Parts::default() });
    };
    let (head, plan) = behind.split_at_checked(root).unwrap_or((behind, ""));
    let head = head.strip_suffix('\n').unwrap_or(head);
    let (query, list) = match rsplit_once(head, "\nQuery Parameters: ") {
        Some((query, list)) => (query, Some(Cow::Borrowed(list))),
        None => (head, None),
    };
    let identifier = rsplit_once(plan, "\nQuery Identifier: ").map(|(_, number)| number);
    let parts = Parts {
        query_text: Some(Cow::Borrowed(query)),
        query_parameters: list,
        query_identifier: identifier
            .and_then(|number| number.lines().next()?.trim_end().parse().ok()),
    };
    (Plan::Text(Cow::Borrowed(plan)), parts)
}

/// Finds the plan's root: the last line that is not indented and has costs. Lines of the query before it
/// may look like one; the nodes behind it are indented. The first line is the query's.
fn root_node(text: &str) -> Option<usize> {
    let mut end = text.len();
    loop {
        let start = memchr::memrchr(b'\n', text.as_bytes().get(..end)?)? + 1;
        let line = text.get(start..end)?;
        let is_indented = line.as_bytes().first().is_none_or(u8::is_ascii_whitespace);
        if !is_indented && has(line, "  (cost=") {
            return Some(start);
        }
        end = start - 1;
    }
}

#[cfg(test)]
mod tests;
