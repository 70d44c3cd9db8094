//! The heads of plans as XML and YAML. Their nodes stay text.

use std::borrow::Cow;

use crate::entry::Text;
use crate::event::plan::{Parts, json};

/// Reads the head of a plan in XML.
pub(super) fn xml(text: &str) -> Parts<'_> {
    Parts {
        query_text: element(text, "<Query-Text>", "</Query-Text>").map(unescaped),
        query_parameters: element(text, "<Query-Parameters>", "</Query-Parameters>").map(unescaped),
        query_identifier: element(text, "<Query-Identifier>", "</Query-Identifier>")
            .and_then(|number| number.parse().ok()),
    }
}

/// Finds an element's text. Text in XML has no `<` of its own, so no query can imitate one.
fn element<'x>(text: &'x str, start: &str, end: &str) -> Option<&'x str> {
    let (_, behind) = text.split_once(start)?;
    behind.split_once(end).map(|(inner, _)| inner)
}

fn unescaped(text: &str) -> Text<'_> {
    const ENTITIES: [(&str, char); 5] =
        [("lt;", '<'), ("gt;", '>'), ("amp;", '&'), ("quot;", '"'), ("#x0d;", '\r')];
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((clean, escaped)) = rest.split_once('&') {
        plain.push_str(clean);
        let entity = ENTITIES
            .iter()
            .find_map(|(name, meant)| escaped.strip_prefix(name).map(|behind| (*meant, behind)));
        let (meant, behind) = entity.unwrap_or(('&', escaped));
        plain.push(meant);
        rest = behind;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Reads the head of a plan in YAML, where the server writes texts as JSON strings, one on a line.
pub(super) fn yaml(text: &str) -> Parts<'_> {
    let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    Parts {
        query_text: line("Query Text: ").and_then(json::string),
        query_parameters: line("Query Parameters: ").and_then(json::string),
        query_identifier: line("Query Identifier: ").and_then(|number| number.parse().ok()),
    }
}
