//! Many whole lines at once: the way that nearly all of a log takes.

use crate::assemble::{
    Assembled, Assembler, Patience, Taken,
    folded::{Folded, Run},
    lines,
    open::OpenEntries,
    prefixes::Verdict,
};

impl Assembler {
    /// Takes whole lines, block by block.
    pub(super) fn take_whole_lines(&mut self, whole: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut folded = std::mem::take(&mut self.folded);
        for block in lines::blocks(whole) {
            self.take_block(block, &mut folded, sink);
        }
        self.folded = folded;
    }

    /// Takes a block of whole lines. Entries keep those that are text as they are; the few that are not
    /// are decoded one by one.
    fn take_block(
        &mut self,
        block: &[u8],
        folded: &mut Folded,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        folded.clear();
        let segments = lines::segments(block);
        let added: Vec<_> = segments
            .iter()
            .map(|segment| segment.as_it_is().map(|text| folded.fold(text)).unwrap_or_default())
            .collect();
        let mut position = self.splitter.position();
        let mut open: OpenEntries<'_> = std::mem::take(&mut self.open);
        for (segment, added) in segments.iter().zip(added) {
            if let Some(text) = segment.as_it_is() {
                for run in folded.runs(text, added) {
                    position = self.take_run(&mut open, &run, position, sink);
                }
            } else {
                for (line, raw) in segment.lines() {
                    position = self.take_whole_line(&mut open, (line, raw), position, sink);
                }
            }
        }
        self.splitter.advance_to(position);
        self.open = open.into_owned();
    }

    /// Takes a line with those that continue it; returns the position behind them.
    fn take_run<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        run: &Run<'a>,
        position: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> u64 {
        let as_it_is = |line: &'a str| (line, line.as_bytes());
        let line = run.line;
        let mut position = self.take_whole_line(open, as_it_is(line), position, sink);
        if run.continued_bytes() == 0 {
            return position;
        }
        let end = position + run.continued_bytes() as u64;
        if self.held.is_empty() && open.continue_in_place(run, end, &self.limits) {
            open.reached(end);
            return end;
        }
        for line in run.continuations() {
            position = self.take_whole_line(open, as_it_is(line), position, sink);
        }
        position
    }

    /// Takes a line, given with its bytes, that stands at a position; returns that of the line behind it.
    #[inline(always)]
    fn take_whole_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        (line, raw): (&'a str, &[u8]),
        position: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> u64 {
        let end = position + raw.len() as u64 + 1;
        let is_plain = raw.len() < lines::MAX_HELD_BYTES && self.held.is_empty();
        let place = (position, end);
        if is_plain
            && self.take_torn_line(open, (line, raw), place, Patience::MayHold) == Taken::Yes
        {
            self.emit_surplus(open, end, sink);
        } else {
            self.take_odd_line(open, (line, raw), position, sink);
        }
        end
    }

    /// Takes a line that is very long, or that is to be held back.
    #[cold]
    fn take_odd_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        (line, raw): (&'a str, &[u8]),
        position: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        if raw.len() >= lines::MAX_HELD_BYTES {
            // A long line is read in pieces, as it would be if it came in pieces.
            self.splitter.advance_to(position);
            self.open = std::mem::take(open).into_owned();
            self.hold_partial_line(raw, sink);
            self.end_line(1, sink);
            *open = std::mem::take(&mut self.open);
        } else if self.held.push(raw, line, position, &self.prefixes) == Verdict::Read {
            self.open = std::mem::take(open).into_owned();
            self.read_held_lines(sink);
            *open = std::mem::take(&mut self.open);
        }
    }
}
