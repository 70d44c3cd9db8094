//! What is acknowledged is there, whatever happens to the process.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::client::{KEY, Listener, batch, post};
use serde_json::json;
use uuid::Uuid;

const FOLDER: &str = "LISTENER_TEST_FOLDER";
const ENTRIES: usize = 5;

/// Not a test of its own: the other process of the test below.
#[test]
#[ignore = "runs in a process that is killed"]
fn a_listener_to_be_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let server = listener::Server::bind(&crate::client::config(Path::new(&folder))).unwrap();
    println!("\nlistening on {}", server.local_addr());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(server.run(std::future::pending())).unwrap();
}

fn start_process(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::a_listener_to_be_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    let address = address.flatten().next().unwrap().parse().unwrap();
    (child, address)
}

/// Sends batches until the listener is gone; returns those that it acknowledged, by their message.
fn send_until_killed(address: SocketAddr, acknowledged: &AtomicUsize) -> BTreeMap<String, Uuid> {
    let mut batches = BTreeMap::new();
    loop {
        let id = Uuid::now_v7();
        match post(address, &body(id), &format!("Authorization: Bearer {KEY}\r\n")) {
            Ok(reply) if reply.status == 200 => {
                batches.insert(id.to_string(), id);
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok(reply) => panic!("{reply:?}"),
            Err(_) => return batches,
        }
    }
}

fn body(id: Uuid) -> Vec<u8> {
    let entry = json!({"message": id.to_string(), "level": "LOG", "duration_ms": 1.5});
    batch(id, &vec![entry; ENTRIES]).to_string().into_bytes()
}

#[test]
fn every_acknowledged_batch_is_there_after_a_kill_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = Arc::new(Mutex::new(BTreeMap::new()));
    for round in 1..=4 {
        let (mut child, address) = start_process(folder.path());
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let senders = (0..4).map(|_| {
            let (all, acknowledged) = (Arc::clone(&all), Arc::clone(&acknowledged));
            thread::spawn(move || {
                let batches = send_until_killed(address, &acknowledged);
                all.lock().unwrap().extend(batches);
            })
        });
        let senders = senders.collect::<Vec<_>>();
        while acknowledged.load(Ordering::Relaxed) < 13 * round {
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for sender in senders {
            sender.join().unwrap();
        }
    }

    let all = std::mem::take(&mut *all.lock().unwrap());
    let listener = Listener::at(folder, |_| {});
    let mut found = BTreeMap::<String, usize>::new();
    for message in listener.messages("") {
        *found.entry(message).or_default() += 1;
    }
    for message in all.keys() {
        assert_eq!(found.get(message), Some(&ENTRIES), "an acknowledged batch is lost");
    }
    assert!(found.values().all(|count| *count == ENTRIES), "a batch is stored in part or twice");
    for id in all.values() {
        let headers = format!("Authorization: Bearer {KEY}\r\n");
        assert_eq!(listener.post_bytes(&body(*id), &headers).json()["duplicate"], true);
    }
}
