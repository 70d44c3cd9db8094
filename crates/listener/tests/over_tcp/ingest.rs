//! What agents send, over a real connection.

use std::{
    io::Write,
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::client::{KEY, Listener, batch, message, read_reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

fn old_agent(source: &str, data: &Value) -> Value {
    json!({"correlation_id": "", "project": "p", "timestamp": 1_769_500_000.123, "source": source,
           "data": data})
}

#[test]
fn an_accepted_batch_is_answered_with_its_row() {
    let listener = Listener::start();
    let reply = listener.post(&message("hello"));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), json!({"success": true, "row_id": 1, "source": "pg_log"}));
    assert_eq!(listener.messages(""), ["hello"]);
}

#[test]
fn the_key_decides_the_project() {
    let listener = Listener::start();
    let body = message("of crm").to_string();
    assert_eq!(listener.post_bytes(body.as_bytes(), &bearer("key-of-crm")).status, 200);
    assert_eq!(listener.messages("project=crm"), ["of crm"]);
    assert!(listener.messages("project=shop").is_empty());
}

#[test]
fn resends_from_many_connections_are_stored_once() {
    let listener = Arc::new(Listener::start());
    let body = Arc::new(message("once"));
    let senders = (0..16).map(|_| {
        let (listener, body) = (Arc::clone(&listener), Arc::clone(&body));
        thread::spawn(move || listener.post(&body))
    });
    let replies = senders.collect::<Vec<_>>().into_iter().map(|sender| sender.join().unwrap());
    let duplicates = replies.map(|reply| {
        assert_eq!(reply.status, 200);
        reply.json().get("duplicate") == Some(&json!(true))
    });
    assert_eq!(duplicates.filter(|duplicate| !duplicate).count(), 1);
    assert_eq!(listener.messages(""), ["once"]);
}

#[test]
fn a_resend_is_recognised_after_a_restart() {
    let listener = Listener::start();
    let body = message("once");
    assert_eq!(listener.post(&body).json().get("duplicate"), None);
    let listener = Listener::at(listener.stop(), |_| {});
    assert_eq!(listener.post(&body).json()["duplicate"], true);
    assert_eq!(listener.messages(""), ["once"]);
}

#[test]
fn the_old_agents_requests_are_accepted() {
    let listener = Listener::start();
    let entry = json!({"timestamp": "2026-01-27 07:46:40.123", "pid": 7, "level": "LOG",
                       "message": "duration: 3.5 ms  statement: SELECT 1", "duration_ms": 3.5,
                       "statement": "SELECT 1"});
    for (source, data) in [
        ("pg_stat_activity", json!({"sessions": [], "count": 0, "with_correlation": 0})),
        ("pg_stat_statements", json!({"statements": [], "count": 0})),
        ("pg_locks", json!({"locks": [], "count": 0, "has_blocking": false})),
        ("system_metrics", json!({"cpu": {"percent": 1.5}})),
        ("pg_log", json!({"entries": [entry], "count": 1, "levels": {"LOG": 1}})),
    ] {
        let reply = listener.post(&old_agent(source, &data));
        assert_eq!(reply.status, 200, "{source}: {}", reply.text());
        assert_eq!(reply.json()["source"], source);
    }
    let found = listener.get("/api/entries").json();
    assert_eq!(found["entries"][0]["timestamp"], "2026-01-27T07:46:40.123Z");
    assert_eq!(found["entries"][0]["entry"], entry);
}

#[test]
fn a_sample_is_known_by_its_idempotency_key() {
    let listener = Listener::start();
    let body = old_agent("pg_locks", &json!({})).to_string();
    let headers = format!("{}Idempotency-Key: \"{}\"\r\n", bearer(KEY), Uuid::now_v7());
    let first = listener.post_bytes(body.as_bytes(), &headers).json();
    let again = listener.post_bytes(body.as_bytes(), &headers).json();
    assert_eq!((first.get("duplicate"), &again["duplicate"]), (None, &json!(true)));

    let batch = batch(Uuid::now_v7(), &[]).to_string();
    assert_eq!(listener.post_bytes(batch.as_bytes(), &headers).status, 400);
    let headers = format!("{}Idempotency-Key: seven\r\n", bearer(KEY));
    let reply = listener.post_bytes(body.as_bytes(), &headers);
    assert!(reply.text().contains("Idempotency-Key: a batch id is a UUID"), "{}", reply.text());
}

#[test]
fn a_wrong_key_is_refused_in_the_words_that_agents_know() {
    let listener = Listener::start();
    for (headers, message) in [
        ("", "Missing Authorization header"),
        ("Authorization: Basic eDp5\r\n", "Missing Bearer token"),
        ("Authorization: Bearer\r\n", "Empty API key"),
        ("Authorization: Bearer nonsense\r\n", "Invalid API key"),
        ("Authorization: Bearer key-of-sho\r\n", "Invalid API key"),
    ] {
        let reply = listener.post_bytes(b"{}", headers);
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json()["error"], "Unauthorized");
        assert_eq!(reply.json()["message"], message);
    }
}

#[test]
fn every_compression_is_read() {
    let listener = Listener::start();
    let zstd = |text: &str| zstd::encode_all(message(text).to_string().as_bytes(), 3).unwrap();
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(message(text).to_string().as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (encoding, body) in [("zstd", zstd("z")), ("gzip", gzip("g")), ("Identity", vec![])] {
        let body = if body.is_empty() { message("i").to_string().into_bytes() } else { body };
        let headers = format!("{}Content-Encoding: {encoding}\r\n", bearer(KEY));
        assert_eq!(listener.post_bytes(&body, &headers).status, 200, "{encoding}");
    }
    let headers = format!("{}Content-Encoding: br\r\n", bearer(KEY));
    let reply = listener.post_bytes(b"x", &headers);
    assert_eq!((reply.status, reply.header("accept-encoding")), (415, Some("zstd, gzip")));
    let headers = format!("{}Content-Encoding: zstd\r\n", bearer(KEY));
    assert_eq!(listener.post_bytes(b"no zstd", &headers).status, 400);
}

#[test]
fn a_bomb_is_refused() {
    let listener = Listener::start();
    let bomb = zstd::encode_all(&vec![b' '; wire::MAX_DECODED_BYTES + 1][..], 19).unwrap();
    let headers = format!("{}Content-Encoding: zstd\r\n", bearer(KEY));
    let reply = listener.post_bytes(&bomb, &headers);
    assert_eq!(reply.status, 413);
    assert!(reply.json()["message"].as_str().unwrap().contains("33554432"), "{}", reply.text());
}

#[test]
fn a_body_too_large_is_refused_with_an_answer_that_arrives() {
    let listener = Listener::start();
    let body = vec![b' '; wire::MAX_BODY_BYTES + 1];
    assert_eq!(listener.post_bytes(&body, &bearer(KEY)).status, 413);

    let chunk = vec![b' '; 1 << 20];
    let mut request = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n{}\r\n",
        bearer(KEY)
    )
    .into_bytes();
    for _ in 0..9 {
        request.extend_from_slice(b"100000\r\n");
        request.extend_from_slice(&chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(crate::client::exchange(listener.address, &request).status, 413);
}

#[test]
fn a_slow_body_is_cut_off() {
    let listener = Listener::with(|config| config.limits.body_timeout_s = 1);
    let mut stream = TcpStream::connect(listener.address).unwrap();
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n{}\r\n{{",
        bearer(KEY)
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().status, 408);
}

#[test]
fn a_wrong_entry_is_named_and_nothing_of_its_batch_is_stored() {
    let listener = Listener::start();
    let reply =
        listener.post(&batch(Uuid::now_v7(), &[json!({"message": "a"}), json!({"pid": "x"})]));
    assert_eq!(reply.status, 400);
    let refusal: wire::Refusal = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(refusal.message, "Payload validation failed");
    assert!(refusal.details[0].starts_with("data.entries[1].pid: expected a whole number"));
    assert!(listener.messages("").is_empty());
}

#[test]
fn too_many_requests_are_told_when_to_come_again() {
    let listener = Listener::with(|config| config.limits.requests_per_minute = 2);
    // A minute may end between the requests, but not twice.
    let replies = (0..6).map(|_| listener.post(&message("m"))).collect::<Vec<_>>();
    let refused = replies.iter().find(|reply| reply.status == 429).unwrap();
    let wait = refused.header("retry-after").unwrap().parse::<u32>().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let other = listener.post_bytes(message("m").to_string().as_bytes(), &bearer("key-of-crm"));
    assert_eq!(other.status, 200);
}

#[test]
fn a_full_disk_is_a_503_and_stores_nothing() {
    let listener = Listener::with(|config| config.store.max_size_mb = Some(1));
    let entries = vec![json!({"message": "x".repeat(2000)}); 100];
    let mut accepted = 0;
    let refused = loop {
        let reply = listener.post(&batch(Uuid::now_v7(), &entries));
        if reply.status != 200 {
            break reply;
        }
        accepted += 1;
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    assert_eq!(listener.messages("").len(), accepted * 100);
    let ready = listener.get("/ready");
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
}

#[test]
fn a_request_under_way_is_answered_when_the_listener_stops() {
    let listener = Listener::start();
    let body = message("late").to_string();
    let mut stream = TcpStream::connect(listener.address).unwrap();
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n{}\r\n",
        body.len(),
        bearer(KEY)
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The listener waits for the body once it has said so.
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut stream, &mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 "));
    let stopping = thread::spawn(move || listener.stop());
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().status, 200);
    let listener = Listener::at(stopping.join().unwrap(), |_| {});
    assert_eq!(listener.messages(""), ["late"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "measures how long a stop takes")]
fn a_request_that_does_not_end_does_not_keep_the_listener_from_stopping() {
    let listener = Listener::start();
    let mut stream = TcpStream::connect(listener.address).unwrap();
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\
         Expect: 100-continue\r\n{}\r\n",
        bearer(KEY)
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::io::Read::read_exact(&mut stream, &mut [0; 25]).unwrap();
    let start = Instant::now();
    drop(listener.stop());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_body_is_a_500(bodies in proptest::collection::vec(
        (proptest::collection::vec(any::<u8>(), 0..200), "(zstd|gzip|identity)"), 20)) {
        let listener = Listener::start();
        for (body, encoding) in bodies {
            let headers = format!("{}Content-Encoding: {encoding}\r\n", bearer(KEY));
            let reply = listener.post_bytes(&body, &headers);
            prop_assert_eq!(reply.status, 400, "{}", reply.text());
        }
        prop_assert_eq!(listener.post(&message("still here")).status, 200);
    }
}
