//! What an answer means. The one table from status to outcome.
//!
//! No status makes data disappear: a batch is delivered only by an answer that says so, in words that
//! only a listener uses.

use std::time::{Duration, SystemTime};

use wire::{Answer, Refusal};

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The listener has stored the batch, now or earlier.
    Delivered {
        /// True where it knew the batch already.
        duplicate: bool,
    },
    /// The listener cannot be reached or cannot work. Counts for the circuit breaker.
    Failed {
        /// What happened.
        why: String,
    },
    /// The listener asks for a pause.
    Busy {
        /// How long, where it says so.
        retry_after: Option<Duration>,
    },
    /// The listener refuses the agent, whatever it sends: the operator has to mend something.
    Held {
        /// What the operator has to mend.
        hint: &'static str,
        /// What the listener said.
        why: String,
    },
    /// The batch is larger than the listener takes.
    TooLarge {
        /// What the listener said.
        why: String,
    },
    /// The listener refuses what is in the batch.
    Rejected {
        /// What the listener said.
        why: String,
    },
}

/// The parts of an answer that decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// What the operator has to mend, in terms of what is configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    server: &'static str,
    key: &'static str,
    path: &'static str,
    form: &'static str,
}

/// Those for the listener.
const LISTENER: Hints = Hints {
    server: "check listener.url: what answers there is no pgcourier listener",
    key: "check listener.api_key or listener.api_key_file: the listener knows no such key",
    path: "check listener.url: the listener has nothing there; the path is /ingest/postgres",
    form: "set listener.compression to gzip or none: bodies as they are sent are not taken there",
};

/// Those for an output.
pub(super) const OUTPUT: Hints = Hints {
    server: "check the output's url: what answers there takes nothing of its kind",
    key: "check the output's token, token_file or headers: the receiver does not take them",
    path: "check the output's url: the receiver has nothing there",
    form: "check the output's kind and url: bodies of its kind, with gzip, are not taken there",
};

const WRONG_PROXY: &str = "put the proxy's user and password into HTTPS_PROXY or HTTP_PROXY";

/// How long to wait for a listener that is still at work on the same batch.
const IN_PROGRESS_PAUSE: Duration = Duration::from_secs(1);

impl Delivery {
    /// Reads an answer. `now` is the time of day, for a `Retry-After` that is a date.
    pub(super) fn of(reply: &Reply<'_>, now: SystemTime) -> Self {
        match reply.status {
            200..=299 => Self::of_success(reply),
            _ => Self::of_status(reply, now, &LISTENER),
        }
    }

    /// Reads the status of an answer, of whatever receiver.
    pub(super) fn of_status(reply: &Reply<'_>, now: SystemTime, hints: &Hints) -> Self {
        let said = || said_by(reply);
        let retry_after = reply.retry_after.and_then(|value| read_retry_after(value, now));
        match reply.status {
            200..=299 => Self::Delivered { duplicate: false },
            400 | 422 => Self::Rejected { why: said() },
            401 | 403 => Self::Held { hint: hints.key, why: said() },
            404 | 405 | 410 => Self::Held { hint: hints.path, why: said() },
            413 => Self::TooLarge { why: said() },
            415 => Self::Held { hint: hints.form, why: said() },
            // Another request with the same batch is being worked on.
            409 => Self::Busy { retry_after: retry_after.or(Some(IN_PROGRESS_PAUSE)) },
            407 => Self::Held { hint: WRONG_PROXY, why: said() },
            429 => Self::Busy { retry_after },
            503 if retry_after.is_some() => Self::Busy { retry_after },
            408 | 425 | 500..=599 => Self::Failed { why: said() },
            _ => Self::Held { hint: hints.server, why: said() },
        }
    }

    /// A success is one only in a listener's own words.
    fn of_success(reply: &Reply<'_>) -> Self {
        match serde_json::from_slice::<Answer>(reply.body) {
            Ok(answer) if answer.success => Self::Delivered { duplicate: answer.duplicate },
            _ => Self::Held { hint: LISTENER.server, why: said_by(reply) },
        }
    }
}

/// The status, and what the listener said in words.
fn said_by(reply: &Reply<'_>) -> String {
    let words = match serde_json::from_slice::<Refusal>(reply.body) {
        Ok(refusal) if !refusal.message.is_empty() => {
            [&[refusal.message][..], &refusal.details].concat().join("; ")
        }
        Ok(_) | Err(_) => String::from_utf8_lossy(reply.body).chars().take(200).collect(),
    };
    format!("{} {}", reply.status, words.trim()).trim_end().to_owned()
}

/// The longest pause that an answer can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Reads seconds or an HTTP date.
fn read_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let pause = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value.trim())
            .ok()?
            .duration_since(now)
            .unwrap_or(Duration::ZERO),
    };
    Some(pause.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> Delivery {
        let reply = Reply { status, retry_after: None, body: body.as_bytes() };
        Delivery::of(&reply, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn only_a_listeners_own_success_delivers() {
        for status in 100..=599 {
            for body in ["", "{}", "<html>ok</html>", r#"{"success":false}"#] {
                let delivery = outcome(status, body);
                assert!(!matches!(delivery, Delivery::Delivered { .. }), "{status} {body}");
            }
        }
        assert_eq!(outcome(200, r#"{"success":true}"#), Delivery::Delivered { duplicate: false });
        let known = r#"{"success":true,"row_id":7,"source":"pg_log","duplicate":true}"#;
        assert_eq!(outcome(200, known), Delivery::Delivered { duplicate: true });
    }

    #[test]
    fn every_status_has_its_outcome() {
        for status in 100..=599 {
            let expected = match status {
                400 | 422 => "Rejected",
                413 => "TooLarge",
                409 | 429 => "Busy",
                408 | 425 | 500..=599 => "Failed",
                _ => "Held",
            };
            let delivery = format!("{:?}", outcome(status, "x"));
            assert!(delivery.starts_with(expected), "{status}: {delivery}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let busy = |status, value: &str| {
            let reply = Reply { status, retry_after: Some(value), body: b"" };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
            Delivery::of(&reply, now)
        };
        let seconds = |seconds| Delivery::Busy { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(busy(429, "2"), seconds(2));
        assert_eq!(busy(503, "7"), seconds(7));
        assert_eq!(busy(429, "Sun, 06 Nov 1994 08:49:37 GMT"), seconds(30));
        assert_eq!(busy(429, "99999999"), seconds(3600));
        assert_eq!(busy(429, "soon"), Delivery::Busy { retry_after: None });
    }

    #[test]
    fn listeners_words_reach_the_operator() {
        let refusal = r#"{"error":"Bad Request","message":"no","details":["data.count: 3"]}"#;
        assert_eq!(
            outcome(400, refusal),
            Delivery::Rejected { why: "400 no; data.count: 3".to_owned() }
        );
        // Others have words of their own.
        for status in [200, 401, 500] {
            let body = r#"{"success":false,"error":"disk is full"}"#;
            let delivery = format!("{:?}", outcome(status, body));
            assert!(delivery.contains("disk is full"), "{delivery}");
        }
    }

    #[test]
    fn hints_name_what_is_configured_for_whoever_answers() {
        for status in [301, 401, 403, 404, 415, 418] {
            let reply = Reply { status, retry_after: None, body: b"" };
            let hint = |hints| match Delivery::of_status(&reply, SystemTime::UNIX_EPOCH, hints) {
                Delivery::Held { hint, .. } => hint,
                other => panic!("{other:?}"),
            };
            assert!(hint(&LISTENER).contains("listener."), "{status}");
            assert!(hint(&OUTPUT).contains("the output's"), "{status}");
        }
        assert!(format!("{:?}", outcome(415, "")).contains("listener.compression"));
    }
}
