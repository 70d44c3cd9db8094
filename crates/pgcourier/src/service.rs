//! What a service manager is told: systemd's `sd_notify`.
//!
//! The watchdog is fed by progress: while reading or sending makes no turn, nothing is sent, and systemd
//! starts the agent anew.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use agent::{server::MAX_STANDSTILL, shutdown::Shutdown, status::Overview};

/// How often the manager is told how things are, where it asks for no watchdog.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// How long the manager may take to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The service manager's socket.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// `None` where there is no service manager.
    manager: Option<SocketAddr>,
    watchdog: Option<Duration>,
}

impl Service {
    /// Finds the service manager in the environment.
    pub(crate) fn find() -> Self {
        let manager = env::var("NOTIFY_SOCKET").ok().and_then(|name| address(&name).ok());
        let is_ours =
            env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog = env::var("WATCHDOG_USEC").ok().filter(|_| is_ours);
        let watchdog = watchdog.and_then(|usec| usec.parse().ok()).map(Duration::from_micros);
        Self { manager, watchdog }
    }

    /// The agent runs.
    pub(crate) fn ready(&self) {
        self.notify("READY=1");
    }

    /// The agent takes a new configuration. [`Service::ready`] ends it.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// The agent begins to stop.
    fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// Tells how things are until the round ends, in a thread of its own, as long as they go on; and whether
    /// the agent ends with it.
    pub(crate) fn watch(
        &self,
        overview: Overview,
        round: Shutdown,
        stop: Shutdown,
    ) -> io::Result<Option<JoinHandle<()>>> {
        if self.manager.is_none() {
            return Ok(None);
        }
        let service = self.clone();
        let interval = self.watchdog.map_or(STATUS_INTERVAL, |usec| usec / 3);
        let watching = thread::Builder::new().name("service".to_owned()).spawn(move || {
            while !round.wait(interval) {
                let standstill = overview.status.standstill((overview.clock)().monotonic);
                if standstill < MAX_STANDSTILL {
                    service.notify("WATCHDOG=1");
                }
                if let Ok(snapshot) = overview.snapshot() {
                    let ledger = &snapshot.health.ledger;
                    service.notify(&format!(
                        "STATUS={} entries delivered, {} waiting, {} lost; circuit breaker {}",
                        ledger.delivered,
                        ledger.waiting,
                        ledger.lost_total(),
                        snapshot.health.breaker.state.as_str()
                    ));
                }
            }
            if stop.is_requested() {
                service.stopping();
            }
        })?;
        Ok(Some(watching))
    }

    fn notify(&self, text: &str) {
        let Some(manager) = &self.manager else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // One that reads nothing must not hold the agent up.
            socket.set_write_timeout(Some(SEND_TIMEOUT))?;
            socket.send_to_addr(text.as_bytes(), manager)
        });
        if let Err(error) = sent {
            tracing::debug!(%error, "cannot tell the service manager");
        }
    }
}

/// A path, or a name in the abstract namespace behind an at sign.
fn address(name: &str) -> io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{Arc, Mutex},
        time::SystemTime,
    };

    use agent::{
        buffer::{self, Buffer},
        ship::Now,
    };

    use super::*;

    /// A manager, and a service that tells it.
    fn managed(folder: &Path, watchdog: Option<Duration>) -> (UnixDatagram, Service) {
        let path = folder.join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        (manager, Service { manager: Some(address(path.to_str().unwrap()).unwrap()), watchdog })
    }

    fn heard(manager: &UnixDatagram) -> String {
        let mut heard = [0; 500];
        let length = manager.recv(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    }

    #[test]
    fn manager_hears_what_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (manager, service) = managed(folder.path(), None);
        service.ready();
        assert_eq!(heard(&manager), "READY=1");
        service.reloading();
        assert!(heard(&manager).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert!(address("@abstract").is_ok());
    }

    #[test]
    fn watchdog_is_fed_while_reading_and_sending_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let (manager, service) = managed(folder.path(), Some(Duration::from_millis(3)));
        let settings = buffer::Settings {
            max_bytes: 1_000_000,
            ..buffer::Settings::at(&folder.path().join("buffer"))
        };
        // Neither has made a turn since the clock began.
        let now = Arc::new(Mutex::new(MAX_STANDSTILL));
        let clock = Arc::clone(&now);
        let overview = Overview {
            agent: "db1".to_owned(),
            started_at: 0.0,
            buffer: Arc::new(Mutex::new(Buffer::open(&settings).unwrap())),
            status: Arc::default(),
            progress: Arc::default(),
            outputs: Vec::new(),
            exports: Vec::new(),
            clock: Arc::new(move || Now {
                monotonic: *clock.lock().unwrap(),
                wall: SystemTime::UNIX_EPOCH,
            }),
        };
        let status = Arc::clone(&overview.status);
        let stop = Shutdown::new();
        let watching = service.watch(overview, stop.child(), stop.clone()).unwrap().unwrap();
        let some = |count: usize| -> Vec<String> { (0..count).map(|_| heard(&manager)).collect() };
        let stalled = some(5);
        assert!(stalled.iter().all(|said| said.starts_with("STATUS=")), "{stalled:?}");
        // One alone is not enough.
        status.note_sending(MAX_STANDSTILL);
        let stalled = some(5);
        assert!(stalled.iter().all(|said| said.starts_with("STATUS=")), "{stalled:?}");
        status.set_files(Vec::new(), MAX_STANDSTILL);
        let going = some(10);
        assert!(going.iter().any(|said| said == "WATCHDOG=1"), "{going:?}");
        stop.request();
        while heard(&manager) != "STOPPING=1" {}
        watching.join().unwrap();
    }
}
