//! Which entries are wanted: `--where`, `--since` and `--until`.

use std::{borrow::Cow, cmp::Ordering, str::FromStr};

use jiff::{SignedDuration, civil, tz::TimeZone};
use pglog::{Level, LogEntry, Phase, Timestamp};

/// What an entry must fulfil.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) conditions: Vec<Condition>,
    /// The first moment, in microseconds since 1970-01-01 UTC.
    pub(super) since: Option<i64>,
    /// The first moment that is not wanted any more.
    pub(super) until: Option<i64>,
}

impl Filter {
    /// Tells whether an entry is wanted. One without a time is not where times are asked for.
    pub(super) fn takes(&self, entry: &LogEntry<'_>) -> bool {
        let micros = entry.timestamp.map(Timestamp::micros);
        self.since.is_none_or(|since| micros.is_some_and(|micros| micros >= since))
            && self.until.is_none_or(|until| micros.is_some_and(|micros| micros < until))
            && self.conditions.iter().all(|condition| condition.holds(entry))
    }
}

/// One `FIELD OPERATOR VALUE`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    field: &'static Field,
    operator: Operator,
    value: Wanted,
}

/// A field of an entry that can be asked for.
#[derive(Debug)]
struct Field {
    name: &'static str,
    get: for<'e> fn(&'e LogEntry<'_>) -> Found<'e>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What an entry has in a field.
#[derive(Debug, Clone, PartialEq)]
enum Found<'e> {
    Nothing,
    Level(Level),
    Number(f64),
    Text(Cow<'e, str>),
}

/// What is asked for, read once.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    text: String,
    folded: String,
    number: Option<f64>,
    level: Option<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The text is somewhere in it, in any case.
    Contains,
}

/// The longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::Unequal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
    ("~", Operator::Contains),
];

macro_rules! texts {
    ($($name:ident),*) => { [$(Field { name: stringify!($name), get: |entry| text(entry.$name.as_deref()) }),*] };
}

macro_rules! numbers {
    ($($name:ident),*) => { [$(Field { name: stringify!($name), get: |entry| number(entry.$name) }),*] };
}

static TEXTS: [Field; 17] = texts![
    user,
    database,
    statement,
    application_name,
    remote_host,
    local_host,
    session_id,
    ps,
    session_start,
    vxid,
    state_code,
    detail,
    hint,
    context,
    func_name,
    file_name,
    backend_type
];

static NUMBERS: [Field; 4] = numbers![pid, remote_port, leader_pid, cursor_position];

static OTHERS: [Field; 6] = [
    Field { name: "level", get: |entry| entry.level.map_or(Found::Nothing, Found::Level) },
    Field { name: "message", get: |entry| text(Some(&entry.message)) },
    Field { name: "phase", get: |entry| text(entry.phase.map(Phase::as_str)) },
    Field {
        name: "duration_ms",
        get: |entry| number(entry.duration.map(|duration| duration.as_secs_f64() * 1000.0)),
    },
    Field {
        name: "line_num",
        // No session logs more lines than that.
        get: |entry| number(entry.line_num.map(|line| u32::try_from(line).unwrap_or(u32::MAX))),
    },
    Field {
        name: "query_id",
        get: |entry| {
            entry.query_id.map_or(Found::Nothing, |id| Found::Text(Cow::Owned(id.to_string())))
        },
    },
];

fn text(value: Option<&str>) -> Found<'_> {
    value.map_or(Found::Nothing, |value| Found::Text(Cow::Borrowed(value)))
}

fn number<'e>(value: Option<impl Into<f64>>) -> Found<'e> {
    value.map_or(Found::Nothing, |value| Found::Number(value.into()))
}

fn fields() -> impl Iterator<Item = &'static Field> {
    OTHERS.iter().chain(&TEXTS).chain(&NUMBERS)
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name_end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
        let Some(field) = fields().find(|field| field.name == name) else {
            let known: Vec<&str> = fields().map(|field| field.name).collect();
            return Err(format!("unknown field {name:?}; there are {}", known.join(", ")));
        };
        let rest = rest.trim_start();
        let found = OPERATORS.iter().find_map(|(sign, operator)| {
            rest.strip_prefix(sign).map(|value| (*operator, value.trim()))
        });
        let Some((operator, value)) = found else {
            return Err(format!("no operator behind {name}; one of >= <= > < = != ~"));
        };
        let wanted = Wanted {
            text: value.to_owned(),
            folded: value.to_lowercase(),
            number: value.parse().ok(),
            level: Level::from_name(&value.to_uppercase()),
        };
        if name == "level" && wanted.level.is_none() {
            let known: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
            return Err(format!("unknown level {value:?}; there are {}", known.join(", ")));
        }
        Ok(Self { field, operator, value: wanted })
    }
}

impl Condition {
    fn holds(&self, entry: &LogEntry<'_>) -> bool {
        let found = (self.field.get)(entry);
        if self.operator == Operator::Contains {
            return match found {
                Found::Text(text) => text.to_lowercase().contains(&self.value.folded),
                Found::Level(level) => level.as_str().to_lowercase().contains(&self.value.folded),
                Found::Number(_) | Found::Nothing => false,
            };
        }
        let order = match &found {
            Found::Nothing => return self.operator == Operator::Unequal,
            Found::Level(level) => self.value.level.map(|wanted| level.cmp(&wanted)),
            Found::Number(number) => {
                self.value.number.and_then(|wanted| number.partial_cmp(&wanted))
            }
            Found::Text(text) => Some(text.as_ref().cmp(&self.value.text)),
        };
        let Some(order) = order else { return self.operator == Operator::Unequal };
        match self.operator {
            Operator::Equal => order == Ordering::Equal,
            Operator::Unequal => order != Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Contains => false,
        }
    }
}

/// Reads a moment: RFC 3339, a date with or without a time in `zone`, or `-1h` before `now`. Returns
/// microseconds since 1970-01-01 UTC.
pub(super) fn moment(text: &str, zone: &TimeZone, now: jiff::Timestamp) -> Result<i64, String> {
    if let Some(ago) = text.strip_prefix('-') {
        let span: SignedDuration = ago.parse().map_err(|error| format!("{text:?}: {error}"))?;
        let moment = now.checked_sub(span).map_err(|error| format!("{text:?}: {error}"))?;
        return Ok(moment.as_microsecond());
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_microsecond());
    }
    let local = text
        .parse::<civil::DateTime>()
        .map_err(|_| format!("{text:?} is no time such as 2026-11-24 02:20, -1h or RFC 3339"))?;
    let moment = zone.to_timestamp(local).map_err(|error| format!("{text:?}: {error}"))?;
    Ok(moment.as_microsecond())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry() -> LogEntry<'static> {
        LogEntry {
            level: Some(Level::Error),
            message: "Division by zero".into(),
            user: Some("bob".into()),
            pid: Some(77),
            duration: Some(Duration::from_micros(12_500)),
            ..LogEntry::default()
        }
    }

    fn holds(condition: &str) -> bool {
        condition.parse::<Condition>().unwrap().holds(&entry())
    }

    #[test]
    fn levels_are_compared_by_how_serious_they_are() {
        assert!(holds("level>=WARNING") && holds("level >= error") && holds("level<FATAL"));
        assert!(!holds("level>ERROR") && !holds("level=LOG"));
    }

    #[test]
    fn numbers_and_texts_are_compared_as_such() {
        assert!(holds("duration_ms>9") && holds("duration_ms<=12.5") && holds("pid=77"));
        assert!(holds("user=bob") && holds("user!=alice") && holds("message~DIVISION"));
        assert!(!holds("duration_ms>100") && !holds("user=Bob"));
    }

    #[test]
    fn absent_field_is_unequal_to_everything() {
        assert!(holds("database!=shop"));
        assert!(!holds("database=shop") && !holds("database<z") && !holds("database~s"));
    }

    #[test]
    fn nonsense_is_told_with_what_would_make_sense() {
        let refused = |text: &str| text.parse::<Condition>().unwrap_err();
        assert!(refused("levle=ERROR").contains("there are level"));
        assert!(refused("level").contains("no operator"));
        assert!(refused("level>=BAD").contains("unknown level"));
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let micros = moment(text, &zone, now).unwrap();
            jiff::Timestamp::from_microsecond(micros).unwrap().to_string()
        };
        assert_eq!(read("2026-11-24T02:20:00Z"), "2026-11-24T02:20:00Z");
        assert_eq!(read("2026-11-24 02:20"), "2026-11-24T01:20:00Z");
        assert_eq!(read("2026-11-24"), "2026-11-23T23:00:00Z");
        assert_eq!(read("-1h"), "2026-11-24T11:00:00Z");
        assert!(moment("yesterday", &zone, now).is_err());
    }
}
