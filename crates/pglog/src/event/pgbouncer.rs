//! Lines of `PgBouncer`, whose log is tailed as any other. They have a prefix of their own,
//! `2026-11-24 02:22:16.884 UTC [77] LOG `, and so come as text that no prefix fits.

use crate::{
    entry::{FieldValue, Fields},
    event::{
        Event,
        rule::{
            self, Step,
            Step::{By, Count, Is, Maybe, Rest, Until},
        },
        scan::Scan,
    },
    severity::Level,
};

/// A line, taken apart.
#[derive(Debug)]
pub(super) struct Line<'x> {
    pub(super) pid: u32,
    pub(super) level: Level,
    pub(super) event: Event,
    pub(super) fields: Fields<'x>,
}

impl Line<'_> {
    pub(super) fn into_owned(self) -> Line<'static> {
        Line {
            pid: self.pid,
            level: self.level,
            event: self.event,
            fields: self.fields.into_owned(),
        }
    }
}

/// Reads a line. `None` for a line of another program, and for one of no class.
pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let mut scan = Scan::of(line);
    let logged_at = scan.until(" [")?;
    let is_time = logged_at.len() < 40 && logged_at.starts_with(|c: char| c.is_ascii_digit());
    let pid = scan.number().filter(|_| is_time)?;
    scan.literal("] ")?;
    let level = match scan.until(" ")? {
        "LOG" => Level::Log,
        "WARNING" => Level::Warning,
        "ERROR" => Level::Error,
        "FATAL" => Level::Fatal,
        _ => return None,
    };
    let mut fields = Fields::new();
    fields.push("logged_at", logged_at);
    let is_of_a_connection = rule::attempt(CONNECTION, &mut scan, &mut fields).is_some();
    let known = RULES.iter().find(|(_, steps)| {
        let mut rest = scan;
        rule::attempt(steps, &mut rest, &mut fields).is_some()
    });
    let event = match known {
        Some((event, _)) => *event,
        None if level >= Level::Warning && (is_of_a_connection || level >= Level::Error) => {
            fields.push("problem", scan.take_rest());
            Event::PgbouncerProblem
        }
        None => return None,
    };
    Some(Line { pid: u32::try_from(pid).ok()?, level, event, fields })
}

/// A client's or a server's connection: `C-0x55d0c8b5b3a0: shop/bob@10.0.0.1:51234 `.
const CONNECTION: &[Step] = &[
    Step::Either(&[
        &[Is("C-0x"), By(|_, fields| side(fields, "client"))],
        &[Is("S-0x"), By(|_, fields| side(fields, "server"))],
    ]),
    By(|scan, _| (!scan.take_while(|byte| byte.is_ascii_hexdigit()).is_empty()).then_some(())),
    Is(": "),
    Until("database", "/"),
    Until("user", "@"),
    Until("peer", " "),
];

fn side(fields: &mut Fields<'_>, side: &'static str) -> Option<()> {
    fields.push("side", FieldValue::Text(side.into()));
    Some(())
}

const RULES: &[(Event, &[Step])] = &[
    (
        Event::PgbouncerLogin,
        &[
            Is("login attempt: db="),
            Until("login_database", " user="),
            Until("login_user", " tls="),
            Rest("tls"),
        ],
    ),
    (Event::PgbouncerServerConnected, &[Is("new connection to server (from "), Until("from", ")")]),
    (Event::PgbouncerServerConnected, &[Is("new connection to server")]),
    (
        Event::PgbouncerClosing,
        &[Is("closing because: "), Until("reason", " (age="), Count("age_s")],
    ),
    (Event::PgbouncerClosing, &[Is("closing because: "), Rest("reason")]),
    (Event::PgbouncerPoolerError, &[Is("pooler error: "), Rest("reason")]),
    (
        Event::PgbouncerStats,
        &[
            Step::Either(&[&[Is("stats: ")], &[Is("Stats: ")]]),
            Count("xacts_per_s"),
            Is(" xacts/s, "),
            Count("queries_per_s"),
            Is(" queries/s, "),
            Maybe(&[
                Count("client_parses_per_s"),
                Is(" client parses/s, "),
                Count("server_parses_per_s"),
                Is(" server parses/s, "),
                Count("binds_per_s"),
                Is(" binds/s, "),
            ]),
            Is("in "),
            Count("in_bytes_per_s"),
            Is(" B/s, out "),
            Count("out_bytes_per_s"),
            Is(" B/s, xact "),
            Count("xact_us"),
            Is(" us, query "),
            Count("query_us"),
            Is(" us, wait "),
            Count("wait_us"),
            Is(" us"),
        ],
    ),
    (Event::PgbouncerStart, &[Is("process up: PgBouncer "), Until("version", ",")]),
    (Event::PgbouncerShutdown, &[Is("got SIGTERM, "), Rest("how")]),
    (Event::PgbouncerShutdown, &[Is("got SIGINT, "), Rest("how")]),
    (Event::PgbouncerShutdown, &[Is("SHUTDOWN command issued")]),
    (Event::PgbouncerReload, &[Is("got SIGHUP, re-reading config")]),
    (Event::PgbouncerReload, &[Is("RELOAD command issued")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> (&'static str, Vec<(&'static str, FieldValue<'_>)>) {
        let read = read(line).unwrap();
        let fields = read.fields.iter().skip(1).map(|(name, value)| (name, value.clone()));
        (read.event.as_str(), fields.collect())
    }

    #[test]
    fn connection_is_named_with_what_happens_to_it() {
        let line = "2026-11-24 02:22:16.884 UTC [77] LOG C-0x55d0c8b5b3a0: shop/bob@10.0.0.1:51234 \
            closing because: client close request (age=12s)";
        let (event, fields) = fields(line);
        assert_eq!(event, "pgbouncer.closing");
        let expected = [
            ("side", "client".into()),
            ("database", "shop".into()),
            ("user", "bob".into()),
            ("peer", "10.0.0.1:51234".into()),
            ("reason", "client close request".into()),
            ("age_s", 12_u64.into()),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn figures_of_every_version_are_read() {
        let old = "2026-11-24 02:22:16.884 UTC [77] LOG stats: 12 xacts/s, 34 queries/s, in 56 B/s, \
            out 78 B/s, xact 90 us, query 12 us, wait 3 us";
        let new = old.replace("in 56", "1 client parses/s, 2 server parses/s, 3 binds/s, in 56");
        for (line, binds) in [(old, None), (new.as_str(), Some(3_u64.into()))] {
            let read = read(line).unwrap();
            assert_eq!(read.event, Event::PgbouncerStats);
            assert_eq!(read.fields.get("wait_us"), Some(&3_u64.into()));
            assert_eq!(read.fields.get("binds_per_s"), binds.as_ref());
        }
    }

    #[test]
    fn problems_keep_their_words() {
        let line = "2026-11-24 02:22:16.884 UTC [77] WARNING C-0x5: (nodb)/(nouser)@unix(1):6432 \
            pooler error: no such user: bob";
        assert_eq!(read(line).unwrap().event, Event::PgbouncerPoolerError);
        let line = "2026-11-24 02:22:16.884 UTC [77] ERROR cannot load config file";
        let read = read(line).unwrap();
        assert_eq!((read.event, read.level, read.pid), (Event::PgbouncerProblem, Level::Error, 77));
    }

    #[test]
    fn other_programs_have_no_event() {
        for line in
            ["", "x [1] LOG y", "2026 [1] LOG: y", "2026 [x] LOG y", "sh: 1: foo: not found"]
        {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
