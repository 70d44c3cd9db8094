//! Whether every line came that the server wrote.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use pglog::{Audit, Gap, LogEntry, Timestamp};
use wire::LineGap;

use crate::status::Status;

/// Audits all logs, each series of files that continue each other by itself.
#[derive(Debug)]
pub(super) struct Completeness {
    status: Arc<Status>,
    audits: HashMap<String, Arc<Mutex<Audit>>>,
}

impl Completeness {
    pub(super) fn new(status: Arc<Status>) -> Self {
        Self { status, audits: HashMap::new() }
    }

    /// What notes the entries of a file of the series.
    pub(super) fn of_series(&mut self, series: &str) -> LineCheck {
        let audit = self.audits.entry(series.to_owned()).or_default();
        LineCheck { audit: Arc::clone(audit), status: Arc::clone(&self.status) }
    }
}

/// Notes the entries of one file.
#[derive(Debug)]
pub(super) struct LineCheck {
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
        let mut completeness = Completeness::new(Arc::clone(&status));
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
}
