//! Servers that are known from their configuration, as Debian and Ubuntu lay it out.
//!
//! Each has a folder `/etc/postgresql/VERSION/NAME` with `postgresql.conf`. Without the logging collector
//! its log is where the link `log` in that folder leads, else
//! `/var/log/postgresql/postgresql-VERSION-NAME.log`, which is found by its folder. With it, the log is
//! where the configuration says.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::tail::named::NamedLogs;

/// How deep configuration files may include each other, as in the server.
const MAX_DEPTH: usize = 10;

/// What one server's configuration says of its logs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClusterLogs {
    /// The logging collector writes them.
    Collected(NamedLogs),
    /// What starts the server writes it.
    Redirected(PathBuf),
}

/// Finds the logs of all clusters below a folder.
pub(super) fn find(root: &Path) -> Vec<ClusterLogs> {
    let clusters = folders_in(root).into_iter().flat_map(|version| folders_in(&version));
    clusters.filter_map(|folder| logs_of(&folder)).collect()
}

fn logs_of(folder: &Path) -> Option<ClusterLogs> {
    let file = folder.join("postgresql.conf");
    let mut settings = Conf::default();
    settings.read(&file, MAX_DEPTH)?;
    let data = settings.path("data_directory", folder);
    if let Some(data) = &data {
        // What `ALTER SYSTEM` wrote counts more.
        let _is_absent = settings.read(&data.join("postgresql.auto.conf"), MAX_DEPTH);
    }
    if settings.is_on("logging_collector") {
        let name = settings.get("log_filename").unwrap_or("postgresql-%Y-%m-%d_%H%M%S.log");
        let log_directory = settings.get("log_directory").unwrap_or("log");
        let log_directory = data.map_or_else(|| folder.to_owned(), |data| data.join(log_directory));
        return Some(ClusterLogs::Collected(NamedLogs::new(&log_directory, name)));
    }
    // A link that leads to /dev/null says that there is no log.
    let target = fs::canonicalize(folder.join("log")).ok()?;
    (!target.starts_with("/dev")).then_some(ClusterLogs::Redirected(target))
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    folders
}

/// Settings of `postgresql.conf` and of what it includes; the last of a name counts. See
/// <https://www.postgresql.org/docs/current/config-setting.html>.
#[derive(Debug, Default)]
struct Conf(HashMap<String, String>);

impl Conf {
    /// Reads a file. `None` where it cannot be read.
    fn read(&mut self, file: &Path, depth: usize) -> Option<()> {
        let text = fs::read(file).ok()?;
        let folder = file.parent()?;
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((name, value)) = name_and_value(line) else { continue };
            match name.as_str() {
                "include" | "include_if_exists" | "include_dir" if depth == 0 => {}
                "include" | "include_if_exists" => {
                    let _is_absent = self.read(&folder.join(value), depth - 1);
                }
                "include_dir" => {
                    for file in confs_in(&folder.join(value)) {
                        let _is_absent = self.read(&file, depth - 1);
                    }
                }
                _ => {
                    self.0.insert(name, value);
                }
            }
        }
        Some(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn path(&self, name: &str, folder: &Path) -> Option<PathBuf> {
        self.get(name).map(|path| folder.join(path))
    }

    /// Reads a switch, which may be shortened as long as it is clear.
    fn is_on(&self, name: &str) -> bool {
        let Some(value) = self.get(name).map(str::to_lowercase) else { return false };
        let is_short = |word: &str, least: usize| value.len() >= least && word.starts_with(&*value);
        is_short("on", 2) || is_short("true", 1) || is_short("yes", 1) || value == "1"
    }
}

/// The files of an included folder, in the order of their names.
fn confs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let is_conf = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".conf") && !name.starts_with('.') && path.is_file()
    };
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(is_conf).collect();
    files.sort_unstable();
    files
}

/// Reads `name = value`, `name value` or `name = 'value'`. `None` where the line sets nothing.
fn name_and_value(line: &str) -> Option<(String, String)> {
    let line = line.trim_start();
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    let end = line.find(|letter| !is_name(letter)).filter(|end| *end > 0)?;
    let (name, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let value = match rest.strip_prefix('\'') {
        Some(quoted) => unquoted(quoted),
        None => {
            rest.split(|letter: char| letter.is_whitespace() || letter == '#').next()?.to_owned()
        }
    };
    Some((name.to_lowercase(), value))
}

/// The text up to the closing quote; a doubled quote and what stands behind a backslash mean themselves.
fn unquoted(text: &str) -> String {
    let mut value = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' if letters.peek() != Some(&'\'') => break,
            '\'' | '\\' => value.extend(letters.next()),
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(root: &Path, name: &str, conf: &str) -> PathBuf {
        let folder = root.join("15").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("postgresql.conf"), conf).unwrap();
        folder
    }

    #[test]
    fn collector_s_logs_are_where_the_last_setting_of_all_files_says() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        fs::create_dir(&data).unwrap();
        let conf = format!(
            "data_directory = '{}'  # where\n#logging_collector = off\nlog_directory 'a'\n\
             include_dir = 'conf.d'\ninclude_if_exists 'nothing'\n",
            data.display()
        );
        let folder = cluster(root.path(), "main", &conf);
        fs::create_dir(folder.join("conf.d")).unwrap();
        fs::write(folder.join("conf.d/1.conf"), "Logging_Collector=TRUE\nlog_filename = it''s\n")
            .unwrap();
        fs::write(folder.join("conf.d/2.conf"), "log_filename = 'it''s-%a.log' # x\n").unwrap();
        fs::write(data.join("postgresql.auto.conf"), "log_directory = 'b'\n").unwrap();
        let expected = ClusterLogs::Collected(NamedLogs::new(&data.join("b"), "it's-%a.log"));
        assert_eq!(find(root.path()), [expected]);
    }

    #[test]
    fn log_of_a_server_without_collector_is_where_its_link_leads() {
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("elsewhere.txt");
        fs::write(&log, "").unwrap();
        let folder = cluster(root.path(), "linked", "logging_collector = off\n");
        std::os::unix::fs::symlink(&log, folder.join("log")).unwrap();
        let silent = cluster(root.path(), "silent", "");
        std::os::unix::fs::symlink("/dev/null", silent.join("log")).unwrap();
        cluster(root.path(), "usual", "");
        let log = fs::canonicalize(log).unwrap();
        assert_eq!(find(root.path()), [ClusterLogs::Redirected(log)]);
    }
}
