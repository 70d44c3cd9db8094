//! A scanned record to an entry.

use std::borrow::Cow;

use crate::{
    assemble::decode,
    csvlog::scan::{COLUMNS, Span},
    entry::LogEntry,
    held::{self, Gap},
    record::{Builder, Value},
    timestamp::Clock,
};

/// Makes an entry of a record's values. Gaps are where bytes of it have been left out.
pub(super) fn entry<'a>(
    record: &'a [u8],
    spans: &[Span],
    gaps: &[Gap],
    clock: &mut Clock,
    max_field_bytes: usize,
) -> LogEntry<'a> {
    let text = match decode(record) {
        Cow::Borrowed(text) => Some(text),
        Cow::Owned(_) => None,
    };
    let mut builder = Builder::new(clock, max_field_bytes);
    for (column, span) in COLUMNS.into_iter().zip(spans) {
        if span.start == span.end {
            continue;
        }
        let raw = record.get(span.start..span.end).unwrap_or_default();
        let quotes = if span.doubled { memchr::memchr_iter(b'"', raw).count() } else { 0 };
        let text = match text {
            Some(text) => Cow::Borrowed(text.get(span.start..span.end).unwrap_or_default()),
            None => decode(raw),
        };
        let text = if span.doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { text };
        let whole_bytes =
            (raw.len() - quotes / 2) as u64 + missing(gaps, span, |gap| gap.value_bytes);
        let value = Value { text, whole_bytes };
        builder.set(column, value);
    }
    builder.finish()
}

/// The values that can be long.
pub(super) fn long_values(spans: &[Span]) -> impl Iterator<Item = &Span> {
    let columns = COLUMNS.into_iter().zip(spans);
    columns.filter(|(column, _)| column.long_field().is_some()).map(|(_, span)| span)
}

/// How many bytes of a value are missing, counted one way or the other.
pub(super) fn missing(gaps: &[Gap], span: &Span, count: impl Fn(&Gap) -> u64) -> u64 {
    held::within(gaps, span.start, span.end).map(count).sum()
}

/// What of a value can be left out because it is more than an entry may have. The quotes that are left
/// are still doubled.
pub(super) fn surplus(record: &[u8], span: &Span, max_bytes: usize) -> Option<Gap> {
    // A character that is cut at the end must not be among those that are wanted.
    let wanted = max_bytes + 4;
    if span.end - span.start <= wanted {
        return None;
    }
    let value = record.get(span.start..span.end)?;
    let (mut kept, mut kept_value_bytes) = (0, 0);
    while kept_value_bytes < wanted {
        let rest = value.get(kept..)?;
        let plain = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let taken = plain.min(wanted - kept_value_bytes);
        kept += taken;
        kept_value_bytes += taken;
        if kept_value_bytes < wanted {
            // Two quotes, unless the second one is not there yet.
            rest.get(plain + 1)?;
            kept += 2;
            kept_value_bytes += 1;
        }
    }
    let quotes = |bytes: &[u8]| memchr::memchr_iter(b'"', bytes).count();
    // A quote at the end is the first of two, perhaps, and stays.
    let end = value.len() - quotes(value) % 2;
    let cut = value.get(kept..end).filter(|cut| !cut.is_empty())?;
    Some(Gap {
        at: span.start + kept,
        raw_bytes: cut.len() as u64,
        value_bytes: (cut.len() - quotes(cut) / 2) as u64,
    })
}
