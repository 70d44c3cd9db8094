//! How many entries were read, by level and by event.

use std::collections::BTreeMap;

use pglog::{Event, Level, LogEntry};

/// Counts of entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally(BTreeMap<(Option<Level>, Option<Event>), u64>);

impl Tally {
    /// Counts an entry.
    pub fn note(&mut self, entry: &LogEntry<'_>) {
        *self.0.entry((entry.level, entry.event)).or_default() += 1;
    }

    /// Adds what another one has counted, and empties that one.
    pub fn take(&mut self, other: &mut Self) {
        for (class, count) in std::mem::take(&mut other.0) {
            *self.0.entry(class).or_default() += count;
        }
    }

    /// Returns level, event and count of each class; what has no level is `none`, and so is what is no event.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.0.iter().map(|((level, event), count)| {
            (level.map_or("none", Level::as_str), event.map_or("none", Event::as_str), *count)
        })
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
}
