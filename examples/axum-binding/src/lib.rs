//! A binding to axum, built on `portcullis::http` alone: the routes, an extractor and a guard.
//!
//! It shows the parts of a binding to another framework. Copy it, or start your own from it.

mod current_user;
mod head;
mod routes;

use std::sync::Arc;

use axum::{Router, extract::Request, http::HeaderValue, middleware::Next, response::Response};
use portcullis::{
    Profile, UserId,
    http::{Endpoints, Requirement},
};
use uuid::Uuid;

pub use current_user::{AuthError, CurrentUser, OptionalUser};

use head::Head;

/// The users, the backends and the routes of a service. Use it as the state of a `Router`, or as a part of that: it is
/// cheap to clone.
pub struct Auth<Id = Uuid, P = ()> {
    pub(crate) endpoints: Arc<Endpoints<Id, P>>,
}

impl<Id, P> Clone for Auth<Id, P> {
    fn clone(&self) -> Self {
        Self {
            endpoints: Arc::clone(&self.endpoints),
        }
    }
}

impl<Id: UserId, P: Profile> Auth<Id, P> {
    /// The routes of `endpoints`, on axum.
    #[must_use]
    pub fn new(endpoints: Endpoints<Id, P>) -> Self {
        Self {
            endpoints: Arc::new(endpoints),
        }
    }

    /// The routes, to merge into your own router. Anything else is a 404 as JSON.
    ///
    /// Serve the application by `into_make_service_with_connect_info::<SocketAddr>()`. Without it, the list of a user's
    /// log-ins has no addresses.
    ///
    /// # Panics
    /// `merge` panics if your router has a fallback, too. Set yours after it, by `Router::fallback`.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::router(self)
    }

    /// Lets a request pass if its user meets the `requirement`, for `axum::middleware::from_fn`. An answer from within
    /// that has no `Cache-Control` is kept out of caches.
    ///
    /// It hands out rotated tokens. An extractor does not, because it does not see the answer: its tokens stay.
    ///
    /// # Errors
    /// [`AuthError`]: 401, 403, or 503 if a store does not answer.
    pub async fn guard(
        self,
        requirement: impl Requirement<Id, P>,
        request: Request,
        next: Next,
    ) -> Result<Response, AuthError> {
        let (parts, body) = request.into_parts();
        let (head, accepted) = (parts.clone(), Default::default());
        let head = Head(&head);
        let authenticator = self.endpoints.authenticator();
        let found = authenticator.authenticate(&head, &accepted).await?;
        let mut response = match found.clone().meeting(&requirement) {
            Ok(_allowed) => next.run(Request::from_parts(parts, body)).await,
            Err(refused) => into_axum(refused.into_response()),
        };
        let answered = response.headers().iter();
        let answered = answered.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let next_token = authenticator.rotate(&found, &head, answered).await;
        let headers = response.headers_mut();
        if !next_token.is_empty() || !headers.contains_key("cache-control") {
            headers.insert("cache-control", HeaderValue::from_static("no-store"));
        }
        for (name, value) in next_token {
            let value = HeaderValue::try_from(value);
            headers.append(
                name,
                value.unwrap_or_else(|error| unreachable!("a token is plain text: {error}")),
            );
        }
        Ok(response)
    }
}

/// An answer of the library, as one of axum.
fn into_axum(response: portcullis::http::Response) -> Response {
    let mut answer = Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name, value);
    }
    let body = match response.body {
        Some(json) => {
            answer = answer.header("content-type", "application/json");
            axum::body::Body::from(json)
        }
        None => axum::body::Body::empty(),
    };
    answer
        .body(body)
        .unwrap_or_else(|error| unreachable!("the library's own headers are plain text: {error}"))
}
