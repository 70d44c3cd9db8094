//! How unlikely a template is.

use crate::{
    language,
    prefix::{Escape, words},
};

/// A column costs something, so that fewer of them are better.
pub(super) const COLUMN: f64 = 0.02;

/// A column without a form of its own.
pub(super) const TEXT_COLUMN: f64 = 0.1;

/// A text that is the same in every line is rather a literal.
pub(super) const CONSTANT_TEXT: f64 = 0.3;

/// Blanks are rather padding than names that are not there.
pub(super) const EMPTY_TEXT: f64 = 0.6;

/// Returns how unlikely it is that a prefix does not fit some of the lines with a label.
pub(in crate::prefix::infer) fn cost_of_dropped(dropped: usize, lines: usize) -> f64 {
    share(dropped, lines) * 20.0
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    let narrow = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    narrow(part) / narrow(whole).max(1.0)
}

/// Returns how much the values of a column look like more than one value each, from 0 to 2.
pub(in crate::prefix::infer) fn uncleanness<'v>(values: impl Iterator<Item = &'v str>) -> f64 {
    let (mut count, mut odd) = (0, 0.0);
    for value in values.filter(|value| !value.is_empty() && !language::is_unknown(value)) {
        count += 1;
        odd += oddness(value);
    }
    if count == 0 { 0.0 } else { odd / f64::from(count) }
}

fn oddness(value: &str) -> f64 {
    let is_own = |escape| words::length(escape, value.as_bytes()) == Some(value.len());
    if is_own(Escape::Ps) || is_own(Escape::BackendType) {
        return 0.0;
    }
    let weight = |c: char| match c {
        '=' | '|' | ',' | '@' | '<' | '>' | ';' | '%' | '#' => 1.0,
        '[' | ']' | '(' | ')' | '"' | ':' => 0.5,
        ' ' | '/' => 0.2,
        _ => 0.0,
    };
    let marks: f64 = value.chars().map(weight).sum();
    let of_session = if ends_in_session_start(value) { 1.0 } else { 0.0 };
    (marks + of_session).min(2.0)
}

/// Tells whether the last of several words looks like the first half of a session's id.
fn ends_in_session_start(value: &str) -> bool {
    value.rsplit_once(' ').is_some_and(|(_, last)| {
        last.len() == 8 && last.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}
