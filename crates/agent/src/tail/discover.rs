//! Which files there are to follow.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::tail::{
    clusters::{self, ClusterLogs},
    ending::rank,
    formats::Formats,
    named::NamedLogs,
    series::PACKINGS,
};

/// Where logs are: a file, a folder or a glob pattern, or what a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPath {
    /// One file, whether it is there yet or not.
    File(PathBuf),
    /// All logs of a folder, now and later.
    Folder(PathBuf),
    /// All files that fit a pattern, now and later; all logs of the folders that do, where it ends in `/`.
    Glob(String),
    /// What the logging collector of a server writes, now and later.
    Named(NamedLogs),
    /// The logs of all clusters that have a folder `VERSION/NAME` here, as in `/etc/postgresql`.
    Clusters(PathBuf),
    /// Places of which any may be missing.
    Any(Vec<Self>),
}

/// Where Debian and Ubuntu configure clusters.
const CLUSTERS: &str = "/etc/postgresql";

/// Debian and Ubuntu; the PGDG packages of RHEL and its like, and their own packages, now and before
/// PostgreSQL 10; Debian's data directories and those of the official images, from 18 on and before. A
/// data directory leads to the logs that the server names there, wherever they are.
const USUAL: [&str; 13] = [
    "/var/log/postgresql/",
    "/var/lib/pgsql/*/data/",
    "/var/lib/pgsql/*/data/log/",
    "/var/lib/pgsql/*/data/pg_log/",
    "/var/lib/pgsql/data/",
    "/var/lib/pgsql/data/log/",
    "/var/lib/pgsql/data/pg_log/",
    "/var/lib/postgresql/[0-9]*/*/",
    "/var/lib/postgresql/[0-9]*/*/log/",
    "/var/lib/postgresql/[0-9]*/*/pg_log/",
    "/var/lib/postgresql/data/",
    "/var/lib/postgresql/data/log/",
    "/var/lib/postgresql/data/pg_log/",
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

    /// Returns the places in which packages of PostgreSQL keep their logs.
    #[must_use]
    pub fn usual() -> Self {
        let folders = USUAL.iter().map(|path| Self::new(path));
        Self::Any(folders.chain([Self::Clusters(PathBuf::from(CLUSTERS))]).collect())
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
            Self::Folder(folder) => logs_in(folder)?,
            Self::Glob(pattern) => match glob::glob(pattern) {
                Ok(paths) if pattern.ends_with('/') => {
                    find_any(paths.filter_map(Result::ok).map(|folder| logs_in(&folder)))?
                }
                Ok(paths) => {
                    let paths = paths.filter_map(Result::ok);
                    paths.filter(|path| !is_packed(path) && path.is_file()).collect()
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
            },
            Self::Named(logs) => logs.find_all()?,
            Self::Clusters(root) => {
                find_any(clusters::find(root).into_iter().map(|logs| match logs {
                    ClusterLogs::Collected(logs) => logs.find_all(),
                    ClusterLogs::Redirected(path) => Ok(vec![path]),
                }))?
            }
            Self::Any(places) => find_any(places.iter().map(Self::find_all))?,
        })
    }
}

/// All that is found. What cannot be looked at is an error only where nothing else is found.
fn find_any(found: impl Iterator<Item = io::Result<Vec<PathBuf>>>) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut problem = None;
    for found in found {
        match found {
            Ok(found) => paths.extend(found),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    problem.filter(|_| paths.is_empty()).map_or(Ok(paths), Err)
}

fn logs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let named = current_logs(folder).into_iter().filter(|path| path.is_file());
    Ok(entries.filter_map(log_in_folder).chain(named).collect())
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
            Self::Named(logs) => vec![logs.folder.clone()],
            Self::Clusters(root) => {
                let folders = clusters::find(root).into_iter().map(|logs| match logs {
                    ClusterLogs::Collected(logs) => logs.folder,
                    ClusterLogs::Redirected(path) => folder_of(&path),
                });
                folders.collect()
            }
            Self::Any(places) => {
                let folders = places.iter().flat_map(Self::folders);
                folders.filter(|folder| folder.is_dir()).collect()
            }
        }
    }
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Folder(path) => path.display().fmt(f),
            Self::Glob(pattern) => f.write_str(pattern),
            Self::Named(logs) => f.write_str(&logs.pattern()),
            Self::Clusters(root) => write!(f, "{}/*/*/postgresql.conf", root.display()),
            Self::Any(places) => {
                let places: Vec<_> = places.iter().map(ToString::to_string).collect();
                f.write_str(&places.join(" "))
            }
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
    fn clusters_and_patterns_of_folders_lead_to_logs_in_every_format() {
        let root = tempfile::tempdir().unwrap();
        let (conf, log) = (root.path().join("etc/16/main"), root.path().join("data/log"));
        fs::create_dir_all(&conf).unwrap();
        fs::create_dir_all(&log).unwrap();
        let text = format!("data_directory = '{}'\n", root.path().join("data").display());
        let text = text + "logging_collector = on\nlog_filename = 'pg-%a.txt'\n";
        fs::write(conf.join("postgresql.conf"), text).unwrap();
        for name in ["pg-Mon.txt", "pg-Mon.txt.csv", "pg-Tue.txt", "other.txt", "x.json"] {
            fs::write(log.join(name), "").unwrap();
        }
        let clusters = LogPath::Clusters(root.path().join("etc"));
        let of_clusters = [log.join("pg-Mon.txt.csv"), log.join("pg-Tue.txt")];
        assert_eq!(clusters.find().unwrap(), of_clusters);
        assert_eq!(clusters.folders(), [log.as_path()]);
        let pattern = LogPath::new(&format!("{}/d*/log/", root.path().display()));
        assert_eq!(pattern.find().unwrap(), [log.join("pg-Mon.txt.csv"), log.join("x.json")]);
        assert_eq!(pattern.folders(), [log.as_path()]);
        let nowhere = LogPath::Folder(PathBuf::from("/nowhere"));
        let any = LogPath::Any(vec![nowhere.clone(), clusters]);
        assert_eq!(any.find().unwrap(), of_clusters);
        assert!(LogPath::Any(vec![nowhere]).folders().is_empty());
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
