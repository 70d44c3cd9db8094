//! An entry as a JSON object.

mod float;
mod number;
mod string;

use std::{ops::Range, time::Duration};

use float::write_float;
use number::{write_fraction, write_number};
pub(crate) use string::write_string;

use crate::{
    entry::{Event, FieldValue, Fields, LogEntry, Phase, Plan, Text},
    severity::Level,
};

/// A key as it stands before its value. Keys are our own words, which need no escapes.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// The same before a text, with its first quote.
macro_rules! text_key {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"")
    };
}

/// Of keys as they are written.
const LONGEST_KEY: usize = text_key!("application_name").len();

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
        let mut object = Object::begin(out);
        self.write_head(&mut object);
        self.write_session(&mut object);
        self.write_parts(&mut object);
        self.write_meaning(&mut object);
        self.write_marks(&mut object);
        object.end();
    }

    /// What most readers look at first.
    fn write_head(&self, object: &mut Object<'_>) {
        if let Some(timestamp) = self.timestamp {
            object.out.extend_from_slice(text_key!("timestamp").as_bytes());
            timestamp.write_to(object.out);
            object.out.push(b'"');
        }
        object.number(key!("pid"), self.pid.map(u64::from));
        object.name(text_key!("level"), self.level.map(Level::as_str));
        let written = self.write_message(object);
        object.name(text_key!("user"), self.user.as_deref());
        object.name(text_key!("database"), self.database.as_deref());
        if let Some(duration) = self.duration {
            object.out.extend_from_slice(key!("duration_ms").as_bytes());
            write_millis(object.out, duration);
        }
        match written {
            Some(escaped) => {
                object.out.extend_from_slice(text_key!("statement").as_bytes());
                object.out.extend_from_within(escaped);
                object.out.push(b'"');
            }
            None => object.text(text_key!("statement"), self.statement.as_deref()),
        }
        object.name(text_key!("phase"), self.phase.map(Phase::as_str));
    }

    /// Writes the message. Where it ends in the statement, returns where that stands with its escapes.
    fn write_message(&self, object: &mut Object<'_>) -> Option<Range<usize>> {
        let statement = self.statement.as_deref().unwrap_or_default();
        // Most messages with a duration, and those of `log_statement`, carry it.
        let head = match self.event {
            Some(Event::StatementDuration | Event::StatementParse | Event::StatementLog) => {
                self.message.strip_suffix(statement)
            }
            _ => None,
        };
        let Some(head) = head else {
            object.text(text_key!("message"), Some(self.message.as_ref()));
            return None;
        };
        object.out.extend_from_slice(text_key!("message").as_bytes());
        string::write_escaped(object.out, head);
        let start = object.out.len();
        string::write_escaped(object.out, statement);
        let escaped = start..object.out.len();
        object.out.push(b'"');
        (!escaped.is_empty()).then_some(escaped)
    }

    fn write_session(&self, object: &mut Object<'_>) {
        object.name(text_key!("application_name"), self.application_name.as_deref());
        object.name(text_key!("remote_host"), self.remote_host.as_deref());
        object.number(key!("remote_port"), self.remote_port.map(u64::from));
        object.name(text_key!("local_host"), self.local_host.as_deref());
        object.name(text_key!("session_id"), self.session_id.as_deref());
        object.number(key!("line_num"), self.line_num);
        object.name(text_key!("ps"), self.ps.as_deref());
        object.text(text_key!("session_start"), self.session_start.as_deref());
        object.name(text_key!("vxid"), self.vxid.as_deref());
        object.number(key!("txid"), self.txid);
        object.name(text_key!("backend_type"), self.backend_type.as_deref());
        object.number(key!("leader_pid"), self.leader_pid.map(u64::from));
        // A JSON number loses digits beyond 2^53 in most readers.
        if let Some(query_id) = self.query_id {
            object.out.extend_from_slice(text_key!("query_id").as_bytes());
            number::write_long(object.out, query_id);
            object.out.push(b'"');
        }
    }

    /// The lines behind the message.
    fn write_parts(&self, object: &mut Object<'_>) {
        object.name(text_key!("state_code"), self.state_code.as_deref());
        object.text(text_key!("detail"), self.detail.as_deref());
        object.text(text_key!("hint"), self.hint.as_deref());
        object.text(text_key!("internal_query"), self.internal_query.as_deref());
        object.number(key!("internal_position"), self.internal_position.map(u64::from));
        object.text(text_key!("context"), self.context.as_deref());
        object.number(key!("cursor_position"), self.cursor_position.map(u64::from));
        object.name(text_key!("func_name"), self.func_name.as_deref());
        object.name(text_key!("file_name"), self.file_name.as_deref());
        object.number(key!("file_line_num"), self.file_line_num.map(u64::from));
        object.text(text_key!("backtrace"), self.backtrace.as_deref());
    }

    /// What was read out of the texts.
    fn write_meaning(&self, object: &mut Object<'_>) {
        object.word(text_key!("event"), self.event.map(Event::as_str));
        if !self.fields.is_empty() {
            object.out.extend_from_slice(key!("fields").as_bytes());
            write_fields(object.out, &self.fields);
        }
        if !self.parameters.is_empty() {
            object.out.extend_from_slice(key!("parameters").as_bytes());
            write_list(object.out, &self.parameters, write_parameter);
        }
        match &self.plan {
            Some(Plan::Json(json)) => object.literal(key!("plan"), json),
            Some(Plan::Text(text)) => object.text(text_key!("plan"), Some(text)),
            None => {}
        }
    }

    /// What the reader should know about the other fields.
    fn write_marks(&self, object: &mut Object<'_>) {
        object.name(text_key!("log_timezone"), self.log_timezone.as_deref());
        if self.timestamp_ambiguous {
            object.literal(key!("timestamp_ambiguous"), "true");
        }
        if !self.truncated.is_empty() {
            object.out.extend_from_slice(key!("truncated").as_bytes());
            let mut inner = Object::begin(object.out);
            for (field, length) in &self.truncated {
                inner.key(field.as_str());
                write_number(inner.out, *length);
            }
            inner.end();
        }
        if self.unparsed {
            object.literal(key!("unparsed"), "true");
        }
    }
}

/// The members of an object that is being written. Each begins with a comma; that of the first becomes
/// the opening brace.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl<'o> Object<'o> {
    fn begin(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    fn end(self) {
        match self.out.get_mut(self.start) {
            Some(comma) => *comma = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }

    /// Writes a key that is only known now.
    fn key(&mut self, name: &str) {
        if let Some(short) = string::short(name, *b"\":") {
            return self.piece(",\"", &short, name.len() + 2);
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Writes a text. The key has its first quote, and being known it costs no call.
    #[inline(always)]
    fn text(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.out.extend_from_slice(key.as_bytes());
            string::write_to_quote(self.out, value);
        }
    }

    /// Writes a text that is short, as names are.
    #[inline(always)]
    fn name(&mut self, key: &'static str, value: Option<&str>) {
        let Some(value) = value else { return };
        if let Some(short) = string::short(value, *b"\"\0") {
            self.piece(key, &short, value.len() + 1);
        } else {
            self.text(key, Some(value));
        }
    }

    /// Writes a word of our own, which needs no escapes.
    #[inline(always)]
    fn word(&mut self, key: &'static str, value: Option<&'static str>) {
        if let Some(value) = value {
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(value.as_bytes());
            self.out.push(b'"');
        }
    }

    #[inline(always)]
    fn number(&mut self, key: &'static str, value: Option<u64>) {
        let Some(value) = value else { return };
        if let Some((digits, length)) = number::short(value) {
            self.piece(key, &digits, length);
        } else {
            self.out.extend_from_slice(key.as_bytes());
            number::write_long(self.out, value);
        }
    }

    /// Writes a key and so many bytes of a value. More of them are copied, and taken back: with a length that
    /// is always the same this costs no call.
    #[inline(always)]
    fn piece<const N: usize>(&mut self, key: &'static str, value: &[u8; N], length: usize) {
        let mut piece = [0; LONGEST_KEY + 16];
        if let Some((start, rest)) = piece.split_at_mut_checked(key.len())
            && let Some(to) = rest.first_chunk_mut()
        {
            start.copy_from_slice(key.as_bytes());
            *to = *value;
        }
        let end = self.out.len() + key.len() + length;
        self.out.extend_from_slice(piece.get(..key.len() + N).unwrap_or(&piece));
        self.out.truncate(end);
    }

    fn literal(&mut self, key: &'static str, value: &str) {
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(value.as_bytes());
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &Fields<'_>) {
    let mut object = Object::begin(out);
    for (name, value) in fields.iter() {
        object.key(name);
        write_value(object.out, value);
    }
    object.end();
}

fn write_value(out: &mut Vec<u8>, value: &FieldValue<'_>) {
    match value {
        FieldValue::U64(number) => write_number(out, *number),
        FieldValue::I64(number) => number::write_long(out, *number),
        FieldValue::F64(number) => write_float(out, *number),
        FieldValue::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        FieldValue::Text(text) => write_string(out, text),
        FieldValue::List(values) => write_list(out, values, write_value),
        FieldValue::Object(fields) => write_fields(out, fields),
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
fn write_millis(out: &mut Vec<u8>, duration: Duration) {
    match u64::try_from(duration.as_millis()) {
        Ok(millis) => write_number(out, millis),
        Err(_) => number::write_long(out, duration.as_millis()),
    }
    write_fraction(out, duration.subsec_micros() % 1000);
}

#[cfg(test)]
mod tests {
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
}
