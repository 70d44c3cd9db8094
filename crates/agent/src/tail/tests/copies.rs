//! What happens while a log is being copied.

use super::*;

#[test]
fn copy_of_a_big_log_is_watched_while_it_grows() {
    let scene = Scene::new();
    let chunk = "x".repeat((1 << 20) - 1) + "\n";
    let grow = |name: &str, chunks: usize| drop(scene.append(name, &chunk.repeat(chunks)));
    grow("x.log", 40);
    let mut tailer = scene.tailer("x.log", StartAt::End, None);
    let mut poll = |now_ms: u64| {
        tailer.poll(Duration::from_millis(now_ms), Reading::Allowed, &mut |_| {}).is_urgent
    };
    poll(0);
    grow("x.log.1", 1);
    poll(100);
    assert!(!poll(200));
    grow("x.log.1", 30);
    assert!(poll(300), "the log is about to be truncated");
}

#[test]
fn log_is_read_before_anything_else_when_its_copy_is_begun() {
    let mut scene = Scene::new();
    scene.append("x.log", "1\n");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let copy = scene.append("x.log.1", "");
    scene.append("x.log", "2\n");
    let now = scene.now + Duration::from_millis(500);
    let mut is_read = false;
    let turn = tailer.poll(now, Reading::Allowed, &mut |event| {
        is_read |= matches!(event, Event::Bytes { .. });
        // What has been looked at is looked at in a scan.
        assert!(is_read || matches!(event, Event::Bytes { .. }));
    });
    assert!(is_read && turn.is_urgent);
    assert_eq!(tailer.last_scan, scene.now, "there is no time for a scan");
    drop(copy);
    tailer.poll(now + JUST_ROTATED, Reading::Allowed, &mut |_| {});
    assert_eq!(tailer.last_scan, now + JUST_ROTATED);
}
