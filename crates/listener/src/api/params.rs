//! Reads query strings, and names what it cannot read.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::Refused,
    store::{Cursor, EntryFilter, Levels, Scope},
    validate::{Level, parse_timestamp},
};

/// How many entries are answered without a `limit`, and with the largest.
const LIMITS: (usize, usize) = (100, 1_000);

/// A parameter that cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadParam {
    /// Its name.
    pub(crate) name: String,
    /// What is wrong and what is expected.
    pub(crate) problem: String,
}

impl BadParam {
    fn new(name: &str, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for BadParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

impl From<BadParam> for Refused {
    fn from(bad: BadParam) -> Self {
        Self::bad_request("Invalid query parameter").detail(bad.to_string())
    }
}

/// A query string in parts. Empty parameters, which forms send, count as absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Splits a query string.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.trim().is_empty()).collect())
    }

    /// Returns a parameter as it was given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// All parameters in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes a parameter out; at the end, none may be left.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, BadParam> {
        let value = self.get(name).map(str::to_owned);
        let before = self.0.len();
        self.0.retain(|(found, _)| found != name);
        if before > self.0.len() + 1 {
            return Err(BadParam::new(name, "given more than once"));
        }
        Ok(value)
    }

    /// Takes a parameter out and reads it.
    fn take_as<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, BadParam> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| BadParam::new(name, format!("expected {expected}, found {text:?}")))
    }

    /// Takes a time out, absolute or before `now`.
    fn take_time(&mut self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, BadParam> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        parse_time(&text, now).map(Some).ok_or_else(|| {
            let expected = "expected a time such as 2026-01-28T09:41:00Z or -1h";
            BadParam::new(name, format!("{expected}, found {text:?}"))
        })
    }

    /// Takes `limit` out.
    pub(crate) fn take_limit(&mut self) -> Result<usize, BadParam> {
        let (default, max) = LIMITS;
        let expected = format!("a number from 1 to {max}");
        let limit = self.take_as("limit", &expected)?.unwrap_or(default);
        if (1..=max).contains(&limit) {
            return Ok(limit);
        }
        Err(BadParam::new("limit", format!("expected {expected}, found {limit}")))
    }

    /// Takes a parameter out that is one of a few words.
    pub(crate) fn take_word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, BadParam> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            BadParam::new(name, format!("expected one of {known}, found {text:?}"))
        })
    }

    /// Refuses what nobody has taken: a filter with a typing error would answer with too much.
    pub(crate) fn finish(self) -> Result<(), BadParam> {
        match self.0.first() {
            Some((name, _)) => Err(BadParam::new(name, "unknown parameter")),
            None => Ok(()),
        }
    }
}

/// The question behind a list of entries.
#[derive(Debug)]
pub(crate) struct EntryQuery {
    /// Which entries.
    pub(crate) filter: EntryFilter,
    /// Behind which one.
    pub(crate) cursor: Option<Cursor>,
    /// How many.
    pub(crate) limit: usize,
}

impl EntryQuery {
    /// Reads all parameters of a list of entries.
    pub(crate) fn read(params: Params, now: Timestamp) -> Result<Self, BadParam> {
        let mut params = params;
        let filter = EntryFilter {
            project: params.take("project")?,
            from: params.take_time("from", now)?,
            to: params.take_time("to", now)?,
            levels: levels(&mut params)?,
            text: params.take("text")?,
            pid: params.take_as("pid", "a process id")?,
            user: params.take("user")?,
            database: params.take("database")?,
            event: params.take("event")?,
            state_code: params.take("state_code")?,
            correlation_id: params.take("correlation_id")?,
            min_duration: min_duration(&mut params)?,
        };
        let cursor = params.take("cursor")?;
        let cursor = match cursor {
            Some(text) => Some(Cursor::parse(&text).ok_or_else(|| {
                BadParam::new("cursor", "expected next_cursor of an earlier answer")
            })?),
            None => None,
        };
        let limit = params.take_limit()?;
        params.finish()?;
        Ok(Self { filter, cursor, limit })
    }
}

/// Reads `project`, `from` and `to`.
pub(crate) fn scope(params: &mut Params, now: Timestamp) -> Result<Scope, BadParam> {
    Ok(Scope {
        project: params.take("project")?,
        from: params.take_time("from", now)?,
        to: params.take_time("to", now)?,
    })
}

/// Reads `level`: one word is the least that is wanted, several are exactly those.
fn levels(params: &mut Params) -> Result<Levels, BadParam> {
    let Some(text) = params.take("level")? else { return Ok(Levels::Any) };
    let read = |word: &str| {
        Level::from_word(word.trim()).ok_or_else(|| {
            let known = Level::ALL.map(Level::as_str).join(", ");
            BadParam::new("level", format!("expected one or more of {known}, found {word:?}"))
        })
    };
    if !text.contains(',') {
        return read(&text).map(Levels::AtLeast);
    }
    text.split(',').map(read).collect::<Result<_, _>>().map(Levels::In)
}

fn min_duration(params: &mut Params) -> Result<Option<SignedDuration>, BadParam> {
    let name = "min_duration_ms";
    let expected = "milliseconds such as 250 or 0.5";
    let Some(ms) = params.take_as::<f64>(name, expected)? else { return Ok(None) };
    let duration = SignedDuration::try_from_secs_f64(ms / 1e3).ok().filter(|_| ms >= 0.0);
    duration
        .map(Some)
        .ok_or_else(|| BadParam::new(name, format!("expected {expected}, found {ms}")))
}

/// Reads an absolute time, or `-90s`, `-15m`, `-1h`, `-7d` before `now`.
fn parse_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(ago) = text.strip_prefix('-') {
        let unit = ago.chars().next_back()?;
        let number = ago.strip_suffix(unit)?.parse::<u32>().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        return now.checked_sub(SignedDuration::from_secs(i64::from(number) * seconds)).ok();
    }
    // In a query string, the + of a time zone arrives as a space.
    parse_timestamp(text).or_else(|| parse_timestamp(&text.replacen(' ', "+", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-28T12:00:00Z".parse().unwrap()
    }

    fn read(query: &str) -> Result<EntryQuery, BadParam> {
        EntryQuery::read(Params::parse(query), now())
    }

    #[test]
    fn a_full_query_is_read() {
        let query = read(
            "project=shop&from=-1h&to=2026-01-28T13:00:00%2B02:00&level=error&text=a+b&pid=7&user=u\
             &database=d&min_duration_ms=0.5&limit=5&cursor=12.3&event=&state_code=40P01",
        )
        .unwrap();
        assert_eq!(query.filter.project.as_deref(), Some("shop"));
        assert_eq!(query.filter.from, "2026-01-28T11:00:00Z".parse().ok());
        assert_eq!(query.filter.to, "2026-01-28T11:00:00Z".parse().ok());
        assert_eq!(query.filter.levels, Levels::AtLeast(Level::Error));
        assert_eq!(query.filter.text.as_deref(), Some("a b"));
        assert_eq!(query.filter.min_duration, Some(SignedDuration::from_micros(500)));
        assert_eq!(query.filter.event, None);
        assert_eq!(query.cursor.map(|cursor| cursor.to_string()).as_deref(), Some("12.3"));
        assert_eq!(query.limit, 5);
    }

    #[test]
    fn an_empty_query_has_defaults() {
        let query = read("").unwrap();
        assert_eq!((query.limit, query.cursor), (100, None));
        assert_eq!(query.filter.levels, Levels::Any);
    }

    #[test]
    fn a_zone_survives_an_unescaped_plus() {
        let query = read("from=2026-01-28T13:00:00+02:00").unwrap();
        assert_eq!(query.filter.from, "2026-01-28T11:00:00Z".parse().ok());
    }

    #[test]
    fn several_levels_are_exactly_those() {
        let levels = read("level=LOG,panic").unwrap().filter.levels;
        assert_eq!(levels, Levels::In(vec![Level::Log, Level::Panic]));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("from=yesterday", "from"),
            ("to=-1y", "to"),
            ("to=-", "to"),
            ("level=LOUD", "level"),
            ("level=LOG,LOUD", "level"),
            ("pid=1.5", "pid"),
            ("min_duration_ms=-1", "min_duration_ms"),
            ("min_duration_ms=NaN", "min_duration_ms"),
            ("cursor=1", "cursor"),
            ("projct=shop", "projct"),
            ("pid=1&pid=2", "pid"),
        ] {
            assert_eq!(read(query).unwrap_err().name, name, "{query}");
        }
    }
}
