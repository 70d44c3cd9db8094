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

#[test]
fn logs_that_are_rotated_to_another_folder_are_found_there() {
    let mut scene = Scene::new();
    fs::create_dir(scene.path("old")).unwrap();
    let folder = scene.folder.path().canonicalize().unwrap();
    let text = format!("{}/*.log {{\n  copytruncate\n  olddir old\n}}\n", folder.display());
    fs::write(scene.path("logrotate.conf"), text).unwrap();
    let start = |scene: &Scene, checkpoints| {
        let mut tailer = scene.tailer("x.log", StartAt::Beginning, checkpoints);
        tailer.settings.logrotate = vec![scene.path("logrotate.conf")];
        tailer
    };
    let line = |time: &str| format!("2026-11-24 {time} UTC [1] LOG:  x\n");
    scene.append("x.log", &line("10:00:00"));
    let mut tailer = start(&scene, None);
    scene.poll(&mut tailer);
    scene.append("x.log", &line("10:00:01"));
    copy_and_truncate(&scene, "x.log", "old/x.log.1");
    scene.append("x.log", &line("10:00:02"));
    scene.poll(&mut tailer);
    scene.poll(&mut tailer);
    let read = line("10:00:00") + &line("10:00:01") + &line("10:00:02");
    assert_eq!((scene.text(), scene.missed.len()), (read.clone(), 0));

    // The same while the agent is away, by renaming.
    let progress = tailer.progress();
    let newest = progress.iter().find(|file| file.path.ends_with("x.log")).unwrap();
    let checkpoint = tailer.checkpoint(newest.file, newest.position).unwrap();
    drop(tailer);
    scene.append("x.log", &line("10:00:03"));
    fs::rename(scene.path("x.log"), scene.path("old/x.log.1")).unwrap();
    scene.append("x.log", &line("10:00:04"));
    let mut tailer = start(&scene, Some(vec![checkpoint]));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), read + &line("10:00:03") + &line("10:00:04"));
}

#[test]
fn log_that_was_truncated_before_anything_was_read_is_read_once() {
    let mut scene = Scene::new();
    scene.append("x.log", "");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    scene.append("x.log", "1\n2\n");
    let now = scene.now + Duration::from_millis(500);
    tailer.scan_soon();
    tailer.poll(now, Reading::Paused, &mut |_| {});
    copy_and_truncate(&scene, "x.log", "x.log.1");
    scene.append("x.log", "3\n");
    let mut read = Vec::new();
    for after_ms in [100, 200, 300] {
        tailer.poll(now + Duration::from_millis(after_ms), Reading::Allowed, &mut |event| {
            if let Event::Bytes { bytes, .. } = event {
                read.extend_from_slice(bytes);
            }
        });
    }
    assert_eq!(String::from_utf8(read).unwrap(), "1\n2\n3\n");
}

/// Two copies of a log, of which one ends earlier, whichever of them is found first and however they are
/// packed: the lines come once.
#[test]
fn of_several_copies_of_a_log_the_longest_is_read() {
    let first = "2026-11-24 10:00:00 UTC LOG:  first\n";
    let new = "2026-11-24 10:00:01 UTC LOG:  new\n";
    // The first bytes are all bytes, or only some of them.
    for line in [first.to_owned(), format!("{first}\t{}\n", "x".repeat(2000))] {
        for (shorter, longer) in [(10, 9), (1, 2)] {
            for is_packed in [[false, false], [true, false], [false, true], [true, true]] {
                let mut scene = Scene::new();
                scene.append("x.log", new);
                let names = [shorter, longer].map(|number| format!("x.log.{number}"));
                scene.append(&names[0], &format!("{line}two\n"));
                scene.append(&names[1], &format!("{line}two\nthree\n"));
                for (name, _) in names.iter().zip(is_packed).filter(|(_, is_packed)| *is_packed) {
                    gzip(&scene, name);
                }
                let mut tailer = scene.tailer("x.log", StartAt::Beginning, Some(Vec::new()));
                for _ in 0..4 {
                    scene.poll(&mut tailer);
                }
                let case = format!("{names:?} {is_packed:?}");
                assert_eq!(scene.text(), format!("{line}two\nthree\n{new}"), "{case}");
            }
        }
    }
}

#[test]
fn rest_of_a_log_is_read_from_the_longest_copy_where_a_shorter_one_ends_before_the_position() {
    for is_packed in [[false, false], [true, false], [false, true], [true, true]] {
        let mut scene = Scene::new();
        scene.append("x.log", "one\ntwo\n");
        let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
        scene.poll(&mut tailer);
        let checkpoint = tailer.checkpoint(FileNumber(0), 8).unwrap();
        drop(tailer);
        scene.append("x.log.10", "one\n");
        scene.append("x.log", "three\n");
        copy_and_truncate(&scene, "x.log", "x.log.9");
        scene.append("x.log", "new\n");
        for (name, _) in ["x.log.10", "x.log.9"].iter().zip(is_packed).filter(|(_, packed)| *packed)
        {
            gzip(&scene, name);
        }
        let mut tailer = scene.tailer("x.log", StartAt::Beginning, Some(vec![checkpoint]));
        for _ in 0..4 {
            scene.poll(&mut tailer);
        }
        assert_eq!(scene.text(), "one\ntwo\nthree\nnew\n", "{is_packed:?}");
    }
}
