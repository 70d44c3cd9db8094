//! What becomes of entries, and where it goes.

use std::{
    error::Error,
    fmt,
    fs::File,
    io::{self, IsTerminal as _, StdoutLock, Write},
};

use pglog::Assembled;

use crate::command::parse::{Args, Form, When, pretty::Style, summary::Summary};

/// Width of what is shown where no terminal says its own.
const USUAL_WIDTH: usize = 120;

/// Standard output, whose errors are told from those of reading.
#[derive(Debug)]
pub(super) struct Stdout(StdoutLock<'static>);

/// Why the output could not be written.
#[derive(Debug)]
pub(super) struct Unwritable(io::Error);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unwritable {}

impl Stdout {
    pub(super) fn lock() -> Self {
        Self(io::stdout().lock())
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unwritable)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unwritable)
    }
}

/// Keeps the kinds that are no failure.
fn unwritable(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ (io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) => kind.into(),
        kind => io::Error::new(kind, Unwritable(error)),
    }
}

/// What becomes of an entry.
#[derive(Debug)]
pub(super) enum Output {
    Json,
    Pretty(Style),
    Summary(Box<Summary>, Form),
}

impl Output {
    pub(super) fn new(args: &Args) -> Self {
        match args.summary {
            Some(form) => Self::Summary(Box::default(), form),
            None if args.pretty => Self::Pretty(style(args.color)),
            None => Self::Json,
        }
    }

    pub(super) fn take(&mut self, found: &Assembled<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json | Self::Pretty(_) => self.print(found, out),
            Self::Summary(summary, _) => summary.add(&found.entry),
        }
    }

    /// Tells whether entries become text, each by itself.
    pub(super) const fn is_text(&self) -> bool {
        matches!(self, Self::Json | Self::Pretty(_))
    }

    pub(super) fn print(&self, found: &Assembled<'_>, out: &mut Vec<u8>) {
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
    pub(super) fn report(&self) -> String {
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
