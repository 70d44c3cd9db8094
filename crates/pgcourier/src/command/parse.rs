//! `pgcourier parse`: logs to JSON lines, to text for people, or to a summary.

mod filter;
mod input;
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
use pglog::{Assembled, Clock, Kind, LinePrefix, Parser, ParserOptions};

use crate::{
    command::parse::{
        filter::{Condition, Filter},
        input::{Input, Progress, READ_BYTES},
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

const ABOUT: &str = "Turn PostgreSQL logs into JSON lines, text or a summary";
const LONG_ABOUT: &str = "\
Turn PostgreSQL logs into JSON lines, text or a summary

Reads logs in the stderr format, packed (gzip, zstd, bzip2, xz, lz4) or not, and writes one JSON
object per entry to stdout. The log_line_prefix is found from the log itself unless it is given.";
const EXAMPLES: &str = "\
Examples:
  pgcourier parse /var/log/postgresql/postgresql-15-main.log
  pgcourier parse --pretty --where 'level>=WARNING' --since -1h postgresql.log
  pgcourier parse --summary postgresql-*.log.gz
  tail -f postgresql.log | pgcourier parse - | jq 'select(.level == \"ERROR\")'";

/// How long the input must be quiet before its last entry counts as whole.
const QUIET: Duration = Duration::from_millis(200);

/// Width of what is shown where no terminal says its own.
const USUAL_WIDTH: usize = 120;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = options(args)?;
    let mut reader =
        Reader { filter: filter(args)?, output: Output::new(args), unprinted: Vec::new() };
    let mut out = BufWriter::with_capacity(READ_BYTES, io::stdout().lock());
    for file in &args.files {
        match reader.read(file, &options, &mut out) {
            Ok(Kind::Log) => {}
            Ok(kind) => {
                flushed(out.flush())?;
                return Err(unrecognised(file, kind));
            }
            // Whoever reads the output has seen enough, such as `head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                flushed(out.flush())?;
                return Err(Failure::new(format!("cannot parse {}: {error}", file.display()))
                    .with_hint("the file must be there and readable by you"));
            }
        }
    }
    let report = reader.output.report();
    flushed(out.write_all(report.as_bytes()).and_then(|()| out.flush()))
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
    Ok(ParserOptions { log_line_prefix, clock, ..ParserOptions::default() })
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

fn unrecognised(file: &Path, kind: Kind) -> Failure {
    let file = file.display();
    if kind == Kind::Binary {
        return Failure::new(format!("{file} is a binary file")).with_hint(
            "only text logs can be read, plain or packed with gzip, zstd, bzip2, xz, lz4",
        );
    }
    let message = format!("{file} does not look like a PostgreSQL log in the stderr format");
    let hint =
        "give the prefix with --log-line-prefix; SHOW log_line_prefix on the server tells it";
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
            Self::Json => {
                found.entry.write_json(out);
                out.push(b'\n');
            }
            Self::Pretty(style) => style.write(&found.entry, out),
            Self::Summary(summary, _) => summary.add(&found.entry),
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
}

impl Reader {
    fn read(
        &mut self,
        file: &Path,
        options: &ParserOptions,
        out: &mut impl Write,
    ) -> io::Result<Kind> {
        let input = Input::open(file);
        let mut progress = Progress::new(&input);
        let mut parser = Parser::new(options.clone(), 0);
        loop {
            match input.chunks.recv_timeout(QUIET) {
                Ok(chunk) => parser.push(&chunk?, &mut |found| self.take(found)),
                // What comes slowly, such as from tail -f, is shown at once.
                Err(RecvTimeoutError::Timeout) => {
                    parser.flush_before(parser.position(), &mut |found| self.take(found));
                    self.print(out)?;
                    out.flush()?;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(kind @ (Kind::OtherText | Kind::Binary)) = parser.kind() {
                return Ok(kind);
            }
            self.print(out)?;
            progress.update(&input);
        }
        progress.finish();
        parser.finish(&mut |found| self.take(found));
        if let Some(kind @ (Kind::OtherText | Kind::Binary)) = parser.kind() {
            return Ok(kind);
        }
        self.print(out)?;
        Ok(Kind::Log)
    }

    fn take(&mut self, found: &Assembled<'_>) {
        if self.filter.is_empty() || self.filter.takes(&found.entry) {
            self.output.take(found, &mut self.unprinted);
        }
    }

    fn print(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.unprinted)?;
        self.unprinted.clear();
        Ok(())
    }
}
