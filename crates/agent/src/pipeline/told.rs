//! What the server says about its logs, and which of the logs it means.
//!
//! What is configured counts more, and what the server says counts more than what lines look like.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pglog::{Clock, LinePrefix};

use crate::{
    config::Settings,
    database::{Observed, Observer, Server},
    pipeline::stream::Stream,
    tail::{LogPath, NamedLogs},
};

/// Where Debian and Ubuntu have the logs of servers without a logging collector.
const DEBIAN_LOGS: &str = "/var/log/postgresql";

/// The server's words, in the terms of those who read.
#[derive(Debug)]
pub(super) struct Told {
    observed: Option<Observed>,
    /// What the configuration says to follow, or the usual places.
    paths: Vec<LogPath>,
    /// True where the configuration says nothing about each of them.
    asks_path: bool,
    asks_prefix: bool,
    asks_zone: bool,
    prefix: Option<LinePrefix>,
    clock: Option<Clock>,
    /// The logs of the server; `None` where that is not known.
    logs: Option<NamedLogs>,
    /// What it writes to now, as far as these files are here.
    current: Vec<PathBuf>,
}

impl Told {
    /// Makes who asks the server, where one is configured, and who takes what it says.
    pub(super) fn open(settings: &Settings) -> (Option<Observer>, Self) {
        let (observer, observed) = settings.database.clone().map(Observer::new).unzip();
        let told = Self {
            observed,
            paths: settings.tail.paths.clone(),
            asks_path: settings.finds_logs,
            asks_prefix: settings.parser.log_line_prefix.is_none(),
            asks_zone: !settings.parser.clock.is_in_zone(),
            prefix: None,
            clock: None,
            logs: None,
            current: Vec::new(),
        };
        (observer, told)
    }

    /// Takes what the server says. False where that is nothing new.
    pub(super) fn take_new(&mut self) -> bool {
        let Some(server) = self.observed.as_mut().and_then(Observed::take_new) else {
            return false;
        };
        self.take(&server);
        true
    }

    pub(super) fn take(&mut self, server: &Arc<Server>) {
        self.prefix = self.asks_prefix.then(|| LinePrefix::compile(&server.log_line_prefix));
        // The server takes more names than the database of time zones has; then abbreviations tell.
        let zone = Some(server.log_timezone.as_str()).filter(|_| self.asks_zone);
        self.clock = zone.and_then(|zone| Clock::in_zone(zone).ok());
        self.logs = logs_of(server);
        self.current = server.current_logfiles.iter().filter_map(|file| here(file)).collect();
        let folder = server.log_directory.as_deref().filter(|_| server.logging_collector);
        if let Some(folder) = folder.filter(|folder| self.asks_path && is_absent(folder)) {
            let hint = "run the agent on the database's machine, or set collection.log_path to where the \
                        logs are here";
            tracing::warn!(log_directory = %folder.display(), hint, "the server logs to a folder that is not here");
        }
    }

    /// What to follow: what is configured, else the usual places and what the server names.
    pub(super) fn paths(&self) -> Vec<LogPath> {
        let mut paths = self.paths.clone();
        if self.asks_path {
            let logs = self.logs.iter().filter(|logs| !is_absent(logs.folder()));
            paths.extend(logs.cloned().map(LogPath::Named));
            let others = self.current.iter().filter(|path| !self.is_named(path));
            paths.extend(others.cloned().map(LogPath::File));
        }
        paths
    }

    /// Tells a stream how it is to be read, if it is of the server's log.
    pub(super) fn tell(&self, stream: &mut Stream) {
        let (prefix, clock) = self.words_for(&stream.path());
        if prefix.is_some() || clock.is_some() {
            stream.tell(prefix, clock);
        }
    }

    /// What the server says of a log: the prefix of its lines, and how its times are read.
    pub(super) fn words_for(&self, path: &Path) -> (Option<&LinePrefix>, Option<&Clock>) {
        let words = (self.prefix.as_ref(), self.clock.as_ref());
        let has_words = words.0.is_some() || words.1.is_some();
        if has_words && self.is_of_server(path) { words } else { (None, None) }
    }

    fn is_of_server(&self, path: &Path) -> bool {
        match &self.logs {
            // The folder may have another name here, or another path in a container.
            Some(logs) if !self.asks_path => logs.has_name(path),
            Some(_) => self.is_named(path) || self.current.iter().any(|current| current == path),
            // Whoever names a log and a server means that server's.
            None => !self.asks_path,
        }
    }

    fn is_named(&self, path: &Path) -> bool {
        self.logs.as_ref().is_some_and(|logs| logs.has(path))
    }
}

/// Where the server writes its log. Without the collector Debian's name tells: there `cluster_name` is
/// `VERSION/NAME`.
fn logs_of(server: &Server) -> Option<NamedLogs> {
    if server.logging_collector {
        let folder = server.log_directory.as_deref()?;
        let folder = here(folder).unwrap_or_else(|| folder.to_owned());
        return Some(NamedLogs::new(&folder, server.log_filename.as_deref()?));
    }
    let (version, name) = server.cluster_name.split_once('/')?;
    let name = format!("postgresql-{version}-{name}.log").replace('%', "%%");
    Some(NamedLogs::new(Path::new(DEBIAN_LOGS), &name))
}

/// The path without links, as followed logs have it. `None` where it is not on this machine.
fn here(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

fn is_absent(folder: &Path) -> bool {
    fs::metadata(folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    use super::*;

    fn told(log_path: Option<&str>, server: Server) -> Told {
        let mut config = Config::default();
        config.listener.url = "http://127.0.0.1:1".to_owned();
        config.listener.api_key = "key".to_owned().into();
        if let Some(path) = log_path {
            config.collection.log_path = crate::config::LogPaths::One(path.to_owned());
        }
        let (_, mut told) = Told::open(&config.check(None).unwrap());
        told.take(&Arc::new(server));
        told
    }

    #[test]
    fn server_s_words_are_for_its_own_logs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let collecting = Server {
            logging_collector: true,
            log_directory: Some(folder.clone()),
            log_filename: Some("pg-%a.log".to_owned()),
            ..Server::default()
        };
        let found = told(None, collecting.clone());
        assert!(found.is_of_server(&folder.join("pg-Mon.csv")));
        assert!(!found.is_of_server(&folder.join("other.log")));
        assert!(!found.is_of_server(Path::new("/elsewhere/pg-Mon.log")));
        assert!(found.paths().contains(&LogPath::Named(NamedLogs::new(&folder, "pg-%a.log"))));
        let given = told(Some("/elsewhere/"), collecting);
        assert!(given.is_of_server(Path::new("/elsewhere/pg-Mon.log")));
        assert_eq!(given.paths(), [LogPath::new("/elsewhere/")]);
    }

    #[test]
    fn log_of_a_server_without_collector_is_known_by_debian_s_name() {
        let main = Server { cluster_name: "15/main".to_owned(), ..Server::default() };
        let found = told(None, main);
        assert!(found.is_of_server(Path::new("/var/log/postgresql/postgresql-15-main.log")));
        assert!(!found.is_of_server(Path::new("/var/log/postgresql/postgresql-15-other.log")));
        assert!(!told(None, Server::default()).is_of_server(Path::new("/x.log")));
        assert!(told(Some("/x.log"), Server::default()).is_of_server(Path::new("/x.log")));
    }
}
