//! What kind of file system a folder is on.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use rustix::fs::{major, minor, statfs};

/// File systems that copy on write, by their magic numbers: btrfs, ZFS, bcachefs.
const COPYING: [u64; 3] = [0x9123_683e, 0x2fc1_2fc1, 0xca45_1a4e];

/// File systems whose disk is another machine's, as `/proc/self/mountinfo` calls them. What such a machine
/// has acknowledged may be gone with it, and its locks and caches are not those that SQLite counts on:
/// <https://www.sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations>
const REMOTE: [&str; 22] = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "coda", "ceph", "lustre", "gfs2", "ocfs2",
    "gpfs", "beegfs", "pvfs2", "orangefs", "davfs", "davfs2", "vboxsf", "prl_fs", "vmhgfs", "acfs",
];

/// The same behind FUSE, where the name stands behind `fuse.`.
const REMOTE_BY_FUSE: [&str; 19] = [
    "sshfs",
    "glusterfs",
    "ceph",
    "ceph-fuse",
    "s3fs",
    "s3ql",
    "rclone",
    "gcsfuse",
    "goofys",
    "geesefs",
    "mount-s3",
    "blobfuse",
    "blobfuse2",
    "curlftpfs",
    "davfs",
    "davfs2",
    "juicefs",
    "moosefs",
    "vmhgfs-fuse",
];

/// The longest table of mounts that is read; machines full of containers have long ones.
const MAX_TABLE_BYTES: u64 = 16 << 20;

/// Tells whether a folder, or the one that it is to be made in, is on a file system that copies on write.
pub(super) fn is_copying(folder: &Path) -> bool {
    let kind = statfs(existing(folder)).map_or(0, |found| u64::try_from(found.f_type).unwrap_or(0));
    COPYING.contains(&kind)
}

/// Returns what kind of network file system a folder, or the one that it is to be made in, is on. `None`
/// where it is on none, or that cannot be found out.
pub(super) fn remote_kind(folder: &Path) -> Option<String> {
    let device = fs::metadata(existing(folder)).ok()?.dev();
    let table = start_of(Path::new("/proc/self/mountinfo"), MAX_TABLE_BYTES).ok()?;
    let kind = kind_of(&String::from_utf8_lossy(&table), major(device), minor(device))?;
    let is_remote = match kind.strip_prefix("fuse.") {
        Some(name) => REMOTE_BY_FUSE.contains(&name),
        None => REMOTE.contains(&kind.as_str()),
    };
    is_remote.then_some(kind)
}

/// Reads a file, but no more of it than that.
fn start_of(file: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn existing(folder: &Path) -> &Path {
    // A relative path ends with the empty one.
    let mut candidates = folder.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    candidates.find(|folder| folder.exists()).unwrap_or(Path::new("."))
}

/// Finds a device in the table of mounts: `36 35 98:0 /root /mount/point options - kind source options`,
/// with any number of fields before the dash.
fn kind_of(table: &str, major: u32, minor: u32) -> Option<String> {
    let device = format!("{major}:{minor}");
    table.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let is_it = mount.split(' ').nth(2) == Some(&device);
        is_it.then(|| kind.split(' ').next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /proc rw - proc proc rw
96 22 0:51 / /mnt/a\\040b rw,relatime shared:52 master:1 - nfs4 server:/export rw,vers=4.2
97 22 0:52 / /mnt/ssh rw,nosuid - fuse.sshfs me@there:/ rw,user_id=0
a line that is none
98 22 0:53 / /mnt/x rw -
";

    #[test]
    fn kind_is_that_of_the_device() {
        assert_eq!(kind_of(TABLE, 8, 1).as_deref(), Some("ext4"));
        assert_eq!(kind_of(TABLE, 0, 51).as_deref(), Some("nfs4"));
        assert_eq!(kind_of(TABLE, 0, 52).as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind_of(TABLE, 0, 5), None);
        assert_eq!(kind_of(TABLE, 0, 53), None);
    }

    #[test]
    fn folder_of_this_machine_is_not_remote_whether_it_exists_or_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(remote_kind(folder.path()), None);
        assert_eq!(remote_kind(&folder.path().join("not/made/yet")), None);
        let device = fs::metadata(folder.path()).unwrap().dev();
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        // btrfs gives each subvolume a device of its own, which is not in the table.
        let kind = kind_of(&table, major(device), minor(device));
        assert!(kind.is_some_and(|kind| !kind.is_empty()) || is_copying(folder.path()));
    }

    #[test]
    fn table_is_read_no_further_than_its_bound() {
        let endless = Path::new("/dev/zero");
        assert_eq!(start_of(endless, 1000).unwrap().len(), 1000);
    }

    #[test]
    fn relative_folder_is_looked_for_where_the_process_is() {
        assert_eq!(existing(Path::new("no such folder/at all")), Path::new("."));
    }
}
