//! pgcourier's own log.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;

/// The least serious messages to write.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Level {
    /// Data was lost, or the operator is needed.
    Error,
    /// Something works less well than it should.
    Warn,
    /// What happens.
    Info,
    /// For whoever looks for a mistake.
    Debug,
    /// Everything.
    Trace,
}

/// Starts writing to stderr: text for people, JSON lines for machines.
pub(crate) fn start(level: Level) {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    if io::stderr().is_terminal() {
        let in_colour = std::env::var_os("NO_COLOR").is_none();
        subscriber.with_ansi(in_colour).compact().init();
    } else {
        subscriber.json().flatten_event(true).init();
    }
}
