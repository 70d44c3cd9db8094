//! `pgcourier check`: what an agent would do with a configuration.

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use agent::{
    buffer,
    config::{Config, Settings},
    database::Server,
    pipeline::{PlannedFile, PrefixSource, preview},
    tail::{History, StartAt},
};
use jiff::Timestamp;
use pglog::Kind;
use serde_json::Value;

use crate::{
    command::buffer::door::{Door, Named},
    config_file,
    failure::Failure,
};

/// What `pgcourier check` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT)]
pub(crate) struct Args {
    /// The agent's configuration [default: /etc/pgcourier/pgcourier.toml, where it exists]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const ABOUT: &str = "Show what the agent would read, and how";
const LONG_ABOUT: &str = "\
Show what the agent would read, and how

Checks the configuration, asks the database where one is configured, finds the logs, and shows for each
from where it is read, its format and its prefix. Reads only a sample of each log and sends nothing; the
agent may run meanwhile. Run it as the agent's user. Exits with 1 where anything is in the way.";

const USUAL_FILE: &str = "/etc/pgcourier/pgcourier.toml";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = config_file::named_or_usual(args.config.as_deref(), USUAL_FILE);
    let config: Config = config_file::load(file)?;
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let settings = config.check(credentials.as_deref())?;
    let mut out = String::new();
    let shown = file.map_or_else(|| "the environment".into(), |file| file.display().to_string());
    push(&mut out, "settings", &format!("{shown}: correct"));
    let known = known(&settings)?;
    push(&mut out, "buffer", &known.told);
    let preview = preview(&settings, known.history)?;
    let mut problem = None;
    match &preview.server {
        None => push(&mut out, "database", "not asked: there is no section [database]"),
        Some(Ok(server)) => describe_server(&mut out, server),
        Some(Err(error)) => {
            push(&mut out, "database", &format!("cannot be asked: {error}"));
            push(&mut out, "", &format!("hint: {}", error.hint()));
            problem = Some("the database cannot be asked; logs are read without it");
        }
    }
    for path in &preview.paths {
        push(&mut out, "looked for", path);
    }
    for file in &preview.files {
        describe_file(&mut out, file, known.positions.as_ref());
    }
    if preview.files.is_empty() {
        push(&mut out, "logs", "none is found");
        push(&mut out, "", "hint: set collection.log_path to a file, a folder or a pattern");
        problem = problem.or(Some("there is no log to read"));
    }
    // Whoever closes the pipe has seen enough.
    let _written = io::stdout().write_all(out.as_bytes());
    problem.map_or(Ok(()), |problem| Err(Failure::new(problem)))
}

/// How far an agent has come.
struct Known {
    told: String,
    history: History,
    /// The positions that a running agent tells.
    positions: Option<HashMap<PathBuf, u64>>,
}

fn known(settings: &Settings) -> Result<Known, Failure> {
    let folder = settings.buffer.folder.display();
    let now_ms = Timestamp::now().as_millisecond();
    let is_there = settings.buffer.folder.join("buffer.db").try_exists();
    if matches!(is_there, Ok(false)) {
        let start = match settings.tail.start_at {
            StartAt::Beginning => "beginning",
            StartAt::End => "end",
        };
        let told =
            format!("{folder}: none yet; logs that are there are read from their {start} on");
        return Ok(Known { told, history: History::none(now_ms), positions: None });
    }
    match Door::find(&Named::Folder(settings.buffer.folder.clone()))? {
        Door::Files(mut buffer) => {
            let wrong =
                |error: buffer::Error| Failure::new(error.to_string()).with_hint(error.hint());
            let history = buffer.history(now_ms).map_err(wrong)?;
            let told = format!("{folder}: of an agent that does not run");
            Ok(Known { told, history, positions: None })
        }
        mut socket @ Door::Socket(_) => {
            let status: Value = serde_json::from_slice(&socket.ask("GET", "/status")?)
                .map_err(|error| Failure::new(format!("the agent's answer is damaged: {error}")))?;
            let files = status.get("files").and_then(Value::as_array);
            let position = |file: &Value| {
                Some((file.get("path")?.as_str()?.into(), file.get("position")?.as_u64()?))
            };
            let positions = files.into_iter().flatten().filter_map(position).collect();
            let told = format!("{folder}: of an agent that runs");
            let history = History { first_start_ms: now_ms, checkpoints: Some(Vec::new()) };
            Ok(Known { told, history, positions: Some(positions) })
        }
    }
}

fn describe_server(out: &mut String, server: &Server) {
    let or_hidden = |text: Option<String>| text.unwrap_or_else(|| "not shown to the role".into());
    let path = |path: &Path| path.display().to_string();
    push(out, "database", &format!("server_version_num = {}", server.version_num));
    let collector = if server.logging_collector { "on" } else { "off" };
    for (name, value) in [
        ("cluster_name", server.cluster_name.clone()),
        ("log_destination", server.log_destination.clone()),
        ("logging_collector", collector.to_owned()),
        ("log_directory", or_hidden(server.log_directory.as_deref().map(path))),
        ("log_filename", or_hidden(server.log_filename.clone())),
        ("log_line_prefix", format!("'{}'", server.log_line_prefix)),
        ("log_timezone", server.log_timezone.clone()),
        ("lc_messages", server.lc_messages.clone()),
    ] {
        push(out, "", &format!("{name} = {value}"));
    }
    for file in &server.current_logfiles {
        push(out, "", &format!("writes to {}", file.display()));
    }
    for grant in &server.grants {
        push(out, "", &format!("hint: run on the server: {grant}"));
    }
}

fn describe_file(out: &mut String, file: &PlannedFile, positions: Option<&HashMap<PathBuf, u64>>) {
    push(out, "log", &file.path.display().to_string());
    let position = match positions {
        None => format!("read from byte {} on, of {}", file.position, file.size),
        Some(positions) => match positions.get(&file.path) {
            Some(position) => format!("the agent is at byte {position} of {}", file.size),
            None => "not followed by the agent at the moment".to_owned(),
        },
    };
    push(out, "", &position);
    let format = match (file.kind, file.format) {
        (Some(Kind::Log), Some(format)) => {
            let wrapped = file.wrappings.iter().map(|wrapping| wrapping.as_str());
            [format.as_str()].into_iter().chain(wrapped).collect::<Vec<_>>().join(", wrapped: ")
        }
        (Some(Kind::Binary), _) => {
            "none: this is a binary file; take it out of collection.log_path".to_owned()
        }
        (Some(Kind::OtherText), _) => {
            "none that is known; set collection.log_line_prefix to what the server has".to_owned()
        }
        (Some(Kind::Log) | None, _) => "too few lines yet to tell".to_owned(),
    };
    push(out, "", &format!("format {format}"));
    if let Some(prefix) = &file.log_line_prefix {
        let source = match file.source {
            PrefixSource::Given => "as configured".to_owned(),
            PrefixSource::Server => "as the server says".to_owned(),
            PrefixSource::Lines(None) => "found".to_owned(),
            PrefixSource::Lines(Some(confidence)) => {
                format!("found, confidence {:.0} %", confidence * 100.0)
            }
        };
        push(out, "", &format!("prefix '{prefix}' ({source})"));
    }
}

fn push(out: &mut String, name: &str, value: &str) {
    // Writing to memory does not fail.
    let _written = writeln!(out, "{name:<11}{value}");
}
