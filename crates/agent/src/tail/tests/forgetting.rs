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

#[test]
fn position_of_a_log_in_another_folder_is_forgotten_as_well() {
    let mut scene = Scene::new();
    fs::create_dir(scene.path("old")).unwrap();
    let folder = scene.folder.path().canonicalize().unwrap();
    let text = format!("{}/*.log {{\n  olddir old\n}}\n", folder.display());
    fs::write(scene.path("logrotate.conf"), text).unwrap();
    let record = |name: &str, head: &str, inode: u64| Checkpoint {
        path: folder.join(name),
        identity: FileIdentity { device: 1, inode, born_ns: 3 },
        head: head.into(),
        position: head.len() as u64,
        guard: Guard::of(head.as_bytes()),
    };
    let (gone, kept) = (record("old/x.log.3", "gone\n", 1), record("old/x.log.2", "kept\n", 2));
    let start = |scene: &Scene| {
        let checkpoints = vec![gone.clone(), kept.clone()];
        let mut tailer = scene.tailer("x.log", StartAt::Beginning, Some(checkpoints));
        tailer.settings.logrotate = vec![scene.path("logrotate.conf")];
        tailer.settings.max_positions = 1;
        tailer
    };
    scene.append("x.log", "now\n");
    let mut tailer = start(&scene);
    scene.poll(&mut tailer);
    assert!(tailer.take_forgotten().is_empty(), "the other folder may be away");

    scene.append("old/x.log.2", "kept\n");
    gzip(&scene, "old/x.log.2");
    let mut tailer = start(&scene);
    scene.poll(&mut tailer);
    assert_eq!(tailer.take_forgotten(), [gone.identity]);
}
