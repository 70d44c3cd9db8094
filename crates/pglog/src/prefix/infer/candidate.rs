//! Prefixes that a log may have, and how unlikely each of them is.

use std::collections::HashMap;

use crate::{
    language,
    prefix::{
        LinePrefix, ParsedLine,
        escape::{Escape, Padding, Token},
        fields::PrefixFields,
        infer::{
            has_frozen_time, is_text,
            kind::Kind,
            known::{self, Known},
            likelihood,
            meaning::Reading,
            notes::Note,
            owners::{Owners, Parsed},
            sample::Sample,
            table::{Column, Table},
        },
    },
};

/// A log that wants a prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log<'s, 'a> {
    pub(super) lines: &'s [&'a str],
    pub(super) samples: &'s [Sample<'a>],
    pub(super) notes: &'s [Note<'a>],
    pub(super) owners: &'s Owners,
}

/// A prefix, and how well it fits.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) prefix: LinePrefix,
    pub(super) matched: usize,
    /// How unlikely it is; less is better.
    pub(super) cost: f64,
    /// How much of that is the fault of the lines.
    pub(super) misfit: f64,
    pub(super) uncertain: usize,
    /// Each line with a label, taken apart.
    parsed: Parsed<'a>,
    /// Names that the lines say too much against.
    doubtful: Vec<Escape>,
}

/// What a line with a label costs that does not fit: few other programs write such.
const DROPPED: f64 = 8.0;

/// What a prefix costs that nobody is known to have, before its parts are looked at.
const UNKNOWN: f64 = 5.0;
/// What each of its values costs.
const COLUMN: f64 = 0.8;
/// A value that has no name.
const NAMELESS: f64 = 3.0;
/// A word that is no key.
const WORD: f64 = 1.5;
/// A word that is no key, where it may be a value that is the same in all of a few lines.
const DOUBTFUL_WORD: f64 = 3.0;
/// So few lines.
const FEW_LINES: usize = 20;
/// What nobody writes.
const NEVER: f64 = 8.0;
/// A moment in the prefix is as good as this many of that.
const FROZEN: usize = 4;
/// What else there can be.
const PART: f64 = 0.7;

/// A prefix with more values of any form and any meaning tells nothing, and takes long to match in many lines.
const MAX_OPEN: usize = 4;

/// What it costs to leave the rest of a prefix open: more than any way to read it.
const OPEN_END: f64 = 60.0;

/// What each line costs that is read so: of a log with two prefixes, one is rather read rightly than both
/// hardly.
const OPEN_LINE: f64 = 6.0;

/// So much likelier than any other a prefix must be to tell what its values are.
const MIN_DISTANCE: f64 = 3.0;

impl<'a> Candidate<'a> {
    /// Makes a candidate of a prefix that servers are known to have. `None` where it fits no line.
    pub(super) fn of_known((rarity, setting): &Known, log: Log<'_, 'a>) -> Option<Self> {
        let prefix = LinePrefix::compile(setting);
        let parsed = log.owners.parse(&prefix, log.lines, log.samples, log.notes);
        let matched = parsed.lines.iter().flatten().count();
        if matched == 0 {
            return None;
        }
        let table = table_of(&prefix, &parsed, log);
        let misfit = likelihood::of_table(&table) + dropped(matched, log);
        let cost = rarity + misfit;
        let doubtful = doubtful(&table, *rarity > known::SEEN);
        Some(Self { prefix, matched, cost, misfit, uncertain: 0, parsed, doubtful })
    }

    /// Makes a candidate of what the columns of a template seem to mean.
    pub(super) fn of_reading(reading: Reading, log: Log<'_, 'a>) -> Option<Self> {
        let is_open = |token: &&Token| matches!(token, Token::Unknown { like: None, .. });
        let open = reading.tokens.iter().filter(is_open).count();
        if open > MAX_OPEN && log.samples.len() >= FEW_LINES {
            return None;
        }
        let rarity = rarity(&reading.tokens, log);
        let prefix = LinePrefix::of_tokens(reading.tokens);
        let parsed = log.owners.parse(&prefix, log.lines, log.samples, log.notes);
        let matched = parsed.lines.iter().flatten().count();
        let table = table_of(&prefix, &parsed, log);
        let of_all = likelihood::of_table(&table);
        let mut doubtful = doubtful(&table, false);
        // One name in many lines tells as little as few lines do.
        let is_sole = |column: &Column<'_>| likelihood::distinct(column).len() < 2;
        let is_few =
            log.samples.len() < FEW_LINES || table.column(Escape::User).is_some_and(is_sole);
        let unproven = names_without_bounds(prefix.tokens(), is_few).filter(|escape| {
            !table.column(*escape).is_some_and(|it| likelihood::is_proven(&table, it, *escape))
        });
        doubtful.extend(unproven);
        let misfit = reading.cost.max(of_all) + dropped(matched, log);
        let cost = rarity + misfit;
        let uncertain = reading.uncertain;
        (matched > 0).then_some(Self { prefix, matched, cost, misfit, uncertain, parsed, doubtful })
    }

    /// Makes a candidate that reads the beginning of a prefix and leaves the rest open.
    pub(super) fn of_beginning(tokens: Vec<Token>, log: Log<'_, 'a>) -> Option<Self> {
        let prefix = LinePrefix::of_tokens(tokens);
        let parsed = log.owners.parse(&prefix, log.lines, log.samples, log.notes);
        let matched = parsed.lines.iter().flatten().count();
        let read = f64::from(u32::try_from(matched).unwrap_or(u32::MAX));
        let misfit = OPEN_END + read * OPEN_LINE + dropped(matched, log);
        let cost = UNKNOWN + misfit;
        let doubtful = Vec::new();
        (matched > 0).then_some(Self {
            prefix,
            matched,
            cost,
            misfit,
            uncertain: 1,
            parsed,
            doubtful,
        })
    }

    /// Takes the names off values that a rival, nearly as likely, calls otherwise, and off those that are
    /// hardly names.
    pub(super) fn leave_open_what_differs(&mut self, rivals: &[Self]) {
        let near = rivals.iter().filter(|rival| rival.cost < self.cost + MIN_DISTANCE);
        let differences = near.flat_map(|rival| self.differences(rival));
        let mut doubtful: Vec<Escape> = differences.chain(self.doubtful.iter().copied()).collect();
        doubtful.sort_unstable_by_key(|escape| escape.letter());
        doubtful.dedup();
        let mut tokens = self.prefix.tokens().to_vec();
        for at in (0..tokens.len()).filter(|at| !is_keyed(self.prefix.tokens(), *at)) {
            if let Some(token) = tokens.get_mut(at)
                && let Token::Field(escape, padding) = token
                && doubtful.contains(escape)
            {
                *token = Token::Unknown { like: like(*escape), padding: *padding };
            }
        }
        while let Some(at) = (0..tokens.len()).find(|at| runs_on(&tokens, *at)) {
            let open = Token::Unknown { like: None, padding: Padding::None };
            tokens.splice(at..=at, [open]);
        }
        self.prefix = LinePrefix::of_tokens(tokens);
        self.uncertain += doubtful.len();
    }

    /// Returns the escapes whose values a rival calls otherwise in some line.
    fn differences(&self, rival: &Self) -> Vec<Escape> {
        let clear = |parsed: &Parsed<'a>, at: usize| {
            (parsed.is_unclear.get(at) == Some(&false)).then(|| parsed.lines.get(at).copied())
        };
        let both = || {
            (0..self.parsed.lines.len()).filter_map(|at| {
                let own = clear(&self.parsed, at)??;
                own.zip(clear(&rival.parsed, at)??)
            })
        };
        let differs = |escape: &Escape| {
            both().any(|(own, other)| {
                value_of(&own.fields, *escape)
                    .is_some_and(|value| is_otherwise(*escape, value, &other.fields))
            })
        };
        Escape::ALL.into_iter().filter(|escape| self.prefix.has(*escape)).filter(differs).collect()
    }
}

/// Tells whether the word in front of a name says what it is: `user=`, `db=`, `app=`. What of it is the name's, the
/// sessions tell.
fn is_keyed(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let (Some(Token::Literal(before)), Some(Token::Field(escape, _))) = (before, tokens.get(at))
    else {
        return false;
    };
    let keys: &[&str] = match escape {
        Escape::User => &["user=", "usr="],
        Escape::Database => &["db=", "database=", "dbname="],
        Escape::ApplicationName => &["app=", "application=", "application_name="],
        _ => &[],
    };
    keys.iter().any(|key| before.ends_with(key))
}

/// Tells whether only a blank or an `@` stands between a name and a text that may be anything: where the one ends and
/// the other begins is not known then.
fn runs_on(tokens: &[Token], at: usize) -> bool {
    let is_open = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        matches!(token, Some(Token::Unknown { like: None, padding: Padding::None }))
    };
    let is_blank = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        matches!(token, Some(Token::Literal(text)) if matches!(text.trim(), "" | "@"))
    };
    let is_name = |token: &Token| matches!(token, Token::Field(e, Padding::None) if e.is_name());
    tokens.get(at).is_some_and(is_name)
        && ((is_blank(Some(at + 1)) && is_open(Some(at + 2)))
            || (is_blank(at.checked_sub(1)) && is_open(at.checked_sub(2))))
}

/// Tells whether a value has another name in the same line, or more or less in it.
fn is_otherwise(escape: Escape, value: &str, fields: &PrefixFields<'_>) -> bool {
    if let Some(other) = value_of(fields, escape) {
        return other != value;
    }
    let place = |text: &str| {
        let start = text.as_ptr().addr();
        start..start + text.len()
    };
    let own = place(value);
    Escape::ALL.iter().filter_map(|other| value_of(fields, *other)).any(|other| {
        let other = place(other);
        own.start < other.end && other.start < own.end
    })
}

/// Returns an escape whose values look like those of another one.
const fn like(escape: Escape) -> Option<Escape> {
    match escape {
        Escape::User | Escape::Database | Escape::ApplicationName => None,
        escape => Some(escape),
    }
}

/// Returns the names that the lines say too much against; with names parted by blanks only also those that no
/// line proves.
fn doubtful(table: &Table<'_, '_>, wants_proof: bool) -> Vec<Escape> {
    let names = table.columns.iter().filter_map(|column| {
        let is_word = |escape: &Escape| escape.is_name() || *escape == Escape::BackendType;
        let escape = column.escape.filter(is_word)?;
        let cost = likelihood::of_column(table, column, Some(escape));
        // Whoever the session is of, the rest is its program.
        let wants_proof = wants_proof && matches!(escape, Escape::User | Escape::Database);
        let lacks_proof = wants_proof && !likelihood::is_proven(table, column, escape);
        (cost > MAX_NAME_COST || lacks_proof).then_some(escape)
    });
    names.collect()
}

/// Returns the names of which the prefix alone does not tell where they end: only blanks stand between them
/// and other texts. In few lines an `@` behind a key may be part of the name, and a mark in front of a text
/// that has no name.
fn names_without_bounds(tokens: &[Token], is_few: bool) -> impl Iterator<Item = Escape> {
    let token = |at: Option<usize>| at.and_then(|at| tokens.get(at));
    let literal = move |at: Option<usize>| match token(at) {
        Some(Token::Literal(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_blank = move |at: Option<usize>| literal(at).is_some_and(|text| text.trim().is_empty());
    let is_text = move |at: Option<usize>| token(at).is_some_and(is_text);
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        let Token::Field(escape, Padding::None) = token else { return None };
        let (before, behind) = (at.checked_sub(1), Some(at + 1));
        let is_beside_text = (is_blank(behind) && is_text(Some(at + 2)))
            || (is_blank(before) && is_text(at.checked_sub(2)));
        let is_keyed = literal(before).is_some_and(|text| text.ends_with('='));
        let ends_openly = literal(behind).is_some_and(|text| text.len() == 1)
            && matches!(tokens.get(at + 2), Some(Token::Unknown { like: None, .. }));
        let is_cut = is_few && (ends_openly || (is_keyed && literal(behind) == Some("@")));
        let is_owner = matches!(escape, Escape::User | Escape::Database);
        ((is_owner && is_beside_text) || (escape.is_name() && is_cut)).then_some(*escape)
    })
}

/// What costs more is no name.
const MAX_NAME_COST: f64 = 20.0;

fn dropped(matched: usize, log: Log<'_, '_>) -> f64 {
    cost_of_missed(log.samples.len() - matched)
}

/// What it costs a prefix to fit so few of the lines with a label.
pub(super) fn cost_of_missed(lines: usize) -> f64 {
    f64::from(u32::try_from(lines).unwrap_or(u32::MAX)) * DROPPED
}

/// Returns how seldom somebody makes up such a prefix.
fn rarity(tokens: &[Token], log: Log<'_, '_>) -> f64 {
    let word = if log.samples.len() < FEW_LINES { DOUBTFUL_WORD } else { WORD };
    let behind = |at: usize| tokens.get(at + 1);
    let before = |at: usize| at.checked_sub(1).and_then(|at| tokens.get(at));
    let cost = |(at, token): (usize, &Token)| match token {
        Token::Field(_, Padding::None) => COLUMN,
        Token::Field(..) => COLUMN + PART,
        // What stands in front of an equals sign is a key.
        Token::Unknown { .. } if begins(behind(at), "=") => COLUMN + NEVER,
        Token::Unknown { .. } => COLUMN + NAMELESS,
        // Lines without any prefix are rather those of another program.
        Token::SessionOnly if at == 0 || is_key(before(at)) => NEVER,
        Token::SessionOnly => PART,
        Token::Literal(text) => {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            let words = words.filter(|word| !word.is_empty()).count();
            let keys = text.matches('=').count();
            PART + word * f64::from(u32::try_from(words.saturating_sub(keys)).unwrap_or(u32::MAX))
        }
    };
    let is_value = |token: &Token| matches!(token, Token::Field(..) | Token::Unknown { .. });
    // Blanks within what should be one word.
    let is_spread = |tokens: &&[Token]| match tokens {
        [Token::Field(name, Padding::None), Token::Literal(at), Token::Field(_, padding)] => {
            name.is_name() && at == "@" && *padding != Padding::None
        }
        _ => false,
    };
    let spread = tokens.windows(3).filter(is_spread).count();
    let joined = tokens.windows(2).filter(|pair| pair.iter().all(is_value)).count();
    let odd =
        joined + spread + repeated_keys(tokens) + FROZEN * usize::from(has_frozen_time(tokens));
    let never = f64::from(u32::try_from(odd).unwrap_or(u32::MAX)) * NEVER;
    UNKNOWN + tokens.iter().enumerate().map(cost).sum::<f64>() + never
}

/// Counts the keys that stand in front of more than one value.
fn repeated_keys(tokens: &[Token]) -> usize {
    let key = |token: &Token| match token {
        Token::Literal(text) => {
            let before = text.strip_suffix('=')?;
            let start = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
            before.get(start..).map(str::to_owned)
        }
        _ => None,
    };
    let keys: Vec<String> = tokens.iter().filter_map(key).collect();
    let distinct: std::collections::HashSet<&String> = keys.iter().collect();
    keys.len() - distinct.len()
}

fn begins(token: Option<&Token>, with: &str) -> bool {
    matches!(token, Some(Token::Literal(text)) if text.starts_with(with))
}

/// Tells whether a value must follow.
fn is_key(token: Option<&Token>) -> bool {
    matches!(token, Some(Token::Literal(text)) if text.ends_with(['=', '@']))
}

/// Makes columns of lines that were taken apart.
fn table_of<'s, 'a>(prefix: &LinePrefix, parsed: &Parsed<'a>, log: Log<'s, 'a>) -> Table<'s, 'a> {
    let Parsed { lines: parsed, is_unclear } = parsed;
    let whole = LinePrefix::of_tokens(
        prefix.tokens().iter().filter(|token| **token != Token::SessionOnly).cloned().collect(),
    );
    let ends_early: Vec<bool> = (log.samples.iter().zip(parsed))
        .map(|(sample, parsed)| {
            let line = log.lines.get(sample.number).copied().unwrap_or_default();
            parsed.is_some() && whole != *prefix && whole.match_line(line).is_none()
        })
        .collect();
    let unknown: Vec<bool> = log.samples.iter().map(|sample| has_unknown(sample.head)).collect();
    let mut columns = Vec::new();
    let mut of_sessions = false;
    for token in prefix.tokens() {
        of_sessions |= *token == Token::SessionOnly;
        let Token::Field(escape, padding) = token else { continue };
        let column_is_name = kind_of(*escape) == Kind::Text;
        let value = |(at, parsed): (usize, &Option<ParsedLine<'a>>)| {
            if of_sessions && ends_early.get(at) == Some(&true) {
                return None;
            }
            if column_is_name && is_unclear.get(at) == Some(&true) {
                return None;
            }
            // Whether nothing is printed, or that it is not known, is seen in the line only.
            let stand_in = if unknown.get(at) == Some(&true) { "[unknown]" } else { "" };
            Some((at, value_of(&parsed.as_ref()?.fields, *escape).unwrap_or(stand_in)))
        };
        let mut column = Column::of_values(parsed.iter().enumerate().filter_map(value).collect());
        column.kind = kind_of(*escape);
        column.of_sessions = of_sessions;
        column.padding = *padding;
        column.escape = Some(*escape);
        columns.push(column);
    }
    let fits = parsed.iter().zip(is_unclear).map(|(line, unclear)| line.is_some() && !unclear);
    let fits = fits.collect();
    let Log { samples, notes, .. } = log;
    let mut table = Table { samples, notes, columns, fits, programs: HashMap::new() };
    table.learn_programs();
    table
}

/// Tells whether `[unknown]` stands in a text, in any language.
fn has_unknown(head: &str) -> bool {
    head.match_indices('[').any(|(at, _)| {
        let rest = head.get(at..).unwrap_or_default();
        let word = rest.find(']').and_then(|end| rest.get(..=end));
        word.is_some_and(language::is_unknown)
    })
}

const fn kind_of(escape: Escape) -> Kind {
    match escape {
        Escape::User | Escape::Database | Escape::ApplicationName => Kind::Text,
        Escape::Ps => Kind::Ps,
        Escape::BackendType => Kind::BackendType,
        Escape::Time | Escape::SessionStart => Kind::Time,
        Escape::TimeMillis => Kind::TimeMillis,
        Escape::TimeEpoch => Kind::Epoch,
        Escape::SessionId => Kind::SessionId,
        Escape::Vxid => Kind::Vxid,
        Escape::StateCode => Kind::StateCode,
        Escape::RemoteHost | Escape::LocalHost => Kind::Host,
        Escape::RemoteHostAndPort => Kind::HostAndPort,
        Escape::Pid | Escape::LeaderPid | Escape::LineNum | Escape::Txid | Escape::QueryId => {
            Kind::Number
        }
    }
}

fn value_of<'a>(fields: &PrefixFields<'a>, escape: Escape) -> Option<&'a str> {
    match escape {
        Escape::User => fields.user,
        Escape::Database => fields.database,
        Escape::ApplicationName => fields.application_name,
        Escape::RemoteHost | Escape::RemoteHostAndPort => fields.remote_host,
        Escape::LocalHost => fields.local_host,
        Escape::BackendType => fields.backend_type,
        Escape::Pid => fields.pid,
        Escape::LeaderPid => fields.leader_pid,
        Escape::Time | Escape::TimeMillis => fields.time,
        Escape::TimeEpoch => fields.epoch,
        Escape::Ps => fields.ps,
        Escape::StateCode => fields.state_code,
        Escape::SessionId => fields.session_id,
        Escape::LineNum => fields.line_num,
        Escape::SessionStart => fields.session_start,
        Escape::Vxid => fields.vxid,
        Escape::Txid => fields.txid,
        Escape::QueryId => fields.query_id,
    }
}
