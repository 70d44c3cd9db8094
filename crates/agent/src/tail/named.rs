//! The logs that a server names: those of `log_directory` whose names are made by `log_filename`.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use glob::Pattern;

/// The logs of one server's logging collector, in every format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLogs {
    pub(super) folder: PathBuf,
    /// The names of `stderr` logs.
    pattern: Pattern,
    /// What of them the names in other formats begin with, whose endings come behind it.
    stem: Pattern,
}

impl NamedLogs {
    /// Takes the server's `log_directory` and `log_filename`.
    #[must_use]
    pub fn new(log_directory: &Path, log_filename: &str) -> Self {
        // The server puts csvlog into the file whose name has `.csv` in the place of `.log`, or behind
        // anything else.
        let stem = log_filename.strip_suffix(".log").unwrap_or(log_filename);
        Self {
            folder: log_directory.to_owned(),
            pattern: pattern_of(log_filename),
            stem: pattern_of(stem),
        }
    }

    /// Tells whether a name is one that the server gives.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        path.parent() == Some(&self.folder) && self.has_name(path)
    }

    /// The same, whatever the folder is.
    #[must_use]
    pub fn has_name(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| self.fits(name))
    }

    fn fits(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str() else { return false };
        let other = name.strip_suffix(".csv").or_else(|| name.strip_suffix(".json"));
        self.pattern.matches(name) || other.is_some_and(|stem| self.stem.matches(stem))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn find_all(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let paths = entries.filter_map(Result::ok).filter(|entry| self.fits(&entry.file_name()));
        Ok(paths.map(|entry| entry.path()).filter(|path| path.is_file()).collect())
    }

    pub(super) fn pattern(&self) -> String {
        self.folder.join(self.pattern.as_str()).display().to_string()
    }
}

/// What `strftime` makes of a name, as a pattern.
fn pattern_of(log_filename: &str) -> Pattern {
    let mut pattern = String::new();
    let mut letters = log_filename.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            pattern.push_str(&Pattern::escape(&letter.to_string()));
            continue;
        }
        // `%Ey` and `%-d` have a letter between.
        let escape = letters.by_ref().find(|letter| !"EO-_0^#".contains(*letter));
        match escape {
            Some('%') => pattern.push('%'),
            _ if pattern.ends_with('*') => {}
            _ => pattern.push('*'),
        }
    }
    // It is made of letters that mean themselves, and of stars.
    Pattern::new(&pattern).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_server_gives_in_every_format() {
        let folder = Path::new("/l");
        let logs = NamedLogs::new(folder, "pg[1]-%Y-%m-%d_%H%M%S.log");
        let has = |name: &str| logs.has(&folder.join(name));
        assert!(has("pg[1]-2026-11-24_022252.log") && has("pg[1]-2026-11-24_022252.csv"));
        assert!(has("pg[1]-2026-11-24_022252.json"));
        assert!(!has("pg1-2026-11-24_022252.log") && !has("pg[1]-2026-11-24_022252.log.1"));
        assert!(!logs.has(Path::new("/m/pg[1]-2026-11-24_022252.log")));
        let logs = NamedLogs::new(folder, "100%%.txt");
        let has = |name: &str| logs.has(&folder.join(name));
        assert!(has("100%.txt") && has("100%.txt.csv") && !has("100%.csv") && !has("100%.log"));
    }
}
