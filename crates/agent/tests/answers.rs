#![cfg(test)]
//! What a client makes of answers as they go over the wire: whole, cut, reset, endless, and those of other
//! servers.

mod support;

use std::{
    collections::BTreeMap,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, SystemTime},
};

use agent::{
    batch::{Batch, Compression, Encoder, SealedBatch},
    ship::{self, Client, Delivery},
};
use secrecy::SecretString;
use support::{Receiver, read_request};
use uuid::Uuid;
use wire::BatchId;

fn sealed() -> SealedBatch {
    let json = br#"{"level":"LOG","message":"x"}"#.to_vec();
    let mut batch =
        Batch { entries: 1, levels: BTreeMap::from([("LOG", 1)]), json, start: 0, end: 1 };
    let mut encoder = Encoder::new("p".to_owned(), "a".to_owned(), Compression::Zstd);
    encoder.seal(&mut batch, BatchId::new(Uuid::from_u128(1)), Path::new("/x.log"), 1.0)
}

/// Sends one batch to an address.
fn delivery_at(address: std::net::SocketAddr, timeout: Duration) -> Delivery {
    let settings = ship::Settings {
        url: format!("http://{address}/ingest/postgres").parse().unwrap(),
        api_key: SecretString::from("key".to_owned()),
        api_key_file: None,
        timeout,
        tls: ship::tls::Settings::default(),
    };
    let client = Client::new(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.send(&sealed(), SystemTime::UNIX_EPOCH))
}

/// Sends one batch to a receiver that answers with these bytes.
fn delivery_of(answer: Vec<u8>) -> Delivery {
    let receiver = Receiver::start_raw(move |_, _| Some(answer.clone()));
    let delivery = delivery_at(receiver.address, Duration::from_secs(2));
    let requests = receiver.requests.lock().unwrap();
    // hyper sends a request again where a connection that was kept turns out to be closed; a new one
    // is not such a connection.
    assert_eq!(requests.len(), 1, "no redirect is followed, nothing is sent twice");
    assert_eq!(requests[0].header("authorization"), Some("Bearer key"));
    delivery
}

/// Sends one batch to a server that does this with the connection once it has the request.
fn delivery_from(serve: impl FnOnce(TcpStream) + Send + 'static, timeout: Duration) -> Delivery {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut reader = BufReader::new(socket.accept().unwrap().0);
        // An answer before its question would be another fault.
        assert!(read_request(&mut reader).is_some());
        serve(reader.into_inner());
    });
    let delivery = delivery_at(address, timeout);
    server.join().unwrap();
    delivery
}

/// The answer of a listener, with its length said in either way.
fn answers() -> [Vec<u8>; 2] {
    let body = r#"{"success":true,"row_id":1}"#;
    let length = body.len();
    [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        )
        .into_bytes(),
    ]
}

#[test]
fn answer_cut_anywhere_delivers_nothing() {
    for answer in answers() {
        for length in 0..answer.len() {
            let delivery = delivery_of(answer[..length].to_vec());
            assert!(matches!(delivery, Delivery::Failed { .. }), "{length}: {delivery:?}");
        }
        assert_eq!(delivery_of(answer), Delivery::Delivered { duplicate: false });
    }
}

#[test]
fn connection_reset_anywhere_in_the_answer_delivers_nothing() {
    for answer in answers() {
        for length in 0..answer.len() {
            let part = answer[..length].to_vec();
            let reset = move |mut stream: TcpStream| {
                stream.write_all(&part).unwrap();
                // Closing becomes a reset.
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            };
            let delivery = delivery_from(reset, Duration::from_secs(5));
            assert!(matches!(delivery, Delivery::Failed { .. }), "{length}: {delivery:?}");
        }
    }
}

#[test]
fn connection_reset_before_the_request_is_taken_delivers_nothing() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = thread::spawn(move || {
        // hyper may try once more.
        for stream in socket.incoming().take(1) {
            let mut stream = stream.unwrap();
            // What is not read makes a reset of the end.
            stream.read_exact(&mut [0; 10]).unwrap();
        }
    });
    let delivery = delivery_at(address, Duration::from_secs(5));
    server.join().unwrap();
    assert!(matches!(delivery, Delivery::Failed { .. }), "{delivery:?}");
}

#[test]
fn every_status_over_the_network_keeps_the_data() {
    for status in 200..=599 {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}");
        let delivery = delivery_of(answer.into_bytes());
        assert!(!matches!(delivery, Delivery::Delivered { .. }), "{status}: {delivery:?}");
    }
}

#[test]
fn page_of_another_server_and_a_redirect_deliver_nothing() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 25\r\n\r\n<html>Please log in</html>",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 16\r\n\r\n{\"success\":true}",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ];
    for answer in answers {
        let delivery = delivery_of(answer.as_bytes().to_vec());
        assert!(matches!(delivery, Delivery::Held { .. }), "{answer}: {delivery:?}");
    }
}

#[test]
fn words_that_are_not_a_listeners_deliver_nothing() {
    let bodies = [
        "",
        "true",
        "null",
        "[{\"success\":true}]",
        "{\"success\":\"true\"}",
        "{\"success\":1}",
        "{\"Success\":true}",
        "{\"success\":true",
        "{\"success\":true} and more",
        "{\"data\":{\"success\":true}}",
        "\u{feff}{\"success\":true}",
        "{\"success\":false,\"row_id\":1}",
    ];
    for body in bodies {
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let delivery = delivery_of(answer.into_bytes());
        assert!(matches!(delivery, Delivery::Held { .. }), "{body}: {delivery:?}");
    }
}

#[test]
fn answers_that_are_no_http_fail() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let answers = [
        "\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}P",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 99 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"success\":true}",
        "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nContent-Length: 15\r\n\r\n{\"success\":true}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{\"success\":true}\r\n0\r\n\r\n",
        long.as_str(),
    ];
    for answer in answers {
        let delivery = delivery_of(answer.as_bytes().to_vec());
        let start: String = answer.chars().take(60).collect();
        assert!(matches!(delivery, Delivery::Failed { .. }), "{start:?}: {delivery:?}");
    }
}

#[test]
fn answer_that_does_not_end_is_given_up() {
    let silent = |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{").unwrap();
        // Without another word, until the client has gone.
        let _gone = stream.read(&mut [0]);
    };
    let dripping = |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").unwrap();
        let (_sender, never) = mpsc::channel::<()>();
        while stream.write_all(b" ").is_ok() {
            let _timed_out = never.recv_timeout(Duration::from_millis(5));
        }
    };
    let interim = |mut stream: TcpStream| {
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").is_ok() {}
    };
    let timeout = Duration::from_millis(100);
    let given_up = Delivery::Failed { why: "no answer in time".to_owned() };
    assert_eq!(delivery_from(silent, timeout), given_up);
    assert_eq!(delivery_from(dripping, timeout), given_up);
    let delivery = delivery_from(interim, timeout);
    assert!(matches!(delivery, Delivery::Failed { .. }), "{delivery:?}");
}

#[test]
fn answer_without_bounds_is_read_to_a_point() {
    let flood = |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    };
    let delivery = delivery_from(flood, Duration::from_secs(60));
    assert!(matches!(delivery, Delivery::Held { .. }), "{delivery:?}");
}
