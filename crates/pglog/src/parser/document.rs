//! Reads a log whose lines are records of a document.

use crate::{
    assemble::{Assembled, Limits},
    parser::{
        inner::{Inner, Piece, max_outer_bytes},
        reader::Reader,
    },
    wrapping::{Cut, Cutter, Shape, Wrapping},
};

/// A reader whose log stands in a document.
#[derive(Debug)]
pub(super) struct Document {
    wrapping: Wrapping,
    inner: Inner,
    records: Cutter,
    /// Position of the next byte to push.
    position: u64,
    /// Where the record begins that is not whole.
    record_start: u64,
}

impl Document {
    /// Makes a reader for bytes from `position` on; `inner` begins at position 0.
    pub(super) fn new(
        (wrapping, shape): (Wrapping, Shape),
        inner: Reader,
        position: u64,
        limits: Limits,
    ) -> Self {
        Self {
            wrapping,
            inner: Inner::new(inner, position),
            records: Cutter::new(shape, position > 0, max_outer_bytes(limits)),
            position,
            record_start: position,
        }
    }

    pub(super) const fn inner(&self) -> &Reader {
        self.inner.reader()
    }

    pub(super) const fn inner_mut(&mut self) -> &mut Reader {
        self.inner.reader_mut()
    }

    pub(super) const fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if !self.records.is_within() {
                // What stands between two records goes with the second one.
                self.record_start = self.inner.outer_end();
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
            self.inner.flush_before(position, sink);
        }
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.inner.flush(sink);
    }

    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.records.is_within()
            && let Some(rest) = self.records.take_rest()
        {
            self.take_record(&rest, sink);
        }
        self.inner.finish(self.position, sink);
    }

    pub(super) const fn safe_position(&self) -> u64 {
        self.inner.safe_position()
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    fn take_record(&mut self, record: &Cut, sink: &mut impl FnMut(&Assembled<'_>)) {
        let outer = self.record_start..self.position;
        let Cut { text, time } = record;
        self.inner.push(&Piece { text, is_whole: true, outer, time: time.as_deref() }, sink);
    }
}
