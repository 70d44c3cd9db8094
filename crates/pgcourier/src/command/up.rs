//! `pgcourier up`: agent and listener in one process.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use agent::{
    buffer::Reserve,
    config::Settings,
    pipeline::Agent,
    shutdown::Shutdown,
    tail::{self, LogPath, StartAt},
};
use listener::Server;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{command::listen::serve, demo, failure::Failure, interrupt};

/// Show PostgreSQL logs on a web page: agent and listener in one process
///
/// Without a LOG the usual places are searched. With --demo a real log is played into a scratch folder,
/// so that no PostgreSQL is needed. Entries are kept for 7 days in an embedded store.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Log files, folders or quoted glob patterns [default: the usual places]
    #[arg(value_name = "LOG", conflicts_with = "demo")]
    logs: Vec<String>,
    /// Play a real log at live speed into a scratch folder
    #[arg(long)]
    demo: bool,
    /// The page's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: String,
    /// Where the store and the buffer are [default: ~/.local/state/pgcourier]
    #[arg(long, value_name = "FOLDER", conflicts_with = "demo")]
    data: Option<PathBuf>,
    /// Where reading begins at the first start [default: beginning for logs that are named, else end]
    #[arg(long, value_name = "WHERE", value_parser = ["beginning", "end"])]
    start_at: Option<String>,
}

/// The one project of an embedded listener.
const PROJECT: &str = "local";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.demo {
        let scratch = tempfile::Builder::new()
            .prefix("pgcourier-demo-")
            .tempdir()
            .map_err(|error| Failure::new(format!("cannot make a scratch folder: {error}")))?;
        return run_demo(args, scratch.path());
    }
    let paths = log_paths(&args.logs)?;
    let start_at = match args.start_at.as_deref() {
        Some("beginning") => StartAt::Beginning,
        None if !args.logs.is_empty() => StartAt::Beginning,
        _ => StartAt::End,
    };
    let folder = args.data.clone().map_or_else(state_folder, Ok)?;
    let tail = tail::Settings { paths, start_at, ..tail::Settings::default() };
    let shutdown = Shutdown::new();
    run_both(args, &folder, tail, &shutdown)
}

fn run_demo(args: &Args, scratch: &Path) -> Result<(), Failure> {
    let logs = scratch.join("log");
    std::fs::create_dir(&logs)
        .map_err(|error| Failure::new(format!("cannot make {}: {error}", logs.display())))?;
    let tail = tail::Settings {
        paths: vec![LogPath::Folder(logs.clone())],
        start_at: StartAt::Beginning,
        ..tail::Settings::default()
    };
    let shutdown = Shutdown::new();
    thread::scope(|scope| {
        let player = scope.spawn(|| demo::play(&logs, &shutdown));
        let result = run_both(args, scratch, tail, &shutdown);
        shutdown.request();
        let played = player.join().unwrap_or(Ok(()));
        result?;
        played.map_err(|error| Failure::new(format!("cannot write the demo log: {error}")))
    })
}

/// Runs the listener on a thread and the agent on this one; the agent stops first, so that its last
/// request is answered.
fn run_both(
    args: &Args,
    folder: &Path,
    tail: tail::Settings,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let key = SecretString::from(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()));
    let server = Server::bind(&listener_config(args, folder, &key))?;
    let address = server.local_addr();
    let mut settings = agent_settings(folder, tail, &format!("http://{address}"), key)?;
    if args.demo {
        // A buffer of its full size takes a moment to make, and a demo has nothing to lose.
        settings.buffer.reserve = Reserve::Ballast;
    }
    let agent = Agent::open(settings)?;
    interrupt::watch(shutdown.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    let text = format!("pgcourier is up: http://{address}/  (Ctrl-C stops it)\n");
    // Whoever closed stdout does not want to know.
    let _written = io::stdout().write_all(text.as_bytes());

    let stop_listener = Shutdown::new();
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let result = serve(server, &stop_listener);
            // Without the listener there is nothing to send to.
            shutdown.request();
            sender.send(result)
        });
        let agent = agent.run(shutdown);
        stop_listener.request();
        let listener = ended.recv().unwrap_or(Ok(()));
        agent?;
        listener
    })
}

fn listener_config(args: &Args, folder: &Path, key: &SecretString) -> listener::Config {
    let mut config = listener::Config::default();
    config.server.listen.clone_from(&args.listen);
    config.store.path = folder.join("listener.db");
    config.projects.entry(PROJECT.to_owned()).or_default().key = Some(key.clone());
    config
}

fn agent_settings(
    folder: &Path,
    tail: tail::Settings,
    url: &str,
    key: SecretString,
) -> Result<Settings, Failure> {
    let mut config = agent::config::Config::default();
    url.clone_into(&mut config.listener.url);
    config.listener.api_key = key;
    PROJECT.clone_into(&mut config.listener.project_id);
    config.buffer.path = folder.join("buffer");
    Ok(Settings { tail, ..config.check(None)? })
}

/// The logs named, or those in the usual places.
fn log_paths(named: &[String]) -> Result<Vec<LogPath>, Failure> {
    if !named.is_empty() {
        let missing = named
            .iter()
            .find(|path| matches!(LogPath::new(path), LogPath::File(file) if !file.exists()));
        if let Some(path) = missing {
            return Err(Failure::new(format!("there is no {path}"))
                .with_hint("name a log file, a folder or a quoted pattern; --demo needs none"));
        }
        return Ok(named.iter().map(|path| LogPath::new(path)).collect());
    }
    let usual = LogPath::usual();
    if usual.find().is_ok_and(|found| !found.is_empty()) {
        return Ok(vec![usual]);
    }
    Err(Failure::new("found no PostgreSQL log in the usual places").with_hint(format!(
        "name one: pgcourier up /path/to/log; or look around with --demo. Searched: {usual}"
    )))
}

/// Where programs keep their state for this user.
fn state_folder() -> Result<PathBuf, Failure> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.or_else(home).map(|folder| folder.join("pgcourier"));
    folder.ok_or_else(|| {
        Failure::new("neither HOME nor XDG_STATE_HOME is set")
            .with_hint("name a folder with --data")
    })
}
