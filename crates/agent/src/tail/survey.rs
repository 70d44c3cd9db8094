//! Which files there are, and which of them belong together.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use crate::tail::{
    discover::LogPath,
    identity::{FileIdentity, Stamp},
    problem::Problems,
    series::{is_rotated, series_of},
};

/// A file that is a log, was one, or holds the copy of one.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Where it is, without symbolic links in the name.
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    pub(super) stamp: Stamp,
    pub(super) series: String,
    /// True for what the settings name; false for what only belongs to such a file by its name.
    pub(super) is_wanted: bool,
}

impl Candidate {
    fn new(path: PathBuf, series: String, metadata: &Metadata, is_wanted: bool) -> Self {
        Self {
            series,
            path,
            identity: FileIdentity::of(metadata),
            stamp: Stamp::of(metadata),
            is_wanted,
        }
    }
}

/// Finds the files of the settings, and those that rotation made of them or of `tracked` ones, which
/// come with their series. Each file comes once, whatever number of names it has; those that rotation
/// made come behind the others. Also returns the folders in which something may happen.
pub(super) fn survey<'a>(
    paths: &[LogPath],
    tracked: impl Iterator<Item = (&'a Path, Cow<'a, str>)>,
    problems: &mut Problems,
) -> (HashSet<PathBuf>, Vec<Candidate>) {
    let mut candidates = Vec::new();
    let mut names = HashSet::new();
    let mut folders: BTreeMap<PathBuf, HashSet<String>> = BTreeMap::new();
    let mut real = RealPaths::default();
    for path in paths.iter().flat_map(LogPath::folders) {
        folders.entry(real.of_folder(&path)).or_default();
    }
    for path in wanted(paths, problems) {
        let (path, metadata) = real.of_file(&path);
        let series = series_of(&path);
        if let Some(folder) = path.parent() {
            add(&mut folders, folder, &series);
        }
        match metadata {
            Ok(metadata) => {
                problems.clear(&path);
                if names.insert(path.clone()) {
                    candidates.push(Candidate::new(path, series, &metadata, true));
                }
            }
            Err(error) => problems.report(&path, &error),
        }
    }
    for (path, series) in tracked {
        if let Some(folder) = path.parent().filter(|folder| folders.contains_key(*folder)) {
            add(&mut folders, folder, &series);
        }
    }
    for (folder, series) in &folders {
        // What cannot be listed can still hold files that can be read.
        candidates.extend(list(folder, series, &names).unwrap_or_default());
    }
    let mut identities = HashSet::new();
    candidates.retain(|candidate| identities.insert(candidate.identity));
    candidates.sort_by_cached_key(|candidate| {
        (!candidate.is_wanted, is_rotated(&candidate.path), candidate.path.clone())
    });
    (folders.into_keys().collect(), candidates)
}

fn add(folders: &mut BTreeMap<PathBuf, HashSet<String>>, folder: &Path, series: &str) {
    match folders.get_mut(folder) {
        Some(known) if known.contains(series) => {}
        Some(known) => {
            known.insert(series.to_owned());
        }
        None => {
            folders.insert(folder.to_owned(), HashSet::from([series.to_owned()]));
        }
    }
}

fn wanted(paths: &[LogPath], problems: &mut Problems) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        match path.find() {
            Ok(paths) if paths.is_empty() => problems.report_none(path),
            Ok(paths) => found.extend(paths),
            Err(error) => problems.report(Path::new(&path.to_string()), &error),
        }
    }
    found
}

/// Paths without symbolic links. Each folder is asked for once.
#[derive(Default)]
struct RealPaths {
    folders: HashMap<PathBuf, PathBuf>,
}

impl RealPaths {
    fn of_folder(&mut self, folder: &Path) -> PathBuf {
        if let Some(real) = self.folders.get(folder) {
            return real.clone();
        }
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        self.folders.insert(folder.to_owned(), real.clone());
        real
    }

    /// The path of a file, which need not be there, and what there is.
    fn of_file(&mut self, path: &Path) -> (PathBuf, io::Result<Metadata>) {
        let folder = path.parent().map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        });
        let (Some(folder), Some(name)) = (folder, path.file_name()) else {
            return (path.to_owned(), fs::metadata(path));
        };
        let in_folder = self.of_folder(folder).join(name);
        match fs::symlink_metadata(&in_folder) {
            Ok(metadata) if metadata.is_symlink() => {
                let real = fs::canonicalize(&in_folder).unwrap_or(in_folder);
                let metadata = fs::metadata(&real);
                (real, metadata)
            }
            found => (in_folder, found),
        }
    }
}

/// The files of a folder that belong to the series and are not among `names`.
fn list(
    folder: &Path,
    series: &HashSet<String>,
    names: &HashSet<PathBuf>,
) -> io::Result<Vec<Candidate>> {
    let mut listed = Vec::new();
    if series.is_empty() {
        return Ok(listed);
    }
    for entry in fs::read_dir(folder)?.filter_map(Result::ok) {
        let path = entry.path();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || names.contains(&path) {
            continue;
        }
        let own = series_of(&path);
        if series.contains(&own)
            && let Ok(metadata) = entry.metadata()
        {
            listed.push(Candidate::new(path, own, &metadata, false));
        }
    }
    Ok(listed)
}
