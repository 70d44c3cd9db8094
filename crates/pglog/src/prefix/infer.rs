//! Finds out which prefix a log was written with.
//!
//! Prefixes that many servers have are candidates, and others that are put together from what the lines
//! have in common: first the form, literals and columns of a template, then what each column means. The
//! candidate that makes prefix and lines likeliest wins; what its rivals call otherwise is left open.

mod align;
mod candidate;
mod grid;
mod kind;
mod known;
mod likelihood;
mod meaning;
mod notes;
mod owners;
mod parts;
mod sample;
mod table;

use crate::{
    language::Language,
    prefix::{
        LinePrefix, Token,
        infer::{
            align::Aligner,
            candidate::{Candidate, Log},
            known::{KNOWN, VARIED},
            notes::Note,
            owners::Owners,
            sample::Sample,
        },
    },
};

/// A guess at the prefix of a log, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// The prefix that fits best.
    pub prefix: LinePrefix,
    /// How many lines fit it.
    pub matched: usize,
    /// How many lines could have fitted: all but continuation lines.
    pub lines: usize,
    /// How many values of the prefix are named by convention only, or not at all.
    pub uncertain: usize,
    /// The language of the log.
    pub language: Language,
    /// Other prefixes that fit as many lines, the likelier one first.
    pub alternatives: Vec<LinePrefix>,
}

impl Inference {
    /// Returns how sure the guess is, from 0 to 1: the share of lines that fit, and less for each value
    /// whose meaning nothing in the log proves.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let narrow = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        narrow(self.matched) / narrow(self.lines).max(1.0) * 0.95_f64.powf(narrow(self.uncertain))
    }
}

impl LinePrefix {
    /// Guesses the prefix from lines of a log; 200 of them are plenty. `None` where none fits any.
    ///
    /// ```
    /// use pglog::LinePrefix;
    ///
    /// let lines = [
    ///     "[17] app/psql | 2026-11-24 02:20:47 UTC | LOG:  hello",
    ///     "[18] app/ | 2026-11-24 02:20:48 UTC | ERROR:  division by zero",
    /// ];
    /// let inference = LinePrefix::infer(lines).expect("a prefix");
    /// let parsed = inference.prefix.match_line(lines[0]).expect("the line fits");
    /// assert_eq!(parsed.fields.pid, Some("17"));
    /// assert_eq!(parsed.fields.time, Some("2026-11-24 02:20:47 UTC"));
    /// assert_eq!(parsed.text, "hello");
    /// ```
    pub fn infer<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Inference> {
        let lines: Vec<&str> =
            lines.into_iter().filter(|line| !line.is_empty() && !line.starts_with('\t')).collect();
        infer_behind_label(&lines).or_else(|| infer(&lines))
    }
}

/// Guesses a prefix that itself begins with what looks like a label: behind it, nearly all lines have a
/// prefix with a time or a process, and a label again.
fn infer_behind_label(lines: &[&str]) -> Option<Inference> {
    let first = Sample::of_line(0, lines.first()?).filter(|sample| sample.head.is_empty())?;
    let label = lines.first()?.strip_suffix(first.text)?;
    let behind: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(label)).collect();
    let labelled = behind.iter().filter(|line| has_label(line)).count();
    if behind.len() * 10 < lines.len() * 9 || labelled * 10 < behind.len() * 9 {
        return None;
    }
    let found = infer(&behind).filter(|found| found.prefix.tells_time_or_process())?;
    let with_label = |prefix: &LinePrefix| {
        let tokens = prefix.tokens().iter().cloned();
        LinePrefix::of_tokens(
            std::iter::once(Token::Literal(label.to_owned())).chain(tokens).collect(),
        )
    };
    Some(Inference {
        prefix: with_label(&found.prefix),
        alternatives: found.alternatives.iter().map(with_label).collect(),
        lines: lines.len(),
        ..found
    })
}

fn infer(lines: &[&str]) -> Option<Inference> {
    let samples: Vec<Sample<'_>> =
        lines.iter().zip(0..).filter_map(|(line, n)| Sample::of_line(n, line)).collect();
    let samples = plain_ones(samples);
    let notes: Vec<Note<'_>> = samples.iter().map(Note::of).collect();
    let owners = Owners::of(&notes);
    let log = Log { lines, samples: &samples, notes: &notes, owners: &owners };
    let mut candidates = known_ones(log);
    candidates.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    if candidates.first().is_none_or(|best| best.misfit >= CLEAN) {
        add_aligned(&mut candidates, log);
        candidates.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    }
    let mut rivals = candidates.split_off(candidates.len().min(1));
    let mut best = candidates.pop()?;
    rivals.retain(|rival| rival.prefix != best.prefix);
    best.leave_open_what_differs(&rivals);
    let alternatives = rivals
        .into_iter()
        .filter(|rival| rival.matched >= best.matched && rival.cost < best.cost + NEAR)
        .map(|rival| rival.prefix);
    let language = Language::guess(samples.iter().map(Sample::tail));
    Some(Inference {
        matched: lines.iter().filter(|line| best.prefix.match_line(line).is_some()).count(),
        prefix: best.prefix,
        lines: lines.len(),
        uncertain: best.uncertain,
        language: language.unwrap_or(Language::English),
        alternatives: alternatives.take(1).collect(),
    })
}

/// Weighs the prefixes that many servers have, but for those which miss so many of a few lines that they are
/// farther behind another than [`NEAR`], whatever the rest of the lines say.
fn known_ones<'a>(log: Log<'_, 'a>) -> Vec<Candidate<'a>> {
    let few: Vec<&str> = (log.samples.iter().step_by(log.samples.len() / FEW + 1))
        .filter_map(|sample| log.lines.get(sample.number).copied())
        .collect();
    let mut bounds: Vec<(f64, usize)> = (KNOWN.iter().zip(0..))
        .map(|((rarity, setting), at)| {
            let prefix = LinePrefix::compile(setting);
            let missed = few.iter().filter(|line| prefix.match_line(line).is_none()).count();
            (rarity + candidate::cost_of_missed(missed), at)
        })
        .collect();
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found: Vec<(usize, Candidate<'_>)> = Vec::new();
    let mut best = f64::INFINITY;
    for (bound, at) in bounds {
        if bound > best + NEAR {
            break;
        }
        let known = KNOWN.get(at).and_then(|known| Candidate::of_known(known, log));
        if let Some(candidate) = known {
            best = best.min(candidate.cost);
            found.push((at, candidate));
        }
    }
    // Of those that fit as well the first one counts.
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// So many lines tell which prefixes are worth a look at all of them.
const FEW: usize = 16;

/// Leaves out lines with a second label, where others are enough: either may be within a name or a message,
/// so that nobody knows where the prefix ends.
fn plain_ones(samples: Vec<Sample<'_>>) -> Vec<Sample<'_>> {
    let plain: Vec<Sample<'_>> =
        samples.iter().copied().filter(|sample| !sample.may_end_later()).collect();
    if plain.len() >= MIN_PLAIN && plain.len() * 2 >= samples.len() { plain } else { samples }
}

/// So few lines are all needed.
const MIN_PLAIN: usize = 10;

/// Tells whether a prefix is one of those that many servers have.
pub(crate) fn is_well_known(prefix: &LinePrefix) -> bool {
    let is_varied = |rarity: &f64| rarity.total_cmp(&VARIED).is_eq();
    KNOWN.iter().any(|(rarity, setting)| *setting == prefix.as_str() && !is_varied(rarity))
}

/// Tells whether a label stands somewhere in a line.
pub(crate) fn has_label(line: &str) -> bool {
    Sample::of_line(0, line).is_some()
}

/// What lines may have against a prefix that is not doubted.
const CLEAN: f64 = 1.0;

/// How much less likely than the best one a prefix may be that is told.
const NEAR: f64 = 10.0;

/// What lines may have against a prefix of what all of them have in common, before it is looked for in a part
/// of them too.
const STRANGE: f64 = 10.0;

/// Adds prefixes that are made of what the lines have in common; of what a part of them has in common
/// where not all of them have the same: a log that changes its prefix has lines of the one first and
/// lines of the other later.
fn add_aligned<'a>(candidates: &mut Vec<Candidate<'a>>, log: Log<'_, 'a>) {
    let mut whole = aligned(log.samples, log.notes, log);
    let padded = grid::template(log.samples);
    whole.extend(padded.and_then(|template| {
        Candidate::of_reading(meaning::read(&template, log.samples, log.notes), log)
    }));
    let is_good = |candidate: &Candidate<'_>| {
        candidate.matched * 10 >= log.samples.len() * 9
            && !has_frozen_time(candidate.prefix.tokens())
    };
    candidates.extend(whole);
    let good = candidates.iter().filter(|candidate| is_good(candidate));
    let best = good.min_by(|a, b| a.cost.total_cmp(&b.cost));
    let is_found = best.is_some();
    if best.is_some_and(|best| best.misfit < STRANGE || !parts::tell_more(best, log.samples)) {
        return;
    }
    for part in parts::wordiest(log.samples) {
        let pick = |at: &usize| log.samples.get(*at).copied();
        let samples: Vec<Sample<'a>> = part.iter().filter_map(pick).collect();
        let notes: Vec<Note<'a>> = samples.iter().map(Note::of).collect();
        candidates.extend(aligned(&samples, &notes, log));
    }
    if is_found {
        return;
    }
    for tokens in known::beginnings() {
        candidates.extend(Candidate::of_beginning(tokens, log));
    }
    let half = log.samples.len().div_ceil(2);
    for part in [0..half, half..log.samples.len(), 0..half.div_ceil(2)] {
        if let (Some(samples), Some(notes)) =
            (log.samples.get(part.clone()), log.notes.get(part.clone()))
            && !samples.is_empty()
        {
            candidates.extend(aligned(samples, notes, log));
        }
    }
}

/// Makes prefixes of what some lines have in common.
fn aligned<'a>(samples: &[Sample<'a>], notes: &[Note<'a>], log: Log<'_, 'a>) -> Vec<Candidate<'a>> {
    let templates = Aligner::align(samples).into_iter();
    let templates =
        templates.map(|template| log.owners.untangle(template, samples, notes, log.lines));
    let readings = templates.map(|template| meaning::read(&template, samples, notes));
    let readings = readings.filter(|reading| ends_well(&reading.tokens));
    readings.filter_map(|reading| Candidate::of_reading(reading, log)).collect()
}

/// Tells whether a prefix takes for text what many lines share by chance: a moment.
fn has_frozen_time(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| match token {
        Token::Literal(text) => text.bytes().filter(u8::is_ascii_digit).count() >= FROZEN_DIGITS,
        _ => false,
    })
}

/// So many digits in a literal are a moment, and no text.
const FROZEN_DIGITS: usize = 4;

/// Tells whether sessions print a value that other processes don't, if the prefix says that they print
/// more. Where they print words only, some names have in them what looks like the end of the prefix, and
/// where they go on behind a name, the rest of some names.
fn ends_well(tokens: &[Token]) -> bool {
    let Some(at) = tokens.iter().position(|token| *token == Token::SessionOnly) else {
        return true;
    };
    let (before, of_sessions) = tokens.split_at_checked(at).unwrap_or_default();
    let before = match before {
        [rest @ .., Token::Literal(text)] if text.trim().is_empty() => rest,
        all => all,
    };
    let goes_on = before.last().is_some_and(is_text)
        && matches!(of_sessions.get(1), Some(Token::Unknown { like: None, .. }));
    !goes_on && of_sessions.iter().skip(1).any(|token| !matches!(token, Token::Literal(_)))
}

/// Tells whether a token is a value without a form of its own.
fn is_text(token: &Token) -> bool {
    match token {
        Token::Field(escape, _) => escape.is_name(),
        Token::Unknown { like, .. } => like.is_none(),
        Token::Literal(_) | Token::SessionOnly => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::Escape;

    #[test]
    fn other_programs_lines_do_not_decide() {
        let lines = [
            "LOG:  a line of some program",
            "2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x",
            "\tLOG:  continued",
            "2026-11-24 02:21:01.123 UTC [2] LOG:  y",
        ];
        let inference = LinePrefix::infer(lines).unwrap();
        assert_eq!(inference.prefix.as_str(), "%m [%p] %q%u@%d ");
        assert_eq!((inference.matched, inference.lines), (2, 3));
        assert!((inference.confidence() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn few_strange_lines_do_not_cost_the_values_of_the_others() {
        let mut lines = vec!["2026-11-24 02:21:05.123 UTC (9) LOG:  x"];
        lines.extend(["2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x"; 4]);
        let inference = LinePrefix::infer(lines).unwrap();
        assert_eq!(inference.prefix.as_str(), "%m [%p] %q%u@%d ");
    }

    #[test]
    fn log_that_changes_its_prefix_begins_with_the_first_one() {
        let first = |n: u32| {
            format!("2026-11-24 02:21:{:02}.123 UTC [{}] bob@shop LOG:  x", n % 60, n % 7 + 100)
        };
        let second = |n: u32| {
            format!("2026-11-24 02:21:{:02} UTC:10.0.0.1(40{n:03}):bob@shop:[7]:LOG:  x", n % 60)
        };
        let strange =
            |n: u32| format!("<{}> 2026-11-24 02:21:{:02} UTC | LOG:  x", n % 7 + 100, n % 60);
        let infer = |lines: Vec<String>| {
            LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
        };
        let known = infer((0..100).map(first).chain((0..100).map(second)).collect());
        assert_eq!(known, "%m [%p] %q%u@%d ");
        let unknown = infer((0..100).map(strange).chain((0..100).map(second)).collect());
        assert!(unknown.contains("%t"), "{unknown}");
    }

    #[test]
    fn messages_about_connections_are_evidence_in_every_language() {
        for message in [
            "connexion autorisée : utilisateur=alice base de données shop application_name=psql",
            "anslutning auktoriserad: användare=alicedatabas=shop applikationsnamn=psql",
            "подключение авторизовано: пользователь=alice база=shop приложение=psql",
        ] {
            for (names, expected) in
                [("alice@shop ", "%u@%d "), ("user=alice,db=shop ", "user=%u,db=%d ")]
            {
                let head =
                    |n: u32| format!("2026-11-24 02:21:{n}.123 UTC [{}] {names}", 1000 + n % 7);
                let lines: Vec<String> =
                    (10..50).map(|n| format!("{}LOG:  {message}", head(n))).collect();
                let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
                assert!(inference.prefix.as_str().ends_with(expected), "{message}");
            }
        }
    }

    #[test]
    fn no_process_shows_the_type_of_a_session() {
        let time = "2026-11-24 02:21:01.123 UTC";
        let line = |pid: usize, who: &str| format!("{time} [{pid}] {who} LOG:  x");
        let types = ["startup", "not initialized [unknown]@[unknown]", "checkpointer"];
        let users = ["a@shop", "b,c@my db", "d e@x]y:z", "f=g@shop", "h@i,app=j", "k@l"];
        let sessions = users.map(|names| format!("client backend {names}"));
        let who = types.map(str::to_owned).into_iter().chain(sessions);
        let lines: Vec<String> =
            who.enumerate().map(|(at, who)| line(at + 100, &who)).cycle().take(60).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(!inference.prefix.has(Escape::Ps), "{}", inference.prefix);
    }

    #[test]
    fn blanks_are_what_no_process_shows() {
        let blanks = " ".repeat(54);
        let line = format!("2026-11-24 02:20:48.270 UTC [5938] {blanks}LOG:  redo starts at 0/1");
        let inference = LinePrefix::infer([line.as_str(); 3]).unwrap();
        let parsed = inference.prefix.match_line(&line).unwrap();
        assert_eq!((parsed.fields.ps, parsed.fields.pid), (None, Some("5938")));
    }

    #[test]
    fn one_odd_name_does_not_cost_the_names_of_all_others() {
        let mut lines = Vec::new();
        for n in 10..50 {
            let names = ["psql", "/usr/bin/pg_dump", "app [0 of 10 busy]"];
            let app = if n % 12 == 1 { "my-app,worker=1" } else { names[n % 3] };
            let (user, database) = (["alice", "bob", "eve"][n % 3], ["shop", "crm"][n % 2]);
            let head = |app: &str| {
                format!("2026-11-24 02:21:{n}.123 UTC,{},{user},{database},{app},", n + 1000)
            };
            let authorized = format!("user={user} database={database} application_name={app}");
            lines.push(head("[unknown]") + "LOG:  connection authorized: " + &authorized);
            lines.push(head(app) + "LOG:  duration: 0.1 ms");
        }
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().ends_with(",%u,%d,%a,"), "{}", inference.prefix);
    }

    #[test]
    fn lines_outside_of_sessions_may_have_no_prefix_at_all() {
        let session = |n: u32| format!("2026-11-24 02:21:{n}.123 UTC [{}] LOG:  x", 1000 + n % 7);
        let bare = |n: u32| format!("LOG:  checkpoint {n}");
        let lines: Vec<String> = (10..50).map(session).chain((0..5).map(bare)).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().starts_with("%q%m ["), "{}", inference.prefix);
        assert_eq!(inference.matched, lines.len());
    }

    #[test]
    fn only_time_of_a_few_lines_is_theirs() {
        let line = |n: u32| {
            format!("2026-11-24 22:41:47 UTC <5788> {n} sess=6b0612ab.169c LOG:  duration: 1.2 ms")
        };
        let lines: Vec<String> = (63..66).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().starts_with("%t "), "{}", inference.prefix);
    }

    #[test]
    fn prefix_may_begin_with_what_looks_like_a_label() {
        let line = |n: u32| {
            let label = ["LOG:  x", "ERROR:  y", "STATEMENT:  SELECT 1"][n as usize % 3];
            format!("LOG:  2026-11-24 02:21:{n}.123 UTC [{}] {label}", 1000 + n / 6 * 17)
        };
        let lines: Vec<String> = (12..30).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().starts_with("LOG:  %m [%p] "), "{}", inference.prefix);
        assert_eq!(inference.matched, lines.len());
        let empty = ["LOG:  x", "LOG:  statement: SELECT 'ERROR:  y'", "LOG:  z"];
        assert_eq!(LinePrefix::infer(empty).unwrap().prefix.as_str(), "");
    }

    #[test]
    fn keys_commands_and_query_ids_are_no_names_types_or_hosts() {
        let infer = |line: fn(u32) -> String| {
            let lines: Vec<String> = (0..200).map(line).collect();
            let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
            (lines, inference.prefix)
        };
        let time = |n: u32| format!("2026-11-24 02:{:02}:{:02}.{n:03} UTC", n / 60, n % 60);
        let (lines, keyed) = infer(|n| {
            format!("2026-11-24 02:21:{:02}.1 UTC p={}:{n}@3/{n}:0 LOG:  x", n % 60, 400 + n % 7)
        });
        for line in &lines {
            let fields = keyed.match_line(line).expect("the line fits").fields;
            assert_eq!((fields.user, fields.database), (None, None), "{keyed}");
        }
        let commands = ["SELECT", "idle", "authentication", "PREPARE", "INSERT"];
        let lines: Vec<String> = (0..200)
            .map(|n| {
                let ps = if n % 20 == 3 { "checkpointer" } else { commands[n as usize % 5] };
                format!("{} [{}] {ps} LOG:  x", time(n), 400 + n % 7)
            })
            .collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(!inference.prefix.has(Escape::BackendType), "{}", inference.prefix);
        let lines: Vec<String> = (0..200u32)
            .map(|n| {
                let id = i64::from(n % 9) * 919_345_671_223 - 3_000_000_000_000;
                format!("{} [{}] bob@shop {id} LOG:  x", time(n), 400 + n % 7)
            })
            .collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(!inference.prefix.has(Escape::RemoteHost), "{}", inference.prefix);
    }

    #[test]
    fn labels_in_names_do_not_end_the_prefix() {
        let line = |n: usize| {
            let user = ["alice", "LOG:  u", "bob smith", "app_rw"][n / 2 % 4];
            let (pid, second) = (4000 + n / 2 * 7, n % 60);
            format!(
                "time=2026-11-24 02:21:{second:02}.123 UTC pid={pid} user={user} db=shop ip=[local] LOG:  x"
            )
        };
        let lines: Vec<String> = (0..200).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        let prefix = inference.prefix.as_str();
        assert!(prefix.starts_with("time=%m pid=%p user=%u db="), "{prefix}");
        assert_eq!(inference.matched, lines.len());
    }

    #[test]
    fn text_that_is_no_log_has_no_prefix() {
        assert_eq!(LinePrefix::infer(["hello", "world"]), None);
        assert_eq!(LinePrefix::infer([]), None);
    }
}
