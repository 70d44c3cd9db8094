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

use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
    time::Duration,
};

use crate::tail::{
    Due, Event, FileIdentity, MIN_SCAN_INTERVAL, Tailer,
    follower::State,
    formats::Begun,
    judge::{Found, Judgement},
    order,
    series::is_rotated,
    source::Source,
    survey::{self, Candidate},
};

/// How long a log is watched closely after its copy has grown: the copy is written to disk before the
/// log is truncated.
const URGENT: Duration = Duration::from_secs(5);

/// How far a copy may be behind its log to be watched closely.
const NEARLY_COPIED_BYTES: u64 = 32 << 20;

/// How far it may be behind to be made within a few milliseconds.
const ALMOST_COPIED_BYTES: u64 = 1 << 20;

impl Tailer {
    /// Looks at all files anew.
    pub(super) fn scan(&mut self, now: Duration, sink: &mut dyn FnMut(Event<'_>)) {
        self.last_scan = now;
        if now >= self.urgent_until {
            self.note_waits();
        }
        let mut candidates = self.survey();
        self.note_paths(&candidates);
        if self.is_rewritten() {
            // The copy was whole before the log was truncated, which may have been since the survey.
            candidates = self.survey();
        }
        self.resolve_rewritten(&candidates);
        self.drop_deleted(&candidates);
        self.tell_due(sink);
        let mut found = self.find_known(&candidates);
        if found.iter().any(|found| self.records.contains_key(&found.follower.identity)) {
            // The same for what was written anew while the agent was away, or a moment ago.
            candidates = self.survey();
        }
        let followed = self.followed();
        for candidate in &candidates {
            let mut known = found.iter().map(|found| found.follower.identity);
            if followed.contains(&candidate.identity)
                || known.any(|identity| identity == candidate.identity)
                || self.is_left(candidate)
            {
                continue;
            }
            match self.judge(candidate, &mut found) {
                Ok(judgement) => self.take(candidate, judgement, now, &mut found),
                // A compressed file that may still be written.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        // The oldest first: of a series it is to be read first, and what was begun is older than the
        // rest. Times are those of the system's clock tick, so a rotation may show none. Then the name
        // tells, or which file was made first; a copy is made later than what it is older than.
        found.sort_by_key(|found| {
            let Found { follower, stamp, is_known } = found;
            let is_new_name = !is_rotated(&follower.path);
            (!is_known, stamp.modified_ns, is_new_name, follower.identity.born_ns)
        });
        for found in found {
            self.follow(found, sink);
        }
        self.give_up_rewritten();
        let present: HashSet<FileIdentity> =
            candidates.iter().map(|candidate| candidate.identity).collect();
        self.left.retain(|identity, _| present.contains(identity));
        self.packed.retain(|identity, _| present.contains(identity));
        self.forget_gone(&candidates, now);
        if self.formats.is_waiting(now) {
            self.next_scan = self.next_scan.min(now + self.settings.scan_interval);
        }
        self.is_first_scan = false;
    }

    pub(super) fn survey(&mut self) -> Vec<Candidate> {
        let followed = self.followers.iter().map(|follower| Begun {
            path: &follower.path,
            position: follower.position(),
            is_followed: true,
        });
        let known = self.records.values().map(|record| Begun {
            path: &record.path,
            position: record.position,
            is_followed: false,
        });
        let begun: Vec<Begun<'_>> = followed.chain(known).collect();
        self.old_dirs.refresh(&self.settings.logrotate, self.last_scan);
        let paths = (self.settings.paths.as_slice(), &mut self.old_dirs);
        let formats = (&mut self.formats, self.last_scan);
        let survey = survey::survey(paths, &begun, formats, &mut self.problems);
        self.watcher.watch(&survey.folders);
        self.leave_other_formats(&survey.candidates);
        survey.candidates
    }

    /// Leaves what the server writes no more because it goes on in another format.
    fn leave_other_formats(&mut self, candidates: &[Candidate]) {
        let is_replaced = |path: &Path| {
            candidates.iter().any(|candidate| {
                candidate.begins_at.is_some()
                    && candidate.path != path
                    && candidate.path.with_extension("") == path.with_extension("")
            })
        };
        for follower in &mut self.followers {
            if follower.state == State::Reading && is_replaced(&follower.path) {
                follower.state = State::Drained(follower.position());
            }
        }
    }

    fn note_paths(&mut self, candidates: &[Candidate]) {
        let at: HashMap<FileIdentity, &Candidate> =
            candidates.iter().map(|candidate| (candidate.identity, candidate)).collect();
        for follower in &mut self.followers {
            if let Some(candidate) = at.get(&follower.identity) {
                follower.note_name(&candidate.path);
                follower.note_stamp(candidate.stamp);
            } else {
                follower.note_links();
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
        let followed = self.followed();
        for candidate in candidates {
            let known = if let Some(opened) = self.rewritten.remove(&candidate.identity) {
                self.records.remove(&candidate.identity);
                Found::new(candidate, opened.source, 0).map(Some)
            } else if followed.contains(&candidate.identity) || self.is_left(candidate) {
                Ok(None)
            } else {
                self.find_one_known(candidate, candidates)
            };
            match known {
                Ok(known) => found.extend(known),
                // It has another name by now, under which the next scan finds it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.scan_soon(),
                Err(error) => self.problems.report(&candidate.path, &error),
            }
        }
        let deleted = std::mem::take(&mut self.rewritten);
        found.extend(deleted.into_values().filter_map(Found::deleted));
        found
    }

    fn find_one_known(
        &mut self,
        candidate: &Candidate,
        candidates: &[Candidate],
    ) -> io::Result<Option<Found>> {
        let Some(record) = self.records.get(&candidate.identity) else { return Ok(None) };
        let mut source = candidate.open()?;
        if !record.is_intact(&mut source)? {
            // Its rest may be in a copy, which is judged with the others.
            return Found::new(candidate, source, 0).map(Some);
        }
        let mut position = record.position;
        if is_rotated(&candidate.path) {
            // The identity can be that of an earlier file, and another record tell more of these bytes.
            for other in self.records.values().filter(|one| candidate.is_of_series(&one.path)) {
                position = position.max(other.find_in(&mut source)?.unwrap_or(0));
            }
        }
        let is_newest = candidate.is_wanted
            && !candidates.iter().any(|other| {
                other.is_wanted
                    && other.series == candidate.series
                    && other.stamp.modified_ns > candidate.stamp.modified_ns
            });
        let is_at_end = match source.plain_file() {
            Some(_) => !is_newest && candidate.stamp.size == position,
            None => source.is_read_at(position)?,
        };
        if is_at_end {
            self.left.insert(candidate.identity, candidate.stamp);
            return Ok(None);
        }
        self.records.remove(&candidate.identity);
        Found::known(candidate, source, position).map(Some)
    }

    /// Tells whether a file was left alone as it is now.
    fn is_left(&self, candidate: &Candidate) -> bool {
        self.left.get(&candidate.identity) == Some(&candidate.stamp)
    }

    fn followed(&self) -> HashSet<FileIdentity> {
        self.followers.iter().map(|follower| follower.identity).collect()
    }

    fn take(
        &mut self,
        candidate: &Candidate,
        judgement: Judgement,
        now: Duration,
        found: &mut Vec<Found>,
    ) {
        match judgement {
            Judgement::Follow(new) => found.push(*new),
            Judgement::Copy { missing } => {
                if missing < ALMOST_COPIED_BYTES && !self.is_first_scan {
                    self.hurry(now, URGENT);
                }
                if missing < NEARLY_COPIED_BYTES {
                    self.urgent_until = now + URGENT;
                } else {
                    // It may grow by hundreds of MB in a second.
                    self.next_scan = self.next_scan.min(now + MIN_SCAN_INTERVAL);
                }
                self.left.insert(candidate.identity, candidate.stamp);
            }
            Judgement::Leave => {
                self.left.insert(candidate.identity, candidate.stamp);
            }
            Judgement::Longer => {}
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
        let Found { mut follower, is_known, .. } = found;
        follower.number = self.take_number();
        let (file, position) = (follower.number, follower.position());
        let sample = follower.sample().unwrap_or_default();
        tracing::info!(path = %follower.path.display(), position, "following");
        let (path, series) = (&follower.path, &follower.series);
        sink(Event::Opened { file, path, series, position, sample: &sample });
        self.left.remove(&follower.identity);
        let found = match (self.is_first_scan, is_known) {
            // What is found at once was put into an order.
            (true, _) => order::Found::InOrder,
            (false, true) => order::Found::Begun,
            (false, false) => order::Found::New,
        };
        let index = order::place_among(&self.followers, &follower, found);
        self.followers.insert(index, follower);
    }
}

impl Candidate {
    /// Opens the file that was found, which can have got another name since.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the name leads to another file by now, or to none; those of
    /// opening.
    pub(super) fn open(&self) -> io::Result<Source> {
        let source = Source::open(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })?;
        if FileIdentity::of(&source.metadata()?) == self.identity {
            Ok(source)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
