//! The request to stop, which every loop of the agent waits on.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    time::Duration,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
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
    /// Readable once the flag is raised, for threads that wait for something else as well.
    readable: Option<OwnedFd>,
    sender: watch::Sender<bool>,
    children: Mutex<Vec<Weak<Self>>>,
}

impl Shutdown {
    /// Makes a flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        let (sender, requested) = watch::channel(false);
        let shared = Shared {
            raised: Mutex::new(false),
            raise: Condvar::new(),
            readable: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok(),
            sender,
            children: Mutex::default(),
        };
        Self { shared: Arc::new(shared), requested }
    }

    /// Makes a flag that is raised with this one, and can be raised alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::new();
        let mut children = self.shared.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&child.shared));
        drop(children);
        // It may have been raised before it had this child.
        if self.is_requested() {
            child.request();
        }
        child
    }

    /// Raises the flag and wakes everybody who waits.
    pub fn request(&self) {
        self.shared.request();
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

    /// Waits on a thread, for `timeout` at most, or until one of the descriptors can be read. Tells
    /// whether the flag is raised.
    #[must_use]
    pub fn wait_or_readable(&self, descriptors: &[BorrowedFd<'_>], timeout: Duration) -> bool {
        let Some(readable) = self.shared.readable.as_ref().filter(|_| !descriptors.is_empty())
        else {
            return self.wait(timeout);
        };
        let wanted = descriptors.iter().copied().chain([readable.as_fd()]);
        let mut polled: Vec<PollFd<'_>> =
            wanted.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // Interrupted or not: the caller looks again.
        let _ready = poll(&mut polled, Some(&timeout));
        self.is_requested()
    }

    /// Waits in a task until the flag is raised.
    pub async fn requested(&self) {
        let mut requested = self.requested.clone();
        // The sender lives as long as this flag, so the channel cannot close before.
        let _raised = requested.wait_for(|raised| *raised).await;
    }
}

impl Shared {
    fn request(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.raise.notify_all();
        if let Some(readable) = &self.readable {
            let _is_readable_already = rustix::io::write(readable, &1_u64.to_ne_bytes());
        }
        self.sender.send_replace(true);
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        for child in children.iter().filter_map(Weak::upgrade) {
            child.request();
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn child_is_raised_with_its_parent_and_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.request();
        assert!(!parent.is_requested() && !second.is_requested());
        parent.request();
        assert!(second.is_requested() && parent.child().is_requested());
    }

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

    #[test]
    fn request_and_readable_descriptors_end_the_wait_for_both() {
        let minute = Duration::from_secs(60);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let shutdown = Shutdown::new();
        writer.write_all(b"x").unwrap();
        assert!(!shutdown.wait_or_readable(&[reader.as_fd()], minute));
        let (silent, _writer) = std::io::pipe().unwrap();
        shutdown.request();
        assert!(shutdown.wait_or_readable(&[silent.as_fd()], minute));
    }
}
