//! Collections that stop growing at a limit while they are read, so that a small body cannot take a
//! large memory.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::MAX_ENTRIES;

/// The most levels that are counted; PostgreSQL has twelve.
const MAX_LEVELS: usize = 32;

/// Reads up to [`MAX_ENTRIES`] entries and fails at the next one.
pub(crate) fn entries<'de, E, D>(deserializer: D) -> Result<Vec<E>, D::Error>
where
    E: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Entries<E>(PhantomData<E>);

    impl<'de, E: Deserialize<'de>> Visitor<'de> for Entries<E> {
        type Value = Vec<E>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<E>, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = seq.next_element()? {
                if entries.len() == MAX_ENTRIES {
                    return Err(A::Error::custom(format_args!("more than {MAX_ENTRIES} entries")));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_seq(Entries(PhantomData))
}

/// Reads up to [`MAX_LEVELS`] counts and fails at the next one.
pub(crate) fn levels<'de, D>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Levels;

    impl<'de> Visitor<'de> for Levels {
        type Value = BTreeMap<String, u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of counts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut levels = BTreeMap::new();
            while let Some((level, count)) = map.next_entry()? {
                if levels.len() == MAX_LEVELS {
                    return Err(A::Error::custom(format_args!("more than {MAX_LEVELS} levels")));
                }
                levels.insert(level, count);
            }
            Ok(levels)
        }
    }

    deserializer.deserialize_map(Levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogData;

    #[test]
    fn data_with_too_many_entries_is_refused() {
        let data = |n: usize| format!(r#"{{"entries": [{}0], "count": 1}}"#, "0,".repeat(n - 1));
        assert!(serde_json::from_str::<LogData<u8>>(&data(MAX_ENTRIES)).is_ok());
        let error = serde_json::from_str::<LogData<u8>>(&data(MAX_ENTRIES + 1)).unwrap_err();
        assert!(error.to_string().starts_with("more than 10000 entries"), "{error}");
    }

    #[test]
    fn data_with_too_many_levels_is_refused() {
        let level = |n: usize| format!("\"L{n}\": 1");
        let levels = (0..=MAX_LEVELS).map(level).collect::<Vec<_>>().join(",");
        let data = format!(r#"{{"entries": [], "count": 0, "levels": {{{levels}}}}}"#);
        let error = serde_json::from_str::<LogData<u8>>(&data).unwrap_err();
        assert!(error.to_string().starts_with("more than 32 levels"), "{error}");
    }
}
