//! Asks the server again and again, and comes back when it was gone.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    database::{Connection, Error, Server, Settings},
    shutdown::Shutdown,
};

/// How often the server is asked: a reload shows after that time at the latest.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long to wait before connecting again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Asks a server about its logs for as long as the agent runs.
#[derive(Debug)]
pub struct Observer {
    settings: Settings,
    server: watch::Sender<Option<Arc<Server>>>,
    /// What has been told to the operator and not been mended since.
    problem: Option<String>,
    pause: Duration,
}

/// What the server said last.
#[derive(Debug, Clone)]
pub struct Observed(watch::Receiver<Option<Arc<Server>>>);

impl Observed {
    /// Returns what the server says, where that is new.
    pub fn take_new(&mut self) -> Option<Arc<Server>> {
        // The observer may have ended: what it said last still counts.
        if self.0.has_changed().unwrap_or(true) {
            return self.0.borrow_and_update().clone();
        }
        None
    }
}

impl Observer {
    /// Makes an observer, and what it will tell.
    #[must_use]
    pub fn new(settings: Settings) -> (Self, Observed) {
        let (server, observed) = watch::channel(None);
        (Self { settings, server, problem: None, pause: FIRST_PAUSE }, Observed(observed))
    }

    /// Asks until the shutdown is requested.
    pub async fn run(mut self, shutdown: Shutdown) {
        let observing = async {
            loop {
                let Err(error) = self.observe().await;
                self.report(&error);
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(MAX_PAUSE);
            }
        };
        tokio::select! {
            () = shutdown.requested() => {}
            () = observing => {}
        }
    }

    async fn observe(&mut self) -> Result<std::convert::Infallible, Error> {
        let connection = Connection::open(&self.settings).await?;
        loop {
            let server = Server::ask(&connection).await?;
            self.pause = FIRST_PAUSE;
            self.take(server);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn take(&mut self, server: Server) {
        if self.problem.take().is_some() {
            tracing::info!("the database answers again");
        }
        if self.server.borrow().as_deref() == Some(&server) {
            return;
        }
        let Server { version_num, logging_collector, log_line_prefix, log_timezone, .. } = &server;
        let Server { log_destination, lc_messages, cluster_name, .. } = &server;
        tracing::info!(
            version_num,
            cluster_name,
            logging_collector,
            log_destination,
            log_directory = server.log_directory.as_ref().map(|path| path.display().to_string()),
            log_filename = server.log_filename,
            log_line_prefix,
            log_timezone,
            lc_messages,
            "the server says how it logs"
        );
        for grant in &server.grants {
            let hint = format!("run on the server: {grant}");
            tracing::warn!(hint, "the database role may not see where the server logs");
        }
        self.server.send_replace(Some(Arc::new(server)));
    }

    /// Tells the operator once what is wrong.
    fn report(&mut self, error: &Error) {
        let text = error.to_string();
        if self.problem.as_ref() != Some(&text) {
            let hint = error.hint();
            tracing::warn!(error = text, hint, "cannot ask the database; logs are read without it");
            self.problem = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::database::tests::settings;

    use super::*;

    #[test]
    fn new_is_what_differs() {
        let (mut observer, mut observed) = Observer::new(settings());
        assert_eq!(observed.take_new(), None);
        let server = Server { log_line_prefix: "%m ".to_owned(), ..Server::default() };
        observer.take(server.clone());
        assert_eq!(observed.take_new().as_deref(), Some(&server));
        observer.take(server.clone());
        assert_eq!(observed.take_new(), None);
        observer.take(Server { log_timezone: "UTC".to_owned(), ..server });
        drop(observer);
        assert_eq!(observed.take_new().unwrap().log_timezone, "UTC");
    }
}
