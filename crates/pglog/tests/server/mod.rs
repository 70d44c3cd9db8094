//! A server that logs with any prefix, as far as prefixes go: processes, their values, their messages.

mod dice;

use std::fmt::Write as _;

pub(crate) use dice::Dice;
use pglog::{Escape, LinePrefix, Padding, Token};

impl Dice {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// One line as the server means it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) values: Vec<(Escape, String)>,
    pub(crate) in_session: bool,
    pub(crate) text: String,
}

impl Line {
    /// Returns what an escape prints.
    pub(crate) fn value(&self, escape: Escape) -> &str {
        self.values.iter().find(|(found, _)| *found == escape).map_or("", |(_, value)| value)
    }

    /// Writes the line as the server does.
    pub(crate) fn render(&self, prefix: &LinePrefix) -> String {
        let mut line = String::new();
        for token in prefix.tokens() {
            match token {
                Token::Literal(text) => line += text,
                Token::SessionOnly if !self.in_session => break,
                Token::SessionOnly => {}
                Token::Field(escape, padding) => {
                    let (value, width) = (self.value(*escape), padding.width());
                    match padding {
                        Padding::None => line += value,
                        Padding::Left(_) => write!(line, "{value:>width$}").unwrap(),
                        Padding::Right(_) => write!(line, "{value:<width$}").unwrap(),
                    }
                }
                Token::Unknown { .. } => panic!("no setting has it"),
            }
        }
        line + &self.text
    }
}

struct Process {
    pid: usize,
    start: i64,
    user: String,
    database: String,
    application: String,
    host: String,
    port: usize,
    backend_type: &'static str,
    line: usize,
    in_session: bool,
    is_known: bool,
}

/// A server and its log so far.
pub(crate) struct Server {
    dice: Dice,
    now_ms: i64,
    logs_connections: bool,
    processes: Vec<Process>,
    next_pid: usize,
    serial: usize,
    pub(crate) log: Vec<Line>,
}

const USERS: [&str; 6] = ["postgres", "bob", "app_rw", "app_ro", "alice", "reporting"];
const DATABASES: [&str; 5] = ["postgres", "shop", "app", "warehouse", "my-db"];
const APPLICATIONS: [&str; 6] =
    ["psql", "", "pgbench", "app worker", "PostgreSQL JDBC Driver", "web"];

impl Server {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut server = Self {
            now_ms: 1_795_486_861_000 + i64::try_from(dice.below(100_000_000)).unwrap(),
            logs_connections: dice.below(2) == 0,
            next_pid: 300 + dice.below(60_000),
            dice,
            serial: 0,
            processes: Vec::new(),
            log: Vec::new(),
        };
        for backend_type in ["postmaster", "checkpointer", "autovacuum launcher"] {
            server.start(backend_type);
        }
        server
    }

    /// Lets the server work until its log has this many lines.
    pub(crate) fn work(&mut self, lines: usize) {
        while self.log.len() < lines {
            self.now_ms += i64::try_from(self.dice.below(900)).unwrap();
            match self.dice.below(10) {
                0 => self.say(0, "00000", "LOG:  parameter \"work_mem\" changed to \"64MB\""),
                1 => self.say(1, "00000", "LOG:  checkpoint starting: time"),
                2 | 3 => self.connect(),
                _ => self.run(),
            }
        }
        self.log.truncate(lines);
    }

    fn start(&mut self, backend_type: &'static str) {
        self.next_pid += 1 + self.dice.below(3);
        let host =
            self.dice.pick(&["[local]", "10.0.0.7", "192.168.1.20", "10.11.12.13"]).to_owned();
        self.processes.push(Process {
            pid: self.next_pid,
            start: self.now_ms / 1000,
            user: self.dice.pick(&USERS).to_owned(),
            database: self.dice.pick(&DATABASES).to_owned(),
            application: self.dice.pick(&APPLICATIONS).to_owned(),
            host,
            port: 30_000 + self.dice.below(30_000),
            backend_type,
            line: 0,
            in_session: backend_type == "client backend",
            is_known: false,
        });
    }

    fn connect(&mut self) {
        self.start("client backend");
        let at = self.processes.len() - 1;
        let Process { host, port, user, database, application, .. } = &self.processes[at];
        let port = if host == "[local]" { String::new() } else { format!(" port={port}") };
        let received = format!("LOG:  connection received: host={host}{port}");
        let mut authorized =
            format!("LOG:  connection authorized: user={user} database={database}");
        if !application.is_empty() {
            write!(authorized, " application_name={application}").unwrap();
        }
        if self.logs_connections {
            self.say(at, "00000", &received);
        }
        self.processes[at].is_known = true;
        if self.logs_connections {
            let application = std::mem::take(&mut self.processes[at].application);
            self.say(at, "00000", &authorized);
            self.processes[at].application = application;
        }
    }

    fn run(&mut self) {
        let sessions: Vec<usize> =
            (0..self.processes.len()).filter(|at| self.processes[*at].in_session).collect();
        let Some(at) = sessions.get(self.dice.below(sessions.len().max(1))).copied() else {
            return;
        };
        match self.dice.below(6) {
            0 => {
                self.say(at, "22012", "ERROR:  division by zero");
                self.say(at, "22012", "STATEMENT:  SELECT 1/0");
            }
            1 => {
                self.say(
                    at,
                    "23505",
                    "ERROR:  duplicate key value violates unique constraint \"t\"",
                );
                self.say(at, "23505", "DETAIL:  Key (a)=(1) already exists.");
                self.say(at, "23505", "STATEMENT:  INSERT INTO t VALUES (1)");
            }
            2 if self.processes.len() > 8 => {
                if self.logs_connections {
                    let Process { user, database, host, .. } = &self.processes[at];
                    let text = format!(
                        "LOG:  disconnection: session time: 0:00:01.000 user={user} \
                         database={database} host={host}"
                    );
                    self.say(at, "00000", &text);
                }
                self.processes.remove(at);
            }
            _ => self.say(at, "00000", "LOG:  duration: 0.123 ms  statement: SELECT 1"),
        }
    }

    fn say(&mut self, at: usize, state_code: &str, text: &str) {
        // The parts of an entry have its transaction and its query.
        if !["DETAIL:", "STATEMENT:"].iter().any(|label| text.starts_with(label)) {
            self.serial += 1;
        }
        let (serial, query_id) = (self.serial, self.serial * 7919);
        let process = &mut self.processes[at];
        process.line += 1;
        let session =
            |value: &str| if process.in_session { value.to_owned() } else { String::new() };
        let name = |value: &str| match (process.is_known, value) {
            (false, _) | (true, "") => session("[unknown]"),
            (true, value) => session(value),
        };
        let address = match process.host.as_str() {
            "[local]" => session("[local]"),
            host => session(&format!("{host}({})", process.port)),
        };
        let local = if process.in_session {
            if process.host == "[local]" { "[local]" } else { "172.16.0.1" }
        } else {
            "[none]"
        };
        let runs = process.in_session && process.is_known;
        let command = match text.rsplit(": ").next() {
            Some(sql) if sql.starts_with(char::is_uppercase) => sql.split(' ').next().unwrap(),
            _ => "idle",
        };
        let values = vec![
            (Escape::ApplicationName, name(&process.application)),
            (Escape::User, name(&process.user)),
            (Escape::Database, name(&process.database)),
            (Escape::RemoteHostAndPort, address),
            (Escape::RemoteHost, session(&process.host)),
            (Escape::LocalHost, local.to_owned()),
            (Escape::BackendType, process.backend_type.to_owned()),
            (Escape::Pid, process.pid.to_string()),
            (Escape::LeaderPid, String::new()),
            (Escape::Time, clock(self.now_ms / 1000, None)),
            (Escape::TimeMillis, clock(self.now_ms / 1000, Some(self.now_ms % 1000))),
            (Escape::TimeEpoch, format!("{}.{:03}", self.now_ms / 1000, self.now_ms % 1000)),
            (Escape::Ps, session(if runs { command } else { "startup" })),
            (Escape::StateCode, state_code.to_owned()),
            (Escape::SessionId, format!("{:x}.{:x}", process.start, process.pid)),
            (Escape::LineNum, process.line.to_string()),
            (Escape::SessionStart, clock(process.start, None)),
            (Escape::Vxid, if runs { format!("{}/{serial}", at + 1) } else { String::new() }),
            (Escape::Txid, if state_code == "23505" { "7411" } else { "0" }.to_owned()),
            (
                Escape::QueryId,
                if runs && command != "idle" {
                    format!("-{}", 4_000_000_000_000_000_000 + query_id)
                } else {
                    "0".to_owned()
                },
            ),
        ];
        self.log.push(Line { values, in_session: process.in_session, text: text.to_owned() });
    }
}

fn clock(seconds: i64, millis: Option<i64>) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap().strftime("%F %T").to_string();
    match millis {
        Some(millis) => format!("{time}.{millis:03} UTC"),
        None => format!("{time} UTC"),
    }
}
