//! Columns of numbers: pids, line numbers, transaction ids, query ids.

use crate::prefix::{
    escape::Escape,
    infer::{
        kind::Kind,
        meaning::{Column, Table},
    },
};

/// No pid and no transaction id is that large; nearly all query ids are.
const MAX_SMALL: u64 = 1 << 33;

/// The smallest pid of servers outside of containers, where a lone number is no line number either.
const USUAL_PID: u64 = 100;

pub(super) fn name(table: &mut Table<'_, '_>) {
    for at in 0..table.columns.len() {
        let Some(column) = table.columns.get(at).filter(|column| column.kind == Kind::Number)
        else {
            continue;
        };
        let escape = by_its_values(table, column);
        set(table, at, escape);
    }
    name_pid(table);
    for at in 0..table.columns.len() {
        let Some(column) = table.columns.get(at).filter(|column| is_unnamed(column)) else {
            continue;
        };
        let escape = counts_lines(table, column).then_some(Escape::LineNum);
        set(table, at, escape);
    }
}

fn set(table: &mut Table<'_, '_>, at: usize, escape: Option<Escape>) {
    if let Some(column) = table.columns.get_mut(at)
        && escape.is_some()
    {
        column.escape = escape;
    }
}

fn is_unnamed(column: &Column<'_>) -> bool {
    column.kind == Kind::Number && column.escape.is_none()
}

/// The meanings that the values alone prove.
fn by_its_values(table: &Table<'_, '_>, column: &Column<'_>) -> Option<Escape> {
    if is_pid_of_session(table, column) {
        return Some(Escape::Pid);
    }
    let values: Vec<&str> =
        column.values.iter().map(|(_, value)| *value).filter(|value| !value.is_empty()).collect();
    let is_large = |value: &&str| value.parse().map_or(true, |number: u64| number > MAX_SMALL);
    let large = values.iter().filter(|value| is_large(value)).count();
    let zeros = values.iter().filter(|value| **value == "0").count();
    if large > 0 {
        return ((large + zeros) * 10 >= values.len() * 9).then_some(Escape::QueryId);
    }
    let (parts, same, next) = parts(table, column);
    if parts > 0 && next * 10 >= parts * 9 {
        return Some(Escape::LineNum);
    }
    if values.len() * 2 < column.values.len() {
        // Only parallel workers have a leader.
        return (!values.is_empty() && zeros == 0).then_some(Escape::LeaderPid);
    }
    let is_txid = zeros > 0 && zeros < values.len() && (parts == 0 || same * 10 >= parts * 9);
    is_txid.then_some(Escape::Txid)
}

/// Tells whether each value is the pid in the session's id.
fn is_pid_of_session(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let Some(sessions) = table.column(Escape::SessionId) else { return false };
    !column.values.is_empty()
        && column.values.iter().all(|(sample, value)| {
            let pid = sessions.get(*sample).and_then(|session| session.split_once('.'));
            let pid = pid.and_then(|(_, pid)| u32::from_str_radix(pid, 16).ok());
            pid.is_some() && pid == value.parse().ok()
        })
}

/// Looks at the lines that belong to the one above them, such as `DETAIL:`: how many there are, in how
/// many the number is the same as above, and in how many it is the next one.
fn parts(table: &Table<'_, '_>, column: &Column<'_>) -> (usize, usize, usize) {
    let (mut parts, mut same, mut next) = (0, 0, 0);
    for pair in table.samples.windows(2).zip(0..) {
        let ([above, part], at) = pair else { continue };
        let is_part = part.is_part() && part.label > above.label && part.number == above.number + 1;
        let (Some(first), Some(second)) = (column.get(at), column.get(at + 1)) else { continue };
        if !is_part || table.process(at) != table.process(at + 1) {
            continue;
        }
        parts += 1;
        same += usize::from(first == second);
        let number = |text: &str| text.parse::<u64>().ok();
        next += usize::from(number(first).is_some_and(|n| number(second) == Some(n + 1)));
    }
    (parts, same, next)
}

fn name_pid(table: &mut Table<'_, '_>) {
    if table.column(Escape::Pid).is_some() {
        return;
    }
    let candidates = || table.columns.iter().filter(|column| is_unnamed(column));
    let best = candidates()
        .filter(|column| may_be_pid(table, column))
        // Brackets stand around pids nearly always.
        .max_by_key(|column| {
            (is_pid_key(column), is_bracketed(column), column.constant().is_none())
        });
    let Some(values) = best.map(|column| column.values.clone()) else { return };
    for column in &mut table.columns {
        if is_unnamed(column) && column.values == values {
            column.escape = Some(Escape::Pid);
        }
    }
}

fn is_bracketed(column: &Column<'_>) -> bool {
    column.before.ends_with('[') && column.after.starts_with([']', '-', ':'])
}

fn is_pid_key(column: &Column<'_>) -> bool {
    matches!(column.key().as_str(), "pid" | "p" | "process" | "proc" | "process_id")
}

fn may_be_pid(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let numbers: Vec<u64> =
        column.values.iter().filter_map(|(_, value)| value.parse().ok()).collect();
    if numbers.len() < column.values.len() || numbers.contains(&0) {
        return false;
    }
    let (parts, same, _) = parts(table, column);
    if same * 10 < parts * 9 {
        return false;
    }
    let is_key = is_pid_key(column);
    let is_large = numbers.iter().all(|number| *number >= USUAL_PID);
    let is_one = column.constant() == Some("1");
    // Numbers that go on from line to line count something.
    let counts = numbers.windows(2).filter(|pair| matches!(pair, [a, b] if a + 1 == *b)).count();
    let is_counter = numbers.len() > 3 && counts * 2 > numbers.len();
    let is_other_key = !is_key && column.before.trim_end().ends_with('=');
    !is_one
        && !is_counter
        && !is_other_key
        && (is_key || is_bracketed(column) || (is_large && parts > 0) || {
            // Without a hint: as many processes as sessions usually are, with several lines each.
            is_large && repeats(&numbers)
        })
}

/// Tells whether numbers come again: those of processes do, those of lines far up do not.
fn repeats(numbers: &[u64]) -> bool {
    let mut distinct = numbers.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() > 1 && distinct.len() * 3 < numbers.len() * 2
}

/// Tells whether a number goes up by one with each line of a process.
fn counts_lines(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let (mut steps, mut up) = (0, 0);
    for group in table.by_process(column) {
        for pair in group.windows(2) {
            let [(_, first), (_, second)] = pair else { continue };
            let number = |text: &str| text.parse::<u64>().ok();
            steps += 1;
            up += usize::from(number(first).is_some_and(|n| number(second) == Some(n + 1)));
        }
    }
    steps > 2 && up * 10 >= steps * 8
}
