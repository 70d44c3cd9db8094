//! What becomes of logs that were truncated, or deleted, before they were read to their end.

use std::{cmp::Reverse, io, time::Duration};

use crate::tail::{
    Due, Missed, Reason, Tailer,
    checkpoint::Checkpoint,
    follower::{Opened, State},
    survey::Candidate,
};

/// A file that holds what was read of a truncated log.
struct Copy {
    opened: Opened,
    /// Its first bytes, of which there may be fewer than in the log.
    head: Vec<u8>,
    /// Up to where it does.
    found: u64,
    /// Its size; `None` where it is compressed.
    size: Option<u64>,
}

impl Tailer {
    /// Tells whether the rest of a log is to be found.
    pub(super) fn is_rewritten(&self) -> bool {
        self.followers.iter().any(|follower| follower.state == State::Rewritten)
    }

    /// Finds where the rest of truncated logs is. The files themselves are read anew.
    pub(super) fn resolve_rewritten(&mut self, candidates: &[Candidate]) {
        for index in 0..self.followers.len() {
            let Some(follower) = self.followers.get(index) else { break };
            if follower.state != State::Rewritten {
                continue;
            }
            self.urgent_until = Duration::ZERO;
            let again = follower.again();
            let (evidence, series) = (follower.evidence(), follower.series.clone());
            let copy = self.find_copy(&evidence, &series, candidates);
            let Some(follower) = self.followers.get_mut(index) else { break };
            let seen_size = follower.seen_size;
            let known_end = copy.as_ref().map_or(Some(evidence.position), |copy| copy.size);
            if let Some(copy) = copy {
                let (path, found_in) = (follower.path.display(), copy.opened.path.display());
                tracing::info!(%path, copy = %found_in, "truncated; the rest is taken from the copy");
                self.go_on_in(index, copy);
            } else {
                follower.state = State::Gone;
            }
            let position = known_end.map_or(seen_size, |end| end.max(evidence.position));
            if evidence.head.is_empty() {
                // Nothing of it was seen, so its copy counts as a new log.
                self.look_again_at(&series, candidates);
            } else if seen_size > position {
                let (path, bytes) = (evidence.path.clone(), seen_size - position);
                let reason = Reason::Truncated;
                self.due.push(Due::Missed(Missed { path, reason, position, bytes }));
            }
            self.rewritten.extend(again.map(|opened| (evidence.identity, opened)));
        }
    }

    /// Has the files of a series judged anew that were taken for copies.
    fn look_again_at(&mut self, series: &str, candidates: &[Candidate]) {
        for Candidate { identity, .. } in candidates.iter().filter(|one| one.series == series) {
            if !self.records.contains_key(identity) {
                self.left.remove(identity);
            }
        }
    }

    /// Finds the file that holds what was read of a truncated log; the one with the most bytes, where
    /// several do.
    fn find_copy(
        &mut self,
        evidence: &Checkpoint,
        series: &str,
        candidates: &[Candidate],
    ) -> Option<Copy> {
        if evidence.head.is_empty() {
            return None;
        }
        let is_followed = |identity| self.followers.iter().any(|one| one.identity == identity);
        let mut possible: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| candidate.series == series && !is_followed(candidate.identity))
            .collect();
        possible.sort_by_key(|candidate| Reverse(candidate.stamp.size));
        let mut best: Option<Copy> = None;
        for candidate in possible {
            match try_copy(evidence, candidate) {
                Ok(Some(copy)) if best.as_ref().is_none_or(|best| copy.found > best.found) => {
                    best = Some(copy);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        best
    }

    /// Gives up deleted files that keep too much space while nothing is read. One that was deleted because
    /// it was compressed is gone on with in what came of it.
    pub(super) fn drop_deleted(&mut self, candidates: &[Candidate]) {
        for index in 0..self.followers.len() {
            let Some(follower) = self.followers.get_mut(index) else { break };
            let (position, size) = (follower.position(), follower.size());
            let bytes = size.saturating_sub(position);
            let is_large = follower.is_deleted && bytes > self.settings.max_deleted_bytes;
            // One that was truncated before has two parts, of which the next scan takes care.
            if !is_large || follower.is_rewritten().unwrap_or(false) {
                continue;
            }
            let (evidence, series) = (follower.evidence(), follower.series.clone());
            let copy = self.find_copy(&evidence, &series, candidates);
            let Some(follower) = self.followers.get_mut(index) else { break };
            let end = match copy {
                Some(mut copy) => {
                    // A compressed one can have been made before the last bytes came.
                    let end = copy.size.or_else(|| copy.opened.source.size().ok());
                    let end = end.unwrap_or(0).max(position);
                    self.go_on_in(index, copy);
                    end
                }
                None => {
                    follower.state = State::Drained(position);
                    position
                }
            };
            if size > end {
                let (path, reason) = (evidence.path, Reason::Deleted);
                self.due.push(Due::Missed(Missed {
                    path,
                    reason,
                    position: end,
                    bytes: size - end,
                }));
            }
        }
    }

    /// Reads on in a copy.
    fn go_on_in(&mut self, index: usize, Copy { opened, head, found, .. }: Copy) {
        let Some(follower) = self.followers.get_mut(index) else { return };
        self.records.remove(&opened.identity);
        self.left.remove(&opened.identity);
        follower.go_on_in(opened, head, found);
        self.due.push(Due::Moved(follower.number));
    }
}

fn try_copy(evidence: &Checkpoint, candidate: &Candidate) -> io::Result<Option<Copy>> {
    let mut source = candidate.open()?;
    let Some(found) = evidence.find_in(&mut source)? else { return Ok(None) };
    let head = source.head()?;
    source.advance_to(found)?;
    let size = source.plain_file().map(|_| candidate.stamp.size);
    let opened = Opened { path: candidate.path.clone(), identity: candidate.identity, source };
    Ok(Some(Copy { opened, head, found, size }))
}
