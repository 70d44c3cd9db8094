//! One big file, read in parts side by side, with the output of reading it in one go.
//!
//! A part begins a while before its first entry, so that its parser knows by then what a parser that
//! has read everything knows. Whether it does is checked: both parsers tell their fingerprint at the
//! same position. Where they differ, the file is read in one go from there on.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
};

use pglog::{Assembled, Depth, Kind, Parser, ParserOptions};

/// Turns an entry into bytes of the output.
pub(super) type Print<'p> = &'p (dyn Fn(&Assembled<'_>, &mut Vec<u8>) + Sync);

/// How much of the file is a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// Length of a part in bytes.
    pub(super) part_bytes: u64,
    /// How much of what comes before is read as well, in bytes.
    pub(super) warm_up_bytes: u64,
    /// How many parts are read at the same time.
    pub(super) jobs: usize,
}

impl Parts {
    /// Returns the parts that are worth their trouble for so many processors.
    pub(super) const fn new(jobs: usize) -> Self {
        Self { part_bytes: 8 << 20, warm_up_bytes: 256 << 10, jobs }
    }
}

/// How much is read at once.
const READ_BYTES: u64 = 256 << 10;

/// What came of reading a file in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything is printed.
    Done(Kind),
    /// Entries that begin before this position are printed, and the others are to be read in one go.
    Interrupted { printed_to: u64 },
    /// The log is of a kind that cannot be read in parts. Nothing is printed.
    Unsuitable,
}

/// A part that has been read.
struct Part {
    text: Vec<u8>,
    /// Of the part's parser at the part's start, and at its end.
    fingerprints: (Option<u64>, Option<u64>),
    result: io::Result<()>,
}

/// The end of a worker at which its parts arrive.
struct Worker {
    finished: Receiver<Part>,
    /// Takes texts that have been printed back: memory that is new to a process costs more than to fill it.
    printed: Sender<Vec<u8>>,
}

/// Who is told how reading goes.
pub(super) struct Watcher<'w> {
    /// Gets the parser that has found out how the file is read.
    pub(super) learned: &'w mut dyn FnMut(&Parser),
    /// Gets the position up to which entries are printed.
    pub(super) progress: &'w mut dyn FnMut(u64),
}

/// Reads a file in parts.
///
/// # Errors
/// Those of reading the file and of writing the output.
pub(super) fn read(
    path: &Path,
    (options, parts): (&ParserOptions, Parts),
    print: Print<'_>,
    out: &mut impl Write,
    watcher: &mut Watcher<'_>,
) -> io::Result<Outcome> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let Some(known) = learn(&file, options, watcher.learned)? else {
        return Ok(Outcome::Unsuitable);
    };
    let plan = Plan { file, size, parts, known };
    thread::scope(|scope| {
        let workers: Vec<Worker> = (0..parts.jobs.max(1))
            .map(|worker| {
                // A worker is one part ahead of what is printed, so that memory is bounded.
                let (sender, finished) = mpsc::sync_channel(0);
                let (printed, room) = mpsc::channel();
                let plan = &plan;
                scope.spawn(move || plan.work(worker, print, &sender, &room));
                Worker { finished, printed }
            })
            .collect();
        // Dropping the receivers ends workers that are not wanted any more.
        plan.collect(&workers, out, watcher.progress)
    })
}

/// Finds out how the file is to be read. `None` where it cannot be read in parts.
fn learn(
    file: &File,
    options: &ParserOptions,
    learned: &mut dyn FnMut(&Parser),
) -> io::Result<Option<ParserOptions>> {
    let mut parser = Parser::new(options.clone(), 0);
    let mut position = 0;
    while parser.kind().is_none() {
        let bytes = read_at(file, position, READ_BYTES)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        position += bytes.len() as u64;
        parser.push(&bytes, &mut |_| {});
    }
    if parser.fingerprint().is_none() || parser.kind() != Some(Kind::Log) {
        return Ok(None);
    }
    learned(&parser);
    let log_line_prefix = parser.log_line_prefix().cloned();
    Ok(Some(ParserOptions { format: parser.format(), log_line_prefix, ..options.clone() }))
}

struct Plan {
    file: File,
    size: u64,
    parts: Parts,
    /// How the whole file is read, found out from its beginning.
    known: ParserOptions,
}

impl Plan {
    /// Reads each part whose turn it is for this worker.
    fn work(
        &self,
        worker: usize,
        print: Print<'_>,
        finished: &SyncSender<Part>,
        room: &Receiver<Vec<u8>>,
    ) {
        let numbers = (worker as u64..).step_by(self.parts.jobs.max(1));
        for number in numbers.take_while(|number| self.start_of(*number) < self.size) {
            let text = room.try_recv().unwrap_or_default();
            if finished.send(self.read_part(number, text, print)).is_err() {
                return;
            }
        }
    }

    /// The nominal start of a part; the part begins with the next line.
    fn start_of(&self, number: u64) -> u64 {
        number.saturating_mul(self.parts.part_bytes)
    }

    /// Reads a part. `text` is room for what is printed of it.
    fn read_part(&self, number: u64, mut text: Vec<u8>, print: Print<'_>) -> Part {
        text.clear();
        let mut part = Part { text, fingerprints: (None, None), result: Ok(()) };
        part.result = self.fill(number, &mut part, print);
        part
    }

    fn fill(&self, number: u64, part: &mut Part, print: Print<'_>) -> io::Result<()> {
        let start = self.line_start(self.start_of(number))?;
        let end = self.line_start(self.start_of(number + 1))?;
        let is_first = number == 0;
        let warm_up = if is_first { 0 } else { start.saturating_sub(self.parts.warm_up_bytes) };
        let begin = if is_first { 0 } else { self.line_start(warm_up)? };
        let mut parser = Parser::new(self.known.clone(), begin);
        parser.set_depth(Depth::Texts);
        // The last part ends with the file, also if that has grown.
        let is_last = end >= self.size;
        let end = if is_last { u64::MAX } else { end };
        self.push(&mut parser, begin, start, &mut |_| {})?;
        parser.set_depth(self.known.depth);
        part.fingerprints.0 = parser.fingerprint();
        let is_over = Cell::new(false);
        let text = &mut part.text;
        let mut take = |found: &Assembled<'_>| {
            is_over.set(is_over.get() || found.start >= end);
            if found.start >= start && found.start < end {
                print(found, text);
            }
        };
        let mut position = self.push(&mut parser, start, end, &mut take)?;
        part.fingerprints.1 = parser.fingerprint();
        // Entries come in the order in which they begin, so the first one of the next part says that
        // all of this one are out.
        loop {
            let reached = self.push(&mut parser, position, position + READ_BYTES, &mut take)?;
            if reached == position {
                parser.finish(&mut take);
                return Ok(());
            }
            if is_over.get() {
                return Ok(());
            }
            position = reached;
        }
    }

    /// Returns the start of the first line at or behind a position, or the file's end.
    fn line_start(&self, position: u64) -> io::Result<u64> {
        if position == 0 {
            return Ok(0);
        }
        let mut from = position - 1;
        loop {
            let bytes = read_at(&self.file, from, READ_BYTES)?;
            if bytes.is_empty() {
                return Ok(from);
            }
            if let Some(line_end) = bytes.iter().position(|byte| *byte == b'\n') {
                return Ok(from + line_end as u64 + 1);
            }
            from += bytes.len() as u64;
        }
    }

    /// Pushes the bytes between two positions. Returns how far the file went.
    fn push(
        &self,
        parser: &mut Parser,
        from: u64,
        to: u64,
        sink: &mut impl FnMut(&Assembled<'_>),
    ) -> io::Result<u64> {
        let mut position = from;
        let mut buffer = Vec::new();
        while position < to {
            read_into(&self.file, position, READ_BYTES.min(to - position), &mut buffer)?;
            if buffer.is_empty() {
                break;
            }
            position += buffer.len() as u64;
            parser.push(&buffer, sink);
        }
        Ok(position)
    }

    /// Prints the parts in their order, each after a look at whether it fits the one before it.
    fn collect(
        &self,
        workers: &[Worker],
        out: &mut impl Write,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<Outcome> {
        let mut expected = None;
        let numbers = (0..).take_while(|number| self.start_of(*number) < self.size);
        for (number, worker) in numbers.zip(workers.iter().cycle()) {
            // A worker sends all its parts, unless it has panicked; then the scope panics too.
            let Ok(part) = worker.finished.recv() else { break };
            part.result?;
            let is_alike = part.fingerprints.0.is_some() && part.fingerprints.0 == expected;
            if number > 0 && !is_alike {
                let printed_to = self.line_start(self.start_of(number))?;
                return Ok(Outcome::Interrupted { printed_to });
            }
            out.write_all(&part.text)?;
            // A worker that has read its last part needs no room.
            let _is_over = worker.printed.send(part.text);
            expected = part.fingerprints.1;
            progress(self.start_of(number + 1).min(self.size));
        }
        Ok(Outcome::Done(Kind::Log))
    }
}

fn read_at(file: &File, position: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::new();
    read_into(file, position, bytes, &mut buffer)?;
    Ok(buffer)
}

/// Reads what there is at a position, so many bytes at most, in place of what the buffer holds.
fn read_into(file: &File, position: u64, bytes: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(usize::try_from(bytes).unwrap_or(0), 0);
    loop {
        match file.read_at(buffer, position) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                buffer.truncate(*read.as_ref().unwrap_or(&0));
                return read.map(|_| ());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::*;

    fn print(found: &Assembled<'_>, text: &mut Vec<u8>) {
        found.entry.write_json(text);
        text.push(b'\n');
    }

    fn in_one_go(log: &[u8], from: u64) -> Vec<u8> {
        let mut parser = Parser::new(ParserOptions::default(), 0);
        let mut text = Vec::new();
        let mut take = |found: &Assembled<'_>| {
            if found.start >= from {
                print(found, &mut text);
            }
        };
        parser.push(log, &mut take);
        parser.finish(&mut take);
        text
    }

    /// Logs of real servers: by format, interleaved, in another language, with names that imitate logs.
    const LOGS: [&str; 6] = [
        "debian/postgresql-2026-11-24_022019.log.gz",
        "debian/postgresql-2026-11-24_022019.csv.gz",
        "debian/postgresql-2026-11-24_022019.json.gz",
        "nocollector/postgresql.log.gz",
        "fr/postgresql-2026-11-24_022148.log.gz",
        "hostile-pgbadger/postgresql-2026-11-24_022159.log.gz",
    ];

    fn log(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs/pg15");
        let mut log = Vec::new();
        let packed = File::open(folder.join(name)).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut log).unwrap();
        log
    }

    /// Returns what was printed, and how it ended.
    fn in_parts(log: &[u8], parts: Parts) -> (Vec<u8>, Outcome) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.log");
        fs::write(&file, log).unwrap();
        let mut text = Vec::new();
        let options = ParserOptions::default();
        let mut watcher = Watcher { learned: &mut |_| {}, progress: &mut |_| {} };
        let outcome = read(&file, (&options, parts), &print, &mut text, &mut watcher).unwrap();
        (text, outcome)
    }

    #[test]
    fn parts_say_what_the_whole_says() {
        for name in LOGS {
            let log = log(name);
            for part_bytes in [4_999, 20_000, 70_001] {
                let parts = Parts { part_bytes, warm_up_bytes: 40_000, jobs: 3 };
                let (mut text, outcome) = in_parts(&log, parts);
                if let Outcome::Interrupted { printed_to } = outcome {
                    text.extend(in_one_go(&log, printed_to));
                }
                assert!(text == in_one_go(&log, 0), "{name} in parts of {part_bytes}");
            }
        }
    }

    #[test]
    fn real_logs_are_read_in_parts_to_their_end() {
        for name in LOGS {
            let parts = Parts { part_bytes: 30_000, warm_up_bytes: 100_000, jobs: 2 };
            let (_, outcome) = in_parts(&log(name), parts);
            assert_eq!(outcome, Outcome::Done(Kind::Log), "{name}");
        }
    }

    #[test]
    fn part_that_knows_too_little_is_noticed() {
        let log = log(LOGS[3]);
        let parts = Parts { part_bytes: 30_000, warm_up_bytes: 1, jobs: 2 };
        let (text, outcome) = in_parts(&log, parts);
        assert!(matches!(outcome, Outcome::Interrupted { .. }), "{outcome:?}");
        assert!(in_one_go(&log, 0).starts_with(&text));
    }
}
