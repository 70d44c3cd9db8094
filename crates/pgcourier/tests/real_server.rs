#![cfg(test)]
//! A real server writes each entry twice: to stderr, which one agent reads, and to csvlog, which says
//! what must arrive. Another agent is given the folder with both.

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use support::{Listener, Process, agent_config, eventually, postgres::Postgres, start_agent};

const SETTINGS: &str = "\
log_destination = 'stderr,csvlog'
log_line_prefix = '%m [%p] %q%u@%d '
log_filename = 'postgresql-%Y-%m-%d_%H%M%S.log'
log_rotation_size = 64kB
log_min_duration_statement = 0
log_connections = on
log_disconnections = on
log_checkpoints = on
log_lock_waits = on
log_temp_files = 0
log_autovacuum_min_duration = 0
";

const SQL: [&str; 12] = [
    "SELECT 1/0",
    "SELECT nosuch FROM pgbench_accounts",
    "SELECT 1,\n\t2,\n    3 AS \"three\"\n\n-- a comment\nFROM nosuch",
    "SELECT 'ünïcode 日本語 \u{1F418}'::int",
    "INSERT INTO pgbench_branches VALUES (1, 0, 'duplicate')",
    "DO $$ BEGIN RAISE WARNING E'two\\nlines' USING DETAIL = E'a\\n\\tdetail', HINT = 'a hint'; END $$",
    "DO $$ BEGIN RAISE LOG 'ERROR:  not an error' USING DETAIL = 'DETAIL:  not a detail'; END $$",
    "SELECT '2026-01-28 09:41:03.123 UTC [1] LOG:  fake entry\n2026-01-28 09:41:03.123 UTC [1] LOG:  x'::int",
    "SELECT upper(1, 2)",
    "CHECKPOINT",
    "SELECT count(*) FROM (SELECT DISTINCT aid, filler FROM pgbench_accounts ORDER BY filler) x",
    "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT * FROM pgbench_accounts ORDER BY filler) x",
];

/// What must agree, in the order of csvlog's columns.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    time: String,
    user: String,
    database: String,
    level: String,
    message: String,
    detail: String,
    hint: String,
    statement: Option<String>,
}

/// The records of each process, in their order.
type ByPid = BTreeMap<String, Vec<Record>>;

#[test]
fn listener_has_what_csvlog_has_record_for_record() {
    let mut server = Postgres::start(SETTINGS);
    let logs = server.log_folder();
    let stderr_logs = logs.join("*.log");
    let of_stderr = Way::start(&stderr_logs);
    let of_folder = Way::start(&logs);
    server.pgbench(&["-i", "-q", "-s", "1"]);
    server.pgbench(&["-n", "-c", "4", "-j", "2", "-T", "3", "-M", "prepared"]);
    for sql in SQL {
        assert!(server.psql(sql));
    }
    server.pgbench(&["-n", "-c", "2", "-T", "2"]);
    server.stop();

    let arrived = [("stderr", of_stderr.arrived()), ("folder", of_folder.arrived())];
    // The logging collector outlives the server a little, and writes each entry to csvlog first: what has
    // arrived from stderr is in csvlog, while csvlog right after the server's end may lack the last entries.
    let expected = csv_records(&logs);
    let count: usize = expected.values().map(Vec::len).sum();
    assert!(count > 5000, "the server logged {count} entries only");
    for (source, arrived) in arrived {
        let pids: Vec<_> = arrived.keys().collect();
        assert_eq!(pids, expected.keys().collect::<Vec<_>>(), "{source}");
        for (pid, expected) in &expected {
            let arrived = &arrived[pid];
            for (ours, theirs) in arrived.iter().zip(expected) {
                assert_eq!(ours, theirs, "{source}, process {pid}");
            }
            assert_eq!(arrived.len(), expected.len(), "{source}, process {pid}");
        }
    }
}

/// An agent with a listener of its own.
struct Way {
    listener: Listener,
    agent: Process,
    _folder: tempfile::TempDir,
}

impl Way {
    fn start(logs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::start(folder.path(), 0);
        let config = agent_config(folder.path(), listener.address, logs.to_str().unwrap(), "");
        Self { listener, agent: start_agent(&config), _folder: folder }
    }

    /// What has arrived once the server's last words have.
    fn arrived(self) -> ByPid {
        let last = "/api/entries?text=database+system+is+shut+down";
        eventually("the server's last words arrive", || !is_empty(&self.listener.json(last)));
        assert!(self.agent.terminate().success());
        arrived_records(&self.listener)
    }
}

fn is_empty(page: &serde_json::Value) -> bool {
    page["entries"].as_array().unwrap().is_empty()
}

fn arrived_records(listener: &Listener) -> ByPid {
    let mut by_pid = ByPid::new();
    let mut entries = listener.entries();
    // Entries are stored in the order of their file; the files' names are in the order of time.
    entries.sort_by(|a, b| a["file"].as_str().cmp(&b["file"].as_str()));
    for stored in entries {
        let entry = &stored["entry"];
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        // csvlog has a column for the statement of an error only; that of a duration is its message's.
        let is_error = entry["phase"].is_null() && entry["duration_ms"].is_null();
        let record = Record {
            time: text("timestamp").replace('T', " ").replace('Z', " UTC"),
            user: text("user"),
            database: text("database"),
            level: text("level"),
            message: text("message"),
            detail: text("detail"),
            hint: text("hint"),
            statement: entry["statement"].as_str().filter(|_| is_error).map(str::to_owned),
        };
        by_pid.entry(entry["pid"].to_string()).or_default().push(record);
    }
    by_pid
}

fn csv_records(logs: &Path) -> ByPid {
    let mut files: Vec<_> =
        fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    assert!(files.len() > 2, "the log was not rotated");
    let mut by_pid = ByPid::new();
    for file in files {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(file).unwrap();
        for record in reader.records() {
            let record = record.unwrap();
            let text = |column: usize| record[column].to_owned();
            by_pid.entry(text(3)).or_default().push(Record {
                time: text(0),
                user: text(1),
                database: text(2),
                level: text(11),
                message: text(13),
                detail: text(14),
                hint: text(15),
                statement: Some(text(19)).filter(|statement| !statement.is_empty()),
            });
        }
    }
    by_pid
}
