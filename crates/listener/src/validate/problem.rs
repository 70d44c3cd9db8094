//! What is wrong with a body, where, and what to do about it.

use std::fmt;

use serde::Deserialize;

/// How much of a wrong value is repeated to the sender, in characters.
const MAX_SHOWN_CHARS: usize = 160;

/// A body that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// One sentence for all problems of a kind.
    pub message: &'static str,
    /// Where it is wrong and what to do, one line each.
    pub details: Vec<String>,
}

impl Invalid {
    /// The body is not JSON.
    pub(super) fn json(problem: impl fmt::Display) -> Self {
        Self { message: "Invalid JSON payload", details: vec![format!("the body is {problem}")] }
    }

    /// The body is JSON, but not what it should be at `place`.
    pub(super) fn at(place: &str, problem: impl fmt::Display) -> Self {
        let detail = format!("{place}: {}", cut(problem.to_string()));
        Self { message: "Payload validation failed", details: vec![detail] }
    }

    /// Adds what the sender can do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.details.push(format!("hint: {}", hint.into()));
        self
    }
}

/// Reads a JSON object at `place`; the empty place is the body itself.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(
    json: &'a str,
    place: &str,
) -> Result<T, Invalid> {
    expect_object(json, place)?;
    serde_json::from_str(json).map_err(|_| locate::<T>(json, place))
}

/// Refuses JSON that is something else than an object. A struct can be read from an array as well.
pub(super) fn expect_object(json: &str, place: &str) -> Result<(), Invalid> {
    if json.trim_start().starts_with('{') {
        return Ok(());
    }
    let whole = if place.is_empty() { "the body" } else { place };
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return Err(Invalid::json("not JSON"));
    }
    Err(Invalid::at(whole, format_args!("expected an object, found {}", json.trim()))
        .hint(format!("put {{ and }} around the keys of {whole}")))
}

/// Reads `json` once more, slower, to learn where it is wrong.
fn locate<'a, T: Deserialize<'a>>(json: &'a str, place: &str) -> Invalid {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => return Invalid::json("followed by something else"),
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    if error.is_syntax() || error.is_eof() {
        return Invalid::json(format_args!("not JSON: {error}"));
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let place = match (place, path.as_str()) {
        ("", ".") => "the body".to_owned(),
        ("", path) => path.to_owned(),
        (place, ".") => place.to_owned(),
        (place, path) if path.starts_with('[') => format!("{place}{path}"),
        (place, path) => format!("{place}.{path}"),
    };
    let invalid = Invalid::at(&place, in_plain_words(text));
    let hint = hint_for(&place);
    invalid.hint(hint)
}

/// Says in the words of JSON what serde says in those of Rust.
fn in_plain_words(problem: &str) -> String {
    let problem = problem.replace(['`'], "");
    let wrong = problem.strip_prefix("invalid type: ").or(problem.strip_prefix("invalid value: "));
    let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) else {
        return problem;
    };
    let expected = match expected {
        "f32" | "f64" => "a number",
        "i64" => "a whole number",
        "u32" | "u64" => "a whole number from 0 on",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("a UUID") => "a UUID",
        other => other,
    };
    format!("expected {expected}, found {}", cut(found.to_owned()))
}

fn hint_for(place: &str) -> &'static str {
    match place {
        "project" => "the project's name, 1 to 50 characters",
        "timestamp" => "seconds since 1970-01-01 UTC, such as 1769593263.123",
        "source" => "one name of those listed; an older listener may know fewer",
        "data.batch.id" => "a batch id is a UUID such as 0198c5d2-7a0e-7cc3-98c4-dc0c0c07398f",
        place if place.starts_with("data.entries[") => {
            "leave the key out of the entry, or send its value in the type that is expected"
        }
        place if place.starts_with("data.entries") => "send fewer entries in one request",
        _ => "compare the body with the payload format in the documentation",
    }
}

/// Shortens what a sender would not want to read again.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}
