use super::*;

fn config(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

fn problem(text: &str) -> Error {
    let error = config(text).check().unwrap_err();
    assert!(!error.hint().is_empty());
    error
}

#[test]
fn one_key_is_all_that_is_needed() {
    let checked = config("[projects.shop]\nkey = 'k1'").checked().unwrap();
    assert_eq!(checked.listen.to_string(), "127.0.0.1:8443");
    assert_eq!(checked.store.retention, SignedDuration::from_hours(7 * 24));
    assert!(matches!(checked.api.hosts, Hosts::LoopbackAnd(_)));
}

#[test]
fn every_key_can_be_set() {
    let config = config(
        "[server]
         listen = '0.0.0.0:80'
         host_names = ['logs.example']
         read_key = 'r'
         [projects.shop]
         key = 'k1'
         [projects.crm]
         key = 'k2'
         [store]
         path = '/tmp/x.db'
         retention_days = 3
         max_size_mb = 100
         [limits]
         requests_per_minute = 10
         body_timeout_s = 5
         max_connections = 9",
    );
    let checked = config.checked().unwrap();
    assert_eq!(checked.api.keys.projects().collect::<Vec<_>>(), ["crm", "shop"]);
    assert_eq!(checked.store.max_size_mb, Some(100));
    assert_eq!(checked.max_connections, 9);
}

#[test]
fn an_unknown_key_is_refused() {
    let error = toml::from_str::<Config>("[server]\nlisten_on = 'x'").unwrap_err().to_string();
    assert!(error.contains("listen_on"), "{error}");
}

#[test]
fn a_network_address_needs_a_read_key() {
    let key = "[projects.a]\nkey = 'k'\n[server]\nlisten = ";
    assert!(matches!(problem(&format!("{key}'0.0.0.0:1'")), Error::OpenToAll { .. }));
    assert!(matches!(problem(&format!("{key}'[::]:1'")), Error::OpenToAll { .. }));
    assert!(config(&format!("{key}'[::1]:1'")).check().is_ok());
    assert!(config(&format!("{key}'0.0.0.0:1'\nread_key = 'r'")).check().is_ok());
}

#[test]
fn what_cannot_work_is_named() {
    for (text, expected) in [
        ("", "no project has a key"),
        ("[projects.a]", "projects.a.key is not set"),
        ("[projects.a]\nkey = ''", "projects.a.key is empty or"),
        ("[projects.a]\nkey = 'a b'", "projects.a.key is empty or has characters"),
        ("[projects.a]\nkey = 'k'\nkey_file = '/x'", "projects.a.key and projects.a.key_file are"),
        ("[projects.a]\nkey = 'k'\n[projects.b]\nkey = 'k'", "projects.a.key and projects.b.key"),
        ("[projects.a]\nkey = 'k'\n[server]\nread_key = 'k'", "server.read_key and projects.a.key"),
        ("[projects.a]\nkey = 'k'\n[server]\nlisten = 'localhost'", "server.listen: \"localhost\""),
        ("[projects.a]\nkey = 'k'\n[store]\nretention_days = 0", "store.retention_days must be"),
        ("[projects.a]\nkey = 'k'\n[store]\nmax_size_mb = 0", "store.max_size_mb must be"),
    ] {
        let error = problem(text).to_string();
        assert!(error.starts_with(expected), "{error}, expected {expected}");
    }
}

#[test]
fn a_key_file_is_read_without_its_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let text = format!("[projects.a]\nkey_file = {path:?}");
    assert!(matches!(problem(&text), Error::KeyFile { .. }));
    fs::write(&path, "\r\n").unwrap();
    assert!(matches!(problem(&text), Error::UnusableKey { .. }));
    fs::write(&path, "secret\r\n").unwrap();
    let keys = config(&text).project_keys().unwrap()[0].1.expose_secret().to_owned();
    assert_eq!(keys, "secret");
}

#[test]
fn a_printed_configuration_has_no_keys() {
    let config = config("[projects.a]\nkey = 'secret1'\n[server]\nread_key = 'secret2'");
    let printed = format!("{config:?} {:?}", config.checked().unwrap());
    assert!(!printed.contains("secret1") && !printed.contains("secret2"), "{printed}");
}
