//! Columns of numbers: pids, line numbers, transaction ids, query ids.

use crate::prefix::{
    escape::Escape,
    infer::{
        kind::Kind,
        meaning::clocks::{is_behind_year, is_of_clock},
        table::{Column, Table},
    },
};

/// No pid and no transaction id is that large; nearly all query ids are.
const MAX_SMALL: u64 = 1 << 33;

/// The smallest pid of servers outside of containers, where a lone number is no line number either.
const USUAL_PID: u64 = 100;

pub(super) fn name(table: &mut Table<'_, '_>) {
    let years = |column: &Column<'_>| column.kind == Kind::Vxid && is_behind_year(table, column);
    let of_days: Vec<bool> = table.columns.iter().map(years).collect();
    for (column, is_day) in table.columns.iter_mut().zip(of_days) {
        column.escape = column.escape.filter(|_| !is_day);
    }
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
        let Some(column) = table.columns.get(at).filter(|column| is_unnamed(table, column)) else {
            continue;
        };
        let has_zero = column.values.iter().any(|(_, value)| *value == "0");
        let is_line = !has_zero && (is_numbered(table, column) || counts_lines(table, column));
        let escape = is_line.then_some(Escape::LineNum);
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

fn is_unnamed(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    is_open(column) && !is_of_clock(table, column)
}

fn is_open(column: &Column<'_>) -> bool {
    column.kind == Kind::Number && column.escape.is_none()
}

/// The meanings that the values alone prove.
fn by_its_values(table: &Table<'_, '_>, column: &Column<'_>) -> Option<Escape> {
    if is_pid_of_session(table, column) {
        return Some(Escape::Pid);
    }
    if is_of_clock(table, column) {
        return None;
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
    // The session's id has the pid in it, which no other number agrees with.
    if table.column(Escape::Pid).is_some() || table.column(Escape::SessionId).is_some() {
        return;
    }
    let candidates = || table.columns.iter().filter(|column| is_unnamed(table, column));
    let best = candidates()
        .filter(|column| may_be_pid(table, column))
        // Brackets stand around pids nearly always.
        .max_by_key(|column| {
            (is_pid_key(column), is_bracketed(table, column), column.constant().is_none())
        });
    let Some(values) = best.map(|column| column.values.clone()) else { return };
    for column in &mut table.columns {
        if is_open(column) && column.values == values {
            column.escape = Some(Escape::Pid);
        }
    }
}

/// Tells whether a number stands in brackets as pids do. One below all pids that are usual is that of a
/// process in a container, unless another number stands in front of it that can be a pid.
fn is_bracketed(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let is_in_front = |other: &&Column<'_>| !std::ptr::eq(*other, column);
    let mut in_front = table.columns.iter().take_while(is_in_front);
    column.before.ends_with('[')
        && column.after.starts_with([']', '-', ':'])
        && !is_numbered(table, column)
        && (is_large(column) || !in_front.any(|other| is_unnamed(table, other) && is_large(other)))
}

/// Tells whether a number stands as that of the line does in most prefixes, `[%l-1]`.
fn is_numbered(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let mut from = table.columns.iter().skip_while(|other| !std::ptr::eq(*other, column)).skip(1);
    let is_one = |next: &Column<'_>| next.constant() == Some("1") && next.after.starts_with(']');
    column.before.ends_with('[')
        && (column.after.starts_with("-1]")
            || (column.after == "-" && from.next().is_some_and(is_one)))
}

fn is_large(column: &Column<'_>) -> bool {
    column.values.iter().all(|(_, value)| value.parse().is_ok_and(|n: u64| n >= USUAL_PID))
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
    let is_large = is_large(column);
    let is_one = column.constant() == Some("1");
    // Numbers that go on from line to line count something.
    let counts = numbers.windows(2).filter(|pair| matches!(pair, [a, b] if a + 1 == *b)).count();
    let is_counter = numbers.len() > 3 && counts * 2 > numbers.len();
    let is_other_key = !is_key && column.before.trim_end().ends_with('=');
    !is_one
        && !is_counter
        && !is_other_key
        && (is_key || is_bracketed(table, column) || (is_large && parts > 0) || {
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

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    fn setting(lines: &[&str]) -> String {
        LinePrefix::infer(lines.iter().copied()).unwrap().prefix.as_str().to_owned()
    }

    #[test]
    fn number_of_the_line_is_no_pid_in_a_log_of_two_lines() {
        let lines = [
            "2026-11-24 05:29:38 UTC [1022]: [3-1] user=bob,db=shop,from=[local]|LOG:  duration: 0.279 ms",
            "2026-11-24 05:29:38 UTC [1022]: [4-1] user=bob,db=shop,from=[local]|LOG:  duration: 0.280 ms",
        ];
        assert_eq!(setting(&lines), "%t [%p]: [%l-1] user=%u,db=%d,from=%r|");
        let lines = [
            "[2026-11-24 02:23:07 UTC] bob shop 8774 [1] LOG:  connection received: host=[local]",
            "[2026-11-24 02:23:07 UTC] bob shop 8775 [1] LOG:  connection received: host=[local]",
            "[2026-11-24 02:23:08 UTC] bob shop 8775 [2] LOG:  duration: 1.000 ms",
        ];
        assert!(!setting(&lines).contains("[%p]"), "{}", setting(&lines));
        // In a container.
        let lines = [
            "2026-11-24 02:23:07.123 UTC [33] bob@shop x:LOG:  duration: 1.000 ms",
            "2026-11-24 02:23:07.124 UTC [34] bob@shop x:LOG:  duration: 1.000 ms",
        ];
        assert!(setting(&lines).starts_with("%m [%p] "), "{}", setting(&lines));
        // No line has the number zero.
        let line = "2026-11-24 02:23:07.124 UTC [34] [0] LOG:  redo starts at 0/1";
        assert!(!setting(&[line; 3]).contains("%l"), "{}", setting(&[line; 3]));
    }

    #[test]
    fn number_that_disagrees_with_the_session_is_no_pid() {
        let line = "bob,shop,1795486959.277,22012,6b04f4ef.1fb8,3/177,0 ERROR:  division by zero";
        assert!(!setting(&[line]).contains("%p"), "{}", setting(&[line]));
    }
}
