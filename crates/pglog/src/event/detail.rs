//! Values that stand in the lines behind a message, in DETAIL and CONTEXT.

use crate::{
    entry::{FieldValue, Fields},
    event::{Event, Meaning, Texts, scan::Scan},
    find::{each_line, has, rsplit_once, split_once},
};

/// Takes the values out of an entry's DETAIL and CONTEXT.
#[inline]
pub(super) fn read<'x>(event: Event, texts: &Texts<'_, 'x>, meaning: &mut Meaning<'x>) {
    if let Some(detail) = texts.detail {
        read_detail(event, detail, meaning);
    }
    if let Some(context) = texts.context {
        read_context(event, context, &mut meaning.fields);
    }
}

fn read_detail<'x>(event: Event, detail: &'x str, meaning: &mut Meaning<'x>) {
    let fields = &mut meaning.fields;
    match event {
        Event::LockDeadlockDetected if has(detail, "\n") => deadlock(detail, fields),
        Event::LockWaiting
        | Event::LockAcquired
        | Event::LockDeadlockDetected
        | Event::LockDeadlockAvoided
        | Event::LockFailure => lock_queue(detail, fields),
        Event::LockRecoveryConflictWait => {
            fields.push_some("conflicting", behind_colon(detail).map(|(list, _)| list));
        }
        Event::ErrorUniqueConstraintViolation
        | Event::ErrorForeignKeyConstraintViolation
        | Event::ErrorExclusionConstraintViolation => {
            key(detail, fields);
        }
        Event::ServerCrashed | Event::ServerProcessExited | Event::ServerWorkerExited => {
            let query = detail.strip_prefix("Failed process was running: ");
            meaning.statement = query.map(Into::into);
        }
        Event::WalArchiveCommandFailed => {
            fields.push_some("command", detail.strip_prefix("The failed archive command was: "));
        }
        Event::ServerOutOfMemory => out_of_memory(detail, fields),
        Event::ErrorCouldNotSerializeSerializable => {
            fields.push_some("reason", detail.strip_prefix("Reason code: "));
        }
        Event::ConnectionRejected => rejected(detail, fields),
        Event::StandbyStatementCanceled | Event::ErrorCannotModifyView | Event::ErrorCannotDrop => {
            fields.push("reason", detail);
        }
        _ => {}
    }
}

fn read_context<'x>(event: Event, context: &'x str, fields: &mut Fields<'x>) {
    match event {
        Event::AutovacuumCancel | Event::SkippingVacuumLockNotAvailable => {
            let table = context.lines().find_map(|line| {
                let mut scan = Scan::of(line.strip_prefix("automatic ")?);
                scan.until(" of table ")?;
                scan.quoted_to_end()
            });
            fields.push_some("table", table);
        }
        Event::LockWaiting
        | Event::LockAcquired
        | Event::LockDeadlockDetected
        | Event::LockDeadlockAvoided
        | Event::LockTimeout => {
            // `while updating tuple (0,2) in relation "lk"`
            let innermost = each_line(context).next().unwrap_or_default();
            let relation = split_once(innermost, " in relation \"");
            let relation = relation.and_then(|(_, name)| name.strip_suffix('"'));
            fields.push_some("relation", relation);
        }
        _ => {}
    }
}

/// Reads `Process holding the lock: 1. Wait queue: 2, 3.`, in any language: two lists of numbers, each
/// behind a colon.
fn lock_queue<'x>(detail: &'x str, fields: &mut Fields<'x>) {
    let Some((holding, rest)) = behind_colon(detail) else { return };
    fields.push("holding", holding);
    fields.push_some("wait_queue", behind_colon(rest).map(|(queue, _)| queue));
}

/// Reads the numbers behind the next colon.
fn behind_colon(text: &str) -> Option<(FieldValue<'_>, &str)> {
    let (_, list) = text.split_once([':', '：'])?;
    let mut scan = Scan::of(list.trim_start());
    let mut numbers = Vec::new();
    while let Some(number) = scan.number() {
        numbers.push(FieldValue::U64(number));
        let before = scan;
        if !scan.eat(", ") {
            break;
        }
        // A comma may also stand before the next words.
        if !scan.rest().starts_with(|c: char| c.is_ascii_digit()) {
            scan = before;
            break;
        }
    }
    Some((FieldValue::List(numbers), scan.rest()))
}

/// No deadlock has as many. For each of them the rest of the text is looked through.
const MAX_PROCESSES: usize = 64;

/// Reads who waits for whom, and what each runs. By structure, for the words are translated:
/// `Process 7 waits for ShareLock on transaction 5; blocked by process 8.` and then `Process 7: SQL`.
fn deadlock<'x>(detail: &'x str, fields: &mut Fields<'x>) {
    let mut processes: Vec<Fields<'x>> = Vec::new();
    let mut rest = detail;
    let mut named = 0;
    while !rest.is_empty() && processes.len() < MAX_PROCESSES {
        let line = rest.lines().next().unwrap_or_default();
        let behind = rest.get(line.len()..).unwrap_or_default();
        let Some((pid, after)) = first_number(line) else { break };
        if after.starts_with([':', '：']) || after.starts_with(" :") {
            break;
        }
        processes.push(waiter(pid, line, after));
        rest = behind.strip_prefix('\n').unwrap_or(behind);
    }
    // The queries come in the same order. Each begins a line with its process.
    while let Some(process) = processes.get_mut(named) {
        let Some((_, after)) = first_number(rest) else { break };
        let Some((_, query)) = after.split_once(": ") else { break };
        let head_bytes = rest.len() - after.len();
        let own = rest.get(..head_bytes).unwrap_or_default();
        let next = next_query(query, own);
        let (text, more) =
            query.split_at_checked(next.unwrap_or(query.len())).unwrap_or((query, ""));
        process.push("query", text);
        rest = more.strip_prefix('\n').unwrap_or(more);
        named += 1;
    }
    let processes: Vec<_> = processes.into_iter().map(FieldValue::Object).collect();
    if !processes.is_empty() {
        fields.push("processes", processes);
    }
}

/// One line of a deadlock.
fn waiter<'x>(pid: u64, line: &'x str, after: &'x str) -> Fields<'x> {
    let mut fields = Fields::new();
    fields.push("pid", pid);
    // Lock modes are not translated.
    let mut words = after.split([' ', '-', ';', ',']);
    fields.push_some("mode", words.find(|word| word.ends_with("Lock") && word.len() > 4));
    if let Some((_, target)) = after.split_once(" on ")
        && let Some((target, _)) = target.split_once(';')
    {
        fields.push("target", target);
    }
    let digits = line.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = digits.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let blocker = digits.get(start..).and_then(|number| number.parse::<u64>().ok());
    fields.push_some("blocked_by", blocker.filter(|blocker| *blocker != pid));
    fields
}

/// Finds where the next process's query begins: a line with the same words, up to the number.
fn next_query(query: &str, own_head: &str) -> Option<usize> {
    let words = own_head.trim_end_matches(|c: char| c.is_ascii_digit());
    let breaks = memchr::memchr_iter(b'\n', query.as_bytes());
    breaks.into_iter().find(|at| {
        let line = query.get(at + 1..).unwrap_or_default();
        let Some(behind) = line.strip_prefix(words) else { return false };
        first_number(behind).is_some_and(|(_, after)| {
            behind.starts_with(|c: char| c.is_ascii_digit()) && after.starts_with(": ")
        })
    })
}

fn first_number(text: &str) -> Option<(u64, &str)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut scan = Scan::of(text.get(start..)?);
    Some((scan.number()?, scan.rest()))
}

/// What follows the values of a key.
const KEY_ENDS: [&str; 5] = [
    ") already exists.",
    ") is duplicated.",
    ") is not present in table \"",
    ") is still referenced from table \"",
    ") conflicts with ",
];

/// Reads `Key (a, b)=(1, 2) already exists.` and its like. Columns have parentheses in pairs; values may
/// hold anything.
fn key<'x>(detail: &'x str, fields: &mut Fields<'x>) -> Option<()> {
    let mut scan = Scan::of(detail);
    scan.literal("Key (")?;
    fields.push("key", scan.until(")=(")?);
    let (value, behind) = KEY_ENDS.iter().find_map(|end| rsplit_once(scan.rest(), end))?;
    fields.push("value", value);
    let table = behind.strip_suffix("\".");
    if let Some(table) = table.filter(|_| has(detail, ") is not present in table \"")) {
        fields.push("referenced_table", table);
    }
    Some(())
}

fn out_of_memory<'x>(detail: &'x str, fields: &mut Fields<'x>) {
    let Some(rest) = detail.strip_prefix("Failed on request of size ") else { return };
    let mut scan = Scan::of(rest);
    fields.push_some("size", scan.number());
    if scan.eat(" in memory context ") {
        fields.push_some("memory_context", scan.quoted_before("."));
    }
}

/// The server tells its log, but not the client, why a password was wrong, and which line of
/// `pg_hba.conf` was used.
fn rejected<'x>(detail: &'x str, fields: &mut Fields<'x>) {
    for line in each_line(detail) {
        let Some(matched) = line.strip_prefix("Connection matched ") else {
            fields.push("reason", line);
            continue;
        };
        // The first word is the file's name up to PostgreSQL 15.
        if let Some((_, behind)) = split_once(matched, " line ") {
            fields.push_some("hba_line", Scan::of(behind).number());
        }
    }
}
