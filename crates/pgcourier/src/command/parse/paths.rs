//! The files that were named: also by a folder or a quoted pattern.

use std::{
    io,
    path::{Path, PathBuf},
};

use agent::tail::LogPath;

/// Returns the files that a path stands for: itself, the logs of a folder, or what fits a pattern. Of a
/// folder's logs that hold the same entries in several formats the richest is among them.
///
/// # Errors
/// Those of reading the folder; not found where it has no log, or where nothing fits the pattern.
pub(super) fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let none = |what: &str| io::Error::new(io::ErrorKind::NotFound, what.to_owned());
    if path.is_dir() {
        let found = LogPath::Folder(path.to_owned()).find()?;
        return if found.is_empty() {
            Err(none("no file in it ends in .log, .csv or .json"))
        } else {
            Ok(found)
        };
    }
    let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
    let Some(pattern) = pattern.filter(|_| !path.exists()) else {
        return Ok(vec![path.to_owned()]);
    };
    let found = glob::glob(pattern)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?
        .filter_map(Result::ok)
        .filter(|path| path.is_file());
    let found: Vec<PathBuf> = found.collect();
    if found.is_empty() { Err(none("no file fits the pattern")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_pattern_stand_for_their_logs() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.log", "a.csv", "b.log", "b.log.1.gz", "note.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |path: &Path| {
            let found = files_of(path)?;
            let names = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
            io::Result::Ok(names.map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(names(folder.path()).unwrap(), ["a.csv", "b.log"]);
        assert_eq!(names(&folder.path().join("b.log*")).unwrap(), ["b.log", "b.log.1.gz"]);
        assert_eq!(names(&folder.path().join("missing")).unwrap(), ["missing"]);
        assert_eq!(names(Path::new("-")).unwrap(), ["-"]);
        let error = names(&folder.path().join("c*")).unwrap_err();
        assert_eq!(error.to_string(), "no file fits the pattern");
    }
}
