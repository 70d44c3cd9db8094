//! Where `logrotate` moves rotated logs that do not stay in their folder: its `olddir`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use glob::Pattern;

use crate::tail::series::series_of;

/// How often the configuration is read.
const INTERVAL: Duration = Duration::from_secs(60);

/// What scripts in a configuration begin with; `endscript` ends them.
const SCRIPTS: [&str; 5] = ["prerotate", "postrotate", "firstaction", "lastaction", "preremove"];

/// The folders of rotated logs.
#[derive(Debug, Default)]
pub(super) struct OldDirs {
    blocks: Vec<Block>,
    read_at: Option<Duration>,
    /// The folders that logs come from, by the folder in which they are when they were rotated.
    homes: HashMap<PathBuf, Vec<PathBuf>>,
}

/// Folders of logs, and what `olddir` is for them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    folders: Vec<Pattern>,
    olddir: PathBuf,
}

impl OldDirs {
    /// Reads the configuration anew, if it is time to.
    pub(super) fn refresh(&mut self, configuration: &[PathBuf], now: Duration) {
        if self.read_at.is_none_or(|read_at| now >= read_at + INTERVAL) {
            self.read_at = Some(now);
            self.blocks =
                configuration.iter().flat_map(|path| files_of(path)).flat_map(blocks_of).collect();
            self.homes.clear();
        }
    }

    /// Where the logs of a folder are when they were rotated away, if not in the folder itself.
    pub(super) fn of(&mut self, home: &Path) -> Vec<PathBuf> {
        let has_home =
            |block: &&Block| block.folders.iter().any(|folder| folder.matches_path(home));
        let blocks = self.blocks.iter().filter(has_home);
        let mut found: Vec<PathBuf> = blocks
            .filter_map(|block| fs::canonicalize(home.join(&block.olddir)).ok())
            .filter(|folder| folder != home)
            .collect();
        found.sort_unstable();
        found.dedup();
        for folder in &found {
            let homes = self.homes.entry(folder.clone()).or_default();
            if !homes.iter().any(|known| known == home) {
                homes.push(home.to_owned());
            }
        }
        found
    }

    /// The series that a file may belong to.
    pub(super) fn series_of(&self, path: &Path) -> Vec<String> {
        let homes = path.parent().and_then(|folder| self.homes.get(folder)).into_iter().flatten();
        let name = path.file_name().unwrap_or_default();
        let moved = homes.map(|home| series_of(&home.join(name)));
        [series_of(path)].into_iter().chain(moved).collect()
    }
}

/// A file, or the files of a folder.
fn files_of(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn blocks_of(file: PathBuf) -> Vec<Block> {
    fs::read_to_string(file).map(|text| blocks_in(&text)).unwrap_or_default()
}

fn blocks_in(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut usual = None;
    let mut patterns: Vec<&str> = Vec::new();
    let mut block: Option<Option<&str>> = None;
    let mut is_script = false;
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if is_script || SCRIPTS.contains(&first) {
            is_script = first != "endscript";
            continue;
        }
        let mut words = line.split_whitespace().map(|word| word.trim_matches('"'));
        while let Some(word) = words.next() {
            match (word, &mut block) {
                ("olddir", Some(olddir)) => *olddir = words.next(),
                ("noolddir", Some(olddir)) => *olddir = None,
                ("olddir", None) => usual = words.next(),
                ("}", _) => {
                    let folders = patterns.drain(..).filter_map(folder_of).collect();
                    if let Some(olddir) = block.take().flatten() {
                        blocks.push(Block { folders, olddir: PathBuf::from(olddir) });
                    }
                }
                ("{", _) => block = Some(usual),
                (word, None) if word.starts_with('/') => {
                    patterns.push(word.trim_end_matches('{'));
                    if word.ends_with('{') {
                        block = Some(usual);
                    }
                }
                _ => {}
            }
        }
    }
    blocks
}

/// The folders of the files that fit a pattern.
fn folder_of(pattern: &str) -> Option<Pattern> {
    Pattern::new(pattern.rsplit_once('/')?.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn olddir_is_that_of_the_block_or_the_usual_one() {
        let text = "olddir /old # for all\n/var/log/a/*.log\n\"/var/log/b/*.log\" {\n  weekly\n\
                    postrotate\n  f() { olddir /no; }\nendscript\n}\n/srv/*/x.log{\nolddir old\n}\n\
                    /var/log/c/x.log {\n noolddir\n}\n";
        let pattern = |folder: &str| Pattern::new(folder).unwrap();
        let expected = [
            Block {
                folders: vec![pattern("/var/log/a"), pattern("/var/log/b")],
                olddir: PathBuf::from("/old"),
            },
            Block { folders: vec![pattern("/srv/*")], olddir: PathBuf::from("old") },
        ];
        assert_eq!(blocks_in(text), expected);
    }
}
