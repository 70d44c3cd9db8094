//! Wakes whoever waits when something happens in a log folder.
//!
//! Only a hint: what has happened is found out by looking at the files, and where the system cannot
//! tell, as for a file system of another machine, they are looked at by the clock.

use std::{
    collections::{HashMap, HashSet},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// What wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Files that come, go or get another name.
    Rotation,
    /// That, and bytes that are written.
    Anything,
}

/// What has happened since the last question.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// True where files came, went or got another name, or nobody knows.
    pub(super) is_rotation: bool,
    /// The names that came, went or led to another file.
    pub(super) renamed: HashSet<PathBuf>,
    /// The files that were written to.
    pub(super) written: HashSet<PathBuf>,
}

/// Watches folders, as far as the system allows.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    rotations: Option<Channel>,
    writes: Option<Channel>,
    watched: HashSet<PathBuf>,
    /// Folders of which the system does not tell.
    silent: HashSet<PathBuf>,
    /// Files that were found to have been written to, of which it has yet to tell.
    expected: HashSet<PathBuf>,
    /// How many times in a row it did not, by folder.
    failures: HashMap<PathBuf, u32>,
}

/// From so many times in a row on a folder counts as one of which the system does not tell.
const MAX_FAILURES: u32 = 3;

#[derive(Debug)]
struct Channel {
    descriptor: OwnedFd,
    folders: HashMap<i32, PathBuf>,
}

impl Watcher {
    pub(super) fn new() -> Self {
        let (rotations, writes) = (Channel::open(), Channel::open());
        Self { rotations, writes, ..Self::default() }
    }

    /// Watches these folders from now on, and no others.
    pub(super) fn watch(&mut self, folders: &HashSet<PathBuf>) {
        self.watched.retain(|folder| folders.contains(folder));
        self.silent.clear();
        for folder in folders {
            let is_watched = self.watched.contains(folder) || self.add(folder);
            if !is_watched || self.has_failed(folder) {
                self.silent.insert(folder.clone());
            }
        }
    }

    fn has_failed(&self, folder: &Path) -> bool {
        self.failures.get(folder).is_some_and(|times| *times >= MAX_FAILURES)
    }

    /// Notes that a file was written to, which was found by the clock. If the system tells of it at all, it
    /// does so with the next changes.
    pub(super) fn expect(&mut self, path: &Path) {
        self.expected.insert(path.to_owned());
    }

    /// Compares what was expected with what has happened. Not each file system that looks like one of this
    /// machine tells of everything: another container may write to a lower layer of it.
    pub(super) fn check(&mut self, changes: &Changes) {
        for path in std::mem::take(&mut self.expected) {
            let Some(folder) = path.parent().filter(|_| !changes.is_rotation) else { continue };
            if changes.written.contains(&path) {
                self.failures.remove(folder);
                continue;
            }
            *self.failures.entry(folder.to_owned()).or_default() += 1;
            if self.has_failed(folder) && self.silent.insert(folder.to_owned()) {
                let folder = folder.display();
                tracing::info!(%folder, "the system does not tell of all writes here: looking each second");
            }
        }
    }

    fn add(&mut self, folder: &Path) -> bool {
        let rotation = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVE_SELF
            | WatchFlags::DELETE_SELF;
        let (Some(rotations), Some(writes)) = (&mut self.rotations, &mut self.writes) else {
            return false;
        };
        let is_watched = is_local(folder)
            && rotations.add(folder, rotation)
            && writes.add(folder, WatchFlags::MODIFY);
        if is_watched {
            self.watched.insert(folder.to_owned());
        }
        is_watched
    }

    /// Tells whether there is a wake for each folder.
    pub(super) fn is_complete(&self) -> bool {
        self.silent.is_empty() && !self.watched.is_empty()
    }

    /// Returns what has happened.
    pub(super) fn take(&mut self) -> Changes {
        let mut changes = Changes::default();
        if let Some(rotations) = &self.rotations {
            rotations.read(|flags, path| {
                changes.is_rotation = true;
                changes.renamed.extend(path);
                if flags.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF) {
                    // The folder is another one now.
                    self.watched.clear();
                }
            });
        }
        if let Some(writes) = &self.writes {
            writes.read(|flags, path| {
                changes.is_rotation |= flags.contains(ReadFlags::QUEUE_OVERFLOW);
                changes.written.extend(path);
            });
        }
        changes
    }

    /// What to wait for.
    pub(super) fn descriptors(&self, wake: Wake) -> Vec<BorrowedFd<'_>> {
        let writes = self.writes.as_ref().filter(|_| wake == Wake::Anything);
        let channels = self.rotations.iter().chain(writes);
        channels.map(|channel| channel.descriptor.as_fd()).collect()
    }
}

impl Channel {
    fn open() -> Option<Self> {
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        Some(Self { descriptor, folders: HashMap::new() })
    }

    fn add(&mut self, folder: &Path, flags: WatchFlags) -> bool {
        match inotify::add_watch(&self.descriptor, folder, flags | WatchFlags::ONLYDIR) {
            Ok(number) => {
                self.folders.insert(number, folder.to_owned());
                true
            }
            Err(_) => false,
        }
    }

    /// Reads all events.
    fn read(&self, mut sink: impl FnMut(ReadFlags, Option<PathBuf>)) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.descriptor, &mut buffer);
        while let Ok(event) = reader.next() {
            let folder = self.folders.get(&event.wd());
            let name = event.file_name().map(|name| std::ffi::OsStr::from_bytes(name.to_bytes()));
            let path = folder.zip(name).map(|(folder, name)| folder.join(name));
            sink(event.events(), path);
        }
    }
}

/// Tells whether all writers of a file system are on this machine.
fn is_local(folder: &Path) -> bool {
    /// NFS, SMB, SMB 2, FUSE, 9P, AFS, Ceph, GFS 2, OCFS 2, Lustre.
    const SHARED: [u64; 10] = [
        0x6969,
        0x517b,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x5346_414f,
        0x00c3_6400,
        0x0116_1970,
        0x7461_636f,
        0x0bd0_0bd0,
    ];
    const CIFS: u64 = 0xff53_4d42;
    rustix::fs::statfs(folder).is_ok_and(|found| {
        u64::try_from(found.f_type).is_ok_and(|kind| kind != CIFS && !SHARED.contains(&kind))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn rotation_and_writes_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "").unwrap();
        let mut watcher = Watcher::new();
        watcher.watch(&HashSet::from([folder.path().to_owned()]));
        assert!(watcher.is_complete());
        fs::write(&path, "x").unwrap();
        let changes = watcher.take();
        assert!(!changes.is_rotation && changes.written.contains(&path));
        let copy = folder.path().join("x.log.1");
        fs::rename(&path, &copy).unwrap();
        let changes = watcher.take();
        assert!(changes.is_rotation && changes.renamed == HashSet::from([path, copy]));
        assert!(!watcher.take().is_rotation);
    }

    #[test]
    fn folder_of_which_writes_are_not_told_is_looked_at_by_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "").unwrap();
        let folders = HashSet::from([folder.path().to_owned()]);
        let mut watcher = Watcher::new();
        watcher.watch(&folders);
        let mut written = Changes::default();
        written.written.insert(path.clone());
        let told = [&Changes::default(), &Changes::default(), &written];
        for changes in told.into_iter().chain(std::iter::repeat_n(told[0], 3)) {
            assert!(watcher.is_complete());
            watcher.expect(&path);
            watcher.check(changes);
        }
        assert!(!watcher.is_complete());
        watcher.watch(&folders);
        assert!(!watcher.is_complete());
    }

    #[test]
    fn folder_that_is_not_there_is_looked_at_by_the_clock() {
        let mut watcher = Watcher::new();
        watcher.watch(&HashSet::from([PathBuf::from("/nowhere/log")]));
        assert!(!watcher.is_complete());
    }
}
