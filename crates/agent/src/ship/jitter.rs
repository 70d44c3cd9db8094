//! Numbers that vary waits, so that many agents do not come back at the same moment.

use std::time::Duration;

/// A generator (splitmix64). It is not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number from 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(high) / f64::from(u32::MAX)
    }

    /// Returns the wait, or up to a tenth more.
    pub(super) fn a_tenth_more(&mut self, wait: Duration) -> Duration {
        wait + wait.mul_f64(self.share() / 10.0)
    }

    /// Returns something from half of the wait to the whole.
    pub(super) fn half_at_least(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(0.5 + self.share() / 2.0)
    }
}
