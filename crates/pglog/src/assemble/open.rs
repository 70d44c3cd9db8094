//! Entries that may still get lines.

use std::{borrow::Cow, collections::VecDeque};

use crate::{
    assemble::{Assembled, Limits, folded::Run, lines::MAX_HELD_BYTES},
    entry::{Field, LogEntry},
    fingerprint::Fingerprint,
    language::split_label,
    prefix::{ParsedLine, PrefixFields},
    severity::{Label, Level},
};

/// An entry that is being put together. It is large, so it stays in its place until it is given out.
#[derive(Debug)]
pub(super) struct OpenEntry<'a> {
    pub(super) assembled: Assembled<'a>,
    /// The label of the line that came last: those behind it come in a fixed order.
    last: Option<Label>,
    /// Its first label is a word in Latin letters.
    is_latin: bool,
    /// Bytes of long text.
    bytes: usize,
}

impl<'a> OpenEntry<'a> {
    fn new() -> Self {
        let entry = LogEntry::default();
        let assembled = Assembled { entry, start: 0, end: 0, safe_position: 0 };
        Self { assembled, last: None, is_latin: false, bytes: 0 }
    }

    /// Forgets what was in it.
    fn restart(&mut self, start: u64, end: u64) {
        self.assembled.entry.clear();
        self.assembled.start = start;
        self.assembled.end = end;
        self.assembled.safe_position = 0;
        self.last = None;
        self.is_latin = false;
        self.bytes = 0;
    }

    fn set(&mut self, field: Field, text: &'a str, max_bytes: usize) {
        let kept = text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text);
        *self.assembled.entry.text_mut(field) = Cow::Borrowed(kept);
        self.bytes += kept.len();
        if kept.len() < text.len() {
            self.assembled.entry.truncated.push((field, text.len() as u64));
        }
    }

    fn append(&mut self, field: Field, pieces: [&str; 2], max_bytes: usize) {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        if let Some((_, length)) =
            self.assembled.entry.truncated.iter_mut().find(|(cut, _)| *cut == field)
        {
            *length += total as u64;
            return;
        }
        let whole = self.assembled.entry.text_mut(field);
        let before = whole.len();
        for piece in pieces {
            let room = max_bytes.saturating_sub(whole.len());
            whole.to_mut().push_str(piece.get(..piece.floor_char_boundary(room)).unwrap_or(piece));
        }
        let added = whole.len() - before;
        self.bytes += added;
        if added < total {
            self.assembled.entry.truncated.push((field, (before + total) as u64));
        }
    }

    /// Tells whether the same process wrote this entry and a line.
    fn is_of(&self, fields: &PrefixFields<'_>) -> bool {
        let entry = &self.assembled.entry;
        match (fields.session_id, fields.pid) {
            (Some(session), _) => entry.session_id.as_deref() == Some(session),
            (None, Some(pid)) => entry.pid.is_some() && entry.pid == pid.parse().ok(),
            (None, None) => true,
        }
    }
}

/// The line that a continuation would belong to.
#[derive(Debug, Clone, Copy)]
struct Current {
    /// The entry's number, counted from the file's first.
    number: u64,
    field: Field,
}

/// The entries that are being put together, the oldest first.
#[derive(Debug, Default)]
pub(super) struct OpenEntries<'a> {
    entries: VecDeque<Box<OpenEntry<'a>>>,
    /// Places of entries that were given out, for new ones.
    free: VecDeque<Box<OpenEntry<'a>>>,
    /// How many entries have been taken out.
    taken: u64,
    current: Option<Current>,
    /// What the line of the youngest entry began with, if that tells whose a line is.
    prefix: Option<&'a str>,
    bytes: usize,
    /// Where the lines used so far end.
    position: u64,
    /// The end of the entry that ends last of all that were taken out.
    taken_end: u64,
    safe_position: u64,
    /// How many entries have been taken out since the safe position moved.
    taken_since_safe: usize,
}

/// Tells by a look whether a label is a level, as those of most lines are. False where that takes more.
fn begins_entry(label: &str) -> bool {
    label.as_bytes().first_chunk().is_some_and(|start| matches!(start, b"LOG:" | b"ERRO" | b"FATA"))
}

/// How many places are kept for entries to come.
const MAX_FREE: usize = 4;

/// How many entries in a row may overlap before they are ended by force. Without an end of it the log
/// would have no position to resume from.
const MAX_OVERLAPPING: usize = 256;

impl<'a> OpenEntries<'a> {
    pub(super) fn at(position: u64) -> Self {
        Self { position, taken_end: position, safe_position: position, ..Self::default() }
    }

    /// Adds what decides to which entry a line belongs. Entries are counted from the oldest open one.
    pub(super) fn add_to(&self, fingerprint: &mut Fingerprint) {
        let current =
            self.current.as_ref().map(|current| (current.number - self.taken, current.field));
        fingerprint.add(&(&self.entries, current, self.bytes, self.taken_since_safe));
    }

    pub(super) const fn safe_position(&self) -> u64 {
        self.safe_position
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn front_start(&self) -> Option<u64> {
        self.entries.front().map(|open| open.assembled.start)
    }

    /// The oldest entry's number.
    pub(super) const fn front_number(&self) -> u64 {
        self.taken
    }

    /// The number of the entry that a continuation would belong to.
    pub(super) fn current_number(&self) -> Option<u64> {
        self.current.map(|current| current.number)
    }

    /// The number of the entry that began last.
    pub(super) fn last_number(&self) -> Option<u64> {
        (self.taken + self.entries.len() as u64).checked_sub(1)
    }

    /// The number of the entry that a `DETAIL:` or its like belongs to.
    pub(super) fn owner_of(&self, parsed: &ParsedLine<'_>) -> Option<u64> {
        let index = self.entries.iter().rposition(|open| open.is_of(&parsed.fields))?;
        Some(self.taken + index as u64)
    }

    /// The label of the line that came last to an entry, if its first label is a word in Latin letters.
    pub(super) fn last_label_of(&self, number: u64) -> Option<Label> {
        let index = usize::try_from(number.checked_sub(self.taken)?).ok()?;
        self.entries.get(index).filter(|open| open.is_latin)?.last
    }

    /// Tells whether the entry's label is lost and only its details may have come to it so far.
    pub(super) fn awaits_details(&self, number: u64) -> bool {
        let index = number.checked_sub(self.taken).and_then(|index| usize::try_from(index).ok());
        let open = index.and_then(|index| self.entries.get(index));
        open.is_some_and(|open| {
            open.assembled.entry.level.is_none() && open.last == Some(Label::Level(Level::Fatal))
        })
    }

    /// Notes what letters the label has of the entry that has just begun.
    pub(super) fn note_label(&mut self, is_latin: bool) {
        if let Some(open) = self.entries.back_mut() {
            open.is_latin = is_latin;
        }
    }

    /// Notes the prefix of the entry that has just begun with a line, if it tells whose the line is. Each line
    /// that begins with it has the same values.
    pub(super) fn note_prefix(&mut self, prefix: Option<&'a str>) {
        // A pid that is no number tells nothing.
        let entry = self.entries.back().map(|open| &open.assembled.entry);
        let is_told = entry.is_some_and(|entry| entry.session_id.is_some() || entry.pid.is_some());
        self.prefix = prefix.filter(|_| is_told);
    }

    /// Splits a `DETAIL:` or its like off its prefix, if that is the same as that of the entry which has
    /// begun last: the line is a part of it.
    pub(super) fn part_of_last<'l>(&self, line: &'l str) -> Option<(Label, &'l str)> {
        let prefix = self.prefix?;
        let rest = line.get(prefix.len()..)?;
        if begins_entry(rest) || !line.starts_with(prefix) {
            return None;
        }
        let (label, text) = split_label(rest)?;
        (!matches!(label, Label::Level(_))).then_some((label, text))
    }

    /// Adds a part to the entry that has begun last. False where it cannot be a part of it.
    pub(super) fn join_last(&mut self, part: (Label, &'a str), end: u64, max_bytes: usize) -> bool {
        self.last_number().is_some_and(|number| self.join_to(number, part, end, max_bytes))
    }

    /// Begins an entry with a line of the server whose label is lost, given what its prefix says.
    pub(super) fn begin_without_level(
        &mut self,
        entry: LogEntry<'static>,
        (text, ends_session): (&'a str, bool),
        (start, end): (u64, u64),
        max_bytes: usize,
    ) {
        let mut open = self.place(start, end);
        open.last = ends_session.then_some(Label::Level(Level::Fatal));
        open.assembled.entry = entry;
        open.assembled.entry.numbered_lines = 1;
        open.set(Field::Message, text, max_bytes);
        self.begin(open);
    }

    /// Begins an entry with a line that no prefix fits.
    pub(super) fn begin_unparsed(
        &mut self,
        line: &'a str,
        (start, end): (u64, u64),
        max_bytes: usize,
    ) {
        let mut open = self.place(start, end);
        open.assembled.entry.unparsed = true;
        open.set(Field::Message, line, max_bytes);
        self.begin(open);
    }

    /// Begins an entry with its first line. A line whose entry is not there, such as the first one of a
    /// file that begins in the middle, makes an entry of its own, without a level. Returns the entry.
    pub(super) fn begin_with(
        &mut self,
        (label, text): (Label, &'a str),
        (start, end): (u64, u64),
        max_bytes: usize,
    ) -> Option<&mut LogEntry<'a>> {
        let mut open = self.place(start, end);
        open.assembled.entry.level = level_of(label);
        open.assembled.entry.numbered_lines = 1;
        open.last = Some(label);
        open.set(field_of(label), text, max_bytes);
        self.begin(open);
        self.entries.back_mut().map(|open| &mut open.assembled.entry)
    }

    fn place(&mut self, start: u64, end: u64) -> Box<OpenEntry<'a>> {
        let mut open = self.free.pop_back().unwrap_or_else(|| Box::new(OpenEntry::new()));
        open.restart(start, end);
        open
    }

    fn begin(&mut self, open: Box<OpenEntry<'a>>) {
        self.prefix = None;
        let field = open.last.map_or(Field::Message, field_of);
        self.current = Some(Current { number: self.taken + self.entries.len() as u64, field });
        self.bytes += open.bytes;
        self.entries.push_back(open);
    }

    /// Takes back the place of an entry that was given out.
    pub(super) fn recycle(&mut self, open: Box<OpenEntry<'a>>) {
        if self.free.len() < MAX_FREE {
            self.free.push_back(open);
        }
    }

    /// Adds a line that starts with a TAB to the line before it. False where there is none.
    pub(super) fn continue_with(&mut self, text: &str, end: u64, max_bytes: usize) -> bool {
        self.append("\n", text, end, max_bytes)
    }

    /// Adds the lines that continue the one that came last to its text, which is borrowed from it. False
    /// where they must be added one by one.
    pub(super) fn continue_in_place(&mut self, run: &Run<'a>, end: u64, limits: &Limits) -> bool {
        let added = run.whole.len() - run.line.len();
        let fits = added < MAX_HELD_BYTES && self.bytes + added <= limits.max_open_bytes;
        let Some(Current { number, field }) = self.current.filter(|_| fits) else { return false };
        let Some(open) = self.entry_mut(number) else { return false };
        // Another program's line is shipped as it is, its TABs included.
        if open.assembled.entry.unparsed {
            return false;
        }
        let Cow::Borrowed(text) = open.assembled.entry.text_mut(field) else { return false };
        let Some(whole) = run.with_continuations(text) else { return false };
        if whole.len() > limits.max_field_bytes {
            return false;
        }
        *text = whole;
        open.bytes += added;
        open.assembled.end = end;
        self.bytes += added;
        true
    }

    /// Adds more text to the line that came last.
    pub(super) fn extend(&mut self, text: &str, end: u64, max_bytes: usize) {
        self.append("", text, end, max_bytes);
    }

    fn append(&mut self, between: &str, text: &str, end: u64, max_bytes: usize) -> bool {
        let Some(Current { number, field }) = self.current else { return false };
        let Some(open) = self.entry_mut(number) else { return false };
        // Another program's line is shipped as it is, its TAB included.
        let between =
            if open.assembled.entry.unparsed && between == "\n" { "\n\t" } else { between };
        let before = open.bytes;
        open.append(field, [between, text], max_bytes);
        open.assembled.end = end;
        let added = open.bytes - before;
        self.bytes += added;
        true
    }

    /// Adds a `DETAIL:` or its like to its entry. False for a line that starts an entry, and for one
    /// whose entry is not open.
    pub(super) fn join(&mut self, parsed: &ParsedLine<'a>, end: u64, max_bytes: usize) -> bool {
        if matches!(parsed.label, Label::Level(_)) {
            return false;
        }
        let Some(number) = self.owner_of(parsed) else { return false };
        self.join_to(number, (parsed.label, parsed.text), end, max_bytes)
    }

    /// Adds a part to an entry. False where it cannot be a part of this one.
    pub(super) fn join_to(
        &mut self,
        number: u64,
        (label, text): (Label, &'a str),
        end: u64,
        max_bytes: usize,
    ) -> bool {
        let Some(open) = self.entry_mut(number) else { return false };
        // The parts of an entry come in a fixed order, so one that comes too late is not of this one.
        if open.last.is_none_or(|last| last >= label) {
            return false;
        }
        let field = field_of(label);
        let before = open.bytes;
        open.set(field, text, max_bytes);
        open.last = Some(label);
        open.assembled.end = end;
        open.assembled.entry.numbered_lines += 1;
        let added = open.bytes - before;
        self.bytes += added;
        self.current = Some(Current { number, field });
        true
    }

    /// A line up to `position` says nothing. It goes with the entry before it, if that is open.
    pub(super) fn pass_blank(&mut self, position: u64) {
        if let Some(number) = self.current_number().or_else(|| self.last_number())
            && let Some(open) = self.entry_mut(number)
        {
            open.assembled.end = position;
        } else if self.entries.is_empty() {
            self.safe_position = position;
            self.taken_since_safe = 0;
        }
    }

    /// All lines up to `position` have been used.
    pub(super) fn reached(&mut self, position: u64) {
        self.position = position;
    }

    pub(super) fn exceeds(&self, limits: &Limits) -> bool {
        self.entries.len() > limits.max_open_entries.max(1)
            || (self.bytes > limits.max_open_bytes && self.entries.len() > 1)
            || (self.taken_since_safe >= MAX_OVERLAPPING && !self.entries.is_empty())
    }

    /// Takes the oldest entry out.
    pub(super) fn take_front(&mut self) -> Option<Box<OpenEntry<'a>>> {
        let mut front = self.entries.pop_front()?;
        if self.current_number() == Some(self.taken) {
            self.current = None;
        }
        self.taken += 1;
        self.bytes -= front.bytes;
        self.taken_end = self.taken_end.max(front.assembled.end);
        let rest_start = self.front_start().unwrap_or(self.position);
        self.taken_since_safe += 1;
        if rest_start >= self.taken_end {
            self.safe_position = rest_start;
            self.taken_since_safe = 0;
        }
        front.assembled.safe_position = self.safe_position;
        Some(front)
    }

    fn entry_mut(&mut self, number: u64) -> Option<&mut OpenEntry<'a>> {
        let index = usize::try_from(number.checked_sub(self.taken)?).ok()?;
        self.entries.get_mut(index).map(|open| &mut **open)
    }

    /// Copies what is borrowed.
    pub(super) fn into_owned(self) -> OpenEntries<'static> {
        let own = |open: Box<OpenEntry<'_>>| {
            let assembled = Assembled {
                entry: open.assembled.entry.into_owned(),
                start: open.assembled.start,
                end: open.assembled.end,
                safe_position: open.assembled.safe_position,
            };
            Box::new(OpenEntry { assembled, bytes: open.bytes, ..*open })
        };
        OpenEntries {
            free: VecDeque::new(),
            entries: self.entries.into_iter().map(own).collect(),
            taken: self.taken,
            current: self.current,
            prefix: None,
            bytes: self.bytes,
            position: self.position,
            taken_end: self.taken_end,
            safe_position: self.safe_position,
            taken_since_safe: self.taken_since_safe,
        }
    }
}

const fn level_of(label: Label) -> Option<Level> {
    match label {
        Label::Level(level) => Some(level),
        _ => None,
    }
}

const fn field_of(label: Label) -> Field {
    match label {
        Label::Level(_) => Field::Message,
        Label::Detail => Field::Detail,
        Label::Hint => Field::Hint,
        Label::Query => Field::InternalQuery,
        Label::Context => Field::Context,
        Label::Location => Field::Location,
        Label::Backtrace => Field::Backtrace,
        Label::Statement => Field::Statement,
    }
}
