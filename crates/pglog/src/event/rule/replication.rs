//! WAL: its replay, its archive, and its way to standbys.

use crate::event::Event;
use crate::event::rule::{
    At::{Any, Error, Log, Notice, Warning},
    FirstWords, Rule, Step,
    Step::{Count, Either, End, Is, Lsn, Maybe, Quoted, QuotedToEnd, Rest, Seconds},
};

pub(super) const WORDS: FirstWords = &[
    ("redo", REDO),
    ("last", REDO),
    ("archive", ARCHIVE),
    ("archiving", ARCHIVE),
    ("archiver", ARCHIVE),
    ("pg_stop_backup", BACKUP),
    ("pg_backup_stop", BACKUP),
    ("restored", RESTORED),
    ("started", STARTED),
    ("restarted", STARTED),
    ("consistent", CONSISTENT),
    ("recovery", RECOVERY),
    ("streaming", STREAMING),
    ("according", TIMELINE),
    ("highest", TIMELINE),
    ("requested", TIMELINE),
    ("new", TIMELINE),
    ("acquired", SLOT),
    ("released", SLOT),
    ("invalidating", SLOT),
];

const REDO: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ServerStartupProgress,
        head: &[Is("redo in progress, elapsed time: "), Seconds("elapsed_ms")],
        rest: &[Is(" s, current LSN: "), Lsn("current_lsn")],
    },
    Rule {
        at: Log,
        event: Event::WalRedo,
        head: &[Is("redo starts at "), Lsn("starts_at")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::WalRedo,
        head: &[Is("redo done at "), Lsn("done_at")],
        rest: &[
            Is(" system usage: CPU: user: "),
            Seconds("cpu_user_ms"),
            Is(" s, system: "),
            Seconds("cpu_system_ms"),
            Is(" s, elapsed: "),
            Seconds("elapsed_ms"),
        ],
    },
    Rule { at: Log, event: Event::WalRedo, head: &[Is("redo is not required"), End], rest: &[] },
    Rule {
        at: Log,
        event: Event::WalRedo,
        head: &[
            Is("last completed transaction was at log time "),
            Rest("last_completed_transaction_at"),
        ],
        rest: &[],
    },
];

const ARCHIVE: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::WalArchiveCommandFailed,
        head: &[Is("archive command failed with exit code "), Count("exit_code")],
        rest: &[],
    },
    Rule {
        at: Any,
        event: Event::WalArchiveCommandFailed,
        head: &[Is("archive command was terminated by signal "), Count("signal")],
        rest: &[Is(": "), Rest("signal_name")],
    },
    Rule {
        at: Any,
        event: Event::WalArchiveCommandFailed,
        head: &[Is("archive command was terminated by exception ")],
        rest: &[Rest("exception")],
    },
    Rule {
        at: Any,
        event: Event::WalArchiveCommandFailed,
        head: &[Is("archive command exited with unrecognized status "), Count("status")],
        rest: &[],
    },
    Rule {
        at: Warning,
        event: Event::WalArchiveCommandFailed,
        head: &[
            Is("archiving write-ahead log file "),
            Quoted("file", " failed too many times, will try again later"),
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::WalArchiveCommandFailed,
        head: &[
            Is("archiver process (PID "),
            Count("pid"),
            Is(") exited with exit code "),
            Count("exit_code"),
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerCrashed,
        head: &[
            Is("archiver process (PID "),
            Count("pid"),
            Is(") was terminated by signal "),
            Count("signal"),
        ],
        rest: &[Is(": "), Rest("signal_name")],
    },
];

const BACKUP: &[Rule] = &[
    Rule { at: Notice, event: Event::WalBaseBackupComplete, head: BACKUP_HEAD, rest: &[] },
    Rule { at: Log, event: Event::WalBaseBackupComplete, head: BACKUP_HEAD, rest: &[] },
];

/// Up to PostgreSQL 12 the message named the function.
const BACKUP_HEAD: &[Step] = &[
    Either(&[&[Is("pg_stop_backup")], &[Is("pg_backup_stop")]]),
    Is(" complete, all required WAL segments have been archived"),
];

const RESTORED: &[Rule] = &[Rule {
    at: Log,
    event: Event::StandbyRestoredWalFromArchive,
    head: &[Is("restored log file "), Quoted("file", " from archive")],
    rest: &[],
}];

const STARTED: &[Rule] = &[Rule {
    at: Log,
    event: Event::StandbyStartedStreaming,
    head: &[
        Either(&[
            &[Is("started streaming WAL from primary at ")],
            &[Is("restarted WAL streaming at ")],
        ]),
        Lsn("lsn"),
    ],
    rest: &[Is(" on timeline "), Count("timeline")],
}];

const CONSISTENT: &[Rule] = &[Rule {
    at: Log,
    event: Event::StandbyConsistentRecoveryState,
    head: &[Is("consistent recovery state reached at "), Lsn("lsn")],
    rest: &[],
}];

const RECOVERY: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::RestartpointAt,
        head: &[Is("recovery restart point at "), Lsn("lsn")],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::LockRecoveryConflictWait,
        head: &[Is("recovery still waiting after "), Step::Decimal("after_ms"), Is(" ms: ")],
        rest: &[Rest("reason")],
    },
    Rule {
        at: Log,
        event: Event::LockRecoveryConflictWait,
        head: &[Is("recovery finished waiting after "), Step::Decimal("after_ms"), Is(" ms: ")],
        rest: &[Rest("reason"), Step::Flag("finished")],
    },
];

const STREAMING: &[Rule] = &[Rule {
    at: Error,
    event: Event::StandbyStreamingInterrupted,
    head: &[
        Is("streaming replication receiver "),
        Quoted("receiver", " could not connect to the primary server: "),
    ],
    rest: &[Rest("reason")],
}];

const TIMELINE: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::StandbyInvalidTimeline,
        head: &[
            Is("according to history file, WAL location "),
            Lsn("lsn"),
            Is(" belongs to timeline "),
        ],
        rest: &[
            Count("timeline"),
            Is(", but previous recovered WAL file came from timeline "),
            Count("previous_timeline"),
        ],
    },
    Rule {
        at: Error,
        event: Event::StandbyInvalidTimeline,
        head: &[
            Is("highest timeline "),
            Count("primary_timeline"),
            Is(" of the primary is behind recovery timeline "),
            Count("timeline"),
        ],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::StandbyInvalidTimeline,
        head: &[
            Is("requested timeline "),
            Count("timeline"),
            Either(&[
                &[Is(" is not a child of this server's history")],
                &[Is(" is not in this server's history")],
                &[Is(" does not contain minimum recovery point ")],
            ]),
        ],
        rest: &[],
    },
    Rule {
        at: Error,
        event: Event::StandbyInvalidTimeline,
        head: &[
            Is("requested starting point "),
            Lsn("lsn"),
            Is(" on timeline "),
            Count("timeline"),
            Is(" is not in this server's history"),
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::StandbyInvalidTimeline,
        head: &[
            Is("new timeline "),
            Count("timeline"),
            Either(&[
                &[Is(" is not a child of database system timeline ")],
                &[Is(" forked off current database system timeline ")],
            ]),
            Count("database_system_timeline"),
        ],
        rest: &[],
    },
];

const SLOT: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::WalReplicationSlot,
        head: &[
            Either(&[
                &[Is("acquired "), Step::Flag("acquired")],
                &[Is("released "), Step::Flag("released")],
            ]),
            Either(&[
                &[Is("logical replication slot "), Step::Flag("logical")],
                &[Is("physical replication slot "), Step::Flag("physical")],
            ]),
            QuotedToEnd("slot"),
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::WalReplicationSlot,
        head: &[
            Is("invalidating "),
            Step::Flag("invalidating"),
            Either(&[
                &[Is("obsolete replication slot "), QuotedToEnd("slot")],
                // Up to PostgreSQL 15.
                &[
                    Is("slot "),
                    Quoted("slot", " because its "),
                    Maybe(&[Is("restart_lsn "), Lsn("restart_lsn"), Is(" ")]),
                ],
            ]),
        ],
        rest: &[],
    },
];
