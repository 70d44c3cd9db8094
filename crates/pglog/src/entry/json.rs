//! An entry as a JSON object.

mod float;
mod number;
mod pen;
mod string;
mod words;

use std::time::Duration;

use float::write_float;
use number::write_number;
use pen::{PIECE_BYTES, Pen, start_with};
use string::write_string;
use words::Word;

use crate::entry::{Event, FieldValue, Fields, LogEntry, Plan, Text};

/// How long a value may be that is written together with its key.
const MAX_VALUE_BYTES: usize = 48;

/// A key as it stands before its value. Keys are our own words, which need no escapes.
macro_rules! key {
    ($name:literal) => {
        key!($name, "\":")
    };
    ($name:literal, $end:literal) => {
        const {
            let key = concat!(",\"", $name, $end);
            assert!(key.len() + MAX_VALUE_BYTES <= PIECE_BYTES);
            key
        }
    };
}

/// The same before a text, with its first quote.
macro_rules! text_key {
    ($name:literal) => {
        key!($name, "\":\"")
    };
}

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
        let mut pen = Pen::new(out);
        let mut object = Object::begin(&mut pen);
        self.write_head(&mut object);
        self.write_session(&mut object);
        self.write_parts(&mut object);
        self.write_meaning(&mut object);
        self.write_marks(&mut object);
        object.end();
        pen.finish();
    }

    /// What most readers look at first.
    #[inline(always)]
    fn write_head(&self, object: &mut Object<'_, '_>) {
        if let Some(timestamp) = self.timestamp {
            object.piece(text_key!("timestamp"), |to| {
                let length = to.first_chunk_mut().map_or(0, |to| timestamp.write_into(to));
                if let Some(quote) = to.get_mut(length) {
                    *quote = b'"';
                }
                length + 1
            });
        }
        object.number(key!("pid"), self.pid.map(u64::from));
        object.word(text_key!("level"), self.level.and_then(words::level));
        let statement = self.write_message(object);
        object.name(text_key!("user"), self.user.as_deref());
        object.name(text_key!("database"), self.database.as_deref());
        if let Some(duration) = self.duration {
            object.millis(key!("duration_ms"), duration);
        }
        match statement {
            Some((start, length)) => {
                object.pen.word(text_key!("statement"));
                object.pen.repeat(start, length);
                object.pen.word("\"");
            }
            None => object.text(text_key!("statement"), self.statement.as_deref()),
        }
        object.word(text_key!("phase"), self.phase.and_then(words::phase));
    }

    /// Writes the message. Where it ends in the statement, returns where that stands with its escapes, and how long
    /// it is there.
    #[inline(always)]
    fn write_message(&self, object: &mut Object<'_, '_>) -> Option<(usize, usize)> {
        let message = &*self.message;
        object.pen.word(text_key!("message"));
        let start = object.pen.position();
        string::write_escaped(object.pen, message);
        let written = object.pen.position() - start;
        object.pen.word("\"");
        let head = self.head_of_statement()?;
        // Where the head has no escape, all that there are stand behind it.
        if written != message.len() && !string::is_clean(head) {
            return None;
        }
        Some((start + head.len(), written - head.len()))
    }

    /// Returns what stands before the statement in a message that ends in it, as most messages with a duration do, and
    /// those of `log_statement`.
    fn head_of_statement(&self) -> Option<&str> {
        let statement = self.statement.as_deref().filter(|statement| !statement.is_empty())?;
        if !matches!(
            self.event,
            Some(Event::StatementDuration | Event::StatementParse | Event::StatementLog)
        ) {
            return None;
        }
        let (head, tail) =
            self.message.split_at_checked(self.message.len().checked_sub(statement.len())?)?;
        // Mostly it is a part of the message, which need not be compared with itself.
        (std::ptr::eq(tail, statement) || tail == statement).then_some(head)
    }

    fn write_session(&self, object: &mut Object<'_, '_>) {
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
            object.pen.word(text_key!("query_id"));
            number::write_long(object.pen, query_id);
            object.pen.word("\"");
        }
    }

    /// The lines behind the message.
    fn write_parts(&self, object: &mut Object<'_, '_>) {
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
    fn write_meaning(&self, object: &mut Object<'_, '_>) {
        object.word(text_key!("event"), self.event.and_then(words::event));
        if !self.fields.is_empty() {
            object.pen.word(key!("fields"));
            write_fields(object.pen, &self.fields);
        }
        if !self.parameters.is_empty() {
            object.pen.word(key!("parameters"));
            write_list(object.pen, &self.parameters, write_parameter);
        }
        match &self.plan {
            Some(Plan::Json(json)) => object.literal(key!("plan"), json),
            Some(Plan::Text(text)) => object.text(text_key!("plan"), Some(text)),
            None => {}
        }
    }

    /// What the reader should know about the other fields.
    fn write_marks(&self, object: &mut Object<'_, '_>) {
        object.name(text_key!("log_timezone"), self.log_timezone.as_deref());
        if self.timestamp_ambiguous {
            object.literal(key!("timestamp_ambiguous"), "true");
        }
        if !self.truncated.is_empty() {
            object.pen.word(key!("truncated"));
            let mut inner = Object::begin(object.pen);
            for (field, length) in &self.truncated {
                inner.key(field.as_str());
                write_number(inner.pen, *length);
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
struct Object<'r, 'o> {
    pen: &'r mut Pen<'o>,
    start: usize,
}

impl<'r, 'o> Object<'r, 'o> {
    #[inline(always)]
    fn begin(pen: &'r mut Pen<'o>) -> Self {
        let start = pen.position();
        Self { pen, start }
    }

    #[inline(always)]
    fn end(self) {
        if self.pen.position() == self.start {
            self.pen.word("{");
        } else {
            self.pen.replace(self.start, b'{');
        }
        self.pen.word("}");
    }

    /// Writes a key that is only known now.
    fn key(&mut self, name: &str) {
        if let Some(short) = string::short(name, *b"\":") {
            return self.piece(",\"", |to| start_with(to, short, name.len() + 2));
        }
        self.pen.word(",\"");
        self.pen.extend(name.as_bytes());
        self.pen.word("\":");
    }

    /// Writes a text. The key has its first quote, and being known it costs no call.
    #[inline(always)]
    fn text(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.pen.word(key);
            string::write_to_quote(self.pen, value);
        }
    }

    /// Writes a text that is short, as names are.
    #[inline(always)]
    fn name(&mut self, key: &'static str, value: Option<&str>) {
        let Some(value) = value else { return };
        if let Some(short) = string::short(value, *b"\"\0") {
            self.piece(key, |to| start_with(to, short, value.len() + 1));
        } else {
            self.text(key, Some(value));
        }
    }

    /// Writes a word of our own.
    #[inline(always)]
    fn word<const N: usize>(&mut self, key: &'static str, value: Option<&'static Word<N>>) {
        let Some(word) = value else { return };
        self.piece(key, |to| start_with(to, word.bytes, word.length));
    }

    #[inline(always)]
    fn number(&mut self, key: &'static str, value: Option<u64>) {
        let Some(value) = value else { return };
        if let Some((digits, length)) = number::short(value) {
            self.piece(key, |to| start_with(to, digits, length));
        } else {
            self.pen.word(key);
            number::write_long(self.pen, value);
        }
    }

    #[inline(always)]
    fn millis(&mut self, key: &'static str, value: Duration) {
        let mut is_short = true;
        self.piece(key, |to| {
            let length = number::short_millis(to, value);
            is_short = length.is_some();
            length.unwrap_or_default()
        });
        if !is_short {
            number::write_millis(self.pen, value);
        }
    }

    /// Writes a key, and what `write` puts behind it, of which it returns the length.
    #[inline(always)]
    fn piece(
        &mut self,
        key: &'static str,
        write: impl FnOnce(&mut [u8; MAX_VALUE_BYTES]) -> usize,
    ) {
        self.pen.piece(|to| {
            if let Some((start, rest)) = to.split_at_mut_checked(key.len())
                && let Some(to) = rest.first_chunk_mut()
            {
                start.copy_from_slice(key.as_bytes());
                key.len() + write(to)
            } else {
                0
            }
        });
    }

    fn literal(&mut self, key: &'static str, value: &str) {
        self.pen.word(key);
        self.pen.extend(value.as_bytes());
    }
}

fn write_fields(pen: &mut Pen<'_>, fields: &Fields<'_>) {
    let mut object = Object::begin(pen);
    for (name, value) in fields.iter() {
        object.key(name);
        write_value(object.pen, value);
    }
    object.end();
}

fn write_value(pen: &mut Pen<'_>, value: &FieldValue<'_>) {
    match value {
        FieldValue::U64(number) => write_number(pen, *number),
        FieldValue::I64(number) => number::write_long(pen, *number),
        FieldValue::F64(number) => write_float(pen, *number),
        FieldValue::Bool(true) => pen.word("true"),
        FieldValue::Bool(false) => pen.word("false"),
        FieldValue::Text(text) => write_string(pen, text),
        FieldValue::List(values) => write_list(pen, values, write_value),
        FieldValue::Object(fields) => write_fields(pen, fields),
    }
}

fn write_parameter(pen: &mut Pen<'_>, value: &Option<Text<'_>>) {
    match value {
        Some(text) => write_string(pen, text),
        None => pen.word("null"),
    }
}

fn write_list<T>(pen: &mut Pen<'_>, values: &[T], write: impl Fn(&mut Pen<'_>, &T)) {
    pen.word("[");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            pen.word(",");
        }
        write(pen, value);
    }
    pen.word("]");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        entry::{Field, Phase},
        severity::Level,
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

    #[test]
    fn durations_have_three_decimals() {
        for (micros, expected) in [
            (0, "0.000"),
            (7, "0.007"),
            (9_999, "9.999"),
            (10_000, "10.000"),
            (999_050, "999.050"),
            (1_000_000, "1000.000"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            let duration = Some(Duration::from_micros(micros));
            let mut json = Vec::new();
            LogEntry { duration, ..LogEntry::default() }.write_json(&mut json);
            let expected = format!(r#"{{"message":"","duration_ms":{expected}}}"#);
            assert_eq!(String::from_utf8(json).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn statement_reads_back_however_long_it_is(
            head in "[a-z \"\n]{0,40}", lines in prop::collection::vec("[a-z]{0,90}[\"\n\u{1}é]?", 0..40),
        ) {
            let statement = lines.concat();
            let message = format!("{head}{statement}");
            for (event, before) in [(Event::StatementDuration, &b""[..]), (Event::LockWaiting, b"[1]\n")] {
                let entry = LogEntry {
                    message: message.as_str().into(),
                    statement: Some(statement.as_str().into()),
                    parameters: lines.iter().map(|line| Some(line.as_str().into())).collect(),
                    event: Some(event),
                    ..LogEntry::default()
                };
                let mut json = before.to_vec();
                entry.write_json(&mut json);
                prop_assert!(json.starts_with(before));
                let value: serde_json::Value = serde_json::from_slice(&json[before.len()..]).unwrap();
                prop_assert_eq!(&value["message"], &message);
                prop_assert_eq!(&value["statement"], &statement);
                let parameters = value["parameters"].as_array().cloned().unwrap_or_default();
                prop_assert_eq!(parameters, lines.clone());
            }
        }
    }
}
