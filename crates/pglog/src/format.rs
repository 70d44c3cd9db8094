//! Which format a log is in.

use crate::{assemble::Assembled, csvlog::CsvReader, jsonlog::JsonReader, syslog};

/// A log's format, named as in the setting `log_destination`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines with a `log_line_prefix`.
    Stderr,
    /// Comma-separated values.
    Csvlog,
    /// A JSON object a line (PostgreSQL 15 and later).
    Jsonlog,
    /// Lines with a `log_line_prefix` behind what a syslog daemon puts before them.
    Syslog,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Stderr, Self::Csvlog, Self::Jsonlog, Self::Syslog];

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::Csvlog => "csvlog",
            Self::Jsonlog => "jsonlog",
            Self::Syslog => "syslog",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Tells the format of a log from bytes of it, which may begin and end in the middle of a line.
    /// [`Format::Stderr`] where it is none of the others: any text can be that.
    ///
    /// ```
    /// use pglog::Format;
    ///
    /// let sample = br#"{"timestamp":"2026-11-24 02:21:01.123 UTC","error_severity":"LOG","message":"x"}
    /// "#;
    /// assert_eq!(Format::detect(sample), Format::Jsonlog);
    /// ```
    #[must_use]
    pub fn detect(sample: &[u8]) -> Self {
        let mut csv = CsvReader::new();
        let mut found = Found::default();
        csv.push(sample, &mut |entry| found.add(entry, sample));
        csv.flush(&mut |entry| found.add(entry, sample));
        if found.is_convincing() || (found.is_empty() && csv.has_begun_record()) {
            return Self::Csvlog;
        }
        let mut json = JsonReader::new();
        let mut found = Found::default();
        json.push(sample, &mut |entry| found.add(entry, sample));
        if found.is_convincing() || (found.is_empty() && json.has_begun_record()) {
            return Self::Jsonlog;
        }
        if syslog::is_syslog(sample) { Self::Syslog } else { Self::Stderr }
    }
}

/// What a format's reader found in a sample.
#[derive(Debug, Default)]
struct Found {
    record_bytes: u64,
    text_bytes: u64,
    texts: usize,
}

impl Found {
    fn add(&mut self, found: &Assembled<'_>, sample: &[u8]) {
        let bytes = found.end - found.start;
        // Behind a TAB it is quoted in a statement, which goes on there.
        let start = usize::try_from(found.start).unwrap_or_default();
        let (before, record) = sample.split_at_checked(start).unwrap_or_default();
        let is_quoted = before.ends_with(b"\t") || record.starts_with(b"\t");
        if found.entry.unparsed || is_quoted {
            self.text_bytes += bytes;
            self.texts += 1;
        } else {
            self.record_bytes += bytes;
        }
    }

    const fn is_empty(&self) -> bool {
        self.record_bytes == 0 && self.texts == 0
    }

    /// There are records, and besides the rest of a cut one at the start little else.
    const fn is_convincing(&self) -> bool {
        self.record_bytes > 0 && (self.texts <= 1 || self.record_bytes >= self.text_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &[u8] =
        b"2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,2026-11-24 02:21:00 UTC,,0,\
                         LOG,00000,\"hello\",,,,,,,,,\"\",\"checkpointer\",,0\n";
    const JSON: &[u8] = b"{\"timestamp\":\"2026-11-24 02:21:01.123 UTC\",\"pid\":7,\
                          \"error_severity\":\"LOG\",\"message\":\"hello\"}\n";

    #[test]
    fn format_is_told_from_the_middle_of_a_record_too() {
        for cut in 0..CSV.len() {
            assert_eq!(Format::detect(&[&CSV[cut..], CSV].concat()), Format::Csvlog, "{cut}");
        }
        for cut in 0..JSON.len() {
            assert_eq!(Format::detect(&[&JSON[cut..], JSON].concat()), Format::Jsonlog, "{cut}");
        }
    }

    #[test]
    fn first_record_need_not_be_whole() {
        let message = CSV.windows(5).position(|window| window == b"hello").unwrap();
        assert_eq!(Format::detect(&CSV[..message + 3]), Format::Csvlog);
        assert_eq!(Format::detect(&JSON[..50]), Format::Jsonlog);
    }

    #[test]
    fn anything_else_is_stderr() {
        let quoting = [b"LOG:  x\nLOG:  y\n".repeat(40), CSV.to_vec(), b"LOG:  z\n".repeat(40)];
        let within = |record: &[u8]| [b"LOG:  x\nLOG:  y\n\t", record].concat();
        for text in [
            &b""[..],
            b"\0\xff",
            b"hello\n",
            b"{\"a\":1}\n",
            &quoting.concat(),
            &CSV[..40],
            &within(CSV),
            &within(JSON),
        ] {
            assert_eq!(Format::detect(text), Format::Stderr);
        }
    }
}
