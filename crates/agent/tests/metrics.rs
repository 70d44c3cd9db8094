#![cfg(test)]
//! Metrics over OTLP: what receivers get, and what becomes of their answers.

mod support;

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use agent::{
    batch::{Encoding, SealedBatch},
    buffer::{self, Buffer, Entry},
    output::{Exporter, HttpSettings, MetricsSettings, Token},
    ship::{LATENCY_BUCKETS, Now, Progress, tls},
    status::{Export, Overview, Status, Tally},
};
use pglog::{Event, Level, LogEntry};
use serde_json::{Value, json};
use support::{Receiver, decode_otlp, python_with_definitions, unpacked};
use uuid::Uuid;
use wire::{BatchId, Source};

const MINUTE: Duration = Duration::from_secs(60);
const STARTED_S: u64 = 1_764_000_000;

/// The clocks, so long after the start.
fn after(time: Duration) -> Now {
    Now { monotonic: time, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(STARTED_S) + time }
}

struct Bench {
    _folder: tempfile::TempDir,
    receiver: Receiver,
    exporter: Exporter,
    export: Arc<Mutex<Export>>,
    runtime: tokio::runtime::Runtime,
    now: Cell<Duration>,
}

impl Bench {
    /// An agent that has read three entries, two of which wait.
    fn new(answer: impl Fn(usize) -> Option<(&'static str, String)> + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            buffer::Settings { max_bytes: 1_000_000, ..buffer::Settings::at(folder.path()) };
        let mut buffer = Buffer::open(&settings).unwrap();
        for (number, entries) in [(1, 1), (2, 2)] {
            let id = BatchId::new(Uuid::from_u128(number));
            let (encoding, body) = (Encoding::Identity, b"{}".to_vec());
            let batch = SealedBatch { id, source: Source::PgLog, entries, encoding, body };
            buffer.push(&[Entry::new(batch, None)], 1).unwrap();
        }
        let first = buffer.peek(&[]).unwrap().unwrap();
        buffer.ack(first.seq).unwrap();
        let status = Arc::new(Status::default());
        let mut tally = Tally::default();
        let level = Some(Level::Log);
        tally.note(&LogEntry { level, event: Some(Event::ServerStart), ..LogEntry::default() });
        tally.note(&LogEntry { level, ..LogEntry::default() });
        tally.note(&LogEntry { level, ..LogEntry::default() });
        status.add_tally(&mut tally);
        // One request that was fast, and two that were slower than any bound.
        let mut progress = Progress { latency_sum_s: 40.5, ..Progress::default() };
        (progress.latency[0], progress.latency[LATENCY_BUCKETS.len()]) = (1, 2);
        let overview = Overview {
            agent: "db1".to_owned(),
            started_at: 1_764_000_000.0,
            buffer: Arc::new(Mutex::new(buffer)),
            status,
            progress: Arc::new(Mutex::new(progress)),
            outputs: Vec::new(),
            exports: Vec::new(),
            clock: Arc::new(|| after(MINUTE)),
        };
        let receiver = Receiver::start(move |number, _| answer(number));
        let http = HttpSettings {
            url: format!("http://{}/v1/metrics", receiver.address).parse().unwrap(),
            token: Token::None,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(5),
            tls: tls::Settings::default(),
        };
        let (name, project) = ("metrics".to_owned(), "shop".to_owned());
        let settings = MetricsSettings { name, http, interval: MINUTE, project };
        let export = Arc::default();
        let exporter = Exporter::new(&settings, overview, Arc::clone(&export)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let now = Cell::new(MINUTE);
        Self { _folder: folder, receiver, exporter, export, runtime, now }
    }

    /// Sends once. Returns how long to wait.
    fn turn(&mut self) -> Duration {
        let now = &self.now;
        self.runtime.block_on(self.exporter.turn(&|| after(now.get())))
    }

    fn counts(&self) -> (u64, u64) {
        let export = self.export.lock().unwrap();
        (export.delivered, export.rejected)
    }
}

fn metric<'a>(decoded: &'a Value, name: &str) -> &'a Value {
    let metrics = decoded["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == name).unwrap()
}

#[test]
fn otlp_metrics_are_what_the_published_definitions_say() {
    let Some(python) = python_with_definitions() else {
        eprintln!("not checked: no Python with opentelemetry-proto");
        return;
    };
    let mut bench = Bench::new(|_| Some(("200 OK", String::new())));
    assert_eq!(bench.turn(), MINUTE);
    let request = bench.receiver.requests.lock().unwrap()[0].clone();
    assert!(request.head.starts_with("POST /v1/metrics HTTP/1.1"));
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    let decoded = decode_otlp(&python, "metrics", &unpacked(&request));
    let pair = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    assert_eq!(
        decoded["resourceMetrics"][0]["resource"]["attributes"],
        json!([
            pair("service.name", "pgcourier"),
            pair("service.namespace", "shop"),
            pair("service.instance.id", "db1"),
            pair("service.version", env!("CARGO_PKG_VERSION")),
            pair("host.name", "db1"),
        ])
    );
    let (start, now) = ("1764000000000000000", "1764000060000000000");
    assert_eq!(
        *metric(&decoded, "pgcourier.entries_read"),
        json!({
            "name": "pgcourier.entries_read",
            "description": "Entries read and stored",
            "sum": {
                "dataPoints": [{"timeUnixNano": now, "asInt": "3"}],
                "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
                "isMonotonic": true,
            },
        })
    );
    let waiting = &metric(&decoded, "pgcourier.entries_waiting")["gauge"]["dataPoints"];
    assert_eq!(*waiting, json!([{"timeUnixNano": now, "asInt": "2"}]));
    let open = &metric(&decoded, "pgcourier.breaker_state")["gauge"]["dataPoints"][1];
    assert_eq!(open["attributes"], json!([pair("state", "open")]));
    let max = metric(&decoded, "pgcourier.buffer_max");
    assert_eq!((max["unit"].as_str(), max["gauge"].is_object()), (Some("By"), true));
    let by_event = |event, count| {
        let attributes = json!([pair("level", "LOG"), pair("event", event)]);
        json!({
            "attributes": attributes, "startTimeUnixNano": start, "timeUnixNano": now, "asInt": count
        })
    };
    assert_eq!(
        metric(&decoded, "pgcourier.log_entries")["sum"]["dataPoints"],
        json!([by_event("none", "2"), by_event("server.start", "1")])
    );
    let took = metric(&decoded, "pgcourier.request_duration");
    assert_eq!(took["unit"], "s");
    let point = &took["histogram"]["dataPoints"][0];
    assert_eq!(point["explicitBounds"], json!(LATENCY_BUCKETS));
    let mut counts = vec!["0"; LATENCY_BUCKETS.len() + 1];
    (counts[0], counts[LATENCY_BUCKETS.len()]) = ("1", "2");
    assert_eq!(point["bucketCounts"], json!(counts));
    assert_eq!((&point["count"], &point["sum"]), (&json!("3"), &json!(40.5)));
}

#[test]
fn points_that_are_refused_are_counted_and_an_outage_costs_none() {
    // ExportMetricsServiceResponse { partial_success { rejected_data_points: 2 } }
    let mut bench = Bench::new(|number| match number {
        0 => None,
        1 => Some(("429 Too Many Requests\r\nRetry-After: 300", String::new())),
        2 => Some(("200 OK", "<html>Log in</html>".to_owned())),
        _ => Some(("200 OK", "\n\u{2}\u{8}\u{2}".to_owned())),
    });
    assert_eq!(bench.turn(), MINUTE);
    assert_eq!(bench.turn(), MINUTE * 5, "as it is asked");
    assert_eq!(bench.turn(), MINUTE);
    assert_eq!(bench.counts(), (0, 0));
    bench.turn();
    let (delivered, rejected) = bench.counts();
    assert!(delivered > 20 && rejected == 2, "{delivered} and {rejected}");
    assert_eq!(bench.export.lock().unwrap().sending.requests, [1, 1, 1, 1, 0, 0]);
    assert_eq!(bench.receiver.count(), 4);
}
