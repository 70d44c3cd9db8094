//! How unlikely the lines of a log are if the columns of their prefix mean what they are said to mean.
//!
//! Everything is the negative logarithm of a probability, so that what is found in different ways adds
//! up: what a name looks like, what stays the same within a process, what messages say about it. Each
//! different value counts once, for a server has many lines of few sessions.

mod names;
mod sessions;
mod times;

use std::collections::BTreeSet;

use crate::{
    language,
    prefix::{
        escape::Escape,
        infer::table::{Column, Table},
        words,
    },
    severity::{Label, Level},
};

pub(super) use names::is_proven;
use sessions::sessions;
pub(super) use times::goes_back;

/// What nearly never happens.
const RARE: f64 = 6.0;

/// How much contradictions of one kind count at most.
const MOST: f64 = 30.0;

/// Returns how unlikely all columns are with the meaning that each of them has.
pub(super) fn of_table(table: &Table<'_, '_>) -> f64 {
    let columns = table.columns.iter().map(|column| of_column(table, column, column.escape));
    columns.sum::<f64>() + sessions(table)
}

/// Returns how unlikely a column is if it means this.
pub(super) fn of_column(table: &Table<'_, '_>, column: &Column<'_>, as_: Option<Escape>) -> f64 {
    match as_ {
        Some(name @ (Escape::User | Escape::Database | Escape::ApplicationName)) => {
            names::of_names(table, column, name)
        }
        Some(own @ (Escape::BackendType | Escape::Ps)) => of_words(column, own),
        Some(Escape::StateCode) => of_state_codes(table, column),
        Some(
            Escape::Pid | Escape::LeaderPid | Escape::LineNum | Escape::Txid | Escape::QueryId,
        ) if column.has_filled_up() => MOST,
        Some(Escape::Pid) => of_pids(table, column),
        Some(Escape::Time) if goes_back(column) => MOST,
        // Every log has the time of its lines, unless it is plain that it has not.
        Some(Escape::SessionStart) if is_sole_time(table) && !goes_back(column) => MOST,
        Some(Escape::LineNum) => of_line_numbers(table, column),
        Some(Escape::RemoteHost | Escape::RemoteHostAndPort | Escape::LocalHost) => {
            of_hosts(column)
        }
        // What has no name and no form may be anything.
        None if column.is_text() => {
            let values = distinct(column);
            let looks = names::looks(&values, Escape::ApplicationName);
            looks.min(names::MAX_LOOKS * 2.0) + names::absorbed(&values)
        }
        _ => 0.0,
    }
}

fn is_sole_time(table: &Table<'_, '_>) -> bool {
    let times = [Escape::Time, Escape::TimeMillis, Escape::TimeEpoch];
    times.iter().all(|time| table.column(*time).is_none())
}

/// Returns the different values of a column that say something.
pub(super) fn distinct<'a>(column: &Column<'a>) -> BTreeSet<&'a str> {
    let values = column.values.iter().map(|(_, value)| *value);
    values.filter(|value| !value.is_empty() && !language::is_unknown(value)).collect()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The server's own words.
fn of_words(column: &Column<'_>, escape: Escape) -> f64 {
    let is_of = |escape, value: &str| words::length(escape, value.as_bytes()) == Some(value.len());
    let is_own = |value: &str| is_of(escape, value);
    let is_spoken = |value: &str, is: fn(&char) -> bool| {
        value.chars().all(|c| is(&c) || matches!(c, ' ' | '_' | '-' | '/'))
    };
    let values = distinct(column);
    let has_own = values.iter().any(|value| is_own(value));
    // Background workers have names of their own, and commands are more than those that are known.
    let weight = |value: &&str| match escape {
        _ if is_own(value) => 0.0,
        // Blanks pad what is not there.
        _ if value.trim().is_empty() => RARE * 4.0,
        // A process shows what it does, and some show their type there.
        Escape::BackendType if is_of(Escape::Ps, value) => RARE * 4.0,
        Escape::BackendType if has_own && is_spoken(value, char::is_ascii_alphabetic) => 3.0,
        Escape::Ps if TYPES_OF_SESSIONS.iter().any(|own| value.starts_with(own)) => RARE * 4.0,
        Escape::Ps if has_own || is_spoken(value, char::is_ascii_uppercase) => 1.0,
        _ => RARE * 4.0,
    };
    let unknown = column.values.iter().any(|(_, value)| language::is_unknown(value));
    // Every process has a type.
    let is_absent = |value: &str| escape == Escape::BackendType && value.is_empty();
    let absent = column.values.iter().any(|(_, value)| is_absent(value));
    let strange = values.iter().map(weight).sum::<f64>();
    strange + RARE * f64::from(u8::from(unknown)) + MOST * f64::from(u8::from(absent))
}

/// Types of processes that serve clients, which no process shows as what it does.
const TYPES_OF_SESSIONS: [&str; 2] = ["client backend", "not initialized"];

/// What did not fail has five zeros, so nearly all entries of the level `LOG` have.
fn of_state_codes(table: &Table<'_, '_>, column: &Column<'_>) -> f64 {
    let is_log = |index: usize| {
        table.samples.get(index).is_some_and(|sample| sample.label == Label::Level(Level::Log))
    };
    let failed = column.values.iter().filter(|(index, value)| is_log(*index) && *value != "00000");
    (count(failed.count()) * 2.0).min(MOST)
}

fn of_pids(table: &Table<'_, '_>, column: &Column<'_>) -> f64 {
    const MAX_PID: u64 = 1 << 22;
    let is_none = |value: &str| value.parse::<u64>().map_or(true, |pid| pid == 0 || pid > MAX_PID);
    let odd = column.values.iter().filter(|(_, value)| is_none(value)).count();
    let other = table.samples.windows(2).zip(0..).filter(|(pair, at)| {
        let [above, part] = pair else { return false };
        part.is_part()
            && part.number == above.number + 1
            && column.get(*at).zip(column.get(at + 1)).is_some_and(|(a, b)| a != b)
    });
    (count(odd) * RARE + count(other.count()) * 2.0).min(MOST)
}

/// They count the lines of a process.
fn of_line_numbers(table: &Table<'_, '_>, column: &Column<'_>) -> f64 {
    let groups = table.by_process(column);
    let pairs = groups.iter().flat_map(|group| group.windows(2));
    let number = |text: &str| text.parse::<u64>().ok();
    // The first line is that with the number 1.
    if column.values.iter().any(|(_, value)| number(value) == Some(0)) {
        return MOST;
    }
    let jumps = pairs.filter(|pair| {
        let [(_, first), (_, second)] = pair else { return false };
        number(first).is_none_or(|n| number(second) != Some(n + 1))
    });
    (count(jumps.count()) * 2.0).min(MOST)
}

/// A host's name without a domain.
const BARE_HOST: f64 = 14.0;

/// Host names are seldom logged, and those without a dot seldomer.
fn of_hosts(column: &Column<'_>) -> f64 {
    let is_address = |value: &str| {
        let host = value.split(['(', '%']).next().unwrap_or(value);
        value.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok()
    };
    let weight = |value: &&str| match value {
        value if is_address(value) => 0.0,
        value if value.contains('.') => 3.0,
        value if value.bytes().all(|b| b.is_ascii_digit() || b == b'-') => MOST,
        // As like as not it is the name of the server, written into the prefix.
        _ => BARE_HOST,
    };
    let unknown = column.values.iter().any(|(_, value)| language::is_unknown(value));
    let values = distinct(column);
    let strangest = values.iter().map(weight).fold(0.0, f64::max);
    strangest + RARE * f64::from(u8::from(unknown))
}
