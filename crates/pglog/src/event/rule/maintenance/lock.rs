//! Lock waits, deadlocks and lock failures.

use crate::{
    entry::Fields,
    event::{
        Event,
        rule::{
            At::{Error, Log},
            Rule, Step,
            Step::{By, Count, Decimal, End, Is, Until},
        },
        scan::Scan,
    },
    find::split_once,
};

pub(super) const PROCESS: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::LockWaiting,
        head: &[PROCESS_WORD, PID, Is(" still waiting for "), MODE],
        rest: WAIT,
    },
    Rule {
        at: Log,
        event: Event::LockAcquired,
        head: &[PROCESS_WORD, PID, Is(" acquired "), MODE],
        rest: WAIT,
    },
    Rule {
        at: Log,
        event: Event::LockDeadlockDetected,
        head: &[PROCESS_WORD, PID, Is(" detected deadlock while waiting for "), MODE],
        rest: WAIT,
    },
    Rule {
        at: Log,
        event: Event::LockDeadlockAvoided,
        head: &[PROCESS_WORD, PID, Is(" avoided deadlock for "), MODE],
        rest: &[By(rearranged), Decimal("after_ms")],
    },
    // PostgreSQL 18, `log_lock_failures`.
    Rule {
        at: Log,
        event: Event::LockFailure,
        head: &[PROCESS_WORD, PID, Is(" could not obtain "), MODE],
        rest: &[By(target_to_end)],
    },
];

const PROCESS_WORD: Step = Is("process ");
const PID: Step = Count("pid");
const MODE: Step = Until("mode", " on ");
const WAIT: &[Step] = &[By(waited_for), Decimal("after_ms")];

fn waited_for<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    target(scan.until_last(" after ")?, fields)
}

fn rearranged<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    target(scan.until(" by rearranging queue order after ")?, fields)
}

fn target_to_end<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    target(scan.take_rest(), fields)
}

/// Reads what is locked, such as `tuple (0,3) of relation 16526 of database 13383`.
fn target<'x>(text: &'x str, fields: &mut Fields<'x>) -> Option<()> {
    const PARTS: [(&str, &str); 4] = [
        ("relation ", "relation_oid"),
        ("transaction ", "transaction"),
        ("database ", "database_oid"),
        ("page ", "page"),
    ];
    fields.push("target", text);
    let mut rest = Some(text);
    while let Some(parts) = rest {
        let (part, more) =
            split_once(parts, " of ").map_or((parts, None), |(part, more)| (part, Some(more)));
        for (word, name) in PARTS {
            if let Some(number) = part.strip_prefix(word) {
                fields.push_some(name, number.parse::<u64>().ok());
            }
        }
        rest = more;
    }
    Some(())
}

pub(super) const DEADLOCK: &[Rule] = &[Rule {
    at: Error,
    event: Event::LockDeadlockDetected,
    head: &[Is("deadlock detected"), End],
    rest: &[],
}];
