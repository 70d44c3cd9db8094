//! How sessions begin and end.

use crate::event::rule::{
    At::{Any, Error, Log},
    FirstWords, Rule,
    Step::{By, Clock, Decimal, Either, End, Is, Quoted, QuotedToEnd, Rest, Until},
};
use crate::{
    entry::Fields,
    event::{Event, scan::Scan},
    find::{has, rsplit_once, split_once},
};

pub(super) const WORDS: FirstWords = &[
    ("connection", CONNECTION),
    ("disconnection", DISCONNECTION),
    ("replication", REPLICATION),
    ("sorry", TOO_MANY),
    ("remaining", TOO_MANY),
    ("too", TOO_MANY),
    ("number", TOO_MANY),
    ("incomplete", INCOMPLETE),
    ("no", NO_USER),
    ("unsupported", UNSUPPORTED),
    ("pg_hba.conf", REJECTED),
];

const CONNECTION: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ConnectionReceived,
        head: &[Is("connection received: host=")],
        rest: HOST,
    },
    Rule {
        at: Log,
        event: Event::ConnectionAuthorized,
        head: &[Is("connection authorized: user=")],
        rest: &[By(authorized)],
    },
    Rule {
        at: Log,
        event: Event::ConnectionAuthenticated,
        head: &[Is("connection authenticated: ")],
        rest: &[
            Either(&[
                &[Is("identity="), Quoted("identity", " method=")],
                &[Is("user="), Quoted("user", " method=")],
            ]),
            Until("method", " ("),
            Until("hba", ")"),
        ],
    },
    Rule {
        at: Log,
        event: Event::ConnectionReady,
        head: &[Is("connection ready: ")],
        rest: &[
            Is("setup total="),
            Decimal("setup_total_ms"),
            Is(" ms, fork="),
            Decimal("fork_ms"),
            Is(" ms, authentication="),
            Decimal("authentication_ms"),
        ],
    },
    Rule {
        at: Any,
        event: Event::ConnectionLost,
        head: &[Is("connection to client lost"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionLost,
        head: &[Is("connection lost during COPY to stdout"), End],
        rest: &[],
    },
];

/// A client's host, and its port unless it came through a Unix-domain socket.
const HOST: &[crate::event::rule::Step] = &[By(host)];

fn host<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    let text = scan.take_rest();
    match split_once(text, " port=").map(|(host, port)| (host, Scan::of(port).number())) {
        Some((host, Some(port))) => {
            fields.push("host", host);
            fields.push("port", port);
        }
        _ => fields.push("host", text),
    }
    Some(())
}

const DISCONNECTION: &[Rule] = &[Rule {
    at: Log,
    event: Event::ConnectionDisconnected,
    head: &[Is("disconnection: session time: "), Clock("session_time_ms")],
    rest: &[Is(" user="), Until("user", " database="), Until("database", " host="), By(host)],
}];

const REPLICATION: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ConnectionAuthorized,
        head: &[Is("replication connection authorized: user=")],
        rest: &[crate::event::rule::Step::Flag("replication"), By(authorized)],
    },
    Rule {
        at: Any,
        event: Event::StandbyStreamingInterrupted,
        head: &[Is("replication terminated by primary server"), End],
        rest: &[],
    },
];

/// Reads the names in `user=bob database=shop application_name=a SSL enabled (protocol=TLSv1.3, …)`. They
/// are not quoted, and each may hold what looks like the next.
fn authorized<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    let mut names = scan.take_rest();
    let mut tail = "";
    let may_be_encrypted = has(names, "(");
    for mark in [" GSS (authenticated=", " SSL enabled ("] {
        if may_be_encrypted && let Some((before, _)) = rsplit_once(names, mark) {
            tail = if tail.is_empty() { names.get(before.len()..)? } else { tail };
            names = before;
        }
    }
    let (names, application) = split(names, " application_name=");
    let (user, database) = split(names, " database=");
    fields.push("user", user);
    fields.push_some("database", database);
    fields.push_some("application_name", application);
    let mut encryption = Scan::of(tail);
    if encryption.eat(" SSL enabled (protocol=") {
        fields.push("ssl_protocol", encryption.until(", cipher=")?);
        fields.push("ssl_cipher", encryption.until(", bits=")?);
        fields.push("ssl_bits", encryption.number()?);
    }
    Some(())
}

fn split<'x>(text: &'x str, mark: &str) -> (&'x str, Option<&'x str>) {
    split_once(text, mark).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

const TOO_MANY: &[Rule] = &[
    Rule {
        at: Error,
        event: Event::ConnectionOutOfConnections,
        head: &[Is("sorry, too many clients already"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionOutOfConnections,
        head: &[Is("remaining connection slots are reserved for ")],
        rest: &[Rest("reserved_for")],
    },
    Rule {
        at: Error,
        event: Event::ConnectionOutOfConnections,
        head: &[Is("number of requested standby connections exceeds ")],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionTooManyConnectionsRole,
        head: &[Is("too many connections for role "), QuotedToEnd("role")],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionTooManyConnectionsDatabase,
        head: &[Is("too many connections for database "), QuotedToEnd("database")],
        rest: &[],
    },
];

const INCOMPLETE: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::ConnectionClientFailedToConnect,
        head: &[Is("incomplete startup packet"), End],
        rest: &[],
    },
    Rule {
        at: Any,
        event: Event::ProtocolErrorIncompleteMessage,
        head: &[Is("incomplete message from client"), End],
        rest: &[],
    },
];

const NO_USER: &[Rule] = &[
    Rule {
        at: Error,
        event: Event::ConnectionClientFailedToConnect,
        head: &[Is("no PostgreSQL user name specified in startup packet"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionRejected,
        head: &[Is("no pg_hba.conf entry for ")],
        rest: &[By(rejected)],
    },
];

const REJECTED: &[Rule] = &[Rule {
    at: Error,
    event: Event::ConnectionRejected,
    head: &[Is("pg_hba.conf rejects ")],
    rest: &[
        Either(&[&[Is("replication connection for ")], &[Is("connection for ")]]),
        By(rejected),
    ],
}];

/// Reads `host "10.0.0.1", user "bob", database "shop", no encryption`.
fn rejected<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    scan.eat("replication connection from ");
    scan.literal("host ")?;
    fields.push("host", scan.quoted_before(", user ")?);
    if let Some(user) = scan.quoted_before(", database ") {
        fields.push("user", user);
        fields.push("database", scan.quoted_before(", ").or_else(|| scan.quoted_to_end())?);
    } else {
        fields.push("user", scan.quoted_before(", ").or_else(|| scan.quoted_to_end())?);
    }
    if !scan.is_at_end() {
        fields.push("encryption", scan.take_rest());
    }
    Some(())
}

const UNSUPPORTED: &[Rule] = &[Rule {
    at: Error,
    event: Event::ProtocolErrorUnsupportedVersion,
    head: &[Is("unsupported frontend protocol "), Until("protocol", ": server supports ")],
    rest: &[Rest("server_supports")],
}];
