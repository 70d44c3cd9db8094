//! The server's own life: start, stop, configuration, files.

use crate::entry::Fields;
use crate::event::rule::{
    At::{Any, Log, Notice, Warning},
    FirstWords, Rule, Step,
    Step::{Count, Either, End, Is, Quoted, QuotedToEnd, Rest, Seconds},
};
use crate::event::{Event, scan::Scan};

pub(super) const WORDS: FirstWords = &[
    ("temporary", TEMPORARY),
    ("starting", START),
    ("listening", START),
    ("entering", START),
    ("redirecting", START),
    ("ending", START),
    ("MultiXact", START),
    ("shutting", SHUTDOWN),
    ("aborting", SHUTDOWN),
    ("abnormal", SHUTDOWN),
    ("all", SHUTDOWN),
    ("parameter", CONFIGURATION),
    ("configuration", CONFIGURATION),
    ("syntax", CONFIGURATION),
    ("syncing", PROGRESS),
    ("resetting", PROGRESS),
    ("using", STATISTICS),
    ("pgstat", STATISTICS),
];

const TEMPORARY: &[Rule] = &[Rule {
    at: Log,
    event: Event::ServerTempFileCreated,
    head: &[Is("temporary file: path "), Quoted("path", ", size "), Count("size")],
    rest: &[],
}];

const START: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("starting PostgreSQL ")],
        rest: &[Step::By(version), Rest("build")],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[
            Is("listening on "),
            Either(&[&[Is("IPv4 address ")], &[Is("IPv6 address ")], &[Is("Unix socket ")]]),
        ],
        rest: &[Either(&[
            &[Quoted("address", ", port "), Count("port")],
            &[QuotedToEnd("socket")],
        ])],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("entering standby mode"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("redirecting log output to logging collector process"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("ending log output to stderr"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("MultiXact member wraparound protections are now enabled"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStartRecovering,
        head: &[Either(&[
            &[Is("starting archive recovery"), End],
            &[Is("starting backup recovery with redo LSN ")],
            &[Is("starting point-in-time recovery to ")],
        ])],
        rest: &[],
    },
];

/// Reads `18.1`, and `14.2,` of a server that was built with Visual C++.
fn version<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    let version = scan.until(" ")?;
    fields.push("version", version.strip_suffix(',').unwrap_or(version));
    Some(())
}

const SHUTDOWN: &[Rule] = &[
    Rule { at: Log, event: Event::ServerShutdown, head: &[Is("shutting down"), End], rest: &[] },
    Rule {
        at: Log,
        event: Event::ServerShutdown,
        head: &[Either(&[&[Is("shutting down because ")], &[Is("shutting down due to ")]])],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Log,
        event: Event::ServerShutdown,
        head: &[Is("aborting any active transactions"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerShutdown,
        head: &[Is("aborting startup due to ")],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Log,
        event: Event::ServerCrashed,
        head: &[Is("abnormal database system shutdown"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerCrashed,
        head: &[Is("all server processes terminated; reinitializing"), End],
        rest: &[],
    },
    Rule {
        at: Notice,
        event: Event::WalBaseBackupComplete,
        head: &[Is("all required WAL segments have been archived"), End],
        rest: &[],
    },
];

const CONFIGURATION: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ServerParameterChanged,
        head: &[Is("parameter "), Quoted("parameter", " changed to "), QuotedToEnd("value")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerParameterChanged,
        head: &[
            Is("parameter "),
            Quoted("parameter", " removed from configuration file, reset to default"),
            End,
        ],
        rest: &[Step::Flag("reset_to_default")],
    },
    Rule {
        at: Log,
        event: Event::ServerConfigError,
        head: &[
            Is("parameter "),
            Quoted("parameter", " cannot be changed without restarting the server"),
        ],
        rest: &[],
    },
    Rule {
        at: Any,
        event: Event::ServerConfigError,
        head: &[Is("configuration file "), Quoted("file", " contains errors")],
        rest: &[Is("; "), Rest("consequence")],
    },
    Rule {
        at: Any,
        event: Event::ServerConfigError,
        head: &[Is("syntax error in file "), Quoted("file", " line "), Count("line")],
        rest: &[Is(", near "), Either(&[&[Is("token "), QuotedToEnd("near")], &[Rest("near")]])],
    },
];

/// `log_startup_progress_interval`.
const PROGRESS: &[Rule] = &[Rule {
    at: Log,
    event: Event::ServerStartupProgress,
    head: &[Step::Until("operation", ", elapsed time: "), Seconds("elapsed_ms")],
    rest: &[Is(" s, current path: "), Rest("current_path")],
}];

const STATISTICS: &[Rule] = &[Rule {
    at: Warning,
    event: Event::ServerStatsCollectorTimeout,
    head: &[Either(&[
        &[
            Is(
                "using stale statistics instead of current ones because stats collector is not responding",
            ),
            End,
        ],
        &[Is("pgstat wait timeout"), End],
    ])],
    rest: &[],
}];
