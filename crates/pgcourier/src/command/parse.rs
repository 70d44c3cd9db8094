//! `pgcourier parse`: logs to JSON lines, to text for people, or to a summary.

mod audit;
mod explain;
mod filter;
mod input;
mod parallel;
mod pretty;
mod summary;

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
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
        parallel::{Outcome, Parts},
        pretty::Style,
        summary::Summary,
    },
    failure::Failure,
};

/// What `pgcourier parse` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Log files; - is stdin
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
    /// Only entries for which this holds, such as level>=ERROR, user=bob or message~deadlock;
    /// several must all hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,
    /// Only entries from this moment on: 2026-11-24, '2026-11-24 02:20', -1h or RFC 3339
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only entries before this moment
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Show aligned text instead of JSON
    #[arg(long, conflicts_with = "summary")]
    pretty: bool,
    /// Count levels, errors and statements instead of printing entries; =json for machines
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

/// How long the input must be quiet before its last entry counts as whole.
const QUIET: Duration = Duration::from_millis(200);

/// Width of what is shown where no terminal says its own.
const USUAL_WIDTH: usize = 120;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = options(args)?;
    let filter = filter(args)?;
    let mut reader =
        Reader { filter, output: Output::new(args), unprinted: Vec::new(), first_wanted: 0 };
    let mut out = BufWriter::with_capacity(READ_BYTES, io::stdout().lock());
    if args.audit {
        return audit::audit(&args.files, |file| with_last_moment(&options, file), &mut out);
    }
    let parts = Parts::new(jobs(args));
    let mut failed: Option<Failure> = None;
    for file in &args.files {
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
            Ok(kind) => unrecognised(file, kind),
            // Whoever reads the output has seen enough, such as `head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => unreadable(file, &error),
        };
        flushed(out.flush())?;
        // The other files are read all the same.
        if let Some(earlier) = failed.replace(failure) {
            let _the_last_one_decides = earlier.report();
        }
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
    Ok(Filter {
        conditions: args.conditions.clone(),
        since: moment("--since", &args.since)?,
        until: moment("--until", &args.until)?,
    })
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot parse {}: {error}", file.display()));
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            failure.with_hint("the file must be there and readable by you")
        }
        io::ErrorKind::IsADirectory => failure.with_hint("name the files in it, such as DIR/*.log"),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            failure
                .with_hint("the file is packed and damaged, or not whole; what could be read was")
        }
        _ => failure,
    }
}

fn unrecognised(file: &Path, kind: Kind) -> Failure {
    let file = file.display();
    if kind == Kind::Binary {
        return Failure::new(format!("{file} is a binary file")).with_hint(
            "only text logs can be read, plain or packed with gzip, zstd, bzip2, xz, lz4",
        );
    }
    let message = format!("{file} does not look like a PostgreSQL log");
    let hint = "give the prefix with --log-line-prefix; SHOW log_line_prefix on the server tells it. \
         --explain shows where lines break off";
    Failure::new(message).with_hint(hint)
}

/// What becomes of an entry.
#[derive(Debug)]
enum Output {
    Json,
    Pretty(Style),
    Summary(Box<Summary>, Form),
}

impl Output {
    fn new(args: &Args) -> Self {
        match args.summary {
            Some(form) => Self::Summary(Box::default(), form),
            None if args.pretty => Self::Pretty(style(args.color)),
            None => Self::Json,
        }
    }

    fn take(&mut self, found: &Assembled<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json | Self::Pretty(_) => self.print(found, out),
            Self::Summary(summary, _) => summary.add(&found.entry),
        }
    }

    /// Tells whether entries become text, each by itself.
    const fn is_text(&self) -> bool {
        matches!(self, Self::Json | Self::Pretty(_))
    }

    fn print(&self, found: &Assembled<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                found.entry.write_json(out);
                out.push(b'\n');
            }
            Self::Pretty(style) => style.write(&found.entry, out),
            Self::Summary(..) => {}
        }
    }

    /// What is said at the end.
    fn report(&self) -> String {
        match self {
            Self::Json | Self::Pretty(_) => String::new(),
            Self::Summary(summary, Form::Json) => summary.to_json(),
            Self::Summary(summary, Form::Text) => {
                summary.to_text(terminal_width().unwrap_or(USUAL_WIDTH))
            }
        }
    }
}

fn style(when: When) -> Style {
    let is_terminal = io::stdout().is_terminal();
    // <https://no-color.org>
    let is_wanted =
        is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colour = match when {
        When::Auto => is_wanted,
        When::Always => true,
        When::Never => false,
    };
    Style { colour, width: terminal_width() }
}

/// Columns of the terminal that stdout is. `None` where it is none.
fn terminal_width() -> Option<usize> {
    let stdout: File = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned().ok()?.into();
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
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
        self.unprinted.clear();
        if parts.jobs > 1 && self.output.is_text() && input::is_big(file) {
            let mut progress = Progress::of(file);
            let print = |found: &Assembled<'_>, text: &mut Vec<u8>| {
                if self.filter.takes(&found.entry) {
                    self.output.print(found, text);
                }
            };
            let outcome = parallel::read(file, (options, parts), &print, out, &mut |position| {
                progress.show(position);
            })?;
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
        let mut progress = Progress::of(file);
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
