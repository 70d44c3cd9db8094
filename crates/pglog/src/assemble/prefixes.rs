//! The prefixes that one log is written with.
//!
//! Somebody changes `log_line_prefix` and reloads the server: each process begins to use the new one when
//! it comes to it, so for a while lines with either stand side by side. Lines that no prefix fits although
//! a label stands in them are held back until they are enough to tell the new prefix, and read with it.

use std::{collections::BTreeSet, mem};

use crate::{
    assemble::sessions::{Readings, Sessions},
    fingerprint::Fingerprint,
    prefix::{Escape, Fit, Head, LinePrefix, ParsedLine, Recent, has_label, is_well_known},
};

/// How many prefixes are kept. A line is tried with each of them.
const MAX_PREFIXES: usize = 8;

/// After how many lines with an older prefix that one counts as the log's again.
const LINES_TO_RETURN: u32 = 50;

/// How many lines are held back at most, until they must tell their prefix.
const MAX_HELD_LINES: usize = 50;

/// How many bytes of them.
const MAX_HELD_BYTES: usize = 256 << 10;

/// So many lines that fit for one that does not are no new prefix, but another program's line.
const LINES_OF_OLD: usize = 8;

/// Prefixes of the log, the one of most lines now first.
#[derive(Debug)]
pub(super) struct Prefixes {
    prefixes: Vec<LinePrefix>,
    /// Lines that the first of them fits in one way only.
    recent: Recent,
    sessions: Sessions,
    /// How many lines in a row an older prefix has fitted.
    lines_of_older: u32,
    changes: u64,
    /// Names that look like more than one value and have been found to be names.
    trusted: BTreeSet<String>,
}

impl Prefixes {
    pub(super) fn of(prefix: LinePrefix) -> Self {
        Self {
            recent: Recent::of(prefix.tokens()),
            prefixes: with_variants(prefix),
            sessions: Sessions::default(),
            lines_of_older: 0,
            changes: 0,
            trusted: BTreeSet::new(),
        }
    }

    pub(super) fn current(&self) -> &LinePrefix {
        static NONE: LinePrefix = LinePrefix::empty();
        self.prefixes.first().unwrap_or(&NONE)
    }

    /// Adds what decides how lines are matched; how often the prefix has changed does not.
    pub(super) fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.add(&(&self.prefixes, self.lines_of_older, &self.trusted));
        self.sessions.add_to(fingerprint);
    }

    /// Returns how often the log has been found to change its prefix.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes a line apart whose head is like that of an earlier one, as those of most lines are.
    #[inline(always)]
    pub(super) fn head<'s, 'a>(&'s mut self, line: &'a str) -> Option<Head<'s, 'a>> {
        let first = self.prefixes.first()?;
        let head = self.recent.head(line)?;
        if first.may_text_be_read_otherwise(head.text) {
            return None;
        }
        self.lines_of_older = 0;
        self.sessions.note_head(first, &head);
        Some(head)
    }

    /// Takes a line apart with the first prefix that fits, in the likeliest way.
    /// Only where one fits is `parsed` the line.
    pub(super) fn match_into<'a>(&mut self, parsed: &mut ParsedLine<'a>, line: &'a str) -> Found {
        // The names of an earlier line have not been doubted.
        if let Some(at) = self.match_as_earlier(parsed, line) {
            return Found { fit: Fit::UpTo(at), is_doubted: false };
        }
        let fit = self.match_anew(parsed, line);
        let is_doubted = fit != Fit::No && self.doubt(parsed);
        if matches!(fit, Fit::UpTo(_)) && !is_doubted {
            let tokens = self.prefixes.first().map_or(&[][..], LinePrefix::tokens);
            self.recent.note(tokens, line);
        }
        Found { fit, is_doubted }
    }

    /// Takes a line apart that is like an earlier one. Returns up to which byte it fits.
    fn match_as_earlier<'a>(
        &mut self,
        parsed: &mut ParsedLine<'a>,
        line: &'a str,
    ) -> Option<usize> {
        let at = self.recent.match_into(parsed, line)?;
        let first = self.prefixes.first()?;
        if first.may_text_be_read_otherwise(parsed.text) {
            return None;
        }
        self.lines_of_older = 0;
        self.sessions.note(first, parsed);
        Some(at)
    }

    /// Takes a line apart of which no earlier one tells how.
    fn match_anew<'a>(&mut self, parsed: &mut ParsedLine<'a>, line: &'a str) -> Fit {
        let Some((first, older)) = self.prefixes.split_first() else { return Fit::No };
        let fit = first.match_into(parsed, line);
        if fit != Fit::No {
            self.lines_of_older = 0;
            return match self.sessions.read(first, line, parsed) {
                Readings::Several => Fit::Yes,
                Readings::One => fit,
            };
        }
        let fits = |prefix: &LinePrefix| prefix.match_into(parsed, line) != Fit::No;
        let Some(at) = older.iter().position(fits) else { return Fit::No };
        let at = at + 1;
        if let Some(prefix) = self.prefixes.get(at) {
            self.sessions.read(prefix, line, parsed);
        }
        self.lines_of_older += 1;
        if self.lines_of_older >= LINES_TO_RETURN {
            let prefix = self.prefixes.remove(at);
            self.begin(prefix);
        }
        Fit::Yes
    }

    /// Tells whether a `DETAIL:` or its like fits as the line before it, given the text behind its label: what is
    /// before that is the same, and so is the reading, of which there is one.
    pub(super) fn match_alike(&mut self, text: &str) -> bool {
        let is_alike = !self.current().may_text_be_read_otherwise(text);
        if is_alike {
            self.lines_of_older = 0;
        }
        is_alike
    }

    /// Tells whether the names of a line look like more than names: those of a prefix that somebody has made
    /// longer take in the new values.
    fn doubt(&self, line: &ParsedLine<'_>) -> bool {
        let mut names = owner_of(line).filter(|name| may_be_more(name));
        self.trusted.len() < MAX_TRUSTED && names.any(|name| !self.trusted.contains(name))
    }

    /// The names of a line are what they are.
    pub(super) fn trust(&mut self, line: &ParsedLine<'_>) {
        let names = owner_of(line).filter(|name| may_be_more(name));
        self.trusted.extend(names.map(str::to_owned));
    }

    /// Tells whether a prefix has more than the current one, its names among it, and reads lines so that their
    /// names are not doubted.
    fn is_made_longer(&self, prefix: &LinePrefix, lines: &[&str]) -> bool {
        let current = self.current();
        let mut names = [Escape::User, Escape::Database].into_iter();
        let doubted = lines.iter().filter_map(|line| prefix.match_line(line));
        prefix.tokens().len() > current.tokens().len()
            && names.all(|name| prefix.has(name) || !current.has(name))
            && doubted.filter(|line| self.doubt(line)).count() * 2 <= lines.len()
    }

    /// Tells whether a line has a known prefix and names that are not doubted.
    fn know(&self, line: &str) -> bool {
        self.peek(line).is_some_and(|parsed| !self.doubt(&parsed))
    }

    /// Takes a line apart, without the notice of a change.
    pub(super) fn peek<'a>(&self, line: &'a str) -> Option<ParsedLine<'a>> {
        self.prefixes.iter().find_map(|prefix| prefix.match_line(line))
    }

    /// Finds the start of an entry within a line that no prefix fits; see [`LinePrefix::find_within`].
    pub(super) fn find_within(&self, line: &str) -> Option<usize> {
        self.prefixes.iter().find_map(|prefix| prefix.find_within(line))
    }

    /// Tells whether a line that no prefix fits may have a new one: it has a label, and not because the
    /// server's line stands behind text without a line break.
    pub(super) fn is_strange(&self, line: &str) -> bool {
        let current = self.current();
        has_label(line) && (current.tokens().is_empty() || !current.occurs_within(line))
    }

    /// The server says that lines are written with this prefix. Those that do not fit it are read with
    /// the ones that were found.
    pub(super) fn tell(&mut self, prefix: &LinePrefix) {
        if self.current() != prefix {
            self.prefixes.retain(|known| known != prefix);
            self.begin(prefix.clone());
        }
    }

    /// Lines are written with this prefix from now on.
    pub(super) fn begin(&mut self, prefix: LinePrefix) {
        self.recent = Recent::of(prefix.tokens());
        self.prefixes.splice(0..0, with_variants(prefix));
        self.prefixes.truncate(MAX_PREFIXES);
        self.lines_of_older = 0;
        self.changes += 1;
    }
}

/// The most names that are remembered; where there are more, none is doubted.
const MAX_TRUSTED: usize = 256;

fn owner_of<'a>(line: &ParsedLine<'a>) -> impl Iterator<Item = &'a str> {
    [line.fields.user, line.fields.database].into_iter().flatten()
}

/// Tells whether a name has in it what stands between values.
fn may_be_more(name: &str) -> bool {
    name.bytes().any(|byte| matches!(byte, b' ' | b'[' | b'=' | b'/' | b','))
}

/// How a line fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) fit: Fit,
    /// See [`Prefixes::doubt`].
    pub(super) is_doubted: bool,
}

/// Adds what the log may turn out to have instead.
fn with_variants(prefix: LinePrefix) -> Vec<LinePrefix> {
    let variants = prefix.variants();
    [prefix].into_iter().chain(variants).collect()
}

/// Lines that are held back, from the first one on that may have a new prefix.
#[derive(Debug, Default)]
pub(super) struct HeldLines {
    bytes: Vec<u8>,
    start: u64,
    /// How many of them no prefix fits although they have a label.
    strange: usize,
    /// How many of them a prefix fits.
    usual: usize,
}

/// What to do with lines that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More lines may tell more.
    Wait,
    /// It is time to read them.
    Read,
}

impl HeldLines {
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Position of the first byte held back.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// Holds a line back, given without its line break.
    pub(super) fn push(&mut self, raw: &[u8], line: &str, start: u64, known: &Prefixes) -> Verdict {
        if self.bytes.is_empty() {
            self.start = start;
        }
        self.bytes.extend_from_slice(raw);
        self.bytes.push(b'\n');
        if line.starts_with('\t') {
            // It goes with the line above.
        } else if known.know(line) {
            self.usual += 1;
        } else if known.is_strange(line) {
            self.strange += 1;
        }
        let is_enough = self.strange + self.usual >= MAX_HELD_LINES
            || self.bytes.len() >= MAX_HELD_BYTES
            || self.usual >= self.strange * LINES_OF_OLD;
        if is_enough { Verdict::Read } else { Verdict::Wait }
    }

    /// Returns the lines and the position of the first one; none are held back any more.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the prefix of those lines that no known one fits, if it is plain enough. `text` are the
    /// lines as text.
    pub(super) fn new_prefix(&self, text: &str, known: &Prefixes) -> Option<LinePrefix> {
        if self.usual >= self.strange * LINES_OF_OLD {
            return None;
        }
        let strange = text.lines().filter(|line| !line.starts_with('\t') && !known.know(line));
        let strange: Vec<&str> = strange.filter(|line| known.is_strange(line)).collect();
        let doubted = strange.iter().filter(|line| known.peek(line).is_some()).count();
        // Some names are odd; a new prefix makes them all so, and reads them as names that are not.
        let is_doubted = doubted * 2 > strange.len();
        if is_doubted && self.usual * 2 > doubted {
            return None;
        }
        let inference = LinePrefix::infer(strange.iter().copied())?;
        let prefix = inference.prefix;
        if is_doubted && !known.is_made_longer(&prefix, &strange) {
            return None;
        }
        let is_plain = match prefix.tokens() {
            // Somebody has taken the prefix away.
            [] => self.usual == 0 && strange.len() >= BARE_LINES,
            _ => {
                (prefix.tells_time_or_process() || !known.current().tells_time_or_process())
                    && (strange.len() >= FEW_LINES || is_well_known(&prefix))
            }
        };
        (is_plain && inference.matched * 10 >= strange.len() * 8).then_some(prefix)
    }
}

/// So few lines may be anything; they must have a prefix that many servers have.
const FEW_LINES: usize = 3;

/// So many lines that begin with their label, with none between them that has a prefix, are the server's.
const BARE_LINES: usize = 10;
