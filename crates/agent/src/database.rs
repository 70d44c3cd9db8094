//! The server whose logs are read: one connection, on which nothing is ever written.
//!
//! The agent needs none. With one the server says itself where its logs are, how their lines begin and in
//! which time zone; without, all of that is found out from the files. Whether the server is there, or
//! comes and goes, never holds up the reading of logs.

mod connection;
mod observer;
mod passfile;
mod server;
mod tls;

use std::{path::PathBuf, time::Duration};

pub use connection::Connection;
pub use observer::{Observed, Observer};
use secrecy::SecretString;
use serde::Deserialize;
pub use server::Server;

use crate::trust;

/// How to connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A host name, an address, or the folder of a Unix-domain socket.
    pub host: String,
    /// The port, also for a socket.
    pub port: u16,
    /// The database's name.
    pub name: String,
    /// The role's name.
    pub user: String,
    /// Where the password comes from.
    pub password: Password,
    /// Whether the connection is encrypted, and who may be at its other end.
    pub sslmode: SslMode,
    /// PEM file with the only authorities that are trusted; the machine's own where absent.
    pub ca_file: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
}

/// Where the password comes from. Files are read at every connect.
#[derive(Debug, Clone)]
pub enum Password {
    /// From the configuration.
    Given(SecretString),
    /// From a file that holds nothing else.
    File(PathBuf),
    /// From a password file as libpq reads it, where it has a line for the connection.
    Passfile(PathBuf),
    /// There is none, as with `peer` or `trust`.
    None,
}

/// libpq's `sslmode`, without `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server can.
    #[default]
    Prefer,
    /// Encrypted, with whoever answers.
    Require,
    /// Encrypted, with a certificate of a trusted authority.
    VerifyCa,
    /// The same, and the certificate has the host's name.
    VerifyFull,
}

/// Why the server cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file with the password, or with authorities, cannot be used.
    #[error("cannot use {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error("cannot set TLS up")]
    Tls(#[from] rustls::Error),
    /// It cannot be reached, refuses the role, or refuses a statement.
    #[error("{}", told(.0))]
    Server(#[from] tokio_postgres::Error),
    /// It did not answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

impl Error {
    /// Says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        let Self::Server(error) = self else {
            return match self {
                Self::File { .. } => "the file must be there and readable by the agent's user",
                Self::Tls(_) => "check database.sslmode and database.ca_file",
                Self::Server(_) | Self::Timeout(_) => "see whether the server is overloaded",
            };
        };
        let code = error.code().map(tokio_postgres::error::SqlState::code);
        match code {
            Some("28P01" | "28000") => {
                "check database.user and its password, and that pg_hba.conf lets it in"
            }
            Some("3D000") => "check database.name",
            Some("53300") => "the server has no connection left; it is tried again",
            Some("57P01" | "57P03") => "the server is starting or stopping; it is tried again",
            Some(_) => "see the server's log",
            None => "check database.host, database.port and database.sslmode; it is tried again",
        }
    }
}

impl From<trust::Error> for Error {
    fn from(error: trust::Error) -> Self {
        match error {
            trust::Error::File { path, problem } => Self::File { path, problem },
            trust::Error::Setup(error) => Self::Tls(error),
        }
    }
}

/// The server's own words, or those of the system.
fn told(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{}: {}", error.severity(), error.message());
    }
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the documentation says is the default.
    pub(super) fn settings() -> Settings {
        Settings {
            host: "localhost".to_owned(),
            port: 5432,
            name: "postgres".to_owned(),
            user: "pgcourier".to_owned(),
            password: Password::None,
            sslmode: SslMode::Prefer,
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_millis(100),
        }
    }

    #[test]
    fn names_of_modes_are_those_of_libpq() {
        for (name, mode) in [("prefer", SslMode::Prefer), ("verify-full", SslMode::VerifyFull)] {
            assert_eq!(serde_json::from_value::<SslMode>(name.into()).unwrap(), mode);
        }
    }
}
