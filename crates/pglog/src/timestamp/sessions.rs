//! What the sessions of a log say about its zone.
//!
//! A session's id begins with the moment of its start, as a number. The same moment as a local time tells
//! what the zone's abbreviation means, whatever else it could mean.

use crate::timestamp::{Local, ShownZone, abbreviations};

/// The first lines of a session are written within so many seconds.
const YOUNG_S: i64 = 2;

/// No zone is farther away from UTC, in seconds.
const MAX_OFFSET_S: i64 = 16 * 3600;

/// Zones differ by whole quarters of an hour.
const OFFSET_STEP_S: i64 = 900;

/// Reads the start of a session, in seconds since 1970, from its id.
pub(super) fn start_of(session_id: &str) -> Option<i64> {
    i64::from_str_radix(session_id.split('.').next()?, 16).ok()
}

/// Tells whether a zone can be so many seconds east of UTC.
pub(super) const fn is_offset(seconds: i64) -> bool {
    seconds.abs() <= MAX_OFFSET_S && seconds % OFFSET_STEP_S == 0
}

/// Tells whether a zone's abbreviation has no meaning of its own.
pub(super) fn is_open(zone: &str) -> bool {
    abbreviations::shared(zone).is_some() || !abbreviations::is_known(zone)
}

/// Looks whether a line is that of a session that has just begun, if the zone's meaning is open: its local
/// time is then that of the start. An old session can look like that by chance, and then seems to be
/// farther east than it is; so what is farther west is nearer to the truth.
pub(super) fn look_at(local: &Local, zone: &str, session_id: &str, shown: &mut Option<ShownZone>) {
    let Some(offset) = offset_of_young_session(local, zone, session_id) else { return };
    if shown.as_ref().is_none_or(|shown| shown.name != zone || shown.offset > offset) {
        *shown = Some(ShownZone { name: zone.to_owned(), offset });
    }
}

fn offset_of_young_session(local: &Local, zone: &str, session_id: &str) -> Option<i64> {
    if !is_open(zone) {
        return None;
    }
    let ahead = local.seconds() - start_of(session_id)?;
    let offset = ahead - ahead.rem_euclid(OFFSET_STEP_S);
    let shared = abbreviations::shared(zone);
    let is_meaning = |(minutes, _): &(i32, &str)| i64::from(*minutes) * 60 == offset;
    let is_possible = shared.is_none_or(|meanings| meanings.iter().any(is_meaning));
    (ahead - offset <= YOUNG_S && is_offset(offset) && is_possible).then_some(offset)
}
