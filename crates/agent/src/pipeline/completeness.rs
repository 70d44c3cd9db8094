//! Whether every line came that the server wrote.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use pglog::{Audit, AuditState, Gap, LogEntry, Precision, SessionState, Timestamp};
use serde::{Deserialize, Serialize};
use wire::LineGap;

use crate::{buffer::Lines, status::Status};

/// Of how many sessions the last number is kept over a restart. More than most servers have at once; the
/// others are not looked after across it.
const MAX_KEPT_SESSIONS: usize = 200;

/// Audits all logs, each series of files that continue each other by itself.
#[derive(Debug)]
pub(super) struct Completeness {
    status: Arc<Status>,
    audits: HashMap<String, Arc<Mutex<Audit>>>,
    /// What was known at the last stop, of series that have not been seen since.
    before: HashMap<String, AuditState>,
}

/// What is kept of an audit.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    known_since: Option<i64>,
    /// Session, next number, and microseconds since 1970-01-01 UTC.
    sessions: Vec<(String, u64, Option<i64>)>,
}

impl Completeness {
    /// Goes on from what was stored.
    pub(super) fn new(status: Arc<Status>, stored: Vec<Lines>) -> Self {
        let state = |lines: Lines| Some((lines.series, state_of(&lines.state)?));
        let before = stored.into_iter().filter_map(state).collect();
        Self { status, audits: HashMap::new(), before }
    }

    /// What notes the entries of a file of the series.
    pub(super) fn of_series(&mut self, series: &str) -> LineCheck {
        let before = &mut self.before;
        let audit = self.audits.entry(series.to_owned()).or_insert_with(|| {
            Arc::new(Mutex::new(Audit::resume(before.remove(series).unwrap_or_default())))
        });
        LineCheck {
            series: series.into(),
            audit: Arc::clone(audit),
            status: Arc::clone(&self.status),
        }
    }
}

/// Notes the entries of one file.
#[derive(Debug, Clone)]
pub(super) struct LineCheck {
    series: Arc<str>,
    audit: Arc<Mutex<Audit>>,
    status: Arc<Status>,
}

impl LineCheck {
    pub(super) fn note(&self, entry: &LogEntry<'_>, path: &Path) {
        if entry.session_id.is_none() || entry.line_num.is_none() {
            return;
        }
        let gap = self.audit.lock().unwrap_or_else(PoisonError::into_inner).note(entry);
        if let Some(gap) = gap {
            self.report(gap, path);
        }
    }

    /// What is to be stored with the entries that were noted. `None` where none had a number.
    pub(super) fn state(&self) -> Option<Lines> {
        let audit = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        if audit.numbered() == 0 {
            return None;
        }
        let AuditState { known_since, sessions } = audit.state(MAX_KEPT_SESSIONS);
        drop(audit);
        let kept =
            |SessionState { session, next, last }| (session, next, last.map(Timestamp::micros));
        let kept = Kept { known_since, sessions: sessions.into_iter().map(kept).collect() };
        let state = serde_json::to_string(&kept).ok()?;
        Some(Lines { series: self.series.to_string(), state })
    }

    fn report(&self, gap: Gap, path: &Path) {
        let (path, count) = (path.display(), gap.count());
        let Gap { session, first, last, after, before } = gap;
        let (after, before) = (after.map(rfc_3339), before.map(rfc_3339));
        let (from, to) = (after.as_deref(), before.as_deref());
        tracing::error!(%path, session, first, last, count, from, to, "lines of a session never came");
        let file = path.to_string();
        self.status.note_gap(LineGap { file, session_id: session, first, last, after, before });
    }
}

fn state_of(text: &str) -> Option<AuditState> {
    let Kept { known_since, sessions } = serde_json::from_str(text).ok()?;
    let session = |(session, next, last): (_, _, Option<i64>)| SessionState {
        session,
        next,
        last: last.map(|micros| Timestamp::from_micros(micros, Precision::Millis)),
    };
    Some(AuditState { known_since, sessions: sessions.into_iter().map(session).collect() })
}

fn rfc_3339(time: Timestamp) -> String {
    let mut text = Vec::new();
    time.write_to(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_across_the_files_of_a_series_is_told_with_its_range() {
        let status = Arc::new(Status::default());
        let mut completeness = Completeness::new(Arc::clone(&status), Vec::new());
        let entry = |number| LogEntry {
            session_id: Some("1.a".into()),
            line_num: Some(number),
            ..LogEntry::default()
        };
        let path = Path::new("/log/x.log");
        completeness.of_series("/log/x.log").note(&entry(7), path);
        completeness.of_series("/log/y.log").note(&entry(20), path);
        assert!(status.missed().is_empty());
        completeness.of_series("/log/x.log").note(&entry(10), path);
        let missed = status.missed();
        assert_eq!(missed.lines, 2);
        assert_eq!((missed.gaps[0].first, missed.gaps[0].last), (8, 9));
    }

    #[test]
    fn gap_across_a_restart_is_told() {
        let status = Arc::new(Status::default());
        let entry = |number| LogEntry {
            session_id: Some("1.a".into()),
            line_num: Some(number),
            timestamp: Timestamp::from_epoch("1000.500"),
            ..LogEntry::default()
        };
        let path = Path::new("/log/x.log");
        let mut completeness = Completeness::new(Arc::clone(&status), Vec::new());
        let before = completeness.of_series("/log/x.log");
        assert_eq!(before.state(), None);
        before.note(&entry(7), path);
        let stored = vec![before.state().unwrap()];
        before.note(&entry(8), path);

        let mut completeness = Completeness::new(Arc::clone(&status), stored);
        let after = completeness.of_series("/log/x.log");
        after.note(&entry(8), path);
        assert!(status.missed().is_empty(), "it was not stored, and is read again");
        after.note(&entry(11), path);
        let missed = status.missed();
        assert_eq!((missed.lines, missed.gaps[0].first, missed.gaps[0].last), (2, 9, 10));
        assert_eq!(missed.gaps[0].after.as_deref(), Some("1970-01-01T00:16:40.500Z"));
    }
}
