//! Which files there are, and which of them belong together.

use std::{
    collections::{BTreeMap, HashSet},
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
    fn new(path: PathBuf, metadata: &Metadata, is_wanted: bool) -> Self {
        Self {
            series: series_of(&path),
            path,
            identity: FileIdentity::of(metadata),
            stamp: Stamp::of(metadata),
            is_wanted,
        }
    }
}

/// Finds the files of the settings, and those that rotation made of them or of `tracked` ones. Each
/// file comes once, whatever number of names it has; those that rotation made come behind the others.
/// Also returns the folders in which something may happen.
pub(super) fn survey<'a>(
    paths: &[LogPath],
    tracked: impl Iterator<Item = &'a Path>,
    problems: &mut Problems,
) -> (HashSet<PathBuf>, Vec<Candidate>) {
    let mut candidates = Vec::new();
    let mut names = HashSet::new();
    let mut folders: BTreeMap<PathBuf, HashSet<String>> = BTreeMap::new();
    for path in paths.iter().flat_map(LogPath::folders) {
        folders.entry(real(&path)).or_default();
    }
    for path in wanted(paths, problems) {
        let path = real(&path);
        if let Some(folder) = path.parent() {
            folders.entry(folder.to_owned()).or_default().insert(series_of(&path));
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                problems.clear(&path);
                if names.insert(path.clone()) {
                    candidates.push(Candidate::new(path, &metadata, true));
                }
            }
            Err(error) => problems.report(&path, &error),
        }
    }
    for path in tracked {
        if let Some(series) = path.parent().and_then(|folder| folders.get_mut(folder)) {
            series.insert(series_of(path));
        }
    }
    for (folder, series) in &folders {
        // What cannot be listed can still hold files that can be read.
        let listed = list(folder, series).unwrap_or_default();
        candidates.extend(listed.into_iter().filter(|found| !names.contains(&found.path)));
    }
    let mut identities = HashSet::new();
    candidates.retain(|candidate| identities.insert(candidate.identity));
    candidates.sort_by_cached_key(|candidate| {
        (!candidate.is_wanted, is_rotated(&candidate.path), candidate.path.clone())
    });
    (folders.into_keys().collect(), candidates)
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

/// The path without symbolic links; of a file that is not there that of its folder.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().and_then(|folder| fs::canonicalize(folder).ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The files of a folder that belong to the series.
fn list(folder: &Path, series: &HashSet<String>) -> io::Result<Vec<Candidate>> {
    let mut listed = Vec::new();
    if series.is_empty() {
        return Ok(listed);
    }
    for entry in fs::read_dir(folder)?.filter_map(Result::ok) {
        let path = entry.path();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && series.contains(&series_of(&path))
            && let Ok(metadata) = entry.metadata()
        {
            listed.push(Candidate::new(path, &metadata, false));
        }
    }
    Ok(listed)
}
