//! What a server says about its logs.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

use tokio_postgres::Row;

use crate::database::{Connection, Error};

/// The settings that are asked for. Those of the second list are shown to members of
/// `pg_read_all_settings` only.
const OPEN: [&str; 8] = [
    "server_version_num",
    "logging_collector",
    "log_destination",
    "log_line_prefix",
    "log_timezone",
    "lc_messages",
    "cluster_name",
    "syslog_ident",
];
const GUARDED: [&str; 3] = ["data_directory", "log_directory", "log_filename"];

/// Where a server writes its log, and how. Paths are those of the server's machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// `server_version_num`, such as 150018; 0 where it is not told.
    pub version_num: u32,
    /// `data_directory`; `None` where the role may not see it.
    pub data_directory: Option<PathBuf>,
    /// `logging_collector`: whether the server writes log files itself.
    pub logging_collector: bool,
    /// `log_destination`, such as `stderr,csvlog`.
    pub log_destination: String,
    /// `log_directory`, within the data directory where it is relative; `None` where that is not known.
    pub log_directory: Option<PathBuf>,
    /// `log_filename`; `None` where the role may not see it.
    pub log_filename: Option<String>,
    /// `log_line_prefix`.
    pub log_line_prefix: String,
    /// `log_timezone`.
    pub log_timezone: String,
    /// `lc_messages`: the language of messages.
    pub lc_messages: String,
    /// `cluster_name`; Debian has `15/main` there.
    pub cluster_name: String,
    /// `syslog_ident`.
    pub syslog_ident: String,
    /// The files that the collector writes to at the moment.
    pub current_logfiles: Vec<PathBuf>,
    /// What the role would need to see all of this, as statements.
    pub grants: Vec<String>,
}

impl Server {
    /// Asks the server. Three statements, well below a millisecond each.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn ask(connection: &Connection) -> Result<Self, Error> {
        let names: Vec<String> =
            OPEN.iter().chain(&GUARDED).map(|name| format!("'{name}'")).collect();
        let rows = connection
            .query(&format!(
                "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ({})",
                names.join(", ")
            ))
            .await?;
        let mut told: HashMap<String, String> = rows.iter().filter_map(name_and_setting).collect();
        let rights = connection
            .query(
                "SELECT pg_catalog.quote_ident(current_user), pg_catalog.has_function_privilege(\
                 'pg_catalog.pg_current_logfile(text)', 'EXECUTE')",
            )
            .await?;
        let role: String = first(&rights, 0).unwrap_or_default();
        let may_see_files = first(&rights, 1).unwrap_or(false);
        let is_hidden = GUARDED.iter().any(|name| !told.contains_key(*name));
        let mut server = Self::of(&mut told);
        if is_hidden {
            server.grants.push(format!("GRANT pg_read_all_settings TO {role}"));
        }
        if may_see_files {
            server.current_logfiles = server.ask_current_logfiles(connection).await?;
        } else if server.logging_collector {
            let function = "FUNCTION pg_current_logfile(text)";
            server.grants.push(format!("GRANT EXECUTE ON {function} TO {role}"));
        }
        Ok(server)
    }

    fn of(told: &mut HashMap<String, String>) -> Self {
        let mut take = |name: &str| told.remove(name);
        let data_directory = take("data_directory").map(PathBuf::from);
        let log_directory = take("log_directory").map(PathBuf::from);
        Self {
            version_num: take("server_version_num").and_then(|num| num.parse().ok()).unwrap_or(0),
            logging_collector: take("logging_collector").as_deref() == Some("on"),
            log_destination: take("log_destination").unwrap_or_default(),
            log_directory: log_directory.and_then(|path| match &data_directory {
                Some(data) => Some(data.join(path)),
                None => path.is_absolute().then_some(path),
            }),
            log_filename: take("log_filename"),
            log_line_prefix: take("log_line_prefix").unwrap_or_default(),
            log_timezone: take("log_timezone").unwrap_or_default(),
            lc_messages: take("lc_messages").unwrap_or_default(),
            cluster_name: take("cluster_name").unwrap_or_default(),
            syslog_ident: take("syslog_ident").unwrap_or_default(),
            data_directory,
            current_logfiles: Vec::new(),
            grants: Vec::new(),
        }
    }

    async fn ask_current_logfiles(&self, connection: &Connection) -> Result<Vec<PathBuf>, Error> {
        // A format that the version does not know is an error.
        let jsonlog = if self.version_num >= 150_000 { "jsonlog" } else { "stderr" };
        let rows = connection
            .query(&format!(
                "SELECT pg_catalog.pg_current_logfile('stderr'), \
                 pg_catalog.pg_current_logfile('csvlog'), \
                 pg_catalog.pg_current_logfile('{jsonlog}')"
            ))
            .await?;
        let named = (0..3).filter_map(|column| first::<Option<String>>(&rows, column).flatten());
        let paths = named.map(PathBuf::from).filter_map(|path| match &self.data_directory {
            Some(data) => Some(data.join(path)),
            None => path.is_absolute().then_some(path),
        });
        Ok(paths.collect::<BTreeSet<_>>().into_iter().collect())
    }
}

fn name_and_setting(row: &Row) -> Option<(String, String)> {
    Some((row.try_get(0).ok()?, row.try_get(1).ok()?))
}

fn first<T>(rows: &[Row], column: usize) -> Option<T>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    rows.first()?.try_get(column).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &[(&str, &str)]) -> Server {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Server::of(&mut settings.iter().map(owned).collect())
    }

    #[test]
    fn log_directory_is_within_the_data_directory_unless_it_is_absolute() {
        let data = ("data_directory", "/data");
        let folder = |server: Server| server.log_directory;
        let within = told(&[data, ("log_directory", "log")]);
        assert_eq!(folder(within), Some(PathBuf::from("/data/log")));
        let absolute = told(&[data, ("log_directory", "/var/log/pg")]);
        assert_eq!(folder(absolute), Some(PathBuf::from("/var/log/pg")));
        assert_eq!(folder(told(&[("log_directory", "log")])), None);
    }
}
