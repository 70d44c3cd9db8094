//! Clocks go forward.

use crate::{prefix::infer::table::Column, timestamp::local_seconds};

/// What the clock of a log goes back between two lines, as processes write at once, in seconds.
const OVERTAKEN: i64 = 1;

/// A clock that is set, or the end of daylight saving, goes back once.
const MAX_SET: usize = 1;

/// Tells whether a time is earlier than the one above too often for a clock: it is that of the session.
pub(in crate::prefix::infer) fn goes_back(column: &Column<'_>) -> bool {
    let times: Vec<i64> =
        column.values.iter().filter_map(|(_, value)| local_seconds(value)).collect();
    let back = |pair: &[i64]| matches!(pair, [a, b] if *b < a - OVERTAKEN);
    times.windows(2).filter(|pair| back(pair)).count() > MAX_SET || returns(&times)
}

/// Tells whether a time goes back and from the one that it went to to the one that it came from: a clock that
/// was set back goes on from where it was set to.
fn returns(times: &[i64]) -> bool {
    let runs: Vec<&[i64]> = times.chunk_by(|a, b| a == b).collect();
    let first = |run: &[i64]| run.first().copied();
    runs.windows(3).any(|runs| {
        let [above, run, below] = runs else { return false };
        let (Some(above), Some(time), Some(below)) = (first(above), first(run), first(below))
        else {
            return false;
        };
        time < above - LATE && (above..=above + MOMENT).contains(&below)
    })
}

/// So soon after the one before it, in seconds, a time goes on from there.
const MOMENT: i64 = 60;

/// What no process is late with its line, in seconds.
const LATE: i64 = 5;

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    #[test]
    fn sole_time_that_goes_back_is_that_of_the_session() {
        let line = |n: u32| match n % 40 {
            7 => "2026-11-24 01:00:04 UTC LOG:  checkpoint starting: time".to_owned(),
            _ => format!("2026-11-24 02:{:02}:{:02} UTC LOG:  x", n / 60, n % 60),
        };
        let infer = |lines: &[String]| {
            LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
        };
        let mut lines: Vec<String> = (0..200).map(line).collect();
        assert_eq!(infer(&lines), "%s ");
        assert_eq!(infer(&lines[..20]), "%s ", "it returns to where it was");
        lines.retain(|line| !line.contains(" 01:"));
        lines.rotate_left(50);
        assert_eq!(infer(&lines), "%t ", "a clock that is set back once");
    }
}
