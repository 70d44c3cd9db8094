//! What to do about batches whose content the listener refuses.
//!
//! A batch that is refused is halved until the entry that is at fault stands alone; that one goes to the
//! dead letters. But a listener may refuse all of a source, because it is too old to know it, say. Three
//! dead letters in a row, with nothing of the source taken between, are suspicious: then the newest batch
//! of the source is tried. If it is taken, the dead letters were at fault. If it is refused as well, the
//! source is held, its dead letters go back into the queue, and from time to time its newest batch is
//! tried again. Other sources go on.

use std::{collections::BTreeMap, time::Duration};

use wire::Source;

use crate::{buffer::Waiting, ship::pace::doubled};

/// Dead letters in a row that make a source suspicious.
const SUSPICIOUS: usize = 3;
/// How many dead letters are remembered, to be put back: more than a batch has entries, since there may be
/// no other batch to try until all of it are refused.
const MAX_REMEMBERED: usize = 10_000;
/// How long a source is held at first.
const FIRST_HOLD: Duration = Duration::from_secs(60);
/// How long at most.
const MAX_HOLD: Duration = Duration::from_secs(900);

/// The sources of which something was refused since something was taken.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    sources: BTreeMap<Source, Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    /// Numbers of the dead letters.
    buried: Vec<i64>,
    /// The batch that the last of them was part of.
    family: i64,
    hold: Option<Hold>,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    until: Duration,
    times: u32,
}

/// What is to be done with a batch that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Find the entry that is at fault.
    Bisect,
    /// Keep the whole source for so long, and put these dead letters back.
    Hold { pause: Duration, revive: Vec<i64> },
}

impl Refusals {
    /// Returns the sources that are held.
    pub(super) fn held(&self) -> Vec<Source> {
        let held = self.sources.iter().filter(|(_, refused)| refused.hold.is_some());
        held.map(|(source, _)| *source).collect()
    }

    /// Returns when the first of the sources that are held is to be tried again.
    pub(super) fn next_trial(&self) -> Option<Duration> {
        self.sources.values().filter_map(|refused| Some(refused.hold?.until)).min()
    }

    /// Returns the sources whose newest batch is to be tried now.
    pub(super) fn to_try(&self, now: Duration) -> Vec<Source> {
        let due = self.sources.iter().filter(|(_, refused)| match refused.hold {
            Some(hold) => now >= hold.until,
            None => refused.buried.len() >= SUSPICIOUS,
        });
        due.map(|(source, _)| *source).collect()
    }

    /// Tells whether a batch can show that its source as a whole is refused, or is not: one that no dead
    /// letter was part of.
    pub(super) fn is_evidence(&self, waiting: &Waiting) -> bool {
        self.sources
            .get(&waiting.batch.source)
            .is_some_and(|refused| refused.hold.is_some() || refused.family != waiting.family())
    }

    /// Notes that something of a source was taken. Tells whether the source had been held.
    pub(super) fn taken(&mut self, source: Source) -> bool {
        self.sources.remove(&source).is_some_and(|refused| refused.hold.is_some())
    }

    /// Notes that a source has nothing to be tried. One that is held is held no longer; the dead letters of
    /// one that is suspicious are remembered until there is something.
    pub(super) fn forget(&mut self, source: Source) {
        self.sources.retain(|other, refused| *other != source || refused.hold.is_none());
    }

    /// Notes that a batch was refused, and says what to do with it.
    pub(super) fn refused(&mut self, waiting: &Waiting, now: Duration) -> Verdict {
        let is_evidence = self.is_evidence(waiting);
        let Some(refused) = self.sources.get_mut(&waiting.batch.source) else {
            return Verdict::Bisect;
        };
        let is_suspicious = refused.hold.is_some() || refused.buried.len() >= SUSPICIOUS;
        if !is_suspicious || !is_evidence {
            return Verdict::Bisect;
        }
        let times = refused.hold.map_or(1, |hold| hold.times.saturating_add(1));
        let pause = doubled(FIRST_HOLD, times, MAX_HOLD);
        refused.hold = Some(Hold { until: now + pause, times });
        Verdict::Hold { pause, revive: std::mem::take(&mut refused.buried) }
    }

    /// Notes that a batch went to the dead letters.
    pub(super) fn buried(&mut self, waiting: &Waiting, number: i64) {
        let refused = self.sources.entry(waiting.batch.source).or_default();
        refused.family = waiting.family();
        if refused.buried.len() < MAX_REMEMBERED {
            refused.buried.push(number);
        }
    }
}
