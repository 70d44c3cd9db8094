//! The request to stop, which every loop of the agent waits on.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// A flag that is raised once. Clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown {
    shared: Arc<Shared>,
    // Tasks wait on a channel, threads on the condition.
    requested: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Shared {
    raised: Mutex<bool>,
    raise: Condvar,
    sender: watch::Sender<bool>,
}

impl Shutdown {
    /// Makes a flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        let (sender, requested) = watch::channel(false);
        let shared = Shared { raised: Mutex::new(false), raise: Condvar::new(), sender };
        Self { shared: Arc::new(shared), requested }
    }

    /// Raises the flag and wakes everybody who waits.
    pub fn request(&self) {
        *self.shared.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.raise.notify_all();
        self.shared.sender.send_replace(true);
    }

    /// Tells whether the flag is raised.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.shared.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits on a thread, for `timeout` at most. Tells whether the flag is raised.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let raised = self.shared.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.raise.wait_timeout_while(raised, timeout, |raised| !*raised);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits in a task until the flag is raised.
    pub async fn requested(&self) {
        let mut requested = self.requested.clone();
        // The sender lives as long as this flag, so the channel cannot close before.
        let _raised = requested.wait_for(|raised| *raised).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ends_the_wait_of_threads_and_tasks() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.wait(Duration::ZERO));
        let waiting = shutdown.clone();
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(60)));
        shutdown.request();
        assert!(thread.join().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(shutdown.requested());
        assert!(shutdown.is_requested());
    }
}
