//! How much log a second of processor time takes, beside `wc -l` on the same file in the same run.
//!
//! `cargo bench --profile dist -p pgcourier --bench throughput [-- LOG|RUN]`
//!
//! A LOG is a file, a RUN a folder with `postgresql.log`, `postgresql.csv` and `postgresql.json`, such as
//! `tools/make-corpus --bulk 200` makes. In place of what is not given, a real log of `testdata/logs` is
//! repeated to 200 MB. Processor seconds are those that the kernel counts, user and system together, so
//! other work on the machine hardly disturbs them.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use pglog::{Depth, Parser, ParserOptions};

const DEFAULT_MB: usize = 200;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let named = env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from);
    let (log, run) = named.map_or((None, None), |named| match named.is_dir() {
        true => (Some(named.join("postgresql.log")), Some(named)),
        false => (Some(named), None),
    });
    let own = |name: &str| make_log(folder.path(), name);
    let log = log.map_or_else(|| own(STDERR), Ok)?;
    let of_run = |end: &str, name| match &run {
        Some(run) => Ok(run.join("postgresql").with_extension(end)),
        None => own(name),
    };
    print(&format!("{:<34}{:>9}{:>9}{:>12}{:>12}", "", "MB", "CPU s", "MB/CPU s", "of wc -l"));
    let count_lines = Row::of("wc -l", &log, count_lines)?;
    let in_process = |depth| move |log: &Path| parse_in_process(log, depth);
    let rows = [
        Row::of("library: stderr, texts", &log, in_process(Depth::Texts))?,
        Row::of("library: stderr, meaning", &log, in_process(Depth::Meaning))?,
        Row::of("library: csvlog, texts", &of_run("csv", CSVLOG)?, in_process(Depth::Texts))?,
        Row::of("library: jsonlog, texts", &of_run("json", JSONLOG)?, in_process(Depth::Texts))?,
        Row::of("library: syslog, texts", &own(SYSLOG)?, in_process(Depth::Texts))?,
        Row::of("pgcourier parse > /dev/null", &log, |log| parse(log, "1"))?,
        Row::of("pgcourier parse --jobs 2", &log, |log| parse(log, "2"))?,
    ];
    for row in [&count_lines].into_iter().chain(&rows) {
        row.print(&count_lines);
    }
    let mut peak_kib = 0;
    let agent = Row::of("agent: file to acknowledged", &log, |log| {
        let (seconds, peak) = run_agent(log, folder.path())?;
        peak_kib = peak;
        Ok(seconds)
    })?;
    agent.print(&count_lines);
    print(&format!("agent: {:.1} MiB resident at most", f64::from(peak_kib) / 1024.0));
    Ok(())
}

/// Real logs of one server, in each format.
const STDERR: &str = "pg15/debian/postgresql-2026-11-24_022019.log.gz";
const CSVLOG: &str = "pg15/debian/postgresql-2026-11-24_022019.csv.gz";
const JSONLOG: &str = "pg15/debian/postgresql-2026-11-24_022019.json.gz";
const SYSLOG: &str = "pg15/syslog/syslog-iso.log.gz";

/// What one kind of work took.
struct Row {
    what: &'static str,
    megabytes: f64,
    seconds: f64,
}

impl Row {
    fn of(what: &'static str, log: &Path, work: impl FnOnce(&Path) -> Result<f64>) -> Result<Self> {
        let megabytes = mega(fs::metadata(log)?.len());
        Ok(Self { what, megabytes, seconds: work(log)? })
    }

    fn rate(&self) -> f64 {
        self.megabytes / self.seconds
    }

    fn print(&self, count_lines: &Self) {
        let Self { what, megabytes, seconds } = self;
        let (rate, share) = (self.rate(), self.rate() / count_lines.rate());
        print(&format!("{what:<34}{megabytes:>9.1}{seconds:>9.2}{rate:>12.0}{share:>12.4}"));
    }
}

fn count_lines(log: &Path) -> Result<f64> {
    cpu_seconds(Command::new("wc").arg("-l").arg(log))
}

fn parse(log: &Path, jobs: &str) -> Result<f64> {
    cpu_seconds(pgcourier().args(["parse", "--jobs", jobs]).arg(log))
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn print(line: &str) {
    println!("{line}");
}

fn mega(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

fn pgcourier() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    command.arg("--log-level=error");
    command
}

/// Repeats a real log.
fn make_log(folder: &Path, name: &str) -> Result<PathBuf> {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs");
    let packed = fs::File::open(logs.join(name))?;
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut text)?;
    let path = folder.join(name.replace('/', "-").trim_end_matches(".gz"));
    let mut file = fs::File::create(&path)?;
    for _ in 0..DEFAULT_MB * 1_000_000 / text.len() {
        file.write_all(&text)?;
    }
    Ok(path)
}

/// Processor time of a command, user and system. The shell asks the kernel for it.
fn cpu_seconds(command: &Command) -> Result<f64> {
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\" > /dev/null", "bash"]);
    shell.arg(command.get_program()).args(command.get_args());
    let output = shell.output()?;
    let times = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(times.into());
    }
    let seconds = times.split_whitespace().map(str::parse::<f64>);
    Ok(seconds.sum::<std::result::Result<f64, _>>()?)
}

fn parse_in_process(log: &Path, depth: Depth) -> Result<f64> {
    let mut file = fs::File::open(log)?;
    let mut parser = Parser::new(ParserOptions { depth, ..ParserOptions::default() }, 0);
    let mut buffer = vec![0; 256 << 10];
    let mut entries = 0u64;
    let before = cpu_of("self")?;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        parser.push(bytes, &mut |_| entries += 1);
    }
    parser.finish(&mut |_| entries += 1);
    if entries < 1000 {
        return Err(format!("only {entries} entries were found").into());
    }
    Ok(cpu_of("self")? - before)
}

/// User and system time of a process, which the kernel counts in ticks of 10 ms.
fn cpu_of(pid: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<std::result::Result<f64, _>>()? / 100.0)
}

/// Runs the agent until the whole log is acknowledged. Returns its processor time and the most memory
/// that it had, in KiB.
fn run_agent(log: &Path, folder: &Path) -> Result<(f64, u32)> {
    let (sender, ends) = mpsc::channel();
    let address = receive(sender)?;
    let buffer = folder.join("buffer");
    let config = folder.join("agent.toml");
    let text = format!(
        "[collection]\nlog_path = {log:?}\nstart_at = \"beginning\"\n\
         [listener]\nurl = \"http://{address}\"\napi_key = \"bench\"\n[buffer]\npath = {buffer:?}\n"
    );
    fs::write(&config, text)?;
    let mut agent = pgcourier().arg("run").arg("-c").arg(&config).spawn()?;
    let pid = agent.id().to_string();
    let whole = fs::metadata(log)?.len();
    while ends.recv_timeout(Duration::from_secs(120))? < whole {}
    let seconds = cpu_of(&pid)?;
    let peak = peak_kib(&pid)?;
    Command::new("kill").arg(&pid).status()?;
    agent.wait()?;
    Ok((seconds, peak))
}

fn peak_kib(pid: &str) -> Result<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

/// Answers every request with success, and tells where each batch ends in its file.
fn receive(ends: mpsc::Sender<u64>) -> Result<SocketAddr> {
    let socket = TcpListener::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || {
        for stream in socket.incoming().map_while(std::result::Result::ok) {
            let mut reader = BufReader::new(stream);
            while let Some(body) = read_body(&mut reader) {
                let text = zstd::decode_all(&body[..]).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                let end = text.split("\"end\":").nth(1).unwrap_or("0}");
                let end = end.split('}').next().and_then(|end| end.parse().ok()).unwrap_or(0);
                if reader.get_mut().write_all(ANSWER.as_bytes()).is_err() || ends.send(end).is_err()
                {
                    return;
                }
            }
        }
    });
    Ok(address)
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}";

fn read_body(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 {
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            return Some(body);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    None
}
