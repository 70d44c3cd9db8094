//! When a file is left.

use std::{collections::HashMap, time::Duration};

use crate::tail::{
    Event, Guard, Tailer,
    follower::{Follower, State},
    series::is_rotated,
};

/// How long the last file of a series that was deleted is waited for: the server may still write to it.
const DELETED_QUIET: Duration = Duration::from_secs(300);

/// How long a file that has a successor must stand still before it is left.
const SUPERSEDED_QUIET: Duration = Duration::from_secs(30);

/// The same for a file that was deleted, which takes space for as long as it is open.
const SUPERSEDED_DELETED_QUIET: Duration = Duration::from_secs(5);

/// The same for a file under a name of the server's own: which of several the server writes to is known
/// only once it does.
const OWN_NAME_QUIET: Duration = Duration::from_secs(3600);

/// From so many successors on a file is left after a second, and from so many where it has a name of the
/// server's own.
const MANY_LATER: usize = 4;
const MANY_LATER_OWN_NAME: usize = 32;

impl Tailer {
    /// Leaves the files that were rotated away and have been read to their end. One that still has a
    /// name is found again should anybody write to it.
    pub(super) fn close_finished(&mut self, now: Duration, sink: &mut dyn FnMut(Event<'_>)) {
        let mut later: HashMap<&str, usize> = HashMap::new();
        let mut finished = Vec::new();
        for (index, follower) in self.followers.iter().enumerate().rev() {
            let later = later.entry(&follower.series).or_default();
            if is_finished(follower, *later, now) {
                finished.push(index);
            } else if follower.seen_size > 0 {
                // A file without any bytes is no proof that the server writes there now.
                *later += 1;
            }
        }
        for index in finished {
            let follower = self.followers.remove(index);
            tracing::info!(path = %follower.path.display(), "read to its end and left");
            sink(Event::Closed { file: follower.number });
            if follower.state != State::Gone {
                self.remember(&follower);
            }
            self.closed.push(follower);
        }
    }

    /// Keeps how far a file was read that is not followed any more. Also of one that was deleted: a
    /// compressed copy may be what is left of it.
    fn remember(&mut self, follower: &Follower) {
        let mut record = follower.evidence();
        if let State::Drained(end) = follower.state
            && end < record.position
        {
            record.position = end;
            record.guard = Guard::of(&[]);
        }
        // A compressed file would have to be decoded again to tell that it is at its end.
        if let Some(stamp) = follower.packed_stamp() {
            self.left.insert(follower.identity, stamp);
        }
        self.records.insert(follower.identity, record);
    }
}

/// Tells whether a file need not be followed any more, as there are so many later ones of its series
/// that have bytes.
fn is_finished(follower: &Follower, later: usize, now: Duration) -> bool {
    match follower.state {
        State::Gone | State::Drained(_) => return true,
        State::Rewritten => return false,
        State::Reading => {}
    }
    let Some(quiet) = follower.quiet_for(now) else { return false };
    let has_own_name = follower.is_current && !is_rotated(&follower.path);
    let patience = match (later, follower.is_deleted) {
        (1..MANY_LATER_OWN_NAME, false) if has_own_name => OWN_NAME_QUIET,
        _ if follower.is_packed() => Duration::ZERO,
        (MANY_LATER.., _) => Duration::from_secs(1),
        (0, true) => DELETED_QUIET,
        (0, false) => return false,
        (_, true) => SUPERSEDED_DELETED_QUIET,
        // The rest of the line would look like another one.
        (_, false) if follower.is_within_line() => return false,
        (_, false) => SUPERSEDED_QUIET,
    };
    quiet >= patience
}
