#![cfg(test)]
//! The client and a TLS server with certificates that are made for tests.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use agent::{
    batch::{Encoding, SealedBatch},
    ship::{
        self, Client, Delivery,
        tls::{ClientFiles, Fingerprint, Settings},
    },
};
use ring::digest::{SHA256, digest};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use uuid::Uuid;
use wire::{BatchId, Source};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tls").join(name)
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

/// Whether the server asks for a certificate.
#[derive(Clone, Copy)]
enum Clients {
    Any,
    WithCertificate,
}

fn server(clients: Clients) -> SocketAddr {
    server_as("server.pem", clients)
}

/// Starts a server with this certificate.
fn server_as(name: &str, clients: Clients) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::WithCertificate => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate("ca.pem")).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![certificate(name)], key).unwrap());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        for stream in socket.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut request = [0; 4096];
            // A handshake that fails is the client's affair.
            let Ok(1..) = stream.read(&mut request) else { continue };
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}";
            let _gone = stream.write_all(answer.as_bytes());
            let _gone = stream.flush();
        }
    });
    address
}

fn delivery(address: SocketAddr, tls: Settings) -> Delivery {
    let settings = ship::Settings {
        url: format!("https://{address}/ingest/postgres").parse().unwrap(),
        api_key: "key".to_owned().into(),
        api_key_file: None,
        timeout: Duration::from_secs(5),
        tls,
    };
    let client = Client::new(&settings).unwrap();
    let batch = SealedBatch {
        id: BatchId::new(Uuid::from_u128(1)),
        source: Source::PgLog,
        entries: 1,
        encoding: Encoding::Identity,
        body: b"{}".to_vec(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.send(&batch, SystemTime::UNIX_EPOCH))
}

fn pin_of(name: &str) -> Fingerprint {
    let hash = digest(&SHA256, &certificate(name));
    let text: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Fingerprint::parse(&text.join(":")).unwrap()
}

/// Why nothing was delivered.
fn refusal(address: SocketAddr, tls: Settings) -> String {
    match delivery(address, tls) {
        Delivery::Failed { why } => why,
        other => panic!("{other:?}"),
    }
}

const DELIVERED: Delivery = Delivery::Delivered { duplicate: false };

#[test]
fn authority_of_the_configuration_is_trusted_and_no_other() {
    let address = server(Clients::Any);
    let ours = Settings { ca_file: Some(file("ca.pem")), ..Settings::default() };
    assert_eq!(delivery(address, ours), DELIVERED);
    let of_the_machine = delivery(address, Settings::default());
    assert!(matches!(&of_the_machine, Delivery::Failed { why } if why.contains("UnknownIssuer")));
    let other = Settings { ca_file: Some(file("client.pem")), ..Settings::default() };
    assert!(matches!(delivery(address, other), Delivery::Failed { .. }));
}

/// Tells the part of a test that runs in a process of its own what it has to find.
const EXPECTED: &str = "PGCOURIER_TEST_TLS_EXPECTED";

/// Runs [`system_authority_decides`] where the system's authorities are those of a file, and of a folder.
fn with_system_authorities(name: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    // As c_rehash names it: only names of this form are read.
    fs::copy(file(name), folder.path().join("01234567.0")).unwrap();
    for (variable, place) in
        [("SSL_CERT_FILE", file(name)), ("SSL_CERT_DIR", folder.path().to_owned())]
    {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "system_authority_decides", "--ignored", "--nocapture"])
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR")
            .env(variable, place)
            .env(EXPECTED, expected)
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{variable}: {said}");
    }
}

#[test]
fn authorities_of_the_system_are_trusted_where_none_is_configured() {
    with_system_authorities("ca.pem", "Delivered");
    with_system_authorities("other-ca.pem", "UnknownIssuer");
}

#[test]
#[ignore = "started by authorities_of_the_system_are_trusted_where_none_is_configured"]
fn system_authority_decides() {
    let Some(expected) = env::var_os(EXPECTED) else { return };
    let found = format!("{:?}", delivery(server(Clients::Any), Settings::default()));
    assert!(found.contains(expected.to_str().unwrap()), "{found}");
}

#[test]
fn pinned_certificate_needs_no_authority_and_excludes_all_others() {
    let address = server(Clients::Any);
    let pinned = |name| Settings { pins: vec![pin_of(name)], ..Settings::default() };
    assert_eq!(delivery(address, pinned("server.pem")), DELIVERED);
    let wrong = Settings { ca_file: Some(file("ca.pem")), ..pinned("client.pem") };
    let told = refusal(address, wrong);
    assert!(told.contains("it is not the one in pin_sha256"), "{told}");
    let both = vec![pin_of("client.pem"), pin_of("server.pem")];
    assert_eq!(delivery(address, Settings { pins: both, ..Settings::default() }), DELIVERED);
}

#[test]
fn listener_that_asks_for_a_certificate_gets_it() {
    let address = server(Clients::WithCertificate);
    let ours = Settings { ca_file: Some(file("ca.pem")), ..Settings::default() };
    let told = refusal(address, ours.clone());
    assert!(told.contains("client_cert_file"), "{told}");
    let client = ClientFiles { cert_file: file("client.pem"), key_file: file("client.key") };
    assert_eq!(delivery(address, Settings { client: Some(client), ..ours }), DELIVERED);
}

#[test]
fn certificate_that_is_wrong_is_refused_with_what_to_do() {
    let theirs = || Settings { ca_file: Some(file("other-ca.pem")), ..Settings::default() };
    for (name, tls, expected) in [
        ("server.pem", Settings::default(), "name its authority in ca_file"),
        ("server.pem", theirs(), "name its authority in ca_file"),
        ("expired.pem", theirs(), "renew the listener's certificate"),
        ("elsewhere.pem", theirs(), "elsewhere.example.com"),
        ("elsewhere.pem", theirs(), "take a name that the certificate is for"),
    ] {
        let told = refusal(server_as(name, Clients::Any), tls);
        assert!(told.contains(expected), "{name}: {told}");
    }
}

#[test]
fn pinned_certificate_counts_whatever_its_name_and_its_age() {
    for name in ["expired.pem", "elsewhere.pem"] {
        let pinned = Settings { pins: vec![pin_of(name)], ..Settings::default() };
        assert_eq!(delivery(server_as(name, Clients::Any), pinned), DELIVERED, "{name}");
    }
}

#[test]
fn listener_without_tls_is_told_as_such() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let _hello = stream.read(&mut [0; 4096]);
        let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let told = refusal(address, Settings::default());
    assert!(told.contains("is http:// meant?"), "{told}");
}
