//! Documents of JSON whose elements hold a log's lines: what clouds give to those who download a log, and
//! objects that stand over many lines.

use crate::held::HeldLine;

/// Brackets around the records that are kept in mind. No document has as many.
const MAX_OUTER: usize = 16;

/// Where the records stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an array, which may be a member of an object.
    InArray,
    /// In nothing.
    Outside,
    /// In the log records of OTLP: `{"resourceLogs":[{"scopeLogs":[{"logRecords":[…`.
    InLogRecords,
    /// In the hits of a search: `{"hits":{"hits":[…`.
    InHits,
    /// In the values of Loki's streams, which are arrays themselves: `{"data":{"result":[{"values":[…` where it
    /// answers, `{"streams":[{"values":[…` where it is sent them.
    InValues,
}

impl Place {
    /// The brackets around a record, where reading begins behind one.
    const fn outer(self) -> &'static [u8] {
        match self {
            Self::InArray => b"[",
            Self::Outside => b"",
            Self::InLogRecords => b"{[{[{[",
            Self::InHits => b"{{[",
            Self::InValues => b"{{[{[",
        }
    }
}

/// Cuts a document into its records, each of which becomes a line.
#[derive(Debug)]
pub(crate) struct Records {
    place: Place,
    /// The brackets that are open around the records.
    outer: Vec<u8>,
    /// How many brackets are open within the record; 0 outside of one.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The record so far, without its line breaks.
    held: HeldLine,
    max_record_bytes: usize,
}

impl Records {
    /// Makes a cutter for a document from its start on, or, where `is_begun`, from behind a record.
    pub(crate) fn new(place: Place, is_begun: bool, max_record_bytes: usize) -> Self {
        let outer = if is_begun { place.outer().to_vec() } else { Vec::new() };
        Self {
            place,
            outer,
            depth: 0,
            in_string: false,
            is_escaped: false,
            held: HeldLine::default(),
            max_record_bytes,
        }
    }

    /// Tells whether a record has begun that is not at its end.
    pub(crate) const fn is_within(&self) -> bool {
        self.depth > 0
    }

    /// Takes what there is of a record that will not be completed.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        self.depth = 0;
        self.held.take()
    }

    /// Takes the next bytes up to the end of a record. Returns how many they are, and the record, if it is
    /// whole.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Vec<u8>>) {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let was_within = self.is_within();
            self.step(*byte);
            match (was_within, self.is_within()) {
                (false, true) => from = at,
                (true, false) => {
                    self.hold(bytes.get(from..=at).unwrap_or_default());
                    return (at + 1, Some(self.held.take()));
                }
                _ => {}
            }
        }
        if self.is_within() {
            self.hold(bytes.get(from..).unwrap_or_default());
        }
        (bytes.len(), None)
    }

    /// A line break stands only between the members, where it means nothing.
    fn hold(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n') {
            self.held.extend(line, self.max_record_bytes);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' if self.is_within() => self.depth += 1,
            b'}' | b']' if self.is_within() => self.depth -= 1,
            b'{' | b'[' if self.is_place_of_record(byte) => self.depth = 1,
            b'{' | b'[' if self.outer.len() < MAX_OUTER => self.outer.push(byte),
            b'}' | b']' => {
                self.outer.pop();
            }
            _ => {}
        }
    }

    /// Tells whether a bracket begins a record where it stands.
    fn is_place_of_record(&self, bracket: u8) -> bool {
        let is_object = bracket == b'{';
        match self.place {
            Place::Outside => is_object && self.outer.is_empty(),
            Place::InArray => is_object && matches!(*self.outer, [b'['] | [b'{', b'[']),
            Place::InLogRecords | Place::InHits => is_object && self.outer == self.place.outer(),
            Place::InValues => !is_object && matches!(&*self.outer, b"{{[{[" | b"{[{["),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(place: Place, text: &str, chunk: usize) -> Vec<String> {
        let mut records = Records::new(place, false, 1000);
        let mut found = Vec::new();
        for bytes in text.as_bytes().chunks(chunk) {
            let mut rest = bytes;
            while !rest.is_empty() {
                let (used, record) = records.take(rest);
                found.extend(record.map(|record| String::from_utf8(record).unwrap()));
                rest = &rest[used..];
            }
        }
        found
    }

    #[test]
    fn records_are_cut_out_however_the_bytes_come() {
        for (place, text, expected) in [
            (
                Place::InArray,
                "[\n {\"a\": \"]}\\\"{\"},\n {\"b\": [{}]}\n]\n",
                &["{\"a\": \"]}\\\"{\"}", "{\"b\": [{}]}"][..],
            ),
            (
                Place::InArray,
                "{\"next\":\"[{\",\"events\":[{\"a\":{}},{\"b\":1}],\"n\":1}\n",
                &["{\"a\":{}}", "{\"b\":1}"],
            ),
            (
                Place::Outside,
                "{\n  \"a\": {}\n}\n{\n  \"b\": 1\n}\n",
                &["{  \"a\": {}}", "{  \"b\": 1}"],
            ),
            (
                Place::InLogRecords,
                "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"k\":1}]},\"scopeLogs\":\
                 [{\"scope\":{},\"logRecords\":[{\"a\":[{}]},{\"b\":1}]}]}]}\n",
                &["{\"a\":[{}]}", "{\"b\":1}"],
            ),
            (
                Place::InHits,
                "{\"took\":1,\"_shards\":{},\"hits\":{\"total\":{},\"hits\":[{\"a\":1},{\"b\":{}}]}}",
                &["{\"a\":1}", "{\"b\":{}}"],
            ),
            (
                Place::InValues,
                "{\"data\":{\"result\":[{\"stream\":{},\"values\":[[\"1\",\"a]\"],[\"2\",\"b\"]]}]}}\n\
                 {\"streams\":[{\"stream\":{},\"values\":[[\"3\",\"c\"]]}]}\n",
                &["[\"1\",\"a]\"]", "[\"2\",\"b\"]", "[\"3\",\"c\"]"],
            ),
            (Place::InArray, "{\"a\":{}}\n", &[]),
            (Place::Outside, "]}}{\"a\":1", &[]),
        ] {
            for chunk in 1..text.len() {
                assert_eq!(records(place, text, chunk), expected, "{text} by {chunk}");
            }
        }
    }

    #[test]
    fn reading_goes_on_behind_a_record() {
        let mut records = Records::new(Place::InArray, true, 1000);
        let (used, record) = records.take(b",\n {\"a\":1}\n]");
        assert_eq!((used, record), (10, Some(b"{\"a\":1}".to_vec())));
        assert!(!records.is_within());
    }
}
