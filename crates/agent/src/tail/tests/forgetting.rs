//! Which positions are kept.

use super::*;

#[test]
fn position_is_forgotten_when_nothing_is_left_of_its_file() {
    let mut scene = Scene::new();
    let names: Vec<String> = (1..=6).map(|day| format!("pg-2026010{day}.log")).collect();
    for name in &names {
        scene.append(name, &format!("{name} begins\n"));
    }
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, None);
    scene.poll(&mut tailer);
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    for file in tailer.progress() {
        checkpoints.extend(tailer.checkpoint(file.file, file.position));
    }
    drop(tailer);

    let identity = |name: &str| FileIdentity::of(&fs::metadata(scene.path(name)).unwrap());
    let deleted: Vec<FileIdentity> = names[..2].iter().map(|name| identity(name)).collect();
    fs::remove_file(scene.path(&names[0])).unwrap();
    fs::remove_file(scene.path(&names[1])).unwrap();
    gzip(&scene, &names[2]);
    // Of another series nothing is there, which may be for a moment only.
    let elsewhere = Checkpoint {
        path: scene.path("other.log"),
        identity: FileIdentity { device: 1, inode: 2, born_ns: 3 },
        ..checkpoints[0].clone()
    };
    checkpoints.push(elsewhere);
    let mut tailer = scene.tailer("*.log", StartAt::Beginning, Some(checkpoints.clone()));
    scene.poll(&mut tailer);
    assert!(tailer.take_forgotten().is_empty(), "there are few");

    let mut tailer = scene.tailer("*.log", StartAt::Beginning, Some(checkpoints));
    tailer.settings.max_positions = 2;
    scene.poll(&mut tailer);
    let forgotten: HashSet<FileIdentity> = tailer.take_forgotten().into_iter().collect();
    assert_eq!(forgotten, deleted.into_iter().collect());
    assert!(tailer.take_forgotten().is_empty());
}
