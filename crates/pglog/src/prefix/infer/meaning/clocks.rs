//! Numbers of clocks, as collectors and people put them before a line: no server counts so.

use crate::prefix::infer::table::{Column, Table};

/// What stands between the parts of a day.
const SIGNS: [char; 3] = ['-', '/', '.'];

/// Tells whether a column is a part of a time: a day, an hour, or all of it in digits.
pub(super) fn is_of_clock(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let values = || column.values.iter().map(|(_, value)| *value).filter(|value| !value.is_empty());
    column.has_filled_up()
        || (values().next().is_some() && values().all(is_digits_of_a_time))
        || (column.constant().is_some_and(is_day_or_year) && is_beside_sign(column))
        || (is_hour(column) && ends_in_day(&text_before(table, column)))
}

/// Tells whether a transaction's number is the month and the day behind a year: `2026/11/27`.
pub(super) fn is_behind_year(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    let before = text_before(table, column);
    let year = before.strip_suffix('/').and_then(|text| text.get(text.len().checked_sub(4)?..));
    year.is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()) && is_day_or_year(year))
}

/// `20261127`, `202611271627`, `20261127162700` and with a fraction behind.
fn is_digits_of_a_time(value: &str) -> bool {
    let part = |from: usize, to: usize| value.get(from..to)?.parse::<u32>().ok();
    let is_day = part(0, 4).is_some_and(|year| (1990..2100).contains(&year))
        && part(4, 6).is_some_and(|month| (1..=12).contains(&month))
        && part(6, 8).is_some_and(|day| (1..=31).contains(&day));
    let is_time = match value.len() {
        8 => true,
        12 => is_time_of_day(value.get(8..).unwrap_or_default()),
        14 | 17 | 20 => is_time_of_day(value.get(8..14).unwrap_or_default()),
        _ => false,
    };
    is_day && is_time && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1627` or `162700`.
fn is_time_of_day(value: &str) -> bool {
    let below = |from: usize, limit: u32| {
        value
            .get(from..from + 2)
            .and_then(|part| part.parse::<u32>().ok())
            .is_some_and(|n| n < limit)
    };
    match value.len() {
        4 => below(0, 24) && below(2, 60),
        6 => below(0, 24) && below(2, 60) && below(4, 61),
        _ => false,
    }
}

/// `2026` or `20261127`, as far as it begins.
fn is_day_or_year(value: &str) -> bool {
    matches!(value.len(), 4 | 8) && (value.starts_with("19") || value.starts_with("20"))
}

fn is_beside_sign(column: &Column<'_>) -> bool {
    column.after.starts_with(SIGNS) || column.before.ends_with(SIGNS)
}

/// Tells whether all values may be hours with minutes.
fn is_hour(column: &Column<'_>) -> bool {
    let is = |value: &str| {
        is_time_of_day(value) || (value.len() <= 2 && value.parse::<u32>().is_ok_and(|n| n < 60))
    };
    column.values.iter().all(|(_, value)| is(value))
}

/// Returns what stands in front of a column and is the same in every line.
fn text_before(table: &Table<'_, '_>, column: &Column<'_>) -> String {
    let mut text = String::new();
    for other in &table.columns {
        text.push_str(&other.before);
        if std::ptr::eq(other, column) {
            break;
        }
        text.push_str(other.constant().unwrap_or("?"));
    }
    text
}

/// Tells whether a text ends with a day: `20261127T`, `2026-11-27 `. No address is one: `10.20.1.15 `.
fn ends_in_day(text: &str) -> bool {
    let day = text.trim_end_matches([' ', 'T', '_', '-', ':', '.', '/']);
    let start = day.trim_end_matches(|c: char| c.is_ascii_digit() || SIGNS.contains(&c));
    let parts: Vec<&str> = day.get(start.len()..).unwrap_or_default().split(SIGNS).collect();
    let is_day = match *parts.as_slice() {
        [day] => day.len() == 8 && is_day_or_year(day),
        [a, b, c] => {
            let year = if a.len() == 4 { a } else { c };
            year.len() == 4 && is_day_or_year(year) && a.len() + b.len() + c.len() <= 8
        }
        _ => false,
    };
    day.len() < text.len() && is_day
}

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    /// A log whose lines have this in front, made of seconds.
    fn setting(head: impl Fn(u32) -> String) -> String {
        let texts = ["LOG:  x", "ERROR:  division by zero", "STATEMENT:  SELECT 1/0", "LOG:  y"];
        let lines: Vec<String> =
            (0..40).map(|n| head(n / 4 * 5 + n % 4 / 3) + texts[n as usize % 4]).collect();
        LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
    }

    #[test]
    fn times_in_digits_are_no_numbers_of_the_server() {
        let heads: [&dyn Fn(u32) -> String; 8] = [
            &|n| format!("20261127T1627{n:02} "),
            &|n| format!("20261127 1627{n:02} "),
            &|n| format!("2026-11-27 16.27.{n:02} "),
            &|n| format!("20261127-1627-{n:02}00 "),
            &|n| format!("20261127 1627 {n:02}00 bob "),
            &|n| format!("2026/11/27 1627h{n:02} "),
            &|n| format!("20261127_162700_{n:03}: "),
            &|n| format!("202611271627{n:02} "),
        ];
        for head in heads {
            let prefix = setting(head);
            for escape in ["%p", "%l", "%x", "%Q", "%n", "%v", "%P"] {
                assert!(!prefix.contains(escape), "{prefix} of {}", head(7));
            }
        }
    }

    #[test]
    fn year_of_a_day_is_no_pid() {
        for day in ["time=\"2026-11-24T02:23:07Z\" msg=", "22:23:07 24.11.2026 "] {
            let line = |text: &str| format!("{day}2026-11-24 02:23:07.123 UTC [33] {text}:  x");
            let lines = ["LOG", "ERROR", "STATEMENT", "LOG"].map(line);
            let prefix = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix;
            let pid = prefix.match_line(&lines[0]).unwrap().fields.pid;
            assert!(pid.is_none_or(|pid| pid == "33"), "{prefix}");
        }
    }

    #[test]
    fn numbers_of_the_server_are_no_times() {
        let t = "2026-11-24 13:18:46.059 UTC";
        for (lines, pids) in [
            (
                [
                    format!("{t} [165239]: [1-1] 851781345 LOG:  a"),
                    format!("{t} [165307]: [1-1] 851781346 ERROR:  b"),
                    format!("{t} [165307]: [2-1] 851781346 STATEMENT:  SELECT"),
                ],
                ["165239", "165307", "165307"],
            ),
            (
                [
                    format!("{t} 10.20.1.15 1548 ERROR:  division by zero"),
                    format!("{t} 10.20.1.15 1548 STATEMENT:  SELECT 1/0"),
                    format!("{t} 10.20.1.15 1546 LOG:  a"),
                ],
                ["1548", "1548", "1546"],
            ),
            (
                [
                    format!("{t} [191458] 0 ERROR:  a"),
                    format!("{t} [191459] 0 LOG:  b"),
                    format!("{t} [191459] 0 LOG:  c"),
                ],
                ["191458", "191459", "191459"],
            ),
        ] {
            let prefix = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix;
            for (line, pid) in lines.iter().zip(pids) {
                let found = prefix.match_line(line).unwrap().fields.pid;
                assert_eq!(found, Some(pid), "{prefix} of {line}");
            }
        }
        let line = |n: u32, text: &str| {
            format!("2026-11-24 02:21:{n:02}.123 UTC [7] 1523456789012345678 {text}")
        };
        let lines: Vec<String> = (0..8).map(|n| line(n * 7, "LOG:  duration: 1.000 ms")).collect();
        let prefix =
            LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string();
        assert!(!prefix.contains("%l"), "{prefix}");
    }
}
