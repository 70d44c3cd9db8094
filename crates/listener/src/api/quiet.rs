//! Keeps the log short when the same thing happens again and again.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;

/// Lets one message through in a minute and counts the others.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    minute: AtomicI64,
    held_back: AtomicU64,
}

impl Quiet {
    /// Returns how many messages were held back since the last one, or `None` to hold this one back too.
    pub(super) fn admit(&self, now: Timestamp) -> Option<u64> {
        let minute = now.as_second() / 60;
        if self.minute.swap(minute, Ordering::Relaxed) == minute {
            self.held_back.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.held_back.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_a_minute_is_let_through() {
        let quiet = Quiet::default();
        let at = |second| quiet.admit(Timestamp::from_second(second).unwrap());
        assert_eq!(
            [at(60), at(61), at(119), at(120), at(121)],
            [Some(0), None, None, Some(2), None]
        );
    }
}
