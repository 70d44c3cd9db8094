//! What can be asked of a buffer, and done to it.
//!
//! ```text
//! GET    /buffer                              how full it is, and the account
//! GET    /buffer/batches?after=SEQ&limit=N    batches that wait
//! GET    /buffer/batches/SEQ                  one of them, unpacked
//! GET    /buffer/dead-letters?after=N&limit=N what the listener refused, unpacked, with its words
//! POST   /buffer/dead-letters/N/retry         puts one back into the queue
//! DELETE /buffer/dead-letters/N               drops one, counted as lost
//! ```

use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::buffer::{self, Buffer, DeadLetter, Summary};

/// The most rows of one answer, where no other number is asked for and at all.
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(status: u16, text: &str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, content_type, body: text.as_bytes().to_vec() }
    }

    pub(super) fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut body) => {
                body.push(b'\n');
                Self { status: 200, content_type: "application/json", body }
            }
            Err(error) => Self::text(500, &format!("{error}\n")),
        }
    }

    fn not_found() -> Self {
        Self::text(404, "there is no such thing in the buffer\n")
    }
}

/// Answers one request for a buffer, whether it came over the socket of a running agent or from a program
/// that has opened the buffer of a stopped one.
pub fn control(buffer: &mut Buffer, method: &str, target: &str, now_ms: i64) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let answer = match (method, parts.as_slice()) {
        ("GET", ["buffer"]) => overall(buffer),
        ("GET", ["buffer", "batches"]) => batches(buffer, query),
        ("GET", ["buffer", "batches", seq]) => batch(buffer, seq),
        ("GET", ["buffer", "dead-letters"]) => dead_letters(buffer, query),
        ("POST", ["buffer", "dead-letters", number, "retry"]) => match number.parse() {
            Ok(number) => buffer.revive(&[number]).map(|count| done(count > 0)),
            Err(_) => Ok(Answer::not_found()),
        },
        ("DELETE", ["buffer", "dead-letters", number]) => match number.parse() {
            Ok(number) => buffer.drop_dead_letter(number, now_ms).map(done),
            Err(_) => Ok(Answer::not_found()),
        },
        _ => Ok(Answer::not_found()),
    };
    answer.unwrap_or_else(|error| Answer::text(503, &format!("{error}\n")))
}

fn done(was_there: bool) -> Answer {
    if was_there { Answer::text(200, "done\n") } else { Answer::not_found() }
}

fn overall(buffer: &mut Buffer) -> Result<Answer, buffer::Error> {
    let stats = buffer.stats()?;
    let ledger = buffer.ledger()?;
    Ok(Answer::json(&json!({
        "batches": stats.batches,
        "entries": stats.entries,
        "body_bytes": stats.body_bytes,
        "used_bytes": stats.used_bytes,
        "max_bytes": stats.max_bytes,
        "disk_bytes": stats.disk_bytes,
        "oldest_ms": stats.oldest_ms,
        "dead_letters": stats.dead_letters,
        "ledger": ledger,
    })))
}

fn batches(buffer: &mut Buffer, query: &str) -> Result<Answer, buffer::Error> {
    let found = buffer.list(number_in(query, "after").unwrap_or(i64::MIN), limit_in(query))?;
    let rows: Vec<_> = found.iter().map(summary).collect();
    Ok(Answer::json(&rows))
}

fn summary(row: &Summary) -> serde_json::Value {
    json!({
        "seq": row.seq,
        "id": row.id,
        "source": row.source,
        "entries": row.entries,
        "bytes": row.bytes,
        "created_ms": row.created_ms,
    })
}

fn batch(buffer: &mut Buffer, seq: &str) -> Result<Answer, buffer::Error> {
    let Ok(seq) = seq.parse() else { return Ok(Answer::not_found()) };
    let Some(waiting) = buffer.get(seq)? else { return Ok(Answer::not_found()) };
    Ok(match waiting.batch.decoded() {
        Ok(mut body) => {
            body.push(b'\n');
            Answer { status: 200, content_type: "application/json", body }
        }
        Err(error) => Answer::text(500, &format!("the batch cannot be unpacked: {error}\n")),
    })
}

/// A dead letter as it is shown.
#[derive(Serialize)]
struct Letter<'a> {
    number: i64,
    at_ms: i64,
    words: &'a str,
    source: wire::Source,
    entries: u64,
    body: Option<Box<RawValue>>,
}

fn dead_letters(buffer: &mut Buffer, query: &str) -> Result<Answer, buffer::Error> {
    let found = buffer.dead_letters(number_in(query, "after").unwrap_or(0), limit_in(query))?;
    let letters: Vec<Letter<'_>> = found.iter().map(letter).collect();
    Ok(Answer::json(&letters))
}

fn letter(letter: &DeadLetter) -> Letter<'_> {
    let body = letter.batch.decoded().ok().and_then(|body| String::from_utf8(body).ok());
    Letter {
        number: letter.number,
        at_ms: letter.at_ms,
        words: &letter.words,
        source: letter.batch.source,
        entries: letter.batch.entries,
        body: body.and_then(|body| RawValue::from_string(body).ok()),
    }
}

fn number_in(query: &str, name: &str) -> Option<i64> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn limit_in(query: &str) -> u32 {
    let asked = number_in(query, "limit").and_then(|limit| u32::try_from(limit).ok());
    asked.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
}
