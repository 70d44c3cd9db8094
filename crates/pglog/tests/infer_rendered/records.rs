//! Records of real runs, as the server's csvlog has them, and other runs made of them.

use pglog::Escape;

use crate::corpus::{CsvRecord, Run};

/// What a server logged at once.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// `[local]`, an address, or nothing outside of sessions.
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) time: String,
    pub(crate) pid: String,
    pub(crate) session_id: String,
    pub(crate) ps: String,
    pub(crate) session_start: String,
    pub(crate) vxid: String,
    pub(crate) txid: String,
    pub(crate) state_code: String,
    pub(crate) backend_type: String,
    pub(crate) leader_pid: String,
    pub(crate) query_id: String,
    pub(crate) severity: String,
    pub(crate) message: String,
    /// The other labels, and what stands behind them.
    pub(crate) parts: Vec<(&'static str, String)>,
}

impl Record {
    pub(crate) fn of_csv(record: &CsvRecord) -> Self {
        let from = record.get("connection_from");
        let (host, port) = match from.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.to_owned()),
            None => (from, String::new()),
        };
        let labels = [
            ("DETAIL", "detail"),
            ("HINT", "hint"),
            ("QUERY", "internal_query"),
            ("CONTEXT", "context"),
            ("LOCATION", "location"),
            ("STATEMENT", "query"),
        ];
        let parts = labels.map(|(label, column)| (label, record.get(column)));
        let is_verbose = !record.get("location").is_empty();
        let state_code = record.get("sql_state_code");
        let verbose = if is_verbose { format!("{state_code}: ") } else { String::new() };
        Self {
            user: record.get("user_name"),
            database: record.get("database_name"),
            application: record.get("application_name"),
            host,
            port,
            time: record.get("log_time"),
            pid: record.get("process_id"),
            session_id: record.get("session_id"),
            ps: record.get("command_tag"),
            session_start: record.get("session_start_time"),
            vxid: record.get("virtual_transaction_id"),
            txid: record.get("transaction_id"),
            state_code,
            backend_type: record.get("backend_type"),
            leader_pid: record.get("leader_pid"),
            query_id: record.get("query_id"),
            severity: record.get("error_severity"),
            message: verbose + &record.get("message"),
            parts: parts.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
        }
    }

    pub(crate) fn in_session(&self) -> bool {
        !self.host.is_empty()
    }

    /// Returns what an escape prints on the session's line of this number.
    pub(crate) fn printed(&self, escape: Escape, line: usize) -> String {
        let named = |name: &str| match (self.in_session(), name) {
            (false, _) => String::new(),
            (true, "") => "[unknown]".to_owned(),
            (true, name) => name.to_owned(),
        };
        match escape {
            Escape::User => named(&self.user),
            Escape::Database => named(&self.database),
            Escape::ApplicationName => named(&self.application),
            Escape::RemoteHost => self.host.clone(),
            Escape::RemoteHostAndPort if self.port.is_empty() => self.host.clone(),
            Escape::RemoteHostAndPort => format!("{}({})", self.host, self.port),
            Escape::LocalHost => match self.host.as_str() {
                "" => "[none]".to_owned(),
                "[local]" => "[local]".to_owned(),
                _ => "172.16.0.1".to_owned(),
            },
            Escape::Time => seconds(&self.time),
            Escape::TimeMillis => self.time.clone(),
            Escape::TimeEpoch => {
                let time = pglog::Clock::new().read(&self.time).unwrap().timestamp.micros();
                format!("{}.{:03}", time / 1_000_000, time / 1000 % 1000)
            }
            Escape::LineNum => line.to_string(),
            Escape::Pid => self.pid.clone(),
            Escape::SessionId => self.session_id.clone(),
            Escape::Ps if self.in_session() => self.ps.clone(),
            Escape::Ps => String::new(),
            Escape::SessionStart => self.session_start.clone(),
            Escape::Vxid => self.vxid.clone(),
            Escape::Txid => self.txid.clone(),
            Escape::StateCode => self.state_code.clone(),
            Escape::BackendType => self.backend_type.clone(),
            Escape::LeaderPid => self.leader_pid.clone(),
            Escape::QueryId => match self.query_id.as_str() {
                "" => "0".to_owned(),
                id => id.to_owned(),
            },
        }
    }
}

fn seconds(time: &str) -> String {
    let (start, rest) = time.split_at(19);
    start.to_owned() + rest.get(4..).unwrap_or_default()
}

/// The records of each file of a run whose labels are English.
pub(crate) fn of_run(run: &Run) -> Vec<Record> {
    if run.setting("lc_messages") != Some("C") {
        return Vec::new();
    }
    let records = run.csv_records();
    let whole = records.iter().filter(|record| record.get("log_time").len() > 20);
    whole.map(Record::of_csv).filter(|record| !record.message.contains('\u{fffd}')).collect()
}

/// What else a server could have logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    AsIs,
    /// With `log_connections` and `log_disconnections` off.
    Quiet,
    /// The same, all sessions those of one user, who is called like the database.
    Sole,
    /// The same, with several users, databases, programs and addresses.
    Busy,
    /// The same, with names that have separators in them.
    Odd,
    /// Sessions only, without messages about connections.
    Sessions,
}

impl Flavour {
    pub(crate) const ALL: [Self; 6] =
        [Self::AsIs, Self::Quiet, Self::Sole, Self::Busy, Self::Odd, Self::Sessions];

    pub(crate) fn of(self, records: &[Record]) -> Vec<Record> {
        let is_about_connection = |record: &Record| {
            ["connection", "disconnection"].iter().any(|word| record.message.contains(word))
        };
        let mut records = records.to_vec();
        if self != Self::AsIs {
            records.retain(|record| !is_about_connection(record));
        }
        if matches!(self, Self::Sole | Self::Busy | Self::Odd) {
            let names = ["user \"", "role \"", "database \"", "user name"];
            records.retain(|record| !names.iter().any(|word| record.message.contains(word)));
        }
        if self == Self::Sessions {
            records.retain(|record| record.in_session() && !record.user.is_empty());
        }
        for record in &mut records {
            if record.in_session() && !record.user.is_empty() {
                self.rename(record);
            }
        }
        records
    }

    fn rename(self, record: &mut Record) {
        const USERS: [&str; 6] = ["shop", "bob", "app_rw", "postgres", "alice", "reporting"];
        const DATABASES: [&str; 4] = ["shop", "postgres", "app", "my-db"];
        const PROGRAMS: [&str; 6] = ["psql", "", "pgbench", "app worker", "web-1", "Metabase"];
        const HOSTS: [&str; 5] = ["10.0.0.7", "[local]", "192.168.1.20", "fd00::7:1", "10.1.2.3"];
        const ODD_USERS: [&str; 5] = ["bob", "jürgen", "a b", "ann@example.com", "x,y"];
        const ODD_PROGRAMS: [&str; 5] =
            ["psql", "app [1]", "DBeaver 21.1 - Main", "worker: 7", "a=b,c"];
        let at = record.pid.parse::<usize>().unwrap_or_default();
        let pick = |names: &[&str]| names[at % names.len()].to_owned();
        match self {
            Self::AsIs | Self::Quiet | Self::Sessions => {}
            Self::Sole => {
                "postgres".clone_into(&mut record.user);
                "postgres".clone_into(&mut record.database);
            }
            Self::Busy => {
                record.user = pick(&USERS);
                record.database = pick(&DATABASES);
                record.application = pick(&PROGRAMS);
                record.host = pick(&HOSTS);
                record.port = match record.host.as_str() {
                    "[local]" => String::new(),
                    _ => (30_000 + at % 30_000).to_string(),
                };
            }
            Self::Odd => {
                record.user = pick(&ODD_USERS);
                record.database = pick(&DATABASES);
                record.application = pick(&ODD_PROGRAMS);
            }
        }
    }
}
