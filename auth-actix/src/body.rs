//! Reading a body within bounds.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev,
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
    match within_bounds(request, &mut payload, limit).await {
        Ok(body) => Ok(body),
        Err(error) => Err(unread(into_http(error.into_response()), payload.into_inner())),
    }
}

/// `answer`, to be sent before the request was read whole: `rest` is what was not.
///
/// The answer holds the rest: without it actix-web would wait without end for a chunked body that nobody reads, instead
/// of closing the connection.
pub(crate) fn unread(answer: HttpResponse, rest: dev::Payload) -> HttpResponse {
    answer.map_body(|_head, answer| BoxBody::new(Unread { answer, _rest: rest }))
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

/// See [`unread`].
struct Unread {
    answer: BoxBody,
    _rest: dev::Payload,
}

impl MessageBody for Unread {
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
