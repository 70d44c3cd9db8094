//! Which files there are, and which of them belong together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, Metadata},
    io,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::tail::{
    discover::LogPath,
    formats::{Begun, Choice, Formats},
    identity::{FileIdentity, Stamp},
    olddir::OldDirs,
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
    /// What its path says the series is, where it was moved to another folder.
    pub(super) series_there: Option<String>,
    /// True for what the settings name; false for what only belongs to such a file by its name.
    pub(super) is_wanted: bool,
    /// Where reading begins if nothing of it has been read; `None` where the usual counts.
    pub(super) begins_at: Option<u64>,
}

impl Candidate {
    fn new(path: PathBuf, metadata: &Metadata, is_wanted: bool) -> Self {
        Self {
            series: series_of(&path),
            series_there: None,
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

/// How often the files are listed again where some get other names meanwhile.
const MAX_SURVEYS: usize = 5;

/// Finds the files of the settings, and those that rotation made of them or of begun ones.
pub(super) fn survey(
    (paths, old_dirs): (&[LogPath], &mut OldDirs),
    begun: &[Begun<'_>],
    (formats, now): (&mut Formats, Duration),
    problems: &mut Problems,
) -> Survey {
    for _ in 1..MAX_SURVEYS {
        let (survey, is_whole) =
            survey_once((paths, &mut *old_dirs), begun, (formats, now), problems);
        if is_whole {
            return survey;
        }
    }
    survey_once((paths, &mut *old_dirs), begun, (formats, now), problems).0
}

/// Also tells whether each name led to the file that was listed under it. Where one did not, files were
/// renamed in between, as `logrotate` does with a whole chain, and one may have been passed over.
fn survey_once(
    (paths, old_dirs): (&[LogPath], &mut OldDirs),
    begun: &[Begun<'_>],
    (formats, now): (&mut Formats, Duration),
    problems: &mut Problems,
) -> (Survey, bool) {
    let mut candidates = Vec::new();
    let mut folders: BTreeMap<PathBuf, HashSet<String>> = BTreeMap::new();
    let mut real = RealPaths::default();
    for path in paths.iter().flat_map(LogPath::folders) {
        folders.entry(real.of_folder(&path)).or_default();
    }
    let wanted = wanted(paths, begun, (formats, now), (&mut real, problems));
    // What is wanted under one setting may be another format of the same entries under another.
    let mut names: HashMap<PathBuf, Option<u64>> =
        wanted.left_out.into_iter().map(|path| (path, None)).collect();
    let mut is_whole = true;
    for choice in wanted.choices {
        let path = choice.path;
        if let Some(folder) = path.parent() {
            add(&mut folders, folder, series_of(&path));
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                problems.clear(&path);
                let begins_at = choice.begins_at;
                names.insert(path.clone(), Some(metadata.ino()));
                candidates.push(Candidate { begins_at, ..Candidate::new(path, &metadata, true) });
            }
            // It was listed, and has another name by now.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !choice.is_named => {
                is_whole = false;
            }
            Err(error) => problems.report(&path, &error),
        }
    }
    for begun in begun {
        if let Some(folder) = begun.path.parent().filter(|folder| folders.contains_key(*folder)) {
            add(&mut folders, folder, series_of(begun.path));
        }
    }
    let mut places = HashSet::new();
    for (folder, series) in &folders {
        // What cannot be listed can still hold files that can be read.
        for place in [folder.clone()].into_iter().chain(old_dirs.of(folder)) {
            if let Ok((listed, is_folder_whole)) = list((folder, &place), series, &names) {
                candidates.extend(listed);
                is_whole &= is_folder_whole;
            }
            places.insert(place);
        }
    }
    let mut identities = HashSet::new();
    candidates.retain(|candidate| identities.insert(candidate.identity));
    candidates.sort_by_cached_key(|candidate| {
        (!candidate.is_wanted, is_rotated(&candidate.path), candidate.path.clone())
    });
    (Survey { folders: places, candidates }, is_whole)
}

fn add(folders: &mut BTreeMap<PathBuf, HashSet<String>>, folder: &Path, series: String) {
    match folders.get_mut(folder) {
        Some(known) => {
            known.insert(series);
        }
        None => {
            folders.insert(folder.to_owned(), HashSet::from([series]));
        }
    }
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
    (real, problems): (&mut RealPaths, &mut Problems),
) -> Wanted {
    let mut wanted = Wanted::default();
    for path in paths {
        let found: BTreeSet<PathBuf> = match path.find_all() {
            Ok(found) => found.iter().map(|path| real.of_file(path)).collect(),
            Err(error) => {
                problems.report(Path::new(&path.to_string()), &error);
                continue;
            }
        };
        if found.is_empty() {
            problems.report_none(path);
        }
        if matches!(path, LogPath::File(_)) {
            let named = |path| Choice { is_named: true, ..Choice::only(path) };
            wanted.choices.extend(found.into_iter().map(named));
            continue;
        }
        wanted.left_out.extend(found.iter().cloned());
        wanted.choices.extend(formats.choose(found, begun, now));
    }
    wanted
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

    /// The path of a file, which need not be there.
    fn of_file(&mut self, path: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return path.to_owned();
        };
        let is_here = folder.as_os_str().is_empty();
        let in_folder = self.of_folder(if is_here { Path::new(".") } else { folder }).join(name);
        let is_link = fs::symlink_metadata(&in_folder).is_ok_and(|found| found.is_symlink());
        let real = is_link.then(|| fs::canonicalize(&in_folder).ok()).flatten();
        real.unwrap_or(in_folder)
    }
}

/// The files of a place that belong to the series of a folder and are not among `names`, which come with
/// their numbers. Also tells whether each name led to the file that was listed.
fn list(
    (folder, place): (&Path, &Path),
    series: &HashSet<String>,
    names: &HashMap<PathBuf, Option<u64>>,
) -> io::Result<(Vec<Candidate>, bool)> {
    let mut listed = Vec::new();
    let mut is_whole = true;
    if series.is_empty() {
        return Ok((listed, is_whole));
    }
    for entry in fs::read_dir(place)?.filter_map(Result::ok) {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Some(number) = names.get(&path) {
            is_whole &= number.is_none_or(|number| number == entry.ino());
            continue;
        }
        let of_folder = series_of(&folder.join(entry.file_name()));
        if series.contains(&of_folder) {
            match entry.metadata() {
                Ok(metadata) => {
                    is_whole &= metadata.ino() == entry.ino();
                    let candidate = Candidate::new(path, &metadata, false);
                    let series_there = (place != folder).then(|| candidate.series.clone());
                    listed.push(Candidate { series: of_folder, series_there, ..candidate });
                }
                Err(_) => is_whole = false,
            }
        }
    }
    Ok((listed, is_whole))
}
