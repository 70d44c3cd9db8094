//! How many entries were read, by level and by event.

use std::iter;

use pglog::{Event, Level, LogEntry};

/// How many levels an entry can have, none among them.
const LEVELS: usize = Level::ALL.len() + 1;

/// How many events an entry can be, none among them.
const EVENTS: usize = Event::ALL.len() + 1;

/// Counts of entries: for each level one for each event. Empty where nothing is counted yet.
#[derive(Debug, Clone, Default)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Counts an entry.
    pub fn note(&mut self, entry: &LogEntry<'_>) {
        // Levels and events are numbered as they stand in the lists of all.
        let level = entry.level.map_or(0, |level| level as usize + 1);
        let event = entry.event.map_or(0, |event| event as usize + 1);
        self.add(level * EVENTS + event, 1);
    }

    fn add(&mut self, class: usize, count: u64) {
        if self.0.is_empty() {
            self.0.resize(LEVELS * EVENTS, 0);
        }
        if let Some(sum) = self.0.get_mut(class) {
            *sum += count;
        }
    }

    /// Adds what another one has counted, and empties that one.
    pub fn take(&mut self, other: &mut Self) {
        let counts = std::mem::take(&mut other.0).into_iter().enumerate();
        for (class, count) in counts.filter(|(_, count)| *count > 0) {
            self.add(class, count);
        }
    }

    /// Returns level, event and count of each class, in their order; what has no level is `none`, and so is what
    /// is no event.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let levels = iter::once("none").chain(Level::ALL.into_iter().map(Level::as_str));
        let events = || iter::once("none").chain(Event::ALL.iter().map(|event| event.as_str()));
        let classes = levels.flat_map(move |level| events().map(move |event| (level, event)));
        let counts = classes.zip(self.0.iter().copied()).filter(|(_, count)| *count > 0);
        counts.map(|((level, event), count)| (level, event, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_by_level_and_event() {
        let entry = |event| LogEntry { level: Some(Level::Log), event, ..LogEntry::default() };
        let (mut all, mut some) = (Tally::default(), Tally::default());
        for _ in 0..2 {
            some.note(&entry(Some(Event::ServerStart)));
            some.note(&entry(None));
            all.take(&mut some);
        }
        some.note(&LogEntry::default());
        all.take(&mut some);
        all.take(&mut some);
        let counts: Vec<_> = all.counts().collect();
        assert_eq!(counts, [("none", "none", 1), ("LOG", "none", 2), ("LOG", "server.start", 2)]);
    }

    #[test]
    fn every_level_and_event_has_a_count_of_its_own() {
        let mut tally = Tally::default();
        let mut noted = Vec::new();
        for level in Level::ALL {
            for event in Event::ALL {
                let entry =
                    LogEntry { level: Some(level), event: Some(*event), ..LogEntry::default() };
                tally.note(&entry);
                noted.push((level.as_str(), event.as_str(), 1));
            }
        }
        assert_eq!(tally.counts().collect::<Vec<_>>(), noted);
    }
}
