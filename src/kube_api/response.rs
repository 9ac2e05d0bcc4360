//! The answers of the API server: bounded in size, and never silently cut short.

use std::ops::Deref;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::error::{ApiError, ErrorClass};

/// The largest pod that is read. By default an object in etcd has at most 1.5 MB, and the API
/// server refuses requests of more than 3 MB.
pub(super) const LARGEST_OBJECT: usize = 4 << 20;
/// Messages show only one sentence of an error.
const LARGEST_ERROR: usize = 64 << 10;

/// A successful response.
pub(super) async fn accepted(response: Response<Body>) -> Result<Response<Body>, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    let body = whole(response.into_body(), LARGEST_ERROR).await.unwrap_or_default();
    Err(ApiError::answered(status.as_u16(), retry_after, &body))
}

/// The API server sends seconds. A proxy may send a date, which is unreliable if clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads a small answer as a whole.
pub(super) async fn object<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let json = whole(body, LARGEST_OBJECT).await?;
    serde_json::from_slice(&json).map_err(|e| ApiError::caused_by(ErrorClass::Malformed, e))
}

async fn whole(mut body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while append_piece(&mut body, &mut bytes).await? {
        if bytes.len() > limit {
            return Err(ApiError::new(ErrorClass::Malformed, format!("more than {limit} bytes")));
        }
    }
    Ok(bytes)
}

/// Appends the next piece of an answer; returns false at the end.
async fn append_piece(body: &mut Body, bytes: &mut Vec<u8>) -> Result<bool, ApiError> {
    let piece = piece(body).await?;
    bytes.extend_from_slice(piece.as_deref().unwrap_or_default());
    Ok(piece.is_some())
}

/// Returns the next piece of an answer, and `None` at the end.
pub(super) async fn piece(
    body: &mut Body,
) -> Result<Option<impl Deref<Target = [u8]> + use<>>, ApiError> {
    while let Some(frame) = body.frame().await {
        // Frames of another kind are trailers.
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn objects_are_bounded() {
        let object = object::<serde_json::Value>(Body::from(vec![b' '; LARGEST_OBJECT + 1])).await;
        assert_eq!(object.unwrap_err().class, ErrorClass::Malformed);
    }
}
