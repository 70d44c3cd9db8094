//! Files that have the ending of a log and are none.
//!
//! Beside logs in csvlog and jsonlog there are other files that end in `.csv` and `.json`: manifests, exports,
//! settings. Of text in a `.log` nobody can tell, for a server's stderr has the words of other programs too.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use pglog::{Kind, Parser, ParserOptions};

use crate::tail::{bytes::read_at, ending::rank, identity::Stamp};

/// How much of a file is looked at.
const SAMPLE_BYTES: u64 = 64 << 10;

/// Files that are no logs, as they were when that was found out.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    known: HashMap<PathBuf, Stamp>,
}

impl Foreign {
    /// Tells whether a file is a log, as far as its ending says what to expect. An empty one may become one.
    pub(super) fn is_log(&mut self, path: &Path) -> bool {
        if rank(path) <= 1 {
            return true;
        }
        let Ok(metadata) = fs::metadata(path) else { return true };
        let stamp = Stamp::of(&metadata);
        if self.known.get(path) == Some(&stamp) {
            return false;
        }
        // What cannot be read is told of where it is opened.
        let is_log = metadata.len() == 0 || begins_as_log(path).unwrap_or(true);
        if is_log {
            self.known.remove(path);
        } else if self.known.insert(path.to_owned(), stamp).is_none() {
            let hint = "name the file itself in collection.log_path to have it sent";
            tracing::info!(path = %path.display(), hint, "no log of a server; left alone");
        }
        is_log
    }
}

fn begins_as_log(path: &Path) -> io::Result<bool> {
    let sample = read_at(&File::open(path)?, 0, SAMPLE_BYTES)?;
    let mut parser = Parser::new(ParserOptions::default(), 0);
    parser.learn(&sample);
    Ok(parser.kind() == Some(Kind::Log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_with_a_log_s_ending_are_told_from_logs() {
        let folder = tempfile::tempdir().unwrap();
        let mut foreign = Foreign::default();
        let mut is_log = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            foreign.is_log(&path)
        };
        let time = "2026-01-28 09:00:00.123 UTC";
        let json = format!("{{\"timestamp\":\"{time}\",\"pid\":1,\"error_severity\":\"LOG\",");
        let json = format!("{json}\"message\":\"x\"}}\n");
        let csv = format!(
            "{time},,,1,,6979a000.1,1,,{time},,0,LOG,00000,\"x\",,,,,,,,,\"\",\"postmaster\",,0\n"
        );
        assert!(!is_log("manifest.json", "{\n  \"name\": \"x\",\n  \"files\": []\n}\n"));
        assert!(!is_log("a.json", "{\"version\":1}") && !is_log("b.json", "[]\n"));
        assert!(!is_log("users.csv", "id,name\n1,bob\n2,alice\n"));
        assert!(is_log("pg.json", &json) && is_log("pg.csv", &csv));
        assert!(is_log("new.json", "") && is_log("text.log", "hello\n"));
        assert!(is_log("manifest.json", &json), "it was written anew");
    }
}
