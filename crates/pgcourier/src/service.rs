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

    /// The agent stops.
    pub(crate) fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// Tells how things are until the shutdown, in a thread of its own, as long as they go on.
    pub(crate) fn watch(
        &self,
        overview: Overview,
        shutdown: Shutdown,
    ) -> io::Result<Option<JoinHandle<()>>> {
        if self.manager.is_none() {
            return Ok(None);
        }
        let service = self.clone();
        let interval = self.watchdog.map_or(STATUS_INTERVAL, |usec| usec / 3);
        let watching = thread::Builder::new().name("service".to_owned()).spawn(move || {
            while !shutdown.wait(interval) {
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
        })?;
        Ok(Some(watching))
    }

    fn notify(&self, text: &str) {
        let Some(manager) = &self.manager else { return };
        let sent = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(text.as_bytes(), manager));
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
    use super::*;

    #[test]
    fn manager_hears_what_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service =
            Service { manager: Some(address(path.to_str().unwrap()).unwrap()), watchdog: None };
        let mut heard = [0; 200];
        service.ready();
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        service.reloading();
        let length = manager.recv(&mut heard).unwrap();
        assert!(heard[..length].starts_with(b"RELOADING=1\nMONOTONIC_USEC="));
        assert!(address("@abstract").is_ok());
    }
}
