//! Plays a real log at the speed at which it was written, as if it were written now.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use agent::shutdown::Shutdown;
use pglog::{Clock, Precision, Timestamp};

/// The log of a server under load; `testdata/logs/README.md` says where it comes from.
const LOG: &[u8] =
    include_bytes!("../../../testdata/logs/pg15/debian/postgresql-2026-11-24_022019.log.gz");

/// Length of `2026-11-24 02:20:19.878 UTC`.
const TIME_BYTES: usize = 27;

/// How many files stay in the folder.
const KEPT_FILES: usize = 3;

/// Writes the log into `folder` again and again until the shutdown is requested, each time under a new
/// name, as a server does that rotates its log.
///
/// # Errors
/// Those of writing the files.
pub(crate) fn play(folder: &Path, shutdown: &Shutdown) -> io::Result<()> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(LOG).read_to_end(&mut text)?;
    let mut player = Player { folder, shutdown, clock: Clock::new(), files: Vec::new() };
    while player.play_file(&text)? == Played::ToItsEnd {}
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Played {
    ToItsEnd,
    Stopped,
}

struct Player<'a> {
    folder: &'a Path,
    shutdown: &'a Shutdown,
    clock: Clock,
    files: Vec<PathBuf>,
}

impl Player<'_> {
    fn play_file(&mut self, text: &[u8]) -> io::Result<Played> {
        let mut file = self.next_file()?;
        // Microseconds from the log's time to ours.
        let mut shift = None;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let time = line
                .get(..TIME_BYTES)
                .and_then(|time| std::str::from_utf8(time).ok())
                .and_then(|time| self.clock.read(time));
            let Some(time) = time else {
                file.write_all(line)?;
                continue;
            };
            let logged = time.timestamp.micros();
            let ours = logged + *shift.get_or_insert_with(|| now_micros() - logged);
            let ahead = u64::try_from(ours - now_micros()).unwrap_or(0);
            if self.shutdown.wait(Duration::from_micros(ahead)) {
                return Ok(Played::Stopped);
            }
            let time = Timestamp::from_micros(ours, Precision::Millis).to_string();
            file.write_all(time.replace('T', " ").replace('Z', " UTC").as_bytes())?;
            file.write_all(line.get(TIME_BYTES..).unwrap_or_default())?;
        }
        Ok(Played::ToItsEnd)
    }

    fn next_file(&mut self) -> io::Result<File> {
        let path = self.folder.join(format!("postgresql-{}.log", now_micros()));
        let file = File::options().append(true).create(true).open(&path)?;
        self.files.push(path);
        if self.files.len() > KEPT_FILES {
            fs::remove_file(self.files.remove(0))?;
        }
        Ok(file)
    }
}

#[expect(clippy::disallowed_methods, reason = "the player is what keeps time here")]
fn now_micros() -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}
