//! What a listener answers.

use serde::{Deserialize, Serialize};

use crate::Source;

/// The body of a 200: the request is stored, now or earlier, and the sender may forget it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Always true in an answer; whatever says otherwise is not one.
    pub success: bool,
    /// The stored request's row, for whoever debugs both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_id: Option<i64>,
    /// The request's source, as understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// True where the batch id was known already and nothing new was stored.
    #[serde(default, skip_serializing_if = "is_false")]
    pub duplicate: bool,
}

/// The body of a 4xx or 5xx: nothing of the request is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The status in words, such as `Bad Request`.
    pub error: String,
    /// What is wrong, for a person.
    #[serde(default)]
    pub message: String,
    /// Where it is wrong and what to do, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
