//! How many entries were read, by level and by event.

use pglog::{Event, Level, LogEntry};

type Class = (Option<Level>, Option<Event>);

/// Counts of entries. A log has few classes, and of those that are frequent few: they come to stand first.
#[derive(Debug, Clone, Default)]
pub struct Tally(Vec<(Class, u64)>);

impl Tally {
    /// Counts an entry.
    pub fn note(&mut self, entry: &LogEntry<'_>) {
        self.add((entry.level, entry.event), 1);
    }

    fn add(&mut self, class: Class, count: u64) {
        match self.0.iter().position(|(known, _)| *known == class) {
            Some(index) => {
                if let Some((_, sum)) = self.0.get_mut(index) {
                    *sum += count;
                }
                if let Some(before) = index.checked_sub(1) {
                    self.0.swap(before, index);
                }
            }
            None => self.0.push((class, count)),
        }
    }

    /// Adds what another one has counted, and empties that one.
    pub fn take(&mut self, other: &mut Self) {
        for (class, count) in other.0.drain(..) {
            self.add(class, count);
        }
    }

    /// Returns level, event and count of each class, in their order; what has no level is `none`, and so is what
    /// is no event.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let mut classes = self.0.clone();
        classes.sort_unstable();
        classes.into_iter().map(|((level, event), count)| {
            (level.map_or("none", Level::as_str), event.map_or("none", Event::as_str), count)
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
