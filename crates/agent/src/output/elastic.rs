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
    },
    ship::Delivery,
};

/// What to look at where the index takes nothing.
const REFUSED_INDEX: &str = "see that the output's index is there, can be written to and has room, and that its user may create \
     documents in it";

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

/// Reads the answer for so many entries. 409 says that one is there already.
pub(super) fn read_answer(body: &[u8], entries: usize) -> Sent {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Sent::not_answered("the answer is not that of a bulk request".to_owned());
    };
    if !answer.errors {
        return Sent::ALL;
    }
    if answer.items.len() != entries {
        return Sent::not_answered(format!("{} answers for {entries} entries", answer.items.len()));
    }
    let items = || answer.items.iter().map(|item| &item.create);
    // Those that were taken are known by their ids when they come again.
    if items().any(|item| item.status == 429 || item.status >= 500) {
        return Sent::Not(Delivery::Busy { retry_after: None });
    }
    let refused = || items().filter(|item| !matches!(item.status, 200..=299 | 409));
    // Of an entry it says 400. Anything else is about the index: no right to it, a full disk, none there.
    if let Some(item) = refused().find(|item| item.status != 400) {
        let why = format!("{} {}", item.status, words(&item.error));
        return Sent::Not(Delivery::Held { hint: REFUSED_INDEX, why });
    }
    let rejected = refused().count();
    let why = refused().next().map(|item| words(&item.error));
    match why {
        // All of them: that may be about the index as well.
        Some(why) if rejected == entries => Sent::Not(Delivery::Rejected { why }),
        why => Sent::Taken { rejected: rejected as u64, why },
    }
}

fn words(error: &Value) -> String {
    error.to_string().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_read_item_by_item() {
        assert_eq!(read_answer(br#"{"errors":false,"items":[]}"#, 3), Sent::ALL);
        let mixed =
            br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}},
            {"create":{"status":400,"error":{"reason":"no"}}}]}"#;
        let why = Some(r#"{"reason":"no"}"#.to_owned());
        assert_eq!(read_answer(mixed, 3), Sent::Taken { rejected: 1, why });
        let busy = br#"{"errors":true,"items":[{"create":{"status":429}}]}"#;
        assert_eq!(read_answer(busy, 1), Sent::Not(Delivery::Busy { retry_after: None }));
        assert!(matches!(read_answer(b"<html>", 1), Sent::Not(Delivery::Held { .. })));
    }

    #[test]
    fn index_that_takes_nothing_loses_nothing() {
        let refusing = |status: u16| {
            let item = json!({"create": {"status": status, "error": {"type": "x"}}});
            json!({"errors": true, "items": [item, item]}).to_string()
        };
        for status in [401, 403, 404, 413] {
            let sent = read_answer(refusing(status).as_bytes(), 2);
            let expected = Sent::Not(Delivery::Held {
                hint: REFUSED_INDEX,
                why: format!("{status} {{\"type\":\"x\"}}"),
            });
            assert_eq!(sent, expected);
        }
        let sent = read_answer(refusing(400).as_bytes(), 2);
        assert!(matches!(sent, Sent::Not(Delivery::Rejected { .. })), "{sent:?}");
        let for_one = read_answer(br#"{"errors":true,"items":[]}"#, 1);
        assert!(matches!(for_one, Sent::Not(Delivery::Held { .. })), "{for_one:?}");
    }
}
