//! What the agent's threads tell each other about their work.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use wire::FileHealth;

/// Shared by the reading and the sending thread.
#[derive(Debug, Default)]
pub struct Status {
    files: Mutex<Vec<FileHealth>>,
    caught_up: AtomicBool,
}

impl Status {
    /// Sets how far each file has been read.
    pub fn set_files(&self, files: Vec<FileHealth>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Returns how far each file has been read.
    #[must_use]
    pub fn files(&self) -> Vec<FileHealth> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes whether everything in the buffer has been delivered.
    pub fn set_caught_up(&self, caught_up: bool) {
        self.caught_up.store(caught_up, Ordering::Relaxed);
    }

    /// Tells whether everything in the buffer had been delivered a moment ago.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
    }
}
