//! The table of routes, on axum.

use std::{collections::HashMap, error::Error as _, sync::Arc, time::Duration};

use axum::{
    RequestPartsExt as _, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path, Request},
    http::{header::UPGRADE, request::Parts},
    response::Response,
    routing::{MethodFilter, MethodRouter},
};
use http_body_util::LengthLimitError;
use portcullis::{
    Profile, UserId,
    http::{Endpoints, HttpError, MAX_BODY_BYTES, Method, Operation, PathRoutes, Request as Asked},
};

use crate::{Auth, AuthError, head::Head, into_axum};

/// The time limit for the arrival of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn router<Id: UserId, P: Profile, S: Clone + Send + Sync + 'static>(
    auth: &Auth<Id, P>,
) -> Router<S> {
    let router = Router::new().fallback(async || refused(HttpError::NotFound));
    let paths = auth.endpoints.paths().into_iter();
    paths.fold(router, |router, path| {
        router.route(&path.path, method_router(auth, &path))
    })
}

/// The routes of one path, which answers 405 to any other method.
fn method_router<Id: UserId, P: Profile, S: Clone + Send + Sync + 'static>(
    auth: &Auth<Id, P>,
    path: &PathRoutes,
) -> MethodRouter<S> {
    let refusal = path.refusal();
    let mut router = MethodRouter::new().fallback(async move || into_axum(refusal.clone()));
    for route in &path.routes {
        let (endpoints, operation) = (Arc::clone(&auth.endpoints), route.operation.clone());
        let handler = move |request: Request| async move { answer(&endpoints, &operation, request).await };
        router = router.on(filter(route.method), handler);
    }
    router
}

/// Reads the body within its bounds and runs the route.
async fn answer<Id: UserId, P: Profile>(
    endpoints: &Endpoints<Id, P>,
    operation: &Operation,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match read(&parts, body).await {
        Ok(body) => body,
        Err(error) => return refused(error),
    };
    let segments = segments(&mut parts).await;
    let segment = |name: &str| segments.get(name).map_or("", String::as_str);
    let head = Head(&parts);
    let asked = Asked::new(&head, &body)
        .with_id(segment("id"))
        .with_sid(segment("sid"));
    into_axum(endpoints.call(operation, asked).await)
}

async fn read(parts: &Parts, body: Body) -> Result<Bytes, HttpError> {
    // The data after a WebSocket handshake is not a body, and does not end.
    if parts.headers.contains_key(UPGRADE) && parts.method.is_safe() {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            Err(HttpError::PayloadTooLarge)
        }
        Ok(Err(_broken)) => Err(HttpError::BadRequest),
        Err(_elapsed) => Err(HttpError::RequestTimeout),
    }
}

/// The named segments of the path.
async fn segments(parts: &mut Parts) -> HashMap<String, String> {
    let parameters = parts.extract::<Path<HashMap<String, String>>>().await;
    parameters.map_or_else(|_not_text| HashMap::new(), |Path(named)| named)
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
        unknown => unreachable!("this binding is older than the method {}", unknown.as_str()),
    }
}

fn refused(error: HttpError) -> Response {
    AuthError::from(error).into()
}
