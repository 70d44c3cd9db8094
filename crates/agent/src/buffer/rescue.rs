//! A database whose files are deleted while it is in use.
//!
//! They lose their names, not their content, as long as the agent has them open. The content is written
//! out again under the old names, before it can end with the process.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use crate::buffer::{
    Buffer, Error, allocate,
    error::Check,
    make::{self, draft_of, log_of},
    open::{self, database_of},
};

/// Which files the database and its log are: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files {
    database: Option<(u64, u64)>,
    log: Option<(u64, u64)>,
}

impl Files {
    pub(super) fn of(database: &Path) -> Self {
        let file = |path: &Path| match fs::metadata(path) {
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            Err(error) if is_missing(&error) => None,
            // Whether it is there cannot be told.
            Err(_) => Some((0, 0)),
        };
        Self { database: file(database), log: file(&log_of(database)) }
    }

    /// Tells whether a file is missing, or is another one, which `self` says were there.
    fn have_gone(self, now: Self) -> bool {
        let pairs = [(self.database, now.database), (self.log, now.log)];
        pairs.iter().any(|(then, now)| then.is_some() && then != now && *now != Some((0, 0)))
    }
}

impl Buffer {
    /// Writes the database out again where its files have been deleted.
    ///
    /// # Errors
    /// Where that is not possible. The content is still there, and the next call tries again.
    pub fn rescue(&mut self) -> Result<(), Error> {
        let path = database_of(&self.settings.folder);
        let found = Files::of(&path);
        if !self.is_open || !self.files.have_gone(found) {
            return Ok(());
        }
        let (shown, hint) = (path.display(), "leave the folder to the agent while it runs");
        tracing::error!(path = %shown, hint, "the buffer was deleted while in use; writing it anew");
        self.lock_again()?;
        if found.database != self.files.database {
            set_aside(&path)?;
        }
        self.write_anew()?;
        let batches = self.totals.batches;
        tracing::warn!(path = %shown, batches, "the buffer is there again");
        Ok(())
    }

    /// Writes the database to a new file, which takes its place.
    pub(super) fn write_anew(&mut self) -> Result<(), Error> {
        let path = database_of(&self.settings.folder);
        let draft = draft_of(&path);
        make::remove(&draft)?;
        self.connection.execute("VACUUM INTO ?1", [draft.to_string_lossy()])?;
        if self.space.preallocated {
            // Without it the database grows as there is room.
            drop(allocate::add_free_pages(&draft, self.space.pages));
        }
        make::publish(&draft, &path)?;
        self.reopen(Check::Usual)
    }

    /// Takes the folder again, which may be another one by now.
    fn lock_again(&mut self) -> Result<(), Error> {
        let named = fs::metadata(open::lock_of(&self.settings.folder));
        let held = self.lock.metadata();
        let is_held = matches!((&named, &held), (Ok(named), Ok(held))
            if (named.dev(), named.ino()) == (held.dev(), held.ino()));
        if !is_held {
            self.lock = open::lock(&self.settings.folder)?;
        }
        Ok(())
    }
}

/// Moves away what somebody else has put in the place of the database.
fn set_aside(path: &Path) -> Result<(), Error> {
    match fs::rename(path, path.with_extension("db.replaced")) {
        Err(source) if !is_missing(&source) => Err(Error::Folder { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
