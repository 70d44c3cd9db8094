//! A listener on a port of its own, and a client that sends exactly what it is told to.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread::{self, JoinHandle},
    time::Duration,
};

use listener::{Config, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot};
use uuid::Uuid;

/// The key of project `shop`.
pub(crate) const KEY: &str = "key-of-shop";

/// A running listener; it stops when it is dropped.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Starts a listener with the projects `shop` and `crm`.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// Starts a listener with a changed configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::at(tempfile::tempdir().unwrap(), change)
    }

    /// Starts a listener on the database in `folder`.
    pub(crate) fn at(folder: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(folder.path());
        change(&mut config);
        let server = Server::bind(&config).unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(server.run(async { drop(stopped.await) })).unwrap();
        });
        Self { address, folder, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops the listener and hands its folder back.
    pub(crate) fn stop(mut self) -> TempDir {
        self.end();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.get_with(path, "")
    }

    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Reply {
        let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let head = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n");
        exchange(self.address, head.as_bytes())
    }

    /// Posts a body with the key of `shop`.
    pub(crate) fn post(&self, body: &Value) -> Reply {
        self.post_bytes(body.to_string().as_bytes(), &format!("Authorization: Bearer {KEY}\r\n"))
    }

    pub(crate) fn post_bytes(&self, body: &[u8], headers: &str) -> Reply {
        post(self.address, body, headers).unwrap()
    }

    /// Asks for entries and returns their messages, newest first.
    pub(crate) fn messages(&self, query: &str) -> Vec<String> {
        let mut messages = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/entries?limit=1000&cursor={cursor}&{query}")).json();
            let entries = page["entries"].as_array().unwrap();
            messages.extend(
                entries
                    .iter()
                    .map(|entry| entry["entry"]["message"].as_str().unwrap_or_default().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return messages,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.end();
    }
}

/// A configuration on a free port and in `folder`.
pub(crate) fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".to_owned();
    config.store.path = folder.join("listener.db");
    config.projects.entry("shop".to_owned()).or_default().key = Some(KEY.into());
    config.projects.entry("crm".to_owned()).or_default().key = Some("key-of-crm".into());
    config
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Posts a body to the listener; an error where it cannot be reached or says nothing.
pub(crate) fn post(address: SocketAddr, body: &[u8], headers: &str) -> std::io::Result<Reply> {
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    try_exchange(address, &[head.as_bytes(), body].concat())
}

/// Sends bytes and reads the answer to its end.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Reply {
    try_exchange(address, request).unwrap()
}

fn try_exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(request)?;
    read_reply(&mut stream)
}

/// Reads an answer up to the end of the connection.
pub(crate) fn read_reply(stream: &mut TcpStream) -> std::io::Result<Reply> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    Ok(Reply { status, head, body: answer[end + 4..].to_vec() })
}

/// The body of a `pg_log` request with a batch id.
pub(crate) fn batch(id: Uuid, entries: &[Value]) -> Value {
    json!({"correlation_id": "", "project": "shop", "timestamp": 1_769_593_263.123, "source": "pg_log",
           "data": {"entries": entries, "count": entries.len(), "levels": {},
                    "batch": {"id": id, "agent": "db1", "file": "/log/a.log", "start": 0, "end": 10}}})
}

/// A `pg_log` request of one entry with this message.
pub(crate) fn message(text: &str) -> Value {
    batch(Uuid::now_v7(), &[json!({"message": text})])
}
