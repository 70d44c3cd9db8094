//! What the tailer promises through rotations.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
};

use super::*;

mod copies;
mod forgetting;
mod moments;

/// A folder with a log, and what a tailer has read of it.
struct Scene {
    folder: tempfile::TempDir,
    now: Duration,
    read: Vec<(FileNumber, String)>,
    closed: Vec<FileNumber>,
    missed: Vec<Missed>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            now: Duration::ZERO,
            read: Vec::new(),
            closed: Vec::new(),
            missed: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) -> File {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn tailer(
        &self,
        pattern: &str,
        start_at: StartAt,
        checkpoints: Option<Vec<Checkpoint>>,
    ) -> Tailer {
        let path = LogPath::new(self.path(pattern).to_str().unwrap());
        let settings = Settings { paths: vec![path], start_at, ..Settings::default() };
        Tailer::open(settings, History { first_start_ms: 0, checkpoints })
    }

    /// Polls after two seconds, in which a scan is due.
    fn poll(&mut self, tailer: &mut Tailer) {
        // What has just been renamed is read before it is looked at. That was two seconds ago.
        let changes = tailer.watcher.take();
        tailer.note_changes(&changes, self.now);
        self.now += Duration::from_secs(2);
        let (read, closed, missed) = (&mut self.read, &mut self.closed, &mut self.missed);
        tailer.poll(self.now, Reading::Allowed, &mut |event| match event {
            Event::Opened { .. } | Event::Superseded { .. } | Event::Moved { .. } => {}
            Event::Missed(found) => missed.push(found),
            Event::Bytes { file, bytes } => {
                read.push((file, String::from_utf8(bytes.to_vec()).unwrap()));
            }
            Event::Closed { file } => closed.push(file),
        });
    }

    fn text(&self) -> String {
        self.read.iter().map(|(_, text)| text.as_str()).collect()
    }
}

#[test]
fn old_files_are_read_from_their_end_and_new_ones_from_their_start() {
    let mut scene = Scene::new();
    scene.append("a.log", "old\nhalf");
    let mut tailer = scene.tailer("*.log", StartAt::End, None);
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "half", "a line without its end is read whole");
    scene.append("a.log", " new\n");
    scene.append("b.log", "first\n");
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "half new\nfirst\n");
}

#[test]
fn file_that_is_missing_is_waited_for_and_read_from_its_start() {
    let mut scene = Scene::new();
    let mut tailer = scene.tailer("a.log", StartAt::End, None);
    scene.poll(&mut tailer);
    scene.append("a.log", "one\n");
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\n");
}

#[test]
fn rotation_by_rename_loses_no_line() {
    let mut scene = Scene::new();
    let mut writer = scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    writer.write_all(b"two\n").unwrap();
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    writer.write_all(b"three\n").unwrap();
    scene.append("a.log", "four\n");
    scene.poll(&mut tailer);
    writer.write_all(b"late\n").unwrap();
    scene.poll(&mut tailer);
    scene.now += Duration::from_secs(60);
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\nthree\nfour\nlate\n");
    assert_eq!(scene.closed, [FileNumber(0)]);
}

#[test]
fn deleted_file_is_read_to_its_end() {
    let mut scene = Scene::new();
    let mut writer = scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    writer.write_all(b"two\n").unwrap();
    fs::remove_file(scene.path("a.log")).unwrap();
    scene.append("a.log", "three\n");
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\nthree\n");
}

#[test]
fn renamed_file_that_a_pattern_finds_again_is_not_read_twice() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.*", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.append("a.log", "two\n");
    for _ in 0..5 {
        scene.poll(&mut tailer);
    }
    assert_eq!(scene.text(), "one\ntwo\n");
}

#[test]
fn reading_goes_on_at_the_checkpoint_also_under_another_name() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\ntwo\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let checkpoint = tailer.checkpoint(FileNumber(0), 4).unwrap();
    drop(tailer);

    scene.read.clear();
    scene.append("a.log", "three\n");
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(vec![checkpoint.clone()]));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "two\nthree\n");
    drop(tailer);

    scene.read.clear();
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.append("a.log", "four\n");
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(vec![checkpoint]));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "two\nthree\nfour\n");
}

#[test]
fn file_rewritten_while_away_is_read_from_its_start() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\ntwo\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let checkpoint = tailer.checkpoint(FileNumber(0), 8).unwrap();
    fs::write(scene.path("a.log"), "another, longer text\n").unwrap();
    scene.read.clear();
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(vec![checkpoint]));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "another, longer text\n");
}

#[test]
fn busy_file_leaves_a_turn_to_the_others() {
    let mut scene = Scene::new();
    scene.append("a.log", &"x".repeat(1_500_000));
    scene.append("b.log", "short\n");
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    assert!(scene.read.iter().any(|(_, text)| text == "short\n"));
    assert!(scene.text().len() < 1_400_000, "one file was read whole in one turn");
    scene.poll(&mut tailer);
    assert_eq!(scene.text().len(), 1_500_006);
}

#[test]
fn rotated_file_is_read_to_its_end_before_the_next_one() {
    let mut scene = Scene::new();
    scene.append("a.log", &"x".repeat(2_500_000));
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.append("a.log", "new");
    scene.poll(&mut tailer);
    assert!(!scene.text().ends_with("new"), "the old file is not read to its end yet");
    scene.poll(&mut tailer);
    assert_eq!(scene.text().len(), 2_500_003);
    assert!(scene.text().ends_with("new"));
}

#[test]
fn paused_tailer_reads_nothing_but_finds_files() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    let mut opened = 0;
    let turn = tailer.poll(Duration::ZERO, Reading::Paused, &mut |event| {
        opened += usize::from(matches!(event, Event::Opened { .. }));
    });
    assert_eq!((opened, turn), (1, Turn::default()));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\n");
}

#[test]
fn file_that_came_while_the_agent_was_away_is_read_whole() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(Vec::new()));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\n");
}

/// Copies and truncates, as `logrotate` does with `copytruncate`.
fn copy_and_truncate(scene: &Scene, name: &str, copy: &str) {
    fs::copy(scene.path(name), scene.path(copy)).unwrap();
    File::options().write(true).open(scene.path(name)).unwrap().set_len(0).unwrap();
}

fn gzip(scene: &Scene, name: &str) {
    let mut log = File::open(scene.path(name)).unwrap();
    let packed = File::create(scene.path(&format!("{name}.gz"))).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    io::copy(&mut log, &mut encoder).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(scene.path(name)).unwrap();
}

#[test]
fn rest_of_a_truncated_log_is_read_from_its_copy() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    scene.append("a.log", "two\n");
    copy_and_truncate(&scene, "a.log", "a.log.1");
    scene.append("a.log", "three, and longer than what was there before\n");
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\nthree, and longer than what was there before\n");
    assert_eq!(scene.missed, []);
    let copy = tailer.checkpoint(FileNumber(0), 4).unwrap();
    assert_eq!((copy.path, copy.position), (scene.path("a.log.1"), 4));
}

#[test]
fn copy_that_is_found_by_the_pattern_is_not_read_twice() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log*", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    fs::copy(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.poll(&mut tailer);
    copy_and_truncate(&scene, "a.log", "a.log.1");
    scene.append("a.log", "two\n");
    scene.poll(&mut tailer);
    fs::rename(scene.path("a.log.1"), scene.path("a.log.2")).unwrap();
    copy_and_truncate(&scene, "a.log", "a.log.1");
    scene.append("a.log", "three\n");
    scene.poll(&mut tailer);
    gzip(&scene, "a.log.2");
    scene.now += Duration::from_secs(100);
    for _ in 0..3 {
        scene.poll(&mut tailer);
    }
    assert_eq!(scene.text(), "one\ntwo\nthree\n");
}

#[test]
fn what_was_rotated_while_away_is_read_the_oldest_first() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let checkpoint = tailer.checkpoint(FileNumber(0), 4).unwrap();
    drop(tailer);

    scene.read.clear();
    scene.append("a.log", "two\n");
    copy_and_truncate(&scene, "a.log", "a.log.2");
    gzip(&scene, "a.log.2");
    scene.append("a.log", "three\n");
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.append("a.log", "four\n");
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(vec![checkpoint]));
    for _ in 0..3 {
        scene.poll(&mut tailer);
    }
    assert_eq!(scene.text(), "two\nthree\nfour\n");
}

#[test]
fn bytes_that_are_truncated_without_a_copy_are_reported() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    scene.append("a.log", "two\n");
    scene.now += Duration::from_secs(2);
    tailer.poll(scene.now, Reading::Paused, &mut |_| {});
    fs::write(scene.path("a.log"), "three\n").unwrap();
    scene.poll(&mut tailer);
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\nthree\n");
    let missed: Vec<_> = scene.missed.iter().map(|one| (one.position, one.bytes)).collect();
    assert_eq!(missed, [(4, 4)]);
    assert!(scene.closed.contains(&FileNumber(0)));
}

#[test]
fn hole_that_a_truncation_left_is_skipped() {
    let mut scene = Scene::new();
    // Does not append, as the server does not after a rotation by time.
    let mut writer = File::create(scene.path("a.log")).unwrap();
    writer.write_all(&[b'x'; 100_000]).unwrap();
    writer.write_all(b"\n").unwrap();
    let mut tailer = scene.tailer("a.log", StartAt::End, None);
    scene.poll(&mut tailer);
    File::options().write(true).open(scene.path("a.log")).unwrap().set_len(0).unwrap();
    scene.poll(&mut tailer);
    writer.write_all(b"one\n").unwrap();
    scene.poll(&mut tailer);
    writer.write_all(b"two\n").unwrap();
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\n");
}

#[test]
fn log_whose_inode_is_given_to_the_next_one_is_read_from_its_start() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let mut checkpoint = tailer.checkpoint(FileNumber(0), 4).unwrap();
    drop(tailer);
    fs::remove_file(scene.path("a.log")).unwrap();
    let file = scene.append("a.log", "two, and longer\n");
    checkpoint.identity = FileIdentity::of(&file.metadata().unwrap());
    let mut tailer = scene.tailer("a.log", StartAt::End, Some(vec![checkpoint]));
    scene.read.clear();
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "two, and longer\n");
}

#[test]
fn log_that_nobody_reopened_is_read_on_under_its_new_name() {
    let mut scene = Scene::new();
    let mut writer = scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    File::create(scene.path("a.log")).unwrap();
    scene.poll(&mut tailer);
    scene.now += Duration::from_secs(3600);
    scene.poll(&mut tailer);
    writer.write_all(b"two\n").unwrap();
    scene.poll(&mut tailer);
    scene.append("a.log", "three\n");
    scene.poll(&mut tailer);
    scene.now += Duration::from_secs(60);
    scene.poll(&mut tailer);
    assert_eq!(scene.closed, [FileNumber(0)]);
    writer.write_all(b"late\n").unwrap();
    scene.poll(&mut tailer);
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\nthree\nlate\n");
}

#[test]
fn two_rotations_between_two_looks_lose_nothing() {
    let mut scene = Scene::new();
    scene.append("a.log", "one\n");
    let mut tailer = scene.tailer("a.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    fs::rename(scene.path("a.log"), scene.path("a.log.2")).unwrap();
    scene.append("a.log", "two\n");
    fs::rename(scene.path("a.log"), scene.path("a.log.1")).unwrap();
    scene.append("a.log", "three\n");
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "one\ntwo\nthree\n");
}

#[test]
fn file_that_got_another_name_since_the_survey_is_not_taken_for_the_one_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.log");
    fs::write(&path, "one\n").unwrap();
    let settings =
        Settings { paths: vec![LogPath::new(path.to_str().unwrap())], ..Settings::default() };
    let mut tailer = Tailer::open(settings, History::none(0));
    let candidates = tailer.survey();
    assert!(candidates[0].open().is_ok());
    fs::rename(&path, folder.path().join("x.log.1")).unwrap();
    fs::write(&path, "two\n").unwrap();
    let problem = candidates[0].open().unwrap_err();
    assert_eq!(problem.kind(), io::ErrorKind::UnexpectedEof);
    fs::remove_file(&path).unwrap();
    let problem = candidates[0].open().unwrap_err();
    assert_eq!(problem.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn copy_of_a_log_that_followed_the_one_that_was_read_comes_behind_it() {
    let mut scene = Scene::new();
    let at = |file: File, seconds: u64| {
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        file.set_modified(epoch + Duration::from_secs(1_000_000 + seconds)).unwrap();
    };
    scene.append("pg-20261001.log", "1\n");
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let checkpoint = tailer.checkpoint(FileNumber(0), 2).unwrap();
    drop(tailer);

    scene.read.clear();
    at(scene.append("pg-20261001.log", "2\n"), 1);
    at(scene.append("pg.log.1", "3\n"), 2);
    at(scene.append("pg-20261002.log", "4\n"), 3);
    let mut tailer = scene.tailer("*.log", StartAt::End, Some(vec![checkpoint]));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), "2\n3\n4\n");
}

#[test]
fn of_files_that_were_last_written_at_once_the_one_made_first_is_read_first() {
    let mut scene = Scene::new();
    let born = |file: &File| file.metadata().unwrap().created().ok();
    let first = scene.append("pg.log", "1\n");
    if born(&first).is_none() {
        eprintln!("skipped: the file system does not tell when a file was made");
        return;
    }
    let mut second = scene.append("pg-20261001.log", "2\n");
    // Until the clock of the file system has ticked.
    while born(&second) <= born(&first) {
        fs::remove_file(scene.path("pg-20261001.log")).unwrap();
        second = scene.append("pg-20261001.log", "2\n");
    }
    let at = first.metadata().unwrap().modified().unwrap();
    second.set_modified(at).unwrap();
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let read: Vec<_> = scene.read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(read, ["1\n", "2\n"]);
}

#[test]
fn log_is_read_before_all_that_was_written_later_whatever_their_names_are() {
    let mut scene = Scene::new();
    let line = |time: &str| format!("2026-11-24 {time} UTC [1] LOG:  x\n");
    scene.append("pg-Mon.log", &line("10:00:00"));
    scene.append("pg-Tue.log", &line("11:00:00"));
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    scene.read.clear();
    // What was in Monday's file a week ago was rotated to another folder, and comes back.
    scene.append("pg-Mon.log.1", &line("09:00:00"));
    scene.append("pg-Mon.log", &line("10:30:00"));
    scene.append("pg-Tue.log", &line("11:30:00"));
    scene.poll(&mut tailer);
    assert_eq!(scene.text(), line("09:00:00") + &line("10:30:00") + &line("11:30:00"));
}
