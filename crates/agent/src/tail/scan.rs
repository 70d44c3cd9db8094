//! What each file is: one that is followed, the rest of one that was rotated away or truncated, the copy
//! of one, or a new one.
//!
//! | what there is | what it is |
//! |---|---|
//! | a known identity that holds what was read | the same log: reading goes on at the position |
//! | a known identity that does not | truncated or written anew: the rest is looked for in a copy, the file is read from its start |
//! | another identity that holds what was read of a log that is gone or written anew | that log, moved, copied or compressed: reading goes on there |
//! | another identity that holds what is read or was read elsewhere | a copy: left alone |
//! | anything else | a new log, read from its start; unless it is older than the first start |

use std::{cmp::Reverse, collections::HashSet, io, path::Path, time::Duration};

use crate::tail::{
    Due, Event, FileIdentity, Missed, Reason, StartAt, Tailer,
    checkpoint::{Checkpoint, Guard},
    follower::{Follower, Opened, State},
    source::Source,
    survey::{self, Candidate},
};

/// How long a log is watched closely after its copy has grown: the copy is written to disk before the
/// log is truncated.
const URGENT: Duration = Duration::from_secs(5);

/// How far a copy may be behind its log to be watched closely.
const NEARLY_COPIED_BYTES: u64 = 32 << 20;

/// A log to be followed from now on.
struct Found {
    candidate: Candidate,
    source: Source,
    position: u64,
    /// True where a part of it was read before.
    is_known: bool,
}

/// What a file turned out to be.
enum Judgement {
    Follow {
        source: Source,
        position: u64,
        is_known: bool,
    },
    /// The copy of a log that is being read.
    Copy {
        is_nearly_whole: bool,
    },
    Leave,
}

impl Tailer {
    /// Looks at all files anew.
    pub(super) fn scan(&mut self, now: Duration, sink: &mut dyn FnMut(Event<'_>)) {
        let candidates = self.survey();
        self.note_paths(&candidates);
        self.resolve_rewritten(&candidates);
        self.drop_deleted();
        self.tell_due(sink);
        let mut found = self.find_known(&candidates);
        for candidate in &candidates {
            let is_found =
                found.iter().any(|found: &Found| found.candidate.identity == candidate.identity);
            if is_found || self.is_settled(candidate) {
                continue;
            }
            match self.judge(candidate) {
                Ok(judgement) => self.take(candidate, judgement, now, &mut found),
                // A compressed file that is still being written.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        // The oldest first: of a series it is to be read first, and what was begun is older than the rest.
        found.sort_by_key(|found| {
            (!found.is_known, found.candidate.stamp.modified_ns, found.candidate.is_wanted)
        });
        for found in found {
            self.follow(found, sink);
        }
        self.give_up_rewritten();
        let present: HashSet<FileIdentity> =
            candidates.iter().map(|candidate| candidate.identity).collect();
        self.left.retain(|identity, _| present.contains(identity));
        self.is_first_scan = false;
    }

    pub(super) fn survey(&mut self) -> Vec<Candidate> {
        let followed = self.followers.iter().map(|follower| follower.path.as_path());
        let known = self.records.values().map(|record| record.path.as_path());
        let tracked: Vec<&Path> = followed.chain(known).collect();
        survey::survey(&self.settings.paths, tracked.into_iter(), &mut self.problems)
    }

    fn note_paths(&mut self, candidates: &[Candidate]) {
        for follower in &mut self.followers {
            let at = candidates.iter().find(|candidate| candidate.identity == follower.identity);
            match at {
                Some(candidate) => follower.note_size(candidate.stamp.size),
                None => follower.note_links(),
            }
        }
    }

    /// Finds where the rest of truncated logs is.
    pub(super) fn resolve_rewritten(&mut self, candidates: &[Candidate]) {
        for index in 0..self.followers.len() {
            let Some(follower) = self.followers.get(index) else { break };
            if follower.state != State::Rewritten {
                continue;
            }
            let (identity, evidence) = (follower.identity, follower.evidence());
            let series = follower.series.clone();
            let copy = self.find_copy(&evidence, &series, candidates);
            let Some(follower) = self.followers.get_mut(index) else { break };
            let seen_size = follower.seen_size;
            let copied = match copy {
                Some((candidate, source, found)) => {
                    tracing::info!(
                        path = %follower.path.display(),
                        copy = %candidate.path.display(),
                        "truncated; what was not read yet is taken from its copy"
                    );
                    self.records.remove(&candidate.identity);
                    self.left.remove(&candidate.identity);
                    let opened =
                        Opened { path: candidate.path, identity: candidate.identity, source };
                    follower.go_on_in(opened, found);
                    self.due.push(Due::Moved(follower.number));
                    candidate.stamp.size.max(evidence.position)
                }
                None => {
                    follower.state = State::Gone;
                    evidence.position
                }
            };
            // Of a file of which nothing was seen the copy counts as a new log.
            if seen_size > copied && !evidence.head.is_empty() {
                self.due.push(Due::Missed(Missed {
                    path: evidence.path.clone(),
                    reason: Reason::Truncated,
                    position: copied,
                    bytes: seen_size - copied,
                }));
            }
            self.rewritten.insert(identity);
        }
    }

    /// Finds the file that holds what was read of a truncated log; the one with the most bytes, where
    /// several do.
    fn find_copy(
        &mut self,
        evidence: &Checkpoint,
        series: &str,
        candidates: &[Candidate],
    ) -> Option<(Candidate, Source, u64)> {
        if evidence.head.is_empty() {
            return None;
        }
        let is_followed = |identity| self.followers.iter().any(|one| one.identity == identity);
        let mut copies: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| candidate.series == series && !is_followed(candidate.identity))
            .collect();
        copies.sort_by_key(|candidate| Reverse(candidate.stamp.size));
        let mut best: Option<(Candidate, Source, u64)> = None;
        for candidate in copies {
            let opened = Source::open(&candidate.path);
            let found = opened.and_then(|mut source| Ok((evidence.find_in(&mut source)?, source)));
            match found {
                Ok((Some(found), source)) => {
                    if best.as_ref().is_none_or(|(_, _, before)| found > *before) {
                        best = Some((candidate.clone(), source, found));
                    }
                }
                Ok((None, _)) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        best
    }

    /// Gives up deleted files that keep too much space while nothing is read.
    fn drop_deleted(&mut self) {
        for follower in &mut self.followers {
            let unread = follower.size().saturating_sub(follower.position());
            if follower.is_deleted && unread > self.settings.max_deleted_bytes {
                self.due.push(Due::Missed(Missed {
                    path: follower.path.clone(),
                    reason: Reason::Deleted,
                    position: follower.position(),
                    bytes: unread,
                }));
                follower.state = State::Gone;
            }
        }
    }

    fn tell_due(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        for due in std::mem::take(&mut self.due) {
            match due {
                Due::Moved(file) => sink(Event::Moved { file }),
                Due::Missed(missed) => sink(Event::Missed(missed)),
            }
        }
    }

    /// Goes on with the files that were read before, under whatever name they are now.
    fn find_known(&mut self, candidates: &[Candidate]) -> Vec<Found> {
        let mut found = Vec::new();
        for candidate in candidates {
            if self.is_settled(candidate) {
                continue;
            }
            if self.rewritten.remove(&candidate.identity) {
                self.records.remove(&candidate.identity);
                match Source::open(&candidate.path) {
                    Ok(source) => found.push(Found {
                        candidate: candidate.clone(),
                        source,
                        position: 0,
                        is_known: false,
                    }),
                    Err(error) => self.problems.report(&candidate.path, &error),
                }
                continue;
            }
            match self.find_one_known(candidate, candidates) {
                Ok(None) => {}
                Ok(Some(known)) => found.push(known),
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        found
    }

    fn find_one_known(
        &mut self,
        candidate: &Candidate,
        candidates: &[Candidate],
    ) -> io::Result<Option<Found>> {
        let Some(record) = self.records.get(&candidate.identity) else { return Ok(None) };
        let mut source = Source::open(&candidate.path)?;
        if !record.is_intact(&mut source)? {
            // Its rest may be in a copy, which is judged with the others.
            let found =
                Found { candidate: candidate.clone(), source, position: 0, is_known: false };
            return Ok(Some(found));
        }
        let position = record.position;
        let is_newest = candidate.is_wanted
            && !candidates.iter().any(|other| {
                other.is_wanted
                    && other.series == candidate.series
                    && other.stamp.modified_ns > candidate.stamp.modified_ns
            });
        if !is_newest && source.plain_file().is_some() && candidate.stamp.size == position {
            self.left.insert(candidate.identity, candidate.stamp);
            return Ok(None);
        }
        self.records.remove(&candidate.identity);
        Ok(Some(Found { candidate: candidate.clone(), source, position, is_known: true }))
    }

    /// Tells whether a file is followed, or was left alone as it is now.
    fn is_settled(&self, candidate: &Candidate) -> bool {
        self.followers.iter().any(|follower| follower.identity == candidate.identity)
            || self.left.get(&candidate.identity) == Some(&candidate.stamp)
    }

    fn take(
        &mut self,
        candidate: &Candidate,
        judgement: Judgement,
        now: Duration,
        found: &mut Vec<Found>,
    ) {
        match judgement {
            Judgement::Follow { source, position, is_known } => {
                found.push(Found { candidate: candidate.clone(), source, position, is_known });
            }
            Judgement::Copy { is_nearly_whole } => {
                if is_nearly_whole {
                    self.urgent_until = now + URGENT;
                }
                self.left.insert(candidate.identity, candidate.stamp);
            }
            Judgement::Leave => {
                self.left.insert(candidate.identity, candidate.stamp);
            }
        }
    }

    /// Tells what a file of unknown identity is.
    fn judge(&mut self, candidate: &Candidate) -> io::Result<Judgement> {
        let mut source = Source::open(&candidate.path)?;
        let head = source.head()?;
        if head.is_empty() {
            // Nothing tells what it will be. A log is wanted from its first byte; a copy has been begun.
            return Ok(if candidate.is_wanted {
                Judgement::Follow { source, position: 0, is_known: false }
            } else {
                Judgement::Copy { is_nearly_whole: true }
            });
        }
        if let Some(is_nearly_whole) = self.is_copy_of_followed(candidate, &mut source)? {
            return Ok(Judgement::Copy { is_nearly_whole });
        }
        if let Some(position) = self.claim_record(candidate, &mut source)? {
            if source.is_read_at(position)? {
                let record = self.record_of(candidate, head, position);
                self.records.insert(candidate.identity, record);
                return Ok(Judgement::Leave);
            }
            return Ok(Judgement::Follow { source, position, is_known: true });
        }
        if self.is_copy_of_known(candidate, &mut source)? {
            return Ok(Judgement::Leave);
        }
        let Some(position) = self.start_of_new(candidate, &source)? else {
            return Ok(Judgement::Leave);
        };
        source.advance_to(position)?;
        Ok(Judgement::Follow { source, position, is_known: false })
    }

    /// Tells whether a file holds what a followed one of its series holds, up to the file's end. Then
    /// also tells whether there is little left to copy.
    fn is_copy_of_followed(
        &mut self,
        candidate: &Candidate,
        source: &mut Source,
    ) -> io::Result<Option<bool>> {
        for follower in &mut self.followers {
            if follower.series == candidate.series
                && let Some(missing) = follower.missing_in(source)?
            {
                return Ok(Some(missing < NEARLY_COPIED_BYTES));
            }
        }
        Ok(None)
    }

    /// Finds the log that is not where it was and whose bytes the file holds.
    fn claim_record(
        &mut self,
        candidate: &Candidate,
        source: &mut Source,
    ) -> io::Result<Option<u64>> {
        for record in self.records.values() {
            let is_elsewhere = self.left.contains_key(&record.identity);
            if is_elsewhere || !candidate.is_of_series(&record.path) {
                continue;
            }
            if let Some(position) = record.find_in(source)? {
                let identity = record.identity;
                self.records.remove(&identity);
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    fn is_copy_of_known(&self, candidate: &Candidate, source: &mut Source) -> io::Result<bool> {
        for record in self.records.values() {
            if candidate.is_of_series(&record.path) && record.find_in(source)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where to begin in a file that was never read: a new one is wanted from its first byte, a file
    /// that was there before the first start is not, or as the settings say. `None` where it is none of
    /// our concern.
    fn start_of_new(&self, candidate: &Candidate, source: &Source) -> io::Result<Option<u64>> {
        let first_start = self.first_start_ns;
        let born = candidate.identity.born_ns;
        let is_older =
            (born != 0 && born < first_start) || candidate.stamp.modified_ns < first_start;
        let is_old = match (self.is_first_start, candidate.is_wanted) {
            (true, _) => self.is_first_scan || (is_older && !candidate.is_wanted),
            (false, true) => self.is_first_scan && is_older,
            (false, false) => is_older,
        };
        Ok(match (is_old, candidate.is_wanted, self.settings.start_at) {
            (false, _, _) | (true, true, StartAt::Beginning) => Some(0),
            (true, true, StartAt::End) => Some(source.last_line_break()?),
            (true, false, _) => None,
        })
    }

    fn record_of(&self, candidate: &Candidate, head: Vec<u8>, position: u64) -> Checkpoint {
        Checkpoint {
            path: candidate.path.clone(),
            identity: candidate.identity,
            head,
            position,
            guard: Guard::of(&[]),
        }
    }

    /// Forgets what was read of files that have been written anew and whose rest is nowhere.
    fn give_up_rewritten(&mut self) {
        for follower in &self.followers {
            if let Some(record) = self.records.remove(&follower.identity) {
                let (path, position) = (record.path.display(), record.position);
                tracing::warn!(%path, position, "written anew while the agent was away, without a copy");
            }
        }
    }

    fn follow(&mut self, found: Found, sink: &mut dyn FnMut(Event<'_>)) {
        let Found { candidate, mut source, position, is_known } = found;
        let number = self.take_number();
        let sample = source.sample(position).unwrap_or_default();
        let opened = Opened { path: candidate.path, identity: candidate.identity, source };
        let path = opened.path.clone();
        let follower = match Follower::new(number, opened, position) {
            Ok(follower) => follower,
            Err(error) => return self.problems.report(&path, &error),
        };
        let position = follower.position();
        tracing::info!(path = %path.display(), position, "following");
        sink(Event::Opened { file: number, path: &path, position, sample: &sample });
        self.left.remove(&follower.identity);
        // What was read before is older than what is being read.
        let series = &follower.series;
        let first = self.followers.iter().position(|other| other.series == *series);
        match first.filter(|_| is_known && !self.is_first_scan) {
            Some(first) => self.followers.insert(first, follower),
            None => self.followers.push(follower),
        }
    }
}

impl Candidate {
    fn is_of_series(&self, path: &Path) -> bool {
        crate::tail::series::series_of(path) == self.series
    }
}
