//! `[database]`

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    config::{Error, in_range},
    database::{self, Password, SslMode},
};

/// The server whose logs are read. Without the section it is not asked for anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// A host name, an address, or the folder of a Unix-domain socket; `localhost` by default.
    pub host: String,
    /// The port; 5432 by default.
    pub port: u16,
    /// The database; `postgres` by default.
    pub name: String,
    /// The role; `pgcourier` by default.
    pub user: String,
    /// The password. Better in a file of its own.
    pub password: SecretString,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// A password file as libpq reads it; by default what `PGPASSFILE` names, where that is set.
    pub passfile: Option<PathBuf>,
    /// `disable`, `prefer` (default), `require`, `verify-ca` or `verify-full`.
    pub sslmode: SslMode,
    /// PEM file with the only authorities that are trusted; the machine's own by default.
    pub ca_file: Option<PathBuf>,
    /// How long connecting may take, in seconds; 5 by default, 1 to 60.
    pub connect_timeout_s: u64,
    /// How long a statement may take, in milliseconds; 5,000 by default, 100 to 60,000.
    pub statement_timeout_ms: u64,
    /// How long a statement may wait for a lock, in milliseconds; 100 by default, 1 to 10,000.
    pub lock_timeout_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            name: "postgres".to_owned(),
            user: "pgcourier".to_owned(),
            password: SecretString::default(),
            password_file: None,
            passfile: None,
            sslmode: SslMode::default(),
            ca_file: None,
            connect_timeout_s: 5,
            statement_timeout_ms: 5000,
            lock_timeout_ms: 100,
        }
    }
}

impl Database {
    pub(super) fn check(&self, credentials: Option<&Path>) -> Result<database::Settings, Error> {
        for (key, value) in [
            ("database.host", &self.host),
            ("database.name", &self.name),
            ("database.user", &self.user),
        ] {
            if value.is_empty() {
                return Err(Error::new(key, "it is empty", "leave it out to take the default"));
            }
        }
        let key = "database.statement_timeout_ms";
        let statement_ms = in_range(key, self.statement_timeout_ms, 100..=60_000)?;
        let connect_s = in_range("database.connect_timeout_s", self.connect_timeout_s, 1..=60)?;
        let lock_ms = in_range("database.lock_timeout_ms", self.lock_timeout_ms, 1..=10_000)?;
        Ok(database::Settings {
            host: self.host.clone(),
            port: self.port,
            name: self.name.clone(),
            user: self.user.clone(),
            password: self.password(credentials)?,
            sslmode: self.sslmode,
            ca_file: self.ca_file.clone(),
            connect_timeout: Duration::from_secs(connect_s),
            statement_timeout: Duration::from_millis(statement_ms),
            lock_timeout: Duration::from_millis(lock_ms),
        })
    }

    /// The password of the configuration, of the file named, or of systemd's credentials.
    fn password(&self, credentials: Option<&Path>) -> Result<Password, Error> {
        let is_given = !self.password.expose_secret().is_empty();
        let named = [is_given, self.password_file.is_some(), self.passfile.is_some()];
        if named.into_iter().filter(|is_named| *is_named).count() > 1 {
            let problem = "there is more than one of password, password_file and passfile";
            return Err(Error::new("database.password", problem, "keep one of them"));
        }
        if is_given {
            return Ok(Password::Given(self.password.clone()));
        }
        let credential = credentials.map(|folder| folder.join("database_password"));
        let usual = env::var_os("PGPASSFILE").map(PathBuf::from);
        Ok(if let Some(file) = self.password_file.clone() {
            Password::File(file)
        } else if let Some(file) = self.passfile.clone() {
            Password::Passfile(file)
        } else if let Some(file) = credential.filter(|file| file.exists()) {
            Password::File(file)
        } else {
            usual.map_or(Password::None, Password::Passfile)
        })
    }
}
