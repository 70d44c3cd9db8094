//! What the crash proof consists of.

pub(crate) mod proxy;
pub(crate) mod writer;

use std::{sync::mpsc, time::Duration};

/// Numbers that look random, the same ones for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

/// Lets time pass, in which something else happens at random moments.
pub(crate) fn sleep(time: Duration) {
    let (_sender, never) = mpsc::channel::<()>();
    let _timed_out = never.recv_timeout(time);
}
