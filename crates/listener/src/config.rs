//! What an operator can set, and what is wrong with it.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wire::MAX_PROJECT_CHARS;

use crate::{
    api::{self, Hosts, Keys, Secret},
    store,
};

/// The listener's configuration. Every key has a default except the projects' keys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[server]`: where to listen and who may read.
    pub server: Server,
    /// `[projects.NAME]`: whose data is taken. At least one is needed.
    pub projects: BTreeMap<String, Project>,
    /// `[store]`: where data is kept and for how long.
    pub store: Store,
    /// `[limits]`: how much is taken at once.
    pub limits: Limits,
}

/// Where to listen and who may read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 lets the system choose one.
    pub listen: String,
    /// Names by which browsers and agents call this machine. Without any, a listener on a loopback
    /// address answers to names of the machine itself only.
    pub host_names: Vec<String>,
    /// The key to read with. Needed where others than this machine can connect.
    pub read_key: Option<SecretString>,
    /// A file that has it.
    pub read_key_file: Option<PathBuf>,
}

/// A project and its agents' key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// The key that its agents send with.
    pub key: Option<SecretString>,
    /// A file that has it.
    pub key_file: Option<PathBuf>,
}

/// Where data is kept and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The database file.
    pub path: PathBuf,
    /// For how many days entries are kept, from their arrival.
    pub retention_days: u32,
    /// How many MiB the file may grow to. Past that, data is refused until old data goes.
    pub max_size_mb: Option<u64>,
}

/// How much is taken at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests of one project in a minute.
    pub requests_per_minute: u32,
    /// Seconds that a request's body may take to arrive.
    pub body_timeout_s: u32,
    /// Connections at the same time.
    pub max_connections: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8443".to_owned(),
            host_names: Vec::new(),
            read_key: None,
            read_key_file: None,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { path: "/var/lib/pgcourier/listener.db".into(), retention_days: 7, max_size_mb: None }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_minute: 6_000, body_timeout_s: 30, max_connections: 1_024 }
    }
}

/// The configuration cannot be used. [`Error::hint`] says which key to change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody could send anything.
    #[error("no project has a key")]
    NoProjects,
    /// The name does not fit into a request.
    #[error("project name {name:?} has not 1 to {MAX_PROJECT_CHARS} characters")]
    ProjectName {
        /// The name.
        name: String,
    },
    /// A key is needed and there is none.
    #[error("{setting} is not set")]
    NoKey {
        /// The setting, such as `projects.shop.key`.
        setting: String,
    },
    /// Two keys where one is meant.
    #[error("{setting} and {setting}_file are both set")]
    TwoKeys {
        /// The setting.
        setting: String,
    },
    /// A key cannot be sent in a header.
    #[error("{setting} is empty or has characters that no header can carry")]
    UnusableKey {
        /// The setting.
        setting: String,
    },
    /// A key's file cannot be read.
    #[error("{setting}_file: cannot read {path}")]
    KeyFile {
        /// The setting.
        setting: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two settings have the same key.
    #[error("{first} and {second} are the same key")]
    SameKey {
        /// One setting.
        first: String,
        /// The other.
        second: String,
    },
    /// The address cannot be understood.
    #[error("server.listen: {value:?} is not an address and a port")]
    Listen {
        /// What is set.
        value: String,
    },
    /// Everybody on the network could read everything.
    #[error("server.listen is {listen}, which others can reach, and there is no server.read_key")]
    OpenToAll {
        /// The address.
        listen: SocketAddr,
    },
    /// A number makes no sense.
    #[error("{setting} must be at least {least}")]
    TooSmall {
        /// The setting.
        setting: &'static str,
        /// The least that works.
        least: u32,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoProjects => "add [projects.default] with key_file = \"/etc/pgcourier/key\", \
                                 and give agents the same key"
                .to_owned(),
            Self::ProjectName { .. } => "shorten the name behind [projects.".to_owned(),
            Self::NoKey { setting } => format!("set {setting} or {setting}_file"),
            Self::TwoKeys { setting } => format!("remove {setting} or {setting}_file"),
            Self::UnusableKey { setting } => {
                format!(
                    "make {setting} a line of printable ASCII, such as `openssl rand -hex 24` makes"
                )
            }
            Self::KeyFile { path, .. } => {
                format!("check that {} exists and that this user may read it", path.display())
            }
            Self::SameKey { second, .. } => format!("give {second} a key of its own"),
            Self::Listen { .. } => {
                "set server.listen to an address such as 127.0.0.1:8443 or [::]:8443".to_owned()
            }
            Self::OpenToAll { .. } => {
                "set server.read_key_file, or server.listen to 127.0.0.1 with a port".to_owned()
            }
            Self::TooSmall { setting, least } => format!("set {setting} to {least} or more"),
        }
    }
}

/// A configuration that can be used, with the keys read from their files.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// How many connections are taken at the same time.
    pub(crate) max_connections: u32,
    /// Who may do what.
    pub(crate) api: api::Settings,
    /// Where data is kept.
    pub(crate) store: store::Settings,
}

impl Config {
    /// Finds out whether the configuration can be used: reads key files, opens nothing else.
    ///
    /// # Errors
    /// The first [`Error`] that is found, with a hint.
    pub fn check(&self) -> Result<(), Error> {
        self.checked().map(drop)
    }

    /// Returns what the other modules need, if all of it can be used.
    pub(crate) fn checked(&self) -> Result<Checked, Error> {
        let value = &self.server.listen;
        let listen: SocketAddr =
            value.parse().map_err(|_| Error::Listen { value: value.clone() })?;
        let read_key = key(
            "server.read_key",
            self.server.read_key.as_ref(),
            self.server.read_key_file.as_deref(),
        )?;
        if read_key.is_none() && !listen.ip().is_loopback() {
            return Err(Error::OpenToAll { listen });
        }
        self.check_limits()?;
        let keys = self.project_keys()?;
        check_distinct(&keys, read_key.as_ref())?;
        let keys = keys.into_iter().map(|(name, key)| (Arc::from(name), Secret::new(key)));
        Ok(Checked {
            listen,
            max_connections: self.limits.max_connections,
            api: api::Settings {
                keys: Keys::new(keys.collect()),
                hosts: self.hosts(listen),
                read_key: read_key.map(Secret::new),
                requests_per_minute: self.limits.requests_per_minute,
                body_timeout: Duration::from_secs(self.limits.body_timeout_s.into()),
            },
            store: store::Settings {
                path: self.store.path.clone(),
                retention: SignedDuration::from_hours(24 * i64::from(self.store.retention_days)),
                max_size_mb: self.store.max_size_mb,
            },
        })
    }

    fn check_limits(&self) -> Result<(), Error> {
        for (setting, value, least) in [
            ("store.retention_days", self.store.retention_days, 1),
            ("limits.requests_per_minute", self.limits.requests_per_minute, 1),
            ("limits.body_timeout_s", self.limits.body_timeout_s, 1),
            ("limits.max_connections", self.limits.max_connections, 8),
        ] {
            if value < least {
                return Err(Error::TooSmall { setting, least });
            }
        }
        if self.store.max_size_mb == Some(0) {
            return Err(Error::TooSmall { setting: "store.max_size_mb", least: 1 });
        }
        Ok(())
    }

    fn project_keys(&self) -> Result<Vec<(&str, SecretString)>, Error> {
        let mut keys = Vec::with_capacity(self.projects.len());
        for (name, project) in &self.projects {
            if !(1..=MAX_PROJECT_CHARS).contains(&name.chars().count()) {
                return Err(Error::ProjectName { name: name.clone() });
            }
            let setting = format!("projects.{name}.key");
            let key = key(&setting, project.key.as_ref(), project.key_file.as_deref())?;
            keys.push((name.as_str(), key.ok_or(Error::NoKey { setting })?));
        }
        if keys.is_empty() {
            return Err(Error::NoProjects);
        }
        Ok(keys)
    }

    fn hosts(&self, listen: SocketAddr) -> Hosts {
        if listen.ip().is_loopback() || !self.server.host_names.is_empty() {
            return Hosts::LoopbackAnd(self.server.host_names.clone());
        }
        Hosts::Any
    }
}

/// Reads a key that is set itself or by its file.
fn key(
    setting: &str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, Error> {
    let key = match (value, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Error::TwoKeys { setting: setting.to_owned() }),
        (Some(value), None) => value.clone(),
        (None, Some(path)) => read_key(path).map_err(|source| Error::KeyFile {
            setting: setting.to_owned(),
            path: path.to_owned(),
            source,
        })?,
    };
    let bytes = key.expose_secret().as_bytes();
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(Error::UnusableKey { setting: setting.to_owned() });
    }
    Ok(Some(key))
}

fn read_key(path: &Path) -> io::Result<SecretString> {
    let text = fs::read_to_string(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o004 != 0 {
        tracing::warn!(
            path = %path.display(),
            "every user of this machine can read the key; chmod o-rwx the file"
        );
    }
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

/// Refuses keys that say two things: whose data it is, or that somebody may read.
fn check_distinct(
    keys: &[(&str, SecretString)],
    read_key: Option<&SecretString>,
) -> Result<(), Error> {
    let read_key = read_key.map(|key| ("server.read_key".to_owned(), key));
    let keys = keys.iter().map(|(name, key)| (format!("projects.{name}.key"), key));
    let mut seen = BTreeMap::new();
    for (setting, key) in read_key.into_iter().chain(keys) {
        if let Some(first) = seen.insert(key.expose_secret().to_owned(), setting.clone()) {
            return Err(Error::SameKey { first, second: setting });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
