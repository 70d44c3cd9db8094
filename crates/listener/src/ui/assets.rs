//! The files that the page refers to.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// A file that is part of the program.
struct Asset {
    content: &'static str,
    content_type: &'static str,
}

const STYLE: Asset =
    Asset { content: include_str!("../../assets/style.css"), content_type: "text/css" };
const SCRIPT: Asset =
    Asset { content: include_str!("../../assets/live.js"), content_type: "text/javascript" };
const ICON: Asset =
    Asset { content: include_str!("../../assets/icon.svg"), content_type: "image/svg+xml" };

/// `GET /style.css`.
pub(super) async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

/// `GET /live.js`.
pub(super) async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

/// `GET /icon.svg`.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}

impl Asset {
    /// Sends the file, unless the browser has this very one.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = format!("\"{:x}\"", checksum(self.content));
        let cached = headers.get(header::IF_NONE_MATCH);
        let is_known = cached.is_some_and(|cached| cached.as_bytes() == tag.as_bytes());
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.content_type)], self.content).into_response()
        };
        let headers = response.headers_mut();
        // Ask each time: a new version of the program must not meet an old script.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Tells versions of a file apart.
fn checksum(content: &str) -> u32 {
    content.bytes().fold(0, |sum: u32, byte| sum.rotate_left(5) ^ sum >> 7 ^ u32::from(byte))
}
