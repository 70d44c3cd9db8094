//! Tells from a log itself whether it is whole.
//!
//! The server numbers what each session logs, from 1 on and without a gap: in csvlog and jsonlog the
//! entries, in the stderr format the lines, where the prefix has `%c` and `%l`. A number that is left out
//! is a line that was lost between the server and the reader.
//!
//! ```
//! use pglog::{Assembler, Audit, LinePrefix};
//!
//! let log = b"\
//! 2026-11-24 02:22:16.884 UTC 6563a1f8.1dcc 7 LOG:  one\n\
//! 2026-11-24 02:22:16.885 UTC 6563a1f8.1dcc 9 LOG:  three\n";
//! let mut assembler = Assembler::new(LinePrefix::compile("%m %c %l "));
//! let mut audit = Audit::new();
//! let mut gaps = Vec::new();
//! let mut note = |found: &pglog::Assembled<'_>| gaps.extend(audit.note(&found.entry));
//! assembler.push(log, &mut note);
//! assembler.finish(&mut note);
//! assert_eq!((gaps[0].session.as_str(), gaps[0].first, gaps[0].last), ("6563a1f8.1dcc", 8, 8));
//! assert_eq!(audit.missing(), 1);
//! ```

use std::collections::HashMap;

use crate::{entry::LogEntry, timestamp::Timestamp};

/// How many sessions are kept in mind unless that is set.
const MAX_SESSIONS: usize = 10_000;

/// Numbers of a session that never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The session, as [`LogEntry::session_id`] has it.
    pub session: String,
    /// The first number that is missing.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// When the session logged what comes before the gap. `None` where that is nothing, or has no time.
    pub after: Option<Timestamp>,
    /// When it logged what comes behind.
    pub before: Option<Timestamp>,
}

impl Gap {
    /// Returns how many numbers are missing.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// What an audit knows, to go on with in another process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditState {
    /// Sessions that began later and are not among these are expected from their first line on; in seconds
    /// since 1970-01-01 UTC. `None` where nothing has been seen.
    pub known_since: Option<i64>,
    /// The sessions that logged last.
    pub sessions: Vec<SessionState>,
}

/// What is known of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The session, as [`LogEntry::session_id`] has it.
    pub session: String,
    /// The number that it comes to next.
    pub next: u64,
    /// When it logged last, where that is known.
    pub last: Option<Timestamp>,
}

/// Looks for gaps in the numbers of all sessions. Entries of one session must come in their order; those
/// of several may be mixed.
#[derive(Debug)]
pub struct Audit {
    sessions: HashMap<Box<str>, Seen>,
    max_sessions: usize,
    /// How many entries had a number.
    numbered: u64,
    /// How many had none.
    unnumbered: u64,
    missing: u64,
    repeated: u64,
    /// Sessions that began later, in seconds since 1970-01-01 UTC, are expected from their first line on.
    /// `None` before the first entry.
    known_since: Option<i64>,
}

/// What is known of a session.
#[derive(Debug)]
struct Seen {
    next: u64,
    last: Option<Timestamp>,
    /// The number of the entry that was the session's last.
    used: u64,
}

impl Audit {
    /// Makes an audit that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_sessions(MAX_SESSIONS)
    }

    /// Sets how many sessions are kept in mind, 2 at least. Those that have been silent for longest are
    /// forgotten; should they log again, a gap before that is not noticed.
    #[must_use]
    pub fn with_max_sessions(max_sessions: usize) -> Self {
        Self {
            sessions: HashMap::new(),
            max_sessions: max_sessions.max(2),
            numbered: 0,
            unnumbered: 0,
            missing: 0,
            repeated: 0,
            known_since: None,
        }
    }

    /// Makes an audit that goes on where another one was.
    #[must_use]
    pub fn resume(state: AuditState) -> Self {
        let sessions = state.sessions.into_iter().zip(1..);
        let sessions = sessions.map(|(SessionState { session, next, last }, used)| {
            (session.into_boxed_str(), Seen { next, last, used })
        });
        let sessions: HashMap<_, _> = sessions.collect();
        let numbered = sessions.len() as u64;
        Self { sessions, known_since: state.known_since, numbered, ..Self::new() }
    }

    /// Returns what is known, of so many sessions at most.
    #[must_use]
    pub fn state(&self, max_sessions: usize) -> AuditState {
        let mut by_use: Vec<_> = self.sessions.iter().collect();
        by_use.sort_unstable_by_key(|(_, seen)| seen.used);
        let left_out = by_use.len().saturating_sub(max_sessions);
        let left_out = by_use.drain(..left_out).map(|(session, _)| began(session));
        // They must not count as new ones should they come again.
        let known_since = left_out
            .fold(self.known_since, |since, began| since.max(Some(began.unwrap_or(i64::MAX))));
        let states = by_use.into_iter().map(|(session, seen)| SessionState {
            session: session.to_string(),
            next: seen.next,
            last: seen.last,
        });
        AuditState { known_since, sessions: states.collect() }
    }

    /// Takes the next entry. Returns the gap before it, if there is one.
    pub fn note(&mut self, entry: &LogEntry<'_>) -> Option<Gap> {
        let (Some(session), Some(number)) = (entry.session_id.as_deref(), entry.line_num) else {
            self.unnumbered += 1;
            return None;
        };
        self.numbered += 1;
        let began = began(session);
        let known_since = *self.known_since.get_or_insert_with(|| {
            let now = entry.timestamp.map(|time| time.micros().div_euclid(1_000_000));
            now.or(began).unwrap_or(i64::MAX)
        });
        let next = number.saturating_add(u64::from(entry.numbered_lines.max(1)));
        let seen = Seen { next, last: entry.timestamp, used: self.numbered };
        let (expected, after) = match self.sessions.get_mut(session) {
            Some(known) => {
                let before = std::mem::replace(known, seen);
                known.next = known.next.max(before.next);
                (before.next, before.last)
            }
            None => {
                self.sessions.insert(session.into(), seen);
                self.forget_silent();
                // Of a session that was there before anything was read the first lines may be elsewhere.
                let is_whole = began.is_some_and(|began| began > known_since);
                (if is_whole { 1 } else { number }, None)
            }
        };
        if number < expected {
            self.repeated += 1;
            return None;
        }
        let count = number - expected;
        self.missing += count;
        (count > 0).then(|| Gap {
            session: session.to_owned(),
            first: expected,
            last: number - 1,
            after,
            before: entry.timestamp,
        })
    }

    /// Returns how many numbers are missing in all.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Returns how many entries came that had come before.
    #[must_use]
    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Returns how many entries had a number. Without any the log cannot be audited.
    #[must_use]
    pub const fn numbered(&self) -> u64 {
        self.numbered
    }

    /// Returns how many entries had no number, such as those of other programs.
    #[must_use]
    pub const fn unnumbered(&self) -> u64 {
        self.unnumbered
    }

    /// Forgets the half of the sessions that have been silent for longest, where there are too many.
    fn forget_silent(&mut self) {
        if self.sessions.len() <= self.max_sessions {
            return;
        }
        let mut used: Vec<u64> = self.sessions.values().map(|seen| seen.used).collect();
        let middle = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(middle);
        let median = *median;
        let mut known_since = self.known_since.unwrap_or(i64::MAX);
        self.sessions.retain(|session, seen| {
            let is_kept = seen.used >= median;
            if !is_kept {
                // It must not count as a new one should it come again.
                known_since = known_since.max(began(session).unwrap_or(i64::MAX));
            }
            is_kept
        });
        self.known_since = Some(known_since);
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self::new()
    }
}

/// When a session began, in seconds since 1970-01-01 UTC: its id begins with that in hexadecimal.
fn began(session: &str) -> Option<i64> {
    i64::from_str_radix(session.split_once('.')?.0, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(session: &str, line_num: u64, numbered_lines: u32) -> LogEntry<'static> {
        LogEntry {
            session_id: Some(session.to_owned().into()),
            line_num: Some(line_num),
            numbered_lines,
            timestamp: Timestamp::from_epoch("1000.0"),
            ..LogEntry::default()
        }
    }

    #[test]
    fn number_that_is_left_out_is_a_gap_and_lines_of_one_entry_are_none() {
        let mut audit = Audit::new();
        assert_eq!(audit.note(&entry("1.a", 5, 3)), None, "begun before the audit");
        assert_eq!(audit.note(&entry("1.a", 8, 1)), None);
        assert_eq!(audit.note(&entry("1.b", 1, 0)), None);
        let gap = audit.note(&entry("1.a", 12, 1)).unwrap();
        assert_eq!((gap.first, gap.last, gap.count()), (9, 11, 3));
        assert_eq!(audit.note(&entry("1.b", 2, 0)), None);
        assert_eq!((audit.missing(), audit.numbered()), (3, 5));
    }

    #[test]
    fn session_that_began_later_is_expected_from_its_first_line_on() {
        let mut audit = Audit::new();
        assert_eq!(audit.note(&entry("1.a", 5, 1)), None);
        let later = format!("{:x}.b", 1001);
        assert_eq!(audit.note(&entry(&later, 3, 1)).unwrap().first, 1);
    }

    #[test]
    fn what_comes_again_is_counted_and_no_gap() {
        let mut audit = Audit::new();
        for number in [1, 2, 3, 2, 3, 4] {
            assert_eq!(audit.note(&entry("1.a", number, 1)), None);
        }
        assert_eq!((audit.missing(), audit.repeated()), (0, 2));
    }

    #[test]
    fn forgotten_session_that_comes_again_is_no_gap() {
        let mut audit = Audit::with_max_sessions(4);
        audit.note(&entry("1.0", 1, 1));
        for session in 1000..2000 {
            assert_eq!(audit.note(&entry(&format!("{session:x}.b"), 1, 1)), None);
            assert!(audit.sessions.len() <= 4);
        }
        assert_eq!(audit.note(&entry(&format!("{:x}.b", 1500), 9, 1)), None);
    }

    #[test]
    fn audit_that_goes_on_elsewhere_finds_the_gap_between_and_no_other() {
        let mut audit = Audit::new();
        let later = |seconds: u32| format!("{:x}.b", 1000 + seconds);
        audit.note(&entry("1.a", 5, 1));
        for seconds in 1..=3 {
            audit.note(&entry(&later(seconds), 1, 1));
        }
        assert_eq!(Audit::resume(audit.state(9)).state(9), audit.state(9));

        let mut resumed = Audit::resume(audit.state(2));
        assert_eq!(resumed.note(&entry(&later(2), 1, 1)), None, "read again");
        assert_eq!(resumed.note(&entry(&later(2), 2, 1)), None);
        let gap = resumed.note(&entry(&later(3), 4, 1)).unwrap();
        assert_eq!((gap.first, gap.last), (2, 3));
        // Two were left out of the state.
        assert_eq!(resumed.note(&entry("1.a", 9, 1)), None);
        assert_eq!(resumed.note(&entry(&later(1), 9, 1)), None);
        assert_eq!(resumed.note(&entry(&later(4), 3, 1)).unwrap().first, 1);
        assert_eq!((resumed.missing(), resumed.repeated()), (4, 1));
    }

    #[test]
    fn entries_without_a_number_are_counted() {
        let mut audit = Audit::new();
        assert_eq!(audit.note(&LogEntry::default()), None);
        assert_eq!((audit.numbered(), audit.unnumbered()), (0, 1));
    }
}
