//! Which files continue each other.
//!
//! A server that rotates its log goes on under a new name, or under the old one after the file got
//! another. Such files make a series: each is read to its end before the next one, so that entries come
//! in the order in which they were written.

use std::path::Path;

/// The series of a file: its path without what rotation changes. Dates, times, weekdays and months are
/// taken out, as `log_filename` and `dateext` put them in, and what `logrotate` appends: a number, the
/// ending of a compressed file. A version number, as in `postgresql-15-main.log`, stays: it tells
/// servers apart.
pub(super) fn series_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = without_ending(&name, |ending| PACKINGS.contains(&ending));
    let is_number = |ending: &str| ending.bytes().all(|byte| byte.is_ascii_digit());
    let name = without_ending(name, is_number);
    let mut series = path.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
    series.push('/');
    let mut rest = name;
    let mut is_in_word = false;
    while let Some(first) = rest.chars().next() {
        let moment = if is_in_word { 0 } else { moment_bytes(rest) };
        if moment > 0 {
            if series.ends_with(SEPARATORS) {
                series.pop();
            }
            rest = rest.get(moment..).unwrap_or_default();
        } else {
            series.push(first);
            is_in_word = first.is_alphanumeric();
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    series
}

/// Tells whether a name is one that `logrotate` gives: the server's own do not end in a number, and are
/// not compressed.
pub(super) fn is_rotated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = without_ending(&name, |ending| PACKINGS.contains(&ending));
    plain.len() < name.len() || plain.ends_with(|last: char| last.is_ascii_digit())
}

/// Endings of compressed files.
pub(super) const PACKINGS: [&str; 5] = ["gz", "zst", "bz2", "xz", "lz4"];

const SEPARATORS: [char; 3] = ['-', '_', '.'];

fn without_ending(name: &str, is_ending: impl Fn(&str) -> bool) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, ending)| if is_ending(ending) { stem } else { name })
}

/// Names that `strftime` gives for `%a`, `%A`, `%b` and `%B`, the longer ones first.
const NAMES: [&str; 38] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Mon",
    "Tue",
    "Wed",
    "Thu",
    "Fri",
    "Sat",
    "Sun",
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
    "Sept",
];

/// Length of a date, a time or the name of a day or month at the start; 0 where there is none. Numbers
/// behind single separators belong together; a date or an epoch has six digits at least, which a port
/// has not.
fn moment_bytes(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let first = digits(text);
    if first == 0 {
        let is_word = |name: &&&str| {
            let rest = text.strip_prefix(**name);
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        return NAMES.iter().find(is_word).map_or(0, |name| name.len());
    }
    let mut length = first;
    let mut total = first;
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let separator = usize::from(rest.starts_with(['-', '_', ':', 'T', '.']));
        match digits(rest.get(separator..).unwrap_or_default()) {
            0 => break,
            more => {
                length += separator + more;
                total += more;
            }
        }
    }
    if first >= 4 && total >= 6 { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_belong_together_and_servers_apart() {
        let same = |a: &str, b: &str| series_of(Path::new(a)) == series_of(Path::new(b));
        assert!(same("/l/postgresql-2026-11-24_022252.log", "/l/postgresql-2026-11-25_000000.log"));
        assert!(same("/l/postgresql-Mon.log", "/l/postgresql-Tue.log"));
        assert!(same("/l/postgresql.log", "/l/postgresql.log.1"));
        assert!(same("/l/postgresql.log.20261124", "/l/postgresql.log"));
        assert!(same("/l/pg-1795486862.log", "/l/pg-1795486863.log"));
        assert!(same("/l/postgresql.log", "/l/postgresql.log-20261124.gz"));
        assert!(same("/l/postgresql.log", "/l/postgresql-20261124.log"));
        assert!(same("/l/postgresql-15-main.log", "/l/postgresql-15-main.log.12.gz"));
        assert!(!same("/l/postgresql-5432.log", "/l/postgresql-5433.log"));
        assert!(!same("/l/Monitor.log", "/l/itor.log"));
        assert!(!same("/l/postgresql-15-main.log", "/l/postgresql-16-main.log"));
        assert!(!same("/l/a.log", "/m/a.log"));
        assert!(!same("/l/a.log", "/l/b.log"));
    }
}
