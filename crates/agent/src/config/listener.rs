//! `[listener]`: where it goes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    batch::Compression,
    config::{Error, in_range},
    ship::{
        self, bearer,
        tls::{self, ClientFiles, Fingerprint},
        without_marks,
    },
};

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

impl Listener {
    pub(super) fn client(&self, credentials: Option<&Path>) -> Result<ship::Settings, Error> {
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
            sendable("listener.api_key", &self.api_key)?;
            return Ok((self.api_key.clone(), None));
        }
        let credential = credentials.map(|folder| folder.join("api_key"));
        let file = self.api_key_file.clone().or(credential.filter(|file| file.exists()));
        let Some(file) = file else {
            let hint = "put the project's key into a file of its own, mode 0600, and name it as \
                        listener.api_key_file";
            return Err(Error::new("listener.api_key_file", "no key is set", hint));
        };
        let key = read_secret("listener.api_key_file", &file)?;
        sendable("listener.api_key_file", &key)?;
        Ok((key, Some(file)))
    }

    pub(super) fn project(&self) -> Result<String, Error> {
        let length = self.project_id.chars().count();
        if !(1..=wire::MAX_PROJECT_CHARS).contains(&length) {
            let problem = format!("{length} characters");
            let hint = format!("take a name of 1 to {} characters", wire::MAX_PROJECT_CHARS);
            return Err(Error::new("listener.project_id", problem, hint));
        }
        Ok(self.project_id.clone())
    }

    pub(super) fn agent(&self) -> String {
        if self.agent_name.is_empty() {
            rustix::system::uname().nodename().to_string_lossy().into_owned()
        } else {
            self.agent_name.clone()
        }
    }
}

/// Checks that a header can carry a key.
fn sendable(name: &'static str, key: &SecretString) -> Result<(), Error> {
    if bearer(key.expose_secret()).is_some() {
        return Ok(());
    }
    let problem = "the key has a character that cannot be sent: only visible ASCII can";
    Err(Error::new(name, problem, "give the key alone, in one line"))
}

/// Reads a secret from a file of its own.
fn read_secret(key: &'static str, file: &Path) -> Result<SecretString, Error> {
    let text = fs::read_to_string(file).map_err(|error| {
        let hint = "the file must be there, hold text and be readable by the agent's user";
        Error::new(key, format!("cannot read {}: {error}", file.display()), hint)
    })?;
    let secret = without_marks(&text);
    if secret.is_empty() {
        let problem = format!("{} is empty", file.display());
        return Err(Error::new(key, problem, "write the key into it"));
    }
    if is_for_all(file) {
        let (path, hint) = (file.display(), "chmod 600 it, for the agent's user alone");
        tracing::warn!(%path, hint, "every user of this machine can read the key");
    }
    Ok(SecretString::from(secret.to_owned()))
}

/// Tells whether all users may read a file.
fn is_for_all(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}
