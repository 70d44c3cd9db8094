//! Where the columns of a csvlog record are, and whether bytes are one at all.
//!
//! The server writes each record in one way only, so there is no need to guess: what departs from it is
//! no record, or one that was cut. That is found out as early as possible, because a lost quote turns
//! everything behind it inside out.

use crate::{
    csvlog::layout::{Layout, each_column},
    digits,
    find::find_byte,
    lanes::Marks,
    record::Column,
};

/// The most columns that a record may have; 26 since PostgreSQL 14, and 30 in Greenplum.
const MAX_COLUMNS: usize = 40;

/// How many columns a record of PostgreSQL 8.4 has.
const OLDEST_COLUMNS: usize = 22;

/// The most bytes of a value that the server keeps short, quotes included.
const MAX_SHORT_BYTES: usize = 4096;

/// Where a value is, without its quotes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Quotes in it are doubled.
    pub(super) doubled: bool,
}

/// The values of the record that was scanned last.
#[derive(Debug)]
pub(super) struct Spans {
    spans: [Span; MAX_COLUMNS],
    count: usize,
    layout: Layout,
}

impl Default for Spans {
    fn default() -> Self {
        Self { spans: [Span::default(); MAX_COLUMNS], count: 0, layout: Layout::default() }
    }
}

impl Spans {
    pub(super) fn as_slice(&self) -> &[Span] {
        self.spans.get(..self.count).unwrap_or_default()
    }

    pub(super) const fn layout(&self) -> Layout {
        self.layout
    }

    /// The values of the columns that are known.
    pub(super) fn values(&self) -> impl Iterator<Item = (Column, &Span)> {
        self.layout.columns().iter().copied().zip(self.as_slice())
    }

    /// False where there are too many.
    fn push(&mut self, span: Span) -> bool {
        let Some(place) = self.spans.get_mut(self.count) else { return false };
        *place = span;
        self.count += 1;
        true
    }
}

/// Whether more bytes may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The bytes are the beginning of something longer.
    Open,
    /// Nothing comes behind them.
    Ended,
}

/// What bytes turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A record, of so many bytes with its line break.
    Record(usize),
    /// The beginning of a record, perhaps.
    Incomplete,
    /// No record: this byte cannot be.
    Broken(usize),
}

/// Looks for a record at the start of `bytes`.
pub(super) fn scan(bytes: &[u8], input: Input, spans: &mut Spans) -> Scan {
    (spans.count, spans.layout) = (0, Layout::PostgreSql);
    let mut columns = spans.layout.columns();
    let mut marks = Marks::of(bytes);
    let mut at = usual_columns(bytes, spans, &mut marks);
    loop {
        let column = columns.get(spans.count).copied();
        // About half of all values are absent.
        if bytes.get(at) == Some(&b',') && column.is_none_or(may_be_absent) {
            if !spans.push(Span { start: at, end: at, doubled: false }) {
                return Scan::Broken(at);
            }
            at += 1;
            continue;
        }
        let (span, next) = match value(bytes, at, column, input, &mut marks) {
            Ok(found) => found,
            Err(scan) => {
                // The value as far as it is there.
                let start = at + usize::from(bytes.get(at) == Some(&b'"'));
                let end = if let Scan::Broken(end) = scan { end } else { bytes.len() };
                spans.push(Span { start, end: end.max(start), doubled: false });
                return scan;
            }
        };
        let text = bytes.get(span.start..span.end).unwrap_or_default();
        let is_pushed = if column.is_none_or(|column| is_plausible(column, text)) {
            spans.push(span)
        } else if column == Some(Column::Pid) && is_pid_of_greenplum(text) {
            spans.layout = Layout::Greenplum;
            columns = spans.layout.columns();
            spans.push(Span { start: span.start + 1, ..span })
        } else {
            false
        };
        if !is_pushed {
            return Scan::Broken(next);
        }
        at = match bytes.get(next..).unwrap_or_default() {
            [b',', ..] => next + 1,
            [b'\n', ..] => return record(bytes, spans, next + 1, next),
            [b'\r', b'\n', ..] => return record(bytes, spans, next + 2, next),
            [] | [b'\r'] if input == Input::Open => return Scan::Incomplete,
            [] => return record(bytes, spans, next, next),
            _ => return Scan::Broken(next),
        };
    }
}

/// Finds the first columns of a record, as far as each of them is what it should be. Returns where the next one
/// begins.
fn usual_columns<'b>(bytes: &'b [u8], spans: &mut Spans, marks: &mut Marks<'b>) -> usize {
    let mut usual = Usual { bytes, spans, marks, at: 0 };
    usual.take_all();
    usual.at
}

/// A record as far as its columns are usual.
struct Usual<'b, 's, 'm> {
    bytes: &'b [u8],
    spans: &'s mut Spans,
    marks: &'m mut Marks<'b>,
    /// Where the next column begins.
    at: usize,
}

impl Usual<'_, '_, '_> {
    /// Takes columns up to the first that is not usual.
    fn take_all(&mut self) -> Option<()> {
        each_column!(self.take);
        Some(())
    }

    /// Takes a column that is whole, with the comma behind it.
    #[inline(always)]
    fn take(&mut self, column: Column) -> Option<()> {
        let (bytes, at) = (self.bytes, self.at);
        if may_be_absent(column) && bytes.get(at) == Some(&b',') {
            return self.push(Span { start: at, end: at, doubled: false }, at);
        }
        let (span, next) = value(bytes, at, Some(column), Input::Open, self.marks).ok()?;
        let is_value = is_plausible(column, bytes.get(span.start..span.end)?);
        if is_value && bytes.get(next) == Some(&b',') { self.push(span, next) } else { None }
    }

    /// Keeps a value, behind which a comma stands.
    #[inline(always)]
    fn push(&mut self, span: Span, comma: usize) -> Option<()> {
        self.at = comma + 1;
        self.spans.push(span).then_some(())
    }
}

fn record(bytes: &[u8], spans: &Spans, end: usize, next: usize) -> Scan {
    let columns = spans.as_slice();
    let is_whole = columns.len() >= spans.layout.min_columns()
        && (columns.len() > OLDEST_COLUMNS
            || columns.last().is_some_and(|last| is_place(bytes, last)));
    if is_whole { Scan::Record(end) } else { Scan::Broken(next) }
}

/// Tells whether a value is a place in the server's source, `errfinish, elog.c:598`, or absent. In the oldest
/// records that is the last one, so that a later one that has lost some is not taken for such a one.
fn is_place(bytes: &[u8], span: &Span) -> bool {
    let text = bytes.get(span.start..span.end).unwrap_or_default();
    let is_absent = text.is_empty() && bytes.get(span.end) != Some(&b'"');
    is_absent || memchr::memmem::find(text, b".c:").is_some()
}

/// Finds the value at `at` and what comes behind it.
#[inline(always)]
fn value(
    bytes: &[u8],
    at: usize,
    column: Option<Column>,
    input: Input,
    marks: &mut Marks<'_>,
) -> Result<(Span, usize), Scan> {
    let rest = bytes.get(at..).unwrap_or_default();
    if column == Some(Column::Time) {
        return match time_bytes(rest, input) {
            Start::Whole(length) => {
                Ok((Span { start: at, end: at + length, doubled: false }, at + length))
            }
            Start::Partial => Err(Scan::Incomplete),
            Start::Not => Err(Scan::Broken(at)),
        };
    }
    if rest.first() == Some(&b'"') {
        return quoted(bytes, at + 1, column, input, marks);
    }
    match marks.any(at, bytes.len().min(at + MAX_SHORT_BYTES)) {
        Some(end) => Ok((Span { start: at, end, doubled: false }, end)),
        None if rest.len() >= MAX_SHORT_BYTES => Err(Scan::Broken(at + MAX_SHORT_BYTES)),
        None if input == Input::Open => Err(Scan::Incomplete),
        None => Ok((Span { start: at, end: bytes.len(), doubled: false }, bytes.len())),
    }
}

/// Finds the end of a value in quotes.
#[inline(always)]
fn quoted(
    bytes: &[u8],
    start: usize,
    column: Option<Column>,
    input: Input,
    marks: &mut Marks<'_>,
) -> Result<(Span, usize), Scan> {
    let is_long = column.is_some_and(|column| column.long_field().is_some());
    let limit = if is_long { bytes.len() } else { bytes.len().min(start + MAX_SHORT_BYTES) };
    let mut doubled = false;
    let mut from = start;
    while let Some(quote) = marks.quote(from, limit) {
        match bytes.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                from = quote + 2;
            }
            // Perhaps the first one of two.
            None if input == Input::Open => return Err(Scan::Incomplete),
            _ => return Ok((Span { start, end: quote, doubled }, quote + 1)),
        }
    }
    if limit < bytes.len() || input == Input::Ended {
        return Err(Scan::Broken(limit));
    }
    Err(Scan::Incomplete)
}

/// Tells whether a column can have this value. Those that have a form of their own tell a record from
/// something else.
#[inline(always)]
fn is_plausible(column: Column, text: &[u8]) -> bool {
    match column {
        Column::Pid | Column::LineNum | Column::Txid => !text.is_empty() && digits::are_all(text),
        Column::SessionId => {
            find_byte(text, b'.').is_some() && text.iter().all(|byte| is_in_session_id(*byte))
        }
        Column::StateCode => text.len() == 5 && text.iter().all(u8::is_ascii_alphanumeric),
        Column::InternalPosition | Column::CursorPosition | Column::LeaderPid => {
            digits::are_all(text)
        }
        Column::QueryId => digits::are_all(text.strip_prefix(b"-").unwrap_or(text)),
        Column::Severity => !text.is_empty(),
        _ => true,
    }
}

const fn is_in_session_id(byte: u8) -> bool {
    matches!(byte, b'.' | b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f')
}

/// Tells whether a text is `p` and a number.
fn is_pid_of_greenplum(text: &[u8]) -> bool {
    text.strip_prefix(b"p").is_some_and(|pid| is_plausible(Column::Pid, pid))
}

/// Tells whether a record can have nothing in a column.
const fn may_be_absent(column: Column) -> bool {
    !matches!(
        column,
        Column::Time
            | Column::Pid
            | Column::SessionId
            | Column::LineNum
            | Column::Txid
            | Column::Severity
            | Column::StateCode
    )
}

/// Whether a record may begin somewhere.
enum Start {
    /// With a time of so many bytes.
    Whole(usize),
    /// The bytes end within the time.
    Partial,
    Not,
}

/// The form of a time: each `0` stands for a digit. The zone comes behind it.
const TIME: &[u8] = b"0000-00-00 00:00:00.000 ";

/// The same in Greenplum.
const TIME_WITH_MICROS: &[u8] = b"0000-00-00 00:00:00.000000 ";

/// The most bytes of a zone's abbreviation.
const MAX_ZONE_BYTES: usize = 32;

/// Reads `2026-11-24 02:21:01.123 UTC,` at the start of `bytes`.
fn time_bytes(bytes: &[u8], input: Input) -> Start {
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    // Without an early end it is one comparison of vectors.
    let fits_whole =
        |bytes: &[u8; TIME.len()]| bytes.iter().zip(TIME).fold(true, |all, pair| all & fits(pair));
    let form = if bytes.first_chunk().map_or_else(|| bytes.iter().zip(TIME).all(fits), fits_whole) {
        TIME
    } else if bytes.iter().zip(TIME_WITH_MICROS).all(fits) {
        TIME_WITH_MICROS
    } else {
        return Start::Not;
    };
    let zone = bytes.get(form.len()..).unwrap_or_default();
    let is_zone = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-:<>_/".contains(byte);
    let length = zone.iter().take(MAX_ZONE_BYTES).take_while(is_zone).count();
    match zone.get(length) {
        Some(b',') if length > 0 => Start::Whole(form.len() + length),
        None if input == Input::Open => Start::Partial,
        _ => Start::Not,
    }
}

/// Finds the first place, not before `from`, where a record may begin. Without one, the end.
pub(super) fn find_start(bytes: &[u8], from: usize, input: Input) -> usize {
    let first_hyphen = from + 4;
    let starts_at = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        !matches!(time_bytes(rest, input), Start::Not)
    };
    let hyphens = bytes.get(first_hyphen..).unwrap_or_default();
    let found = memchr::memchr_iter(b'-', hyphens)
        .map(|hyphen| from + hyphen)
        .find(|start| starts_at(*start));
    found.unwrap_or_else(|| {
        // The year of a time may have begun at the very end.
        let tail = bytes.len().saturating_sub(4).max(from);
        (tail..bytes.len()).find(|start| starts_at(*start)).unwrap_or(bytes.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "2026-11-24 02:21:01.123 UTC,\"bob\",\"shop\",7,\"10.0.0.9:5432\",6b04f48d.17ee,\
                        3,\"SELECT\",2026-11-24 02:21:00 UTC,3/5,0,ERROR,22012,";

    fn scanned(record: &str) -> (Scan, Vec<String>) {
        let mut spans = Spans::default();
        let scan = scan(record.as_bytes(), Input::Open, &mut spans);
        let texts = spans.as_slice().iter().map(|span| record[span.start..span.end].to_owned());
        (scan, texts.collect())
    }

    #[test]
    fn records_of_every_version_are_found() {
        let common = format!("{HEAD}\"a \"\"b\"\"\nc\",,,,,,\"SELECT 1\",,");
        for (tail, columns) in [
            ("", 22),
            (",\"psql\"", 23),
            (",\"psql\",\"client backend\"", 24),
            (",\"psql\",\"client backend\",,-12", 26),
            (",\"psql\",\"client backend\",,-12,\"of the future\"", 27),
        ] {
            let record = format!("{common}{tail}\nrest");
            let (scan, texts) = scanned(&record);
            assert_eq!(scan, Scan::Record(record.len() - "rest".len()), "{tail}");
            assert_eq!(texts.len(), columns);
            assert_eq!((texts[1].as_str(), texts[13].as_str()), ("bob", "a \"\"b\"\"\nc"));
        }
    }

    #[test]
    fn every_beginning_of_a_record_is_incomplete() {
        let record = format!("{HEAD}\"a \"\"b\"\"\nc\",,,,,,,,,\"psql\",\"client backend\",,0\r\n");
        for cut in 0..record.len() {
            assert_eq!(scanned(&record[..cut]).0, Scan::Incomplete, "{:?}", &record[..cut]);
        }
        assert_eq!(scanned(&record).0, Scan::Record(record.len()));
    }

    #[test]
    fn what_is_no_record_is_noticed_early() {
        let cut = format!("{HEAD}\"a cut message{HEAD}");
        // The first quote behind the cut ends the message; no comma follows.
        assert_eq!(scanned(&cut).0, Scan::Broken(cut.find("message").unwrap() + 7 + 29));
        for text in ["hello\n", "\n", "2026-11-24 02:21:01.123 UTC LOG:  x\n", "2026-11-24T"] {
            assert!(matches!(scanned(text).0, Scan::Broken(_)), "{text}");
        }
        for lost in ["\"client backend\"", "\"\"", "0"] {
            let record = format!("{HEAD}\"a\",,,,,,,,{lost}\n");
            assert!(matches!(scanned(&record).0, Scan::Broken(_)), "{record}");
        }
        let short = format!("{HEAD}\"a\",,\n");
        assert!(matches!(scanned(&short).0, Scan::Broken(_)));
        let endless = HEAD.replace("bob", &"b".repeat(5000));
        assert!(matches!(scanned(&endless).0, Scan::Broken(_)));
    }

    #[test]
    fn next_start_is_found_within_a_line_and_at_its_beginning() {
        let bytes = format!("x-y 2026-1{HEAD}");
        assert_eq!(find_start(bytes.as_bytes(), 1, Input::Open), bytes.len() - HEAD.len());
        assert_eq!(find_start(b"a-b-c 20", 0, Input::Open), 6);
        assert_eq!(find_start(b"a-b-c 20", 0, Input::Ended), 8);
        assert_eq!(find_start(b"a-b-c 2026-11", 0, Input::Open), 6);
    }
}
