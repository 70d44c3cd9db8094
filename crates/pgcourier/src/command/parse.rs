//! `pgcourier parse`: logs to JSON lines, to text for people, or to a summary.

mod audit;
mod explain;
mod filter;
mod input;
mod output;
mod parallel;
mod paths;
mod pretty;
mod problem;
mod summary;

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc::RecvTimeoutError,
    time::Duration,
};

use jiff::tz::TimeZone;
use pglog::{
    Assembled, Clock, Format, Kind, LinePrefix, Parser, ParserOptions, Precision, Timestamp,
};

use crate::{
    command::parse::{
        filter::{Condition, Filter},
        input::{Input, Progress, READ_BYTES},
        output::{Output, Stdout},
        parallel::{Outcome, Parts, Watcher},
        problem::{note_other_prefix, unreadable, unrecognised},
    },
    failure::Failure,
};

/// What `pgcourier parse` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES, after_long_help = after_long_help())]
pub(crate) struct Args {
    /// Log files, folders of logs or quoted patterns; - is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
    /// The log's format: stderr, csvlog, jsonlog or syslog [default: found from the log]
    #[arg(long, value_name = "FORMAT", value_parser = format_of)]
    format: Option<Format>,
    #[arg(
        long,
        value_name = "PREFIX",
        help = "The server's log_line_prefix [default: found from the log]"
    )]
    log_line_prefix: Option<String>,
    #[arg(
        long,
        value_name = "ZONE",
        help = "The server's log_timezone, such as Europe/Berlin [default: abbreviations tell]"
    )]
    log_timezone: Option<String>,
    /// Only entries for which this holds, such as level>=ERROR, event=lock.*, duration>=1s or
    /// 'user=bob and message~deadlock'; --help has all fields
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,
    /// Only entries from this moment on: 2026-11-24, '2026-11-24 02:20', 02:20, -1h, '2 days ago',
    /// yesterday or RFC 3339
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only entries before this moment
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Show aligned text instead of JSON
    #[arg(long, conflicts_with = "summary")]
    pretty: bool,
    /// Count levels, events, errors and statements instead of printing entries; =json for machines
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text"
    )]
    summary: Option<Form>,
    /// Say how the log is read instead of printing entries: format, prefix, language, zone, and lines
    /// that do not fit with the place where they break off
    #[arg(long, conflicts_with_all = ["summary", "pretty"])]
    explain: bool,
    /// Say whether the log is whole, by the line numbers of its sessions (csvlog, jsonlog, or a prefix
    /// with %c and %l); exit code 1 where lines are missing
    #[arg(long, conflicts_with_all = ["summary", "pretty", "explain"])]
    audit: bool,
    /// How many parts of a big file are read at the same time [default: number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Colour of --pretty: auto is where a terminal shows it
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

fn format_of(name: &str) -> Result<Format, String> {
    let found = Format::ALL.into_iter().find(|format| format.as_str() == name);
    found.ok_or_else(|| "take one of stderr, csvlog, jsonlog, syslog".to_owned())
}

const ABOUT: &str = "Turn PostgreSQL logs into JSON lines, text or a summary";
const LONG_ABOUT: &str = "\
Turn PostgreSQL logs into JSON lines, text or a summary

Reads stderr logs with any log_line_prefix, csvlog, jsonlog and syslog, as servers and clouds write
them, packed (gzip, zstd, bzip2, xz, lz4) or not, and writes one JSON object per entry to stdout.
Format and prefix are found from the log itself unless they are given.";
const EXAMPLES: &str = "\
Examples:
  pgcourier parse /var/log/postgresql/postgresql-15-main.log
  pgcourier parse --pretty --where 'level>=WARNING' --since -1h postgresql.log
  pgcourier parse --summary postgresql-*.log.gz
  pgcourier parse --explain strange.log
  pgcourier parse --audit postgresql-Mon.csv postgresql-Tue.csv
  tail -f postgresql.log | pgcourier parse - | jq 'select(.level == \"ERROR\")'";

/// What stands below the options in `--help`.
fn after_long_help() -> String {
    format!("{}\n\n{EXAMPLES}", filter::HELP)
}

/// How long the input must be quiet before its last entry counts as whole.
const QUIET: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = options(args)?;
    let mut reader = Reader {
        filter: filter(args)?,
        output: Output::new(args),
        unprinted: Vec::new(),
        first_wanted: 0,
        is_prefix_noted: false,
    };
    let mut out = BufWriter::with_capacity(READ_BYTES, Stdout::lock());
    let mut failed: Option<Failure> = None;
    // The other files are read all the same, and the last failure decides.
    let mut fail = |failure: Failure| {
        if let Some(earlier) = failed.replace(failure) {
            let _the_last_one_decides = earlier.report();
        }
    };
    let mut files = Vec::new();
    for path in &args.files {
        match paths::files_of(path) {
            Ok(found) => files.extend(found),
            Err(error) => fail(unreadable(path, &error)),
        }
    }
    if args.audit {
        audit::audit(&files, |file| with_last_moment(&options, file), &mut out)?;
        return failed.map_or(Ok(()), Err);
    }
    let parts = Parts::new(jobs(args));
    for file in &files {
        let options = with_last_moment(&options, file);
        let result = if args.explain {
            explain::explain(file, &options)
                .and_then(|text| out.write_all(text.as_bytes()))
                .map(|()| Kind::Log)
        } else {
            reader.read(file, &options, parts, &mut out)
        };
        let failure = match result {
            Ok(Kind::Log) => continue,
            Ok(kind) => unrecognised(file, kind, &options),
            // Whoever reads the output has seen enough, such as `head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => unreadable(file, &error),
        };
        flushed(out.flush())?;
        fail(failure);
    }
    let report = reader.output.report();
    flushed(out.write_all(report.as_bytes()).and_then(|()| out.flush()))?;
    failed.map_or(Ok(()), Err)
}

/// What could not be written matters, unless nobody reads it any more.
fn flushed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}

fn options(args: &Args) -> Result<ParserOptions, Failure> {
    let clock = match args.log_timezone.as_deref() {
        None => Clock::new(),
        Some(zone) => Clock::in_zone(zone).map_err(|error| {
            Failure::usage(format!("--log-timezone: {error}"))
                .with_hint("take the value of SHOW log_timezone on the server")
        })?,
    };
    let log_line_prefix = args.log_line_prefix.as_deref().map(LinePrefix::compile);
    Ok(ParserOptions { format: args.format, log_line_prefix, clock, ..ParserOptions::default() })
}

/// How many parts are read at the same time.
fn jobs(args: &Args) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.map_or_else(processors, usize::from)
}

/// No line of a file is later than its last change, or than now.
#[expect(clippy::disallowed_methods, reason = "times of syslog have no year")]
fn with_last_moment(options: &ParserOptions, file: &Path) -> ParserOptions {
    let changed = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file);
    let changed = changed.and_then(|metadata| metadata.modified().ok());
    let last = changed.unwrap_or_else(std::time::SystemTime::now);
    let since_1970 = last.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX);
    ParserOptions {
        not_after: Some(Timestamp::from_micros(micros, Precision::Micros)),
        ..options.clone()
    }
}

/// Times without a zone are those of the log's zone where it is given, else UTC.
fn filter(args: &Args) -> Result<Filter, Failure> {
    let now = jiff::Timestamp::now();
    let zone = args.log_timezone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
    let zone = zone.unwrap_or(TimeZone::UTC);
    let moment = |name: &str, text: &Option<String>| {
        let moment = text.as_deref().map(|text| filter::moment(text, &zone, now)).transpose();
        moment.map_err(|problem| {
            Failure::usage(format!("{name}: {problem}"))
                .with_hint("times without a zone are in --log-timezone, or in UTC without it")
        })
    };
    let (since, until) = (moment("--since", &args.since)?, moment("--until", &args.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(Failure::usage("--since is not before --until: no entry is between them"));
    }
    Ok(Filter { conditions: args.conditions.clone(), since, until })
}

/// Reads logs, one after the other.
#[derive(Debug)]
struct Reader {
    filter: Filter,
    output: Output,
    /// What is to be written of the entries found.
    unprinted: Vec<u8>,
    /// Entries that begin before this position of the file have been printed.
    first_wanted: u64,
    /// It has been looked at whether the file's prefix is the one that was given.
    is_prefix_noted: bool,
}

impl Reader {
    /// Reads a big file in parts side by side, and anything else in one go.
    fn read(
        &mut self,
        file: &Path,
        options: &ParserOptions,
        parts: Parts,
        out: &mut impl Write,
    ) -> io::Result<Kind> {
        self.first_wanted = 0;
        self.is_prefix_noted = false;
        self.unprinted.clear();
        if parts.jobs > 1 && self.output.is_text() && input::is_big(file) {
            let mut progress = Progress::beside_output(file);
            let print = |found: &Assembled<'_>, text: &mut Vec<u8>| {
                if self.filter.takes(&found.entry) {
                    self.output.print(found, text);
                }
            };
            let is_noted = &mut self.is_prefix_noted;
            let mut learned = |parser: &Parser| {
                note_other_prefix(file, options, parser);
                *is_noted = true;
            };
            let mut show = |position| progress.show(position);
            let mut watcher = Watcher { learned: &mut learned, progress: &mut show };
            let outcome = parallel::read(file, (options, parts), &print, out, &mut watcher)?;
            progress.finish();
            match outcome {
                Outcome::Done(kind) => return Ok(kind),
                Outcome::Interrupted { printed_to } => self.first_wanted = printed_to,
                Outcome::Unsuitable => {}
            }
        }
        self.read_in_one_go(file, options, out)
    }

    fn read_in_one_go(
        &mut self,
        file: &Path,
        options: &ParserOptions,
        out: &mut impl Write,
    ) -> io::Result<Kind> {
        let input = Input::open(file);
        let mut progress = match &self.output {
            Output::Summary(..) => Progress::alone(file),
            Output::Json | Output::Pretty(_) => Progress::beside_output(file),
        };
        let mut parser = Parser::new(options.clone(), 0);
        let mut is_blank = true;
        let mut is_slow = false;
        loop {
            match input.chunks.recv_timeout(QUIET) {
                Ok(chunk) => {
                    let chunk = chunk?;
                    is_blank = is_blank && chunk.iter().all(u8::is_ascii_whitespace);
                    parser.push(&chunk, &mut |found| self.take(found));
                    input.give_back(chunk);
                }
                // What comes slowly, such as from tail -f, is shown at once.
                Err(RecvTimeoutError::Timeout) => {
                    is_slow = true;
                    parser.flush_before(parser.position(), &mut |found| self.take(found));
                    self.print(out)?;
                    out.flush()?;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if parser.kind().is_some() && !self.is_prefix_noted {
                note_other_prefix(file, options, &parser);
                self.is_prefix_noted = true;
            }
            match parser.kind() {
                Some(Kind::Binary) => return Ok(Kind::Binary),
                // Another program can have been the first to write: what is still coming may be a log.
                Some(Kind::OtherText) if !is_slow => return Ok(Kind::OtherText),
                _ => {}
            }
            self.print(out)?;
            progress.show(input.read_bytes());
        }
        progress.finish();
        parser.finish(&mut |found| self.take(found));
        if is_blank {
            // Nothing has been logged yet, as right after a rotation.
            self.unprinted.clear();
            return Ok(Kind::Log);
        }
        if let Some(kind @ (Kind::OtherText | Kind::Binary)) = parser.kind() {
            return Ok(kind);
        }
        if !self.is_prefix_noted {
            note_other_prefix(file, options, &parser);
        }
        self.print(out)?;
        Ok(Kind::Log)
    }

    fn take(&mut self, found: &Assembled<'_>) {
        let is_wanted = found.start >= self.first_wanted && self.filter.takes(&found.entry);
        if is_wanted {
            self.output.take(found, &mut self.unprinted);
        }
    }

    fn print(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.unprinted)?;
        self.unprinted.clear();
        Ok(())
    }
}
