//! One file's way from bytes to batches.

use std::{path::Path, sync::Arc, time::Duration};

use pglog::{Assembled, Clock, Kind, LinePrefix, Parser, ParserOptions};

use crate::{
    batch::{Batch, Batcher, Settings},
    pipeline::completeness::LineCheck,
    status::Tally,
};

/// How long the log must be quiet before its last entry counts as whole.
const QUIET: Duration = Duration::from_millis(200);

/// How long a line may be begun and not ended before the entry above it goes without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The parser and the batcher of one file.
#[derive(Debug)]
pub(super) struct Stream {
    path: Arc<Path>,
    /// What finds lines that are missing.
    lines: Option<LineCheck>,
    /// Entries that have not been told of.
    tally: Tally,
    parser: Parser,
    batcher: Batcher,
    /// How far had been read, and when.
    mark: Mark,
    /// When the last bytes came.
    last_bytes: Duration,
    announced: bool,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    position: u64,
    at: Duration,
}

impl Stream {
    pub(super) fn new(
        path: &Path,
        options: ParserOptions,
        batches: Settings,
        position: u64,
        now: Duration,
    ) -> Self {
        Self {
            path: path.into(),
            lines: None,
            tally: Tally::default(),
            parser: Parser::new(options, position),
            batcher: Batcher::new(batches, position),
            mark: Mark { position, at: now },
            last_bytes: now,
            announced: false,
        }
    }

    /// Looks for lines that are missing.
    pub(super) fn with_line_check(self, lines: LineCheck) -> Self {
        Self { lines: Some(lines), ..self }
    }

    /// What finds lines that are missing.
    pub(super) const fn line_check(&self) -> Option<&LineCheck> {
        self.lines.as_ref()
    }

    pub(super) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// Takes what the server says about its log.
    pub(super) fn tell(&mut self, log_line_prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        self.parser.tell(log_line_prefix, clock);
    }

    /// Looks at lines from around the start to find out how to read them.
    pub(super) fn learn(&mut self, sample: &[u8]) {
        self.parser.learn(sample);
        self.announce();
    }

    /// Takes the next bytes; `sink` gets the batches that they fill.
    pub(super) fn push(&mut self, bytes: &[u8], now: Duration, sink: &mut impl FnMut(Batch)) {
        self.last_bytes = now;
        let (batcher, lines, path) = (&mut self.batcher, &self.lines, &self.path);
        let tally = &mut self.tally;
        self.parser.push(bytes, &mut |entry| {
            note(lines.as_ref(), tally, entry, path);
            if let Some(batch) = batcher.push(entry, now) {
                sink(batch);
            }
        });
        self.announce();
    }

    /// Ends entries after a silence, and batches that have waited for `max_age`.
    pub(super) fn tick(&mut self, now: Duration, max_age: Duration, sink: &mut impl FnMut(Batch)) {
        let (batcher, lines, path) = (&mut self.batcher, &self.lines, &self.path);
        let tally = &mut self.tally;
        let mut take = |entry: &Assembled<'_>| {
            note(lines.as_ref(), tally, entry, path);
            if let Some(batch) = batcher.push(entry, now) {
                sink(batch);
            }
        };
        if now >= self.mark.at + QUIET {
            self.parser.flush_before(self.mark.position, &mut take);
            self.mark = Mark { position: self.parser.position(), at: now };
        }
        if now >= self.last_bytes + PATIENCE {
            self.parser.flush(&mut take);
        }
        let safe_position = self.parser.safe_position();
        if let Some(batch) = self.batcher.tick(safe_position, max_age, now) {
            sink(batch);
        }
        self.announce();
    }

    /// Stops reading: what is whole is sealed, the rest is read again at the next start.
    pub(super) fn stop(&mut self, sink: &mut impl FnMut(Batch)) {
        if let Some(batch) = self.batcher.flush(self.parser.safe_position()) {
            sink(batch);
        }
    }

    /// Ends all entries and seals the batch: what follows in time stands in another file.
    pub(super) fn settle(&mut self, now: Duration, sink: &mut impl FnMut(Batch)) {
        let (batcher, lines, path) = (&mut self.batcher, &self.lines, &self.path);
        let tally = &mut self.tally;
        let mut take = |entry: &Assembled<'_>| {
            note(lines.as_ref(), tally, entry, path);
            if let Some(batch) = batcher.push(entry, now) {
                sink(batch);
            }
        };
        // A file of a few lines has not told yet how to read it.
        self.parser.flush_before(self.parser.position(), &mut take);
        self.parser.flush(&mut take);
        self.stop(sink);
    }

    /// The file is at its end for ever.
    pub(super) fn finish(&mut self, now: Duration, sink: &mut impl FnMut(Batch)) {
        let (batcher, lines, path) = (&mut self.batcher, &self.lines, &self.path);
        let tally = &mut self.tally;
        self.parser.finish(&mut |entry| {
            note(lines.as_ref(), tally, entry, path);
            if let Some(batch) = batcher.push(entry, now) {
                sink(batch);
            }
        });
        self.stop(sink);
    }

    /// Returns the counts of entries since it was last asked.
    pub(super) const fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Everything before this is in batches.
    pub(super) const fn batched_position(&self) -> u64 {
        self.batcher.position()
    }

    /// Tells whether entries or a batch wait for time to pass.
    pub(super) fn is_waiting(&self) -> bool {
        self.batcher.open_since().is_some() || self.parser.position() > self.batched_position()
    }

    /// Says once how the file is read.
    fn announce(&mut self) {
        let Some(kind) = self.parser.kind().filter(|_| !self.announced) else { return };
        self.announced = true;
        let path = self.path.display();
        match kind {
            Kind::Log => {
                let log_line_prefix = self.parser.log_line_prefix().map(LinePrefix::as_str);
                tracing::info!(%path, log_line_prefix, "reading");
            }
            Kind::OtherText => {
                let hint = "set collection.log_line_prefix to what SHOW log_line_prefix says on the \
                            server; until then lines are sent as they are";
                tracing::warn!(%path, hint, "no known log_line_prefix fits this file");
            }
            Kind::Binary => {
                let hint = "take it out of collection.log_path; only text logs can be read";
                tracing::error!(%path, hint, "this is a binary file; nothing of it is sent");
            }
        }
    }
}

fn note(lines: Option<&LineCheck>, tally: &mut Tally, found: &Assembled<'_>, path: &Path) {
    tally.note(&found.entry);
    if let Some(lines) = lines {
        lines.note(&found.entry, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: u64) -> String {
        (0..count).map(|n| format!("2026-11-24 02:21:01.123 UTC [1] LOG:  {n}\n")).collect()
    }

    fn stream(options: ParserOptions) -> Stream {
        Stream::new(Path::new("/x.log"), options, Settings::default(), 0, Duration::ZERO)
    }

    #[test]
    fn last_entries_leave_after_a_silence() {
        let prefix = Some(LinePrefix::compile("%m [%p] "));
        let options = ParserOptions { log_line_prefix: prefix, ..ParserOptions::default() };
        let mut stream = stream(options);
        let mut count = 0;
        let full = Settings::default().max_entries;
        stream.push(entries(full + 200).as_bytes(), Duration::ZERO, &mut |batch| {
            count += batch.entries;
        });
        assert_eq!(count, full);
        for step in 1..20 {
            let now = Duration::from_millis(50 * step);
            stream.tick(now, Duration::from_millis(200), &mut |batch| count += batch.entries);
        }
        assert_eq!(count, full + 200);
    }

    #[test]
    fn few_entries_of_a_file_that_has_a_successor_leave_before_the_successor_s() {
        let options = ParserOptions::default();
        let mut stream = stream(options);
        let mut count = 0;
        let mut take = |batch: Batch| count += batch.entries;
        stream.push(entries(50).as_bytes(), Duration::ZERO, &mut take);
        stream.settle(Duration::ZERO, &mut take);
        assert_eq!(count, 50);
    }
}
