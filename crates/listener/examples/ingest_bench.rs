//! Measures ingest: `cargo run --release -p listener --example ingest_bench [BATCHES] [SENDERS]`.
//!
//! A listener in this process takes compressed batches of 500 entries from a few connections, over the
//! loopback, each acknowledged after its commit. Compression is done before the clock starts; the senders'
//! own share of the processor time is in the figures.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::{
    error::Error,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use listener::{Config, Server};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ENTRIES: usize = 500;

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let batches = args.next().map_or(Ok(2_000), |text| text.parse::<usize>())?;
    let senders = args.next().map_or(Ok(4), |text| text.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".to_owned();
    config.store.path = folder.path().join("listener.db");
    config.limits.requests_per_minute = u32::MAX;
    config.projects.entry("shop".to_owned()).or_default().key = Some("key".into());

    let server = Server::bind(&config)?;
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = thread::spawn(move || -> io::Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(server.run(async { drop(stopped.await) }))
    });
    let requests = (0..batches).map(request).collect::<Outcome<Vec<_>>>()?;
    let sizes = requests.iter().map(|request| request.decoded).sum::<usize>();

    let (start, cpu_before) = (Instant::now(), cpu_seconds()?);
    let mut waits = send_all(address, &requests, senders)?;
    let (elapsed, cpu) = (start.elapsed(), cpu_seconds()? - cpu_before);
    report(&mut waits, elapsed, cpu, sizes);
    ask(address)?;
    drop(stop);
    running.join().map_err(|_| "the listener panicked")??;
    let file = fs::metadata(&config.store.path)?.len();
    println!("{} bytes on disk per entry", file / (batches * ENTRIES) as u64);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "three digits are printed")]
fn report(waits: &mut [Duration], elapsed: Duration, cpu: f64, sizes: usize) {
    waits.sort_unstable();
    let entries = (waits.len() * ENTRIES) as f64;
    let at = |part: usize| waits.get(waits.len() * part / 100).copied().unwrap_or_default();
    println!("{entries} entries of {:.0} bytes in {elapsed:.2?}", sizes as f64 / entries);
    println!("{:.0} entries/s", entries / elapsed.as_secs_f64());
    println!("{:.2} CPU seconds per 100,000 entries", cpu / entries * 1e5);
    println!("sent to acknowledged: p50 {:.1?}, p99 {:.1?}", at(50), at(99));
}

/// A request that is ready to be sent.
struct Request {
    bytes: Vec<u8>,
    decoded: usize,
}

fn request(number: usize) -> Outcome<Request> {
    let entries = (0..ENTRIES).map(|index| entry(number * ENTRIES + index)).collect::<Vec<_>>();
    let body = json!({"project": "shop", "timestamp": 1_769_593_263.123, "source": "pg_log",
        "data": {"entries": entries, "count": ENTRIES, "batch": {"id": Uuid::now_v7(),
            "agent": "db1", "file": "/log/a.log", "start": 0, "end": 1}}});
    let body = body.to_string();
    let compressed = zstd::encode_all(body.as_bytes(), 3)?;
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key\r\n\
         Content-Encoding: zstd\r\nContent-Length: {}\r\n\r\n",
        compressed.len()
    );
    Ok(Request { bytes: [head.as_bytes(), &compressed].concat(), decoded: body.len() })
}

fn entry(number: usize) -> Value {
    let (ms, customer) = (number % 1_000, number.wrapping_mul(2_654_435_761) % 1_000_000);
    let statement = format!(
        "SELECT o.id, o.total, o.state, l.sku, l.quantity FROM orders o JOIN order_lines l \
         ON l.order_id = o.id WHERE o.customer_id = {customer} AND o.state <> 'draft' LIMIT 20"
    );
    let timestamp =
        format!("2026-01-28T09:{:02}:{:02}.{ms:03}Z", number / 60_000 % 60, number / 1_000 % 60);
    let session = json!({"timestamp": timestamp, "pid": 4_000 + number % 200, "user": "app",
        "database": "shop", "application_name": "checkout-worker", "session_id": "69f2c1b0.125c",
        "line_num": number, "vxid": "7/1180", "txid": 0, "backend_type": "client backend"});
    let said = if number.is_multiple_of(20) {
        json!({"level": "ERROR", "state_code": "23505", "event": "error.unique_constraint_violation",
            "message": "duplicate key value violates unique constraint \"orders_key\"",
            "detail": format!("Key (id)=({customer}) already exists."), "statement": statement})
    } else {
        json!({"level": "LOG", "event": "statement.duration", "duration_ms": ms,
            "message": format!("duration: {ms}.125 ms  statement: {statement}"),
            "statement": statement})
    };
    match (session, said) {
        (Value::Object(mut session), Value::Object(said)) => {
            session.extend(said);
            Value::Object(session)
        }
        (session, _) => session,
    }
}

/// Sends all requests from a few connections and returns how long each waited for its answer.
fn send_all(address: SocketAddr, requests: &[Request], senders: usize) -> Outcome<Vec<Duration>> {
    thread::scope(|scope| {
        let share = requests.len().div_ceil(senders.max(1)).max(1);
        let threads = requests.chunks(share).map(|share| scope.spawn(|| send(address, share)));
        let threads = threads.collect::<Vec<_>>();
        let mut waits = Vec::with_capacity(requests.len());
        for thread in threads {
            waits.extend(thread.join().map_err(|_| "a sender panicked")??);
        }
        Ok(waits)
    })
}

fn send(address: SocketAddr, requests: &[Request]) -> Outcome<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut waits = Vec::with_capacity(requests.len());
    for request in requests {
        let start = Instant::now();
        stream.write_all(&request.bytes)?;
        let answer = read_answer(&mut answers)?;
        if !answer.starts_with("HTTP/1.1 200 ") {
            return Err(answer.into());
        }
        waits.push(start.elapsed());
    }
    Ok(waits)
}

/// Asks what the page asks for, to see what it takes with so many entries.
fn ask(address: SocketAddr) -> Outcome<()> {
    for path in [
        "/api/entries",
        "/api/entries?level=ERROR",
        "/api/entries?text=nothing-like-this",
        "/api/statements/slowest?from=2026-01-01T00:00:00Z",
        "/api/errors?from=2026-01-01T00:00:00Z",
        "/",
    ] {
        let mut stream = TcpStream::connect(address)?;
        let start = Instant::now();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let answer = read_answer(&mut BufReader::new(stream))?;
        let status = answer.get(9..12).unwrap_or_default();
        println!("GET {path}: {status} in {:.1?}", start.elapsed());
    }
    Ok(())
}

/// Reads one answer with a length from a connection that stays open.
fn read_answer(stream: &mut impl BufRead) -> Outcome<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err("the connection ended".into());
        }
    }
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length = length.map_or(Ok(0), str::parse)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(head + &String::from_utf8_lossy(&body))
}

/// Processor time of this process, user and system. Linux counts it in hundredths.
fn cpu_seconds() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}
