//! Reading a body within bounds.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::CONTENT_LENGTH,
    web::{Bytes, BytesMut, Payload},
};
use auth_http::{HttpError, MAX_BODY_BYTES};
use futures_util::StreamExt as _;

/// Reads a body of at most [`MAX_BODY_BYTES`], which has to arrive within `limit`.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: Duration,
) -> Result<Bytes, HttpError> {
    let declared = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(HttpError::PayloadTooLarge);
    }
    tokio::time::timeout(limit, collect(payload))
        .await
        .unwrap_or(Err(HttpError::RequestTimeout))
}

async fn collect(mut payload: Payload) -> Result<Bytes, HttpError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        // The client went away or broke the framing: nobody reads the answer.
        let chunk = chunk.map_err(|_error| HttpError::BadRequest)?;
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(HttpError::PayloadTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
