//! Which files there are, and which of them belong together.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::tail::{
    discover::LogPath,
    formats::{Begun, Choice, Formats},
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
    /// Where reading begins if nothing of it has been read; `None` where the usual counts.
    pub(super) begins_at: Option<u64>,
}

impl Candidate {
    fn new(path: PathBuf, metadata: &Metadata, is_wanted: bool) -> Self {
        Self {
            series: series_of(&path),
            path,
            identity: FileIdentity::of(metadata),
            stamp: Stamp::of(metadata),
            is_wanted,
            begins_at: None,
        }
    }
}

/// What there is to look at.
#[derive(Debug)]
pub(super) struct Survey {
    /// The folders in which something may happen.
    pub(super) folders: HashSet<PathBuf>,
    /// The files, each once, whatever number of names it has; those that rotation made come behind the
    /// others.
    pub(super) candidates: Vec<Candidate>,
}

/// Finds the files of the settings, and those that rotation made of them or of begun ones.
pub(super) fn survey(
    paths: &[LogPath],
    begun: &[Begun<'_>],
    (formats, now): (&mut Formats, Duration),
    problems: &mut Problems,
) -> Survey {
    let mut candidates = Vec::new();
    let mut folders: BTreeMap<PathBuf, HashSet<String>> = BTreeMap::new();
    for path in paths.iter().flat_map(LogPath::folders) {
        folders.entry(real(&path)).or_default();
    }
    let wanted = wanted(paths, begun, (formats, now), problems);
    // What is wanted under one setting may be another format of the same entries under another.
    let mut names = wanted.left_out;
    for choice in wanted.choices {
        let path = choice.path;
        if let Some(folder) = path.parent() {
            folders.entry(folder.to_owned()).or_default().insert(series_of(&path));
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                problems.clear(&path);
                let begins_at = choice.begins_at;
                names.insert(path.clone());
                candidates.push(Candidate { begins_at, ..Candidate::new(path, &metadata, true) });
            }
            Err(error) => problems.report(&path, &error),
        }
    }
    for begun in begun {
        if let Some(series) = begun.path.parent().and_then(|folder| folders.get_mut(folder)) {
            series.insert(series_of(begun.path));
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
    Survey { folders: folders.into_keys().collect(), candidates }
}

/// What the settings name.
#[derive(Debug, Default)]
struct Wanted {
    choices: Vec<Choice>,
    /// What has the same entries, or may turn out to.
    left_out: HashSet<PathBuf>,
}

fn wanted(
    paths: &[LogPath],
    begun: &[Begun<'_>],
    (formats, now): (&mut Formats, Duration),
    problems: &mut Problems,
) -> Wanted {
    let mut wanted = Wanted::default();
    for path in paths {
        let found: BTreeSet<PathBuf> = match path.find_all() {
            Ok(found) => found.iter().map(|path| real(path)).collect(),
            Err(error) => {
                problems.report(Path::new(&path.to_string()), &error);
                continue;
            }
        };
        if found.is_empty() {
            problems.report_none(path);
        }
        if matches!(path, LogPath::File(_)) {
            wanted.choices.extend(found.into_iter().map(Choice::only));
            continue;
        }
        wanted.left_out.extend(found.iter().cloned());
        wanted.choices.extend(formats.choose(found, begun, now));
    }
    wanted
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
