//! `pgcourier run`: the agent.

use std::{env, path::PathBuf};

use agent::{config::Config, pipeline::Agent, shutdown::Shutdown};

use crate::{config_file, failure::Failure, interrupt};

/// What `pgcourier run` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The configuration [default: /etc/pgcourier/pgcourier.toml, where it exists]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const ABOUT: &str = "Run the agent: follow the logs and send them to a listener";
const LONG_ABOUT: &str = "\
Run the agent: follow the logs and send them to a listener

The configuration is TOML. Two keys are needed: where the listener is, and the project's key. Each
can also be set in the environment, such as PGCOURIER_LISTENER__URL for listener.url.";
const EXAMPLE: &str = "\
The smallest configuration:
  [listener]
  url = \"https://listener.example.com:8443\"
  api_key_file = \"/etc/pgcourier/api_key\"";

const USUAL_FILE: &str = "/etc/pgcourier/pgcourier.toml";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = config_file::named_or_usual(args.config.as_deref(), USUAL_FILE);
    let config: Config = config_file::load(file)?;
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let settings = config.check(credentials.as_deref())?;
    let shutdown = Shutdown::new();
    let agent = Agent::open(settings)?;
    interrupt::watch(shutdown.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    agent.run(&shutdown)?;
    tracing::info!("stopped");
    Ok(())
}
