//! What ends sessions, and processes of the server, from outside.

use crate::event::Event;
use crate::event::rule::{
    At::{Any, Error, Log},
    FirstWords, Rule, Step,
    Step::{Count, Either, End, Is, Quoted, QuotedToEnd, Rest},
};

pub(super) const WORDS: FirstWords = &[
    ("terminating", TERMINATING),
    ("could", COULD_NOT),
    ("unexpected", UNEXPECTED),
    ("received", RECEIVED),
    ("invalid", INVALID),
    ("page", PAGE),
    ("out", OUT_OF),
];

const fn plain(at: crate::event::rule::At, event: Event, head: &'static [Step]) -> Rule {
    Rule { at, event, head, rest: &[] }
}

const TERMINATING: &[Rule] = &[
    plain(
        Error,
        Event::StatementIdleInTransactionTimeout,
        &[Is("terminating connection due to idle-in-transaction timeout"), End],
    ),
    plain(
        Error,
        Event::StatementTransactionTimeout,
        &[Is("terminating connection due to transaction timeout"), End],
    ),
    plain(
        Error,
        Event::StatementIdleSessionTimeout,
        &[Is("terminating connection due to idle-session timeout"), End],
    ),
    plain(
        Error,
        Event::ConnectionTerminated,
        &[Is("terminating connection due to administrator command"), End],
    ),
    plain(
        Any,
        Event::ServerCrashed,
        &[Is("terminating connection because of crash of another server process"), End],
    ),
    plain(
        Any,
        Event::ServerShutdown,
        &[Is("terminating connection due to immediate shutdown command"), End],
    ),
    plain(
        Any,
        Event::ServerCrashed,
        &[Is("terminating connection due to unexpected postmaster exit"), End],
    ),
    plain(
        Error,
        Event::StandbyStatementCanceled,
        &[Is("terminating connection due to conflict with recovery"), End],
    ),
    plain(
        Error,
        Event::ConnectionLost,
        &[Is("terminating connection because protocol synchronization was lost"), End],
    ),
    plain(Log, Event::ServerCrashed, &[Is("terminating any other active server processes"), End]),
    plain(
        Error,
        Event::AutovacuumLauncherShuttingDown,
        &[Is("terminating autovacuum process due to administrator command"), End],
    ),
    plain(
        Error,
        Event::StandbyStoppedStreaming,
        &[Is("terminating walreceiver process due to administrator command"), End],
    ),
    plain(
        Error,
        Event::StandbyStreamingInterrupted,
        &[Is("terminating walreceiver due to timeout")],
    ),
    plain(
        Error,
        Event::ServerWorkerExited,
        &[
            Is("terminating background worker "),
            Quoted("worker", " due to administrator command"),
            End,
        ],
    ),
    plain(
        Log,
        Event::WalReplicationSlot,
        &[
            Is("terminating process "),
            Count("pid"),
            Is(" to release replication slot "),
            QuotedToEnd("slot"),
        ],
    ),
];

const COULD_NOT: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::ConnectionLost,
        head: &[Either(&[
            &[Is("could not receive data from client: ")],
            &[Is("could not send data to client: ")],
        ])],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Any,
        event: Event::ConnectionCouldNotAcceptSslConnection,
        head: &[Is("could not accept SSL connection: ")],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Any,
        event: Event::StandbyStreamingInterrupted,
        head: &[Either(&[
            &[Is("could not receive data from WAL stream: ")],
            &[Is("could not send data to WAL stream: ")],
            &[Is("could not connect to the primary server: ")],
            &[Is("could not start WAL streaming: ")],
        ])],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Any,
        event: Event::ConnectionRejected,
        head: &[Is("could not connect to Ident server at address ")],
        rest: &[Quoted("address", ", port "), Count("port")],
    },
    // PostgreSQL 18's betas said it without the process.
    Rule {
        at: Log,
        event: Event::LockFailure,
        head: &[Is("could not obtain "), Step::Until("mode", " on ")],
        rest: &[Rest("target")],
    },
    Rule {
        at: Any,
        event: Event::ServerMisc,
        head: &[Is("could not open usermap file "), Quoted("file", ": ")],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Any,
        event: Event::ServerMisc,
        head: &[Is("could not link file "), Quoted("file", " to "), Quoted("to", ": ")],
        rest: &[Rest("reason")],
    },
    // The full disk and the broken one, which their SQLSTATEs 53100 and 58030 tell as well.
    Rule {
        at: Any,
        event: Event::ServerMisc,
        head: &[
            Is("could not "),
            Step::By(|scan, fields| {
                let (_, reason) = scan.rest().rsplit_once(": ")?;
                let is_disk = matches!(reason, "No space left on device" | "Input/output error");
                fields.push("reason", is_disk.then_some(reason)?);
                Some(())
            }),
        ],
        rest: &[],
    },
];

const UNEXPECTED: &[Rule] = &[
    plain(
        Any,
        Event::ConnectionLostOpenTx,
        &[Is("unexpected EOF on client connection with an open transaction"), End],
    ),
    plain(Any, Event::ConnectionLost, &[Is("unexpected EOF on client connection"), End]),
    plain(Any, Event::ServerMisc, &[Is("unexpected pageaddr "), Step::Lsn("pageaddr"), Is(" in ")]),
];

const RECEIVED: &[Rule] = &[
    plain(Log, Event::ServerReload, &[Is("received SIGHUP, reloading configuration files"), End]),
    plain(
        Log,
        Event::ServerShutdown,
        &[
            Is("received "),
            Either(&[
                &[Is("fast"), Step::Flag("fast")],
                &[Is("smart"), Step::Flag("smart")],
                &[Is("immediate"), Step::Flag("immediate")],
            ]),
            Is(" shutdown request"),
            End,
        ],
    ),
    Rule {
        at: Log,
        event: Event::ConnectionReplicationCommand,
        head: &[Is("received replication command: ")],
        rest: &[Rest("command")],
    },
];

const INVALID: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::WalInvalidRecordLength,
        head: &[Is("invalid record length at "), Step::Lsn("lsn")],
        rest: &[
            Is(": "),
            Either(&[&[Is("wanted ")], &[Is("expected at least ")]]),
            Count("wanted"),
            Is(", got "),
            Count("got"),
        ],
    },
    plain(
        Any,
        Event::ConnectionClientFailedToConnect,
        &[Is("invalid length of startup packet"), End],
    ),
    plain(
        Any,
        Event::ConnectionClientFailedToConnect,
        &[Is("invalid startup packet layout: expected terminator as last byte"), End],
    ),
    Rule {
        at: Any,
        event: Event::ServerInvalidChecksum,
        head: &[Is("invalid page in block "), Count("block"), Is(" of relation ")],
        rest: &[Either(&[
            &[QuotedToEnd("relation")],
            &[Step::Until("relation", ";")],
            &[Rest("relation")],
        ])],
    },
];

const PAGE: &[Rule] = &[Rule {
    at: Any,
    event: Event::ServerInvalidChecksum,
    head: &[Is("page verification failed, calculated checksum "), Count("calculated_checksum")],
    rest: &[Is(" but expected "), Count("expected_checksum")],
}];

const OUT_OF: &[Rule] = &[
    plain(Any, Event::ServerOutOfMemory, &[Is("out of memory")]),
    plain(Any, Event::ServerOutOfMemory, &[Is("out of shared memory")]),
];
