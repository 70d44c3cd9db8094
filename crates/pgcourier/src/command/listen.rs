//! `pgcourier listen`: the listener.

use std::path::PathBuf;

use agent::shutdown::Shutdown;
use listener::{Config, Server};

use crate::{config_file, failure::Failure, interrupt};

/// What `pgcourier listen` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The configuration [default: /etc/pgcourier/listener.toml, where it exists]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const ABOUT: &str = "Run the listener: receive, store and show what agents send";
const LONG_ABOUT: &str = "\
Run the listener: receive, store and show what agents send

The configuration is TOML. At least one project with its key is needed. Each key can also be set in
the environment, such as PGCOURIER_SERVER__LISTEN for server.listen.";
const EXAMPLE: &str = "\
The smallest configuration:
  [projects.shop]
  key_file = \"/etc/pgcourier/shop.key\"

  [store]
  path = \"/var/lib/pgcourier/listener.db\"";

const USUAL_FILE: &str = "/etc/pgcourier/listener.toml";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = config_file::named_or_usual(args.config.as_deref(), USUAL_FILE);
    let config: Config = config_file::load(file)?;
    let shutdown = Shutdown::new();
    let server = Server::bind(&config)?;
    interrupt::watch(shutdown.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    serve(server, &shutdown)
}

/// Serves on a runtime of its own until the shutdown is requested.
pub(super) fn serve(server: Server, shutdown: &Shutdown) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the listener's threads: {error}")))?;
    runtime
        .block_on(server.run(shutdown.requested()))
        .map_err(|error| Failure::new(format!("the listener failed: {error}")))
}
