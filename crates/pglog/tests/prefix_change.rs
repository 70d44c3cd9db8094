#![cfg(test)]
//! Somebody changes `log_line_prefix` while the log is read: it is noticed, and nothing is lost over it.

mod server;

use pglog::{Assembled, Assembler, LinePrefix};
use server::Server;

/// What is read of a log that is pushed in chunks of so many bytes.
struct Read {
    entries: Vec<(u64, bool, Option<u32>, Option<String>)>,
    prefix: String,
    changes: u64,
}

fn read(log: &str, prefix: &str, chunk: usize) -> Read {
    let mut assembler = Assembler::new(LinePrefix::compile(prefix));
    let mut entries = Vec::new();
    let mut keep = |found: &Assembled<'_>| {
        let entry = &found.entry;
        let user = entry.user.as_deref().map(str::to_owned);
        entries.push((found.start, entry.unparsed, entry.pid, user));
    };
    for bytes in log.as_bytes().chunks(chunk) {
        assembler.push(bytes, &mut keep);
        let safe = assembler.safe_position();
        assert!(safe <= assembler.position());
    }
    assembler.finish(&mut keep);
    assert_eq!(assembler.safe_position(), log.len() as u64);
    let (prefix, changes) = (assembler.prefix().to_string(), assembler.prefix_changes());
    Read { entries, prefix, changes }
}

/// A log whose prefix is another one from each of some lines on.
fn log(seed: u64, parts: &[(&str, usize)]) -> String {
    let mut server = Server::new(seed);
    server.work(parts.iter().map(|(_, lines)| lines).sum());
    let mut lines = server.log.iter();
    let mut log = String::new();
    for (prefix, count) in parts {
        let prefix = LinePrefix::compile(prefix);
        for line in lines.by_ref().take(*count) {
            log += &(line.render(&prefix) + "\n");
        }
    }
    log
}

fn unparsed(read: &Read) -> usize {
    read.entries.iter().filter(|(_, unparsed, ..)| *unparsed).count()
}

#[test]
fn change_is_noticed_and_no_line_is_lost_over_it() {
    for (before, after) in [
        ("%m [%p] ", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h "),
        ("%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]:"),
        ("%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ", "%m [%p] %q%u@%d "),
        ("%m [%p] %q%u@%d ", "[%p] <%m> %c | "),
        ("", "%t [%p]: [%l-1] user=%u,db=%d "),
        ("%m [%p] ", ""),
        ("%m [%p] %q%u@%d ", ""),
    ] {
        for seed in 0..5 {
            let log = log(seed, &[(before, 150), (after, 150)]);
            let read = read(&log, before, 4096);
            assert_eq!(unparsed(&read), 0, "{before:?} to {after:?}");
            assert_eq!(read.prefix, after, "from {before:?}");
            assert_eq!(read.changes, 1);
        }
    }
}

#[test]
fn names_do_not_take_in_the_values_of_a_longer_prefix() {
    for (before, after) in [
        ("%t [%p]: [%l-1] user=%u,db=%d ", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h "),
        ("%m [%p] %q%u@%d ", "%m [%p] %q%u@%d/%a "),
        ("%m [%p] %q%u@%d ", "%m [%p] [%c] %q%u@%d "),
        ("user=%u,db=%d ", "user=%u,db=%d,app=%a,client=%h "),
        ("user=%u,db=%d,app=%a,client=%h ", "user=%u,db=%d "),
    ] {
        for seed in 0..5 {
            let log = log(seed, &[(before, 150), (after, 150)]);
            let changed = read(&log, before, 4096);
            assert_eq!(unparsed(&changed), 0, "{before:?} to {after:?}");
            assert_eq!(changed.prefix, after, "from {before:?}");
            let told = read(&log, after, 4096);
            let users =
                |read: &Read| read.entries.iter().map(|it| it.3.clone()).collect::<Vec<_>>();
            let (users, truth) = (users(&changed), users(&told));
            assert_eq!(users.len(), truth.len());
            let second = users.len() * 3 / 5;
            assert_eq!(users[second..], truth[second..], "{before:?} to {after:?}");
        }
    }
}

#[test]
fn prefix_that_comes_back_is_known_again() {
    let (one, two) = ("%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]:");
    let log = log(7, &[(one, 100), (two, 100), (one, 100), (two, 100)]);
    let read = read(&log, one, 1000);
    assert_eq!((unparsed(&read), read.prefix.as_str(), read.changes), (0, two, 3));
}

#[test]
fn two_prefixes_side_by_side_are_read() {
    let mut server = Server::new(3);
    server.work(300);
    let (one, two) =
        (LinePrefix::compile("%m [%p] %q%u@%d "), LinePrefix::compile("%t [%p] %q%u "));
    let mut log = String::new();
    for (at, line) in server.log.iter().enumerate() {
        let is_new = at > 100 && (at > 200 || at % 2 == 0);
        log += &(line.render(if is_new { &two } else { &one }) + "\n");
    }
    assert_eq!(unparsed(&read(&log, one.as_str(), 5000)), 0);
}

#[test]
fn few_lines_with_a_new_prefix_are_read_when_the_log_goes_quiet() {
    let log = log(5, &[("%m [%p] ", 20), ("%t:%r:%u@%d:[%p]:", 2)]);
    let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
    let mut unparsed = Vec::new();
    let mut keep = |found: &Assembled<'_>| unparsed.push(found.entry.unparsed);
    assembler.push(log.as_bytes(), &mut keep);
    assembler.flush_before(log.len() as u64, &mut keep);
    assert_eq!(unparsed.iter().filter(|unparsed| **unparsed).count(), 0);
    assert_eq!(assembler.prefix().as_str(), "%t:%r:%u@%d:[%p]:");
}

#[test]
fn checkpoint_waits_for_the_lines_that_are_held_back() {
    let before = log(5, &[("%m [%p] ", 20)]);
    let all = before.clone() + "2026-11-24 02:20:47 UTC:[local]:bob@shop:[77]:LOG:  hello\n";
    let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
    let mut last = 0;
    let mut keep = |found: &Assembled<'_>| last = found.safe_position;
    assembler.push(all.as_bytes(), &mut keep);
    assert!(assembler.safe_position() <= before.len() as u64);
    assembler.flush(&mut keep);
    assert_eq!((last, assembler.safe_position()), (all.len() as u64, all.len() as u64));
}

#[test]
fn other_programs_labels_change_nothing() {
    let mut log = log(9, &[("%m [%p] ", 300)]);
    let at = log.match_indices('\n').nth(100).unwrap().0 + 1;
    log.insert_str(at, "backup: LOG:  nothing to do\nbackup: ERROR:  disk is full\n");
    let read = read(&log, "%m [%p] ", 777);
    assert_eq!((unparsed(&read), read.changes, read.prefix.as_str()), (2, 0, "%m [%p] "));
}

#[test]
fn chunks_make_no_difference_to_a_change() {
    let log =
        log(11, &[("%m [%p] ", 60), ("%t [%p]: [%l-1] user=%u,db=%d ", 90), ("%m [%p] ", 70)]);
    let whole = read(&log, "%m [%p] ", log.len()).entries;
    for chunk in [1, 17, 4096] {
        assert_eq!(read(&log, "%m [%p] ", chunk).entries, whole);
    }
}
