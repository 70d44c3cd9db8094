#![cfg(test)]
//! The agent is killed again and again under load, while the log is rotated and the listener fails in
//! every way. Every line must be stored once, and those of a file in their order.
//!
//! `PGCOURIER_KILLS` sets how often it is killed:
//! `PGCOURIER_KILLS=1000 cargo test --release -p pgcourier --test soak -- --nocapture`

mod soak_parts;
mod support;

use std::{env, fmt::Write as _, fs, time::Duration};

use serde_json::Value;
use soak_parts::{
    Random,
    proxy::{Fault, Proxy},
    sleep,
    writer::Writer,
};
use support::{Listener, agent_config, eventually, start_agent};

/// How many kills are tried with the other tests.
const KILLS: u64 = 25;

#[test]
fn nothing_is_lost_or_doubled_however_often_the_agent_is_killed() {
    let kills = env::var("PGCOURIER_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("log");
    fs::create_dir(&logs).unwrap();
    let listener = Listener::start(folder.path(), 0);
    let proxy = Proxy::start(listener.address);
    let breaker = "[breaker]\nreset_timeout_s = 1\n";
    let config = agent_config(folder.path(), proxy.address, logs.to_str().unwrap(), breaker);
    // What is rotated away before the first look is history.
    fs::write(logs.join("postgresql.log"), "").unwrap();
    let agent = start_agent(&config);
    agent.wait_for_log("following");
    let writer = Writer::start(&logs);
    let mut random = Random::new(kills);
    eventually("the first lines arrive", || newest(&listener).is_some());
    agent.kill();

    for round in 0..kills {
        let agent = start_agent(&config);
        proxy.set(Fault::ALL[random.index(Fault::ALL.len())]);
        sleep(Duration::from_millis(50 + random.below(400)));
        agent.kill();
        if random.below(4) == 0 {
            // The log goes on, and is rotated, without an agent.
            sleep(Duration::from_millis(random.below(600)));
        }
        if round % 100 == 99 {
            eprintln!("{} kills, {} lines", round + 1, writer.written());
        }
    }
    proxy.set(Fault::None);
    let agent = start_agent(&config);
    let (written, files) = writer.stop();
    eventually("all lines arrive", || {
        let page = listener.json("/api/entries?limit=100");
        page["entries"].as_array().unwrap().iter().any(|stored| number(stored) == written - 1)
    });
    assert!(agent.terminate().success());
    let stored = numbers(&listener);
    eprintln!("{kills} kills, {written} lines, {} stored", stored.len());
    let mut sorted = stored.clone();
    sorted.sort_unstable();
    assert_eq!(wrongs(&sorted, written), "", "lines that are missing or doubled");
    // Each file comes in its order; files that are rotated within a tick of the clock may change places.
    let breaks = stored.windows(2).filter(|pair| pair[1] != pair[0] + 1).count() as u64;
    assert!(breaks <= 2 * files, "{breaks} breaks of the order with {files} files");
}

/// The number of the line that was stored last.
fn newest(listener: &Listener) -> Option<u64> {
    let page = listener.json("/api/entries?limit=1");
    Some(number(page["entries"].as_array()?.first()?))
}

fn number(stored: &Value) -> u64 {
    let statement = stored["entry"]["statement"].as_str().unwrap();
    let number = statement.split_whitespace().nth(1).unwrap().parse().unwrap();
    let is_whole = statement.ends_with("\nFROM numbers") == u64::is_multiple_of(number, 10);
    assert!(is_whole, "torn: {statement}");
    number
}

/// Says which lines are missing and which came more than once.
fn wrongs(sorted: &[u64], written: u64) -> String {
    let mut wrongs = String::new();
    let mut next = 0;
    for number in sorted.iter().copied().chain([written]) {
        if number > next {
            writeln!(wrongs, "{next} to {} are missing", number - 1).unwrap();
        } else if number < next {
            writeln!(wrongs, "{number} came again").unwrap();
        }
        next = number + 1;
    }
    wrongs
}

/// The numbers of all lines in the order in which they were stored.
fn numbers(listener: &Listener) -> Vec<u64> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = listener.json(&format!("/api/entries?limit=1000{cursor}"));
        for stored in page["entries"].as_array().unwrap() {
            found.push((stored["id"].as_i64().unwrap(), number(stored)));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, number)| number).collect()
}
