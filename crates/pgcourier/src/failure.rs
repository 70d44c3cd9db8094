//! Why a command ended, for the operator: what is wrong, where, and what to do.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

/// A command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

/// What clap exits with as well.
const WRONG_USAGE: u8 = 2;
/// `EX_CONFIG` of `sysexits.h`; the service manager does not start the daemon again after it.
const WRONG_CONFIGURATION: u8 = 78;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 1 }
    }

    /// What was typed makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: WRONG_USAGE, ..Self::new(message) }
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self { code: WRONG_CONFIGURATION, ..Self::new(message) }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns what is wrong, and what to do.
    pub(crate) fn parts(&self) -> (&str, &str) {
        (&self.message, self.hint.as_deref().unwrap_or_default())
    }

    /// Tells the operator, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let mut text = format!("pgcourier: {}\n", self.message);
        if let Some(hint) = self.hint {
            let _written = writeln!(text, "  hint: {hint}");
        }
        // Nothing can be done where not even this can be written.
        let _written = io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.code)
    }
}

/// The error and its causes, in one line.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _written = write!(words, ": {error}");
        cause = error.source();
    }
    words
}

impl From<agent::config::Error> for Failure {
    fn from(error: agent::config::Error) -> Self {
        Self::configuration(error.to_string()).with_hint(error.hint)
    }
}

impl From<agent::pipeline::Error> for Failure {
    fn from(error: agent::pipeline::Error) -> Self {
        Self::new(in_words(&error)).with_hint(error.hint())
    }
}

impl From<listener::Error> for Failure {
    fn from(error: listener::Error) -> Self {
        let failure = match error {
            listener::Error::Config(_) => Self::configuration(in_words(&error)),
            _ => Self::new(in_words(&error)),
        };
        failure.with_hint(error.hint())
    }
}
