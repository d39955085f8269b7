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
    http::{Endpoints, HttpError, MAX_BODY_BYTES, Method, Operation, Request as Asked, Route},
};

use crate::{Auth, AuthError, head::Head, into_axum};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn router<Id: UserId, P: Profile, S: Clone + Send + Sync + 'static>(
    auth: &Auth<Id, P>,
) -> Router<S> {
    let table = auth.endpoints.routes();
    let mut paths: Vec<&str> = table.iter().map(|route| route.path.as_str()).collect();
    paths.dedup();
    let mut router = Router::new().fallback(async || refused(HttpError::NotFound));
    for path in paths {
        let mut routes: Vec<&Route> = table.iter().filter(|route| route.path == path).collect();
        // axum takes the path without a parameter for all methods: those it lacks are of the path with the parameter.
        let others = table
            .iter()
            .filter(|other| other.path != path && matches(&other.path, path));
        for other in others {
            if routes.iter().all(|route| route.method != other.method) {
                routes.push(other);
            }
        }
        router = router.route(path, method_router(auth, &routes));
    }
    router
}

fn method_router<Id: UserId, P: Profile, S: Clone + Send + Sync + 'static>(
    auth: &Auth<Id, P>,
    routes: &[&Route],
) -> MethodRouter<S> {
    let allowed: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    let allowed = allowed.join(", ");
    let mut router = MethodRouter::new().fallback(move || async move {
        let error = HttpError::MethodNotAllowed.into_response();
        into_axum(error.header("allow", allowed))
    });
    for route in routes {
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
    let id = id(&mut parts).await;
    let head = Head(&parts);
    let asked = Asked::new(&head, &body).with_id(&id);
    into_axum(endpoints.call(operation, asked).await)
}

async fn read(parts: &Parts, body: Body) -> Result<Bytes, HttpError> {
    // What follows a WebSocket handshake is no body, and has no end.
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

/// The segment `{id}` of the path. Where another path stands in for it, that is the last segment.
async fn id(parts: &mut Parts) -> String {
    let parameters = parts.extract::<Path<HashMap<String, String>>>().await;
    let named = parameters.ok().and_then(|Path(mut named)| named.remove("id"));
    named.unwrap_or_else(|| parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned())
}

/// Whether the path of a request that is `path` is also one of `pattern`, which may have the parameter `{id}`.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let mut segments = pattern.iter().zip(&path);
    pattern.len() == path.len() && segments.all(|(ours, theirs)| ours == theirs || *ours == "{id}")
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
        unknown => unreachable!("this binding is older than the method {}", unknown.as_str()),
    }
}

fn refused(error: HttpError) -> Response {
    AuthError::from(error).into()
}
