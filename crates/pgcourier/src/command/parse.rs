//! `pgcourier parse`: logs to JSON lines.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use pglog::{Assembled, Clock, Kind, LinePrefix, Parser, ParserOptions};

use crate::failure::Failure;

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
}

const ABOUT: &str = "Turn PostgreSQL logs into JSON lines";
const LONG_ABOUT: &str = "\
Turn PostgreSQL logs into JSON lines

Reads logs in the stderr format, compressed (gzip, zstd) or not, and writes one JSON object per
entry to stdout. The log_line_prefix is found from the log itself unless it is given.";
const EXAMPLES: &str = "\
Examples:
  pgcourier parse /var/log/postgresql/postgresql-15-main.log
  tail -f postgresql.log | pgcourier parse - | jq 'select(.level == \"ERROR\")'";

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;
/// How much is read before it is asked for.
const CHUNKS_AHEAD: usize = 4;
/// How long the input must be quiet before its last entry counts as whole.
const QUIET: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = options(args)?;
    let mut out = BufWriter::with_capacity(READ_BYTES, io::stdout().lock());
    for file in &args.files {
        match parse(file, &options, &mut out) {
            Ok(Kind::Log) => {}
            Ok(kind) => return Err(unrecognised(file, kind)),
            // Whoever reads the output has seen enough, such as `head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                return Err(Failure::new(format!("cannot parse {}: {error}", file.display()))
                    .with_hint("the file must be there and readable by you"));
            }
        }
    }
    match out.flush() {
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
            Failure::new(format!("--log-timezone: {error}"))
                .with_hint("take the value of SHOW log_timezone on the server")
        })?,
    };
    let log_line_prefix = args.log_line_prefix.as_deref().map(LinePrefix::compile);
    Ok(ParserOptions { log_line_prefix, clock, ..ParserOptions::default() })
}

fn unrecognised(file: &Path, kind: Kind) -> Failure {
    let file = file.display();
    if kind == Kind::Binary {
        return Failure::new(format!("{file} is a binary file"))
            .with_hint("only text logs can be read, plain or compressed with gzip or zstd");
    }
    let message = format!("{file} does not look like a PostgreSQL log in the stderr format");
    let hint =
        "give the prefix with --log-line-prefix; SHOW log_line_prefix on the server tells it";
    Failure::new(message).with_hint(hint)
}

/// Opens a file, compressed or not, by its content.
fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let head = input.fill_buf()?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(zstd::Decoder::with_buffer(input)?));
    }
    Ok(Box::new(input))
}

/// Reads on a thread of its own, so that unpacking and parsing go side by side, and so that a silence
/// can be noticed.
fn read_ahead(file: &Path) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(CHUNKS_AHEAD);
    let file = file.to_owned();
    thread::spawn(move || {
        let result = open(&file).and_then(|mut input| {
            loop {
                let mut chunk = Vec::with_capacity(READ_BYTES);
                let read = read_some(&mut input, &mut chunk)?;
                // The receiver is gone where nobody wants the rest.
                if read == 0 || sender.send(Ok(chunk)).is_err() {
                    return Ok(());
                }
            }
        });
        if let Err(error) = result {
            let _nobody_waits = sender.send(Err(error));
        }
    });
    receiver
}

/// Reads what there is, one chunk at most. Returns 0 at the end.
fn read_some(input: &mut impl Read, chunk: &mut Vec<u8>) -> io::Result<usize> {
    chunk.resize(READ_BYTES, 0);
    loop {
        match input.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                chunk.truncate(*read.as_ref().unwrap_or(&0));
                return read;
            }
        }
    }
}

fn parse(file: &Path, options: &ParserOptions, out: &mut impl Write) -> io::Result<Kind> {
    let chunks = read_ahead(file);
    let mut parser = Parser::new(options.clone(), 0);
    let mut json = Vec::new();
    loop {
        match chunks.recv_timeout(QUIET) {
            Ok(chunk) => parser.push(&chunk?, &mut |found| write_line(&mut json, found)),
            // What comes slowly, such as from tail -f, is shown at once.
            Err(RecvTimeoutError::Timeout) => {
                parser.flush_before(parser.position(), &mut |found| write_line(&mut json, found));
                out.write_all(&json)?;
                out.flush()?;
                json.clear();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(kind @ (Kind::OtherText | Kind::Binary)) = parser.kind() {
            return Ok(kind);
        }
        out.write_all(&json)?;
        json.clear();
    }
    parser.finish(&mut |found| write_line(&mut json, found));
    if let Some(kind @ (Kind::OtherText | Kind::Binary)) = parser.kind() {
        return Ok(kind);
    }
    out.write_all(&json)?;
    Ok(Kind::Log)
}

fn write_line(json: &mut Vec<u8>, found: &Assembled<'_>) {
    found.entry.write_json(json);
    json.push(b'\n');
}
