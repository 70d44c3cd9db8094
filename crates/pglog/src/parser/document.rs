//! Reads a log whose lines are records of a document.

use crate::{
    assemble::{Assembled, Limits},
    parser::{marks::Marks, reader::Reader},
    wrapping::{Records, Shape, Wrapping},
};

/// A reader whose log stands in a document.
#[derive(Debug)]
pub(super) struct Document {
    wrapping: Wrapping,
    inner: Box<Reader>,
    records: Records,
    /// Position of the next byte to push.
    position: u64,
    /// Where the record begins that is not whole.
    record_start: u64,
    /// The records' places. The inner log begins at position 0.
    marks: Marks,
}

impl Document {
    /// Makes a reader for bytes from `position` on; `inner` begins at position 0.
    pub(super) fn new(
        (wrapping, shape): (Wrapping, Shape),
        inner: Reader,
        position: u64,
        limits: Limits,
    ) -> Self {
        // An escape has up to six bytes.
        let max_record_bytes = limits.max_field_bytes.saturating_mul(6) + (64 << 10);
        Self {
            wrapping,
            inner: Box::new(inner),
            records: Records::new(shape, position > 0, max_record_bytes),
            position,
            record_start: position,
            marks: Marks::at(position),
        }
    }

    pub(super) const fn inner(&self) -> &Reader {
        &self.inner
    }

    pub(super) const fn inner_mut(&mut self) -> &mut Reader {
        &mut self.inner
    }

    pub(super) const fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if !self.records.is_within() {
                // What stands between two records goes with the second one.
                self.record_start = self.marks.outer_end();
            }
            let (used, record) = self.records.take(rest);
            self.position += used as u64;
            if let Some(record) = record {
                self.take_record(&record, sink);
            }
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    pub(super) fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        if !self.records.is_within() {
            let inner = self.marks.first_inner_from(position);
            self.inner.flush_before(inner, &mut self.marks.translate(sink));
            self.marks.reach_safe(self.inner.safe_position());
        }
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.inner.flush(&mut self.marks.translate(sink));
        self.marks.reach_safe(self.inner.safe_position());
    }

    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.records.is_within() {
            let rest = self.records.take_rest();
            self.take_record(&rest, sink);
        }
        self.inner.finish(&mut self.marks.translate(sink));
        // What ends the document belongs to no record.
        self.marks.extend_to(self.position);
        self.marks.reach_safe(self.inner.safe_position());
    }

    pub(super) const fn safe_position(&self) -> u64 {
        self.marks.safe()
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    fn take_record(&mut self, record: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        self.marks.add(self.record_start, self.position, record.len() as u64 + 1, None);
        let mut translated = self.marks.translate(sink);
        self.inner.push(record, &mut translated);
        self.inner.push(b"\n", &mut translated);
        drop(translated);
        let safe = self.inner.safe_position();
        self.marks.reach_safe(safe);
        self.marks.forget_before(safe);
    }
}
