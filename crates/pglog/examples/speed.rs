//! How fast a log becomes entries and JSON, beside a bare search for line breaks in the same bytes.
//!
//! `cargo run --release -p pglog --example speed -- LOG…`
//!
//! Each log is repeated to 200 MB. Seconds are those of the processor, so other work on the machine hardly
//! disturbs them; the kernel counts them in /proc, so this runs on Linux only.
//!
//! Instructions do not depend on the machine's load at all. Those of 8 MB are what two runs differ in, which
//! leaves out what it takes to find out how the log is read:
//!
//! `valgrind --tool=callgrind target/release/examples/speed --mb 4 --only json LOG`, and with `--mb 12`.

use std::{env, error::Error, fs, hint::black_box};

use pglog::{Assembled, Depth, Parser, ParserOptions};

const DEFAULT_MB: usize = 200;
const CHUNK_BYTES: usize = 256 << 10;

/// How much JSON is kept until it is thrown away.
const JSON_BYTES: usize = 256 << 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is done with a log.
#[derive(Debug, Clone, Copy)]
struct Work {
    name: &'static str,
    depth: Depth,
    writes_json: bool,
}

const WORKS: [Work; 3] = [
    Work { name: "texts", depth: Depth::Texts, writes_json: false },
    Work { name: "meaning", depth: Depth::Meaning, writes_json: false },
    Work { name: "json", depth: Depth::Meaning, writes_json: true },
];

fn main() -> Result<()> {
    let (mut megabytes, mut only, mut paths) = (DEFAULT_MB, None, Vec::new());
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mb" => megabytes = args.next().ok_or("--mb needs a number")?.parse()?,
            "--only" => only = Some(args.next().ok_or("--only needs texts, meaning or json")?),
            _ => paths.push(arg),
        }
    }
    print(&format!(
        "{:<48}{:<9}{:>9}{:>9}{:>12}{:>12}",
        "MB per CPU second", "format", "texts", "meaning", "json", "line breaks"
    ));
    for path in paths {
        let file = fs::read(&path)?;
        let log = file.repeat((megabytes * 1_000_000).div_ceil(file.len().max(1)));
        let mut rates = [String::new(), String::new(), String::new()];
        let mut format = "none";
        for (work, rate) in WORKS.iter().zip(&mut rates) {
            if only.as_deref().is_none_or(|only| only == work.name) {
                let (seconds, found) = read(&log, *work)?;
                format = found;
                *rate = format!("{:.0}", mega(&log) / seconds);
            }
        }
        let before = cpu_seconds()?;
        black_box(memchr::memchr_iter(b'\n', black_box(&log)).count());
        let search = format!("{:.0}", mega(&log) / (cpu_seconds()? - before));
        let [texts, meaning, json] = rates;
        let name = path.rsplit("testdata/logs/").next().unwrap_or(&path);
        print(&format!("{name:<48}{format:<9}{texts:>9}{meaning:>9}{json:>12}{search:>12}"));
    }
    Ok(())
}

/// Reads a log. Returns the seconds that it takes, and the format.
fn read(log: &[u8], work: Work) -> Result<(f64, &'static str)> {
    let options = ParserOptions { depth: work.depth, ..ParserOptions::default() };
    let mut parser = Parser::new(options, 0);
    let mut entries = 0_u64;
    let mut json = Vec::new();
    let mut take = |found: &Assembled<'_>| {
        entries += 1;
        if work.writes_json {
            found.entry.write_json(&mut json);
            json.push(b'\n');
            if json.len() > JSON_BYTES {
                black_box(&json);
                json.clear();
            }
        }
    };
    let before = cpu_seconds()?;
    for chunk in log.chunks(CHUNK_BYTES) {
        parser.push(chunk, &mut take);
    }
    parser.finish(&mut take);
    let seconds = cpu_seconds()? - before;
    black_box(entries);
    Ok((seconds, parser.format().map_or("none", |format| format.as_str())))
}

fn mega(bytes: &[u8]) -> f64 {
    f64::from(u32::try_from(bytes.len() / 1000).unwrap_or(u32::MAX)) / 1000.0
}

#[expect(clippy::print_stdout, reason = "an example prints what it found")]
fn print(line: &str) {
    println!("{line}");
}

/// Processor time of this process.
fn cpu_seconds() -> Result<f64> {
    let times = fs::read_to_string("/proc/self/schedstat")?;
    let nanos = times.split_whitespace().next().ok_or("no time in schedstat")?;
    Ok(nanos.parse::<f64>()? / 1e9)
}
