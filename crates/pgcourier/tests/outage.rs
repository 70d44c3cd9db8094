#![cfg(test)]
//! The listener goes away under load, the agent is killed meanwhile, both come back.

mod support;

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use support::{Listener, agent_config, eventually, start_agent};

/// How many entries a file gets.
const ROTATE_EVERY: u64 = 11_000;

/// Writes numbered entries, about 5,000 a second, until it is stopped. Each tenth has a second line.
struct Writer {
    written: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Writer {
    /// Writes to `name.log` in the folder, and begins a new file after each 11,000 entries.
    fn start(folder: &Path) -> Self {
        let written = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (counter, stopped, folder) =
            (Arc::clone(&written), Arc::clone(&stop), folder.to_owned());
        let thread = thread::spawn(move || {
            let (_sender, never) = mpsc::channel::<()>();
            let mut file = rotated(&folder, 0);
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                for _ in 0..50 {
                    file.write_all(entry(number).as_bytes()).unwrap();
                    number += 1;
                    if number.is_multiple_of(ROTATE_EVERY) {
                        file = rotated(&folder, number / ROTATE_EVERY);
                    }
                }
                counter.store(number, Ordering::Relaxed);
                let _timed_out = never.recv_timeout(Duration::from_millis(10));
            }
        });
        Self { written, stop, thread }
    }

    fn wait_for(&self, more: u64) {
        let goal = self.written.load(Ordering::Relaxed) + more;
        eventually("entries are written", || self.written.load(Ordering::Relaxed) >= goal);
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.written.load(Ordering::Relaxed)
    }
}

/// Renames the log away and begins a new one, every other time under a new name instead.
fn rotated(folder: &Path, round: u64) -> File {
    let log = folder.join("postgresql.log");
    let path: PathBuf = if round % 2 == 1 {
        folder.join(format!("postgresql-{round}.log"))
    } else {
        if log.exists() {
            fs::rename(&log, folder.join(format!("postgresql.log.{round}"))).unwrap();
        }
        log
    };
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn entry(number: u64) -> String {
    let pid = 1000 + number % 7;
    let more = if number.is_multiple_of(10) { "\n\tFROM numbers" } else { "" };
    format!("2026-11-24 02:21:01.123 UTC [{pid}] bob@shop LOG:  statement: SELECT {number}{more}\n")
}

#[test]
fn every_entry_is_stored_once_and_in_order_whatever_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("log");
    fs::create_dir(&logs).unwrap();
    let listener = Listener::start(folder.path(), 0);
    let port = listener.address.port();
    let breaker = "[breaker]\nreset_timeout_s = 1\n";
    let config = agent_config(folder.path(), listener.address, logs.to_str().unwrap(), breaker);
    let agent = start_agent(&config);
    let writer = Writer::start(&logs);

    writer.wait_for(5_000);
    listener.process.kill();
    writer.wait_for(5_000);
    agent.wait_for_log("circuit breaker changed its state");
    agent.kill();
    writer.wait_for(5_000);
    let agent = start_agent(&config);
    writer.wait_for(5_000);
    agent.kill();
    let agent = start_agent(&config);
    let listener = Listener::start(folder.path(), port);
    writer.wait_for(5_000);
    let written = writer.stop();

    let last = format!("/api/entries?limit=1&text=SELECT+{}", written - 1);
    eventually("the last entry arrives", || {
        listener.json(&last)["entries"].as_array().is_some_and(|found| !found.is_empty())
    });
    assert!(agent.terminate().success());
    check(&listener, written);
}

fn check(listener: &Listener, written: u64) {
    let mut by_file: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for stored in listener.entries() {
        let statement = stored["entry"]["statement"].as_str().unwrap().to_owned();
        let number: u64 = statement.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(
            statement.ends_with("\nFROM numbers"),
            number.is_multiple_of(10),
            "torn: {statement}"
        );
        by_file.entry(stored["file"].as_str().unwrap().to_owned()).or_default().push(number);
    }
    let mut all = Vec::new();
    for (file, numbers) in by_file {
        // A renamed log and the new one share their name, so the order is that within each round.
        for pair in numbers.windows(2) {
            assert!(pair[0] < pair[1], "{file}: {} before {}", pair[0], pair[1]);
        }
        all.extend(numbers);
    }
    all.sort_unstable();
    let expected: Vec<u64> = (0..written).collect();
    assert_eq!(all.len(), expected.len(), "entries stored");
    assert_eq!(all, expected);
}

/// Entries of one session, numbered as the server does.
fn numbered(lines: std::ops::RangeInclusive<u64>) -> String {
    let line =
        |n| format!("2026-11-24 02:21:01.123 UTC [7476] 6563a1f8.1d34 {n} LOG:  number {n}\n");
    lines.map(line).collect()
}

#[test]
fn lines_that_went_while_the_agent_was_dead_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("postgresql.log");
    let listener = Listener::start(folder.path(), 0);
    let config = agent_config(folder.path(), listener.address, log.to_str().unwrap(), "");
    fs::write(&log, numbered(1..=20)).unwrap();
    let agent = start_agent(&config);
    eventually("all arrive", || listener.entries().len() == 20);
    agent.kill();

    // Somebody makes room, with three lines that nobody has read.
    fs::write(&log, numbered(24..=30)).unwrap();
    let agent = start_agent(&config);
    let told = agent.wait_for_log("never came");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["first"], &told["last"]), (&21.into(), &23.into()), "{told}");
    eventually("the others arrive", || listener.entries().len() == 27);
    agent.kill();

    let mut more = File::options().append(true).open(&log).unwrap();
    more.write_all(numbered(31..=32).as_bytes()).unwrap();
    let agent = start_agent(&config);
    eventually("the last ones arrive", || listener.entries().len() == 29);
    assert!(agent.logged("never came").is_empty());
    assert!(agent.terminate().success());
}
