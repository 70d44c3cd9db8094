//! What a file is whose identity is unknown.

use std::{io, path::Path};

use crate::tail::{
    FileNumber, StartAt, Tailer,
    checkpoint::Checkpoint,
    follower::{Follower, Opened},
    identity::Stamp,
    likeness::Likeness,
    series::{is_rotated, series_of},
    source::Source,
    survey::Candidate,
};

/// A log to be followed from now on.
pub(super) struct Found {
    pub(super) follower: Follower,
    pub(super) stamp: Stamp,
    /// True where a part of it was read before.
    pub(super) is_known: bool,
}

impl Found {
    pub(super) fn new(candidate: &Candidate, source: Source, position: u64) -> io::Result<Self> {
        let opened = Opened { path: candidate.path.clone(), identity: candidate.identity, source };
        let mut follower = Follower::new(UNNUMBERED, opened, position)?;
        follower.series.clone_from(&candidate.series);
        Ok(Self { follower, stamp: candidate.stamp, is_known: false })
    }

    pub(super) fn known(candidate: &Candidate, source: Source, position: u64) -> io::Result<Self> {
        Ok(Self { is_known: true, ..Self::new(candidate, source, position)? })
    }

    /// What was written anew to a file that was deleted then, which has no path any more.
    pub(super) fn deleted(opened: Opened) -> Option<Self> {
        let stamp = Stamp::of(&opened.source.metadata().ok()?);
        let follower = Follower::new(UNNUMBERED, opened, 0).ok()?;
        Some(Self { follower, stamp, is_known: false })
    }
}

/// The number of what is not followed yet.
const UNNUMBERED: FileNumber = FileNumber(u64::MAX);

/// What a file turned out to be.
pub(super) enum Judgement {
    Follow(Box<Found>),
    /// The copy of a log that is being read, which lacks so many bytes.
    Copy {
        missing: u64,
    },
    Leave,
    /// A longer copy of what was found already, in whose place it is now.
    Longer,
}

impl Tailer {
    /// Tells what a file of unknown identity is. `found` is what else there is to follow.
    pub(super) fn judge(
        &mut self,
        candidate: &Candidate,
        found: &mut [Found],
    ) -> io::Result<Judgement> {
        let follow = |found: Found| Judgement::Follow(Box::new(found));
        let mut source = candidate.open()?;
        if self.is_being_packed(candidate, &source) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let head = source.head()?;
        if head.is_empty() {
            // Nothing tells what it will be. A log is wanted from its first byte; a copy has been begun,
            // also under a name that is wanted.
            return if candidate.is_wanted && !is_rotated(&candidate.path) {
                Found::new(candidate, source, 0).map(follow)
            } else {
                Ok(Judgement::Copy { missing: 0 })
            };
        }
        if let Some(missing) = self.missing_in_copy(candidate, &mut source)? {
            return Ok(Judgement::Copy { missing });
        }
        let shorter = match compare_with_found(candidate, &mut source, found)? {
            Comparison::Copy => return Ok(Judgement::Copy { missing: 0 }),
            Comparison::LongerThan(shorter) => Some(shorter),
            Comparison::Other => None,
        };
        let claimed = self.claim_record(candidate, &mut source)?;
        if let Some(shorter) = shorter.and_then(|index| found.get_mut(index)) {
            let read = claimed.map_or(0, |claimed| claimed.position);
            let position = read.max(shorter.follower.position());
            let is_known = shorter.is_known || read > 0;
            let longer = Found { is_known, ..Found::new(candidate, source, position)? };
            let shorter = std::mem::replace(shorter, longer);
            self.left.insert(shorter.follower.identity, shorter.stamp);
            return Ok(Judgement::Longer);
        }
        let Some(record) = claimed else {
            return match self.start_of_new(candidate, &source)? {
                Some(position) => Found::new(candidate, source, position).map(follow),
                None => Ok(Judgement::Leave),
            };
        };
        let mut others = found.iter().map(|found| found.follower.identity);
        let is_rewritten = others.any(|identity| identity == record.identity);
        // What is known of a file that is written anew is about to be overwritten: its copy is to be known.
        if !is_rewritten {
            if self.left.contains_key(&record.identity) && source.size()? <= record.position {
                return Ok(Judgement::Leave);
            }
            if source.is_read_at(record.position)? {
                let known = Checkpoint { identity: candidate.identity, ..record };
                self.records.insert(candidate.identity, known);
                return Ok(Judgement::Leave);
            }
        }
        let position = record.find_in(&mut source)?.unwrap_or(record.position);
        Found::known(candidate, source, position).map(follow)
    }

    /// Tells whether a compressed file is not the same as at the last scan: then somebody may still write
    /// to it, and all there is would be decoded each time in vain.
    fn is_being_packed(&mut self, candidate: &Candidate, source: &Source) -> bool {
        let (identity, stamp) = (candidate.identity, candidate.stamp);
        let is_new = source.plain_file().is_none()
            && self.packed.insert(identity, stamp) != Some(stamp)
            && !self.is_first_scan;
        if is_new {
            self.next_scan = self.next_scan.min(self.last_scan + self.settings.scan_interval);
        }
        is_new
    }

    /// Tells how much of a followed log a file lacks that holds nothing but what that log holds.
    fn missing_in_copy(
        &mut self,
        candidate: &Candidate,
        source: &mut Source,
    ) -> io::Result<Option<u64>> {
        for follower in &mut self.followers {
            if follower.series == candidate.series
                && let Likeness::Copy { missing } = follower.likeness(source)?
            {
                return Ok(Some(missing));
            }
        }
        Ok(None)
    }

    /// Finds the log whose bytes the file holds. Several may be copies of each other; then the one that was
    /// read furthest counts, and those that are nowhere else are forgotten. What ends beyond the file stays:
    /// another file may have all of it.
    fn claim_record(
        &mut self,
        candidate: &Candidate,
        source: &mut Source,
    ) -> io::Result<Option<Checkpoint>> {
        let mut matching = Vec::new();
        for record in self.records.values() {
            if candidate.is_of_series(&record.path)
                && let Some(found) = record.find_in(source)?
            {
                let is_kept = found < record.position || self.left.contains_key(&record.identity);
                matching.push((record.position, is_kept, record.identity));
            }
        }
        let mut claimed = None;
        matching.sort_unstable_by_key(|(position, is_kept, _)| (*position, *is_kept));
        for (_, is_kept, identity) in matching {
            claimed = if is_kept {
                self.records.get(&identity).cloned()
            } else {
                self.records.remove(&identity)
            };
        }
        Ok(claimed)
    }

    /// Where to begin in a file that was never read: a new one is wanted from its first byte, a file
    /// that was there before the first start is not, or as the settings say. `None` where it is none of
    /// our concern.
    fn start_of_new(&self, candidate: &Candidate, source: &Source) -> io::Result<Option<u64>> {
        if candidate.begins_at.is_some() {
            return Ok(candidate.begins_at);
        }
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
}

/// How a file compares with what was found before.
enum Comparison {
    Copy,
    /// It holds all that one has of the same log, and more.
    LongerThan(usize),
    Other,
}

fn compare_with_found(
    candidate: &Candidate,
    source: &mut Source,
    found: &mut [Found],
) -> io::Result<Comparison> {
    let mut comparison = Comparison::Other;
    for (index, Found { follower, .. }) in found.iter_mut().enumerate() {
        if follower.series != candidate.series {
            continue;
        }
        match follower.likeness(source)? {
            Likeness::Copy { .. } => return Ok(Comparison::Copy),
            Likeness::Longer if is_rotated(&follower.path) => {
                comparison = Comparison::LongerThan(index);
            }
            Likeness::Longer | Likeness::None => {}
        }
    }
    Ok(comparison)
}

impl Candidate {
    pub(super) fn is_of_series(&self, path: &Path) -> bool {
        let series = series_of(path);
        series == self.series || self.series_there.as_ref() == Some(&series)
    }
}
