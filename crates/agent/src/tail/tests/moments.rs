//! What happens where files are looked at in an unlucky moment.

use super::*;

/// A line that has as many bytes as another one with another number.
fn line(number: u32) -> String {
    format!("2026-11-24 10:00:{number:02} UTC [1] LOG:  {}\n", "x".repeat(400))
}

/// Polls twice.
fn settle(scene: &mut Scene, tailer: &mut Tailer) {
    scene.poll(tailer);
    scene.poll(tailer);
}

fn texts(scene: &Scene) -> Vec<&str> {
    scene.read.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn copy_that_is_found_while_it_is_empty_is_no_log() {
    let mut scene = Scene::new();
    scene.append("x.log", "1\n");
    let mut tailer = scene.tailer("*.log*", StartAt::Beginning, None);
    scene.append("x.log.1", "");
    settle(&mut scene, &mut tailer);
    scene.append("x.log.1", "1\n");
    settle(&mut scene, &mut tailer);
    assert_eq!(texts(&scene), ["1\n"]);
}

#[test]
fn log_that_is_refilled_with_as_many_bytes_is_read_anew() {
    let mut scene = Scene::new();
    let log = scene.append("x.log", &line(1));
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    settle(&mut scene, &mut tailer);
    log.set_len(0).unwrap();
    scene.append("x.log", &line(2));
    tailer.scan_soon();
    settle(&mut scene, &mut tailer);
    assert_eq!(texts(&scene), [line(1), line(2)]);
}

#[test]
fn copy_of_a_log_of_which_nothing_was_seen_is_read() {
    let mut scene = Scene::new();
    let log = scene.append("x.log", "");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    scene.append("x.log", "1\n");
    scene.append("x.log.1", "1\n");
    let now = scene.now + Duration::from_secs(20);
    tailer.poll(now, Reading::Stopped, &mut |_| {});
    scene.now = now;
    log.set_len(0).unwrap();
    tailer.scan_soon();
    settle(&mut scene, &mut tailer);
    assert_eq!(texts(&scene), ["1\n"]);
}

#[test]
fn copy_that_ends_within_the_first_bytes_of_its_log_is_read_once() {
    let mut scene = Scene::new();
    let log = scene.append("x.log", &(line(1) + &line(2)));
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    tailer.poll(scene.now, Reading::Stopped, &mut |_| {});
    scene.append("x.log.1", &line(1));
    log.set_len(0).unwrap();
    for _ in 0..3 {
        tailer.scan_soon();
        scene.poll(&mut tailer);
    }
    assert_eq!(texts(&scene), [line(1)]);
    assert_eq!(scene.missed[0].bytes, line(2).len() as u64);
}

#[test]
fn hole_in_a_compressed_copy_is_skipped() {
    let mut scene = Scene::new();
    scene.append("x.log", "1\n");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    settle(&mut scene, &mut tailer);
    let file = File::create(scene.path("x.log.1.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(&[0; 5000]).unwrap();
    packed.write_all(b"2\n").unwrap();
    packed.finish().unwrap();
    for _ in 0..3 {
        tailer.scan_soon();
        settle(&mut scene, &mut tailer);
    }
    assert_eq!(texts(&scene), ["1\n", "2\n"]);
}

#[test]
fn log_that_was_compressed_while_nothing_was_read_is_no_deleted_one() {
    let mut scene = Scene::new();
    let text = line(1);
    scene.append("x.log", &text);
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    tailer.settings.max_deleted_bytes = 10;
    let stopped = |scene: &mut Scene, tailer: &mut Tailer| {
        scene.now += Duration::from_secs(20);
        let mut missed = 0;
        tailer.poll(scene.now, Reading::Stopped, &mut |event| {
            missed += usize::from(matches!(event, Event::Missed(_)));
        });
        missed
    };
    assert_eq!(stopped(&mut scene, &mut tailer), 0);
    let file = File::create(scene.path("x.log.1.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
    fs::remove_file(scene.path("x.log")).unwrap();
    let missed: usize = (0..3).map(|_| stopped(&mut scene, &mut tailer)).sum();
    settle(&mut scene, &mut tailer);
    assert_eq!((missed, texts(&scene)), (0, vec![text.as_str()]));
}

#[test]
fn logs_are_looked_at_each_second_where_nobody_tells_of_writes() {
    let mut scene = Scene::new();
    scene.append("x.log", "1\n");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    for _ in 0..3 {
        settle(&mut scene, &mut tailer);
        assert!(tailer.wakes());
        scene.append("x.log", "2\n");
        drop(tailer.watcher.take());
        scene.now += Duration::from_secs(60);
    }
    settle(&mut scene, &mut tailer);
    assert_eq!((scene.text().as_str(), tailer.wakes()), ("1\n2\n2\n2\n", false));
    scene.append("x.log", "3\n");
    drop(tailer.watcher.take());
    scene.poll(&mut tailer);
    assert!(scene.text().ends_with("3\n"));
}

#[test]
fn log_that_is_rewritten_before_it_is_read_is_noticed() {
    let mut scene = Scene::new();
    let log = scene.append("x.log", "");
    let mut tailer = scene.tailer("x.log", StartAt::Beginning, None);
    let stopped = |scene: &mut Scene, tailer: &mut Tailer| {
        scene.now += Duration::from_secs(60);
        tailer.poll(scene.now, Reading::Stopped, &mut |_| {});
    };
    stopped(&mut scene, &mut tailer);
    scene.append("x.log", &line(1));
    scene.append("x.log.1", &line(1));
    stopped(&mut scene, &mut tailer);
    log.set_len(0).unwrap();
    scene.append("x.log", &(line(2) + &line(3)));
    for _ in 0..3 {
        scene.poll(&mut tailer);
    }
    assert_eq!(texts(&scene), [line(1), line(2) + &line(3)]);
}
