//! The fields of an entry that can be asked for: all that an entry's JSON has.

use std::borrow::Cow;

use pglog::{FieldValue, Level, LogEntry, Phase, Plan};

use crate::nearest::nearest;

/// A field of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::command::parse) enum Field {
    Known(&'static Known),
    /// A value of the message, `fields.NAME`.
    Value(String),
}

/// A field that has a name of its own.
#[derive(Debug)]
pub(in crate::command::parse) struct Known {
    name: &'static str,
    pub(super) kind: Kind,
    get: for<'e> fn(&'e LogEntry<'_>) -> Found<'e>,
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Level,
    Event,
    Phase,
    /// Milliseconds.
    Duration,
    Number,
    YesOrNo,
    Text,
}

/// What an entry has in a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found<'e> {
    Nothing,
    Level(Level),
    Number(f64),
    YesOrNo(bool),
    Text(Cow<'e, str>),
    Many(Vec<Self>),
}

/// Other names that people know fields by.
const OTHER_NAMES: [(&str, &str); 13] = [
    ("duration", "duration_ms"),
    ("sqlstate", "state_code"),
    ("dbname", "database"),
    ("db", "database"),
    ("username", "user"),
    ("app", "application_name"),
    ("application", "application_name"),
    ("host", "remote_host"),
    ("severity", "level"),
    ("error_severity", "level"),
    ("query", "statement"),
    ("process_id", "pid"),
    ("command_tag", "ps"),
];

impl Field {
    /// Reads a name.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        if let Some(value) = name.strip_prefix("fields.").filter(|value| !value.is_empty()) {
            return Ok(Self::Value(value.to_owned()));
        }
        let meant = OTHER_NAMES.iter().find(|(other, _)| *other == name);
        let meant = meant.map_or(name, |(_, meant)| meant);
        if let Some(known) = known().find(|known| known.name == meant) {
            return Ok(Self::Known(known));
        }
        if name == "timestamp" || name == "time" {
            return Err("times are chosen with --since and --until".to_owned());
        }
        Err(match nearest(name, known().map(|known| known.name)) {
            Some(nearest) => format!("unknown field {name:?}; did you mean {nearest}?"),
            None => format!("unknown field {name:?}; --help names them all"),
        })
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Known(known) => Some(known.kind),
            Self::Value(_) => None,
        }
    }

    pub(super) fn get<'e>(&self, entry: &'e LogEntry<'_>) -> Found<'e> {
        match self {
            Self::Known(known) => (known.get)(entry),
            Self::Value(name) => entry.fields.get(name).map_or(Found::Nothing, Found::of),
        }
    }
}

impl<'e> Found<'e> {
    fn of(value: &'e FieldValue<'_>) -> Self {
        match value {
            FieldValue::U64(number) => decimal(number),
            FieldValue::I64(number) => decimal(number),
            FieldValue::F64(number) => Self::Number(*number),
            FieldValue::Bool(yes) => Self::YesOrNo(*yes),
            FieldValue::Text(text) => Self::Text(Cow::Borrowed(text)),
            FieldValue::List(values) => Self::Many(values.iter().map(Self::of).collect()),
            FieldValue::Object(fields) => {
                Self::Many(fields.iter().map(|(_, value)| Self::of(value)).collect())
            }
        }
    }
}

/// A whole number that may be too large for the type that numbers are compared in.
fn decimal<'e>(number: &impl ToString) -> Found<'e> {
    number.to_string().parse().map_or(Found::Nothing, Found::Number)
}

macro_rules! texts {
    ($($name:ident),*) => { [$(Known {
        name: stringify!($name), kind: Kind::Text, get: |entry| text(entry.$name.as_deref()),
    }),*] };
}

macro_rules! numbers {
    ($($name:ident),*) => { [$(Known {
        name: stringify!($name),
        kind: Kind::Number,
        get: |entry| entry.$name.as_ref().map_or(Found::Nothing, decimal),
    }),*] };
}

static TEXTS: [Known; 20] = texts![
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
    internal_query,
    func_name,
    file_name,
    backend_type,
    backtrace,
    log_timezone
];

static NUMBERS: [Known; 8] = numbers![
    pid,
    remote_port,
    line_num,
    txid,
    leader_pid,
    cursor_position,
    internal_position,
    file_line_num
];

static OTHERS: [Known; 11] = [
    Known {
        name: "level",
        kind: Kind::Level,
        get: |entry| entry.level.map_or(Found::Nothing, Found::Level),
    },
    Known { name: "message", kind: Kind::Text, get: |entry| text(Some(&entry.message)) },
    Known {
        name: "event",
        kind: Kind::Event,
        get: |entry| text(entry.event.map(pglog::Event::as_str)),
    },
    Known { name: "phase", kind: Kind::Phase, get: |entry| text(entry.phase.map(Phase::as_str)) },
    Known {
        name: "duration_ms",
        kind: Kind::Duration,
        get: |entry| {
            let millis = entry.duration.map(|duration| duration.as_secs_f64() * 1000.0);
            millis.map_or(Found::Nothing, Found::Number)
        },
    },
    Known {
        name: "query_id",
        kind: Kind::Text,
        get: |entry| {
            entry.query_id.map_or(Found::Nothing, |id| Found::Text(Cow::Owned(id.to_string())))
        },
    },
    Known {
        name: "parameters",
        kind: Kind::Text,
        get: |entry| {
            let values = entry.parameters.iter().map(|value| text(value.as_deref()));
            if entry.parameters.is_empty() { Found::Nothing } else { Found::Many(values.collect()) }
        },
    },
    Known {
        name: "plan",
        kind: Kind::Text,
        get: |entry| match &entry.plan {
            Some(Plan::Json(plan) | Plan::Text(plan)) => text(Some(plan)),
            None => Found::Nothing,
        },
    },
    Known { name: "truncated", kind: Kind::YesOrNo, get: |entry| yes(!entry.truncated.is_empty()) },
    Known {
        name: "timestamp_ambiguous",
        kind: Kind::YesOrNo,
        get: |entry| yes(entry.timestamp_ambiguous),
    },
    Known { name: "unparsed", kind: Kind::YesOrNo, get: |entry| yes(entry.unparsed) },
];

fn known() -> impl Iterator<Item = &'static Known> {
    OTHERS.iter().chain(&TEXTS).chain(&NUMBERS)
}

fn text(value: Option<&str>) -> Found<'_> {
    value.map_or(Found::Nothing, |value| Found::Text(Cow::Borrowed(value)))
}

/// What is only there where it is true.
const fn yes<'e>(value: bool) -> Found<'e> {
    if value { Found::YesOrNo(true) } else { Found::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_an_entry_can_be_asked_for() {
        let documented = include_str!("../../../../../../docs/entries.md");
        let keys = documented.lines().filter_map(|line| line.strip_prefix("| `"));
        let keys: Vec<&str> =
            keys.flat_map(|row| row.split(" |").next().unwrap_or_default().split("`, `")).collect();
        assert!(keys.len() > 40, "{keys:?}");
        for key in keys {
            let key = key.trim_end_matches('`');
            if key != "timestamp" && key != "fields" {
                assert!(Field::from_name(key).is_ok(), "{key}");
            }
        }
        let help = super::super::condition::HELP;
        for known in known() {
            assert!(help.contains(known.name), "{} is not in --help", known.name);
        }
    }

    #[test]
    fn misspelt_field_is_told_with_the_nearest_one() {
        let refused = |name: &str| Field::from_name(name).unwrap_err();
        assert!(refused("levle").contains("did you mean level?"));
        assert!(refused("xyzzyplugh").contains("--help names them all"));
        assert!(refused("timestamp").contains("--since"));
        assert_eq!(Field::from_name("sqlstate"), Field::from_name("state_code"));
    }
}
