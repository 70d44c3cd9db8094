//! Reads a log of which nothing is known beforehand.

use crate::{
    assemble::{Assembled, Assembler, Limits},
    prefix::LinePrefix,
    timestamp::Clock,
};

/// How many lines are looked at before the prefix is settled.
const SAMPLE_LINES: usize = 200;

/// How many bytes are looked at at most.
const SAMPLE_BYTES: usize = 256 << 10;

/// What is known about a log beforehand.
#[derive(Debug, Clone, Default)]
pub struct ParserOptions {
    /// The server's `log_line_prefix`; found by itself where absent.
    pub log_line_prefix: Option<LinePrefix>,
    /// How times are read.
    pub clock: Clock,
    /// How much is held.
    pub limits: Limits,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PostgreSQL log.
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
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first bytes, kept until they tell how to read them.
    Sampling {
        held: Vec<u8>,
        start: u64,
    },
    Reading(Box<Assembler>, Kind),
    Skipping {
        position: u64,
    },
}

impl Parser {
    /// Makes a parser for a file that is read from `position`, which must be the start of a line.
    #[must_use]
    pub fn new(options: ParserOptions, position: u64) -> Self {
        let state = match &options.log_line_prefix {
            Some(prefix) => {
                State::Reading(assembler(&options, prefix.clone(), position), Kind::Log)
            }
            None => State::Sampling { held: Vec::new(), start: position },
        };
        Self { options, state }
    }

    /// Looks at bytes of the same log that will not be pushed, such as those before the position.
    pub fn learn(&mut self, sample: &[u8]) {
        let State::Sampling { held, start } = &self.state else { return };
        // What is held already says more about itself than what came before it.
        if let Some(prefix) = infer(sample).filter(|_| held.is_empty()) {
            self.state = State::Reading(assembler(&self.options, prefix, *start), Kind::Log);
        }
    }

    /// Takes the next bytes of the file; see [`Assembler::push`].
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        match &mut self.state {
            State::Reading(assembler, _) => assembler.push(bytes, sink),
            State::Sampling { held, .. } => {
                held.extend_from_slice(bytes);
                let lines = memchr::memchr_iter(b'\n', held).take(SAMPLE_LINES).count();
                if lines >= SAMPLE_LINES || held.len() >= SAMPLE_BYTES {
                    self.settle(sink);
                }
            }
            State::Skipping { position } => *position += bytes.len() as u64,
        }
    }

    /// See [`Assembler::flush_before`].
    pub fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        if matches!(&self.state, State::Sampling { held, .. } if held.contains(&b'\n')) {
            self.settle(sink);
        }
        if let State::Reading(assembler, _) = &mut self.state {
            assembler.flush_before(position, sink);
        }
    }

    /// See [`Assembler::flush`].
    pub fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        if let State::Reading(assembler, _) = &mut self.state {
            assembler.flush(sink);
        }
    }

    /// See [`Assembler::finish`].
    pub fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        self.settle(sink);
        if let State::Reading(assembler, _) = &mut self.state {
            assembler.finish(sink);
        }
    }

    /// See [`Assembler::safe_position`].
    #[must_use]
    pub fn safe_position(&self) -> u64 {
        match &self.state {
            State::Sampling { start, .. } => *start,
            State::Reading(assembler, _) => assembler.safe_position(),
            State::Skipping { position } => *position,
        }
    }

    /// See [`Assembler::position`].
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.state {
            State::Sampling { held, start } => start + held.len() as u64,
            State::Reading(assembler, _) => assembler.position(),
            State::Skipping { position } => *position,
        }
    }

    /// Returns the prefix, once it is known.
    #[must_use]
    pub fn log_line_prefix(&self) -> Option<&LinePrefix> {
        match &self.state {
            State::Reading(assembler, Kind::Log) => Some(assembler.prefix()),
            _ => None,
        }
    }

    /// Tells what the file is. `None` before enough bytes have come.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match &self.state {
            State::Sampling { .. } => None,
            State::Reading(_, kind) => Some(*kind),
            State::Skipping { .. } => Some(Kind::Binary),
        }
    }

    /// Decides how to read and reads what was held.
    fn settle(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        let State::Sampling { held, start } = &mut self.state else { return };
        let held = std::mem::take(held);
        let (prefix, kind) = match infer(&held) {
            Some(prefix) => (prefix, Kind::Log),
            None if looks_binary(&held) => {
                self.state = State::Skipping { position: *start + held.len() as u64 };
                return;
            }
            None => (LinePrefix::compile(""), Kind::OtherText),
        };
        let mut reading = assembler(&self.options, prefix, *start);
        reading.push(&held, sink);
        self.state = State::Reading(reading, kind);
    }
}

/// Tells whether bytes are those of a program, an archive or an image: text has next to no control
/// characters. NUL does not count, for a hole in a log reads as NULs.
fn looks_binary(bytes: &[u8]) -> bool {
    let is_odd = |byte: &&u8| matches!(byte, 0x01..=0x08 | 0x0e..=0x1a | 0x1c..=0x1f);
    let odd = bytes.iter().filter(is_odd).count();
    odd * 50 > bytes.len()
}

fn assembler(options: &ParserOptions, prefix: LinePrefix, position: u64) -> Box<Assembler> {
    let assembler = Assembler::new(prefix)
        .starting_at(position)
        .with_clock(options.clock.clone())
        .with_limits(options.limits);
    Box::new(assembler)
}

fn infer(sample: &[u8]) -> Option<LinePrefix> {
    let text = String::from_utf8_lossy(sample);
    LinePrefix::infer(text.lines().take(SAMPLE_LINES)).map(|inference| inference.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x\n";

    fn users(parser: &mut Parser, log: &[u8]) -> Vec<Option<String>> {
        let mut users = Vec::new();
        parser.push(log, &mut |found| users.push(found.entry.user.as_deref().map(str::to_owned)));
        parser.flush_before(u64::MAX, &mut |found| {
            users.push(found.entry.user.as_deref().map(str::to_owned));
        });
        users
    }

    #[test]
    fn prefix_is_settled_when_the_log_goes_quiet() {
        let mut parser = Parser::new(ParserOptions::default(), 0);
        assert_eq!(users(&mut parser, b"2026-11-24 02:2"), []);
        assert_eq!(parser.log_line_prefix(), None);
        assert_eq!(users(&mut parser, &LINE[15..]), [Some("bob".to_owned())]);
        assert_eq!(parser.safe_position(), LINE.len() as u64);
    }

    #[test]
    fn what_was_learned_is_used_from_the_first_byte() {
        let mut parser = Parser::new(ParserOptions::default(), 1000);
        parser.learn(LINE);
        assert_eq!(parser.log_line_prefix().unwrap().as_str(), "%m [%p] %q%u@%d ");
        assert_eq!(users(&mut parser, LINE), [Some("bob".to_owned())]);
        assert_eq!(parser.safe_position(), 1000 + LINE.len() as u64);
    }

    #[test]
    fn text_that_is_no_log_is_read_as_unparsed_lines() {
        let mut parser = Parser::new(ParserOptions::default(), 0);
        let mut unparsed = 0;
        let mut count = |found: &Assembled<'_>| unparsed += usize::from(found.entry.unparsed);
        parser.push(b"Dear diary,\n\0\0\0\n", &mut count);
        parser.finish(&mut count);
        assert_eq!((unparsed, parser.kind()), (2, Some(Kind::OtherText)));
    }

    #[test]
    fn binary_file_is_not_read() {
        let mut parser = Parser::new(ParserOptions::default(), 0);
        let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        parser.push(&binary, &mut |_| panic!("nothing of it is an entry"));
        parser.finish(&mut |_| panic!("nothing of it is an entry"));
        assert_eq!((parser.kind(), parser.safe_position()), (Some(Kind::Binary), 10_000));
    }
}
