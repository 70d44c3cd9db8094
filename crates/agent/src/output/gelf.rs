//! GELF over TCP and HTTP: <https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>
//!
//! Messages are JSON. Over TCP each is ended by a NUL, and the receiver confirms nothing: what the system
//! has taken counts as delivered. Over HTTP each is a request of its own.

use std::{ops::Range, time::Duration};

use serde_json::{Map, Value, json, value::RawValue};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use crate::output::{
    Sent, Unpacked,
    encode::{object, sealed_ns, text, time_ns},
};

/// A connection that is kept.
#[derive(Debug)]
pub(super) struct Gelf {
    address: String,
    timeout: Duration,
    stream: Option<TcpStream>,
}

impl Gelf {
    pub(super) fn new(address: &str, timeout: Duration) -> Self {
        Self { address: address.to_owned(), timeout, stream: None }
    }

    pub(super) async fn send(&mut self, unpacked: &Unpacked, part: Range<usize>) -> Sent {
        let mut messages = Vec::new();
        for entry in unpacked.part(part) {
            messages.extend(message(unpacked, entry));
            messages.push(0);
        }
        match timeout(self.timeout, self.write(&messages)).await {
            Ok(Ok(())) => Sent::ALL,
            Ok(Err(error)) => {
                self.stream = None;
                Sent::failed(format_args!("{}: {error}", self.address))
            }
            Err(_) => {
                self.stream = None;
                Sent::failed(format_args!("{}: not taken in time", self.address))
            }
        }
    }

    async fn write(&mut self, messages: &[u8]) -> std::io::Result<()> {
        let stream = match &mut self.stream {
            // One that was closed meanwhile can be read to its end.
            Some(stream) if !is_closed(stream) => stream,
            stream => stream.insert(TcpStream::connect(&self.address).await?),
        };
        stream.write_all(messages).await?;
        stream.flush().await
    }
}

fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0; 64]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Writes messages for a request.
pub(super) fn body(unpacked: &Unpacked, entries: &[Box<RawValue>]) -> Vec<u8> {
    let messages: Vec<Vec<u8>> = entries.iter().map(|entry| message(unpacked, entry)).collect();
    messages.join(&b'\n')
}

/// Writes one message.
fn message(unpacked: &Unpacked, raw: &RawValue) -> Vec<u8> {
    let entry = object(raw);
    let full = text(&entry, "message");
    let short = full.lines().next().filter(|line| !line.is_empty()).unwrap_or("-");
    let logged_ns = time_ns(text(&entry, "timestamp"));
    let ms = logged_ns.unwrap_or_else(|| sealed_ns(unpacked)) / 1_000_000;
    let mut message = Map::new();
    message.insert("version".to_owned(), json!("1.1"));
    message.insert("host".to_owned(), json!(unpacked.agent));
    message.insert("short_message".to_owned(), json!(short));
    message.insert("full_message".to_owned(), json!(full));
    let seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
    message.insert("timestamp".to_owned(), json!(seconds.parse::<f64>().unwrap_or_default()));
    message.insert("level".to_owned(), json!(syslog_level(text(&entry, "level"))));
    message.insert("_project".to_owned(), json!(unpacked.project));
    message.insert("_file".to_owned(), json!(unpacked.file));
    for (key, value) in &entry {
        // Only texts and numbers are allowed, and `_id` is not.
        let value = match value {
            Value::String(_) | Value::Number(_) => value.clone(),
            Value::Null => continue,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => json!(value.to_string()),
        };
        if !matches!(key.as_str(), "message" | "timestamp" | "level" | "id") {
            message.insert(format!("_{key}"), value);
        }
    }
    serde_json::to_vec(&message).unwrap_or_default()
}

/// The levels of syslog.
fn syslog_level(level: &str) -> u8 {
    match level {
        "PANIC" => 1,
        "FATAL" => 2,
        "ERROR" => 3,
        "WARNING" => 4,
        "NOTICE" => 5,
        level if level.starts_with("DEBUG") => 7,
        _ => 6,
    }
}
