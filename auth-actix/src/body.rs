//! Reading a body within bounds.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::header::CONTENT_LENGTH,
    web::{Bytes, BytesMut, Payload},
};
use auth_http::{HttpError, MAX_BODY_BYTES};
use futures_util::StreamExt as _;

use crate::error::into_http;

/// Reads a body of at most [`MAX_BODY_BYTES`], which has to arrive within `limit`, or answers what is to be sent instead
/// of reading on.
pub(crate) async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: Duration,
) -> Result<Bytes, HttpResponse> {
    let error = match within_bounds(request, &mut payload, limit).await {
        Ok(body) => return Ok(body),
        Err(error) => error,
    };
    let refusal = into_http(error.into_response());
    Err(refusal.map_body(|_head, answer| {
        BoxBody::new(Refusal {
            answer,
            _unread: payload,
        })
    }))
}

async fn within_bounds(
    request: &HttpRequest,
    payload: &mut Payload,
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

async fn collect(payload: &mut Payload) -> Result<Bytes, HttpError> {
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

/// An answer that is sent before the request was read whole.
///
/// It holds the rest of the request: without it actix-web would wait without end for a chunked body that nobody reads,
/// instead of closing the connection.
struct Refusal {
    answer: BoxBody,
    _unread: Payload,
}

impl MessageBody for Refusal {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
