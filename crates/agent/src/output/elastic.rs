//! The bulk API of Elasticsearch and OpenSearch.
//!
//! Each entry is created under an id that follows from its batch, so that one that is sent again is not
//! stored again.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    output::{
        Sent,
        encode::{Unpacked, object},
        http::WRONG_SERVER,
    },
    ship::Delivery,
};

/// Writes a request. `first` is the place of the first entry in its batch.
pub(super) fn body(
    unpacked: &Unpacked,
    entries: &[Box<RawValue>],
    first: usize,
    index: &str,
) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, raw) in (first..).zip(entries) {
        let id = format!("{}-{number}", unpacked.id);
        let action = json!({"create": {"_index": index, "_id": id}});
        let mut document = object(raw);
        let time = document.get("timestamp").cloned().unwrap_or(Value::Null);
        document.insert("@timestamp".to_owned(), time);
        document.insert("host".to_owned(), json!({"name": unpacked.agent}));
        document.insert("log".to_owned(), json!({"file": {"path": unpacked.file}}));
        for value in [action, Value::Object(document)] {
            body.extend(serde_json::to_vec(&value).unwrap_or_default());
            body.push(b'\n');
        }
    }
    body
}

#[derive(Deserialize)]
struct Answer {
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    #[serde(default)]
    error: Value,
}

/// Reads an answer. 409 says that the entry is there already.
pub(super) fn read_answer(body: &[u8]) -> Sent {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        let why = "the answer is not that of a bulk request".to_owned();
        return Sent::Not(Delivery::Held { hint: WRONG_SERVER, why });
    };
    if !answer.errors {
        return Sent::ALL;
    }
    if answer.items.iter().any(|item| item.create.status == 429 || item.create.status >= 500) {
        // Those that were taken are known by their ids when they come again.
        return Sent::Not(Delivery::Busy { retry_after: None });
    }
    let refused = answer.items.iter().filter(|item| !matches!(item.create.status, 200..=299 | 409));
    let words: Vec<String> =
        refused.map(|item| item.create.error.to_string().chars().take(300).collect()).collect();
    Sent::Taken { rejected: words.len() as u64, why: words.into_iter().next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_read_item_by_item() {
        assert_eq!(read_answer(br#"{"errors":false,"items":[]}"#), Sent::ALL);
        let mixed =
            br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}},
            {"create":{"status":400,"error":{"reason":"no"}}}]}"#;
        let why = Some(r#"{"reason":"no"}"#.to_owned());
        assert_eq!(read_answer(mixed), Sent::Taken { rejected: 1, why });
        let busy = br#"{"errors":true,"items":[{"create":{"status":429}}]}"#;
        assert_eq!(read_answer(busy), Sent::Not(Delivery::Busy { retry_after: None }));
        assert!(matches!(read_answer(b"<html>"), Sent::Not(Delivery::Held { .. })));
    }
}
