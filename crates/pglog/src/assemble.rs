//! Lines to entries.
//!
//! One message of the server can take many lines: those that start with a TAB continue the line before,
//! and `DETAIL:`, `STATEMENT:` and their like, each behind a prefix of its own, belong to the entry of
//! the same process above them. Without the logging collector other processes' lines may stand in
//! between, so some entries are held open until enough others have begun.
//!
//! Nothing marks the end of an entry. The caller ends those that have been quiet for long enough with
//! [`Assembler::flush_before`], and the last ones with [`Assembler::finish`].

mod blocks;
mod finish;
mod folded;
mod lines;
mod lost;
mod open;
mod prefixes;
mod sessions;
mod torn;
mod whole;

use crate::{
    assemble::{
        folded::Folded,
        lines::{Place, Splitter},
        open::OpenEntries,
        prefixes::{Found, HeldLines, Prefixes, Verdict},
    },
    entry::{Depth, LogEntry},
    fingerprint::Fingerprint,
    prefix::{Fit, LinePrefix, ParsedLine},
    severity::Label,
    text::decode,
    timestamp::Clock,
};

/// How much an assembler holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a long field, such as `message` or `statement`; 1 MiB by default. What is
    /// longer is cut and noted in [`LogEntry::truncated`].
    pub max_field_bytes: usize,
    /// The most entries held open for lines that may still come; 32 by default, 1 where the processes'
    /// lines are never mixed.
    pub max_open_entries: usize,
    /// The most bytes of text in the entries held open; 4 MiB by default.
    pub max_open_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_field_bytes: 1 << 20, max_open_entries: 32, max_open_bytes: 4 << 20 }
    }
}

/// An entry, and where it stood.
#[derive(Debug)]
pub struct Assembled<'a> {
    /// The entry.
    pub entry: LogEntry<'a>,
    /// Position of its first byte.
    pub start: u64,
    /// Position behind its last line break.
    pub end: u64,
    /// See [`Assembler::safe_position`]; this entry counts as used.
    pub safe_position: u64,
}

/// Puts lines together to entries. One assembler reads one file, from one position on.
#[derive(Debug)]
pub struct Assembler {
    prefixes: Prefixes,
    clock: Clock,
    limits: Limits,
    depth: Depth,
    splitter: Splitter,
    /// Lines behind the open entries that may have a new prefix.
    held: HeldLines,
    open: OpenEntries<'static>,
    /// Room for the lines that are being taken.
    folded: Folded,
}

/// Whether a line that no prefix fits may be held back for others that tell more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    MayHold,
    ReadsNow,
}

/// What has become of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    /// It has a label, but no prefix that is known.
    Strange,
}

impl Assembler {
    /// Makes an assembler for a log with this prefix, at the file's start.
    #[must_use]
    pub fn new(prefix: LinePrefix) -> Self {
        Self {
            prefixes: Prefixes::of(prefix),
            clock: Clock::new(),
            limits: Limits::default(),
            depth: Depth::default(),
            splitter: Splitter::at(0),
            held: HeldLines::default(),
            open: OpenEntries::at(0),
            folded: Folded::default(),
        }
    }

    /// Sets the position of the first byte that will be pushed. It must be the start of a line.
    #[must_use]
    pub fn starting_at(mut self, position: u64) -> Self {
        self.splitter = Splitter::at(position);
        self.open = OpenEntries::at(position);
        self
    }

    /// Sets how times are read.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how much is read out of the entries' texts.
    #[must_use]
    pub const fn with_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Sets how much is read out of the texts of entries to come.
    pub(crate) const fn set_depth(&mut self, depth: Depth) {
        self.depth = depth;
    }

    /// Returns the prefix that the log is written with now. Where lines stop to fit it, the assembler
    /// finds the new one by itself.
    #[must_use]
    pub fn prefix(&self) -> &LinePrefix {
        self.prefixes.current()
    }

    /// Returns how often [`Self::prefix`] has changed.
    #[must_use]
    pub const fn prefix_changes(&self) -> u64 {
        self.prefixes.changes()
    }

    /// Has the lines from here on be read with this prefix and these times, where they fit.
    pub(crate) fn tell(&mut self, prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        if let Some(prefix) = prefix {
            self.prefixes.tell(prefix);
        }
        if let Some(clock) = clock {
            self.clock = clock.clone();
        }
    }

    /// Takes the next bytes of the file, cut anywhere, and gives the entries that are whole to `sink`,
    /// in the order in which they begin.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let rest = self.end_partial_line(bytes, sink);
        let whole = memchr::memrchr(b'\n', rest).map_or(0, |last| last + 1);
        let (whole, partial) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
        if !whole.is_empty() {
            self.take_whole_lines(whole, sink);
        }
        self.hold_partial_line(partial, sink);
    }

    /// Gives the entries to `sink` that begin before `position`. To be called with the position that
    /// had been read some 200 ms ago: an entry has no end but silence.
    ///
    /// An entry waits while a line is being written that may belong to it.
    pub fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.held.start() < position {
            self.read_held_lines(sink);
        }
        let mut open = std::mem::take(&mut self.open);
        let awaited = self.awaited_entry(&open);
        while open.front_start().is_some_and(|start| start < position)
            && awaited != Some(open.front_number())
        {
            self.emit_front(&mut open, sink);
        }
        self.open = open;
    }

    /// Gives every entry to `sink`, also if a line has been begun behind it, unless that line is
    /// certain to be a part of it.
    pub fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.read_held_lines(sink);
        let mut open = std::mem::take(&mut self.open);
        let current = open.current_number().filter(|_| self.splitter.continues_entry());
        while open.front_start().is_some() && current != Some(open.front_number()) {
            self.emit_front(&mut open, sink);
        }
        self.open = open;
    }

    /// Takes a last line without a line break as whole, and gives everything to `sink`: the file is at
    /// its end for ever.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.splitter.has_partial() {
            self.end_line(0, sink);
        }
        self.flush(sink);
    }

    /// Returns where reading may resume if all entries given out so far are kept: no entry that is
    /// still open begins before it, and none that was given out ends behind it.
    #[must_use]
    pub const fn safe_position(&self) -> u64 {
        self.open.safe_position()
    }

    /// Adds what decides how the assembler reads on.
    pub(crate) fn add_to(&self, fingerprint: &mut Fingerprint) {
        self.prefixes.add_to(fingerprint);
        self.open.add_to(fingerprint);
        fingerprint.add(&(&self.clock, &self.splitter, &self.held));
    }

    /// Returns the position of the next byte to push.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.splitter.position() + self.splitter.partial_bytes()
    }

    /// The entry that the line being written may belong to.
    fn awaited_entry(&self, open: &OpenEntries<'_>) -> Option<u64> {
        if !self.splitter.has_partial() {
            return None;
        }
        if self.splitter.continues_entry() {
            return open.current_number();
        }
        let begun = decode(self.splitter.held());
        match self.prefixes.peek(&begun) {
            Some(ParsedLine { label: Label::Level(_), .. }) => None,
            Some(parsed) => open.owner_of(&parsed),
            // Not even the prefix is whole.
            None => open.last_number(),
        }
    }

    /// Completes a line that an earlier push left open; returns the bytes behind it.
    fn end_partial_line<'b>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> &'b [u8] {
        if !self.splitter.has_partial() {
            return bytes;
        }
        let Some(end) = memchr::memchr(b'\n', bytes) else { return bytes };
        let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        self.hold_partial_line(line, sink);
        self.end_line(1, sink);
        rest.get(1..).unwrap_or_default()
    }

    /// Takes the partial line as whole. `break_bytes` is the length of its line break.
    fn end_line(&mut self, break_bytes: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        let patience = match break_bytes {
            0 => Patience::ReadsNow,
            _ => Patience::MayHold,
        };
        if patience == Patience::ReadsNow {
            self.read_held_lines(sink);
        }
        let piece = self.splitter.take_rest();
        let end = self.splitter.position() + self.splitter.partial_bytes() + break_bytes;
        let mut open: OpenEntries<'_> = std::mem::take(&mut self.open);
        let text = decode(&piece.bytes);
        let line = (&*text, &*piece.bytes);
        if piece.place != Place::First {
            self.take_later_piece(&mut open, line, (piece.start, end), piece.place);
            self.emit_surplus(&mut open, end, sink);
        } else if self.held.is_empty()
            && self.take_torn_line(&mut open, line, (piece.start, end), patience) == Taken::Yes
        {
            self.emit_surplus(&mut open, end, sink);
        } else if self.held.push(&piece.bytes, &text, piece.start, &self.prefixes) == Verdict::Read
        {
            self.open = open.into_owned();
            self.read_held_lines(sink);
            open = std::mem::take(&mut self.open);
        }
        self.splitter.advance_to(end);
        self.open = open.into_owned();
    }

    /// Reads the lines that were held back, with the prefix that they tell.
    fn read_held_lines(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if self.held.is_empty() {
            return;
        }
        let held = self.held.take();
        let text = decode(held.bytes());
        if let Some(prefix) = held.new_prefix(&text, &self.prefixes) {
            self.prefixes.begin(prefix);
        }
        let mut position = held.start();
        let mut open: OpenEntries<'_> = std::mem::take(&mut self.open);
        for (line, raw) in lines::pairs(&text, held.bytes()) {
            let end = position + raw.len() as u64 + 1;
            self.take_line(&mut open, line, (position, end), Patience::ReadsNow);
            self.emit_surplus(&mut open, end, sink);
            position = end;
        }
        self.open = open.into_owned();
    }

    /// Keeps bytes of a line without its end. Of a very long line only the head is kept: the rest goes
    /// to its entry piece by piece.
    fn hold_partial_line(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            bytes = self.splitter.hold(bytes);
            let Some(piece) = self.splitter.take_piece() else { continue };
            self.read_held_lines(sink);
            let end = piece.start + piece.bytes.len() as u64;
            let mut open: OpenEntries<'_> = std::mem::take(&mut self.open);
            let text = decode(&piece.bytes);
            let line = (&*text, &*piece.bytes);
            if piece.place == Place::First {
                self.take_torn_line(&mut open, line, (piece.start, end), Patience::ReadsNow);
            } else {
                self.take_later_piece(&mut open, line, (piece.start, end), piece.place);
            }
            self.open = open.into_owned();
        }
    }

    /// Adds one line, which stands from the first to the second place, to the open entries.
    fn take_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        line: &'a str,
        (start, end): (u64, u64),
        patience: Patience,
    ) -> Taken {
        let max_bytes = self.limits.max_field_bytes;
        if let Some(text) = line.strip_prefix('\t')
            && open.continue_with(text, end, max_bytes)
        {
            return Taken::Yes;
        }
        if let Some(part) = open.part_of_last(line)
            && self.prefixes.match_alike(part.1)
            && open.join_last(part, end, max_bytes)
        {
            return Taken::Yes;
        }
        if let Some(head) = self.prefixes.head(line) {
            let text = (head.label, head.text);
            let is_part = !matches!(head.label, Label::Level(_));
            if is_part && open.join(&head.parsed(), end, max_bytes) {
                return Taken::Yes;
            }
            if let Some(entry) = open.begin_with(text, (start, end), max_bytes) {
                finish::read_values(entry, head.values(), &mut self.clock);
                open.note_label(ends_in_latin_letter(line, head.text));
                open.note_prefix(Some(head.prefix()));
            }
            return Taken::Yes;
        }
        self.take_unlike_line(open, line, (start, end), patience)
    }

    /// Adds a line that no earlier one is like.
    fn take_unlike_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        line: &'a str,
        (start, end): (u64, u64),
        patience: Patience,
    ) -> Taken {
        let max_bytes = self.limits.max_field_bytes;
        let mut parsed = ParsedLine::blank();
        let Found { fit, is_doubted } = self.prefixes.match_into(&mut parsed, line);
        if fit == Fit::No {
            if self.take_line_without_label(open, line, (start, end)) {
                return Taken::Yes;
            }
            return self.take_foreign_line(open, line, (start, end), patience);
        }
        if is_doubted {
            if patience == Patience::MayHold {
                return Taken::Strange;
            }
            self.prefixes.trust(&parsed);
        }
        if !open.join(&parsed, end, max_bytes)
            && let Some(entry) =
                open.begin_with((parsed.label, parsed.text), (start, end), max_bytes)
        {
            finish::read_prefix(entry, &parsed.fields, &mut self.clock);
            open.note_label(ends_in_latin_letter(line, parsed.text));
            let prefix = if let Fit::UpTo(at) = fit { line.get(..at) } else { None };
            open.note_prefix(prefix);
        }
        Taken::Yes
    }

    /// Adds a line that does not begin with the prefix: another program's, or the rest of a line that
    /// was cut, with a line of the server perhaps right behind it. An empty line is nothing.
    fn take_foreign_line<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        line: &'a str,
        (start, end): (u64, u64),
        patience: Patience,
    ) -> Taken {
        if line.bytes().all(|byte| byte.is_ascii_whitespace()) {
            open.pass_blank(end);
            return Taken::Yes;
        }
        let max_bytes = self.limits.max_field_bytes;
        if patience == Patience::MayHold && self.prefixes.is_strange(line) {
            return Taken::Strange;
        }
        let within = self.prefixes.find_within(line);
        let Some((foreign, own)) = within.and_then(|at| line.split_at_checked(at)) else {
            open.begin_unparsed(line, (start, end), max_bytes);
            return Taken::Yes;
        };
        // Counted from the end, where the text is the server's and so has its length in the file,
        // unless it holds bytes that are no UTF-8.
        let own_start = end.saturating_sub(own.len() as u64 + 1).clamp(start, end);
        open.begin_unparsed(foreign, (start, own_start), max_bytes);
        self.take_line(open, own, (own_start, end), Patience::ReadsNow)
    }

    /// Gives out the oldest entries while there are more than may be held.
    fn emit_surplus<'a>(
        &self,
        open: &mut OpenEntries<'a>,
        position: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) {
        open.reached(position);
        while open.exceeds(&self.limits) {
            self.emit_front(open, sink);
        }
    }

    fn emit_front(&self, open: &mut OpenEntries<'_>, sink: &mut impl FnMut(&Assembled<'_>)) {
        let Some(mut front) = open.take_front() else { return };
        finish::read_message(&mut front.assembled.entry, self.depth);
        sink(&front.assembled);
        open.recycle(front);
    }
}

/// Tells whether the label in front of a line's text is a word in Latin letters.
fn ends_in_latin_letter(line: &str, text: &str) -> bool {
    let end = (line.len() - text.len()).saturating_sub(LABEL_END.len() + 1);
    line.as_bytes().get(end).is_some_and(u8::is_ascii)
}

/// What stands between a label and the text.
const LABEL_END: &str = ":  ";

#[cfg(test)]
mod tests;
