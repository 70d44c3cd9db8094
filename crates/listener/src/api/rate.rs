//! Bounds how many requests each project may send.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

/// Counts requests by project and minute. Only known projects are counted, so it does not grow.
#[derive(Debug)]
pub(super) struct Rate {
    per_minute: u32,
    counts: Mutex<HashMap<Arc<str>, Count>>,
}

#[derive(Debug, Default)]
struct Count {
    minute: i64,
    requests: u32,
}

impl Rate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, counts: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The number of seconds to wait, where the minute's requests are used up.
    pub(super) fn admit(&self, project: &Arc<str>, now: Timestamp) -> Result<(), u32> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(Arc::clone(project)).or_default();
        let minute = now.as_second().div_euclid(60);
        if count.minute != minute {
            *count = Count { minute, requests: 0 };
        }
        if count.requests >= self.per_minute {
            return Err(u32::try_from(60 - now.as_second().rem_euclid(60)).unwrap_or(60));
        }
        count.requests += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_has_its_own_requests_a_minute() {
        let rate = Rate::new(2);
        let at = |project: &str, second| {
            rate.admit(&project.into(), Timestamp::from_second(second).unwrap())
        };
        assert_eq!(at("a", 130), Ok(()));
        assert_eq!(at("a", 131), Ok(()));
        assert_eq!(at("a", 132), Err(48));
        assert_eq!(at("b", 132), Ok(()));
        assert_eq!(at("a", 180), Ok(()));
    }
}
