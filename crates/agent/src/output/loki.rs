//! Loki's push API: <https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>
//!
//! One stream for each level, because labels are to have few values; everything else is in the line,
//! which is the entry as JSON.

use std::collections::BTreeMap;

use serde_json::{json, value::RawValue};

use crate::output::encode::{Unpacked, object, text, time_ns};

/// Writes a request.
pub(super) fn body(unpacked: &Unpacked, entries: &[Box<RawValue>]) -> Vec<u8> {
    let mut streams: BTreeMap<String, Vec<[String; 2]>> = BTreeMap::new();
    for raw in entries {
        let entry = object(raw);
        let level = text(&entry, "level").to_lowercase();
        let value = [time_ns(&entry, unpacked).to_string(), raw.get().to_owned()];
        streams.entry(level).or_default().push(value);
    }
    let streams: Vec<_> = streams
        .into_iter()
        .map(|(level, values)| {
            let level = if level.is_empty() { "unknown".to_owned() } else { level };
            let labels = json!({
                "service_name": "postgresql",
                "project": unpacked.project,
                "host": unpacked.agent,
                "level": level,
            });
            json!({"stream": labels, "values": values})
        })
        .collect();
    serde_json::to_vec(&json!({ "streams": streams })).unwrap_or_default()
}
