//! A receiver that answers as it is told, on loopback.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers.
    pub(crate) head: String,
    /// The body, as compressed as it came.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Tells whether this is a batch in zstd, and not a snapshot of the agent's health.
    pub(crate) fn is_batch(&self) -> bool {
        self.body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Returns the body as text, unpacked where it is zstd.
    pub(crate) fn text(&self) -> String {
        let body = if self.is_batch() {
            zstd::decode_all(&self.body[..]).unwrap()
        } else {
            self.body.clone()
        };
        String::from_utf8(body).unwrap()
    }
}

/// Takes requests one after the other. `answer` gets each with its number and returns status line, with
/// headers if need be, and body; `None` closes the connection without a word.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub(crate) fn start(
        answer: impl Fn(usize, &Request) -> Option<(&'static str, String)> + Send + 'static,
    ) -> Self {
        Self::start_raw(move |number, request| {
            let (status, body) = answer(number, request)?;
            let length = body.len();
            Some(
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
            )
        })
    }

    /// Like [`Receiver::start`], with answers as they go over the wire. An answer that does not say its
    /// length ends with the connection.
    pub(crate) fn start_raw(
        answer: impl Fn(usize, &Request) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in socket.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                while let Some(request) = read_request(&mut reader) {
                    let number = {
                        let mut all = shared.lock().unwrap();
                        all.push(request.clone());
                        all.len() - 1
                    };
                    let Some(answer) = answer(number, &request) else { break };
                    if reader.get_mut().write_all(&answer).is_err() || !is_complete(&answer) {
                        break;
                    }
                }
            }
        });
        Self { address, requests }
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Fails where a batch that was sent again differed from what was sent first.
    pub(crate) fn assert_resends_are_identical(&self) {
        let mut first: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for request in self.requests.lock().unwrap().iter() {
            let id = request.header("idempotency-key").unwrap().to_owned();
            let body = first.entry(id.clone()).or_insert_with(|| request.body.clone());
            assert_eq!(*body, request.body, "{id} was sent with another body");
        }
    }
}

/// Tells whether the connection can be used after this answer.
fn is_complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    head.lines().any(|line| line == format!("Content-Length: {}", body.len()))
}

pub(crate) fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut length = 0;
    let mut head = String::new();
    loop {
        let start = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = &head[start..];
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

/// The answer of a listener that has stored a batch.
pub(crate) fn stored() -> Option<(&'static str, String)> {
    Some(("200 OK", r#"{"success":true,"row_id":1,"source":"pg_log"}"#.to_owned()))
}

/// Waits until something is true, for half a minute at most.
pub(crate) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let (_sender, never) = mpsc::channel::<()>();
    for _ in 0..600 {
        if is_true() {
            return;
        }
        let _timed_out = never.recv_timeout(Duration::from_millis(50));
    }
    panic!("not within half a minute: {what}");
}

/// Returns the body of a request, which is gzip.
pub(crate) fn unpacked(request: &Request) -> Vec<u8> {
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut body).unwrap();
    body
}

/// Returns a Python that has the definitions which OpenTelemetry publishes, if there is one:
/// `python3 -m pip install opentelemetry-proto`. `PGCOURIER_TEST_PYTHON` names another Python.
pub(crate) fn python_with_definitions() -> Option<String> {
    let python = std::env::var("PGCOURIER_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_definitions = Command::new(&python)
        .args(["-c", "import opentelemetry.proto.collector.logs.v1.logs_service_pb2"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    has_definitions.then_some(python)
}

/// Decodes a request of OTLP, `logs` or `metrics`, by the published definitions.
pub(crate) fn decode_otlp(python: &str, kind: &str, body: &[u8]) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    fs::write(&file, body).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support/decode_otlp.py");
    let output = Command::new(python).arg(script).arg(kind).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
