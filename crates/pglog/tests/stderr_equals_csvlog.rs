#![cfg(test)]
//! The server wrote each entry twice, to stderr and to csvlog: both must say the same.
//!
//! `PGCOURIER_CORPUS=FOLDER` adds the runs of another folder to those of the repository.

mod corpus;

use std::{collections::HashMap, fmt::Write as _, path::Path};

use corpus::{CsvRecord, Run};
use pglog::{Assembler, Clock, Escape, Level, LinePrefix, LogEntry, Text, Timestamp};

/// What is compared in one run.
struct Comparison<'a> {
    prefix: &'a LinePrefix,
    located: usize,
    report: String,
    mismatches: usize,
}

#[test]
fn every_run_says_the_same_in_stderr_and_csvlog() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs")];
    folders.extend(std::env::var_os("PGCOURIER_CORPUS").map(Into::into));
    let (mut compared, mut mismatches) = (0, 0);
    for run in folders.iter().flat_map(|folder| Run::all(folder)) {
        let Some(oracle) = run.oracle() else { continue };
        let (entries, wrong) = compare(&run, &oracle);
        compared += entries;
        mismatches += wrong;
    }
    assert!(compared > 3000, "only {compared} entries were compared");
    assert_eq!(mismatches, 0, "of {compared} entries");
}

/// Returns how many entries were compared, and how many of them were wrong.
fn compare(run: &Run, oracle: &[serde_json::Value]) -> (usize, usize) {
    let prefix = LinePrefix::compile(run.log_line_prefix());
    let records = run.csv_records();
    let files: Vec<_> =
        run.files("stderr").iter().map(|file| entries(run, &prefix, file)).collect();
    let mut comparison =
        Comparison { prefix: &prefix, located: 0, report: String::new(), mismatches: 0 };
    let mut compared = 0;
    for (at, piece) in oracle.iter().enumerate() {
        let Some(index) = piece["csv"].as_u64() else { continue };
        let file = usize::try_from(piece["file"].as_u64().unwrap()).unwrap();
        let place = (piece["off"].as_u64().unwrap(), piece["len"].as_u64().unwrap());
        let record = &records[usize::try_from(index).unwrap()];
        compared += 1;
        match files[file].get(&place.0) {
            None => {
                comparison.wrong(record, "no entry starts here", &place, &record.get("message"));
            }
            // Another program's line that starts with a TAB cannot be told from a continuation.
            Some(_) if is_raw_with_tab(oracle.get(at + 1)) => {}
            Some((end, _)) if *end != place.0 + place.1 => {
                comparison.wrong(record, "length", &(end - place.0), &place.1);
            }
            Some((_, entry)) => comparison.fields(entry, record, &absent_fields(piece)),
        }
    }
    // A test may change the verbosity for a while, so not every entry has a location.
    if run.setting("log_error_verbosity") == Some("verbose") {
        assert!(comparison.located > compared * 9 / 10, "{} of {compared}", comparison.located);
    }
    if comparison.mismatches > 0 {
        println!(
            "{}: {} of {compared} differ\n{}",
            run.name(),
            comparison.mismatches,
            comparison.report
        );
    }
    (compared, comparison.mismatches)
}

fn is_raw_with_tab(piece: Option<&serde_json::Value>) -> bool {
    piece.and_then(|piece| piece["raw"].as_str()).is_some_and(|raw| raw.starts_with('\t'))
}

/// Columns that the server left out of stderr, as `log_error_verbosity = terse` makes it.
fn absent_fields(piece: &serde_json::Value) -> Vec<&str> {
    let names = piece["not_in_stderr"].as_array();
    names.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}

type Entries = HashMap<u64, (u64, LogEntry<'static>)>;

fn entries(run: &Run, prefix: &LinePrefix, file: &[u8]) -> Entries {
    let zone = run.setting("log_timezone").unwrap_or("UTC");
    let mut assembler = Assembler::new(prefix.clone()).with_clock(Clock::in_zone(zone).unwrap());
    let mut entries = HashMap::new();
    let mut keep = |found: &pglog::Assembled<'_>| {
        entries.insert(found.start, (found.end, found.entry.clone().into_owned()));
    };
    assembler.push(file, &mut keep);
    assembler.finish(&mut keep);
    entries
}

/// csvlog translates the severity.
fn untranslated(column: &str, text: String) -> String {
    match Level::from_any_name(&text, None) {
        Some(level) if column == "error_severity" => level.to_string(),
        _ => text,
    }
}

fn owned(text: &Option<Text<'_>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

impl Comparison<'_> {
    fn fields(&mut self, entry: &LogEntry<'_>, record: &CsvRecord, absent: &[&str]) {
        let level = entry.level.map(|level| level.to_string());
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let statement = record.get("query");
        // csvlog gives a position only with its statement, stderr always.
        let position = entry.cursor_position.filter(|_| !statement.is_empty());
        let ours = [
            ("message", Some(entry.message.clone().into_owned())),
            ("error_severity", level),
            ("detail", owned(&entry.detail)),
            ("hint", owned(&entry.hint)),
            ("internal_query", owned(&entry.internal_query)),
            ("internal_query_pos", number(entry.internal_position)),
            ("context", owned(&entry.context)),
            ("query_pos", number(position)),
        ];
        // Without its inner query the position of an error in one looks like any other.
        let any_position = absent.contains(&"internal_query");
        for (column, value) in ours {
            let skip = absent.contains(&column) || (any_position && column.ends_with("query_pos"));
            if !skip {
                let theirs = untranslated(column, record.get(column));
                self.same(record, column, &value.unwrap_or_default(), &theirs);
            }
        }
        if !statement.is_empty() {
            self.same(record, "query", &owned(&entry.statement).unwrap_or_default(), &statement);
        }
        if let Some(file) = &entry.file_name {
            let place = format!("{file}:{}", number(entry.file_line_num).unwrap_or_default());
            let name = entry.func_name.as_ref();
            let location = name.map_or(place.clone(), |name| format!("{name}, {place}"));
            self.same(record, "location", &location, &record.get("location"));
            self.located += 1;
        }
        self.prefix_fields(entry, record);
    }

    fn prefix_fields(&mut self, entry: &LogEntry<'_>, record: &CsvRecord) {
        let text = |value: &Option<Text<'_>>| value.as_deref().unwrap_or_default().to_owned();
        let state_code = match record.get("sql_state_code").as_str() {
            "00000" => String::new(),
            code => code.to_owned(),
        };
        let query_id = entry.query_id.map(|id| id.to_string()).unwrap_or_default();
        let columns = [
            (Escape::User, "user_name", text(&entry.user)),
            (Escape::Database, "database_name", text(&entry.database)),
            (Escape::ApplicationName, "application_name", text(&entry.application_name)),
            (Escape::SessionId, "session_id", text(&entry.session_id)),
            (Escape::SessionStart, "session_start_time", text(&entry.session_start)),
            (Escape::Vxid, "virtual_transaction_id", text(&entry.vxid)),
            (
                Escape::Txid,
                "transaction_id",
                entry.txid.map(|id| id.to_string()).unwrap_or_default(),
            ),
            (Escape::BackendType, "backend_type", text(&entry.backend_type)),
            (Escape::QueryId, "query_id", query_id),
            (Escape::Ps, "command_tag", text(&entry.ps)),
        ];
        for (escape, column, ours) in columns {
            // Outside of sessions the prefix has no application name, while csvlog has.
            let in_session = !record.get("connection_from").is_empty();
            if self.prefix.has(escape) && (in_session || escape != Escape::ApplicationName) {
                self.same(record, column, &ours, &record.get(column));
            }
        }
        if self.prefix.has(Escape::StateCode) || entry.file_name.is_some() {
            self.same(record, "sql_state_code", &text(&entry.state_code), &state_code);
        }
        if self.prefix.has(Escape::Pid) || self.prefix.has(Escape::SessionId) {
            let pid = entry.pid.map(|pid| pid.to_string()).unwrap_or_default();
            self.same(record, "process_id", &pid, &record.get("process_id"));
        }
        self.host(entry, record);
        self.time(entry, record);
    }

    fn host(&mut self, entry: &LogEntry<'_>, record: &CsvRecord) {
        let ours = entry.remote_host.as_deref().unwrap_or_default().to_owned();
        let whole = record.get("connection_from");
        let (host, port) = match whole.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.to_owned()),
            None => (whole, String::new()),
        };
        if self.prefix.has(Escape::RemoteHost) || self.prefix.has(Escape::RemoteHostAndPort) {
            self.same(record, "connection_from", &ours, &host);
        }
        if self.prefix.has(Escape::RemoteHostAndPort) {
            let ours = entry.remote_port.map(|port| port.to_string()).unwrap_or_default();
            self.same(record, "port", &ours, &port);
        }
    }

    fn time(&mut self, entry: &LogEntry<'_>, record: &CsvRecord) {
        let micros = |time: Option<Timestamp>| time.map(Timestamp::micros).unwrap_or_default();
        let ours = micros(entry.timestamp);
        // The csv file's own zone is read by the same clock: UTC and offsets only.
        let theirs = micros(Clock::new().read(&record.get("log_time")).map(|time| time.timestamp));
        if self.prefix.has(Escape::TimeMillis) || self.prefix.has(Escape::TimeEpoch) {
            self.same(record, "log_time", &ours, &theirs);
        } else if self.prefix.has(Escape::Time) {
            // The server reads another clock for it, once for each line.
            let off_by = (ours - theirs / 1_000_000 * 1_000_000).abs();
            self.same(record, "log_time", &(off_by <= 1_000_000), &true);
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        record: &CsvRecord,
        column: &str,
        ours: &T,
        theirs: &T,
    ) {
        if ours != theirs {
            self.wrong(record, column, ours, theirs);
        }
    }

    fn wrong(
        &mut self,
        record: &CsvRecord,
        what: &str,
        ours: &dyn std::fmt::Debug,
        theirs: &dyn std::fmt::Debug,
    ) {
        self.mismatches += 1;
        if self.mismatches <= 10 {
            let session = (record.get("session_id"), record.get("session_line_num"));
            writeln!(
                self.report,
                "  {session:?} {what}:\n    ours   {ours:.300?}\n    theirs {theirs:.300?}"
            )
            .unwrap();
        }
    }
}
