#![cfg(test)]
//! What an operator sees of a running agent, and does to it.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use agent::{
    batch::{Batch, Compression, Encoder},
    buffer::{Buffer, Entry, Settings},
};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use support::{Listener, Process, agent_config, eventually, start_agent};

/// Writes a log of numbered entries.
fn write_log(folder: &Path, entries: u64) -> String {
    let path = folder.join("postgresql.log");
    let line =
        |n| format!("2026-11-24 02:21:01.123 UTC [7] bob@shop LOG:  statement: SELECT {n}\n");
    fs::write(&path, (0..entries).map(line).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Returns status line and body of a GET.
fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Runs `pgcourier buffer` and returns its output and whether it succeeded.
fn buffer(args: &[&str]) -> (String, bool) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_pgcourier")).arg("buffer").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (said.into_owned(), output.status.success())
}

fn status_address(agent: &Process) -> String {
    let line = agent.wait_for_log("showing the agent's status");
    let line: Value = serde_json::from_str(&line).unwrap();
    line["address"].as_str().unwrap().to_owned()
}

const STATUS: &str = "[status]\nlisten = \"127.0.0.1:0\"\n";

#[test]
fn pages_of_a_running_agent_tell_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 1200);
    let config = agent_config(folder.path(), nobody(), &log, STATUS);
    let agent = start_agent(&config);
    let address = status_address(&agent);
    let metric = |name: &str| {
        let page = get(&address, "/metrics").1;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    eventually("all entries are in the buffer", || {
        metric("pgcourier_entries_waiting") == Some(1200.0)
    });
    assert_eq!(metric("pgcourier_entries_read_total"), Some(1200.0));
    eventually("all entries are counted by level", || {
        let page = get(&address, "/metrics").1;
        let counts = page
            .lines()
            .filter(|line| line.starts_with("pgcourier_log_entries_total{level=\"LOG\",event=\""));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
            == 1200
    });
    eventually("the breaker opens", || {
        metric("pgcourier_breaker_state{state=\"open\"}") == Some(1.0)
    });
    assert_eq!(metric("pgcourier_requests_total{outcome=\"failed\"}"), Some(5.0));
    assert_eq!(metric("pgcourier_request_duration_seconds_count"), Some(5.0));
    eventually("the file's lag is told", || {
        metric(&format!("pgcourier_file_lag_bytes{{path=\"{log}\"}}")) == Some(0.0)
    });
    assert_eq!(get(&address, "/healthz"), ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    assert_eq!(get(&address, "/readyz").1, "ready; circuit breaker open\n");
    let status: Value = serde_json::from_str(&get(&address, "/status").1).unwrap();
    assert_eq!(status["breaker"]["state"], "open");
    assert_eq!(status["ledger"]["waiting"], 1200);
    assert!(status["sending"]["last_problem"].is_string(), "{status}");
    // The address shows no data.
    assert_eq!(get(&address, "/buffer/batches").0, "HTTP/1.1 404 Not Found");
}

#[test]
fn buffer_can_be_looked_into_while_the_agent_runs_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 1200);
    let config = agent_config(folder.path(), nobody(), &log, "");
    let agent = start_agent(&config);
    let config = config.to_str().unwrap();
    eventually("all entries are in the buffer", || {
        buffer(&["stats", "-c", config, "--json"]).0.contains("\"entries\":1200,")
    });
    let running = buffer(&["stats", "-c", config, "--json"]);
    let stats: Value = serde_json::from_str(&running.0).unwrap();
    assert_eq!((stats["entries"].as_u64(), running.1), (Some(1200), true));
    let (exported, _) = buffer(&["export", "-c", config]);
    assert!(agent.terminate().success());
    // The buffer of the agent that has stopped is the same one.
    let (again, _) = buffer(&["export", "-c", config]);
    assert_eq!(exported, again);
    let entries: usize = again
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|body| body["data"]["entries"].as_array().unwrap().len())
        .sum();
    assert_eq!(entries, 1200);
    let list = buffer(&["list", "-c", config]).0;
    assert_eq!(list.lines().count(), 1 + again.lines().count());
    let seq = list.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    let shown = buffer(&["show", seq, "-c", config]).0;
    assert_eq!(shown.trim_end(), again.lines().next().unwrap());
}

#[test]
fn output_gets_all_entries_while_the_listener_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 1200);
    let out = folder.path().join("out.jsonl");
    let output = format!("{STATUS}[[output]]\nname = \"lines\"\nkind = \"file\"\npath = {out:?}\n");
    let config = agent_config(folder.path(), nobody(), &log, &output);
    let agent = start_agent(&config);
    eventually("all entries are in the file", || {
        fs::read_to_string(&out).is_ok_and(|lines| lines.lines().count() == 1200)
    });
    let address = status_address(&agent);
    eventually("the output's place is stored", || {
        let page = get(&address, "/metrics").1;
        page.contains("pgcourier_output_entries_delivered_total{output=\"lines\"} 1200\n")
    });
    assert!(agent.terminate().success());
    let lines = fs::read_to_string(&out).unwrap();
    for (number, line) in lines.lines().enumerate() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["statement"], format!("SELECT {number}"));
    }
}

#[test]
fn dead_letters_are_listed_retried_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 1_000_000, ..Settings::at(folder.path()) };
    let mut filled = Buffer::open(&settings).unwrap();
    for number in 1..=3 {
        let mut batch = Batch {
            entries: 1,
            levels: BTreeMap::new(),
            json: format!(r#"{{"message":"entry {number}"}}"#).into_bytes(),
            start: 0,
            end: 1,
        };
        let mut encoder = Encoder::new("p".to_owned(), "a".to_owned(), Compression::Zstd);
        let id = wire::BatchId::new(uuid::Uuid::from_u128(number));
        let batch = encoder.seal(&mut batch, id, Path::new("/x.log"), 1.0);
        filled.push(&[Entry::new(batch, None)], 1).unwrap();
        let waiting = filled.peek(&[]).unwrap().unwrap();
        filled.bury(waiting.seq, "400 too odd", 1).unwrap();
    }
    drop(filled);
    let path = folder.path().to_str().unwrap();
    let on = |args: &[&str]| buffer(&[args, &["--path", path]].concat());
    let (list, _) = on(&["dead-letters", "list"]);
    assert_eq!(list.matches("400 too odd").count(), 3, "{list}");
    assert!(list.contains("entry 2") && list.starts_with("1  1970-01-01T"), "{list}");
    assert_eq!(on(&["dead-letters", "retry", "2"]), ("2 back in the queue\n".to_owned(), true));
    assert_eq!(on(&["dead-letters", "drop", "all"]).0, "1 dropped\n3 dropped\n");
    let (refused, succeeded) = on(&["dead-letters", "retry", "2"]);
    assert!(refused.contains("there is no dead letter 2") && !succeeded, "{refused}");
    let stats: Value = serde_json::from_str(&on(&["stats", "--json"]).0).unwrap();
    assert_eq!(stats["ledger"]["waiting"], 1);
    assert_eq!(stats["ledger"]["lost"]["dropped_by_operator"], 2);
    let (missing, succeeded) = buffer(&["stats", "--path", "/nowhere"]);
    assert!(missing.contains("there is no buffer in /nowhere") && !succeeded, "{missing}");
}

#[test]
fn second_agent_on_a_buffer_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 10);
    let config = agent_config(folder.path(), nobody(), &log, "");
    let first = start_agent(&config);
    first.wait_for_log("reading");
    let mut second = start_agent(&config);
    assert_eq!(second.wait().code(), Some(1));
    second.wait_for_log("is in use by another pgcourier");
    // Whoever cannot be asked has not said that there is none.
    fs::remove_file(folder.path().join("buffer/control.sock")).unwrap();
    let config = config.to_str().unwrap();
    let (told, succeeded) = buffer(&["dead-letters", "retry", "1", "-c", config]);
    assert!(told.contains("reload the agent, which makes the socket again"), "{told}");
    assert!(!succeeded);
    first.signal("HUP");
    eventually("the socket is there again", || buffer(&["stats", "-c", config]).1);
    assert!(first.terminate().success());
}

#[test]
fn reload_waits_for_who_looks_into_the_buffer_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 10);
    let config = agent_config(folder.path(), nobody(), &log, "");
    let agent = start_agent(&config);
    agent.wait_for_log("reading");
    // It gets the lock as soon as the agent lets it go, between two rounds.
    let lock = fs::File::open(folder.path().join("buffer/buffer.lock")).unwrap();
    let holder = thread::spawn(move || {
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        lock
    });
    eventually("a reload frees the buffer", || {
        agent.signal("HUP");
        holder.is_finished()
    });
    agent.wait_for_log("waiting for the buffer");
    drop(holder.join().unwrap());
    let config = config.to_str().unwrap();
    eventually("the agent goes on", || buffer(&["stats", "-c", config]).1);
    assert!(agent.terminate().success());
}

#[test]
fn hang_up_takes_a_new_configuration_and_keeps_the_old_one_where_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 700);
    let listener = Listener::start(folder.path(), 0);
    let config = agent_config(folder.path(), nobody(), &log, "");
    let agent = start_agent(&config);
    agent.wait_for_log("the listener did not take a batch");
    let wrong = fs::read_to_string(&config).unwrap().replace("log_path", "log_pth");
    fs::write(&config, wrong).unwrap();
    agent.signal("HUP");
    let told = agent.wait_for_log("the new configuration is wrong");
    assert!(told.contains("log_pth"), "{told}");

    agent_config(folder.path(), listener.address, &log, "");
    agent.signal("HUP");
    agent.wait_for_log("taking the new configuration");
    eventually("all entries arrive", || listener.entries().len() == 700);
    assert!(agent.terminate().success());
    assert_eq!(listener.entries().len(), 700);
}

#[test]
fn buffer_that_is_to_pause_says_so_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postgresql.log");
    let line = |n: u64| {
        // Hardly compressed, so that the buffer fills.
        let noise = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!(
            "2026-11-24 02:21:01.123 UTC [7] bob@shop LOG:  {n} {noise:016x}{:x}\n",
            noise ^ n << 9
        )
    };
    fs::write(&path, (0..60_000).map(line).collect::<String>()).unwrap();
    let listener = Listener::start(folder.path(), 0);
    let log = path.to_str().unwrap();
    let small = "max_size_mb = 1\nwhen_full = \"pause\"\n[breaker]\nreset_timeout_s = 1\n";
    let config = agent_config(folder.path(), nobody(), log, small);
    let agent = start_agent(&config);
    agent.wait_for_log("no room in the buffer; reading waits");
    agent_config(folder.path(), listener.address, log, small);
    agent.signal("HUP");
    agent.wait_for_log("there is room in the buffer again");
    let stats = || buffer(&["stats", "-c", config.to_str().unwrap(), "--json"]).0;
    eventually("all entries arrive", || stats().contains("\"delivered\":60000,"));
    let stats: Value = serde_json::from_str(&stats()).unwrap();
    assert_eq!(stats["ledger"]["lost"], serde_json::json!({}));
    assert!(agent.terminate().success());
}

#[test]
fn listener_that_never_answers_does_not_delay_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let log = write_log(folder.path(), 10);
    let config = agent_config(folder.path(), silent.local_addr().unwrap(), &log, "");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[listener]\n", "[listener]\ntimeout_s = 60\n")).unwrap();
    let mut agent = start_agent(&config);
    let _connection = silent.accept().unwrap();
    agent.signal("TERM");
    assert!(agent.wait().success());
    agent.wait_for_log("stopping without the answer to a request");
}

#[test]
fn service_manager_is_told_of_start_work_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let log = write_log(folder.path(), 10);
    let config = agent_config(folder.path(), nobody(), &log, "");
    let right = fs::read_to_string(&config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    command.args(["run", "-c", config.to_str().unwrap()]);
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "300000");
    let mut agent = Process::spawn(&mut command);
    let mut heard = [0; 500];
    let mut next = || {
        let length = manager.recv(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    // One thread says that it is ready, another that it works.
    let first: Vec<String> = (0..5).map(|_| next()).collect();
    assert!(first.iter().any(|said| said == "READY=1"), "{first:?}");
    assert!(first.iter().any(|said| said == "WATCHDOG=1"), "{first:?}");
    let status = first.iter().find(|said| said.starts_with("STATUS=")).unwrap();
    assert!(status.contains("circuit breaker"), "{status}");
    for (broken, word) in [(true, "the new configuration is wrong"), (false, "taking the new")] {
        let text = if broken { "nonsense" } else { right.as_str() };
        fs::write(&config, text).unwrap();
        agent.signal("HUP");
        while !next().starts_with("RELOADING=1\nMONOTONIC_USEC=") {}
        while next() != "READY=1" {}
        // What it logs comes by another way, and may be read later.
        agent.wait_for_log(word);
        assert_eq!(agent.logged(word).len(), 1);
    }
    agent.signal("TERM");
    while next() != "STOPPING=1" {}
    assert!(agent.wait().success());
}

#[test]
fn hang_up_while_it_starts_does_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 10);
    let agent = start_agent(&agent_config(folder.path(), nobody(), &log, ""));
    let buffer_is_begun = || folder.path().join("buffer/buffer.lock").exists();
    while !buffer_is_begun() {
        thread::yield_now();
    }
    agent.signal("HUP");
    agent.wait_for_log("taking the new configuration");
    agent.wait_for_log("the listener did not take a batch");
    assert!(agent.terminate().success());
}

/// An agent with a listener elsewhere and a proxy in its environment.
fn start_behind_proxy(folder: &Path, proxy: &str, no_proxy: &str) -> Process {
    let log = write_log(folder, 10);
    let config = agent_config(folder, nobody(), &log, "");
    let text = fs::read_to_string(&config).unwrap();
    let line = text.lines().find(|line| line.starts_with("url")).unwrap().to_owned();
    fs::write(&config, text.replace(&line, "url = \"http://listener.invalid:8443\"")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    command.args(["run", "-c", config.to_str().unwrap()]);
    for name in ["NO_PROXY", "no_proxy", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    Process::spawn(command.env("HTTP_PROXY", proxy).env("NO_PROXY", no_proxy))
}

#[test]
fn proxy_that_cannot_be_reached_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = format!("http://me:secret@{}", nobody());
    let agent = start_behind_proxy(folder.path(), &proxy, "");
    let told = agent.wait_for_log("the listener did not take a batch");
    assert!(told.contains("HTTP_PROXY of the environment sets a proxy"), "{told}");
    assert!(agent.logged("secret").is_empty());
    assert!(agent.terminate().success());
}

#[test]
fn proxy_gets_nothing_for_a_listener_that_is_excepted() {
    let folder = tempfile::tempdir().unwrap();
    let agent = start_behind_proxy(folder.path(), &format!("http://{}", nobody()), ".invalid");
    let told = agent.wait_for_log("the listener did not take a batch");
    assert!(!told.contains("sets a proxy"), "{told}");
    assert!(agent.terminate().success());
}

#[test]
fn listener_on_this_machine_is_reached_without_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 10);
    let listener = Listener::start(folder.path(), 0);
    let config = agent_config(folder.path(), listener.address, &log, "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    command.args(["run", "-c", config.to_str().unwrap()]);
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.env("HTTP_PROXY", format!("http://{}", nobody()));
    let agent = Process::spawn(&mut command);
    eventually("all entries arrive", || listener.entries().len() == 10);
    assert!(agent.terminate().success());
}

#[test]
fn proxy_of_the_environment_is_used_with_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://me:secret@{}", proxy.local_addr().unwrap());
    let agent = start_behind_proxy(folder.path(), &address, "");
    let mut lines = BufReader::new(proxy.accept().unwrap().0).lines();
    let head: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    assert_eq!(head[0], "POST http://listener.invalid:8443/ingest/postgres HTTP/1.1");
    let password = "proxy-authorization: Basic bWU6c2VjcmV0";
    assert!(head.iter().any(|line| line.eq_ignore_ascii_case(password)), "{head:?}");
    assert!(agent.logged("secret").is_empty());
}

#[test]
fn output_that_stands_still_delays_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(folder.path(), 700);
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let listener = Listener::start(folder.path(), 0);
    let output =
        format!("{STATUS}[[output]]\nname = \"stuck\"\nkind = \"file\"\npath = {pipe:?}\n");
    let config = agent_config(folder.path(), listener.address, &log, &output);
    let agent = start_agent(&config);
    eventually("all entries arrive", || listener.entries().len() == 700);
    assert_eq!(get(&status_address(&agent), "/healthz").0, "HTTP/1.1 200 OK");
    assert!(agent.terminate().success());
}
