//! The agent's configuration, as it stands in the file.
//!
//! Each section becomes the settings of one stage. Reading the file and the environment is the
//! program's part; here is what the keys are called, what they are when absent, and what makes no sense.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    batch::Compression,
    buffer::{self, WhenFull},
    ship::{
        self, breaker,
        tls::{self, ClientFiles, Fingerprint},
    },
    tail::{self, LogPath, StartAt},
};

/// The whole file. Every key has a default but `listener.url` and the key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[collection]`
    pub collection: Collection,
    /// `[listener]`
    pub listener: Listener,
    /// `[buffer]`
    pub buffer: Buffer,
    /// `[breaker]`
    pub breaker: Breaker,
}

/// What is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Collection {
    /// Log file, folder or glob pattern, or several of them in a list; empty by default: the usual
    /// places are searched.
    pub log_path: LogPaths,
    /// The server's `log_line_prefix`; empty by default: found from the log's own lines.
    pub log_line_prefix: String,
    /// The server's `log_timezone`; empty by default: zones are known by their abbreviations.
    pub log_timezone: String,
    /// Where reading of old files begins at the very first start: `end` (default) or `beginning`.
    pub start_at: StartAt,
}

/// One path or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum LogPaths {
    /// `log_path = "/var/log/postgresql/"`
    One(String),
    /// `log_path = ["/srv/a/log/", "/srv/b/log/"]`
    Several(Vec<String>),
}

impl Default for LogPaths {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// Where it goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listener {
    /// The listener's address, such as `https://listener:8443/ingest/postgres`. Without a path
    /// `/ingest/postgres` is meant.
    pub url: String,
    /// The project's key. Better in a file of its own.
    pub api_key: SecretString,
    /// A file with the project's key.
    pub api_key_file: Option<PathBuf>,
    /// The project's name; `default` by default.
    pub project_id: String,
    /// The agent's name; the machine's host name by default.
    pub agent_name: String,
    /// How long a request may take, in seconds; 5 by default, 1 to 60.
    pub timeout_s: u64,
    /// PEM file with the only authorities that are trusted; the machine's own by default.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the agent's certificate, for listeners that ask for one.
    pub client_cert_file: Option<PathBuf>,
    /// PEM file with the key of it.
    pub client_key_file: Option<PathBuf>,
    /// SHA-256 of the listener's certificate, or several; then no other is trusted, and these are,
    /// whoever signed them.
    pub pin_sha256: Vec<String>,
    /// `auto` (default), `zstd`, `gzip` or `none`.
    pub compression: Compression,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            url: String::new(),
            api_key: SecretString::default(),
            api_key_file: None,
            project_id: "default".to_owned(),
            agent_name: String::new(),
            timeout_s: 5,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            pin_sha256: Vec::new(),
            compression: Compression::default(),
        }
    }
}

/// The queue on disk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Buffer {
    /// Its folder; `/var/lib/pgcourier/buffer` by default.
    pub path: PathBuf,
    /// Its bound in MB (1,000,000 bytes); 100 by default, 1 to 100,000.
    pub max_size_mb: u64,
    /// `drop_oldest` (default) or `pause`.
    pub when_full: WhenFull,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/pgcourier/buffer"),
            max_size_mb: 100,
            when_full: WhenFull::default(),
        }
    }
}

/// The circuit breaker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Failures in a row that open it; 5 by default, 1 to 1,000.
    pub fail_max: u32,
    /// How long it stays open, in seconds; 60 by default, 1 to 3,600.
    pub reset_timeout_s: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { fail_max: 5, reset_timeout_s: 60 }
    }
}

/// A key that makes no sense, and what would.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Error {
    /// The key with its section, such as `listener.url`.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl Error {
    fn new(key: &'static str, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { key, problem: problem.into(), hint: hint.into() }
    }
}

/// A configuration that makes sense, as the stages take it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to follow.
    pub tail: tail::Settings,
    /// How to read it.
    pub parser: pglog::ParserOptions,
    /// The queue on disk.
    pub buffer: buffer::Settings,
    /// Where to send.
    pub client: ship::Settings,
    /// When not to.
    pub breaker: breaker::Settings,
    /// The project's name.
    pub project: String,
    /// The agent's name.
    pub agent: String,
    /// How to compress.
    pub compression: Compression,
}

impl Config {
    /// Checks every key and turns the sections into settings. Secrets are read from their files;
    /// `credentials` is the folder in which systemd puts them (`$CREDENTIALS_DIRECTORY`).
    ///
    /// # Errors
    /// [`Error`] names the first key that makes no sense.
    pub fn check(&self, credentials: Option<&Path>) -> Result<Settings, Error> {
        Ok(Settings {
            tail: self.collection.tail(),
            parser: self.collection.parser()?,
            buffer: self.buffer.check()?,
            client: self.listener.client(credentials)?,
            breaker: self.breaker.check()?,
            project: self.listener.project()?,
            agent: self.listener.agent(),
            compression: self.listener.compression,
        })
    }
}

impl Collection {
    fn tail(&self) -> tail::Settings {
        let paths = match &self.log_path {
            LogPaths::One(path) if path.is_empty() => Vec::new(),
            LogPaths::One(path) => vec![LogPath::new(path)],
            LogPaths::Several(paths) => paths.iter().map(|path| LogPath::new(path)).collect(),
        };
        let paths = if paths.is_empty() { LogPath::usual() } else { paths };
        tail::Settings { paths, start_at: self.start_at, ..tail::Settings::default() }
    }

    fn parser(&self) -> Result<pglog::ParserOptions, Error> {
        let prefix = self.log_line_prefix.as_str();
        let log_line_prefix = (!prefix.is_empty()).then(|| pglog::LinePrefix::compile(prefix));
        let clock = match self.log_timezone.as_str() {
            "" => pglog::Clock::new(),
            zone => pglog::Clock::in_zone(zone).map_err(|error| {
                let hint = "take the value of SHOW log_timezone on the server";
                Error::new("collection.log_timezone", error.to_string(), hint)
            })?,
        };
        Ok(pglog::ParserOptions { log_line_prefix, clock, ..pglog::ParserOptions::default() })
    }
}

impl Listener {
    fn client(&self, credentials: Option<&Path>) -> Result<ship::Settings, Error> {
        let timeout_s = in_range("listener.timeout_s", self.timeout_s, 1..=60)?;
        let (api_key, api_key_file) = self.key(credentials)?;
        Ok(ship::Settings {
            url: self.parsed_url()?,
            api_key,
            api_key_file,
            timeout: Duration::from_secs(timeout_s),
            tls: self.tls()?,
        })
    }

    fn tls(&self) -> Result<tls::Settings, Error> {
        let client = match (self.client_cert_file.clone(), self.client_key_file.clone()) {
            (Some(cert_file), Some(key_file)) => Some(ClientFiles { cert_file, key_file }),
            (None, None) => None,
            (Some(_), None) => {
                let problem = "it is needed beside listener.client_cert_file";
                return Err(Error::new("listener.client_key_file", problem, "name the key's file"));
            }
            (None, Some(_)) => {
                let problem = "it is needed beside listener.client_key_file";
                let hint = "name the certificate's file";
                return Err(Error::new("listener.client_cert_file", problem, hint));
            }
        };
        let pins = self.pin_sha256.iter().map(|text| {
            Fingerprint::parse(text).ok_or_else(|| {
                let hint = "take what `openssl x509 -noout -fingerprint -sha256 -in FILE` prints \
                            behind the equals sign";
                Error::new("listener.pin_sha256", format!("{text:?} is no SHA-256"), hint)
            })
        });
        Ok(tls::Settings {
            ca_file: self.ca_file.clone(),
            client,
            pins: pins.collect::<Result<_, _>>()?,
        })
    }

    fn parsed_url(&self) -> Result<reqwest::Url, Error> {
        let key = "listener.url";
        let hint = "write it like https://listener.example.com:8443";
        if self.url.is_empty() {
            return Err(Error::new(key, "it is not set", hint));
        }
        let mut url = reqwest::Url::parse(&self.url)
            .map_err(|error| Error::new(key, format!("{:?}: {error}", self.url), hint))?;
        if !matches!(url.scheme(), "http" | "https") {
            let problem = format!("{:?} is neither http nor https", self.url);
            return Err(Error::new(key, problem, hint));
        }
        if url.path() == "/" {
            url.set_path(wire::INGEST_PATH);
        }
        Ok(url)
    }

    /// The key of the file named, of the configuration, or of systemd's credentials; and its file.
    fn key(&self, credentials: Option<&Path>) -> Result<(SecretString, Option<PathBuf>), Error> {
        let inline = !self.api_key.expose_secret().is_empty();
        if inline && self.api_key_file.is_some() {
            let problem = "listener.api_key_file is set as well";
            return Err(Error::new("listener.api_key", problem, "keep one of the two"));
        }
        if inline {
            return Ok((self.api_key.clone(), None));
        }
        let credential = credentials.map(|folder| folder.join("api_key"));
        let file = self.api_key_file.clone().or(credential.filter(|file| file.exists()));
        let Some(file) = file else {
            let hint = "put the project's key into a file of its own, mode 0600, and name it as \
                        listener.api_key_file";
            return Err(Error::new("listener.api_key_file", "no key is set", hint));
        };
        Ok((read_secret("listener.api_key_file", &file)?, Some(file)))
    }

    fn project(&self) -> Result<String, Error> {
        let length = self.project_id.chars().count();
        if !(1..=wire::MAX_PROJECT_CHARS).contains(&length) {
            let problem = format!("{length} characters");
            let hint = format!("take a name of 1 to {} characters", wire::MAX_PROJECT_CHARS);
            return Err(Error::new("listener.project_id", problem, hint));
        }
        Ok(self.project_id.clone())
    }

    fn agent(&self) -> String {
        if self.agent_name.is_empty() {
            rustix::system::uname().nodename().to_string_lossy().into_owned()
        } else {
            self.agent_name.clone()
        }
    }
}

impl Buffer {
    fn check(&self) -> Result<buffer::Settings, Error> {
        let max_mb = in_range("buffer.max_size_mb", self.max_size_mb, 1..=100_000)?;
        Ok(buffer::Settings {
            max_bytes: max_mb * 1_000_000,
            when_full: self.when_full,
            ..buffer::Settings::at(&self.path)
        })
    }
}

impl Breaker {
    fn check(&self) -> Result<breaker::Settings, Error> {
        let reset_s = in_range("breaker.reset_timeout_s", self.reset_timeout_s, 1..=3600)?;
        let fail_max = in_range("breaker.fail_max", u64::from(self.fail_max), 1..=1000)?;
        Ok(breaker::Settings {
            fail_max: u32::try_from(fail_max).unwrap_or(u32::MAX),
            reset_timeout: Duration::from_secs(reset_s),
        })
    }
}

fn in_range(
    key: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Error> {
    if range.contains(&value) {
        return Ok(value);
    }
    let hint = format!("take a number from {} to {}", range.start(), range.end());
    Err(Error::new(key, format!("{value} is out of range"), hint))
}

/// Reads a secret from a file of its own.
fn read_secret(key: &'static str, file: &Path) -> Result<SecretString, Error> {
    let text = fs::read_to_string(file).map_err(|error| {
        let hint = "the file must be there, hold text and be readable by the agent's user";
        Error::new(key, format!("cannot read {}: {error}", file.display()), hint)
    })?;
    let secret = text.trim();
    if secret.is_empty() {
        let problem = format!("{} is empty", file.display());
        return Err(Error::new(key, problem, "write the key into it"));
    }
    Ok(SecretString::from(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable() -> Config {
        let mut config = Config::default();
        config.listener.url = "http://127.0.0.1:8443".to_owned();
        config.listener.api_key = SecretString::from("secret".to_owned());
        config
    }

    fn problem(config: &Config) -> (&'static str, String) {
        let error = config.check(None).unwrap_err();
        assert!(!error.hint.is_empty());
        (error.key, error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = usable().check(None).unwrap();
        assert_eq!(settings.client.url.as_str(), "http://127.0.0.1:8443/ingest/postgres");
        assert_eq!(settings.client.timeout, Duration::from_secs(5));
        assert_eq!(settings.buffer.max_bytes, 100_000_000);
        assert_eq!(settings.breaker, breaker::Settings::default());
        assert_eq!(settings.project, "default");
        assert!(!settings.agent.is_empty());
    }

    #[test]
    fn key_is_read_from_a_file_or_from_the_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api_key");
        fs::write(&file, "from a file\n").unwrap();
        let mut config = usable();
        config.listener.api_key = SecretString::default();
        assert_eq!(problem(&config).0, "listener.api_key_file");
        let settings = config.check(Some(folder.path())).unwrap();
        assert_eq!(settings.client.api_key.expose_secret(), "from a file");
        config.listener.api_key_file = Some(file.clone());
        assert!(config.check(None).is_ok());
        fs::write(&file, "\n").unwrap();
        assert!(problem(&config).1.contains("is empty"));
        config.listener.api_key = SecretString::from("both".to_owned());
        assert_eq!(problem(&config).0, "listener.api_key");
    }

    #[test]
    fn nonsense_is_named() {
        let mut config = usable();
        config.listener.url = "listener:8443".to_owned();
        assert_eq!(problem(&config).0, "listener.url");
        config.listener.url = String::new();
        assert_eq!(problem(&config).0, "listener.url");
        let mut config = usable();
        config.buffer.max_size_mb = 0;
        assert_eq!(problem(&config).0, "buffer.max_size_mb");
        let mut config = usable();
        config.collection.log_timezone = "Mars/Olympus".to_owned();
        assert_eq!(problem(&config).0, "collection.log_timezone");
        let mut config = usable();
        config.listener.project_id = String::new();
        assert_eq!(problem(&config).0, "listener.project_id");
    }

    #[test]
    fn certificates_are_named_in_pairs_and_pins_are_read() {
        let mut config = usable();
        config.listener.client_cert_file = Some(PathBuf::from("/c.pem"));
        assert_eq!(problem(&config).0, "listener.client_key_file");
        config.listener.client_key_file = Some(PathBuf::from("/c.key"));
        config.listener.pin_sha256 = vec!["AB:".repeat(32)];
        assert_eq!(config.check(None).unwrap().client.tls.pins.len(), 1);
        config.listener.pin_sha256.push("ab".to_owned());
        assert_eq!(problem(&config).0, "listener.pin_sha256");
    }

    #[test]
    fn secret_is_not_shown() {
        assert!(!format!("{:?}", usable()).contains("secret"));
    }
}
