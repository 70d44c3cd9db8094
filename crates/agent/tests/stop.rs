#![cfg(test)]
//! Stopping with a backlog: it stays, and the next start goes on with it.
//!
//! `cargo test -p agent --test stop -- --ignored` does so with 100 MB.

mod support;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{BufWriter, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use agent::{
    buffer::Buffer,
    config::{Config, Settings},
    pipeline::Agent,
    shutdown::Shutdown,
    tail::{LogPath, StartAt},
};
use support::{Receiver, eventually, stored};
use wire::AgentHealth;

/// How long a stop may take.
const BOUND: Duration = Duration::from_secs(10);

/// Writes entries that hardly compress: 32 bytes of noise each.
fn write_log(path: &Path, entries: u64) {
    let mut log = BufWriter::new(fs::File::create(path).unwrap());
    let mut random = 1u64;
    let mut line = String::new();
    for number in 0..entries {
        line.clear();
        write!(line, "2026-11-24 02:21:01.123 UTC [7] LOG:  {number} ").unwrap();
        for _ in 0..4 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            write!(line, "{random:016x}").unwrap();
        }
        writeln!(log, "{line}").unwrap();
    }
}

fn settings(folder: &Path, receiver: &Receiver, max_mb: u64) -> Settings {
    let mut config = Config::default();
    config.listener.url = format!("http://{}", receiver.address);
    config.listener.api_key = "key".to_owned().into();
    config.buffer.path = folder.join("buffer");
    config.buffer.max_size_mb = max_mb;
    config.breaker.reset_timeout_s = 1;
    let mut settings = config.check(None).unwrap();
    settings.tail.paths = vec![LogPath::new(folder.join("x.log").to_str().unwrap())];
    settings.tail.start_at = StartAt::Beginning;
    settings
}

/// Ends the agent also where the test fails.
struct StopOnDrop<'a>(&'a Shutdown);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Returns the numbers of the entries of all batches, each batch once.
fn numbers(receiver: &Receiver) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let mut numbers = Vec::new();
    for request in receiver.requests.lock().unwrap().iter().filter(|request| request.is_batch()) {
        if !seen.insert(request.header("idempotency-key").unwrap().to_owned()) {
            continue;
        }
        let body: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
        for entry in body["data"]["entries"].as_array().unwrap() {
            let message = entry["message"].as_str().unwrap();
            numbers.push(message.split_once(' ').unwrap().0.parse().unwrap());
        }
    }
    numbers
}

/// Reads a log while nobody listens, stops with so many bytes in the buffer, and starts again.
fn stop_with(entries: u64, backlog_bytes: u64, max_mb: u64) {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder.path().join("x.log"), entries);
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let receiver =
        Receiver::start(move |_, _| if up.load(Ordering::Relaxed) { stored() } else { None });
    let settings = settings(folder.path(), &receiver, max_mb);
    let run = |target: u64, progress: &dyn Fn(AgentHealth) -> u64| {
        let agent = Agent::open(settings.clone()).unwrap();
        let (overview, shutdown) = (agent.overview(), Shutdown::new());
        thread::scope(|scope| {
            let running = scope.spawn(|| agent.run(&shutdown));
            let _stop = StopOnDrop(&shutdown);
            for tenth in 1..=10 {
                let reached = || progress(overview.health().unwrap()) >= target / 10 * tenth;
                eventually("a tenth more", reached);
            }
            #[expect(clippy::disallowed_methods, reason = "it is the time that counts")]
            let asked = Instant::now();
            shutdown.request();
            running.join().unwrap().unwrap();
            asked.elapsed()
        })
    };
    let took = run(backlog_bytes, &|health| health.buffer.used_bytes);
    assert!(took < BOUND, "it took {took:?} to stop");
    let mut buffer = Buffer::open(&settings.buffer).unwrap();
    let (stats, left) = (buffer.stats().unwrap(), buffer.ledger().unwrap());
    drop(buffer);
    assert!(left.balances() && left.delivered == 0 && left.lost_total() == 0, "{left:?}");
    assert!(stats.used_bytes >= backlog_bytes && stats.disk_bytes <= max_mb * 1_000_000);

    is_up.store(true, Ordering::Relaxed);
    run(entries, &|health| health.ledger.delivered);
    let ledger = Buffer::open(&settings.buffer).unwrap().ledger().unwrap();
    assert!(ledger.balances() && ledger.delivered == entries, "{ledger:?}");
    receiver.assert_resends_are_identical();
    assert!(numbers(&receiver) == (0..entries).collect::<Vec<_>>(), "in their order, each once");
    eprintln!("stopped with {} bytes in {took:?}", stats.body_bytes);
}

#[test]
fn stop_leaves_the_backlog_for_the_next_start() {
    stop_with(60_000, 1_500_000, 20);
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test stop -- --ignored"]
fn stop_leaves_100_mb_for_the_next_start() {
    stop_with(3_200_000, 100_000_000, 150);
}
