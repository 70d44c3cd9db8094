//! One connection.

use std::{fs, future::Future, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, Row, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::database::{Error, Password, Settings, SslMode, passfile, tls};

/// What the server knows the agent as.
const APPLICATION_NAME: &str = "pgcourier";

/// How long an answer may take longer than a statement is allowed to: the network's part.
const NETWORK: Duration = Duration::from_secs(5);

/// How long the agent may be silent within a transaction. It never is, unless it is stopped there.
const MAX_IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// How long sent bytes may stay without an answer of the network's other end.
const MAX_UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// An open connection, closed when dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    timeout: Duration,
}

impl Connection {
    /// Connects. Transactions are read-only, and limits hold from the first statement on: they are part
    /// of what the connection is opened with.
    ///
    /// # Errors
    /// Where the server cannot be reached or refuses, and where a file of the settings cannot be read.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let config = config(settings)?;
        let timeout = settings.statement_timeout + NETWORK;
        // The server may take a connection and never say a word.
        let longest = settings.connect_timeout * 2;
        if config.get_ssl_mode() == config::SslMode::Disable {
            let (client, connection) = within(longest, config.connect(NoTls)).await?;
            Ok(Self { client, driver: tokio::spawn(drive(connection)), timeout })
        } else {
            let tls = MakeRustlsConnect::new(tls::config(settings)?);
            let (client, connection) = within(longest, config.connect(tls)).await?;
            Ok(Self { client, driver: tokio::spawn(drive(connection)), timeout })
        }
    }

    /// Runs a statement and returns its rows. It is never prepared under a name.
    ///
    /// # Errors
    /// Where the server refuses it, does not answer in time, or is gone.
    pub async fn query(&self, statement: &str) -> Result<Vec<Row>, Error> {
        within(self.timeout, self.client.query_typed(statement, &[])).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // With its task goes the socket; a statement that runs meanwhile ends at its timeout.
        self.driver.abort();
    }
}

/// Carries the connection's bytes until its end, which whoever waits for an answer is told of.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection to the database has ended");
    }
}

async fn within<T>(
    timeout: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Timeout(timeout)),
    }
}

fn config(settings: &Settings) -> Result<Config, Error> {
    let mut config = Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.name)
        .user(&settings.user)
        .application_name(APPLICATION_NAME)
        .connect_timeout(settings.connect_timeout)
        .tcp_user_timeout(MAX_UNACKNOWLEDGED)
        .options(options(settings));
    // Nobody listens on the way of a Unix-domain socket.
    let is_socket = settings.host.starts_with('/');
    config.ssl_mode(match settings.sslmode {
        SslMode::Disable => config::SslMode::Disable,
        _ if is_socket => config::SslMode::Disable,
        SslMode::Prefer => config::SslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
    });
    if let Some(password) = password(settings)? {
        config.password(password.expose_secret());
    }
    Ok(config)
}

/// What holds for the session, as the server's command line has it.
fn options(settings: &Settings) -> String {
    format!(
        "-c default_transaction_read_only=on -c statement_timeout={} -c lock_timeout={} \
         -c idle_in_transaction_session_timeout={}",
        settings.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis(),
        MAX_IDLE_IN_TRANSACTION.as_millis(),
    )
}

fn password(settings: &Settings) -> Result<Option<SecretString>, Error> {
    let (path, is_passfile) = match &settings.password {
        Password::None => return Ok(None),
        Password::Given(password) => return Ok(Some(password.clone())),
        Password::File(path) => (path, false),
        Password::Passfile(path) => (path, true),
    };
    let text = fs::read_to_string(path)
        .map_err(|error| Error::File { path: path.clone(), problem: error.to_string() })?;
    if is_passfile {
        return Ok(passfile::find(&text, settings));
    }
    let password = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    Ok(Some(SecretString::from(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::database::tests::settings;

    use super::*;

    #[test]
    fn session_reads_only_and_is_bounded_from_its_first_statement_on() {
        let config = config(&settings()).unwrap();
        let options = config.get_options().unwrap();
        for option in ["read_only=on", "statement_timeout=5000", "lock_timeout=100", "idle_in_"] {
            assert!(options.contains(option), "{options}");
        }
        assert_eq!(config.get_application_name(), Some("pgcourier"));
        assert_eq!(config.get_ssl_mode(), config::SslMode::Prefer);
    }

    #[test]
    fn password_file_is_read_without_its_line_break_and_named_where_it_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, " with blanks \n").unwrap();
        let of_file = Settings { password: Password::File(path), ..settings() };
        assert_eq!(config(&of_file).unwrap().get_password(), Some(&b" with blanks "[..]));
        let password = Password::File(PathBuf::from("/nowhere/password"));
        let error = config(&Settings { password, ..settings() }).unwrap_err();
        assert!(error.to_string().contains("/nowhere/password"), "{error}");
    }
}
