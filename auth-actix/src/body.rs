//! Reads bodies within limits.

use std::{
    cell::RefCell,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    body::{BodySize, BoxBody, MessageBody},
    dev::{self, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    web::{Bytes, BytesMut, Payload},
};
use auth_http::{HttpError, MAX_BODY_BYTES};
use futures_util::{Stream, StreamExt as _};

use crate::error::{AuthError, into_http};

/// Reads a body of at most [`MAX_BODY_BYTES`] that arrives within `limit`. Otherwise it returns the answer to send
/// instead of reading on.
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

/// The answer of a middleware that refuses `request` by `error`, and does not read its body.
pub(crate) fn refused(request: ServiceRequest, error: impl Into<AuthError>) -> ServiceResponse {
    let (request, body) = request.into_parts();
    let response = unread(error.into().error_response(), body);
    ServiceResponse::new(request, response)
}

/// `answer`, to send before the whole request was read. `rest` is the unread part.
///
/// The answer owns the rest. Otherwise actix-web would wait for a chunked body that nobody reads without a limit,
/// instead of closing the connection.
pub(crate) fn unread(answer: HttpResponse, rest: impl Unpin + 'static) -> HttpResponse {
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
        // The client went away or broke the framing, and does not read the answer.
        let chunk = chunk.map_err(|_error| HttpError::BadRequest)?;
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(HttpError::PayloadTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The rest of a chunked body, shared by an extractor that may refuse the request and the one that reads the body.
#[derive(Clone)]
pub(crate) struct Rest(Rc<RefCell<dev::Payload>>);

impl Rest {
    /// Takes a share of `payload`, which can still be read. `None` if another extractor has taken the body, or if it
    /// has a length: actix-web then closes the connection itself if the body was not read.
    pub(crate) fn share(request: &HttpRequest, payload: &mut dev::Payload) -> Option<Self> {
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        if !is_chunked || matches!(payload, dev::Payload::None) {
            return None;
        }
        let rest = Self(Rc::new(RefCell::new(payload.take())));
        *payload = dev::Payload::Stream {
            payload: Box::pin(rest.clone()),
        };
        Some(rest)
    }
}

impl Stream for Rest {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

/// See [`unread`].
struct Unread<R> {
    answer: BoxBody,
    _rest: R,
}

impl<R: Unpin> MessageBody for Unread<R> {
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
