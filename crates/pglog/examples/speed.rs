//! How fast a log becomes entries, beside a bare search for line breaks in the same bytes.
//!
//! `cargo run --release -p pglog --example speed -- LOG…`
//!
//! Each log is repeated to 200 MB. Seconds are those of the processor, so other work on the machine hardly
//! disturbs them; the kernel counts them in /proc, so this runs on Linux only.

use std::{env, error::Error, fs, hint::black_box};

use pglog::{Depth, Parser, ParserOptions};

const TOTAL_BYTES: usize = 200_000_000;
const CHUNK_BYTES: usize = 256 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args().skip(1) {
        let file = fs::read(&path)?;
        let log = file.repeat(TOTAL_BYTES.div_ceil(file.len().max(1)));
        let megabytes = f64::from(u32::try_from(log.len() / 1000)?) / 1000.0;

        let before = cpu_seconds()?;
        black_box(memchr::memchr_iter(b'\n', black_box(&log)).count());
        let search = cpu_seconds()? - before;

        for depth in [Depth::Texts, Depth::Meaning] {
            let mut parser = Parser::new(ParserOptions { depth, ..ParserOptions::default() }, 0);
            let (mut entries, mut unparsed) = (0_u64, 0_u64);
            let mut count = |found: &pglog::Assembled<'_>| {
                entries += 1;
                unparsed += u64::from(found.entry.unparsed);
            };
            let before = cpu_seconds()?;
            for chunk in log.chunks(CHUNK_BYTES) {
                parser.push(chunk, &mut count);
            }
            parser.finish(&mut count);
            let parse = cpu_seconds()? - before;

            let format = parser.format().map_or("no format", |format| format.as_str());
            print(&format!(
                "{path}: {format}, {depth:?}, {entries} entries, {unparsed} unparsed, {:.0} MB per CPU second, \
             line breaks {:.0}",
                megabytes / parse,
                megabytes / search
            ));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example prints what it found")]
fn print(line: &str) {
    println!("{line}");
}

/// Processor time of this process.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let times = fs::read_to_string("/proc/self/schedstat")?;
    let nanos = times.split_whitespace().next().ok_or("no time in schedstat")?;
    Ok(nanos.parse::<f64>()? / 1e9)
}
