//! Runs the real binary: listeners, agents, and what they need.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod browser;
pub(crate) mod postgres;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;

/// The key of the test project.
pub(crate) const KEY: &str = "integration-test-key";

/// Waits until something is true, for a minute at most.
pub(crate) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let (_sender, never) = mpsc::channel::<()>();
    for _ in 0..1200 {
        if is_true() {
            return;
        }
        let _timed_out = never.recv_timeout(Duration::from_millis(50));
    }
    panic!("not within a minute: {what}");
}

/// A `pgcourier` process, ended when dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// The configuration of an agent, whose account is looked at when it has stopped.
    config: Option<PathBuf>,
}

impl Process {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_pgcourier")).args(args))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                shared.lock().unwrap().push(line);
            }
        });
        Self { child, log, config: None }
    }

    /// Returns the lines of its log that contain a text.
    pub(crate) fn logged(&self, text: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        eventually(&format!("{text:?} in the log"), || !self.logged(text).is_empty());
        self.logged(text).remove(0)
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for its end. What an agent has read is accounted for then.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        let status = self.wait();
        self.config.as_deref().map(assert_account_balances);
        status
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end, for a minute at most.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `pgcourier up` on a port of its own.
pub(crate) struct Up {
    process: Process,
    pub(crate) url: String,
}

impl Up {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
        let process = Process::spawn(command.args(["up", "--listen", "127.0.0.1:0"]).args(args));
        let line: Value = serde_json::from_str(&process.wait_for_log("\"listening\"")).unwrap();
        let url = format!("http://{}/", line["address"].as_str().unwrap());
        Self { process, url }
    }

    pub(crate) fn stop(self) -> ExitStatus {
        self.process.terminate()
    }
}

/// A listener with its store.
pub(crate) struct Listener {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// Starts a listener on a store; port 0 lets the system choose.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        let config = folder.join("listener.toml");
        let store = folder.join("listener.db");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\n[projects.test]\nkey = \"{KEY}\"\n\
             [store]\npath = {store:?}\n[limits]\nrequests_per_minute = 1000000\n"
        );
        fs::write(&config, text).unwrap();
        let process = Process::start(&["listen", "-c", config.to_str().unwrap()]);
        let line: Value = serde_json::from_str(&process.wait_for_log("\"listening\"")).unwrap();
        let address = line["address"].as_str().unwrap().parse().unwrap();
        Self { process, address }
    }

    /// Returns the answer to a GET, which is tried again while the listener has too much to do.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut body = None;
        eventually("the listener answers", || {
            let answer = self.answer(path);
            let (head, text) = answer.split_once("\r\n\r\n").unwrap();
            if head.starts_with("HTTP/1.1 503") {
                return false;
            }
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
            body = Some(text.to_owned());
            true
        });
        body.unwrap()
    }

    fn answer(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    /// Returns all entries in the order in which they were stored.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.json(&format!("/api/entries?limit=1000{cursor}"));
            all.extend(page["entries"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        all.sort_by_key(|entry| entry["id"].as_i64().unwrap());
        all
    }
}

/// Writes an agent's configuration; `more` is appended.
pub(crate) fn agent_config(
    folder: &Path,
    listener: SocketAddr,
    log_path: &str,
    more: &str,
) -> PathBuf {
    let config = folder.join("agent.toml");
    let buffer = folder.join("buffer");
    let text = format!(
        "[collection]\nlog_path = {log_path:?}\nstart_at = \"beginning\"\n\
         [listener]\nurl = \"http://{listener}\"\napi_key = \"{KEY}\"\n\
         [buffer]\npath = {buffer:?}\n{more}"
    );
    fs::write(&config, text).unwrap();
    config
}

pub(crate) fn start_agent(config: &Path) -> Process {
    let mut agent = Process::start(&["run", "-c", config.to_str().unwrap()]);
    agent.config = Some(config.to_owned());
    agent
}

/// Fails where read is not delivered + waiting + dead-lettered + lost.
fn assert_account_balances(config: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    let output = command.args(["buffer", "stats", "--json", "-c"]).arg(config).output().unwrap();
    let stats: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ledger = &stats["ledger"];
    let kept = ["delivered", "waiting", "dead_lettered"].map(|account| ledger[account].as_u64());
    let lost = ledger["lost"].as_object().unwrap().values().map(Value::as_u64);
    let sum: Option<u64> = kept.into_iter().chain(lost).sum();
    assert!(sum.is_some() && ledger["read"].as_u64() == sum, "{ledger}");
}
