//! How the bound on disk is divided: the database, its log, and what else lies in the folder.

use crate::buffer::{Reserve, Settings};

/// Bytes of a page.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Bytes of a page in SQLite's log, with its header.
pub(super) const FRAME_BYTES: u64 = PAGE_BYTES + 24;
/// The folder itself, the lock and the socket.
const FOLDER_BYTES: u64 = 16 << 10;
/// The largest database that is written to its full size when it is made.
const MAX_PREALLOCATED_BYTES: u64 = 2 << 30;
/// Pages that a transaction touches besides the bodies that it stores.
const TOUCHED_PAGES: u64 = 16;
/// The space that a row takes besides its body, with its share of the indexes and of a page half full.
pub(super) const ROW_BYTES: u64 = 16 << 10;

/// What each part may take. The sum stays within the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    /// Pages of the database.
    pub(super) pages: u64,
    /// Pages that SQLite's log may hold.
    pub(super) log_pages: u64,
    /// Pages of the log from which on they are moved into the database.
    pub(super) checkpoint_pages: u64,
    /// Bytes of the ballast file.
    pub(super) ballast_bytes: u64,
    /// Whether the database is written to its full size when it is made.
    pub(super) preallocated: bool,
}

impl Space {
    /// Divides the bound. `kept_bytes` is the size of a damaged database that is kept aside.
    pub(super) fn of(settings: &Settings, kept_bytes: u64) -> Self {
        let share = (settings.max_bytes / 16).clamp(256 << 10, 9 << 20);
        let log_pages = share / FRAME_BYTES;
        let small = settings.max_bytes <= MAX_PREALLOCATED_BYTES;
        let preallocated = settings.reserve == Reserve::Preallocated && small;
        // All that the log holds finds room there.
        let ballast_bytes = if preallocated { 0 } else { share };
        let others = share + ballast_bytes + FOLDER_BYTES + kept_bytes;
        let pages = (settings.max_bytes.saturating_sub(others) / PAGE_BYTES).max(32);
        Self {
            pages,
            log_pages,
            checkpoint_pages: (log_pages / 4).clamp(8, 256),
            ballast_bytes,
            preallocated,
        }
    }

    /// The same for a database that does not have its full size, as for want of room when it was made: it grows as
    /// there is room, and has a ballast for when there is none. All that its log holds finds room there.
    pub(super) fn growing(self) -> Self {
        let ballast_bytes = self.log_pages * FRAME_BYTES;
        let pages = self.pages.saturating_sub(ballast_bytes.div_ceil(PAGE_BYTES));
        Self { pages, ballast_bytes, ..self }
    }

    /// The most bytes that live pages may take.
    pub(super) const fn capacity_bytes(&self) -> u64 {
        self.pages * PAGE_BYTES
    }

    /// What dropping goes down to.
    pub(super) const fn target_bytes(&self) -> u64 {
        self.capacity_bytes() / 5 * 4
    }

    /// The most bytes that one transaction may store, so that the log stays within its share.
    pub(super) const fn transaction_bytes(&self) -> u64 {
        let pages = self.log_pages.saturating_sub(self.checkpoint_pages + TOUCHED_PAGES);
        pages * PAGE_BYTES
    }

    /// The largest body that can be stored.
    pub(super) fn body_bytes(&self) -> u64 {
        let most = self.transaction_bytes().saturating_sub(ROW_BYTES);
        most.min(self.target_bytes() / 2).min(wire::MAX_BODY_BYTES as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn parts_stay_within_the_bound() {
        for reserve in [Reserve::Preallocated, Reserve::Ballast] {
            for max_bytes in [1_000_000, 5_000_000, 100_000_000, 100_000_000_000] {
                let settings = Settings { max_bytes, reserve, ..Settings::at(Path::new("/x")) };
                let space = Space::of(&settings, 0);
                let sum = space.capacity_bytes() + space.log_pages * FRAME_BYTES;
                assert!(sum + space.ballast_bytes + FOLDER_BYTES <= max_bytes, "{space:?}");
                assert!(sum > max_bytes / 10 * 6, "{space:?}");
                assert!(space.body_bytes() > 64 << 10, "{space:?}");
            }
        }
    }
}
