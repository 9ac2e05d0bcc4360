//! What the API server answers: bounded in size, and never silently cut short.
//!
//! kube's own `request_events` drops a line that ends too early, takes any other object for an empty Status, and has no limits.

use std::ops::Deref;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, try_unfold};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::error::{ApiError, ErrorClass};

/// An object of etcd has at most 1.5 MB by default, an event of it not much more.
const LONGEST_LINE: usize = 8 << 20;
/// Of an error only a sentence is shown.
const LARGEST_ERROR: usize = 64 << 10;

/// An answer that says yes.
pub(super) async fn accepted(response: Response<Body>) -> Result<Response<Body>, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    let body = whole(response.into_body(), LARGEST_ERROR).await.unwrap_or_default();
    Err(ApiError::answered(status.as_u16(), retry_after, &body))
}

/// The API server gives seconds. A proxy may give a date, which says little where clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A small answer as a whole.
pub(super) async fn object<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let json = whole(body, LONGEST_LINE).await?;
    serde_json::from_slice(&json).map_err(|e| ApiError::new(ErrorClass::Malformed, e.to_string()))
}

async fn whole(mut body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while take_in(&mut body, &mut bytes).await? {
        if bytes.len() > limit {
            return Err(ApiError::new(ErrorClass::Malformed, format!("more than {limit} bytes")));
        }
    }
    Ok(bytes)
}

/// The lines of a watch. A last one without its end is left out: the next watch tells it again.
pub(super) fn lines(body: Body) -> BoxStream<'static, Result<Vec<u8>, ApiError>> {
    let start = Lines { body, bytes: Vec::new(), read: 0, searched: 0 };
    try_unfold(start, |mut lines| async move { Ok(lines.next().await?.map(|line| (line, lines))) }).boxed()
}

struct Lines {
    body: Body,
    bytes: Vec<u8>,
    /// How much of `bytes` was given out as lines.
    read: usize,
    /// Up to where `bytes` holds no further line's end.
    searched: usize,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        loop {
            if let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + length + 1;
                let line = self.bytes[self.read..end].to_vec();
                (self.read, self.searched) = (end, end);
                return Ok(Some(line));
            }
            // Only what begins the next line is kept: once for each piece that comes, not for each line.
            self.bytes.drain(..self.read);
            (self.read, self.searched) = (0, self.bytes.len());
            if self.searched > LONGEST_LINE {
                return Err(ApiError::new(ErrorClass::Malformed, format!("a line of more than {LONGEST_LINE} bytes")));
            }
            if !take_in(&mut self.body, &mut self.bytes).await? {
                return Ok(None);
            }
        }
    }
}

/// Takes in what comes next; false at the end.
async fn take_in(body: &mut Body, bytes: &mut Vec<u8>) -> Result<bool, ApiError> {
    let piece = piece(body).await?;
    bytes.extend_from_slice(piece.as_deref().unwrap_or_default());
    Ok(piece.is_some())
}

/// What comes next of an answer; `None` at the end.
pub(super) async fn piece(body: &mut Body) -> Result<Option<impl Deref<Target = [u8]> + use<>>, ApiError> {
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

    async fn split(text: &[u8]) -> Vec<Result<String, ApiError>> {
        let line = |line: Result<Vec<u8>, ApiError>| line.map(|bytes| String::from_utf8(bytes).unwrap());
        lines(Body::from(text.to_vec())).map(line).collect().await
    }

    #[tokio::test]
    async fn lines_are_whole_and_bounded() {
        let whole: Vec<_> = split(b"a\n\nbc\ncut short").await.into_iter().map(Result::unwrap).collect();
        assert_eq!(whole, ["a\n", "\n", "bc\n"]);
        assert!(split(b"").await.is_empty());
        let endless = split(&vec![b'x'; LONGEST_LINE + 1]).await;
        assert_eq!(endless[0].as_ref().unwrap_err().class, ErrorClass::Malformed);
        assert_eq!(endless.len(), 1);
    }

    #[tokio::test]
    async fn objects_are_bounded() {
        let object = object::<serde_json::Value>(Body::from(vec![b' '; LONGEST_LINE + 1])).await;
        assert_eq!(object.unwrap_err().class, ErrorClass::Malformed);
    }
}
