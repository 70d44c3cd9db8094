//! Which positions need not be kept any more.
//!
//! A server that begins a file every few seconds leaves a position for each of them, for ever. One is
//! forgotten when nothing that is there holds what was read of its file: neither the file nor a copy of it,
//! compressed or not. Where a folder has nothing of a series at all it may only be away.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crate::tail::{
    FileIdentity, Tailer, checkpoint::Checkpoint, series::series_of, survey::Candidate,
};

/// How often positions are looked through.
const INTERVAL: Duration = Duration::from_secs(3600);

impl Tailer {
    /// Returns the files whose positions are not needed any more, each once.
    pub fn take_forgotten(&mut self) -> Vec<FileIdentity> {
        std::mem::take(&mut self.forgotten)
    }

    /// Forgets what nothing is left of, where there are many positions.
    pub(super) fn forget_gone(&mut self, candidates: &[Candidate], now: Duration) {
        if self.records.len() <= self.settings.max_positions || now < self.next_forgetting {
            return;
        }
        self.next_forgetting = now + INTERVAL;
        let present: HashSet<FileIdentity> =
            candidates.iter().map(|candidate| candidate.identity).collect();
        let heads = heads_by_series(candidates);
        let is_gone = |record: &Checkpoint| {
            let heads = heads.get(&series_of(&record.path));
            !present.contains(&record.identity)
                && heads.is_some_and(|heads| !heads.iter().any(|head| shares(head, &record.head)))
        };
        let gone: Vec<_> = self
            .records
            .values()
            .filter(|record| is_gone(record))
            .map(|record| record.identity)
            .collect();
        for identity in &gone {
            self.records.remove(identity);
        }
        if !gone.is_empty() {
            tracing::info!(files = gone.len(), "positions of files that are gone are forgotten");
        }
        self.forgotten.extend(gone);
    }
}

/// The first bytes of all files of each series; of one in another folder than its log's also by what its
/// path says. None of a series of which a file cannot be read.
fn heads_by_series(candidates: &[Candidate]) -> HashMap<String, Vec<Vec<u8>>> {
    let mut heads: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    let mut unknown = HashSet::new();
    for candidate in candidates {
        let head = candidate.open().and_then(|mut source| source.head());
        for series in [&candidate.series].into_iter().chain(&candidate.series_there) {
            if let Ok(head) = &head {
                heads.entry(series.clone()).or_default().push(head.clone());
            } else {
                unknown.insert(series);
            }
        }
    }
    heads.retain(|series, _| !unknown.contains(series));
    heads
}

/// Tells whether one may be the beginning of the other.
fn shares(head: &[u8], other: &[u8]) -> bool {
    let shared = head.len().min(other.len());
    head.get(..shared) == other.get(..shared)
}
