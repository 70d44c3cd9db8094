//! Loki's push API: <https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>
//!
//! One stream for each level, because labels are to have few values; everything else is in the line,
//! which is the entry as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::output::encode::{Head, Unpacked, sealed_ns, time_ns};

#[derive(Serialize)]
struct Request<'a> {
    streams: Vec<Stream<'a>>,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: Labels<'a>,
    values: Vec<(String, &'a str)>,
}

#[derive(Serialize)]
struct Labels<'a> {
    host: &'a str,
    level: String,
    project: &'a str,
    service_name: &'static str,
}

/// Writes a request.
pub(super) fn body(unpacked: &Unpacked, entries: &[Box<RawValue>]) -> Vec<u8> {
    let sealed_ns = sealed_ns(unpacked);
    let mut streams: BTreeMap<String, Vec<(String, &str)>> = BTreeMap::new();
    for raw in entries {
        let Head { timestamp, level } = Head::of(raw);
        let logged_ns = timestamp.as_deref().and_then(time_ns);
        let value = (logged_ns.unwrap_or(sealed_ns).to_string(), raw.get());
        let level = level.as_deref().unwrap_or("unknown");
        match streams.get_mut(level) {
            Some(values) => values.push(value),
            None => drop(streams.insert(level.to_owned(), vec![value])),
        }
    }
    let streams = streams.into_iter().map(|(level, values)| Stream {
        stream: Labels {
            host: &unpacked.agent,
            level: level.to_lowercase(),
            project: &unpacked.project,
            service_name: "postgresql",
        },
        values,
    });
    serde_json::to_vec(&Request { streams: streams.collect() }).unwrap_or_default()
}
