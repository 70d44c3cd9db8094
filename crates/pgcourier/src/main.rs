//! The `pgcourier` command.

mod command;
mod config_file;
mod demo;
mod failure;
mod interrupt;
mod logging;
mod nearest;
mod service;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Carries PostgreSQL logs to where they can be read, each entry exactly once.
///
/// Start with `pgcourier up --demo`: it shows a real log on a web page, without any set-up.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The least serious messages of its own log: error, warn, info, debug or trace
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "info",
        hide_possible_values = true
    )]
    log_level: logging::Level,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 failure, 2 wrong usage, 78 wrong configuration.
pgcourier's own log goes to stderr: as text on a terminal, as JSON lines elsewhere.";

#[derive(Debug, Subcommand)]
enum Command {
    Up(command::up::Args),
    Run(command::run::Args),
    Check(command::check::Args),
    Listen(command::listen::Args),
    Parse(command::parse::Args),
    Buffer(command::buffer::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(cli.log_level);
    let result = match cli.command {
        Command::Up(args) => command::up::run(&args),
        Command::Run(args) => command::run::run(&args),
        Command::Check(args) => command::check::run(&args),
        Command::Listen(args) => command::listen::run(&args),
        Command::Parse(args) => command::parse::run(&args),
        Command::Buffer(args) => command::buffer::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
