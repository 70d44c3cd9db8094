//! Columns of times without milliseconds: that of the line, or that of the session's start.

use crate::{
    prefix::{
        escape::Escape,
        infer::{
            kind::Kind,
            likelihood::goes_back,
            table::{Column, Table},
        },
    },
    timestamp::local_seconds,
};

pub(super) fn name(table: &mut Table<'_, '_>) {
    let is_time = |column: &&Column<'_>| column.kind == Kind::Time;
    let precise = [Escape::TimeMillis, Escape::TimeEpoch];
    let mut has_time = precise.iter().any(|escape| table.column(*escape).is_some());
    let verdicts: Vec<_> =
        table.columns.iter().filter(is_time).map(|column| starts_session(table, column)).collect();
    // Every log has the time of its lines, which can look like a session's start.
    let is_sole = !has_time && verdicts.len() == 1;
    let columns = table.columns.iter_mut().filter(|column| column.kind == Kind::Time);
    for (column, verdict) in columns.zip(verdicts) {
        let verdict = if is_sole { goes_back(column).then_some(true) } else { verdict };
        column.escape = match verdict {
            Some(true) => Some(Escape::SessionStart),
            Some(false) => Some(Escape::Time),
            // A log has the time of its lines first.
            None if !has_time => Some(Escape::Time),
            None => None,
        };
        column.is_guess = verdict.is_none();
        has_time |= column.escape == Some(Escape::Time);
    }
}

/// Tells whether a time is that of the session's start. `None` where nothing tells.
fn starts_session(table: &Table<'_, '_>, column: &Column<'_>) -> Option<bool> {
    let groups = table.by_process(column);
    let changes = |group: &&Vec<(usize, &str)>| {
        group.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if a != b))
    };
    // A pid may come back for another session, but seldom within so few lines.
    let changed = groups.iter().filter(changes).count();
    if changed * 10 > groups.len() {
        return Some(false);
    }
    if let Some(verdict) = agrees_with_session_ids(table, column) {
        return Some(verdict);
    }
    if goes_back(column) || stands_while_clock_goes_on(table, column) {
        return Some(true);
    }
    let spans = groups.iter().filter(|group| spans_seconds(table, group)).count();
    (spans > 0).then_some(true)
}

/// Compares a time with the start in the session's id: the difference is that of the time zone in every
/// line.
fn agrees_with_session_ids(table: &Table<'_, '_>, column: &Column<'_>) -> Option<bool> {
    let sessions = table.column(Escape::SessionId)?;
    let differences: Vec<i64> = column
        .values
        .iter()
        .filter_map(|(sample, value)| {
            let (start, _) = sessions.get(*sample)?.split_once('.')?;
            Some(i64::from_str_radix(start, 16).ok()? - local_seconds(value)?)
        })
        .collect();
    let first = *differences.first()?;
    if differences.iter().any(|difference| *difference != first) {
        return Some(false);
    }
    (differences.len() > 1).then_some(true)
}

/// Tells whether another clock of the same line is farther ahead in some lines than in others.
fn stands_while_clock_goes_on(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let millis = table.column(Escape::TimeMillis);
    let Some(clock) = millis.or_else(|| table.column(Escape::TimeEpoch)) else { return false };
    let seconds = |text: &str| match millis {
        Some(_) => local_seconds(text),
        None => text.split('.').next()?.parse().ok(),
    };
    let ahead = column
        .values
        .iter()
        .filter_map(|(sample, value)| Some(seconds(clock.get(*sample)?)? - local_seconds(value)?));
    let (least, most) = ahead.fold((i64::MAX, i64::MIN), |(a, b), n| (a.min(n), b.max(n)));
    most.saturating_sub(least) > 1
}

/// Tells whether another clock goes on within the lines of one process.
fn spans_seconds(table: &Table<'_, '_>, group: &[(usize, &str)]) -> bool {
    let clock = table.column(Escape::TimeMillis).or_else(|| table.column(Escape::TimeEpoch));
    let seconds = |sample: usize| clock?.get(sample)?.split('.').next();
    let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else { return false };
    seconds(*first).is_some() && seconds(*first) != seconds(*last)
}

#[cfg(test)]
mod tests {
    use crate::prefix::LinePrefix;

    #[test]
    fn time_that_another_clock_leaves_behind_is_that_of_the_session() {
        let line = |n: u32| {
            let start = 30 + n / 10 * 10;
            format!("17954868{}.227 2026-11-24 02:21:{start} UTC 3/{n} SELECT LOG:  x", 30 + n)
        };
        let lines: Vec<String> = (0..25).map(line).collect();
        let infer = |lines: &[String]| {
            LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
        };
        assert_eq!(infer(&lines), "%n %s %v %i ");
        assert_eq!(infer(&lines[..2]), "%n %? %v %i ", "both go on as one");
    }
}
