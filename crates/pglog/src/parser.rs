//! Reads a log of which nothing is known beforehand.

mod document;
mod inner;
mod marks;
mod reader;
mod recipe;
mod recognise;
mod sample;
mod streams;
mod wrapped;

use crate::{
    assemble::{Assembled, Limits},
    entry::Depth,
    fingerprint::Fingerprint,
    format::Format,
    parser::{
        reader::Reader,
        recognise::{Recognised, recognise},
        sample::{MAX_SAMPLED_BYTES, sample_bytes, samples},
    },
    prefix::LinePrefix,
    timestamp::{Clock, Timestamp},
    wrapping::Wrapping,
};

/// What is known about a log beforehand.
#[derive(Debug, Clone, Default)]
pub struct ParserOptions {
    /// The log's format; found by itself where absent. A format that is given means that nothing is
    /// wrapped around the lines.
    pub format: Option<Format>,
    /// The server's `log_line_prefix`; found by itself where absent, and where no line of the log's beginning
    /// fits it. Formats without a prefix don't mind it.
    pub log_line_prefix: Option<LinePrefix>,
    /// How times are read.
    pub clock: Clock,
    /// A moment that no line is later than, such as when the file was written last. Only the times of
    /// syslog in its older form (RFC 3164) need it: they have no year and are left out without it.
    pub not_after: Option<Timestamp>,
    /// How much is held.
    pub limits: Limits,
    /// How much is read out of the entries' texts.
    pub depth: Depth,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PostgreSQL log, in any format.
    Log,
    /// Text in which no known prefix fits any line. Every line counts as another program's.
    OtherText,
    /// No text. Nothing of it is read.
    Binary,
}

/// Turns the bytes of one file into entries, and finds out first how to read them.
///
/// ```
/// use pglog::{Parser, ParserOptions};
///
/// let mut parser = Parser::new(ParserOptions::default(), 0);
/// let mut messages = Vec::new();
/// let mut keep = |entry: &pglog::Assembled<'_>| messages.push(entry.entry.message.to_string());
/// parser.push(b"2026-11-24 02:20:47 UTC:[local]:bob@shop:[77]:LOG:  hello\n", &mut keep);
/// parser.finish(&mut keep);
/// assert_eq!(messages, ["hello"]);
/// assert_eq!(parser.log_line_prefix().map(|prefix| prefix.as_str()), Some("%t:%r:%u@%d:[%p]:"));
/// ```
#[derive(Debug)]
pub struct Parser {
    options: ParserOptions,
    /// The prefix that the server was said to use.
    told: Option<LinePrefix>,
    state: State,
    /// The lines that have been given out so far were those of no log.
    is_text_so_far: bool,
    is_prefix_replaced: bool,
}

#[derive(Debug)]
enum State {
    /// The first bytes, kept until they tell how to read them.
    Sampling {
        held: Vec<u8>,
        start: u64,
        /// How many of them have been looked at in vain.
        tried: usize,
    },
    Reading(Box<Reader>, Kind),
    Skipping {
        position: u64,
    },
}

impl Parser {
    /// Makes a parser for a file that is read from `position`, which must be the start of a line.
    #[must_use]
    pub fn new(options: ParserOptions, position: u64) -> Self {
        let state = match given(&options) {
            // A byte order mark can stand only at the very start.
            Some((format, prefix)) if position > 0 => reading(&options, format, prefix, position),
            _ => State::Sampling { held: Vec::new(), start: position, tried: 0 },
        };
        Self { options, told: None, state, is_text_so_far: false, is_prefix_replaced: false }
    }

    /// Takes what the server says about its log: its `log_line_prefix`, and how times are read. It counts
    /// from the next line on; lines that do not fit the prefix are read with what they show themselves.
    pub fn tell(&mut self, log_line_prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        if let State::Reading(reader, _) = &mut self.state {
            reader.tell(log_line_prefix, clock);
        }
        self.told = log_line_prefix.cloned().or(self.told.take());
        if let Some(clock) = clock {
            self.options.clock = clock.clone();
        }
    }

    /// Sets how much is read out of the texts of the entries that are given out from here on. What the parser
    /// remembers does not depend on it.
    pub fn set_depth(&mut self, depth: Depth) {
        self.options.depth = depth;
        if let State::Reading(reader, _) = &mut self.state {
            reader.set_depth(depth);
        }
    }

    /// Looks at bytes of the same log that will not be pushed, such as those before the position.
    pub fn learn(&mut self, sample: &[u8]) {
        let State::Sampling { held, start, .. } = &self.state else { return };
        // What is held already says more about itself than what came before it.
        if held.is_empty()
            && let Some(recognised) = samples(sample)
                .find_map(|sample| recognise(sample, &self.options, self.told.as_ref()))
        {
            self.is_prefix_replaced = recognised.is_replaced;
            let mut reader = recognised.reader(&self.options, *start);
            reader.tell(self.told.as_ref(), None);
            self.state = State::Reading(Box::new(reader), Kind::Log);
        }
    }

    /// Takes the next bytes of the file; see [`Assembler::push`](crate::Assembler::push).
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        match &mut self.state {
            State::Reading(reader, _) => reader.push(bytes, sink),
            State::Sampling { held, start, .. } => {
                held.extend_from_slice(bytes);
                if skip_byte_order_mark(held, start) == Mark::MayCome {
                    return;
                }
                let is_told = matches!(self.options.format, Some(Format::Csvlog | Format::Jsonlog));
                if is_told && !held.is_empty() {
                    let recognised = recognise(held, &self.options, self.told.as_ref());
                    self.settle(recognised, sink);
                } else {
                    self.try_samples(sink);
                }
            }
            State::Skipping { position } => *position += bytes.len() as u64,
        }
    }

    /// See [`Assembler::flush_before`](crate::Assembler::flush_before).
    pub fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        if matches!(&self.state, State::Sampling { held, .. } if held.contains(&b'\n')) {
            self.settle_early(sink);
        }
        if let State::Reading(reader, _) = &mut self.state {
            reader.flush_before(position, sink);
        }
    }

    /// See [`Assembler::flush`](crate::Assembler::flush).
    pub fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if let State::Reading(reader, _) = &mut self.state {
            reader.flush(sink);
        }
    }

    /// See [`Assembler::finish`](crate::Assembler::finish).
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let recognised = self.recognise_rest();
        self.settle(recognised, sink);
        if let State::Reading(reader, _) = &mut self.state {
            reader.finish(sink);
        }
    }

    /// See [`Assembler::safe_position`](crate::Assembler::safe_position).
    #[must_use]
    pub fn safe_position(&self) -> u64 {
        match &self.state {
            State::Sampling { start, .. } => *start,
            State::Reading(reader, _) => reader.safe_position(),
            State::Skipping { position } => *position,
        }
    }

    /// See [`Assembler::position`](crate::Assembler::position).
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.state {
            State::Sampling { held, start, .. } => start + held.len() as u64,
            State::Reading(reader, _) => reader.position(),
            State::Skipping { position } => *position,
        }
    }

    /// Returns what the parser remembers of the bytes before its position, as a number: two parsers of
    /// one log that are at the same position with the same number read alike from there on, wherever
    /// each of them began. So parts of a log can be read side by side, and it can be checked that this
    /// made no difference. `None` while the format is not known, and for syslog and wrapped logs, whose
    /// parts depend on each other over any distance.
    #[must_use]
    pub fn fingerprint(&self) -> Option<u64> {
        let State::Reading(reader, _) = &self.state else { return None };
        let mut fingerprint = Fingerprint::default();
        reader.add_to(&mut fingerprint)?;
        Some(fingerprint.finish())
    }

    /// Returns the prefix, once it is known. `None` in formats that have none.
    #[must_use]
    pub fn log_line_prefix(&self) -> Option<&LinePrefix> {
        match &self.state {
            State::Reading(reader, Kind::Log) => reader.log_line_prefix(),
            _ => None,
        }
    }

    /// Tells whether no line of the log's beginning fits the prefix that was given, so that the log is read
    /// with another one.
    #[must_use]
    pub const fn is_prefix_replaced(&self) -> bool {
        self.is_prefix_replaced
    }

    /// Returns the format, once it is known.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match &self.state {
            State::Reading(reader, Kind::Log) => Some(reader.format()),
            _ => None,
        }
    }

    /// Returns what is wrapped around the log's lines, the outermost first, once it is known.
    #[must_use]
    pub fn wrappings(&self) -> Vec<Wrapping> {
        match &self.state {
            State::Reading(reader, Kind::Log) => reader.wrappings(),
            _ => Vec::new(),
        }
    }

    /// Tells what the file is. `None` before enough bytes have come.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match &self.state {
            State::Sampling { .. } if self.is_text_so_far => Some(Kind::OtherText),
            State::Sampling { .. } => None,
            State::Reading(_, kind) => Some(*kind),
            State::Skipping { .. } => Some(Kind::Binary),
        }
    }

    /// Looks at each sample that is whole until one tells how to read.
    fn try_samples(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        while let State::Sampling { held, tried, .. } = &self.state {
            let rest = held.get(*tried..).unwrap_or_default();
            let known = self.options.log_line_prefix.as_ref().or(self.told.as_ref());
            let prefix = known.filter(|_| *tried == 0);
            let Some(length) = sample_bytes(rest, prefix) else { return };
            let recognised =
                recognise(rest.get(..length).unwrap_or(rest), &self.options, self.told.as_ref());
            let is_binary = *tried == 0 && looks_binary(rest);
            let tried = *tried + length;
            if recognised.is_some() || is_binary || tried >= MAX_SAMPLED_BYTES {
                return self.settle(recognised, sink);
            }
            if let State::Sampling { tried: so_far, .. } = &mut self.state {
                *so_far = tried;
            }
        }
    }

    /// Looks at the last sample, which is not whole.
    fn recognise_rest(&self) -> Option<Recognised> {
        let State::Sampling { held, tried, .. } = &self.state else { return None };
        let rest = held.get(*tried..).filter(|rest| *tried == 0 || !rest.is_empty())?;
        recognise(rest, &self.options, self.told.as_ref())
    }

    /// Decides how to read from fewer lines than there should be. If they are none of a log, what comes
    /// behind them may be: another program can have been the first to write.
    fn settle_early(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let recognised = self.recognise_rest();
        let State::Sampling { held, start, .. } = &self.state else { return };
        if looks_binary(held) || recognised.is_some() {
            return self.settle(recognised, sink);
        }
        let whole = memchr::memrchr(b'\n', held).map_or(0, |end| end + 1);
        let (lines, rest) = held.split_at_checked(whole).unwrap_or((held, &[]));
        let prefix = LinePrefix::compile("");
        let mut reader = Reader::new(Format::Stderr, prefix, &self.options, *start);
        reader.push(lines, sink);
        reader.finish(sink);
        let (held, start) = (rest.to_vec(), *start + whole as u64);
        self.state = State::Sampling { held, start, tried: 0 };
        self.is_text_so_far = true;
    }

    /// Reads what was held, as it was recognised.
    fn settle(&mut self, recognised: Option<Recognised>, sink: &mut impl FnMut(&Assembled<'_>)) {
        let State::Sampling { held, start, .. } = &mut self.state else { return };
        let (held, start) = (std::mem::take(held), *start);
        let (mut reader, kind) = match recognised {
            Some(recognised) => {
                self.is_prefix_replaced = recognised.is_replaced;
                (recognised.reader(&self.options, start), Kind::Log)
            }
            None if looks_binary(&held) => {
                self.state = State::Skipping { position: start + held.len() as u64 };
                return;
            }
            None => {
                let prefix = LinePrefix::compile("");
                (Reader::new(Format::Stderr, prefix, &self.options, start), Kind::OtherText)
            }
        };
        reader.tell(self.told.as_ref(), None);
        reader.push(&held, sink);
        self.state = State::Reading(Box::new(reader), kind);
    }
}

/// Tells whether bytes are those of a program, an archive or an image: text has next to no control
/// characters. NUL does not count, for a hole in a log reads as NULs.
fn looks_binary(bytes: &[u8]) -> bool {
    let is_odd = |byte: &&u8| matches!(byte, 0x01..=0x08 | 0x0e..=0x1a | 0x1c..=0x1f);
    let odd = bytes.iter().filter(is_odd).count();
    odd * 50 > bytes.len()
}

/// What the options say of format and prefix, if that is all there is to know.
fn given(options: &ParserOptions) -> Option<(Format, LinePrefix)> {
    match (options.format?, &options.log_line_prefix) {
        (format, Some(prefix)) => Some((format, prefix.clone())),
        (format @ (Format::Csvlog | Format::Jsonlog), None) => {
            Some((format, LinePrefix::compile("")))
        }
        (Format::Stderr | Format::Syslog, None) => None,
    }
}

/// Whether a byte order mark can still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    MayCome,
    IsPast,
}

/// Takes the mark off with which Windows' programs begin a text in UTF-8.
fn skip_byte_order_mark(held: &mut Vec<u8>, start: &mut u64) -> Mark {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if *start > 0 {
        return Mark::IsPast;
    }
    if held.starts_with(MARK) {
        held.drain(..MARK.len());
        *start = MARK.len() as u64;
    } else if MARK.starts_with(held) {
        return Mark::MayCome;
    }
    Mark::IsPast
}

fn reading(options: &ParserOptions, format: Format, prefix: LinePrefix, position: u64) -> State {
    State::Reading(Box::new(Reader::new(format, prefix, options, position)), Kind::Log)
}

#[cfg(test)]
mod tests;
