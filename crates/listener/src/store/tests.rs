use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::validate::{self, Level};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-01-28T12:00:00Z".parse().unwrap()
}

fn settings(folder: &TempDir) -> Settings {
    Settings { path: folder.path().join("listener.db"), retention: 7 * DAY, max_size_mb: None }
}

fn open(folder: &TempDir) -> Store {
    Store::open(&settings(folder)).unwrap()
}

fn batch(id: u128, entries: &[Value]) -> Accepted {
    let id = uuid::Uuid::from_u128(id);
    let body = json!({"project": "p", "timestamp": now().as_second(), "source": "pg_log", "data":
        {"entries": entries, "count": entries.len(), "batch":
            {"id": id, "agent": "db1", "file": "/log", "start": 0, "end": 10}}});
    validate::accept(body.to_string().as_bytes()).unwrap()
}

fn other(source: &str, data: &Value) -> Accepted {
    let body = json!({"project": "p", "timestamp": 1, "source": source, "data": data});
    validate::accept(body.to_string().as_bytes()).unwrap()
}

async fn put(store: &Store, accepted: Accepted, at: Timestamp) -> Stored {
    store.ingest("shop".into(), accepted, at).await.unwrap()
}

/// Messages of all entries that fit, newest first.
async fn messages(store: &Store, filter: EntryFilter) -> Vec<String> {
    let mut messages = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.entries(filter.clone(), cursor, 1_000).await.unwrap();
        messages.extend(page.entries.iter().map(message));
        cursor = page.next;
        if cursor.is_none() {
            return messages;
        }
    }
}

fn message(row: &EntryRow) -> String {
    serde_json::from_str::<Value>(&row.json).unwrap()["message"].as_str().unwrap().to_owned()
}

fn size(folder: &TempDir) -> u64 {
    fs::metadata(settings(folder).path).unwrap().len()
}

#[test]
fn the_schemas_numbers_are_those_of_the_levels() {
    assert_eq!((Level::Log.rank(), Level::Warning.rank(), Level::Error.rank()), (6, 9, 10));
}

#[tokio::test]
async fn a_resend_is_stored_once_and_recognised_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [json!({"message": "a"}), json!({"message": "b"})];
    let store = open(&folder);
    let first = put(&store, batch(1, &entries), now()).await;
    let again = put(&store, batch(1, &entries), now()).await;
    store.close().await;
    let store = open(&folder);
    let later = put(&store, batch(1, &entries), now()).await;
    assert!(!first.is_duplicate);
    assert!(again.is_duplicate && later.is_duplicate);
    assert_eq!((again.row_id, later.row_id), (first.row_id, first.row_id));
    assert_eq!(messages(&store, EntryFilter::default()).await, ["b", "a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn resends_that_race_are_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(&store);
        senders
            .spawn(async move { put(&store, batch(1, &[json!({"message": "a"})]), now()).await });
    }
    let stored = senders.join_all().await;
    assert_eq!(stored.iter().filter(|stored| !stored.is_duplicate).count(), 1);
    assert_eq!(stored.iter().map(|stored| stored.row_id).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(messages(&store, EntryFilter::default()).await, ["a"]);
}

#[tokio::test]
async fn one_id_in_two_projects_is_two_batches() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for project in ["a", "b"] {
        let batch = batch(1, &[json!({"message": project})]);
        let stored = store.ingest(project.into(), batch, now()).await.unwrap();
        assert!(!stored.is_duplicate);
    }
    let filter = EntryFilter { project: Some("b".to_owned()), ..EntryFilter::default() };
    assert_eq!(messages(&store, filter).await, ["b"]);
}

#[tokio::test]
async fn a_batch_id_outlives_its_entries() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let entries = [json!({"message": "a"})];
    put(&store, batch(1, &entries), now()).await;
    store.retain(now() + 8 * DAY).await.unwrap();
    assert!(messages(&store, EntryFilter::default()).await.is_empty());
    assert!(put(&store, batch(1, &entries), now() + 13 * DAY).await.is_duplicate);
    store.retain(now() + 15 * DAY).await.unwrap();
    store.close().await;
    let store = open(&folder);
    assert!(!put(&store, batch(1, &entries), now() + 15 * DAY).await.is_duplicate);
}

#[tokio::test]
async fn retention_goes_by_arrival_and_leaves_what_is_young() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let ancient = json!({"message": "ancient", "timestamp": "1999-01-01T00:00:00Z"});
    put(&store, batch(1, &[json!({"message": "old"})]), now()).await;
    put(&store, batch(2, &[ancient]), now() + 5 * DAY).await;
    put(&store, other("pg_locks", &json!({"locks": []})), now()).await;
    store.retain(now() + 8 * DAY).await.unwrap();
    assert_eq!(messages(&store, EntryFilter::default()).await, ["ancient"]);
    let kept = "SELECT count(*) FROM requests WHERE data IS NOT NULL";
    let kept = store.readers.ask(|sql| sql.query_row(kept, [], |row| row.get::<_, i64>(0))).await;
    assert_eq!(kept.unwrap(), 0);
}

#[tokio::test]
async fn deleting_makes_the_file_smaller_while_requests_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let entry = json!({"message": "x".repeat(2000), "level": "ERROR"});
    for id in 0..10 {
        put(&store, batch(id, &vec![entry.clone(); 500]), now()).await;
    }
    put(&store, batch(99, &[json!({"message": "young"})]), now() + 7 * DAY).await;
    store.retain(now() + 8 * DAY).await.unwrap();
    put(&store, batch(100, &[json!({"message": "younger"})]), now() + 8 * DAY).await;
    store.close().await;
    assert!(size(&folder) < 1 << 20, "{} bytes are left", size(&folder));
    assert_eq!(messages(&open(&folder), EntryFilter::default()).await, ["younger", "young"]);
}

#[tokio::test]
async fn a_full_store_refuses_whole_requests_and_takes_them_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings { max_size_mb: Some(1), ..settings(&folder) }).unwrap();
    let entry = json!({"message": "x".repeat(1000)});
    let mut stored = 0;
    let error = loop {
        let batch = batch(stored, &vec![entry.clone(); 100]);
        match store.ingest("shop".into(), batch, now()).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(store.probe().await.is_err());
    let kept = messages(&store, EntryFilter::default()).await.len();
    assert_eq!(kept as u128, stored * 100, "half a request is stored");

    store.retain(now() + 8 * DAY).await.unwrap();
    store.probe().await.unwrap();
    put(&store, batch(stored, &[entry]), now() + 8 * DAY).await;
}

#[tokio::test]
async fn a_time_far_ahead_goes_by_its_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let at = |time: &str| json!({"message": time, "timestamp": time});
    let entries = [at("2926-01-28T12:00:00Z"), at("2026-01-28T12:00:01Z"), at("no time")];
    put(&store, batch(1, &entries), now()).await;
    let page = store.entries(EntryFilter::default(), None, 10).await.unwrap();
    let times = page.entries.iter().map(|row| row.timestamp).collect::<Vec<_>>();
    assert_eq!(times, [now() + SignedDuration::from_secs(1), now(), now()]);
}

#[tokio::test]
async fn each_filter_takes_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let plain = json!({"message": "plain", "timestamp": "2026-01-28T10:00:00Z", "level": "LOG"});
    let full = json!({"message": "Deadlock detected", "timestamp": "2026-01-28T11:00:00Z",
        "level": "ERROR", "pid": 17, "user": "app", "database": "shop", "duration_ms": 12.5,
        "statement": "SELECT 1", "state_code": "40P01", "event": "lock.deadlock_detected",
        "correlation_id": "c1"});
    put(&store, batch(1, &[plain, full]), now()).await;

    let text = |text: &str| Some(text.to_owned());
    let at = |time: &str| Some(time.parse().unwrap());
    let any = EntryFilter::default;
    for filter in [
        EntryFilter { from: at("2026-01-28T10:00:00.000001Z"), ..any() },
        EntryFilter { levels: Levels::AtLeast(Level::Info), ..any() },
        EntryFilter { levels: Levels::AtLeast(Level::Error), ..any() },
        EntryFilter { levels: Levels::In(vec![Level::Error, Level::Panic]), ..any() },
        EntryFilter { text: text("DEADLOCK"), ..any() },
        EntryFilter { text: text("select"), ..any() },
        EntryFilter { pid: Some(17), ..any() },
        EntryFilter { user: text("app"), ..any() },
        EntryFilter { database: text("shop"), ..any() },
        EntryFilter { event: text("lock.deadlock_detected"), ..any() },
        EntryFilter { state_code: text("40P01"), ..any() },
        EntryFilter { correlation_id: text("c1"), ..any() },
        EntryFilter { min_duration: Some(SignedDuration::from_millis(12)), ..any() },
    ] {
        let found = messages(&store, filter.clone()).await;
        assert_eq!(found, ["Deadlock detected"], "{filter:?}");
    }
    let before = EntryFilter { to: at("2026-01-28T11:00:00Z"), ..any() };
    assert_eq!(messages(&store, before).await, ["plain"]);
    let nobody = EntryFilter { project: text("nobody"), ..any() };
    assert!(messages(&store, nobody).await.is_empty());
}

#[tokio::test]
async fn very_large_entries_end_a_page_early_and_none_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let large = |number: usize| json!({"message": format!("{number}{}", "x".repeat(50_000))});
    put(&store, batch(1, &(0..5).map(large).collect::<Vec<_>>()), now()).await;
    let page = store.entries(EntryFilter::default(), None, 5).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    assert_eq!(messages(&store, EntryFilter::default()).await.len(), 5);
}

#[tokio::test]
async fn groups_count_what_differs_in_values_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let run = |ms: f64, id: i64| {
        json!({"level": "LOG", "duration_ms": ms, "message": "duration",
               "statement": format!("SELECT * FROM t WHERE id = {id}")})
    };
    let failure = |id: i64| json!({"level": "ERROR", "message": format!("no row {id}")});
    let parse =
        json!({"level": "LOG", "duration_ms": 9e9, "statement": "SELECT 1", "phase": "parse"});
    let warning = json!({"level": "WARNING", "message": "there is no transaction in progress"});
    let entries = [run(5.0, 1), run(15.0, 2), failure(1), failure(2), failure(3), parse, warning];
    put(&store, batch(1, &entries), now()).await;

    let scope = Scope { project: Some("shop".to_owned()), ..Scope::default() };
    for order in [StatementOrder::Max, StatementOrder::Mean, StatementOrder::Total] {
        let groups = store.slowest_statements(scope.clone(), order, 10).await.unwrap();
        let [group] = &groups[..] else { panic!("{groups:?}") };
        assert_eq!((group.calls, group.total_us, group.max_us), (2, 20_000, 15_000));
        assert!(group.slowest.json.contains("id = 2"));
    }
    let groups = store.errors(scope, 10).await.unwrap();
    let [group] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!(group.count, 3);
    assert!(group.latest.json.contains("no row 3"));
    let elsewhere = Scope { project: Some("x".to_owned()), ..Scope::default() };
    assert!(store.errors(elsewhere, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_newest_health_counts_and_a_batch_is_a_sign_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let health = |state: &str| {
        other(
            "agent_health",
            &json!({"agent": "db1", "version": "0.1.0", "started_at": 1.0,
                    "breaker": {"state": state, "consecutive_failures": 0, "opened_total": 0},
                    "buffer": {"batches": 0, "used_bytes": 0, "max_bytes": 1, "oldest_age_s": 0.0},
                    "ledger": {"read": 1, "delivered": 1, "waiting": 0, "dead_lettered": 0}}),
        )
    };
    put(&store, health("open"), now()).await;
    put(&store, health("closed"), now()).await;
    put(&store, batch(1, &[]), now() + DAY).await;
    let agents = store.agents(None).await.unwrap();
    let [agent] = &agents[..] else { panic!("{agents:?}") };
    assert_eq!((agent.agent.as_str(), agent.last_seen), ("db1", now() + DAY));
    assert!(agent.health.as_deref().unwrap().contains("closed"));
}

#[tokio::test]
async fn a_closed_store_is_one_file_that_can_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert!(matches!(Store::open(&settings(&folder)), Err(OpenError::InUse { .. })));
    put(&store, batch(1, &[json!({"message": "a"})]), now()).await;
    store.close().await;
    let wal = Path::new(&settings(&folder).path).with_extension("db-wal");
    assert!(!wal.exists());
    assert_eq!(messages(&open(&folder), EntryFilter::default()).await, ["a"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn pages_neither_skip_nor_repeat(
        seconds in proptest::collection::vec(0_i64..4, 1..40),
        limit in 1_usize..5,
        is_filtered: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder);
            let entry = |second: &i64| {
                let time = now() + SignedDuration::from_secs(*second);
                json!({"message": "m", "timestamp": time.to_string(), "level": "ERROR"})
            };
            put(&store, batch(1, &seconds.iter().map(entry).collect::<Vec<_>>()), now()).await;
            let levels = if is_filtered { Levels::AtLeast(Level::Error) } else { Levels::Any };
            let filter = EntryFilter { levels, ..EntryFilter::default() };

            let mut seen = Vec::new();
            let mut cursor = None;
            loop {
                let page = store.entries(filter.clone(), cursor, limit).await.unwrap();
                seen.extend(page.entries.iter().map(|row| (row.timestamp, row.id)));
                let Some(next) = page.next else { break };
                cursor = Cursor::parse(&next.to_string());
            }
            prop_assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
            prop_assert_eq!(seen.len(), seconds.len());
            Ok(())
        })?;
    }
}
