#![cfg(test)]
//! Outputs: what receivers get, and what becomes of what they refuse.

mod support;

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use agent::{
    batch::{Batch, Compression, Encoder},
    buffer::{self, Buffer, Destination, Entry},
    output::{HttpSettings, Kind, Output, Settings, Token},
    ship::{Now, SharedBuffer, breaker, tls},
};
use serde_json::{Value, json};
use support::{Receiver, decode_otlp, python_with_definitions, unpacked};
use uuid::Uuid;
use wire::BatchId;

struct Bench {
    _folder: tempfile::TempDir,
    buffer: SharedBuffer,
    output: Output,
    now: Cell<Duration>,
    runtime: tokio::runtime::Runtime,
    batches: u64,
}

impl Bench {
    fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            buffer::Settings { max_bytes: 1_000_000, ..buffer::Settings::at(folder.path()) };
        let mut buffer = Buffer::open(&settings).unwrap();
        buffer.set_destinations(&["out".to_owned()]).unwrap();
        let buffer = Arc::new(Mutex::new(buffer));
        let settings = Settings { name: "out".to_owned(), kind };
        let output =
            Output::new(&settings, Arc::clone(&buffer), breaker::Settings::default(), 1).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let now = Cell::new(Duration::ZERO);
        Self { _folder: folder, buffer, output, now, runtime, batches: 0 }
    }

    fn push(&mut self, entries: &[Value]) {
        self.batches += 1;
        let json: Vec<String> = entries.iter().map(Value::to_string).collect();
        let mut batch = Batch {
            entries: entries.len() as u64,
            levels: BTreeMap::new(),
            json: json.join(",").into_bytes(),
            start: 0,
            end: 1,
        };
        let id = BatchId::new(Uuid::from_u128(u128::from(self.batches)));
        let mut encoder = Encoder::new("shop".to_owned(), "db1".to_owned(), Compression::Zstd);
        let batch = encoder.seal(&mut batch, id, Path::new("/log/a.log"), 1_764_000_000.5);
        let mut buffer = self.buffer.lock().unwrap();
        buffer.push(&[Entry::new(batch, None)], 1).unwrap();
    }

    /// Makes turns; every pause passes at once. Ends when nothing is left, or after `turns`.
    fn run(&mut self, turns: u32) {
        for _ in 0..turns {
            let now = &self.now;
            let clock = || Now {
                monotonic: now.get(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000) + now.get(),
            };
            let pause = self.runtime.block_on(self.output.turn(&clock)).unwrap();
            self.now.set(self.now.get() + pause);
            let idle = Duration::from_millis(500);
            if pause == idle && self.buffer.lock().unwrap().peek_for("out").unwrap().is_none() {
                return;
            }
        }
    }

    /// Returns what the output got. The account of the listener, which got nothing, balances beside it.
    fn counts(&self) -> Destination {
        let mut buffer = self.buffer.lock().unwrap();
        let ledger = buffer.ledger().unwrap();
        assert!(ledger.balances() && ledger.waiting == ledger.read, "{ledger:?}");
        buffer.destinations().unwrap().remove(0)
    }
}

fn http(receiver: &Receiver, path: &str) -> HttpSettings {
    HttpSettings {
        url: format!("http://{}{path}", receiver.address).parse().unwrap(),
        token: Token::Inline("secret".to_owned().into()),
        headers: BTreeMap::from([("X-Scope-OrgID".to_owned(), "tenant".to_owned().into())]),
        timeout: Duration::from_secs(5),
        tls: tls::Settings::default(),
    }
}

fn entry(number: u64) -> Value {
    json!({
        "timestamp": "2026-11-24T02:21:01.123456Z", "pid": 4242, "level": "ERROR",
        "message": format!("entry {number}\nsecond line é"), "user": "bob", "database": "shop",
        "statement": "SELECT 1/0", "state_code": "22012", "duration_ms": 1.5,
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "fields": {"a": [1]}, "unparsed": false
    })
}

fn ok() -> Option<(&'static str, String)> {
    Some(("200 OK", String::new()))
}

fn lines(body: &[u8]) -> Vec<Value> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn json_lines_over_http_are_the_entries() {
    let receiver = Receiver::start(|_, _| ok());
    let mut bench = Bench::new(Kind::JsonLines(http(&receiver, "/in")));
    bench.push(&[entry(1), entry(2)]);
    bench.push(&[entry(3)]);
    bench.run(100);
    let requests = receiver.requests.lock().unwrap();
    assert!(requests[0].head.starts_with("POST /in HTTP/1.1"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(requests[0].header("x-scope-orgid"), Some("tenant"));
    let all: Vec<Value> = requests.iter().flat_map(|request| lines(&unpacked(request))).collect();
    assert_eq!(all, [entry(1), entry(2), entry(3)]);
    assert_eq!((bench.counts().delivered, bench.counts().rejected), (3, 0));
}

#[test]
fn loki_gets_streams_with_few_labels_and_times_in_nanoseconds() {
    let receiver = Receiver::start(|_, _| Some(("204 No Content", String::new())));
    let mut bench = Bench::new(Kind::Loki(http(&receiver, "/loki/api/v1/push")));
    let log = json!({"timestamp": "2026-11-24T02:21:02Z", "level": "LOG", "message": "x"});
    bench.push(&[entry(1), log.clone(), entry(2)]);
    bench.run(100);
    let body: Value =
        serde_json::from_slice(&unpacked(&receiver.requests.lock().unwrap()[0])).unwrap();
    let streams = body["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2);
    assert_eq!(
        streams[0]["stream"],
        json!({"service_name": "postgresql", "project": "shop", "host": "db1", "level": "error"})
    );
    let first = &streams[0]["values"][0];
    assert_eq!(first[0], "1795486861123456000");
    assert_eq!(serde_json::from_str::<Value>(first[1].as_str().unwrap()).unwrap(), entry(1));
    assert_eq!(streams[1]["values"][0][1], log.to_string());
}

#[test]
fn elasticsearch_gets_documents_whose_ids_do_not_change() {
    let receiver = Receiver::start(|number, _| match number {
        0 => Some((
            "200 OK",
            r#"{"errors":true,"items":[{"create":{"status":201}},
            {"create":{"status":429}}]}"#
                .to_owned(),
        )),
        _ => Some((
            "200 OK",
            r#"{"errors":true,"items":[{"create":{"status":409}},
            {"create":{"status":400,"error":{"reason":"odd"}}}]}"#
                .to_owned(),
        )),
    });
    let http = http(&receiver, "/_bulk");
    let mut bench = Bench::new(Kind::Elasticsearch { http, index: "pg".to_owned() });
    bench.push(&[entry(1), entry(2)]);
    bench.run(100);
    let requests = receiver.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    let (first, again) = (lines(&unpacked(&requests[0])), lines(&unpacked(&requests[1])));
    assert_eq!(first, again);
    let id = format!("{}-1", Uuid::from_u128(1));
    assert_eq!(first[2], json!({"create": {"_index": "pg", "_id": id}}));
    assert_eq!(first[1]["@timestamp"], "2026-11-24T02:21:01.123456Z");
    assert_eq!((bench.counts().delivered, bench.counts().rejected), (1, 1));
}

#[test]
fn gelf_messages_end_with_nul_and_keep_the_rules() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let graylog = std::thread::spawn(move || {
        let mut reader = BufReader::new(socket.accept().unwrap().0);
        (0..2)
            .map(|_| {
                let mut message = Vec::new();
                reader.read_until(0, &mut message).unwrap();
                assert_eq!(message.pop(), Some(0));
                serde_json::from_slice::<Value>(&message).unwrap()
            })
            .collect::<Vec<_>>()
    });
    let mut bench = Bench::new(Kind::Gelf { address, timeout: Duration::from_secs(5) });
    bench.push(&[entry(1), json!({"message": ""})]);
    bench.run(100);
    let messages = graylog.join().unwrap();
    assert_gelf(&messages);
    assert_eq!(bench.counts().delivered, 2);
}

/// Checks messages of `entry(1)` and of one without text by the rules of GELF.
fn assert_gelf(messages: &[Value]) {
    assert_eq!(messages[0]["version"], "1.1");
    assert_eq!(messages[0]["host"], "db1");
    assert_eq!(messages[0]["short_message"], "entry 1");
    assert_eq!(messages[0]["level"], 3);
    assert_eq!(messages[0]["timestamp"], 1_795_486_861.123);
    for (name, value) in messages[0].as_object().unwrap() {
        assert!(value.is_string() || value.is_number(), "{name}: {value}");
        let known = ["version", "host", "short_message", "full_message", "timestamp", "level"];
        assert!(name.starts_with('_') || known.contains(&name.as_str()), "{name}");
    }
    assert_eq!(messages[1]["short_message"], "-");
}

#[test]
fn gelf_over_http_sends_each_message_by_itself_and_none_twice() {
    let receiver = Receiver::start(|number, _| match number {
        // An outage does not begin the batch anew.
        1 => Some(("503 Service Unavailable", String::new())),
        3 => Some(("400 Bad Request", "odd".to_owned())),
        _ => Some(("202 Accepted", String::new())),
    });
    let mut bench = Bench::new(Kind::GelfHttp(http(&receiver, "/gelf")));
    bench.push(&[entry(1), json!({"message": ""}), entry(3), entry(4)]);
    bench.run(100);
    let requests = receiver.requests.lock().unwrap();
    assert!(requests[0].head.starts_with("POST /gelf HTTP/1.1"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let messages: Vec<Value> = requests
        .iter()
        .map(|request| serde_json::from_slice(&unpacked(request)).unwrap())
        .collect();
    assert_eq!(messages[1], messages[2]);
    assert_gelf(&[messages[0].clone(), messages[2].clone()]);
    assert_eq!((messages.len(), bench.counts().delivered, bench.counts().rejected), (5, 3, 1));
}

#[test]
fn page_of_another_server_delivers_nothing_to_any_output() {
    let page = || Some(("200 OK", "<!DOCTYPE html><title>Log in</title>".to_owned()));
    let receiver = Receiver::start(move |_, _| page());
    let to = || http(&receiver, "/");
    let kinds = [
        Kind::Otlp(to()),
        Kind::Loki(to()),
        Kind::JsonLines(to()),
        Kind::GelfHttp(to()),
        Kind::Elasticsearch { http: to(), index: "pg".to_owned() },
    ];
    for kind in kinds {
        let name = format!("{kind:?}");
        let mut bench = Bench::new(kind);
        bench.push(&[entry(1), entry(2)]);
        bench.run(20);
        assert_eq!((bench.counts().delivered, bench.counts().rejected), (0, 0), "{name}");
        assert!(bench.buffer.lock().unwrap().peek_for("out").unwrap().is_some(), "{name}");
    }
}

#[test]
fn file_grows_by_whole_lines_and_can_be_renamed_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let mut bench = Bench::new(Kind::File(path.clone()));
    bench.push(&[entry(1), entry(2)]);
    bench.run(100);
    fs::rename(&path, folder.path().join("old")).unwrap();
    bench.push(&[entry(3)]);
    bench.run(100);
    assert_eq!(lines(&fs::read(folder.path().join("old")).unwrap()), [entry(1), entry(2)]);
    assert_eq!(lines(&fs::read(&path).unwrap()), [entry(3)]);
}

#[test]
fn entry_that_is_refused_costs_itself_alone_and_nothing_twice() {
    let receiver = Receiver::start(|number, request| {
        let body = String::from_utf8(unpacked(request)).unwrap();
        match number {
            // An outage in the middle of the search does not begin it anew.
            3 => None,
            _ if body.contains("entry 5\\n") => Some(("400 Bad Request", "odd".to_owned())),
            _ => ok(),
        }
    });
    let mut bench = Bench::new(Kind::JsonLines(http(&receiver, "/")));
    let entries: Vec<Value> = (0..16).map(entry).collect();
    bench.push(&entries);
    bench.run(1000);
    let counts = bench.counts();
    assert_eq!((counts.delivered, counts.rejected), (15, 1));
    let mut delivered = Vec::new();
    for (number, request) in receiver.requests.lock().unwrap().iter().enumerate() {
        let body = unpacked(request);
        if number != 3 && !String::from_utf8_lossy(&body).contains("entry 5\\n") {
            delivered.extend(lines(&body));
        }
    }
    let expected: Vec<Value> = (0..16).filter(|number| *number != 5).map(entry).collect();
    assert_eq!(delivered, expected);
}

#[test]
fn output_that_refuses_everything_loses_nothing_and_delays_nobody() {
    let receiver = Receiver::start(|_, _| Some(("400 Bad Request", "all of it".to_owned())));
    let mut bench = Bench::new(Kind::JsonLines(http(&receiver, "/")));
    bench.push(&(0..16).map(entry).collect::<Vec<_>>());
    bench.run(200);
    let counts = bench.counts();
    assert_eq!((counts.delivered, counts.rejected, counts.lost), (0, 0, 0));
    let mut buffer = bench.buffer.lock().unwrap();
    assert!(buffer.peek_for("out").unwrap().is_some());
    // The listener's turn is as ever.
    let waiting = buffer.peek(&[]).unwrap().unwrap();
    buffer.ack(waiting.seq).unwrap();
    assert!(buffer.ledger().unwrap().balances());
}

#[test]
fn output_that_refuses_everything_loses_no_more_than_two_entries_of_small_batches() {
    let receiver = Receiver::start(|number, _| match number {
        0..20 => Some(("400 Bad Request", "all of it".to_owned())),
        _ => ok(),
    });
    let mut bench = Bench::new(Kind::JsonLines(http(&receiver, "/")));
    for number in 0..10 {
        bench.push(&[entry(number)]);
    }
    bench.run(18);
    assert_eq!((bench.counts().delivered, bench.counts().rejected), (0, 2));
    bench.run(200);
    assert_eq!((bench.counts().delivered, bench.counts().rejected), (8, 2));
}

#[test]
fn old_entries_that_are_refused_do_not_keep_new_ones_back() {
    let receiver = Receiver::start(|_, request| {
        let body = String::from_utf8(unpacked(request)).unwrap();
        let is_old = (0..40).any(|number| body.contains(&format!("entry {number}\\n")));
        if is_old { Some(("400 Bad Request", "too old".to_owned())) } else { ok() }
    });
    let mut bench = Bench::new(Kind::JsonLines(http(&receiver, "/")));
    bench.push(&(0..40).map(entry).collect::<Vec<_>>());
    bench.push(&(40..80).map(entry).collect::<Vec<_>>());
    bench.run(1000);
    let counts = bench.counts();
    assert_eq!((counts.delivered, counts.rejected, counts.lost), (40, 40, 0));
    assert!(receiver.count() < 200, "{} requests", receiver.count());
}

#[test]
fn otlp_answer_that_takes_a_part_is_counted() {
    // ExportLogsServiceResponse { partial_success { rejected_log_records: 1, error_message: "old" } }
    let receiver =
        Receiver::start(|_, _| Some(("200 OK", "\n\u{7}\u{8}\u{1}\u{12}\u{3}old".to_owned())));
    let mut bench = Bench::new(Kind::Otlp(http(&receiver, "/v1/logs")));
    bench.push(&[entry(1), entry(2)]);
    bench.run(100);
    assert_eq!((bench.counts().delivered, bench.counts().rejected), (1, 1));
    assert_eq!(receiver.count(), 1, "it is not sent again");
}

/// Sends entries to an OTLP receiver, and decodes what it gets.
fn decoded_by(python: &str, entries: &[Value]) -> Value {
    let receiver = Receiver::start(|_, _| ok());
    let mut bench = Bench::new(Kind::Otlp(http(&receiver, "/v1/logs")));
    bench.push(entries);
    bench.run(100);
    let request = receiver.requests.lock().unwrap()[0].clone();
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    decode_otlp(python, "logs", &unpacked(&request))
}

#[test]
fn otlp_request_is_what_the_published_definitions_say() {
    let Some(python) = python_with_definitions() else {
        eprintln!("not checked: no Python with opentelemetry-proto");
        return;
    };
    let decoded = decoded_by(&python, &[entry(1), json!({"message": "bare"})]);
    let string = |value: &str| json!({ "stringValue": value });
    let pair = |key: &str, value: Value| json!({"key": key, "value": value});
    let expected = json!({
        "resource": {"attributes": [
            pair("service.name", string("postgresql")),
            pair("service.namespace", string("shop")),
            pair("host.name", string("db1")),
            pair("db.system.name", string("postgresql")),
            pair("log.file.path", string("/log/a.log")),
        ]},
        "scopeLogs": [{
            "scope": {"name": "pgcourier", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": [
                {
                    "timeUnixNano": "1795486861123456000",
                    "observedTimeUnixNano": "1764000000500000000",
                    "severityNumber": "SEVERITY_NUMBER_ERROR",
                    "severityText": "ERROR",
                    "body": string("entry 1\nsecond line é"),
                    "traceId": "CvdlGRbNQ92ESOshHIAxnA==",
                    "attributes": [
                        pair("db.namespace", string("shop")),
                        pair("postgresql.log.duration_ms", json!({"doubleValue": 1.5})),
                        pair("postgresql.log.fields", string("{\"a\":[1]}")),
                        pair("process.pid", json!({"intValue": "4242"})),
                        pair("db.response.status_code", string("22012")),
                        pair("db.query.text", string("SELECT 1/0")),
                        pair("postgresql.log.unparsed", json!({"boolValue": false})),
                        pair("postgresql.log.user", string("bob")),
                    ],
                },
                {
                    "timeUnixNano": "1764000000500000000",
                    "observedTimeUnixNano": "1764000000500000000",
                    "body": string("bare"),
                },
            ],
        }],
    });
    assert_eq!(decoded["resourceLogs"][0], expected);
}
