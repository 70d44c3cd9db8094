//! One `FIELD OPERATOR VALUE`.

use std::cmp::Ordering;

use pglog::{Event, Level, LogEntry, Phase};

use crate::{
    command::parse::filter::field::{Field, Found, Kind},
    nearest::nearest,
};

/// Compares a field with a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::command::parse) struct Comparison {
    field: Field,
    operator: Operator,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The text is somewhere in it, in any case.
    Contains,
    Lacks,
}

/// The longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 11] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::Unequal),
    ("<>", Operator::Unequal),
    ("==", Operator::Equal),
    ("!~", Operator::Lacks),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
    ("~", Operator::Contains),
    ("contains ", Operator::Contains),
];

impl Operator {
    /// Splits an operator off.
    pub(super) fn split(text: &str) -> Option<(Self, &str)> {
        OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
    }
}

/// What is asked for, read once.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    text: String,
    folded: String,
    number: Option<f64>,
    level: Option<Level>,
}

impl Comparison {
    pub(super) fn new(field: Field, operator: Operator, value: &str) -> Result<Self, String> {
        let is_text_search = matches!(operator, Operator::Contains | Operator::Lacks);
        let number = match field.kind().filter(|_| !is_text_search) {
            Some(Kind::Number) => Some(number_of(value)?),
            Some(Kind::Duration) => Some(millis_of(value)?),
            _ => value.parse().ok(),
        };
        let level = Level::from_name(&value.to_uppercase());
        match field.kind().filter(|_| !is_text_search) {
            Some(Kind::Level) if level.is_none() => {
                let names: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
                return Err(format!("unknown level {value:?}; there are {}", names.join(", ")));
            }
            Some(Kind::Event) => {
                check_word("event", value, Event::ALL.iter().map(|event| event.as_str()))?;
            }
            Some(Kind::Phase) => {
                let phases = [Phase::Parse, Phase::Bind, Phase::Execute, Phase::Statement];
                check_word("phase", value, phases.iter().map(|phase| phase.as_str()))?;
            }
            Some(Kind::YesOrNo) if !matches!(value, "true" | "false") => {
                return Err(format!("{value:?} is neither true nor false"));
            }
            _ => {}
        }
        let wanted = Wanted { text: value.to_owned(), folded: value.to_lowercase(), number, level };
        Ok(Self { field, operator, wanted })
    }

    pub(super) fn holds(&self, entry: &LogEntry<'_>) -> bool {
        let found = self.field.get(entry);
        let negated = match self.operator {
            Operator::Unequal => Operator::Equal,
            Operator::Lacks => Operator::Contains,
            operator => return self.wanted.fits(&found, operator),
        };
        !self.wanted.fits(&found, negated)
    }
}

impl Wanted {
    fn fits(&self, found: &Found<'_>, operator: Operator) -> bool {
        if let Found::Many(values) = found {
            return values.iter().any(|value| self.fits(value, operator));
        }
        if operator == Operator::Contains {
            return match found {
                Found::Text(text) => text.to_lowercase().contains(&self.folded),
                Found::Level(level) => level.as_str().to_lowercase().contains(&self.folded),
                Found::Number(number) => number.to_string().contains(&self.folded),
                Found::YesOrNo(_) | Found::Nothing | Found::Many(_) => false,
            };
        }
        let order = match found {
            Found::Text(text) if operator == Operator::Equal => {
                return matches_pattern(&self.text, text);
            }
            Found::Text(text) => Some(text.as_ref().cmp(&self.text)),
            Found::Level(level) => self.level.map(|wanted| level.cmp(&wanted)),
            Found::Number(number) => self.number.and_then(|wanted| number.partial_cmp(&wanted)),
            Found::YesOrNo(yes) => Some(yes.cmp(&(self.text == "true"))),
            // What is absent where it is not true.
            Found::Nothing => return operator == Operator::Equal && self.text == "false",
            Found::Many(_) => None,
        };
        let Some(order) = order else { return false };
        match operator {
            Operator::Equal => order == Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Unequal | Operator::Contains | Operator::Lacks => false,
        }
    }
}

fn check_word<'k>(
    what: &str,
    value: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Result<(), String> {
    if known.clone().any(|word| matches_pattern(value, word)) {
        return Ok(());
    }
    Err(match nearest(value, known) {
        Some(nearest) => format!("unknown {what} {value:?}; did you mean {nearest}?"),
        None => format!("unknown {what} {value:?}; docs/{what}s.md has them all"),
    })
}

/// Tells whether a text fits a pattern, in which `*` stands for any characters.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let (Some(mut text), Some((middle, tail))) =
        (text.strip_prefix(head), rest.rsplit_once('*').or(Some(("", rest))))
    else {
        return false;
    };
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, behind)) = text.split_once(part) else { return false };
        text = behind;
    }
    text.ends_with(tail)
}

fn number_of(value: &str) -> Result<f64, String> {
    value.parse().map_err(|_| format!("{value:?} is no number"))
}

/// Reads `12.5`, `12.5ms`, `3s`, `2min` or `1h`, in milliseconds.
fn millis_of(value: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 6] = [
        ("us", 0.001),
        ("ms", 1.0),
        ("min", 60_000.0),
        ("s", 1000.0),
        ("m", 60_000.0),
        ("h", 3_600_000.0),
    ];
    let unit = UNITS.iter().find_map(|(unit, millis)| Some((value.strip_suffix(unit)?, *millis)));
    let (number, millis) = unit.unwrap_or((value, 1.0));
    let number: f64 = number.trim().parse().map_err(|_| {
        format!("{value:?} is no duration; take milliseconds, or a unit such as 1.5s, 2min or 1h")
    })?;
    Ok(number * millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_any_characters() {
        for (pattern, text) in
            [("a", "a"), ("lock.*", "lock.waiting"), ("*a*b*", "xaxbx"), ("*", ""), ("a*a", "aa")]
        {
            assert!(matches_pattern(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*a", "a"), ("lock.*", "block.x"), ("a*b*c", "acb"), ("a", "ab")]
        {
            assert!(!matches_pattern(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("5", 5.0),
            ("5ms", 5.0),
            ("1.5s", 1500.0),
            ("2min", 120_000.0),
            ("1h", 3_600_000.0),
            ("500us", 0.5),
        ] {
            assert!((millis_of(text).unwrap() - expected).abs() < 1e-9, "{text}");
        }
        assert!(millis_of("soon").unwrap_err().contains("1.5s"));
    }
}
