//! A log that stands in another text, and where its lines stand there.

use std::ops::Range;

use crate::{
    assemble::{Assembled, Limits},
    parser::{marks::Marks, reader::Reader},
};

/// The reader of the inner log, whose entries get their places in the outer one.
#[derive(Debug)]
pub(super) struct Inner {
    reader: Box<Reader>,
    /// Where the inner log's bytes come from, as far as they are not used up.
    marks: Marks,
}

/// Bytes of the inner log.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    /// A line, without its end.
    pub(super) text: &'a [u8],
    /// No other piece goes on with it.
    pub(super) is_whole: bool,
    /// Where it stands in the outer log.
    pub(super) outer: Range<u64>,
    /// The time that stands beside it there.
    pub(super) time: Option<&'a str>,
}

/// Returns how many bytes a line of the outer log may have: an escape has up to six.
pub(super) const fn max_outer_bytes(limits: Limits) -> usize {
    limits.max_field_bytes.saturating_mul(6) + (64 << 10)
}

impl Inner {
    /// Makes it for an outer log that is read from `position` on; `reader` begins at position 0.
    pub(super) fn new(reader: Reader, position: u64) -> Self {
        Self { reader: Box::new(reader), marks: Marks::at(position) }
    }

    pub(super) const fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) const fn reader_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// Where the outer log may be resumed.
    pub(super) const fn safe_position(&self) -> u64 {
        self.marks.safe()
    }

    /// Where the first entry begins that is open, or where it may. `None` where nothing is.
    pub(super) fn open_start(&self) -> Option<u64> {
        let is_open = self.reader.safe_position() < self.reader.position();
        is_open.then(|| self.marks.safe())
    }

    /// Where what was pushed ends in the outer log.
    pub(super) const fn outer_end(&self) -> u64 {
        self.marks.outer_end()
    }

    /// Reads a piece of the inner log, and the end of its line if that is whole.
    pub(super) fn push(&mut self, piece: &Piece<'_>, sink: &mut impl FnMut(&Assembled<'_>)) {
        let Piece { text, is_whole, outer, time } = piece;
        let bytes = text.len() as u64 + u64::from(*is_whole);
        self.marks.add(outer.start, outer.end, bytes, *time);
        let mut translated = self.marks.translate(sink);
        self.reader.push(text, &mut translated);
        if *is_whole {
            self.reader.push(b"\n", &mut translated);
        }
        drop(translated);
        let safe = self.reader.safe_position();
        self.marks.reach_safe(safe);
        self.marks.forget_before(safe);
    }

    pub(super) fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let inner = self.marks.first_inner_from(position);
        self.reader.flush_before(inner, &mut self.marks.translate(sink));
        self.marks.reach_safe(self.reader.safe_position());
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.reader.flush(&mut self.marks.translate(sink));
        self.marks.reach_safe(self.reader.safe_position());
    }

    /// Ends the inner log. What stands behind its last line in the outer one goes with it.
    pub(super) fn finish(&mut self, outer_end: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.reader.finish(&mut self.marks.translate(sink));
        self.marks.extend_to(outer_end);
        self.marks.reach_safe(self.reader.safe_position());
    }
}
