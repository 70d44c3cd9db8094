//! What a busy shop might log.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Entries of one moment; some kinds come only now and then, by `number`.
pub(crate) fn entries(number: u64, now: Timestamp) -> Vec<Value> {
    let moment = Moment { number, now };
    let mut entries = moment.queries();
    if number.is_multiple_of(2) {
        entries.push(moment.duplicate_key());
    }
    if number.is_multiple_of(5) {
        entries.push(moment.deadlock());
        entries.push(moment.timed(400, 8_421.7, "VACUUM (ANALYZE) order_lines"));
    }
    if number.is_multiple_of(7) {
        entries.push(moment.checkpoint());
        let text = "there is no transaction in progress";
        entries.push(moment.session(430, "WARNING", text, json!({"state_code": "25P01"})));
    }
    if number.is_multiple_of(11) {
        let text = "remaining connection slots are reserved for roles with the SUPERUSER attribute";
        entries.push(moment.session(440, "FATAL", text, json!({"state_code": "53300"})));
        let text = "canceling statement due to statement timeout <script>alert(1)</script>";
        entries.push(moment.session(450, "ERROR", text, json!({"state_code": "57014"})));
    }
    if number.is_multiple_of(13) {
        entries.extend(moment.hostile());
    }
    entries
}

struct Moment {
    number: u64,
    now: Timestamp,
}

impl Moment {
    fn at(&self, ms: i64) -> String {
        let time = self.now.checked_add(SignedDuration::from_millis(ms)).unwrap_or(self.now);
        time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// An entry of a client's session, with more keys.
    fn session(&self, ms: i64, level: &str, message: &str, more: Value) -> Value {
        let mut entry = json!({
            "timestamp": self.at(ms), "pid": 4_700 + self.number % 40, "level": level,
            "message": message, "user": "app", "database": "shop",
            "application_name": "checkout-worker", "remote_host": "10.4.0.17",
            "session_id": "69f2c1b0.125c", "backend_type": "client backend"});
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
            entry.extend(more);
        }
        entry
    }

    fn timed(&self, ms: i64, duration: f64, statement: &str) -> Value {
        let message = format!("duration: {duration:.3} ms  statement: {statement}");
        let more = json!({"duration_ms": duration, "statement": statement,
            "event": "statement.duration"});
        self.session(ms, "LOG", &message, more)
    }

    fn queries(&self) -> Vec<Value> {
        let (customer, sku) = (self.number * 37 % 9_001, self.number * 7_919 % 100_000);
        let orders = format!(
            "SELECT id, total, state FROM orders WHERE customer_id = {customer} \
             ORDER BY created_at DESC LIMIT 20"
        );
        let stock = format!(
            "UPDATE stock SET reserved = reserved + 1 WHERE sku = 'SKU-{sku:05}' \
             AND reserved < on_hand RETURNING reserved"
        );
        vec![
            self.timed(10, 3.2 + self.spread(9), &orders),
            self.timed(140, 240.0 + self.spread(900), REPORT),
            self.timed(220, 18.0 + self.spread(60), &stock),
        ]
    }

    fn duplicate_key(&self) -> Value {
        let key = self.number.wrapping_mul(2_654_435_761) & 0xffff_ffff;
        let more = json!({
            "detail": format!("Key (idempotency_key)=({key:08x}) already exists."),
            "statement": "INSERT INTO orders (customer_id, idempotency_key, total) \
                          VALUES ($1, $2, $3)",
            "state_code": "23505", "event": "error.unique_constraint_violation"});
        let text = "duplicate key value violates unique constraint \"orders_idempotency_key_key\"";
        self.session(300, "ERROR", text, more)
    }

    fn deadlock(&self) -> Value {
        let more = json!({
            "detail": DEADLOCK, "hint": "See server log for query details.",
            "context": "while updating tuple (118,42) in relation \"stock\"",
            "statement": "UPDATE stock SET on_hand = on_hand - 3 WHERE sku = 'SKU-00017'",
            "state_code": "40P01", "event": "lock.deadlock_detected",
            "fields": {"processes": [
                {"pid": 4_711, "transaction": 88_123, "blocked_by": 4_718},
                {"pid": 4_718, "transaction": 88_121, "blocked_by": 4_711}]},
            "correlation_id": "3c8c1f6e-0c2b-4d4e-9a0a-3c7f8f1f6f11"});
        self.session(310, "ERROR", "deadlock detected", more)
    }

    fn checkpoint(&self) -> Value {
        json!({"timestamp": self.at(420), "pid": 612, "level": "LOG",
            "event": "checkpoint.complete", "backend_type": "checkpointer",
            "message": "checkpoint complete: wrote 4211 buffers (25.7%); 0 WAL file(s) added, \
                        0 removed, 2 recycled; write=26.973 s, sync=0.008 s, total=27.010 s",
            "fields": {"buffers": 4_211, "write_ms": 26_973, "sync_ms": 8, "total_ms": 27_010}})
    }

    fn hostile(&self) -> [Value; 2] {
        let name = "table \"import_\u{202e}gnp.exe\u{0}\" does not exist, skipping";
        let json_bomb =
            format!("invalid input syntax for type json: {}", "{\"x\": ".repeat(40_000));
        [
            self.session(460, "NOTICE", name, json!({})),
            self.session(470, "ERROR", &json_bomb, json!({"state_code": "22P02"})),
        ]
    }

    /// Some number from 0 to `width`.
    fn spread(&self, width: u32) -> f64 {
        let number = self.number.wrapping_mul(2_654_435_761) % u64::from(width);
        f64::from(u32::try_from(number).unwrap_or(0))
    }
}

/// An agent that is well.
pub(crate) fn health(agent: &str, delivered: i64) -> Value {
    json!({"agent": agent, "version": "0.1.0", "started_at": 1_769_500_000.0,
        "breaker": {"state": "closed", "consecutive_failures": 0, "opened_total": 1},
        "buffer": {"batches": 1, "used_bytes": 49_152, "max_bytes": 104_857_600,
            "oldest_age_s": 0.4},
        "ledger": {"read": delivered + 3, "delivered": delivered, "waiting": 3,
            "dead_lettered": 0, "lost": {}},
        "files": [{"path": "/var/log/postgresql/postgresql-15-main.log",
            "position": 812_331_002, "size": 812_331_002, "lag_bytes": 0}]})
}

/// An agent that has seen better days.
pub(crate) fn ill_health() -> Value {
    json!({"agent": "db-warehouse-2", "version": "0.1.0", "started_at": 1_769_500_000.0,
        "breaker": {"state": "half_open", "consecutive_failures": 6, "opened_total": 3},
        "buffer": {"batches": 412, "used_bytes": 88_000_000, "max_bytes": 104_857_600,
            "oldest_age_s": 5_401.0},
        "ledger": {"read": 990_204, "delivered": 771_000, "waiting": 206_000,
            "dead_lettered": 4, "lost": {"evicted": 13_200}},
        "files": [{"path": "/log/a.csv", "position": 10, "size": 48_000_000,
            "lag_bytes": 47_999_990}]})
}

const REPORT: &str = "SELECT date_trunc('day', o.created_at) AS day,
       sum(l.quantity * l.price) AS revenue,
       count(DISTINCT o.customer_id) AS customers
  FROM orders o
  JOIN order_lines l ON l.order_id = o.id
 WHERE o.created_at >= now() - interval '30 days'
   AND o.state IN ('paid', 'shipped', 'delivered')
 GROUP BY 1
 ORDER BY 1";

const DEADLOCK: &str =
    "Process 4711 waits for ShareLock on transaction 88123; blocked by process 4718.
Process 4718 waits for ShareLock on transaction 88121; blocked by process 4711.
Process 4711: UPDATE stock SET on_hand = on_hand - 3 WHERE sku = 'SKU-00017'
Process 4718: UPDATE stock SET on_hand = on_hand - 1 WHERE sku = 'SKU-00042'";
