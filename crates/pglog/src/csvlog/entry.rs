//! A scanned record to an entry.

use std::borrow::Cow;

use crate::{
    csvlog::{
        layout::{Layout, each_column},
        scan::{Span, Spans},
    },
    entry::{Depth, LogEntry},
    held::{self, Gap},
    record::{Borrowed, Builder, Column, Copied},
    text::decode,
    timestamp::Clock,
};

/// A record of the file, or what is kept of it.
pub(super) struct Record<'a, 'r> {
    pub(super) bytes: &'a [u8],
    /// The bytes as text, where they are some.
    pub(super) text: Option<&'a str>,
    pub(super) spans: &'r Spans,
    /// Where bytes have been left out.
    pub(super) gaps: &'r [Gap],
}

impl<'a> Record<'a, '_> {
    /// Gives the record's values to a new entry, which is large and so stays in its place.
    pub(super) fn read_into(
        &self,
        entry: &mut LogEntry<'a>,
        clock: &mut Clock,
        (max_field_bytes, depth): (usize, Depth),
    ) {
        let mut builder = Builder::new(entry, clock, max_field_bytes);
        let is_usual = self.gaps.is_empty() && self.spans.layout() == Layout::PostgreSql;
        if let Some(text) = self.text.filter(|_| is_usual) {
            give_columns(&mut builder, text, self.spans.as_slice());
        } else {
            for (column, span) in self.spans.values() {
                self.give(&mut builder, column, span);
            }
        }
        builder.finish(depth);
    }

    /// Gives a value to the builder that needs work.
    fn give(&self, builder: &mut Builder<'_, 'a, '_>, column: Column, span: &Span) {
        let raw = self.bytes.get(span.start..span.end).unwrap_or_default();
        // Greenplum's is 0 where there is none.
        if column == Column::CursorPosition && raw == b"0" {
            return;
        }
        let quotes = if span.doubled { memchr::memchr_iter(b'"', raw).count() } else { 0 };
        let missing = missing(self.gaps, span, |gap| gap.value_bytes);
        let whole_bytes = (raw.len() - quotes / 2) as u64 + missing;
        let text = decode(raw);
        if span.doubled {
            builder.set(column, Copied(&single_quotes(&text)), whole_bytes);
        } else if let Cow::Borrowed(text) = text {
            builder.set(column, Borrowed(text), whole_bytes);
        } else {
            builder.set(column, Copied(&text), whole_bytes);
        }
    }
}

/// Gives each value to the builder, as long as there are values. Of the builder's choices only those of each
/// column are left.
fn give_columns<'a>(
    builder: &mut Builder<'_, 'a, '_>,
    text: &'a str,
    spans: &[Span],
) -> Option<()> {
    let mut columns = Columns { builder, text, spans: spans.iter() };
    each_column!(columns.give_next);
    Some(())
}

/// The columns that have not been given yet.
struct Columns<'b, 'e, 'a, 'c, 'r> {
    builder: &'b mut Builder<'e, 'a, 'c>,
    text: &'a str,
    spans: std::slice::Iter<'r, Span>,
}

impl Columns<'_, '_, '_, '_, '_> {
    #[inline(always)]
    fn give_next(&mut self, column: Column) -> Option<()> {
        let span = self.spans.next()?;
        let value = self.text.get(span.start..span.end).unwrap_or_default();
        if span.doubled {
            give_doubled(self.builder, column, value);
        } else {
            self.builder.set(column, Borrowed(value), value.len() as u64);
        }
        Some(())
    }
}

#[inline(never)]
fn give_doubled(builder: &mut Builder<'_, '_, '_>, column: Column, value: &str) {
    let plain = single_quotes(value);
    builder.set(column, Copied(&plain), plain.len() as u64);
}

/// Takes the second one of two quotes away.
fn single_quotes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        plain.push_str(rest.get(..=quote).unwrap_or_default());
        let behind = rest.get(quote + 1..).unwrap_or_default();
        rest = behind.strip_prefix('"').unwrap_or(behind);
    }
    plain.push_str(rest);
    plain
}

/// The values that can be long.
pub(super) fn long_values(spans: &Spans) -> impl Iterator<Item = &Span> {
    let values = spans.values();
    values.filter(|(column, _)| column.long_field().is_some()).map(|(_, span)| span)
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
