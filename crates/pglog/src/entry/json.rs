//! An entry as a JSON object.

use crate::{
    entry::{Event, FieldValue, Fields, LogEntry, Phase, Plan, Text},
    severity::Level,
    timestamp::push_digits,
};

impl LogEntry<'_> {
    /// Appends the entry as one JSON object, without a line break. Absent fields are left out.
    ///
    /// ```
    /// let entry = pglog::LogEntry { pid: Some(7), message: "a \"b\"".into(), ..Default::default() };
    /// let mut json = Vec::new();
    /// entry.write_json(&mut json);
    /// assert_eq!(json, br#"{"pid":7,"message":"a \"b\""}"#);
    /// ```
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut object = Object { out, first: true };
        self.write_head(&mut object);
        self.write_session(&mut object);
        self.write_parts(&mut object);
        self.write_meaning(&mut object);
        self.write_marks(&mut object);
        out.push(b'}');
    }

    /// What most readers look at first.
    fn write_head(&self, object: &mut Object<'_>) {
        if let Some(timestamp) = self.timestamp {
            object.key("timestamp");
            object.out.push(b'"');
            timestamp.write_to(object.out);
            object.out.push(b'"');
        }
        object.number("pid", self.pid);
        object.text("level", self.level.map(Level::as_str));
        object.text("message", Some(self.message.as_ref()));
        object.text("user", self.user.as_deref());
        object.text("database", self.database.as_deref());
        if let Some(duration) = self.duration {
            object.key("duration_ms");
            write_millis(object.out, duration);
        }
        object.text("statement", self.statement.as_deref());
        object.text("phase", self.phase.map(Phase::as_str));
    }

    fn write_session(&self, object: &mut Object<'_>) {
        object.text("application_name", self.application_name.as_deref());
        object.text("remote_host", self.remote_host.as_deref());
        object.number("remote_port", self.remote_port);
        object.text("local_host", self.local_host.as_deref());
        object.text("session_id", self.session_id.as_deref());
        object.number("line_num", self.line_num);
        object.text("ps", self.ps.as_deref());
        object.text("session_start", self.session_start.as_deref());
        object.text("vxid", self.vxid.as_deref());
        object.number("txid", self.txid);
        object.text("backend_type", self.backend_type.as_deref());
        object.number("leader_pid", self.leader_pid);
        // A JSON number loses digits beyond 2^53 in most readers.
        if let Some(query_id) = self.query_id {
            object.key("query_id");
            object.out.push(b'"');
            object.out.extend_from_slice(itoa::Buffer::new().format(query_id).as_bytes());
            object.out.push(b'"');
        }
    }

    /// The lines behind the message.
    fn write_parts(&self, object: &mut Object<'_>) {
        object.text("state_code", self.state_code.as_deref());
        object.text("detail", self.detail.as_deref());
        object.text("hint", self.hint.as_deref());
        object.text("internal_query", self.internal_query.as_deref());
        object.number("internal_position", self.internal_position);
        object.text("context", self.context.as_deref());
        object.number("cursor_position", self.cursor_position);
        object.text("func_name", self.func_name.as_deref());
        object.text("file_name", self.file_name.as_deref());
        object.number("file_line_num", self.file_line_num);
        object.text("backtrace", self.backtrace.as_deref());
    }

    /// What was read out of the texts.
    fn write_meaning(&self, object: &mut Object<'_>) {
        object.text("event", self.event.map(Event::as_str));
        if !self.fields.is_empty() {
            object.key("fields");
            write_fields(object.out, &self.fields);
        }
        if !self.parameters.is_empty() {
            object.key("parameters");
            write_list(object.out, &self.parameters, write_parameter);
        }
        match &self.plan {
            Some(Plan::Json(json)) => object.literal("plan", json),
            Some(Plan::Text(text)) => object.text("plan", Some(text)),
            None => {}
        }
    }

    /// What the reader should know about the other fields.
    fn write_marks(&self, object: &mut Object<'_>) {
        object.text("log_timezone", self.log_timezone.as_deref());
        if self.timestamp_ambiguous {
            object.literal("timestamp_ambiguous", "true");
        }
        if !self.truncated.is_empty() {
            object.key("truncated");
            object.out.push(b'{');
            let mut inner = Object { out: object.out, first: true };
            for (field, length) in &self.truncated {
                inner.number(field.as_str(), Some(*length));
            }
            object.out.push(b'}');
        }
        if self.unparsed {
            object.literal("unparsed", "true");
        }
    }
}

/// The members of an object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    /// Writes a key. Keys are our own words, which need no escapes.
    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
        self.first = false;
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            write_string(self.out, value);
        }
    }

    fn number(&mut self, key: &str, value: Option<impl itoa::Integer>) {
        if let Some(value) = value {
            self.key(key);
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
    }

    fn literal(&mut self, key: &str, value: &str) {
        self.key(key);
        self.out.extend_from_slice(value.as_bytes());
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &Fields<'_>) {
    out.push(b'{');
    let mut object = Object { out, first: true };
    for (name, value) in fields.iter() {
        object.key(name);
        write_value(object.out, value);
    }
    out.push(b'}');
}

fn write_value(out: &mut Vec<u8>, value: &FieldValue<'_>) {
    match value {
        FieldValue::U64(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        FieldValue::I64(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        FieldValue::F64(number) => write_float(out, *number),
        FieldValue::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        FieldValue::Text(text) => write_string(out, text),
        FieldValue::List(values) => write_list(out, values, write_value),
        FieldValue::Object(fields) => write_fields(out, fields),
    }
}

/// Writes the shortest number that reads back as the same; JSON has no word for what is not finite.
fn write_float(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        out.extend_from_slice(number.to_string().as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

fn write_parameter(out: &mut Vec<u8>, value: &Option<Text<'_>>) {
    match value {
        Some(text) => write_string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_list<T>(out: &mut Vec<u8>, values: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, value);
    }
    out.push(b']');
}

/// Writes milliseconds with three decimals, as the server does.
fn write_millis(out: &mut Vec<u8>, duration: std::time::Duration) {
    out.extend_from_slice(itoa::Buffer::new().format(duration.as_millis()).as_bytes());
    out.push(b'.');
    push_digits::<3>(out, i64::from(duration.subsec_micros()));
}

/// How many bytes are searched for escapes at once; the compiler turns it into one vector comparison.
const CHUNK: usize = 16;

/// Writes a JSON string in quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (clean, next) = split_clean(rest);
        out.extend_from_slice(clean);
        let Some((byte, behind)) = next.split_first() else { break };
        write_escaped(out, *byte);
        rest = behind;
    }
    out.push(b'"');
}

/// Splits before the first byte that needs an escape.
fn split_clean(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (chunks, _) = bytes.as_chunks::<CHUNK>();
    let clean_chunks = chunks
        .iter()
        .take_while(|chunk| !chunk.iter().fold(false, |found, byte| found | needs_escape(*byte)));
    let start = clean_chunks.count() * CHUNK;
    let rest = bytes.get(start..).unwrap_or_default();
    let more = rest.iter().position(|byte| needs_escape(*byte)).unwrap_or(rest.len());
    bytes.split_at_checked(start + more).unwrap_or((bytes, &[]))
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        _ => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend([digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(short);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        entry::Field,
        timestamp::{Precision, Timestamp},
    };

    #[test]
    fn whole_entry_reads_back() {
        let entry = LogEntry {
            timestamp: Some(Timestamp::from_micros(1_795_486_862_227_000, Precision::Millis)),
            pid: Some(7),
            level: Some(Level::Error),
            message: "line one\n\ttwo \u{1} \u{7f} ü".into(),
            duration: Some(Duration::from_micros(1_234_056)),
            phase: Some(Phase::Bind),
            statement: Some("SELECT '\\'".into()),
            query_id: Some(-8_441_324_848_661_855_122),
            truncated: vec![(Field::Statement, 2_000_000)],
            timestamp_ambiguous: true,
            unparsed: true,
            ..LogEntry::default()
        };
        let mut json = Vec::new();
        entry.write_json(&mut json);
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let expected = serde_json::json!({
            "timestamp": "2026-11-24T02:21:02.227Z", "pid": 7, "level": "ERROR",
            "message": "line one\n\ttwo \u{1} \u{7f} ü", "duration_ms": 1234.056, "phase": "bind",
            "statement": "SELECT '\\'", "query_id": "-8441324848661855122",
            "truncated": {"statement": 2_000_000}, "timestamp_ambiguous": true, "unparsed": true
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn meaning_reads_back() {
        let indexes = Fields::from_iter([("name", "i\"1".into()), ("pages", 3_u64.into())]);
        let mut fields = Fields::new();
        fields.push("wrote_ms", 0.25);
        fields.push("cause", vec![FieldValue::Text("time".into()), FieldValue::I64(-1)]);
        fields.push("index", indexes);
        fields.push("fetch", true);
        let entry = LogEntry {
            event: Some(Event::CheckpointComplete),
            fields,
            parameters: vec![Some("it's".into()), None],
            plan: Some(Plan::Json("{\"a\":1.00}".into())),
            ..LogEntry::default()
        };
        let mut json = Vec::new();
        entry.into_owned().write_json(&mut json);
        let text = String::from_utf8(json).unwrap();
        let expected = r#"{"message":"","event":"checkpoint.complete","fields":{"wrote_ms":0.25,"cause":["time",-1],"index":{"name":"i\"1","pages":3},"fetch":true},"parameters":["it's",null],"plan":{"a":1.00}}"#;
        assert_eq!(text, expected);
    }

    proptest! {
        #[test]
        fn every_string_reads_back(text in any::<String>()) {
            let mut json = Vec::new();
            write_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
