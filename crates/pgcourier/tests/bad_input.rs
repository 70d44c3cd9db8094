#![cfg(test)]
//! Whatever is wrong, the operator is told what, where and what to do.

mod support;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use support::{KEY, Listener, Process, agent_config, start_agent};

fn pgcourier(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgcourier")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exit code and stderr.
fn refused(args: &[&str]) -> (i32, String) {
    let output = pgcourier(args);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn wrong_usage_is_exit_2() {
    assert_eq!(refused(&["fly"]).0, 2);
    assert_eq!(refused(&["run", "--nonsense"]).0, 2);
    assert_eq!(refused(&["up", "--demo", "/some/log"]).0, 2);
}

#[test]
fn environment_may_hold_any_bytes_but_not_for_us() {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = std::ffi::OsStr::from_bytes(b"\xff");
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "a.toml", "");
    let with = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
        let output = command.args(["run", "-c", &config]).env(name, bytes).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = with("SOMETHING_ELSE");
    assert!(code == Some(78) && told.contains("no key is set"), "{told}");
    let (code, told) = with("PGCOURIER_LISTENER__URL");
    assert!(code == Some(78) && told.contains("PGCOURIER_LISTENER__URL is no text"), "{told}");
}

#[test]
fn mistakes_in_the_configuration_are_exit_78_with_place_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "a.toml", "[listener]\nulr = \"http://x\"\n");
    let (code, told) = refused(&["run", "-c", &config]);
    assert_eq!(code, 78, "{told}");
    assert!(told.contains("a.toml:2:1: unknown key `ulr`"), "{told}");
    assert!(told.contains("hint: did you mean `url`?"), "{told}");

    let (code, told) = refused(&["listen", "-c", "/nowhere/listener.toml"]);
    assert_eq!(code, 78, "{told}");
    assert!(told.contains("/nowhere/listener.toml") && told.contains("hint: "), "{told}");

    let config = file(folder.path(), "b.toml", "[listener]\nurl = \"http://127.0.0.1:1\"\n");
    let (code, told) = refused(&["run", "-c", &config]);
    assert_eq!(code, 78, "{told}");
    assert!(told.contains("listener.api_key_file: no key is set"), "{told}");

    let config = file(folder.path(), "c.toml", "");
    let (code, told) = refused(&["listen", "-c", &config]);
    assert_eq!(code, 78, "{told}");
    assert!(told.contains("projects") && told.contains("hint: "), "{told}");
}

#[test]
fn port_in_use_is_told_with_the_key_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let address = listener.address.to_string();
    let (code, told) = refused(&["up", "--demo", "--listen", &address]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
    assert!(told.contains("hint: another program has the port"), "{told}");
}

#[test]
fn log_that_may_not_be_read_names_the_group_to_join() {
    // Under /tmp, so that another user can get to it; root reads everything and has to be one.
    let folder = tempfile::Builder::new().prefix("pgc").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let log = file(folder.path(), "postgresql.log", "LOG:  x\n");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o000)).unwrap();
    let address = "127.0.0.1:1".parse().unwrap();
    let config = agent_config(folder.path(), address, &log, "");
    let binary = folder.path().join("pgcourier");
    fs::copy(env!("CARGO_BIN_EXE_pgcourier"), &binary).unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        command.args(["--reuid=nobody", "--clear-groups"]);
    }
    command.arg(&binary).args(["run", "-c", config.to_str().unwrap()]);
    let agent = Process::spawn(&mut command);
    let told = agent.wait_for_log("may not read the log");
    assert!(told.contains("postgresql.log"), "{told}");
    assert!(told.contains("usermod -a -G"), "{told}");
}

#[test]
fn wrong_key_and_wrong_server_are_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let log = file(folder.path(), "postgresql.log", "LOG:  one\nLOG:  two\n");
    let config = agent_config(folder.path(), listener.address, &log, "");
    let text = fs::read_to_string(&config).unwrap();

    fs::write(&config, text.replace(KEY, "wrong")).unwrap();
    let agent = start_agent(&config);
    let told = agent.wait_for_log("the listener refuses; all data is kept");
    assert!(told.contains("check listener.api_key"), "{told}");
    assert!(!told.contains("wrong\\\""), "the key is in the log: {told}");
    assert!(agent.terminate().success());

    let url = format!("http://{}", listener.address);
    fs::write(&config, text.replace(&url, &format!("{url}/health"))).unwrap();
    let agent = start_agent(&config);
    let told = agent.wait_for_log("the listener refuses; all data is kept");
    assert!(told.contains("check listener.url"), "{told}");
    assert!(agent.terminate().success());

    fs::write(&config, text.replace(&url, "http://127.0.0.1:1")).unwrap();
    let agent = start_agent(&config);
    agent.wait_for_log("the listener did not take a batch; it stays in the buffer");
    assert!(agent.terminate().success());

    fs::write(&config, text).unwrap();
    let agent = start_agent(&config);
    support::eventually("both entries arrive", || listener.entries().len() == 2);
    assert!(agent.terminate().success());
}

#[test]
fn binary_file_as_a_log_is_told_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let logs = folder.path().join("log");
    fs::create_dir(&logs).unwrap();
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let path = file(&logs, "a.log", &binary);
    file(&logs, "b.log", "LOG:  one\n");
    let config = agent_config(folder.path(), listener.address, logs.to_str().unwrap(), "");
    let agent = start_agent(&config);
    let told = agent.wait_for_log("this is a binary file");
    assert!(told.contains("a.log") && told.contains("collection.log_path"), "{told}");
    support::eventually("the other log arrives", || listener.entries().len() == 1);

    let (code, told) = refused(&["parse", &path]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("is a binary file") && told.contains("hint: "), "{told}");
}

#[test]
fn full_buffer_is_told_with_the_key_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    let mut random = 1u64;
    for _ in 0..100_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        log += &format!("LOG:  {random:016x}{:016x}\n", random.rotate_left(17) ^ random);
    }
    let log = file(folder.path(), "postgresql.log", log);
    let address = "127.0.0.1:1".parse().unwrap();
    let config = agent_config(folder.path(), address, &log, "max_size_mb = 1\n");
    let agent = start_agent(&config);
    let told = agent.wait_for_log("the buffer is full: oldest entries dropped");
    assert!(told.contains("buffer.max_size_mb") && told.contains("lost_entries"), "{told}");
}

#[test]
fn second_agent_on_the_same_buffer_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "postgresql.log", "");
    let config = agent_config(folder.path(), "127.0.0.1:1".parse().unwrap(), &log, "");
    let agent = start_agent(&config);
    agent.wait_for_log("following");
    let (code, told) = refused(&["run", "-c", config.to_str().unwrap()]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("in use by another pgcourier"), "{told}");
    assert!(told.contains("buffer.path"), "{told}");
}

#[test]
fn parse_says_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let (code, told) = refused(&["parse", "/nowhere.log"]);
    assert_eq!(code, 1);
    assert!(told.contains("/nowhere.log") && told.contains("hint: "), "{told}");
    let text = file(folder.path(), "diary.txt", "Dear diary,\nnothing happened\n");
    let (code, told) = refused(&["parse", &text]);
    assert_eq!(code, 1);
    assert!(told.contains("--log-line-prefix"), "{told}");
    let (code, told) = refused(&["parse", "--log-timezone", "Mars/Olympus", &text]);
    assert_eq!(code, 2);
    assert!(told.contains("Mars/Olympus"), "{told}");
}

#[test]
fn parse_reads_what_is_piped_and_packed_and_ends_with_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs/pg15");
    let packed = logs.join("debian/postgresql-2026-11-24_022019.log.gz");
    let from_file = pgcourier(&["parse", packed.to_str().unwrap()]);
    assert!(from_file.status.success());
    let lines = String::from_utf8(from_file.stdout).unwrap();
    assert!(lines.lines().count() > 900);
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }

    let mut plain = Vec::new();
    let gz = fs::File::open(&packed).unwrap();
    std::io::copy(&mut flate2::read::GzDecoder::new(gz), &mut plain).unwrap();
    let plain_file = file(folder.path(), "plain.log", &plain);
    let mut piped = Command::new(env!("CARGO_BIN_EXE_pgcourier"))
        .args(["parse", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = piped.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&plain).unwrap());
    assert_eq!(String::from_utf8(piped.wait_with_output().unwrap().stdout).unwrap(), lines);
    writer.join().unwrap();

    let head = format!(
        "'{}' parse '{plain_file}' '{plain_file}' | head -n 1",
        env!("CARGO_BIN_EXE_pgcourier")
    );
    let shell =
        Command::new("bash").args(["-c", &format!("set -o pipefail; {head}")]).output().unwrap();
    assert!(shell.status.success() && shell.stderr.is_empty(), "{shell:?}");
}

#[test]
fn key_that_everybody_can_read_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let key = file(folder.path(), "api_key", KEY);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = file(folder.path(), "a.log", "2026-11-24 02:21:01.123 UTC [7] LOG:  x\n");
    let config = agent_config(folder.path(), nobody, &log, "");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace(&format!("api_key = \"{KEY}\""), &format!("api_key_file = {key:?}")),
    )
    .unwrap();
    for (mode, told) in [(0o644, 1), (0o600, 0)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let agent = start_agent(&config);
        agent.wait_for_log("\"following\"");
        assert_eq!(agent.logged("every user of this machine can read the key").len(), told);
        assert!(agent.logged(KEY).is_empty());
        assert!(agent.terminate().success());
    }
}

#[test]
fn buffer_that_cannot_be_looked_into_is_not_told_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = file(folder.path(), "file", "");
    let (code, told) = refused(&["buffer", "stats", "--path", &no_folder]);
    assert!(code == 1 && told.contains("cannot look into"), "{told}");
    assert!(told.contains("hint: run the command as the agent's user"), "{told}");
}
