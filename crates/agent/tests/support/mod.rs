//! A receiver that answers as it is told, on loopback.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The body, as compressed as it came.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Tells whether this is a batch in zstd, and not a snapshot of the agent's health.
    pub(crate) fn is_batch(&self) -> bool {
        self.body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    }
}

/// Takes requests one after the other. `answer` gets each with its number and returns status line and
/// body; `None` closes the connection without a word.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub(crate) fn start(
        answer: impl Fn(usize, &Request) -> Option<(&'static str, String)> + Send + 'static,
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
                    let Some((status, body)) = answer(number, &request) else { break };
                    let length = body.len();
                    let answer =
                        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, requests }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut length = 0;
    let mut request_line = String::new();
    reader.read_line(&mut request_line).ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { body })
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
