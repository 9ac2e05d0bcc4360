//! What the API server answers: bounded in size, and never silently cut short.
//!
//! kube's own `request_events` drops a line that ends too early, takes any other object for an empty Status, and has no limits.

use futures_util::stream::{BoxStream, StreamExt, try_unfold};
use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::failure::{Class, Failure};

/// An object of etcd has at most 1.5 MB by default, an event of it not much more.
const LONGEST_LINE: usize = 8 << 20;
/// A page of 500 pods has some MB.
const LARGEST_PAGE: usize = 64 << 20;
/// Of an error only a sentence is shown.
const LARGEST_ERROR: usize = 64 << 10;

/// The body of an answer that says yes.
pub(super) async fn accepted(response: Response<Body>) -> Result<Body, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    let body = whole(response.into_body(), LARGEST_ERROR).await.unwrap_or_default();
    Err(Failure::answered(status.as_u16(), &body))
}

/// A whole page of a list.
pub(super) async fn page<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let json = whole(body, LARGEST_PAGE).await?;
    serde_json::from_slice(&json).map_err(|e| Failure::new(Class::Malformed, format!("not a list of pods: {e}")))
}

async fn whole(mut body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while take_in(&mut body, &mut bytes).await? {
        if bytes.len() > limit {
            return Err(Failure::new(Class::Malformed, format!("more than {limit} bytes")));
        }
    }
    Ok(bytes)
}

/// The lines of a watch. A last one without its end is left out: the next watch tells it again.
pub(super) fn lines(body: Body) -> BoxStream<'static, Result<Vec<u8>, Failure>> {
    let start = Lines { body, unread: Vec::new(), searched: 0 };
    try_unfold(start, |mut lines| async move { Ok(lines.next().await?.map(|line| (line, lines))) }).boxed()
}

struct Lines {
    body: Body,
    unread: Vec<u8>,
    /// How much of `unread` is known to hold no line's end.
    searched: usize,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(length) = self.unread[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.unread.split_off(self.searched + length + 1);
                self.searched = 0;
                return Ok(Some(std::mem::replace(&mut self.unread, rest)));
            }
            self.searched = self.unread.len();
            if self.searched > LONGEST_LINE {
                return Err(Failure::new(Class::Malformed, format!("a line of more than {LONGEST_LINE} bytes")));
            }
            if !take_in(&mut self.body, &mut self.unread).await? {
                return Ok(None);
            }
        }
    }
}

/// Takes in what comes next; false at the end.
async fn take_in(body: &mut Body, bytes: &mut Vec<u8>) -> Result<bool, Failure> {
    let Some(frame) = body.frame().await else { return Ok(false) };
    if let Some(data) = frame.map_err(Failure::from)?.data_ref() {
        bytes.extend_from_slice(data);
    }
    Ok(true)
}
