//! Batches back to entries, and what encoders need of them.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Map, Value, value::RawValue};
use wire::Payload;

use crate::batch::{OwnData, SealedBatch};

/// The entries of a batch, and where they come from.
#[derive(Debug, Clone, Default)]
pub struct Unpacked {
    /// The batch's name.
    pub id: String,
    /// The project's name.
    pub project: String,
    /// The agent's name.
    pub agent: String,
    /// The log's path.
    pub file: String,
    /// When the batch was sealed, in seconds since 1970-01-01 UTC.
    pub sealed_at: f64,
    /// The entries as JSON objects.
    pub entries: Vec<Box<RawValue>>,
}

impl Unpacked {
    /// Takes a batch apart. One that has no log entries is empty.
    #[must_use]
    pub fn of(batch: &SealedBatch) -> Self {
        let payload = batch
            .decoded()
            .ok()
            .and_then(|body| serde_json::from_slice::<Payload<OwnData>>(&body).ok());
        let Some(payload) = payload.filter(|payload| payload.source == wire::Source::PgLog) else {
            return Self::default();
        };
        let meta = payload.data.batch;
        let (agent, file) = meta.map(|meta| (meta.agent, meta.file)).unwrap_or_default();
        Self {
            id: batch.id.to_string(),
            project: payload.project,
            agent,
            file,
            sealed_at: payload.timestamp,
            entries: payload.data.entries,
        }
    }

    /// Returns a part of the entries.
    pub(super) fn part(&self, part: std::ops::Range<usize>) -> &[Box<RawValue>] {
        self.entries.get(part).unwrap_or_default()
    }
}

/// A value of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Integer(i64),
    Double(f64),
    /// Anything else.
    Other(Value),
}

/// Reads the fields of an entry in their order. One that is no object, as none of ours, has none.
pub(super) fn each_field<'a>(entry: &'a RawValue, take: impl FnMut(&str, Found<'a>)) {
    let mut reader = serde_json::Deserializer::from_str(entry.get());
    // Entries are ours; what stands before a mistake is taken.
    let _is_whole = reader.deserialize_map(Fields(take));
}

struct Fields<F>(F);

impl<'de, F: FnMut(&str, Found<'de>)> Visitor<'de> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            (self.0)(&key, map.next_value()?);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, is: bool) -> Result<Found<'de>, E> {
        Ok(Found::Bool(is))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Found<'de>, E> {
        Ok(Found::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Found<'de>, E> {
        Ok(i64::try_from(number).map_or_else(|_| Found::Other(number.into()), Found::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Found<'de>, E> {
        Ok(Found::Double(number))
    }

    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(Found::Other(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Found<'de>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Found::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Found<'de>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Found::Other)
    }
}

/// What a receiver is to know of an entry that gets it as JSON.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) level: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    pub(super) fn of(entry: &'a RawValue) -> Self {
        serde_json::from_str(entry.get()).unwrap_or_default()
    }
}

/// Reads an entry. One that is no object, as none of ours, is empty.
pub(super) fn object(entry: &RawValue) -> Map<String, Value> {
    serde_json::from_str(entry.get()).unwrap_or_default()
}

/// Returns a text of an entry.
pub(super) fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Reads when an entry was logged, in nanoseconds since 1970-01-01 UTC.
pub(super) fn time_ns(timestamp: &str) -> Option<u64> {
    let time = timestamp.parse::<Timestamp>().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// Returns when a batch was sealed, in nanoseconds since 1970-01-01 UTC.
pub(super) fn sealed_ns(unpacked: &Unpacked) -> u64 {
    let sealed = std::time::Duration::try_from_secs_f64(unpacked.sealed_at).unwrap_or_default();
    u64::try_from(sealed.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields_of(json: &str) -> Vec<(String, Found<'static>)> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        let mut found = Vec::new();
        each_field(&raw, |key, value| {
            let value = match value {
                Found::Text(text) => Found::Text(Cow::Owned(text.into_owned())),
                Found::Bool(is) => Found::Bool(is),
                Found::Integer(number) => Found::Integer(number),
                Found::Double(number) => Found::Double(number),
                Found::Other(value) => Found::Other(value),
            };
            found.push((key.to_owned(), value));
        });
        found
    }

    #[test]
    fn fields_come_in_their_order_as_what_they_are() {
        let text = |text: &str| Found::Text(Cow::Owned(text.to_owned()));
        let json = r#"{"a":"é","b\n":"c\"d","n":-7,"big":18446744073709551615,"f":1.5,"t":true,
            "z":null,"l":[1,"x",{"y":2}],"o":{"p":[]}}"#;
        let expected = [
            ("a", text("é")),
            ("b\n", text("c\"d")),
            ("n", Found::Integer(-7)),
            ("big", Found::Other(json!(u64::MAX))),
            ("f", Found::Double(1.5)),
            ("t", Found::Bool(true)),
            ("z", Found::Other(Value::Null)),
            ("l", Found::Other(json!([1, "x", {"y": 2}]))),
            ("o", Found::Other(json!({"p": []}))),
        ];
        assert_eq!(fields_of(json), expected.map(|(key, value)| (key.to_owned(), value)));
        for none in ["7", "[]", "null", r#""text""#] {
            assert_eq!(fields_of(none), []);
        }
    }
}
