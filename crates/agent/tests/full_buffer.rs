#![cfg(test)]
//! The whole agent with a buffer that is far too small: nothing is lost without being counted.

mod support;

use std::{
    fmt::Write as _,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use agent::{
    batch::Compression,
    buffer::{self, Buffer, WhenFull},
    config::Config,
    pipeline::Agent,
    shutdown::Shutdown,
    status::Overview,
    tail::{LogPath, StartAt},
};
use support::{Receiver, Request, eventually, stored};

const ENTRIES: u64 = 100_000;
const MAX_BYTES: u64 = 1_000_000;
const DELIVERED_BATCHES: usize = 3;

/// Entries that hardly compress, so that the buffer fills.
fn log() -> String {
    let mut log = String::new();
    let mut random = 1u64;
    for number in 0..ENTRIES {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise = random.rotate_left(17) ^ random;
        writeln!(log, "2026-11-24 02:21:01.123 UTC [7] LOG:  {number} {random:016x}{noise:016x}")
            .unwrap();
    }
    log
}

/// Runs the agent on a log until `is_done`, with a listener that confirms the first batches and then
/// does not answer. Returns the buffer that it leaves, and how many entries the listener confirmed.
fn run(
    when_full: WhenFull,
    is_done: impl Fn(&Receiver, &Overview) -> bool,
) -> (Buffer, u64, tempfile::TempDir) {
    let taken = AtomicUsize::new(0);
    let receiver = Receiver::start(move |_, request| {
        let has_room = || taken.fetch_add(1, Ordering::Relaxed) < DELIVERED_BATCHES;
        if request.is_batch() && has_room() { stored() } else { None }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postgresql.log");
    fs::write(&path, log()).unwrap();
    let mut config = Config::default();
    config.listener.url = format!("http://{}", receiver.address);
    config.listener.api_key = "key".to_owned().into();
    config.listener.compression = Compression::Zstd;
    config.buffer.path = folder.path().join("buffer");
    let mut settings = config.check(None).unwrap();
    settings.tail.paths = vec![LogPath::new(path.to_str().unwrap())];
    settings.tail.start_at = StartAt::Beginning;
    settings.buffer = buffer::Settings { max_bytes: MAX_BYTES, when_full, ..settings.buffer };
    let buffer_settings = settings.buffer.clone();

    let agent = Agent::open(settings).unwrap();
    let overview = agent.overview();
    let shutdown = Shutdown::new();
    thread::scope(|scope| {
        let running = scope.spawn(|| agent.run(&shutdown));
        eventually("the agent has done its part", || is_done(&receiver, &overview));
        shutdown.request();
        running.join().unwrap().unwrap();
    });
    // It holds the buffer open.
    drop(overview);
    receiver.assert_resends_are_identical();
    let requests = receiver.requests.lock().unwrap();
    let batches = requests.iter().filter(|request| request.is_batch());
    let confirmed = batches.take(DELIVERED_BATCHES).map(entries_of).sum();
    (Buffer::open(&buffer_settings).unwrap(), confirmed, folder)
}

fn entries_of(request: &Request) -> u64 {
    let body: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
    body["data"]["entries"].as_array().unwrap().len() as u64
}

/// True once the breaker must have opened.
fn breaker_is_open(receiver: &Receiver) -> bool {
    let requests = receiver.requests.lock().unwrap();
    requests.len() >= DELIVERED_BATCHES + 5
}

#[test]
fn full_buffer_drops_the_oldest_and_accounts_for_every_entry() {
    let (mut buffer, confirmed, _folder) = run(WhenFull::DropOldest, |receiver, overview| {
        breaker_is_open(receiver) && overview.health().unwrap().ledger.read == ENTRIES
    });
    let ledger = buffer.ledger().unwrap();
    assert_eq!(ledger.read, ENTRIES);
    assert_eq!(ledger.delivered, confirmed);
    assert!(ledger.lost["evicted"] > 10_000, "{ledger:?}");
    assert_eq!(ledger.read, ledger.delivered + ledger.waiting + ledger.lost["evicted"]);
    // It goes down to four fifths less what one transaction stores.
    let stats = buffer.stats().unwrap();
    assert!(stats.used_bytes <= stats.max_bytes && stats.disk_bytes <= MAX_BYTES, "{stats:?}");
    assert!(stats.used_bytes > stats.max_bytes / 5 * 3, "{stats:?}");
    // What waits is the newest part of the log.
    let oldest = buffer.peek(&[]).unwrap().unwrap().batch;
    let body = String::from_utf8(zstd::decode_all(&oldest.body[..]).unwrap()).unwrap();
    assert!(!body.contains(r#""message":"0 "#));
}

#[test]
fn pausing_buffer_leaves_the_rest_in_the_log() {
    let (mut buffer, _, _folder) = run(WhenFull::Pause, |receiver, _| breaker_is_open(receiver));
    let ledger = buffer.ledger().unwrap();
    assert!(ledger.read < ENTRIES, "all was read");
    assert_eq!(ledger.lost_total(), 0);
    assert!(ledger.balances(), "{ledger:?}");
    let position = buffer.checkpoints().unwrap().unwrap()[0].position;
    assert!(position > 0 && position < log().len() as u64);
}
