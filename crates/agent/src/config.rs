//! The agent's configuration, as it stands in the file.
//!
//! Each section becomes the settings of one stage. Reading the file and the environment is the
//! program's part; here is what the keys are called, what they are when absent, and what makes no sense.

mod database;
mod listener;
mod output;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use database::Database;
pub use listener::Listener;
use output::Checked;
pub use output::{Kind as OutputKind, Output};
use serde::Deserialize;

use crate::{
    batch::Compression,
    buffer::{self, WhenFull},
    output::MetricsSettings,
    ship::{self, breaker},
    tail::{self, LogPath, StartAt},
};

/// The whole file. Every key has a default but `listener.url` and the key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[database]`
    pub database: Option<Database>,
    /// `[collection]`
    pub collection: Collection,
    /// `[listener]`
    pub listener: Listener,
    /// `[buffer]`
    pub buffer: Buffer,
    /// `[breaker]`
    pub breaker: Breaker,
    /// `[status]`
    pub status: StatusPage,
    /// `[[output]]`
    pub output: Vec<Output>,
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

impl LogPaths {
    const fn is_empty(&self) -> bool {
        match self {
            Self::One(path) => path.is_empty(),
            Self::Several(paths) => paths.is_empty(),
        }
    }
}

impl Default for LogPaths {
    fn default() -> Self {
        Self::Several(Vec::new())
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

/// The agent's own pages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusPage {
    /// The address of `/healthz`, `/readyz`, `/metrics` and `/status`, such as `127.0.0.1:9187`; none by
    /// default.
    pub listen: String,
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
    /// The server to ask about its logs.
    pub database: Option<crate::database::Settings>,
    /// What to follow.
    pub tail: tail::Settings,
    /// True where no `log_path` is set, so that the server may say where its logs are.
    pub finds_logs: bool,
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
    /// The address of the agent's own pages.
    pub status_listen: Option<SocketAddr>,
    /// Destinations of entries besides the listener.
    pub outputs: Vec<crate::output::Settings>,
    /// Destinations of metrics.
    pub exporters: Vec<MetricsSettings>,
}

impl Settings {
    /// Returns the names of the outputs.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        self.outputs.iter().map(|output| output.name.clone()).collect()
    }
}

impl Config {
    /// Checks every key and turns the sections into settings. Secrets are read from their files;
    /// `credentials` is the folder in which systemd puts them (`$CREDENTIALS_DIRECTORY`).
    ///
    /// # Errors
    /// [`Error`] names the first key that makes no sense.
    pub fn check(&self, credentials: Option<&Path>) -> Result<Settings, Error> {
        let (outputs, exporters) = self.outputs()?;
        let database = self.database.as_ref().map(|section| section.check(credentials));
        Ok(Settings {
            database: database.transpose()?,
            tail: self.collection.tail(),
            finds_logs: self.collection.log_path.is_empty(),
            parser: self.collection.parser()?,
            buffer: self.buffer.check()?,
            client: self.listener.client(credentials)?,
            breaker: self.breaker.check()?,
            project: self.listener.project()?,
            agent: self.listener.agent(),
            compression: self.listener.compression,
            status_listen: self.status.check()?,
            outputs,
            exporters,
        })
    }

    fn outputs(&self) -> Result<(Vec<crate::output::Settings>, Vec<MetricsSettings>), Error> {
        let mut names = BTreeSet::new();
        for output in &self.output {
            if !names.insert(&output.name) {
                let problem = format!("{:?} is there twice", output.name);
                let hint = "give each [[output]] a name of its own";
                return Err(Error::new("output.name", problem, hint));
            }
        }
        let project = self.listener.project()?;
        let (mut outputs, mut exporters) = (Vec::new(), Vec::new());
        for output in &self.output {
            match output.check(&project)? {
                Checked::Entries(output) => outputs.push(output),
                Checked::Metrics(exporter) => exporters.push(exporter),
            }
        }
        Ok((outputs, exporters))
    }

    /// Checks the section of the buffer alone, for whoever looks into one.
    ///
    /// # Errors
    /// [`Error`] names the key that makes no sense.
    pub fn check_buffer(&self) -> Result<buffer::Settings, Error> {
        self.buffer.check()
    }
}

impl Collection {
    fn tail(&self) -> tail::Settings {
        let paths = match &self.log_path {
            LogPaths::One(path) if path.is_empty() => Vec::new(),
            LogPaths::One(path) => vec![LogPath::new(path)],
            LogPaths::Several(paths) => paths.iter().map(|path| LogPath::new(path)).collect(),
        };
        let paths = if paths.is_empty() { vec![LogPath::usual()] } else { paths };
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

impl StatusPage {
    fn check(&self) -> Result<Option<SocketAddr>, Error> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address = self.listen.parse().map_err(|_| {
            let problem = format!("{:?} is no address with a port", self.listen);
            Error::new("status.listen", problem, "write it like 127.0.0.1:9187")
        })?;
        Ok(Some(address))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::{ExposeSecret as _, SecretString};

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
        // With what editors put around it.
        fs::write(&file, "\u{feff}from a file\r\n").unwrap();
        let mut config = usable();
        config.listener.api_key = SecretString::default();
        assert_eq!(problem(&config).0, "listener.api_key_file");
        let settings = config.check(Some(folder.path())).unwrap();
        assert_eq!(settings.client.api_key.expose_secret(), "from a file");
        config.listener.api_key_file = Some(file.clone());
        assert!(config.check(None).is_ok());
        fs::write(&file, "one\ntwo\n").unwrap();
        assert!(problem(&config).1.contains("a character that cannot be sent"));
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
        let mut config = usable();
        let password = SecretString::from("secret".to_owned());
        let passfile = Some(PathBuf::from("/pgpass"));
        config.database = Some(Database { password, passfile, ..Database::default() });
        assert_eq!(problem(&config).0, "database.password");
        config.database = Some(Database { lock_timeout_ms: 0, ..Database::default() });
        assert_eq!(problem(&config).0, "database.lock_timeout_ms");
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

    fn output(toml: &str) -> Config {
        let mut config = usable();
        let fields: serde_json::Value = serde_json::from_str(toml).unwrap();
        config.output = serde_json::from_value(fields).unwrap();
        config
    }

    #[test]
    fn outputs_have_names_of_their_own_and_what_their_kind_needs() {
        let usable = output(
            r#"[{"name": "a", "kind": "otlp", "url": "http://collector:4318/v1/logs"},
                {"name": "b", "kind": "gelf", "address": "graylog:12201"},
                {"name": "c", "kind": "stdout"},
                {"name": "d", "kind": "gelf", "url": "http://graylog:12201/gelf"},
                {"name": "e", "kind": "otlp_metrics", "url": "http://collector:4318/v1/metrics"}]"#,
        );
        let settings = usable.check(None).unwrap();
        // Metrics have no place in the buffer.
        assert_eq!(settings.output_names(), ["a", "b", "c", "d"]);
        assert_eq!(settings.exporters[0].interval, Duration::from_secs(60));
        let twice = output(r#"[{"name": "a", "kind": "stdout"}, {"name": "a", "kind": "stdout"}]"#);
        assert_eq!(problem(&twice).0, "output.name");
        for (without, key) in
            [("loki", "output.url"), ("gelf", "output.address"), ("file", "output.path")]
        {
            let config = output(&format!(r#"[{{"name": "a", "kind": "{without}"}}]"#));
            assert_eq!(problem(&config).0, key);
        }
        let both = output(
            r#"[{"name": "a", "kind": "http", "url": "http://x", "token": "t", "token_file": "/t"}]"#,
        );
        assert_eq!(problem(&both).0, "output.token");
    }

    #[test]
    fn secret_is_not_shown() {
        let config = output(
            r#"[{"name": "a", "kind": "http", "url": "http://x", "token": "secret",
                "headers": {"X-Key": "secret"}}]"#,
        );
        assert!(!format!("{config:?}").contains("secret"));
        assert!(!format!("{:?}", config.check(None).unwrap()).contains("secret"));
    }
}
