//! Lines that a crash or a truncation has torn: holes read as NULs, and behind one the server goes on.

use crate::{
    assemble::{
        Assembler, Patience, Taken,
        lines::{self, Place},
        open::OpenEntries,
    },
    text::decode,
};

/// What stands before a hole and behind it, and where that begins.
type Torn<'a> = (&'a str, &'a str, usize);

impl Assembler {
    /// Adds a piece of a line to what the pieces before it were, unless it has a line of the server behind a
    /// NUL.
    pub(super) fn take_later_piece<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        (text, raw): (&'a str, &[u8]),
        (start, end): (u64, u64),
        place: Place,
    ) {
        let max_bytes = self.limits.max_field_bytes;
        if place == Place::BehindNul && self.prefixes.peek(text).is_some() {
            self.take_torn_line(open, (text, raw), (start, end), Patience::ReadsNow);
        } else if let Some((rest, own, middle)) = self.torn(text, raw) {
            let middle = start + middle as u64;
            open.extend(rest, middle, max_bytes);
            self.take_line(open, own, (middle, end), Patience::ReadsNow);
        } else {
            open.extend(text, end, max_bytes);
        }
    }

    /// Adds a line in which a hole may be, with a line of the server behind it.
    #[inline(always)]
    pub(super) fn take_torn_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        (text, raw): (&'a str, &[u8]),
        place: (u64, u64),
        patience: Patience,
    ) -> Taken {
        match self.torn(text, raw) {
            None => self.take_line(open, text, place, patience),
            Some(torn) => self.take_around_hole(open, torn, place),
        }
    }

    #[cold]
    fn take_around_hole<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        (rest, own, middle): Torn<'a>,
        (start, end): (u64, u64),
    ) -> Taken {
        let middle = start + middle as u64;
        self.take_line(open, rest, (start, middle), Patience::ReadsNow);
        self.take_line(open, own, (middle, end), Patience::ReadsNow)
    }

    /// Finds a line of the server behind the last NUL in a text, which is given with its bytes.
    #[inline(always)]
    fn torn<'a>(&self, text: &'a str, raw: &[u8]) -> Option<Torn<'a>> {
        // Each NUL is a longer character in the text.
        if text.len() == raw.len() { None } else { self.find_torn(text, raw) }
    }

    #[cold]
    fn find_torn<'a>(&self, text: &'a str, raw: &[u8]) -> Option<Torn<'a>> {
        let middle = lines::behind_nul(raw)?;
        let (rest, own) = text.split_at_checked(decode(raw.get(..middle)?).len())?;
        self.prefixes.peek(own).map(|_| (rest, own, middle))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assembled, Assembler, LinePrefix};

    const LINE: &str = "2026-11-24 02:21:01.123 UTC [7] LOG:  ";

    fn messages(log: &[u8], chunk: usize) -> Vec<(u64, u64, String)> {
        let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
        let mut found = Vec::new();
        let mut keep = |entry: &Assembled<'_>| {
            let message = entry.entry.message.trim_matches('\u{fffd}').to_owned();
            found.push((entry.start, entry.end, message));
        };
        log.chunks(chunk).for_each(|bytes| assembler.push(bytes, &mut keep));
        assembler.finish(&mut keep);
        found
    }

    #[test]
    fn line_behind_a_hole_of_any_length_is_an_entry() {
        for hole in [1, 100, 65_000, 65_536, 65_540, 131_072, 400_000] {
            for torn in ["", "LOG", "torn"] {
                let head = format!("{LINE}one\n{}{torn}", if torn == "torn" { LINE } else { "" });
                let start = head.len() as u64 + hole as u64;
                let rest = format!("{LINE}two\n\tmore\n{LINE}three\n");
                let log = [head.as_bytes(), &vec![0; hole], rest.as_bytes()].concat();
                let all = messages(&log, log.len());
                let (last, before) = (all.last().unwrap(), &all[all.len() - 2]);
                assert_eq!((before.0, &*before.2), (start, "two\nmore"), "{hole} {torn}");
                assert_eq!((&*all[0].2, &*last.2), ("one", "three"));
                assert_eq!((all.len(), &*all[1].2), (4, torn), "{hole} {torn}");
                // The entries cover the log.
                assert!(all.windows(2).all(|pair| pair[0].1 == pair[1].0));
                for chunk in [4096, 65_536, 65_537, 100_000] {
                    assert_eq!(messages(&log, chunk), all, "{hole} {torn} by {chunk}");
                }
            }
        }
    }
}
