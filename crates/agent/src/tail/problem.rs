//! Tells the operator, once each, what stands in the way of reading.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::tail::discover::LogPath;

/// What has been reported and not been mended since.
#[derive(Debug, Default)]
pub(super) struct Problems {
    reported: HashMap<PathBuf, io::ErrorKind>,
}

impl Problems {
    /// Reports that a path cannot be read, unless that is known.
    pub(super) fn report(&mut self, path: &Path, error: &io::Error) {
        let kind = error.kind();
        if self.reported.insert(path.to_owned(), kind) == Some(kind) {
            return;
        }
        let path = path.display();
        match kind {
            io::ErrorKind::NotFound => {
                tracing::warn!(%path, "the log is not there; it is waited for");
            }
            io::ErrorKind::PermissionDenied => {
                let hint = permission_hint(Path::new(&path.to_string()));
                tracing::error!(%path, hint, "may not read the log");
            }
            _ => tracing::error!(%path, %error, "cannot read the log; it is tried again"),
        }
    }

    /// Reports that a folder or pattern finds nothing, unless that is known.
    pub(super) fn report_none(&mut self, path: &LogPath) {
        let key = PathBuf::from(path.to_string());
        if self.reported.insert(key, io::ErrorKind::NotFound).is_none() {
            tracing::warn!(%path, "finds no log yet; it is waited for");
        }
    }

    /// Notes that a path can be read now.
    pub(super) fn clear(&mut self, path: &Path) {
        if self.reported.remove(path).is_some() {
            tracing::info!(path = %path.display(), "the log can be read now");
        }
    }
}

/// Says which group may read a log, or a folder on the way to it.
fn permission_hint(path: &Path) -> String {
    // Behind a folder that may not be entered nothing can be seen, so the first one that can counts.
    let Some(metadata) = path.ancestors().find_map(|path| fs::metadata(path).ok()) else {
        return "give the agent's user the right to read it".to_owned();
    };
    match group_name(metadata.gid()) {
        Some(group) if group != "root" => format!(
            "add the agent's user to the group {group}: usermod -a -G {group} pgcourier, then restart \
             the agent; the group needs the right to read (log_file_mode = 0640)"
        ),
        _ => {
            "set log_file_mode = 0640 in postgresql.conf and add the agent's user to the server's \
              group: usermod -a -G postgres pgcourier"
                .to_owned()
        }
    }
}

fn group_name(gid: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>() == Ok(gid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_names_a_group_and_the_command() {
        let hint = permission_hint(Path::new("/etc/nowhere/x.log"));
        assert!(hint.contains("usermod -a -G postgres pgcourier"), "{hint}");
    }
}
