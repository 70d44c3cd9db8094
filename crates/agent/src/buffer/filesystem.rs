//! What kind of file system a folder is on.

use std::path::Path;

use rustix::fs::statfs;

/// File systems that copy on write, by their magic numbers: btrfs, ZFS, bcachefs.
const COPYING: [u64; 3] = [0x9123_683e, 0x2fc1_2fc1, 0xca45_1a4e];

/// Tells whether a folder, or the one that it is to be made in, is on a file system that copies on write.
pub(super) fn is_copying(folder: &Path) -> bool {
    let kind = statfs(existing(folder)).map_or(0, |found| u64::try_from(found.f_type).unwrap_or(0));
    COPYING.contains(&kind)
}

fn existing(folder: &Path) -> &Path {
    // A relative path ends with the empty one.
    let mut candidates = folder.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    candidates.find(|folder| folder.exists()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_folder_is_looked_for_where_the_process_is() {
        assert_eq!(existing(Path::new("no such folder/at all")), Path::new("."));
    }
}
