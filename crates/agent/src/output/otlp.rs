//! OTLP: `ExportLogsServiceRequest` of opentelemetry-proto, with the semantic conventions for databases.
//!
//! <https://opentelemetry.io/docs/specs/otlp/> and
//! <https://opentelemetry.io/docs/specs/semconv/database/postgresql/>

use serde_json::{Value, value::RawValue};

use crate::output::{
    Sent,
    encode::{Found, Unpacked, each_field, sealed_ns, time_ns},
    protobuf::{Field, Message, fields},
};

/// Keys that have places or conventional names of their own.
const NAMES: [(&str, &str); 6] = [
    ("database", "db.namespace"),
    ("state_code", "db.response.status_code"),
    ("statement", "db.query.text"),
    ("remote_host", "client.address"),
    ("remote_port", "client.port"),
    ("pid", "process.pid"),
];

/// Writes a request.
pub(super) fn body(unpacked: &Unpacked, entries: &[Box<RawValue>]) -> Vec<u8> {
    let sealed_ns = sealed_ns(unpacked);
    let mut request = Message::default();
    // ExportLogsServiceRequest.resource_logs
    request.message(1, |logs| {
        // ResourceLogs.resource
        logs.message(1, |resource| {
            for (name, value) in [
                ("service.name", "postgresql"),
                ("service.namespace", unpacked.project.as_str()),
                ("host.name", unpacked.agent.as_str()),
                ("db.system.name", "postgresql"),
                ("log.file.path", unpacked.file.as_str()),
            ] {
                attribute(resource, 1, name, &Value::from(value));
            }
        });
        // ResourceLogs.scope_logs
        logs.message(2, |scope| {
            scope.message(1, |scope| {
                scope.text(1, "pgcourier");
                scope.text(2, env!("CARGO_PKG_VERSION"));
            });
            for entry in entries {
                scope.message(2, |record| log_record(record, entry, sealed_ns));
            }
        });
    });
    request.into_bytes()
}

fn log_record(record: &mut Message, entry: &RawValue, sealed_ns: u64) {
    let mut logged_ns = None;
    let mut has_message = false;
    each_field(entry, |key, value| match (key, &value) {
        ("timestamp", Found::Text(text)) => logged_ns = time_ns(text),
        ("level", Found::Text(level)) => {
            if let Some(number) = severity(level) {
                record.uint(2, number);
                record.text(3, level);
            }
        }
        ("message", Found::Text(message)) => {
            has_message = true;
            record.message(5, |body| body.text(1, message));
        }
        ("trace_id", Found::Text(text)) => match trace_id(text) {
            Some(trace) => record.bytes(9, &trace),
            None => entry_attribute(record, key, value),
        },
        _ => entry_attribute(record, key, value),
    });
    record.fixed64(1, logged_ns.unwrap_or(sealed_ns));
    record.fixed64(11, sealed_ns);
    if !has_message {
        record.message(5, |body| body.text(1, ""));
    }
}

fn entry_attribute(record: &mut Message, key: &str, value: Found<'_>) {
    let name = match NAMES.iter().find(|(known, _)| *known == key) {
        Some((_, name)) => [*name, ""],
        None => ["postgresql.log.", key],
    };
    // LogRecord.attributes
    record.message(6, |pair| {
        pair.texts(1, name);
        pair.message(2, |any| match value {
            Found::Text(text) => any.text(1, &text),
            Found::Bool(is) => any.uint(2, u64::from(is)),
            Found::Integer(integer) => any.uint(3, integer.cast_unsigned()),
            Found::Double(double) => any.double(4, double),
            Found::Other(value) => any_value(any, &value),
        });
    });
}

/// Writes a `KeyValue`.
pub(super) fn attribute(message: &mut Message, field: u64, name: &str, value: &Value) {
    message.message(field, |pair| {
        pair.text(1, name);
        pair.message(2, |any| any_value(any, value));
    });
}

/// Writes an `AnyValue`. Objects and lists go as JSON text.
fn any_value(any: &mut Message, value: &Value) {
    match value {
        Value::String(text) => any.text(1, text),
        Value::Bool(is) => any.uint(2, u64::from(*is)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => any.uint(3, integer.cast_unsigned()),
            (None, Some(double)) => any.double(4, double),
            (None, None) => any.text(1, &number.to_string()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => any.text(1, &value.to_string()),
    }
}

/// `SeverityNumber`, as the conventions have it for PostgreSQL's levels.
fn severity(level: &str) -> Option<u64> {
    Some(match level {
        "DEBUG5" => 1,
        "DEBUG4" => 2,
        "DEBUG3" => 3,
        "DEBUG2" => 4,
        "DEBUG1" | "DEBUG" => 5,
        "LOG" | "INFO" => 9,
        "NOTICE" => 10,
        "WARNING" => 13,
        "ERROR" => 17,
        "FATAL" => 21,
        "PANIC" => 24,
        _ => return None,
    })
}

/// Reads 32 hexadecimal digits.
fn trace_id(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(number.to_be_bytes())
}

/// Reads an `ExportLogsServiceResponse`, or one for metrics, which has the same form. What it refuses is not to be sent again. What is no such
/// message, as the page of another server, confirms nothing.
pub(super) fn read_answer(body: &[u8]) -> Sent {
    let Some(answer) = fields(body) else { return read_json_answer(body) };
    let partial = answer.into_iter().find_map(|field| match field {
        (1, Field::Bytes(partial)) => fields(partial),
        _ => None,
    });
    let (mut rejected, mut why) = (0, None);
    for field in partial.unwrap_or_default() {
        match field {
            (1, Field::Number(count)) => rejected = count,
            (2, Field::Bytes(words)) => why = Some(String::from_utf8_lossy(words).into_owned()),
            _ => {}
        }
    }
    Sent::Taken { rejected, why: why.filter(|words| !words.is_empty()) }
}

/// Reads an answer of a receiver that says in JSON what it should say as protobuf.
fn read_json_answer(body: &[u8]) -> Sent {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return Sent::not_answered("the answer is not that of an OTLP receiver".to_owned());
    };
    let partial = answer.get("partialSuccess");
    // 64-bit numbers are texts in this form.
    let rejected = partial.and_then(|partial| {
        match partial.get("rejectedLogRecords").or(partial.get("rejectedDataPoints"))? {
            Value::String(count) => count.parse().ok(),
            count => count.as_u64(),
        }
    });
    let why = partial.and_then(|partial| partial.get("errorMessage")?.as_str());
    let why = why.filter(|words| !words.is_empty()).map(str::to_owned);
    Sent::Taken { rejected: rejected.unwrap_or(0), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::Delivery;

    #[test]
    fn partial_success_is_counted() {
        assert_eq!(read_answer(b""), Sent::ALL);
        let mut answer = Message::default();
        answer.message(1, |partial| {
            partial.uint(1, 7);
            partial.text(2, "too old");
        });
        let expected = Sent::Taken { rejected: 7, why: Some("too old".to_owned()) };
        assert_eq!(read_answer(&answer.into_bytes()), expected);
        let json = br#"{"partialSuccess":{"rejectedLogRecords":"7","errorMessage":"too old"}}"#;
        assert_eq!(read_answer(json), expected);
        assert_eq!(read_answer(b"{}"), Sent::ALL);
    }

    #[test]
    fn what_no_receiver_says_confirms_nothing() {
        for answer in ["<html>Please log in</html>", "OK", "[]", "\n\u{7}cut"] {
            let sent = read_answer(answer.as_bytes());
            assert!(matches!(sent, Sent::Not(Delivery::Held { .. })), "{answer}: {sent:?}");
        }
    }

    #[test]
    fn trace_id_is_sixteen_bytes_or_none() {
        assert_eq!(trace_id("0af7651916cd43dd8448eb211c80319c").unwrap()[..2], [0x0a, 0xf7]);
        assert_eq!(trace_id("0af7"), None);
        assert_eq!(trace_id(""), None);
    }
}
