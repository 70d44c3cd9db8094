//! The severities of PostgreSQL, in the order of their weight for a reader of logs.

/// A severity. `Log` stands where it stands for an operator, below `Info`; that the server itself ranks
/// it above `Error` only serves to get it into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The most detailed developer output.
    Debug5 = 1,
    /// Developer output.
    Debug4,
    /// Developer output.
    Debug3,
    /// Developer output.
    Debug2,
    /// The least detailed developer output.
    Debug1,
    /// What an administrator may want to know, such as checkpoints and durations.
    Log,
    /// What a user asked to be told, such as by `VACUUM VERBOSE`.
    Info,
    /// What a user may find helpful.
    Notice,
    /// A likely problem.
    Warning,
    /// The statement failed.
    Error,
    /// The session ended.
    Fatal,
    /// Every session ended.
    Panic,
}

impl Level {
    /// Every level, the lightest first.
    pub const ALL: [Self; 12] = [
        Self::Debug5,
        Self::Debug4,
        Self::Debug3,
        Self::Debug2,
        Self::Debug1,
        Self::Log,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Fatal,
        Self::Panic,
    ];

    /// The number that a store keeps; a heavier level has a larger one.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// Reads a level's word in any case; `DEBUG` alone is the weight that it has without a number.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word));
        known.or_else(|| word.eq_ignore_ascii_case("DEBUG").then_some(Self::Debug1))
    }

    /// Returns the level of a stored number.
    pub fn from_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.rank() == rank)
    }

    /// The level's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug5 => "DEBUG5",
            Self::Debug4 => "DEBUG4",
            Self::Debug3 => "DEBUG3",
            Self::Debug2 => "DEBUG2",
            Self::Debug1 => "DEBUG1",
            Self::Log => "LOG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_found_by_its_word_and_by_its_rank() {
        for level in Level::ALL {
            assert_eq!(Level::from_word(level.as_str()), Some(level));
            assert_eq!(Level::from_rank(level.rank()), Some(level));
        }
        assert!(Level::ALL.is_sorted());
        assert_eq!(Level::from_word("debug"), Some(Level::Debug1));
        assert_eq!(Level::from_word("TRACE"), None);
    }
}
