//! A whole message at once: none of it is kept, so none of it is copied.

use crate::{
    assemble::{Assembler, Patience, Taken, finish, lines::MAX_HELD_BYTES, open::OpenEntries},
    entry::LogEntry,
    text::decode,
};

impl Assembler {
    /// Tells whether [`Self::read_at_once`] can read a text: nothing is held, and each of its lines could be
    /// an entry that is open.
    pub(crate) fn can_read_at_once(&self, text: &[u8]) -> bool {
        let is_short = text.len() < MAX_HELD_BYTES.min(self.limits.max_open_bytes);
        let lines = || memchr::memchr_iter(b'\n', text).count() + 1;
        let is_idle = !self.splitter.has_partial() && self.held.is_empty();
        is_short && is_idle && lines() <= self.limits.max_open_entries
    }

    /// Reads a text to its end, like `push` and `finish`. Each entry is given to `sink` with the number of
    /// those that follow.
    pub(crate) fn read_at_once(&mut self, text: &[u8], sink: &mut impl FnMut(LogEntry<'_>, usize)) {
        let whole = decode(text);
        let mut open: OpenEntries<'_> = std::mem::take(&mut self.open);
        let mut rest: &str = &whole;
        let mut position = self.splitter.position();
        let mut used = 0;
        while !rest.is_empty() {
            let end_of_line = memchr::memchr(b'\n', rest.as_bytes());
            let (line, behind) =
                rest.split_at_checked(end_of_line.unwrap_or(rest.len())).unwrap_or((rest, ""));
            let raw = text.get(used..).unwrap_or_default();
            let raw_bytes = memchr::memchr(b'\n', raw).map_or(raw.len(), |end| end + 1);
            let patience =
                if end_of_line.is_some() { Patience::MayHold } else { Patience::ReadsNow };
            let end = position + raw_bytes as u64;
            let raw_line = raw.get(..raw_bytes - usize::from(end_of_line.is_some())).unwrap_or(raw);
            let line = (line, raw_line);
            if self.take_torn_line(&mut open, line, (position, end), patience) == Taken::Strange {
                break;
            }
            position = end;
            used += raw_bytes;
            rest = behind.get(1..).unwrap_or_default();
        }
        open.reached(position);
        self.splitter.advance_to(position);
        let rest = text.get(used..).unwrap_or_default();
        if rest.is_empty() {
            self.give_all(&mut open, sink);
            self.open = open.into_owned();
        } else {
            self.open = open.into_owned();
            self.read_strange(rest, sink);
        }
    }

    fn give_all(&self, open: &mut OpenEntries<'_>, sink: &mut impl FnMut(LogEntry<'_>, usize)) {
        while let Some(mut front) = open.take_front() {
            let mut entry = std::mem::take(&mut front.assembled.entry);
            finish::read_message(&mut entry, self.depth);
            sink(entry, open.len());
        }
    }

    /// Reads the rest of a text, which begins with a line whose prefix is not known.
    fn read_strange(&mut self, rest: &[u8], sink: &mut impl FnMut(LogEntry<'_>, usize)) {
        let mut entries: Vec<LogEntry<'static>> = Vec::new();
        let mut keep = |found: &crate::Assembled<'_>| {
            entries.push(found.entry.clone().into_owned());
        };
        self.push(rest, &mut keep);
        self.finish(&mut keep);
        let count = entries.len();
        for (entry, number) in entries.into_iter().zip(1..) {
            sink(entry, count - number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prefix::LinePrefix;

    const LINES: [&str; 8] = [
        "[7] a@b LOG:  x",
        "[7] a@b DETAIL:  y",
        "[8] a@b@c ERROR:  connection authorized: user=a@b database=c",
        "\tcontinued",
        "(9) other: LOG:  z",
        "no label [7] a@b LOG:  x",
        "\u{fffd}",
        "",
    ];

    proptest! {
        #[test]
        fn message_read_at_once_says_what_it_says_in_pieces(
            numbers in proptest::collection::vec(0..LINES.len(), 0..12),
        ) {
            let text = numbers.iter().map(|number| LINES[*number]).collect::<Vec<_>>().join("\n");
            let assembler = || Assembler::new(LinePrefix::compile("[%p] %u@%d "));
            let (mut whole, mut parts) = (assembler(), assembler());
            let mut at_once = Vec::new();
            whole.read_at_once(text.as_bytes(), &mut |entry, behind| {
                at_once.push((entry.into_owned(), behind));
            });
            let mut in_pieces = Vec::new();
            let mut keep = |found: &crate::Assembled<'_>| {
                in_pieces.push(found.entry.clone().into_owned());
            };
            parts.push(text.as_bytes(), &mut keep);
            parts.finish(&mut keep);
            let behind = (0..in_pieces.len()).rev();
            prop_assert_eq!(at_once, in_pieces.into_iter().zip(behind).collect::<Vec<_>>());
        }
    }
}
