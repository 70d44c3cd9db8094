//! Reads the runs of `testdata/logs`, and any others made in the same form.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Names of the csvlog columns, in their order.
pub(crate) const CSV_COLUMNS: [&str; 26] = [
    "log_time",
    "user_name",
    "database_name",
    "process_id",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "session_start_time",
    "virtual_transaction_id",
    "transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_query_pos",
    "context",
    "query",
    "query_pos",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];

/// One run of a server.
pub(crate) struct Run {
    /// Where its files are.
    pub folder: PathBuf,
    /// What is known about it.
    pub manifest: Value,
}

/// A csvlog record.
pub(crate) struct CsvRecord(csv::ByteRecord);

impl CsvRecord {
    /// Returns a column as text. Empty where the record has none.
    pub(crate) fn get(&self, column: &str) -> String {
        let index = CSV_COLUMNS.iter().position(|name| *name == column).unwrap();
        String::from_utf8_lossy(self.0.get(index).unwrap_or_default()).replace('\0', "\u{fffd}")
    }
}

impl Run {
    /// Finds the runs below a folder.
    pub(crate) fn all(root: &Path) -> Vec<Self> {
        let mut runs = Vec::new();
        for major in subfolders(root) {
            for folder in subfolders(&major) {
                let Ok(manifest) = fs::read(folder.join("manifest.json")) else { continue };
                runs.push(Self { folder, manifest: serde_json::from_slice(&manifest).unwrap() });
            }
        }
        assert!(!runs.is_empty(), "no runs in {}", root.display());
        runs.sort_by(|a, b| a.folder.cmp(&b.folder));
        runs
    }

    /// Returns `pg15/debian` and the like.
    pub(crate) fn name(&self) -> String {
        let parts: Vec<_> = self.folder.iter().rev().take(2).map(|p| p.to_str().unwrap()).collect();
        format!("{}/{}", parts[1], parts[0])
    }

    /// Returns a text of the manifest.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.manifest[key].as_str()
    }

    /// Returns a setting of the server.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.manifest["settings"][key].as_str()
    }

    /// Returns the prefix.
    pub(crate) fn log_line_prefix(&self) -> &str {
        self.text("log_line_prefix").unwrap()
    }

    /// Returns the contents of the files of a format, in the order of time.
    pub(crate) fn files(&self, format: &str) -> Vec<Vec<u8>> {
        let Some(names) = self.manifest["files"][format].as_array() else { return Vec::new() };
        names.iter().map(|name| self.read(name.as_str().unwrap()).unwrap()).collect()
    }

    /// Returns the csv records of all files.
    pub(crate) fn csv_records(&self) -> Vec<CsvRecord> {
        let mut records = Vec::new();
        for file in self.files("csv") {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&file[..]);
            records.extend(reader.byte_records().map(|record| CsvRecord(record.unwrap())));
        }
        records
    }

    /// Returns the oracle's pieces. `None` where the run has none.
    pub(crate) fn oracle(&self) -> Option<Vec<Value>> {
        let lines = String::from_utf8(self.read("oracle.jsonl").ok()?).unwrap();
        Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(name)).or_else(|_| {
            let packed = fs::File::open(self.folder.join(format!("{name}.gz")))?;
            let mut bytes = Vec::new();
            io::copy(&mut flate2::read::GzDecoder::new(packed), &mut bytes)?;
            Ok(bytes)
        })
    }
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}
