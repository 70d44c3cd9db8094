//! Times in front of lines as people and pages write them: in any form, mostly without a zone.

use crate::{timestamp::is_zone_abbreviation, wrapping::Unwrapped};

/// Days: each `0` stands for a digit, `#` for one or two, `Xxx` for a month.
const DAYS: [&str; 13] = [
    "0000-00-00",
    "0000/00/00",
    "0000.00.00",
    "0000-Xxx-00",
    "#.#.0000",
    "#/#/0000",
    "#-#-0000",
    "#/Xxx/0000",
    "#-Xxx-0000",
    "Xxx #, 0000",
    "Xxx # 0000",
    "Xxx #",
    "Xxx  0",
];

/// What stands between day and hour.
const BEHIND_DAY: [&str; 7] = [" @ ", ", ", " ", "T", "_", "-", ":"];

const HOUR: &str = "#:00:00";

/// What may stand behind the seconds.
const BEHIND_HOUR: [&str; 9] =
    [" AM", " PM", " am", " pm", "Z", "+00:00", "-00:00", "+0000", "-0000"];

/// What stands between the time and the line.
const BEHIND_TIME: [&str; 5] = [": ", " - ", " | ", "\t", " "];

/// Reads `2026-11-24 02:20:47 LINE`, `[Nov 24, 2026, 2:20:47 AM] LINE` and the like. None of the server's own
/// times is such a one: it has a zone behind a blank.
pub(super) fn behind_local_time(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (open, close) = match line.first()? {
        b'[' => ("[", "]"),
        b'(' => ("(", ")"),
        _ => ("", ""),
    };
    let begin = form_off(line, open)?;
    let day = first_off(begin, &["Xxx, ", "Xxx "]).filter(|rest| first_off(rest, &DAYS).is_some());
    let has_weekday = day.is_some();
    let day = day.unwrap_or(begin);
    let hour = match first_off(day, &DAYS) {
        Some(rest) => first_off(rest, &BEHIND_DAY)?,
        None => day,
    };
    let rest = fraction_off(form_off(hour, HOUR)?);
    let rest = first_off(rest, &BEHIND_HOUR).unwrap_or(rest);
    let year = form_off(rest, " 0000").filter(|rest| !rest.starts_with(b"-"));
    let rest = year.filter(|_| has_weekday).unwrap_or(rest);
    let time = begin.get(..begin.len() - rest.len())?;
    let text = text_behind(form_off(rest, close)?)?;
    // Two blanks stand behind billionths of a second, and behind the half of the day.
    let is_wide = time.ends_with(b"M") || time.len() == "2026-11-24 02:20:47.123456789".len();
    let text = form_off(text, " ").filter(|_| is_wide).unwrap_or(text);
    (!begins_with_zone(text)).then_some(Unwrapped::at(std::str::from_utf8(time).ok()?, text))
}

/// Takes off what stands between the time and the line. The blank at its end may be lost where the line has
/// nothing else.
fn text_behind(rest: &[u8]) -> Option<&[u8]> {
    let is_lost = BEHIND_TIME.iter().any(|sign| sign.trim_end().as_bytes() == rest);
    first_off(rest, &BEHIND_TIME).or_else(|| is_lost.then_some(b""))
}

/// Tells whether a text begins with a zone, as it stands behind the server's own times: `UTC`, `+05`, `<+05>-05`.
fn begins_with_zone(text: &[u8]) -> bool {
    match text {
        [b'+' | b'-', digit, ..] => digit.is_ascii_digit(),
        [b'<', b'+' | b'-', ..] => true,
        _ => capitals(text).is_some_and(is_zone_abbreviation),
    }
}

/// Tells whether a text may begin with the abbreviation of a zone, which nobody need know.
pub(super) fn may_begin_with_zone(text: &[u8]) -> bool {
    capitals(text).is_some()
}

/// Returns the few capital letters that a text begins with, unless they are a label.
fn capitals(text: &[u8]) -> Option<&str> {
    let count = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let (word, behind) = text.split_at_checked(count)?;
    let is_word = behind.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let is_label = behind.starts_with(b":  ");
    let fits = (2..=5).contains(&count) && is_word && !is_label;
    fits.then(|| std::str::from_utf8(word).ok())?
}

/// Takes the first of some forms off that a text begins with.
pub(super) fn first_off<'l>(text: &'l [u8], forms: &[&str]) -> Option<&'l [u8]> {
    forms.iter().find_map(|form| form_off(text, form))
}

/// Takes a form off that a text begins with.
pub(super) fn form_off<'l>(text: &'l [u8], form: &str) -> Option<&'l [u8]> {
    form.bytes().try_fold(text, |text, sign| {
        let (first, rest) = text.split_first()?;
        let fits = match sign {
            b'0' | b'#' => first.is_ascii_digit(),
            b'X' => first.is_ascii_uppercase(),
            b'x' => first.is_ascii_lowercase(),
            _ => *first == sign,
        };
        let more = || rest.split_first().filter(|(second, _)| second.is_ascii_digit());
        let rest = if sign == b'#' { more().map_or(rest, |(_, rest)| rest) } else { rest };
        fits.then_some(rest)
    })
}

/// Takes a dot, or a comma, and digits off.
fn fraction_off(text: &[u8]) -> &[u8] {
    match text.split_first() {
        Some((b'.' | b',', rest)) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(digits..).unwrap_or_default()
        }
        _ => text,
    }
}
