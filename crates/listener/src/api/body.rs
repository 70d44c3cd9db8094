//! Receives a request's body within bounds: of size, of time, and of what it decompresses to.

use std::{
    borrow::Cow,
    io::{self, Read},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, header},
};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::time;
use wire::{MAX_BODY_BYTES, MAX_DECODED_BYTES};

use crate::api::Refused;

/// The largest window that a zstd frame may ask for, as a power of two: what a body may decode to.
const MAX_WINDOW_LOG: u32 = 25;

/// How long and how much of a refused body is read, so that the sender reads our answer. Closing the
/// connection on what it still sends would make its kernel throw the answer away.
const DRAIN: (Duration, usize) = (Duration::from_secs(2), 2 * MAX_BODY_BYTES);

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Zstd,
    Gzip,
}

impl Encoding {
    /// Reads `Content-Encoding`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Self::Identity);
        };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "zstd" => Ok(Self::Zstd),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            other => Err(Refused::unknown_encoding(other)),
        }
    }
}

/// How large the body may be in bytes: what it says, or the limit where it says nothing.
pub(super) fn announced_bytes(body: &Body) -> Result<usize, Refused> {
    let Some(exact) = body.size_hint().exact() else { return Ok(MAX_BODY_BYTES) };
    usize::try_from(exact).ok().filter(|bytes| *bytes <= MAX_BODY_BYTES).ok_or_else(too_large)
}

/// Receives a whole body.
pub(super) async fn receive(body: Body, timeout: Duration) -> Result<Vec<u8>, Refused> {
    let mut body = body;
    let receiving = async {
        let mut received = Vec::with_capacity(announced_bytes(&body)?.min(MAX_BODY_BYTES / 8));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::bad_request("The body was cut off"))?;
            let Some(bytes) = frame.data_ref() else { continue };
            if received.len() + bytes.len() > MAX_BODY_BYTES {
                return Err(too_large());
            }
            received.extend_from_slice(bytes);
        }
        Ok(received)
    };
    let late = || {
        Refused::timeout(format!("The body took longer than {} s", timeout.as_secs_f32()))
            .detail("hint: send smaller batches, or raise limits.body_timeout_s")
    };
    match time::timeout(timeout, receiving).await.map_err(|_| late())? {
        Ok(received) => Ok(received),
        Err(refused) => {
            discard(body).await;
            Err(refused)
        }
    }
}

/// Reads the rest of a body that is refused, up to a point.
pub(super) async fn discard(mut body: Body) {
    let (timeout, mut bytes_left) = DRAIN;
    let discarding = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(left) = bytes_left.checked_sub(bytes) else { break };
            bytes_left = left;
        }
    };
    drop(time::timeout(timeout, discarding).await);
}

/// Decompresses a body, and stops where it gets too large.
pub(super) fn decode(body: &[u8], encoding: Encoding) -> Result<Cow<'_, [u8]>, Refused> {
    let (name, decoded) = match encoding {
        Encoding::Identity => return Ok(Cow::Borrowed(body)),
        Encoding::Gzip => ("gzip", read_past_limit(MultiGzDecoder::new(body))),
        Encoding::Zstd => ("zstd", unzstd(body)),
    };
    let decoded = decoded.map_err(|error| {
        Refused::bad_request("Invalid compression")
            .detail(format!("the body is not {name}: {error}"))
            .detail("hint: Content-Encoding must name how the body is compressed")
    })?;
    if decoded.len() > MAX_DECODED_BYTES {
        let message = format!("The body decompresses to more than {MAX_DECODED_BYTES} bytes");
        return Err(Refused::too_large(message).detail("hint: send fewer entries in one request"));
    }
    Ok(Cow::Owned(decoded))
}

fn unzstd(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    read_past_limit(decoder)
}

/// Reads one byte more than is taken, to know that there is more.
fn read_past_limit(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    reader.take(MAX_DECODED_BYTES as u64 + 1).read_to_end(&mut decoded)?;
    Ok(decoded)
}

fn too_large() -> Refused {
    Refused::too_large(format!("The body is larger than {MAX_BODY_BYTES} bytes"))
        .detail("hint: send fewer entries in one request, or compress it")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::StatusCode;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_encodings_give_the_same_body() {
        let body = b"{}".repeat(1000);
        assert_eq!(decode(&body, Encoding::Identity).unwrap(), body);
        assert_eq!(decode(&gzip(&body), Encoding::Gzip).unwrap(), body);
        let zstd = zstd::encode_all(&body[..], 3).unwrap();
        assert_eq!(decode(&zstd, Encoding::Zstd).unwrap(), body);
    }

    #[test]
    fn a_bomb_is_refused_before_it_has_gone_off() {
        let bomb = vec![b' '; MAX_DECODED_BYTES + 1];
        for (body, encoding) in [
            (gzip(&bomb), Encoding::Gzip),
            (zstd::encode_all(&bomb[..], 3).unwrap(), Encoding::Zstd),
        ] {
            let refused = decode(&body, encoding).unwrap_err();
            assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
    }

    #[test]
    fn a_cut_body_is_refused() {
        let body = b"{}".repeat(1000);
        for (body, encoding) in [
            (gzip(&body), Encoding::Gzip),
            (zstd::encode_all(&body[..], 3).unwrap(), Encoding::Zstd),
        ] {
            assert!(decode(&body[..body.len() - 3], encoding).is_err(), "{encoding:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&body, Encoding::Gzip));
            drop(decode(&body, Encoding::Zstd));
        }
    }
}
