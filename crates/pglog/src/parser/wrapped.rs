//! Reads a log through its wrapping.

use crate::{
    assemble::Assembled,
    entry::Depth,
    held::HeldLine,
    parser::{
        inner::{Piece, max_outer_bytes},
        reader::Reader,
        recipe::Recipe,
        streams::Streams,
    },
    prefix::LinePrefix,
    timestamp::Clock,
    wrapping::Wrapping,
};

/// A reader whose log stands in wrapped lines.
#[derive(Debug)]
pub(super) struct Wrapped {
    wrapping: Wrapping,
    streams: Streams,
    max_line_bytes: usize,
    /// Position of the first byte of the line that is not whole.
    position: u64,
    held: HeldLine,
}

impl Wrapped {
    /// Makes a reader for bytes from `position` on.
    pub(super) fn new(wrapping: Wrapping, inner: Recipe, position: u64) -> Self {
        let max_line_bytes = max_outer_bytes(inner.options.limits);
        let streams = Streams::new(inner, position);
        Self { wrapping, streams, max_line_bytes, position, held: HeldLine::default() }
    }

    pub(super) fn inner(&self) -> &Reader {
        self.streams.first()
    }

    pub(super) fn tell(&mut self, prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        self.streams.tell(prefix, clock);
    }

    pub(super) fn set_depth(&mut self, depth: Depth) {
        self.streams.set_depth(depth);
    }

    pub(super) const fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if self.held.is_empty() && line.len() <= self.max_line_bytes {
                self.take_line(line, line.len() as u64 + 1, sink);
            } else {
                self.held.extend(line, self.max_line_bytes);
                self.end_line(1, sink);
            }
            rest = behind;
        }
        self.held.extend(rest, self.max_line_bytes);
    }

    pub(super) fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        // What is being written may belong to any entry.
        if self.held.is_empty() {
            self.streams.flush_before(position, sink);
        }
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.streams.flush(sink);
    }

    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if !self.held.is_empty() {
            self.end_line(0, sink);
        }
        self.streams.finish(self.position, sink);
    }

    pub(super) fn safe_position(&self) -> u64 {
        self.streams.safe_position()
    }

    pub(super) fn position(&self) -> u64 {
        self.position + self.held.raw_bytes()
    }

    fn end_line(&mut self, break_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let raw_bytes = self.held.raw_bytes() + break_bytes;
        let line = self.held.take();
        self.take_line(&line, raw_bytes, sink);
        self.held.recycle(line);
    }

    fn take_line(&mut self, line: &[u8], raw_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let outer = self.position;
        self.position += raw_bytes;
        let outer = outer..self.position;
        let Some(unwrapped) = self.wrapping.unwrap(line) else {
            // A line without the wrapping is part of the log as it is.
            let piece = Piece { text: line, is_whole: true, outer, time: None };
            return self.streams.push(None, &piece, sink);
        };
        let (text, is_whole, time) = (&*unwrapped.text, unwrapped.is_whole, unwrapped.time);
        self.streams.push(Some(unwrapped.origin), &Piece { text, is_whole, outer, time }, sink);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Parser, ParserOptions, Wrapping};

    #[test]
    fn no_place_to_resume_is_in_a_line_that_ends_one_entry_and_begins_another() {
        let time = "2026-11-24 02:21:01.123 UTC [7]";
        let line = |text: &str| {
            format!(
                "{{\"log\":\"{text}\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-24T02:21:01Z\"}}\n"
            )
        };
        let lines = [
            line(&format!("{time} LOG:  one")),
            line(&format!("\\tcontinued\\n{time} LOG:  two")),
            line(&format!("{time} LOG:  three")),
        ];
        let log = lines.concat();
        let mut parser = Parser::new(ParserOptions::default(), 0);
        let mut places = Vec::new();
        let mut keep = |found: &crate::Assembled<'_>| {
            places.push((
                found.entry.message.to_string(),
                found.start,
                found.end,
                found.safe_position,
            ));
        };
        parser.push(log.as_bytes(), &mut keep);
        parser.finish(&mut keep);
        let starts = [0, lines[0].len() as u64, (lines[0].len() + lines[1].len()) as u64];
        assert_eq!(parser.wrappings(), [Wrapping::Docker]);
        assert_eq!(places[0], ("one\ncontinued".to_owned(), 0, starts[2], 0));
        assert_eq!(places[1], ("two".to_owned(), starts[1], starts[2], starts[2]));
        assert_eq!(places[2].3, log.len() as u64);
    }
}
