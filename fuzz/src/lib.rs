//! What must hold for every log, whatever its bytes are.
//!
//! A log is read four times: pushed at once, pushed in chunks, pushed in chunks with the flushes of an agent
//! that finds the file silent now and then, and from a safe position on, as after a crash. No reading may
//! panic; each must keep its word about safe positions and write valid JSON; and chunks must make no
//! difference.

use std::collections::BTreeSet;

use pglog::{Assembled, Limits, LinePrefix, Parser, ParserOptions};

/// Prefixes of servers: the default, what pgBadger advises, Amazon RDS, Debian, many escapes, and none.
const PREFIXES: [&str; 6] = [
    "%m [%p] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t:%r:%u@%d:[%p]:",
    "%m [%p] %q%u@%d ",
    "%n %p %c %l %s %v %x %e %i %b %P %Q %h %a ",
    "",
];

/// How long long logs are, at least.
const LONG_BYTES: [usize; 4] = [10 << 10, 70 << 10, 140 << 10, 300 << 10];

/// How many bytes in front of the log say how it is read.
const HEAD_BYTES: usize = 4;

/// What a fuzzer's bytes stand for: `PREFIX LIMITS SIZE SIZE LOG`, one byte each but the log.
#[derive(Debug, Clone, Copy)]
pub struct Input<'d> {
    prefix: u8,
    limits: u8,
    sizes: [u8; 2],
    log: &'d [u8],
}

impl<'d> Input<'d> {
    /// Takes a fuzzer's bytes apart. `None` where there are too few.
    #[must_use]
    pub fn of(data: &'d [u8]) -> Option<Self> {
        let (&[prefix, limits, first, second], log) = data.split_first_chunk::<HEAD_BYTES>()?;
        Some(Self { prefix, limits, sizes: [first, second], log })
    }

    /// The same with another log.
    #[must_use]
    pub const fn with_log<'l>(&self, log: &'l [u8]) -> Input<'l> {
        Input { prefix: self.prefix, limits: self.limits, sizes: self.sizes, log }
    }

    /// The log so often that it is longer than whatever the parser holds: lines of more than 64 KiB where it
    /// has no line break, and samples that are not the whole file where it has many.
    #[must_use]
    pub fn long_log(&self) -> Vec<u8> {
        let bytes = LONG_BYTES[usize::from(self.limits) / 64];
        self.log.repeat(bytes / self.log.len().max(1) + 1)
    }

    /// The server's prefix, one of a few. `None` where the parser shall find it by itself.
    #[must_use]
    pub fn log_line_prefix(&self) -> Option<LinePrefix> {
        let choice = usize::from(self.prefix) % (PREFIXES.len() + 1);
        PREFIXES.get(choice).map(|prefix| LinePrefix::compile(prefix))
    }

    /// The usual limits, or such that short logs reach.
    #[must_use]
    pub fn limits(&self) -> Limits {
        match self.limits % 3 {
            0 => Limits::default(),
            1 => Limits { max_field_bytes: 40, max_open_entries: 2, max_open_bytes: 200 },
            _ => Limits { max_field_bytes: 7, max_open_entries: 1, max_open_bytes: 10 },
        }
    }

    /// Both, and nothing else known of the log.
    #[must_use]
    pub fn options(&self) -> ParserOptions {
        ParserOptions {
            log_line_prefix: self.log_line_prefix(),
            limits: self.limits(),
            ..ParserOptions::default()
        }
    }

    /// The log in chunks of two sizes that take turns: from 1 to about 1000 bytes, small ones above all.
    fn chunks(&self) -> impl Iterator<Item = &'d [u8]> {
        let sizes = self.sizes.map(|size| 1 + usize::from(size) * usize::from(size) / 64);
        let mut rest = self.log;
        sizes.into_iter().cycle().map_while(move |size| {
            let (chunk, behind) = rest.split_at(size.min(rest.len()));
            rest = behind;
            (!chunk.is_empty()).then_some(chunk)
        })
    }
}

/// Reads a log in the four ways and compares.
///
/// # Panics
///
/// Panics where something does not hold.
pub fn check(input: Input<'_>, options: &ParserOptions) {
    let mut at_once = Reading::new(options);
    at_once.push(input.log);
    let at_once = at_once.finish();

    let mut in_chunks = Reading::new(options);
    input.chunks().for_each(|chunk| in_chunks.push(chunk));
    let in_chunks = in_chunks.finish();
    for (whole, cut) in at_once.iter().zip(&in_chunks) {
        assert_eq!(whole, cut, "chunks make a difference");
    }
    assert_eq!(at_once.len(), in_chunks.len(), "chunks make a difference to the number of entries");

    let mut flushed = Reading::new(options);
    for (number, chunk) in input.chunks().enumerate() {
        let read_before = flushed.parser.position();
        flushed.push(chunk);
        match number % 4 {
            1 => flushed.flush_before(read_before),
            3 => flushed.flush(),
            _ => {}
        }
    }
    let safe_positions = flushed.seen.safe_positions.clone();
    flushed.finish();

    let choice = usize::from(input.sizes[0]) % safe_positions.len().max(1);
    if let Some(position) = safe_positions.into_iter().nth(choice) {
        let rest = usize::try_from(position).ok().and_then(|from| input.log.get(from..));
        let mut resumed = Reading::resumed(options, position);
        rest.expect("a safe position is in the log")
            .chunks(1000)
            .for_each(|chunk| resumed.push(chunk));
        resumed.finish();
    }
}

/// An entry as JSON, with its place.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    start: u64,
    end: u64,
    json: String,
}

/// One reading of a log, checked on the way.
struct Reading {
    parser: Parser,
    pushed_bytes: u64,
    seen: Seen,
}

impl Reading {
    fn new(options: &ParserOptions) -> Self {
        Self::resumed(options, 0)
    }

    fn resumed(options: &ParserOptions, position: u64) -> Self {
        let parser = Parser::new(options.clone(), position);
        let seen = Seen { safe_position: position, ..Seen::default() };
        Self { parser, pushed_bytes: position, seen }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.parser.push(bytes, &mut |found| self.seen.add(found));
        self.pushed_bytes += bytes.len() as u64;
        self.check_positions();
    }

    fn flush_before(&mut self, position: u64) {
        self.parser.flush_before(position, &mut |found| self.seen.add(found));
        self.check_positions();
    }

    fn flush(&mut self) {
        self.parser.flush(&mut |found| self.seen.add(found));
        self.check_positions();
    }

    fn finish(mut self) -> Vec<Found> {
        self.parser.finish(&mut |found| self.seen.add(found));
        self.check_positions();
        assert_eq!(self.parser.safe_position(), self.pushed_bytes, "the end is not safe");
        self.seen.check_that_no_entry_is_split();
        self.seen.entries
    }

    fn check_positions(&mut self) {
        assert_eq!(
            self.parser.position(),
            self.pushed_bytes,
            "the position is not that of the bytes"
        );
        self.seen.note_safe_position(self.parser.safe_position());
        assert!(self.parser.safe_position() <= self.pushed_bytes, "safe before it was read");
    }
}

/// What a reading has given out.
#[derive(Default)]
struct Seen {
    entries: Vec<Found>,
    safe_position: u64,
    safe_positions: BTreeSet<u64>,
}

impl Seen {
    fn add(&mut self, found: &Assembled<'_>) {
        assert!(found.start <= found.end, "an entry ends before it begins");
        assert!(found.start >= self.safe_position, "an entry begins before a safe position");
        let mut json = Vec::new();
        found.entry.write_json(&mut json);
        let json = String::from_utf8(json).expect("JSON is UTF-8");
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&json) {
            panic!("no JSON: {error}: {json}");
        }
        self.entries.push(Found { start: found.start, end: found.end, json });
        self.note_safe_position(found.safe_position);
    }

    fn note_safe_position(&mut self, position: u64) {
        assert!(position >= self.safe_position, "a safe position was taken back");
        self.safe_position = position;
        self.safe_positions.insert(position);
    }

    /// Reading that resumes in the middle of an entry would give out its rest as another one.
    fn check_that_no_entry_is_split(&self) {
        for Found { start, end, json } in &self.entries {
            let next = self.safe_positions.range(start + 1..).next();
            assert!(
                next.is_none_or(|next| next >= end),
                "{next:?} is safe within {start}-{end}: {json}"
            );
        }
    }
}
