//! Which files there are to follow.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::tail::{
    formats::{Formats, rank},
    series::PACKINGS,
};

/// Where logs are: a file, a folder or a glob pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPath {
    /// One file, whether it is there yet or not.
    File(PathBuf),
    /// All logs of a folder, now and later.
    Folder(PathBuf),
    /// All files that fit a pattern, now and later.
    Glob(String),
}

/// Debian and Ubuntu; the PGDG packages of RHEL and its like; their own packages; SUSE and Docker.
const USUAL: [&str; 5] = [
    "/var/log/postgresql/",
    "/var/lib/pgsql/*/data/log/*.log",
    "/var/lib/pgsql/data/log/*.log",
    "/var/lib/postgresql/*/*/log/*.log",
    "/var/lib/postgresql/data/log/*.log",
];

impl LogPath {
    /// Reads a path of the configuration. `*`, `?` and `[` make it a pattern.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.contains(['*', '?', '[']) && !Path::new(text).exists() {
            return Self::Glob(text.to_owned());
        }
        let path = PathBuf::from(text);
        if text.ends_with('/') || path.is_dir() { Self::Folder(path) } else { Self::File(path) }
    }

    /// Returns the folders in which packages of PostgreSQL keep their logs.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        USUAL.iter().map(|path| Self::new(path)).collect()
    }

    /// Finds the files, in the order of their names. Of those that hold the same entries in several
    /// formats only the richest is among them.
    ///
    /// # Errors
    /// Those of reading the folder. A file or folder that is not there is no error here.
    pub fn find(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = self.find_all()?;
        if !matches!(self, Self::File(_)) {
            found = richest(found);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Finds the files, in every format.
    pub(super) fn find_all(&self) -> io::Result<Vec<PathBuf>> {
        Ok(match self {
            Self::File(path) => return Ok(vec![path.clone()]),
            Self::Folder(folder) => match fs::read_dir(folder) {
                Ok(entries) => {
                    let named = current_logs(folder).into_iter().filter(|path| path.is_file());
                    entries.filter_map(log_in_folder).chain(named).collect()
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            Self::Glob(pattern) => match glob::glob(pattern) {
                Ok(paths) => {
                    let paths = paths.filter_map(Result::ok);
                    paths.filter(|path| !is_packed(path) && path.is_file()).collect()
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
            },
        })
    }
}

impl LogPath {
    /// The folders in which such files, and their rotated predecessors, are.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::File(path) => vec![folder_of(path)],
            Self::Folder(folder) => vec![folder.clone()],
            Self::Glob(pattern) => {
                let folder = pattern.rsplit_once('/').map_or(".", |(folder, _)| folder);
                let found = glob::glob(folder);
                found.map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Folder(path) => path.display().fmt(f),
            Self::Glob(pattern) => f.write_str(pattern),
        }
    }
}

/// The path of what is a log by its name. The listing tells of most that they are files.
fn log_in_folder(entry: io::Result<fs::DirEntry>) -> Option<PathBuf> {
    let entry = entry.ok()?;
    let path = entry.path();
    let kind = entry.file_type().ok().filter(|_| rank(&path) > 0)?;
    (kind.is_file() || (!kind.is_dir() && path.is_file())).then_some(path)
}

/// The logs that the server writes to, where the folder is its data directory: with the logging collector
/// it names them in a file there.
fn current_logs(folder: &Path) -> Vec<PathBuf> {
    let named = fs::read_to_string(folder.join("current_logfiles")).unwrap_or_default();
    let paths = named.lines().filter_map(|line| line.split_once(' '));
    paths.map(|(_, path)| folder.join(path)).collect()
}

/// Leaves out what holds the same entries as another file.
fn richest(found: Vec<PathBuf>) -> Vec<PathBuf> {
    let chosen = Formats::default().choose(found, &[], Duration::ZERO);
    chosen.into_iter().map(|choice| choice.path).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != "" => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Tells whether a file is compressed, so that it is an old log.
fn is_packed(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|ending| PACKINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_pattern_find_logs_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.log", "a.log", "a.log.1", "a.log.2.gz", "a.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("c.log")).unwrap();
        let names = |path: LogPath| {
            let found = path.find().unwrap();
            let names = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let path = folder.path().to_str().unwrap();
        assert_eq!(LogPath::new(path), LogPath::Folder(folder.path().to_owned()));
        assert_eq!(names(LogPath::new(path)), ["a.log", "b.log"]);
        assert_eq!(names(LogPath::new(&format!("{path}/a*"))), ["a.log", "a.log.1", "a.txt"]);
        assert_eq!(names(LogPath::new(&format!("{path}/none.log"))), ["none.log"]);
        assert_eq!(names(LogPath::new(&format!("{path}/none/"))), [""; 0]);
    }

    #[test]
    fn of_several_formats_of_the_same_entries_the_richest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, age_s: u64| {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            let epoch = std::time::SystemTime::UNIX_EPOCH;
            file.set_modified(epoch + Duration::from_secs(1_000_000 - age_s)).unwrap();
        };
        write("a.log", 0);
        write("a.csv", 1);
        write("a.json", 3600);
        write("b.csv", 0);
        write("b.json", 0);
        write("c.log", 0);
        let found = LogPath::Folder(folder.path().to_owned()).find().unwrap();
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.csv", "b.json", "c.log"], "a.json is not written any more");
    }

    #[test]
    fn data_directory_leads_to_the_logs_that_the_server_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::write(folder.path().join("log/x.log"), "").unwrap();
        fs::write(folder.path().join("current_logfiles"), "stderr log/x.log\n").unwrap();
        let found = LogPath::Folder(folder.path().to_owned()).find().unwrap();
        assert_eq!(found, [folder.path().join("log/x.log")]);
    }
}
