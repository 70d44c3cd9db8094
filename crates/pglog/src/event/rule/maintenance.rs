//! Checkpoints, vacuum and locks.

mod lock;
mod vacuum;

use crate::event::Event;
use crate::event::rule::{
    At::{Any, Error, Log, Warning},
    FirstWords, Rule, Step,
    Step::{
        By, Count, Decimal, End, Is, KiloBytes, Lsn, Maybe, Quoted, QuotedToEnd, Rest, Seconds,
        Words,
    },
};

pub(super) const WORDS: FirstWords = &[
    ("checkpoint", CHECKPOINT),
    ("restartpoint", CHECKPOINT),
    ("automatic", vacuum::AUTOMATIC),
    ("autovacuum", LAUNCHER),
    ("canceling", CANCELING),
    ("process", lock::PROCESS),
    ("deadlock", lock::DEADLOCK),
    ("skipping", SKIPPING),
    ("permission", PERMISSION),
    ("database", DATABASE),
    ("oldest", FAR_IN_THE_PAST),
    ("cutoff", FAR_IN_THE_PAST),
    ("bypassing", FAR_IN_THE_PAST),
];

const CHECKPOINT: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::CheckpointComplete,
        head: &[Is("checkpoint complete: wrote "), Count("buffers_written")],
        rest: COMPLETE,
    },
    Rule {
        at: Log,
        event: Event::CheckpointStarting,
        head: &[Is("checkpoint starting:")],
        rest: &[Words("causes")],
    },
    Rule {
        at: Log,
        event: Event::RestartpointComplete,
        head: &[Is("restartpoint complete: wrote "), Count("buffers_written")],
        rest: COMPLETE,
    },
    Rule {
        at: Log,
        event: Event::RestartpointStarting,
        head: &[Is("restartpoint starting:")],
        rest: &[Words("causes")],
    },
    Rule {
        at: Log,
        event: Event::CheckpointTooFrequent,
        head: &[Is("checkpoints are occurring too frequently (")],
        rest: &[Seconds("apart_ms")],
    },
];

/// The figures of a checkpoint. Majors before 16 have no positions, those before 18 no SLRU buffers.
const COMPLETE: &[Step] = &[
    Is(" buffers ("),
    Decimal("buffers_percent"),
    Is("%)"),
    Maybe(&[Is(", wrote "), Count("slru_buffers_written"), Is(" SLRU buffers")]),
    Is("; "),
    Count("wal_files_added"),
    Step::Either(&[&[Is(" WAL file(s) added, ")], &[Is(" transaction log file(s) added, ")]]),
    Count("wal_files_removed"),
    Is(" removed, "),
    Count("wal_files_recycled"),
    Is(" recycled; write="),
    Seconds("write_ms"),
    Is(" s, sync="),
    Seconds("sync_ms"),
    Is(" s, total="),
    Seconds("total_ms"),
    Is(" s; sync files="),
    Count("sync_files"),
    Is(", longest="),
    Seconds("longest_ms"),
    Is(" s, average="),
    Seconds("average_ms"),
    Is(" s; distance="),
    KiloBytes("distance_bytes"),
    Is(" kB, estimate="),
    KiloBytes("estimate_bytes"),
    Is(" kB; lsn="),
    Lsn("lsn"),
    Is(", redo lsn="),
    Lsn("redo_lsn"),
];

const LAUNCHER: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::AutovacuumLauncherStarted,
        head: &[Is("autovacuum launcher started"), End],
        rest: &[],
    },
    Rule {
        at: Any,
        event: Event::AutovacuumLauncherShuttingDown,
        head: &[Is("autovacuum launcher shutting down"), End],
        rest: &[],
    },
];

const CANCELING: &[Rule] = &[
    Rule {
        at: Error,
        event: Event::StatementCanceledTimeout,
        head: &[Is("canceling statement due to statement timeout"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::StatementCanceledUser,
        head: &[Is("canceling statement due to user request"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::LockTimeout,
        head: &[Is("canceling statement due to lock timeout"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::AutovacuumCancel,
        head: &[Is("canceling autovacuum task"), End],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::StandbyStatementCanceled,
        head: &[Is("canceling statement due to conflict with recovery"), End],
        rest: &[],
    },
];

const SKIPPING: &[Rule] = &[
    Rule {
        at: Warning,
        event: Event::SkippingVacuumLockNotAvailable,
        head: &[Is("skipping vacuum of "), Quoted("relation", " --- lock not available"), End],
        rest: &[],
    },
    Rule {
        at: Warning,
        event: Event::SkippingAnalyzeLockNotAvailable,
        head: &[Is("skipping analyze of "), Quoted("relation", " --- lock not available"), End],
        rest: &[],
    },
    // Up to PostgreSQL 15.
    Rule {
        at: Warning,
        event: Event::SkippingMaintenancePermissionDenied,
        head: &[Is("skipping "), Quoted("relation", " --- only "), Rest("only")],
        rest: &[],
    },
];

const PERMISSION: &[Rule] = &[Rule {
    at: Warning,
    event: Event::SkippingMaintenancePermissionDenied,
    head: &[
        Is("permission denied to "),
        Step::Either(&[
            &[Is("vacuum ")],
            &[Is("analyze ")],
            &[Is("cluster ")],
            &[Is("reindex ")],
            &[Is("execute CLUSTER on ")],
            &[Is("execute REPACK on ")],
        ]),
        Quoted("relation", ", skipping it"),
        End,
    ],
    rest: &[],
}];

const DATABASE: &[Rule] = &[
    Rule {
        at: Warning,
        event: Event::TxidWraparoundWarning,
        head: &[
            Is("database "),
            Step::Either(&[
                &[Quoted("database", " must be vacuumed ")],
                &[Is("with OID "), Count("database_oid"), Is(" must be vacuumed ")],
            ]),
            Step::Either(&[
                &[Is("within "), Count("transactions"), Is(" transactions")],
                &[Is("before "), Count("multixacts"), Is(" more MultiXactId")],
                &[Is("before "), Count("multixact_members"), Is(" more multixact member")],
            ]),
        ],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::TxidWraparoundError,
        head: &[
            Is("database is not accepting commands "),
            By(wraparound),
            Is("to avoid wraparound data loss in database "),
            Step::Either(&[&[QuotedToEnd("database")], &[Is("with OID "), Count("database_oid")]]),
        ],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::ConnectionRejected,
        head: &[
            Is("database "),
            Quoted("database", " is not currently accepting connections"),
            End,
        ],
        rest: &[],
    },
    Rule {
        at: Any,
        event: Event::ServerStart,
        head: &[Is("database system is ready to accept "), Rest("accepts")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("database system was shut down at "), Rest("shut_down_at")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStart,
        head: &[Is("database system was shut down in recovery at "), Rest("shut_down_at")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerShutdown,
        head: &[Is("database system is shut down"), End],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStartRecovering,
        head: &[
            Is("database system was not properly shut down; automatic recovery in progress"),
            End,
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerStartRecovering,
        head: &[
            Step::Either(&[
                &[Is("database system was interrupted; last known up at ")],
                &[Is("database system shutdown was interrupted; last known up at ")],
                &[Is("database system was interrupted while in recovery at log time ")],
                &[Is("database system was interrupted while in recovery at ")],
            ]),
            Rest("last_known_up_at"),
        ],
        rest: &[],
    },
];

/// Passes the kind of command that needs what has run out.
fn wraparound<'x>(
    scan: &mut crate::event::scan::Scan<'x>,
    fields: &mut crate::entry::Fields<'x>,
) -> Option<()> {
    for verb in ["that assign new ", "that generate new "] {
        if scan.eat(verb) {
            let needs =
                if scan.eat("transaction IDs ") { "transaction IDs" } else { "MultiXactIds" };
            scan.eat("MultiXactIds ");
            fields.push("needs_new", needs);
        }
    }
    Some(())
}

const FAR_IN_THE_PAST: &[Rule] = &[
    Rule {
        at: Warning,
        event: Event::TxidWraparoundWarning,
        head: &[Step::Either(&[
            &[Is("oldest xmin is far in the past")],
            &[Is("oldest multixact is far in the past")],
            &[Is("cutoff for removing and freezing tuples is far in the past")],
            &[Is("cutoff for freezing multixacts is far in the past")],
        ])],
        rest: &[],
    },
    Rule {
        at: Warning,
        event: Event::TxidWraparoundWarning,
        head: &[
            Is("bypassing nonessential maintenance of table "),
            Quoted("table", " as a failsafe after "),
            Count("index_scans"),
        ],
        rest: &[],
    },
];
