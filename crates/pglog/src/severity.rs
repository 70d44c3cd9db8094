//! The words in front of a message: severities, and the labels of the lines that belong to one.

use std::fmt;

/// How serious an entry is. The order is that of an operator: `LOG` stands below `WARNING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The most detailed of the debugging levels.
    Debug5,
    /// Debugging, level 4.
    Debug4,
    /// Debugging, level 3.
    Debug3,
    /// Debugging, level 2.
    Debug2,
    /// Debugging, level 1.
    Debug1,
    /// Debugging of any level: servers up to 18 print the level without its number.
    Debug,
    /// Of interest to administrators, such as a checkpoint or a slow statement.
    Log,
    /// Asked for by the client.
    Info,
    /// Of help to the client.
    Notice,
    /// A likely problem.
    Warning,
    /// The statement failed.
    Error,
    /// The session ended.
    Fatal,
    /// All sessions ended.
    Panic,
}

impl Level {
    /// Every level, the least serious first.
    pub const ALL: [Self; 13] = [
        Self::Debug5,
        Self::Debug4,
        Self::Debug3,
        Self::Debug2,
        Self::Debug1,
        Self::Debug,
        Self::Log,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Fatal,
        Self::Panic,
    ];

    /// Returns the level's untranslated name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug5 => "DEBUG5",
            Self::Debug4 => "DEBUG4",
            Self::Debug3 => "DEBUG3",
            Self::Debug2 => "DEBUG2",
            Self::Debug1 => "DEBUG1",
            Self::Debug => "DEBUG",
            Self::Log => "LOG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        }
    }

    /// Reads an untranslated name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        // Nearly all entries have one of these.
        let frequent = [Self::Log, Self::Error];
        frequent.into_iter().chain(Self::ALL).find(|level| level.as_str() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a prefixed line carries. The server writes the parts of an entry in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// The line starts an entry of this level.
    Level(Level),
    /// `DETAIL:`
    Detail,
    /// `HINT:`
    Hint,
    /// `QUERY:`, a statement that a function ran.
    Query,
    /// `CONTEXT:`
    Context,
    /// `LOCATION:`, with `log_error_verbosity = verbose`.
    Location,
    /// `BACKTRACE:`, with `backtrace_functions`.
    Backtrace,
    /// `STATEMENT:`
    Statement,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_is_less_serious_than_warning() {
        assert!(Level::Log < Level::Warning);
        assert!(Level::Error < Level::Fatal);
    }

    #[test]
    fn names_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.as_str()), Some(level));
        }
        assert_eq!(Level::from_name("log"), None);
    }
}
