//! The list of entries.

use std::fmt;

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    store::{EntryPage, EntryRow},
    ui::{
        query::Query,
        text::{self, Moment, headline, printable, shifted},
    },
    validate::{Level, Text},
};

/// How much of a message stands in the list, in characters.
const MAX_HEADLINE_CHARS: usize = 300;

/// How much of a value is shown when an entry is opened, in characters. The rest is in the JSON.
const MAX_VALUE_CHARS: usize = 4_000;

/// Values longer than this, in characters, or of several lines, have a line of their own.
const MAX_INLINE_CHARS: usize = 80;

/// Keys whose values are code.
const CODE_KEYS: [&str; 4] = ["statement", "internal_query", "plan", "backtrace"];

/// What a reader looks for first. Other keys follow in the order in which they came.
const FIRST_KEYS: [&str; 6] = ["message", "detail", "hint", "context", "statement", "parameters"];

/// How far before and after an entry to look for what happened around it.
const AROUND: SignedDuration = SignedDuration::from_secs(30);

/// The list.
#[derive(Template)]
#[template(path = "entries.html")]
pub(super) struct Entries {
    days: Vec<Day>,
    older_href: Option<String>,
    /// How to start an agent, where nothing has arrived yet.
    start: Option<String>,
    start_project: String,
}

/// The entries of one day.
struct Day {
    date: String,
    entries: Vec<Entry>,
}

/// One entry.
struct Entry {
    id: i64,
    time: Moment,
    level: &'static str,
    level_class: &'static str,
    headline: String,
    duration: Option<String>,
    duration_class: &'static str,
    /// The database, or else the project.
    place: String,
    fields: Vec<Field>,
    origin: String,
    around_href: String,
}

/// One key of an entry.
struct Field {
    name: String,
    value: String,
    is_block: bool,
    rest: Option<String>,
}

impl Entries {
    /// Shows a page of entries.
    pub(super) fn new(page: EntryPage, query: &Query, now: Timestamp) -> Self {
        let mut days: Vec<Day> = Vec::new();
        for row in page.entries {
            let date = text::day(row.timestamp);
            let entry = Entry::new(&row, query, now);
            match days.last_mut() {
                Some(day) if day.date == date => day.entries.push(entry),
                _ => days.push(Day { date, entries: vec![entry] }),
            }
        }
        let older_href = page.next.map(|next| query.with(&[("cursor", &next.to_string())]));
        Self { days, older_href, start: None, start_project: String::new() }
    }

    /// Shows how to get the first entry, for a project and under the name that the browser used.
    pub(super) fn none_yet(host: &str, project: &str) -> Self {
        let start = format!(
            "export PGCOURIER_LISTENER__URL=http://{host}{}\n\
             export PGCOURIER_LISTENER__API_KEY_FILE=/path/to/the/key\n\
             pgcourier run",
            wire::INGEST_PATH
        );
        Self {
            days: Vec::new(),
            older_href: None,
            start: Some(start),
            start_project: project.to_owned(),
        }
    }
}

impl Entry {
    fn new(row: &EntryRow, query: &Query, now: Timestamp) -> Self {
        let keys = Keys::of(&row.json);
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let ms = row.duration_us.map(|us| us as f64 / 1e3);
        // The duration has a place of its own, so the statement says more than the message.
        let first = if ms.is_some() { ["statement", "message"] } else { ["message", "statement"] };
        let said = first.into_iter().find_map(|key| keys.text(key));
        Self {
            id: row.id,
            time: Moment::new(row.timestamp, now),
            level: row.level.map_or("—", Level::as_str),
            level_class: row.level.map_or("", level_class),
            headline: headline(
                &said.unwrap_or_else(|| "(no message)".to_owned()),
                MAX_HEADLINE_CHARS,
            ),
            duration: ms.map(text::duration),
            duration_class: ms.map_or("", text::duration_class),
            place: headline(&keys.text("database").unwrap_or(row.project.clone()), 40),
            fields: keys.fields(),
            origin: origin(row, now),
            around_href: query.only_project_and(&[
                ("from", &shifted(row.timestamp, -AROUND)),
                ("to", &shifted(row.timestamp, AROUND)),
            ]),
        }
    }
}

impl Field {
    fn new(name: &str, value: &RawValue) -> Self {
        let value = plain(value);
        let (shown, rest) = printable(&value, MAX_VALUE_CHARS);
        Self {
            name: headline(name, 60),
            is_block: CODE_KEYS.contains(&name)
                || shown.contains('\n')
                || shown.chars().count() > MAX_INLINE_CHARS,
            value: shown,
            rest: (rest > 0).then(|| text::bytes(rest as u64)),
        }
    }
}

/// The keys of an entry in their order, whatever they are.
struct Keys<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Keys<'a> {
    fn of(json: &'a str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|_| Self(Vec::new()))
    }

    fn fields(&self) -> Vec<Field> {
        let mut keys = self.0.iter().collect::<Vec<_>>();
        let place = |name: &str| FIRST_KEYS.iter().position(|first| *first == name);
        keys.sort_by_key(|(name, _)| place(name).unwrap_or(FIRST_KEYS.len()));
        keys.into_iter().map(|(name, value)| Field::new(name, value)).collect()
    }

    fn text(&self, key: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(name, _)| &**name == key)?;
        let text: Text<'_> = serde_json::from_str(value.get()).ok()?;
        Some(text.to_string())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Keys<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys<'de>, A::Error> {
                let mut keys = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    keys.push(pair);
                }
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// A value as text: strings without quotes, objects with indentation where they can be read at all.
fn plain(value: &RawValue) -> String {
    if let Ok(text) = serde_json::from_str::<Text<'_>>(value.get()) {
        return text.to_string();
    }
    let is_nested = value.get().starts_with(['{', '[']) && value.get().len() > MAX_INLINE_CHARS;
    if is_nested && let Ok(tree) = serde_json::from_str::<serde_json::Value>(value.get()) {
        return format!("{tree:#}");
    }
    value.get().to_owned()
}

fn origin(row: &EntryRow, now: Timestamp) -> String {
    let received = Moment::new(row.received_at, now).full;
    let (file, rest) = printable(row.file.as_deref().unwrap_or("log"), 200);
    let file = if rest > 0 { format!("{file}…") } else { file };
    match &row.agent {
        Some(agent) => format!("{file} on {}, received {received}", headline(agent, 100)),
        None => format!("received {received}"),
    }
}

/// The class that gives a level its colour.
pub(super) const fn level_class(level: Level) -> &'static str {
    match level {
        Level::Debug5 | Level::Debug4 | Level::Debug3 | Level::Debug2 | Level::Debug1 => "debug",
        Level::Log => "log",
        Level::Info | Level::Notice => "info",
        Level::Warning => "warning",
        Level::Error => "error",
        Level::Fatal | Level::Panic => "fatal",
    }
}
