//! The page for a browser.

use serde_json::json;
use uuid::Uuid;

use crate::client::{Listener, batch};

fn page(listener: &Listener, path: &str) -> String {
    let reply = listener.get(path);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    reply.text()
}

#[test]
fn an_empty_listener_tells_how_to_start_an_agent() {
    let listener = Listener::start();
    let page = page(&listener, "/");
    assert!(page.contains("pgcourier run"), "{page}");
    assert!(page.contains("PGCOURIER_LISTENER__URL=http://localhost/ingest/postgres"), "{page}");
    assert!(page.contains("[projects.crm]"), "{page}");
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let listener = Listener::start();
    let entry = json!({"message": "<script>alert(1)</script> \u{0}\u{202e}\"'",
        "level": "ERROR", "user": "\"><img src=x onerror=alert(2)>", "<b>key": "</dd><script>",
        "database": "'><svg onload=alert(3)>", "state_code": "<i>", "statement": "</pre><script>"});
    let mut body = batch(Uuid::now_v7(), &[entry]);
    body["data"]["batch"]["agent"] = json!("<script>agent</script>");
    body["data"]["batch"]["file"] = json!("<script>file</script>");
    assert_eq!(listener.post(&body).status, 200);
    for path in ["/", "/?text=%3Cscript%3E%22&from=%22%3E%3Cscript%3E&user=%3Cscript%3E"] {
        let page = listener.get(path).text();
        for (at, _) in page.match_indices("<script") {
            assert!(page[at..].starts_with("<script src=\"/live.js\""), "{}", &page[at..at + 60]);
        }
        for tag in ["<img src=x", "<svg onload", "<i>", "\u{0}", "\u{202e}", "style=", "onclick="] {
            assert!(!page.contains(tag), "{tag:?} in {path}");
        }
    }
    let page = page(&listener, "/");
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62; ␀⟨U+202E⟩"), "{page}");
}

#[test]
fn a_message_of_a_megabyte_does_not_make_a_page_of_a_megabyte() {
    let listener = Listener::start();
    let entry = json!({"message": "x".repeat(1 << 20), "level": "LOG"});
    listener.post(&batch(Uuid::now_v7(), &[entry]));
    let page = page(&listener, "/");
    assert!(page.len() < 40_000, "{} bytes", page.len());
    assert!(page.contains("1020 kB more in <a href=\"/api/entries/1\">JSON</a>"), "{page}");
}

#[test]
fn the_form_shows_what_the_address_asks_for() {
    let listener = Listener::start();
    let entries = [json!({"message": "kept", "level": "ERROR"}), json!({"message": "left out"})];
    listener.post(&batch(Uuid::now_v7(), &entries));
    let page = page(&listener, "/?text=KEPT&level=WARNING&project=shop&pid=");
    assert!(page.contains("name=\"text\" type=\"search\" value=\"KEPT\""), "{page}");
    assert!(page.contains("<option value=\"WARNING\" selected>"), "{page}");
    assert!(page.contains("<option value=\"shop\" selected>"), "{page}");
    assert!(page.contains("kept") && !page.contains("left out"), "{page}");
    assert!(page.contains("data-src=\"/parts/entries?text=KEPT&#38;level=WARNING"), "{page}");
}

#[test]
fn a_parameter_that_cannot_be_read_is_shown_as_a_problem() {
    let listener = Listener::start();
    let reply = listener.get("/?from=yesterday");
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("role=\"alert\">Invalid query parameter: from: "));
}

#[test]
fn every_part_of_the_page_can_be_had_alone() {
    let listener = Listener::start();
    let entries = [
        json!({"message": "no such table", "level": "ERROR"}),
        json!({"statement": "SELECT 17", "duration_ms": 700.5, "level": "LOG"}),
    ];
    listener.post(&batch(Uuid::now_v7(), &entries));
    let whole = page(&listener, "/");
    for (part, text) in [
        ("entries", "<bdi class=\"headline\">SELECT 17</bdi>"),
        ("errors", "<bdi>no such table</bdi>"),
        ("statements", "<code>SELECT ?</code>"),
        ("agents", "<bdi class=\"name\">db1</bdi>"),
    ] {
        assert!(page(&listener, &format!("/parts/{part}")).contains(text), "{part}");
        assert!(whole.contains(text), "{part}");
    }
    assert_eq!(listener.get("/parts/other").status, 404);
}

#[test]
fn older_entries_are_a_link_away_and_stand_still() {
    let listener = Listener::start();
    let entries = (0..5).map(|number| json!({"message": format!("number {number}")}));
    listener.post(&batch(Uuid::now_v7(), &entries.collect::<Vec<_>>()));
    let first = page(&listener, "/?limit=3&project=shop");
    let (_, rest) = first.split_once("href=\"/?limit=3&#38;project=shop&#38;cursor=").unwrap();
    let (cursor, _) = rest.split_once('"').unwrap();
    let second = page(&listener, &format!("/?limit=3&project=shop&cursor={cursor}"));
    assert!(second.contains("number 1") && !second.contains("number 2"), "{second}");
    assert!(first.contains("data-src") && !second.contains("data-src"));
}

#[test]
fn the_page_needs_the_read_key_and_its_files_do_not() {
    let listener = Listener::with(|config| config.server.read_key = Some("r".into()));
    for path in ["/", "/parts/entries"] {
        let reply = listener.get(path);
        assert_eq!(reply.status, 401);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Basic realm="));
    }
    for path in ["/style.css", "/live.js", "/icon.svg"] {
        let reply = listener.get(path);
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (200, Some("no-cache")),
            "{path}"
        );
        let tag = reply.header("etag").unwrap();
        let again = listener.get_with(path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
}

#[test]
fn an_agent_in_trouble_says_why() {
    let listener = Listener::start();
    let health = json!({"agent": "db7", "version": "0.1.0", "started_at": 1.0,
        "breaker": {"state": "open", "consecutive_failures": 5, "opened_total": 2},
        "buffer": {"batches": 1, "used_bytes": 4096, "max_bytes": 8192, "oldest_age_s": 1.5},
        "ledger": {"read": 1, "delivered": 0, "waiting": 1, "dead_lettered": 3, "lost": {"evicted": 1200}}});
    let body = json!({"project": "p", "timestamp": 1, "source": "agent_health", "data": health});
    listener.post(&body);
    let part = page(&listener, "/parts/agents");
    for text in [
        "<span class=\"badge\">breaker open</span>",
        "breaker open, 5 failures in a row",
        "buffer 1 batch, 4.0 kB of 8.0 kB",
        "3 refused",
        "1,200 lost (evicted)",
    ] {
        assert!(part.contains(text), "{text}: {part}");
    }
}
