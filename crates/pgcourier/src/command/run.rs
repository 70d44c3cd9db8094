//! `pgcourier run`: the agent.

use std::{
    env,
    error::Error as _,
    mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use agent::{
    config::{Config, Settings},
    pipeline::{self, Agent},
    shutdown::Shutdown,
};

use crate::{config_file, failure::Failure, interrupt, service::Service};

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
    let file = config_file::named_or_usual(args.config.as_deref(), USUAL_FILE).map(Path::to_owned);
    let service = Service::find();
    let control = Arc::new(Control::default());
    let cannot_watch = |error| Failure::new(format!("cannot watch for signals: {error}"));
    // Without a watch SIGHUP ends the process, also while it starts. What SIGTERM ends then has begun nothing.
    let (reloading, told, again) = (Arc::clone(&control), service.clone(), file.clone());
    interrupt::watch_reload(move || reloading.reload(load(again.as_deref()), &told))
        .map_err(cannot_watch)?;
    let settings = load(file.as_deref())?;
    let agent = Agent::open(settings.clone())?;
    interrupt::watch(control.stop.clone()).map_err(cannot_watch)?;
    run_in_rounds(agent, settings, &control, &service)?;
    tracing::info!("stopped");
    Ok(())
}

fn load(file: Option<&Path>) -> Result<Settings, Failure> {
    let config: Config = config_file::load(file)?;
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Ok(config.check(credentials.as_deref())?)
}

/// What the signals and the agent share.
#[derive(Debug, Default)]
struct Control {
    /// Ends the agent.
    stop: Shutdown,
    /// Ends the agent's round, so that the next one can begin with other settings.
    round: Mutex<Shutdown>,
    /// The settings of the next round.
    next: Mutex<Option<Settings>>,
    /// Whether the service manager knows that the agent is ready.
    is_running: AtomicBool,
}

impl Control {
    /// Has the agent go on with other settings, where they make sense.
    fn reload(&self, loaded: Result<Settings, Failure>, service: &Service) {
        match loaded {
            Ok(settings) => {
                tracing::info!("taking the new configuration");
                service.reloading();
                *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
                self.round.lock().unwrap_or_else(PoisonError::into_inner).request();
            }
            Err(failure) => {
                let (error, hint) = failure.parts();
                tracing::error!(error, hint, "the new configuration is wrong; the old one stays");
                if self.is_running.load(Ordering::Relaxed) {
                    // Who asked for it waits for both.
                    service.reloading();
                    service.ready();
                }
            }
        }
    }

    fn begin_round(&self) -> Shutdown {
        let round = self.stop.child();
        *self.round.lock().unwrap_or_else(PoisonError::into_inner) = round.clone();
        // A configuration that came before there was this round ends it at once.
        if self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            round.request();
        }
        round
    }

    fn take_next(&self) -> Option<Settings> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Runs the agent until it is to stop. Each new configuration begins a round: the agent stops as it always
/// does, without loss, and goes on from its buffer.
fn run_in_rounds(
    mut agent: Agent,
    mut settings: Settings,
    control: &Arc<Control>,
    service: &Service,
) -> Result<(), Failure> {
    loop {
        let round = control.begin_round();
        let watching = service
            .watch(agent.overview(), round.clone(), control.stop.clone())
            .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        service.ready();
        control.is_running.store(true, Ordering::Relaxed);
        agent.run(&round)?;
        // It holds the buffer, which the next round is to open.
        if let Some(Err(_)) = watching.map(JoinHandle::join) {
            tracing::error!("the thread that tells the service manager panicked");
        }
        let Some(next) = control.take_next().filter(|_| !control.stop.is_requested()) else {
            return Ok(());
        };
        let old = mem::replace(&mut settings, next);
        agent = match open_again(&settings, &control.stop) {
            Ok(agent) => agent,
            // All that was read is stored.
            Err(_) if control.stop.is_requested() => return Ok(()),
            Err(error) => {
                let hint = error.hint();
                let cause = error.source().map(ToString::to_string);
                tracing::error!(
                    %error,
                    cause,
                    hint,
                    "cannot use the new configuration; the old one stays"
                );
                settings = old;
                open_again(&settings, &control.stop)?
            }
        };
    }
}

/// How often a buffer is tried that is in use between two rounds, and the pause behind each try.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the agent for another round. Between two rounds the buffer is nobody's, and `pgcourier buffer` may be looking into
/// it: that is soon over.
fn open_again(settings: &Settings, stop: &Shutdown) -> Result<Agent, pipeline::Error> {
    let mut tries = 0..TRIES;
    loop {
        let error = match Agent::open(settings.clone()) {
            Err(error) if error.is_in_use() => error,
            opened => return opened,
        };
        if tries.len() == TRIES {
            tracing::warn!(%error, "waiting for the buffer");
        }
        if tries.next().is_none() || stop.wait(PAUSE) {
            return Err(error);
        }
    }
}
