//! Which files there are, and which of them belong together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
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
    fn new(path: PathBuf, series: String, metadata: &Metadata, is_wanted: bool) -> Self {
        Self {
            series,
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
    let mut real = RealPaths::default();
    for path in paths.iter().flat_map(LogPath::folders) {
        folders.entry(real.of_folder(&path)).or_default();
    }
    let mut wanted = Wanted::find(paths, &mut real, problems);
    let chosen = wanted.choose(begun, (formats, now));
    // What is left out under one setting may be wanted under another.
    let names: HashSet<PathBuf> = wanted.metadata.keys().cloned().collect();
    for Choice { path, begins_at } in chosen {
        let series = series_of(&path);
        if let Some(folder) = path.parent() {
            add(&mut folders, folder, &series);
        }
        match wanted.metadata.get(&path) {
            Some(Ok(metadata)) => {
                problems.clear(&path);
                let found = Candidate::new(path, series, metadata, true);
                candidates.push(Candidate { begins_at, ..found });
            }
            Some(Err(error)) => problems.report(&path, error),
            None => {}
        }
    }
    for begun in begun {
        if let Some(folder) = begun.path.parent().filter(|folder| folders.contains_key(*folder)) {
            add(&mut folders, folder, &begun.series);
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
    Survey { folders: folders.into_keys().collect(), candidates }
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

/// What the settings name.
#[derive(Debug, Default)]
struct Wanted {
    /// The files of each setting, and whether they are wanted in whatever format.
    found: Vec<(Vec<PathBuf>, bool)>,
    metadata: HashMap<PathBuf, io::Result<Metadata>>,
}

impl Wanted {
    fn find(paths: &[LogPath], real: &mut RealPaths, problems: &mut Problems) -> Self {
        let mut wanted = Self::default();
        for path in paths {
            let found = match path.find_all() {
                Ok(found) => found,
                Err(error) => {
                    problems.report(Path::new(&path.to_string()), &error);
                    continue;
                }
            };
            if found.is_empty() {
                problems.report_none(path);
            }
            let mut names = BTreeSet::new();
            for path in found {
                let (path, metadata) = real.of_file(&path);
                wanted.metadata.insert(path.clone(), metadata);
                names.insert(path);
            }
            let is_one_file = matches!(path, LogPath::File(_));
            wanted.found.push((names.into_iter().collect(), is_one_file));
        }
        wanted
    }

    /// Leaves out what holds the same entries as another file.
    fn choose(
        &mut self,
        begun: &[Begun<'_>],
        (formats, now): (&mut Formats, Duration),
    ) -> Vec<Choice> {
        let mut chosen = Vec::new();
        for (found, is_one_file) in self.found.drain(..) {
            if is_one_file {
                chosen.extend(found.into_iter().map(Choice::only));
            } else {
                chosen.extend(formats.choose(found, begun, now));
            }
        }
        chosen
    }
}

/// Paths without symbolic links. Each folder is asked for once.
#[derive(Debug, Default)]
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
