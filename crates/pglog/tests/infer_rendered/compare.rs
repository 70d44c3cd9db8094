//! What is read of a log, compared with the records that it was made of.

use std::collections::HashMap;

use pglog::{Assembled, Clock, Escape, LinePrefix, LogEntry, Parser, ParserOptions, Text};

use crate::{records::Record, render::Log};

/// How often something was read wrongly, and one example.
#[derive(Debug, Default, Clone)]
pub(crate) struct Score {
    pub(crate) values: usize,
    pub(crate) wrong: usize,
    pub(crate) missing: usize,
    pub(crate) entries: usize,
    pub(crate) lost: usize,
    pub(crate) examples: Vec<String>,
}

impl Score {
    pub(crate) fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.wrong += other.wrong;
        self.missing += other.missing;
        self.entries += other.entries;
        self.lost += other.lost;
        self.examples.extend(other.examples.iter().take(3).cloned());
    }

    fn note(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < 3 {
            self.examples.push(example());
        }
    }
}

pub(crate) struct Read {
    pub(crate) prefix: String,
    entries: Vec<(u64, LogEntry<'static>)>,
}

pub(crate) fn read(log: &str, prefix: Option<LinePrefix>) -> Read {
    let options = ParserOptions { log_line_prefix: prefix, ..ParserOptions::default() };
    let mut parser = Parser::new(options, 0);
    let mut entries = Vec::new();
    let mut keep =
        |found: &Assembled<'_>| entries.push((found.start, found.entry.clone().into_owned()));
    parser.push(log.as_bytes(), &mut keep);
    parser.finish(&mut keep);
    let prefix = parser.log_line_prefix().map(ToString::to_string).unwrap_or_default();
    Read { prefix, entries }
}

/// Compares what is read of a log with nothing known about it. Where the true prefix tells no more, a
/// value or a text is not asked for.
pub(crate) fn compare(records: &[Record], log: &Log, prefix_of: &dyn Fn(usize) -> String) -> Score {
    let mut score = Score::default();
    let found = read(&log.text, None);
    let mut told: HashMap<String, HashMap<u64, LogEntry<'static>>> = HashMap::new();
    let mut entries: HashMap<u64, &LogEntry<'static>> =
        found.entries.iter().map(|(start, entry)| (*start, entry)).collect();
    for (at, (record, start)) in records.iter().zip(&log.starts).enumerate() {
        let setting = prefix_of(at);
        let best = told.entry(setting.clone()).or_insert_with(|| {
            let told = read(&log.text, Some(LinePrefix::compile(&setting)));
            told.entries.into_iter().collect()
        });
        let Some(best) = best.get(start).filter(|best| !best.unparsed) else { continue };
        score.entries += 1;
        let place = || {
            let line = log.text[usize::try_from(*start).unwrap()..].lines().next().unwrap();
            format!("{setting:?} as {:?}: {line:.150}", found.prefix)
        };
        let Some(entry) = entries.remove(start).filter(|entry| !entry.unparsed) else {
            score.lost += 1;
            score.note(|| format!("lost: {}", place()));
            continue;
        };
        if (entry.level, &entry.message, &entry.detail, &entry.statement)
            != (best.level, &best.message, &best.detail, &best.statement)
        {
            score.lost += 1;
            score.note(|| format!("text {:?}: {}", entry.message, place()));
        }
        let truth = values_of(record, log.line_nums[at]);
        let values = values(entry).into_iter().zip(values(best)).zip(truth);
        for ((value, best), (escape, truth)) in values {
            score.values += usize::from(best.is_some());
            // A value that the true prefix gives as wrongly is none of inference.
            if value.is_some() && value.as_ref() != Some(&truth) && value != best {
                score.wrong += 1;
                score.note(|| format!("{escape} {value:?} is {truth:?}: {}", place()));
            } else if value.is_none() && best.is_some() {
                score.missing += 1;
                if std::env::var_os("RENDERED_MISSING").is_some() {
                    score.note(|| format!("{escape} missing {best:?}: {}", place()));
                }
            }
        }
    }
    score.lost += entries.len();
    if let Some((start, entry)) = entries.iter().next() {
        score.note(|| format!("extra at {start} {:?} as {:?}", entry.message, found.prefix));
    }
    score
}

/// The values of an entry, in the order of [`values_of`].
fn values(entry: &LogEntry<'_>) -> Vec<Option<String>> {
    let text = |value: &Option<Text<'_>>| value.as_deref().map(str::to_owned);
    vec![
        text(&entry.user),
        text(&entry.database),
        text(&entry.application_name),
        text(&entry.remote_host),
        entry.remote_port.map(|port| port.to_string()),
        entry.timestamp.map(|time| (time.micros() / 1_000_000).to_string()),
        entry.pid.map(|pid| pid.to_string()),
        text(&entry.session_id),
        text(&entry.ps),
        text(&entry.session_start),
        text(&entry.vxid),
        entry.txid.map(|txid| txid.to_string()),
        Some(entry.state_code.as_deref().unwrap_or("00000").to_owned())
            .filter(|_| entry.state_code.is_some()),
        text(&entry.backend_type),
        entry.leader_pid.map(|pid| pid.to_string()),
        entry.query_id.map(|id| id.to_string()),
        entry.line_num.map(|number| number.to_string()),
    ]
}

fn values_of(record: &Record, line: usize) -> Vec<(&'static str, String)> {
    let time = Clock::new().read(&record.time).map(|time| time.timestamp.micros() / 1_000_000);
    vec![
        ("user", record.user.clone()),
        ("database", record.database.clone()),
        ("application", record.application.clone()),
        ("host", record.host.clone()),
        ("port", record.port.clone()),
        ("time", time.unwrap().to_string()),
        ("pid", record.pid.clone()),
        ("session id", record.session_id.clone()),
        ("ps", record.ps.clone()),
        ("session start", record.session_start.clone()),
        ("vxid", record.vxid.clone()),
        ("txid", record.txid.clone()),
        ("state code", record.state_code.clone()),
        ("backend type", record.backend_type.clone()),
        ("leader pid", record.leader_pid.clone()),
        ("query id", record.printed(Escape::QueryId, 0)),
        ("line", line.to_string()),
    ]
}
