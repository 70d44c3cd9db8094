//! Which of the logs of one series was written before another.
//!
//! Each entry has the moment in it at which it was written, so the first entries of two logs tell which of
//! them is the older one, whatever their names are, whoever copied them and when. Where these do not tell,
//! as in a log without times or within one millisecond, names and what has been read decide.

use crate::tail::{follower::Follower, series::is_rotated};

/// What is known of a new follower besides its first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It comes in an order already, behind those that came before it.
    InOrder,
    /// A part of it was read before, so it is older than what is being read.
    Begun,
    New,
}

/// Where among the followers a log belongs, so that of each series the oldest comes first.
pub(super) fn place_among(followers: &[Follower], new: &Follower, found: Found) -> usize {
    let moment = new.moment();
    let is_later = |other: &Follower| {
        if other.series != new.series {
            return false;
        }
        let told = moment.zip(other.moment()).and_then(|(ours, theirs)| ours.is_before(theirs));
        told.unwrap_or_else(|| is_later_by_name(other, new, found))
    };
    followers.iter().position(is_later).unwrap_or(followers.len())
}

/// What was rotated away is older than what the server writes to.
fn is_later_by_name(other: &Follower, new: &Follower, found: Found) -> bool {
    if other.has_nothing() || new.has_nothing() {
        return other.has_nothing() && !new.has_nothing();
    }
    match found {
        Found::InOrder => false,
        Found::Begun => true,
        Found::New => is_rotated(&new.path) && other.is_current && !is_rotated(&other.path),
    }
}
