//! What is stored with a batch, or not at all.

use super::*;

#[test]
fn start_of_a_file_that_was_truncated_is_stored_with_its_last_entries_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let full = Settings { when_full: WhenFull::Pause, ..settings(&folder, 1_000_000) };
    let mut buffer = Buffer::open(&full).unwrap();
    let mut number = 1;
    while buffer.push(&[entry(number, 1, 20_000)], 1).unwrap().stored > 0 {
        number += 1;
    }
    let before = buffer.checkpoints().unwrap();
    let noted = Noted { starts: vec![checkpoint(0)], ..Noted::default() };
    let last = Entry { noted, checkpoint: None, ..entry(number, 1, 20_000) };
    assert_eq!(buffer.push(std::slice::from_ref(&last), 1).unwrap().stored, 0);
    assert_eq!(buffer.checkpoints().unwrap(), before, "there was no room for the entries");
    while let Some(first) = buffer.peek(&[]).unwrap() {
        buffer.ack(first.seq).unwrap();
    }
    assert_eq!(buffer.push(&[last], 1).unwrap().stored, 1);
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(0)]));
}

#[test]
fn what_was_noted_is_stored_with_its_own_batch_where_all_take_several_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let full = Settings { when_full: WhenFull::Pause, ..settings(&folder, 1_000_000) };
    let mut buffer = Buffer::open(&full).unwrap();
    let mut entries: Vec<_> = (1..60).map(|number| entry(number, 1, 20_000)).collect();
    for (number, entry) in (1..).zip(&mut entries) {
        entry.checkpoint = None;
        let state = format!("{number}");
        entry.noted.lines = Some(Lines { series: "/log/a.log".to_owned(), state });
        entry.noted.starts = vec![checkpoint(number)];
    }
    let stored = buffer.push(&entries, 1).unwrap().stored;
    assert!((10..50).contains(&stored), "{stored} of them");
    let last = u64::try_from(stored).unwrap();
    assert_eq!(buffer.checkpoints().unwrap(), Some(vec![checkpoint(last)]));
    assert_eq!(buffer.lines().unwrap()[0].state, last.to_string());
}
