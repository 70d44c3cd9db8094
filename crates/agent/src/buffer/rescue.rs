//! A database whose files are deleted while it is in use.
//!
//! They lose their names, not their content, as long as the agent has them open. The content is written
//! out again under the old names, before it can end with the process.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use crate::buffer::{
    Buffer, Error,
    make::{self, draft_of, log_of},
    open::{self, Check, database_of},
};

/// Which files the database and its log are: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files([Option<(u64, u64)>; 2]);

impl Files {
    pub(super) fn of(database: &Path) -> Self {
        let file = |path: &Path| match fs::metadata(path) {
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            Err(error) if is_missing(&error) => None,
            // Whether it is there cannot be told.
            Err(_) => Some((0, 0)),
        };
        Self([file(database), file(&log_of(database))])
    }

    /// Tells whether a file is missing, or is another one, which `self` says were there.
    fn have_gone(self, now: Self) -> bool {
        let pairs = self.0.into_iter().zip(now.0);
        let mut pairs = pairs.filter(|(then, now)| then.is_some() && *now != Some((0, 0)));
        pairs.any(|(then, now)| then != now)
    }
}

impl Buffer {
    /// Writes the database out again where its files have been deleted.
    ///
    /// # Errors
    /// Where that is not possible. The content is still there, and the next call tries again.
    pub fn rescue(&mut self) -> Result<(), Error> {
        let path = database_of(&self.settings.folder);
        if !self.is_open || !self.files.have_gone(Files::of(&path)) {
            return Ok(());
        }
        let (shown, hint) = (path.display(), "leave the folder to the agent while it runs");
        tracing::error!(path = %shown, hint, "the buffer was deleted while in use; writing it anew");
        self.lock_again()?;
        let draft = draft_of(&path);
        make::remove(&draft)?;
        // What stands there by now is somebody else's.
        let aside = path.with_extension("db.replaced");
        match fs::rename(&path, &aside) {
            Err(source) if !is_missing(&source) => {
                return Err(Error::Folder { path, source });
            }
            _ => {}
        }
        self.connection.execute("VACUUM INTO ?1", [draft.to_string_lossy()])?;
        make::publish(&draft, &path)?;
        self.reopen(Check::Usual)?;
        let batches = self.totals.batches;
        tracing::warn!(path = %shown, batches, "the buffer is there again");
        Ok(())
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

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
