#![cfg(test)]
//! The agent is killed again and again under load, while the log is rotated and the listener fails in
//! every way. Every line must be stored once, and those of a file in their order.
//!
//! `PGCOURIER_KILLS` sets how often it is killed:
//! `PGCOURIER_KILLS=1000 cargo test --release -p pgcourier --test soak -- --nocapture`

mod soak_parts;
mod support;

use std::{collections::HashSet, env, fmt::Write as _, fs, sync::mpsc, time::Duration};

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

    let mut followed = Vec::new();
    for round in 0..kills {
        let agent = start_agent(&config);
        proxy.set(Fault::ALL[random.index(Fault::ALL.len())]);
        sleep(Duration::from_millis(50 + random.below(400)));
        followed.push(format!("round {round}, {} lines", writer.written()));
        followed.extend(agent.logged(""));
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
    let (written, rotations) = writer.stop();
    wait_for_line(&listener, written - 1);
    assert!(agent.terminate().success());
    let stored = numbers(&listener);
    eprintln!("{kills} kills, {written} lines, {} stored", stored.len());
    let mut sorted = stored.clone();
    sorted.sort_unstable();
    let missing_or_doubled = wrongs(&sorted, written);
    // Each file comes in its order. Files that are rotated within a tick of the clock may change places.
    let start = |rotation: &String| rotation.split(':').next()?.parse().ok();
    let starts: HashSet<u64> = rotations.iter().filter_map(start).collect();
    let changes: Vec<_> = stored.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    eprintln!("files that changed places: {changes:?}");
    let breaks: Vec<_> = changes.into_iter().filter(|pair| !starts.contains(&pair[1])).collect();
    if !missing_or_doubled.is_empty() || !breaks.is_empty() {
        let account = format!("{}\n{}\n", rotations.join("\n"), followed.join("\n"));
        let path = env::temp_dir().join("pgcourier-soak.txt");
        fs::write(&path, account).unwrap();
        eprintln!("rotations, and what each agent followed: {}", path.display());
    }
    assert_eq!(missing_or_doubled, "", "lines that are missing or doubled");
    assert!(breaks.is_empty(), "lines of a file that did not come in their order: {breaks:?}");
}

/// Waits until a line is among the last ones stored, for as long as others come.
fn wait_for_line(listener: &Listener, line: u64) {
    let (_sender, never) = mpsc::channel::<()>();
    let mut newest = None;
    let mut patience = 600;
    while patience > 0 {
        let page = listener.json("/api/entries?limit=100");
        let last = page["entries"].as_array().unwrap();
        if last.iter().any(|stored| number(stored) == line) {
            return;
        }
        let id = last.first().and_then(|stored| stored["id"].as_i64());
        patience = if id > newest { 600 } else { patience - 1 };
        newest = newest.max(id);
        let _timed_out = never.recv_timeout(Duration::from_millis(100));
    }
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
    let mut again = None;
    for number in sorted.iter().copied().chain([written]) {
        if number > next {
            writeln!(wrongs, "{next} to {} are missing", number - 1).unwrap();
        } else if number < next && again.is_none_or(|last| number > last + 1) {
            writeln!(wrongs, "{number} and what follows came again").unwrap();
        }
        if number < next {
            again = Some(number);
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
