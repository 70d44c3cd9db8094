#![cfg(test)]
//! The agent asks a real server where its logs are and how to read them.

mod support;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use agent::database::{self, Connection, Password, SslMode};
use serde_json::Value;
use support::{Listener, Process, agent_config, eventually, postgres::Postgres, start_agent};

/// Neither the file's name nor the prefix tells what the server does: names that look like a user's are
/// those of applications.
const SETTINGS: &str = "\
log_line_prefix = '%m [%p] %a@%d '
log_filename = 'server-%H.txt'
log_min_error_statement = panic
";

/// Starts a server whose role `watcher` may ask all that the agent asks.
fn watched_server() -> Postgres {
    let server = Postgres::start(SETTINGS);
    server.psql("CREATE ROLE watcher LOGIN IN ROLE pg_read_all_settings");
    server.psql("GRANT EXECUTE ON FUNCTION pg_current_logfile(text) TO watcher");
    server
}

fn database(server: &Postgres, role: &str) -> String {
    format!(
        "[database]\nhost = {:?}\nuser = \"{role}\"\nname = \"postgres\"\n",
        server.socket_folder()
    )
}

/// Runs a statement that fails, until the listener has the error's entry, and returns that.
fn error(server: &Postgres, listener: &Listener, name: &str) -> Value {
    let mut found = Value::Null;
    eventually(&format!("an error about {name} arrives"), || {
        server.psql(&format!("SELECT nosuch FROM {name}"));
        let page = listener.json(&format!("/api/entries?text={name}&limit=1"));
        found = page["entries"][0]["entry"].clone();
        !found.is_null()
    });
    found
}

fn has_logged(agent: &Process, text: &str, more: &str) -> bool {
    agent.logged(text).iter().any(|line| line.contains(more))
}

#[test]
fn server_says_where_its_logs_are_and_how_to_read_them() {
    let server = watched_server();
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let config = agent_config(folder.path(), listener.address, "", &database(&server, "watcher"));
    let agent = start_agent(&config);
    eventually("the log is followed", || has_logged(&agent, "following", "data/log/server-"));
    assert!(agent.logged("GRANT").is_empty());
    let entry = error(&server, &listener, "first");
    assert_eq!((&entry["application_name"], &entry["user"]), (&"psql".into(), &Value::Null));

    // A reload shows by itself.
    server.psql("ALTER SYSTEM SET log_line_prefix = '%m [%p] %d@%a '");
    server.psql("ALTER SYSTEM SET log_directory = 'elsewhere'");
    server.psql("SELECT pg_reload_conf()");
    eventually("the new folder is followed", || has_logged(&agent, "following", "elsewhere"));
    let entry = error(&server, &listener, "second");
    assert_eq!((&entry["application_name"], &entry["user"]), (&"psql".into(), &Value::Null));
    assert_eq!(entry["database"], "postgres");

    // One connection, which comes back.
    let sessions = "FROM pg_stat_activity WHERE application_name = 'pgcourier'";
    assert_eq!(server.ask(&format!("SELECT count(*) {sessions}")), "1");
    server.psql(&format!("SELECT pg_terminate_backend(pid) {sessions}"));
    agent.wait_for_log("the database answers again");
    assert_eq!(server.ask(&format!("SELECT count(*) {sessions}")), "1");
    assert!(agent.terminate().success());
}

#[test]
fn check_tells_what_the_server_says_and_what_would_be_read() {
    let server = watched_server();
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let config = agent_config(folder.path(), listener.address, "", &database(&server, "watcher"));
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
        let output = command.arg("check").arg("-c").arg(&config).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.success(), text.concat())
    };
    let (is_good, text) = check();
    assert!(is_good, "{text}");
    for expected in [
        "none yet",
        "log_filename = server-%H.txt",
        "log_line_prefix = '%m [%p] %a@%d '",
        "prefix '%m [%p] %a@%d ' (as the server says)",
        "format stderr",
    ] {
        assert!(text.contains(expected), "{expected} is not in: {text}");
    }

    let agent = start_agent(&config);
    eventually("the agent's position is told", || check().1.contains("the agent is at byte"));
    assert!(agent.terminate().success());
    let (is_good, text) = check();
    assert!(is_good && text.contains("an agent that does not run"), "{text}");
    assert!(text.contains("read from byte"), "{text}");

    drop(server);
    let (is_good, text) = check();
    assert!(!is_good && text.contains("cannot be asked") && text.contains("hint"), "{text}");
}

#[test]
fn role_without_rights_is_told_what_to_grant() {
    let server = Postgres::start("");
    server.psql("CREATE ROLE \"a stranger\" LOGIN");
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(folder.path(), 0);
    let database = database(&server, "a stranger");
    let agent = start_agent(&agent_config(folder.path(), listener.address, "", &database));
    for grant in [
        "GRANT pg_read_all_settings TO \\\"a stranger\\\"",
        "GRANT EXECUTE ON FUNCTION pg_current_logfile(text) TO \\\"a stranger\\\"",
    ] {
        eventually(grant, || has_logged(&agent, "may not see", grant));
        assert!(server.psql(&grant.replace('\\', "")));
    }
    eventually("the log is followed", || has_logged(&agent, "following", "data/log/"));
    assert!(agent.terminate().success());
}

#[test]
fn logs_are_read_while_the_database_cannot_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.log");
    fs::write(&log, "2026-11-24 02:21:01.123 UTC [1] LOG:  alone\n").unwrap();
    let listener = Listener::start(folder.path(), 0);
    let nowhere = "[database]\nhost = \"/nowhere\"\n";
    let config = agent_config(folder.path(), listener.address, log.to_str().unwrap(), nowhere);
    let agent = start_agent(&config);
    let arrived =
        || !listener.json("/api/entries?text=alone")["entries"].as_array().unwrap().is_empty();
    eventually("the entry arrives", arrived);
    let told = agent.wait_for_log("cannot ask the database");
    assert!(told.contains("database.host"), "{told}");
    assert!(agent.terminate().success());
}

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tls").join(name)
}

/// A server whose certificate is for 127.0.0.1, and which can be reached under 127.0.0.2 as well.
fn encrypted_server(port: u16, folder: &Path) -> Postgres {
    for name in ["server.pem", "server.key"] {
        fs::copy(certificate(name), folder.join(name)).unwrap();
    }
    let key = folder.join("server.key");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // The server runs as postgres where the test runs as root.
    let _is_not_root = Command::new("chown").arg("postgres").arg(&key).output();
    let files = format!(
        "ssl_cert_file = '{}'\nssl_key_file = '{}'\n",
        folder.join("server.pem").display(),
        key.display()
    );
    Postgres::start_on(
        port,
        &format!("listen_addresses = '127.0.0.1,127.0.0.2'\nssl = on\n{files}"),
    )
}

#[test]
fn other_end_of_a_connection_is_verified_as_sslmode_says() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let _server = encrypted_server(port, folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let is_encrypted = |host: &str, sslmode, ca_file: Option<&str>| {
        let settings = database::Settings {
            host: host.to_owned(),
            port,
            name: "postgres".to_owned(),
            user: "postgres".to_owned(),
            password: Password::None,
            sslmode,
            ca_file: ca_file.map(certificate),
            connect_timeout: Duration::from_secs(20),
            statement_timeout: Duration::from_secs(20),
            lock_timeout: Duration::from_secs(1),
        };
        runtime.block_on(async {
            let connection =
                Connection::open(&settings).await.map_err(|error| error.to_string())?;
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            let rows = connection.query(sql).await.map_err(|error| error.to_string())?;
            // Nothing can be written.
            let written = connection.query("CREATE TABLE t (a int)").await;
            assert!(written.unwrap_err().to_string().contains("read-only"));
            Ok::<bool, String>(rows[0].get(0))
        })
    };
    let (ours, other) = (Some("ca.pem"), Some("client.pem"));
    assert_eq!(is_encrypted("127.0.0.1", SslMode::Disable, None), Ok(false));
    assert_eq!(is_encrypted("127.0.0.1", SslMode::Prefer, None), Ok(true));
    assert_eq!(is_encrypted("127.0.0.1", SslMode::Require, None), Ok(true));
    assert_eq!(is_encrypted("127.0.0.1", SslMode::VerifyFull, ours), Ok(true));
    assert_eq!(is_encrypted("127.0.0.2", SslMode::VerifyCa, ours), Ok(true));
    for (host, sslmode, ca_file) in [
        ("127.0.0.2", SslMode::VerifyFull, ours),
        ("127.0.0.1", SslMode::VerifyCa, other),
        ("127.0.0.1", SslMode::VerifyFull, None),
    ] {
        let refused = is_encrypted(host, sslmode, ca_file).unwrap_err();
        assert!(refused.contains("certificate"), "{host} {sslmode:?}: {refused}");
    }
}
