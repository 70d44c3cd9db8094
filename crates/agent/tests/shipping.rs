#![cfg(test)]
//! Sending over a real network in virtual time: whatever a listener answers, every entry is delivered,
//! waits, is among the dead letters or is counted as lost.

mod support;

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use agent::{
    batch::{Batch, Compression, Encoder},
    buffer::{self, Buffer, Entry},
    ship::{self, Client, Flushed, Now, SharedBuffer, Shipper, breaker},
    shutdown::Shutdown,
};
use secrecy::SecretString;
use support::{Receiver, Request, stored};
use uuid::Uuid;
use wire::{BatchId, BreakerState, Ledger, Source};

const HOUR: Duration = Duration::from_secs(3600);

/// A buffer, a shipper and a clock that moves when it is told.
struct Bench {
    folder: tempfile::TempDir,
    receiver: Receiver,
    buffer: SharedBuffer,
    shipper: Shipper,
    now: Cell<Duration>,
    runtime: tokio::runtime::Runtime,
    batches: u64,
}

impl Bench {
    fn new(
        answer: impl Fn(usize, &Request) -> Option<(&'static str, String)> + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            buffer::Settings { max_bytes: 5_000_000, ..buffer::Settings::at(folder.path()) };
        let buffer = Arc::new(Mutex::new(Buffer::open(&settings).unwrap()));
        let receiver = Receiver::start(answer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let now = Cell::new(Duration::ZERO);
        let shipper = shipper(&buffer, &client_of(&receiver, None), clock(&now)());
        Self { folder, receiver, buffer, shipper, now, runtime, batches: 0 }
    }

    /// Stores a batch of entries whose messages begin with the name.
    fn push(&mut self, source: Source, names: &[String]) {
        self.batches += 1;
        let mut batch = sealed(self.batches, names);
        batch.source = source;
        let entry = Entry::new(batch, None);
        assert_eq!(self.buffer.lock().unwrap().push(&[entry], 1).unwrap().stored, 1);
    }

    /// Sends until the buffer is empty or `end` has come; every pause passes at once.
    fn run_until(&mut self, end: Duration) -> Flushed {
        let (clock, shutdown) = (clock(&self.now), Shutdown::new());
        loop {
            let flushing = self.shipper.flush(&shutdown, end, &clock);
            match self.runtime.block_on(flushing).unwrap() {
                Flushed::Pause { until } | Flushed::Empty { until: Some(until) } => {
                    assert!(until > self.now.get(), "a pause that is none");
                    self.now.set(until.min(end));
                }
                flushed => return flushed,
            }
        }
    }

    fn run(&mut self) {
        assert_eq!(self.run_until(HOUR * 10_000), Flushed::Empty { until: None });
    }

    /// Starts anew, as after a crash.
    fn crash(&mut self) {
        self.shipper = shipper(&self.buffer, &client_of(&self.receiver, None), clock(&self.now)());
    }

    /// Returns the account, which balances.
    fn ledger(&self) -> Ledger {
        self.receiver.assert_resends_are_identical();
        let mut buffer = self.buffer.lock().unwrap();
        assert!(buffer.counts_agree().unwrap());
        let ledger = buffer.ledger().unwrap();
        assert!(ledger.balances(), "{ledger:?}");
        ledger
    }
}

fn clock(now: &Cell<Duration>) -> impl Fn() -> Now {
    || {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        Now { monotonic: now.get(), wall: start + now.get() }
    }
}

fn client_of(receiver: &Receiver, api_key_file: Option<&Path>) -> ship::Settings {
    ship::Settings {
        url: format!("http://{}/ingest/postgres", receiver.address).parse().unwrap(),
        api_key: SecretString::from("old".to_owned()),
        api_key_file: api_key_file.map(Path::to_owned),
        timeout: Duration::from_secs(5),
        tls: ship::tls::Settings::default(),
    }
}

fn shipper(buffer: &SharedBuffer, settings: &ship::Settings, now: Now) -> Shipper {
    let client = Client::new(settings).unwrap();
    Shipper::open(Arc::clone(buffer), client, breaker::Settings::default(), 7, now).unwrap()
}

fn sealed(number: u64, names: &[String]) -> agent::batch::SealedBatch {
    let json: Vec<String> =
        names.iter().map(|name| format!(r#"{{"level":"LOG","message":"{name}"}}"#)).collect();
    let mut batch = Batch {
        entries: names.len() as u64,
        levels: BTreeMap::from([("LOG", names.len() as u64)]),
        json: json.join(",").into_bytes(),
        start: 0,
        end: 1,
    };
    let id = BatchId::new(Uuid::from_u128(u128::from(number) << 80));
    Encoder::new("p".to_owned(), "a".to_owned(), Compression::Zstd).seal(
        &mut batch,
        id,
        Path::new("/x.log"),
        1.0,
    )
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix} {number}.")).collect()
}

fn refused() -> Option<(&'static str, String)> {
    let body = r#"{"error":"Bad Request","message":"no","details":["entries.0: poison"]}"#;
    Some(("400 Bad Request", body.to_owned()))
}

#[test]
fn one_poison_entry_among_a_thousand_costs_itself_and_few_requests() {
    for position in [0, 1, 499, 500, 777, 999] {
        let mut bench =
            Bench::new(
                |_, request| {
                    if request.text().contains("poison") { refused() } else { stored() }
                },
            );
        let mut entries = names("good", 1000);
        "poison.".clone_into(&mut entries[position]);
        bench.push(Source::PgLog, &entries);
        bench.run();
        let requests = bench.receiver.count();
        assert!(requests <= 1 + 21, "{requests} requests");
        let ledger = bench.ledger();
        assert_eq!((ledger.delivered, ledger.dead_lettered, ledger.waiting), (999, 1, 0));
        let letter = bench.buffer.lock().unwrap().dead_letters(0, 9).unwrap().remove(0);
        assert_eq!(letter.words, "400 no; entries.0: poison");
        let body = String::from_utf8(letter.batch.decoded().unwrap()).unwrap();
        assert!(body.contains("poison.") && !body.contains("good"), "{body}");
    }
}

#[test]
fn order_survives_halving() {
    let mut bench =
        Bench::new(
            |_, request| if request.text().contains("poison") { refused() } else { stored() },
        );
    let mut entries = names("entry", 20);
    for position in [3, 4, 11] {
        entries[position].push_str(" poison");
    }
    bench.push(Source::PgLog, &entries);
    bench.push(Source::PgLog, &names("later", 2));
    bench.run();
    let requests = bench.receiver.requests.lock().unwrap().clone();
    let delivered = requests.iter().map(Request::text).filter(|text| !text.contains("poison"));
    let delivered = delivered.collect::<String>();
    let mut expected: Vec<&String> =
        entries.iter().filter(|entry| !entry.contains("poison")).collect();
    let later = names("later", 2);
    expected.extend(&later);
    let mut rest = delivered.as_str();
    for name in expected {
        let (_, behind) = rest.split_once(&format!("\"{name}\"")).expect(name);
        rest = behind;
    }
    assert_eq!(bench.ledger().dead_lettered, 3);
}

#[test]
fn batches_too_large_are_halved_and_the_limit_is_learned() {
    const LIMIT: usize = 450;
    let mut bench = Bench::new(|_, request| {
        if request.body.len() < LIMIT {
            stored()
        } else {
            Some(("413 Content Too Large", "{}".to_owned()))
        }
    });
    let noise = |prefix: u64| -> Vec<String> {
        let random = |n: u64| (prefix + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..32).map(|n| format!("{:016x}", random(n))).collect()
    };
    bench.push(Source::PgLog, &noise(0));
    bench.push(Source::PgLog, &noise(1000));
    bench.run();
    let requests = bench.receiver.requests.lock().unwrap().clone();
    let too_large: Vec<usize> =
        requests.iter().map(|request| request.body.len()).filter(|bytes| *bytes >= LIMIT).collect();
    assert!((1..=3).contains(&too_large.len()), "{too_large:?}");
    assert_eq!(bench.ledger().delivered, 64);
}

#[test]
fn single_entry_that_is_too_large_goes_to_the_dead_letters() {
    let mut bench = Bench::new(|_, request| {
        let too_large = Some(("413 Content Too Large", "the proxy's limit".to_owned()));
        if request.text().contains("huge") { too_large } else { stored() }
    });
    let mut entries = names("good", 9);
    "huge".clone_into(&mut entries[4]);
    bench.push(Source::PgLog, &entries);
    bench.run();
    let ledger = bench.ledger();
    assert_eq!((ledger.delivered, ledger.dead_lettered), (8, 1));
    let words = bench.buffer.lock().unwrap().dead_letters(0, 9).unwrap().remove(0).words;
    assert_eq!(words, "413 the proxy's limit");
}

#[test]
fn source_that_is_refused_is_held_and_blocks_no_other() {
    let knows_locks = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&knows_locks);
    let mut bench = Bench::new(move |_, request| {
        if request.text().contains("lock") && !known.load(Ordering::Relaxed) {
            refused()
        } else {
            stored()
        }
    });
    for round in 0..20 {
        bench.push(Source::PgLocks, &names(&format!("lock {round}"), 50));
        bench.push(Source::PgLog, &names("log", 10));
    }
    let flushed = bench.run_until(HOUR);
    assert_eq!(flushed, Flushed::Due);
    let ledger = bench.ledger();
    assert_eq!((ledger.delivered, ledger.waiting, ledger.dead_lettered), (200, 1000, 0));
    assert_eq!(bench.shipper.held_sources(), [Source::PgLocks]);
    let requests = bench.receiver.count();
    assert!(requests < 20 + 20 + 10, "{requests} requests, most of them for what is refused");

    knows_locks.store(true, Ordering::Relaxed);
    bench.run();
    let ledger = bench.ledger();
    assert_eq!((ledger.delivered, ledger.dead_lettered), (1200, 0));
    assert!(bench.shipper.held_sources().is_empty());
}

#[test]
fn dead_letters_go_back_when_the_next_batch_shows_that_all_is_refused() {
    let is_back = Arc::new(AtomicBool::new(false));
    let back = Arc::clone(&is_back);
    let mut bench =
        Bench::new(move |_, _| if back.load(Ordering::Relaxed) { stored() } else { refused() });
    bench.push(Source::PgLog, &names("only", 150));
    bench.run();
    let ledger = bench.ledger();
    assert_eq!((ledger.waiting, ledger.dead_lettered), (0, 150), "nothing else can be tried");
    bench.push(Source::PgLog, &names("next", 10));
    let end = bench.now.get() + Duration::from_secs(10);
    assert_eq!(bench.run_until(end), Flushed::Due);
    let ledger = bench.ledger();
    assert_eq!((ledger.waiting, ledger.dead_lettered), (160, 0));

    is_back.store(true, Ordering::Relaxed);
    bench.run();
    assert_eq!((bench.ledger().delivered, bench.ledger().dead_lettered), (160, 0));
}

#[test]
fn poison_entries_in_a_row_do_not_hold_a_source_that_works() {
    let mut bench =
        Bench::new(
            |_, request| if request.text().contains("poison") { refused() } else { stored() },
        );
    for number in 0..6 {
        bench.push(Source::PgLog, &[format!("poison {number}")]);
    }
    bench.push(Source::PgLog, &names("good", 100));
    bench.push(Source::PgLog, &names("better", 100));
    bench.run();
    let ledger = bench.ledger();
    assert_eq!((ledger.delivered, ledger.dead_lettered), (200, 6));
}

#[test]
fn a_day_without_the_right_key_loses_nothing() {
    let mut bench = Bench::new(|_, request| match request.header("authorization") {
        Some("Bearer new") => stored(),
        _ => Some(("401 Unauthorized", r#"{"error":"Unauthorized"}"#.to_owned())),
    });
    let file = bench.folder.path().join("key");
    fs::write(&file, "old\n").unwrap();
    let settings = client_of(&bench.receiver, Some(&file));
    bench.shipper = shipper(&bench.buffer, &settings, clock(&bench.now)());
    for _ in 0..24 {
        bench.push(Source::PgLog, &names("entry", 20));
        let end = bench.now.get() + HOUR;
        assert_eq!(bench.run_until(end), Flushed::Due);
    }
    assert_eq!(bench.ledger().waiting, 24 * 20);
    assert_eq!(bench.shipper.breaker().state(), BreakerState::Closed);
    let requests = bench.receiver.count();
    assert!((24 * 50..24 * 60 + 10).contains(&requests), "{requests} requests");

    fs::write(&file, "\u{feff}new\r\n").unwrap();
    let before = bench.now.get();
    bench.run();
    assert_eq!(bench.ledger().delivered, 24 * 20);
    assert!(bench.now.get() - before < Duration::from_secs(20), "the new key is seen at once");
}

#[test]
fn listener_that_asks_for_a_pause_gets_it() {
    let date =
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000 + 600));
    for (status, retry_after, seconds) in [
        ("429 Too Many Requests", "30", 30),
        ("503 Service Unavailable", date.as_str(), 600),
        // No pause at all would be an endless loop.
        ("429 Too Many Requests", "0", 1),
        ("503 Service Unavailable", "Sun, 06 Nov 1994 08:49:37 GMT", 1),
    ] {
        let line: &'static str = format!("{status}\r\nRetry-After: {retry_after}").leak();
        let mut bench =
            Bench::new(
                move |number, _| if number == 0 { Some((line, String::new())) } else { stored() },
            );
        bench.push(Source::PgLog, &names("entry", 3));
        bench.run();
        let waited = bench.now.get().as_secs();
        assert!((seconds..=seconds * 11 / 10 + 1).contains(&waited), "{waited} s");
        assert_eq!(bench.receiver.count(), 2);
        assert_eq!(bench.shipper.breaker().opened_total(), 0);
        assert_eq!(bench.ledger().delivered, 3);
    }
}

/// Runs through an outage, with a batch each ten minutes.
fn outage(length: Duration) {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let mut bench =
        Bench::new(move |_, _| if up.load(Ordering::Relaxed) { stored() } else { None });
    let mut pushed = 0;
    while bench.now.get() < length {
        bench.push(Source::PgLog, &names("entry", 10));
        pushed += 10;
        let end = bench.now.get() + HOUR / 6;
        assert_eq!(bench.run_until(end), Flushed::Due);
    }
    let requests = bench.receiver.count() as u64;
    // Five to open the breaker, and one each 60 to 66 s from then on.
    let minutes = length.as_secs() / 60;
    assert!(requests <= minutes + 6, "{requests} requests in {minutes} minutes");
    assert!(requests >= minutes * 60 / 67, "{requests} requests in {minutes} minutes");
    is_up.store(true, Ordering::Relaxed);
    let back = bench.now.get();
    bench.run();
    let ledger = bench.ledger();
    assert_eq!((ledger.read, ledger.delivered), (pushed, pushed));
    assert_eq!(ledger.lost_total(), 0);
    assert!(bench.now.get() - back < HOUR / 10, "it recovers within minutes");
}

#[test]
fn hours_of_outage_lose_nothing_and_cost_one_request_a_minute() {
    outage(HOUR * 6);
}

#[test]
#[ignore = "takes minutes: cargo test -p agent --test shipping -- --ignored"]
fn a_week_of_outage_loses_nothing_and_costs_one_request_a_minute() {
    outage(HOUR * 24 * 7);
}

#[test]
fn agent_that_crashes_again_and_again_does_not_hammer_the_listener() {
    let mut bench = Bench::new(|_, _| None);
    bench.push(Source::PgLog, &names("entry", 1));
    // Each life lasts 5 s, as long as the service manager waits before the next.
    for _ in 0..120 {
        let end = bench.now.get() + Duration::from_secs(5);
        bench.run_until(end);
        bench.crash();
    }
    let requests = bench.receiver.count();
    assert!((10..=5 + 11).contains(&requests), "{requests} requests in ten minutes");
    assert_eq!(bench.ledger().waiting, 1);
}

#[test]
fn another_listener_does_not_wait_for_what_the_old_one_did() {
    let mut bench = Bench::new(|_, _| None);
    bench.push(Source::PgLog, &names("entry", 1));
    bench.run_until(Duration::from_secs(30));
    assert_eq!(bench.shipper.breaker().state(), BreakerState::Open);
    bench.receiver = Receiver::start(|_, _| stored());
    bench.crash();
    let before = bench.now.get();
    bench.run();
    assert_eq!((bench.receiver.count(), bench.ledger().delivered), (1, 1));
    assert!(bench.now.get() - before < Duration::from_secs(2), "{:?}", bench.now.get());
}

#[test]
fn listener_that_is_back_is_not_knocked_over() {
    let fails = Arc::new(AtomicUsize::new(5));
    let failing = Arc::clone(&fails);
    let mut bench = Bench::new(move |_, _| {
        let left = failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if left.is_ok() { None } else { stored() }
    });
    for _ in 0..40 {
        bench.push(Source::PgLog, &names("entry", 1));
    }
    bench.run_until(Duration::from_secs(59));
    assert_eq!(bench.shipper.breaker().state(), BreakerState::Open);
    bench.run_until(Duration::from_secs(90));
    let by_then = bench.receiver.count() - 5;
    assert_eq!(by_then, 40, "all of them");
    let took = bench.now.get();
    assert!(took >= Duration::from_secs(63), "at {took:?}");
}
