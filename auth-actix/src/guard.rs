//! Middleware for whole scopes.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method,
        header::{CACHE_CONTROL, HeaderMap, HeaderValue},
    },
};
use auth_core::{ConfigError, Profile, UserId};
use auth_http::{AcceptedBackends, HttpError, Requirement, request_span};
use futures_util::future::{Ready, ready};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::{
    Auth,
    body::{refused, unread},
    current_user::{Found, accepted, known_user},
    exceptions::Exceptions,
    head::Head,
    mounted,
    rotation::Carrier,
};

/// Guards a whole scope. [`Auth::protect`], [`Auth::require`], [`Auth::accept`] and [`Auth::accept_by`] make one.
///
/// Guards add up, whatever their order: inside two of them, a request must meet both requirements, by a backend that
/// both accept. Extractors and inner guards of the same [`Auth`] reuse the user that a guard has found, without another
/// look-up.
///
/// A guard that requires a user also adds `Cache-Control: no-store` to every answer without a `Cache-Control`.
/// Otherwise a browser could show a user's page after the log-out, and a shared cache could show it to someone else. If
/// an answer may be cached, set the header in the handler.
///
/// Every guard hands out rotated tokens: see [`Auth::rotate`].
///
/// If a middleware inside fails with an [`Error`] instead of an answer, its answer has neither `no-store` nor the next token,
/// because actix-web makes it outside of the guard. An error of a handler or an extractor is an answer by then. Let a middleware
/// inside a guard answer instead: `Ok(request.error_response(error))`.
pub struct Guard<Id = Uuid, P = ()> {
    auth: Auth<Id, P>,
    requirement: Option<Arc<dyn Requirement<Id, P>>>,
    accepted: Option<Choice>,
    exceptions: Exceptions,
    options: Options,
}

/// The treatment of an `OPTIONS` request without a user who meets the requirement.
#[derive(Clone, Copy, PartialEq)]
enum Options {
    /// It is refused like any other.
    Refuse,
    /// It is answered with nothing in it, because a browser's preflight has no credential.
    Answer,
    /// It goes to the handlers.
    Pass,
}

/// The requirements of all guards around a request.
struct Required<Id, P>(Arc<dyn Requirement<Id, P>>);

/// Chooses the backends that are accepted for a request.
pub(crate) type Choice = Arc<dyn Fn(&HttpRequest) -> AcceptedBackends + Send + Sync>;

impl<Id, P> Clone for Guard<Id, P> {
    fn clone(&self) -> Self {
        Self {
            auth: self.auth.clone(),
            requirement: self.requirement.clone(),
            accepted: self.accepted.clone(),
            exceptions: self.exceptions.clone(),
            options: self.options,
        }
    }
}

impl<Id, P> Clone for Required<Id, P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Id: UserId, P: Profile> Guard<Id, P> {
    /// It asks for nothing, and carries rotated tokens.
    pub(crate) fn carrying(auth: Auth<Id, P>) -> Self {
        Self {
            auth,
            requirement: None,
            accepted: None,
            exceptions: Exceptions::default(),
            options: Options::Refuse,
        }
    }

    pub(crate) fn requiring(auth: Auth<Id, P>, requirement: Arc<dyn Requirement<Id, P>>) -> Self {
        Self {
            requirement: Some(requirement),
            ..Self::carrying(auth)
        }
    }

    pub(crate) fn accepting(auth: Auth<Id, P>, choice: Choice) -> Self {
        Self {
            accepted: Some(choice),
            ..Self::carrying(auth)
        }
    }

    /// It stands around a whole application, in which `exceptions` pass.
    pub(crate) fn around_application(mut self, exceptions: Exceptions) -> Self {
        self.exceptions = exceptions;
        self.options = Options::Answer;
        self
    }

    /// Lets requests for these paths pass. Write a path as the routes in the `App` or scope have it: `/live` in a scope `/api`
    /// is `/api/live`. `/docs` is exactly that path, `/docs/*` is `/docs` and every path below it.
    ///
    /// The guard still asks for a user if the path of the request, scopes included, could stand for another one. A service behind
    /// it may resolve `..` or decode once more, and would get from `/docs/../reports` to `/reports`. Such a path has one of these:
    ///
    /// - a segment of dots, also one with spaces or something behind `;`, such as `..;a=b`;
    /// - a backslash, a control character, or bytes that are no UTF-8, however they are encoded;
    /// - a `%` or an encoded `/`: `%25`, `%2F`.
    ///
    /// # Errors
    /// [`ConfigError`] naming a path that does not begin with `/`, has another `*` than a last `/*`, has a parameter or a
    /// query, could stand for another one, or is `/*`, which would leave nothing guarded.
    pub fn except<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        self.exceptions = self.exceptions.and(paths)?;
        Ok(self)
    }

    /// Lets every `OPTIONS` request pass to the handlers, also without a user. Only an application whose middleware for CORS is
    /// inside the guard needs it. Better put CORS outside, and leave this out.
    ///
    /// # Security
    /// A handler that is mounted for every method, such as `web::resource("/report").to(report)`, then runs for anybody who
    /// sends `OPTIONS`, and its answer goes to them. Mount each handler for its own methods.
    #[must_use]
    pub fn options_to_handlers(mut self) -> Self {
        self.options = Options::Pass;
        self
    }

    fn lets_pass(&self, request: &ServiceRequest) -> bool {
        let is_passed = self.options == Options::Pass && request.method() == Method::OPTIONS;
        let landmark = mounted::landmark(request.request(), &self.auth.shared);
        is_passed || self.exceptions.contain(request, landmark)
    }

    /// The answer to a `request` that did not meet the requirement.
    fn refuse(&self, request: ServiceRequest, error: HttpError) -> ServiceResponse {
        let is_nobody = matches!(error, HttpError::Unauthorized { .. } | HttpError::Forbidden);
        if is_nobody && self.options == Options::Answer && request.method() == Method::OPTIONS {
            let (request, body) = request.into_parts();
            let answer = unread(HttpResponse::NoContent().finish(), body);
            return ServiceResponse::new(request, answer);
        }
        refused(request, error)
    }

    /// Lets the request pass, with the found user in its extensions.
    async fn check(&self, request: &HttpRequest) -> Result<(), HttpError> {
        if let Some(choose) = &self.accepted {
            let narrowed = accepted(request).and(choose(request));
            request.extensions_mut().insert(narrowed);
        }
        let around = request.extensions().get::<Required<Id, P>>().cloned();
        let requirement: Arc<dyn Requirement<Id, P>> = match (around, &self.requirement) {
            (None, None) => return Ok(()),
            (Some(Required(around)), None) => around,
            (None, Some(own)) => Arc::clone(own),
            (Some(Required(around)), Some(own)) => Arc::new((around, Arc::clone(own))),
        };
        let requirement = Required(requirement);
        request.extensions_mut().insert(requirement.clone());
        let found = known_user(request, &self.auth.shared).await?;
        let found = found.meeting(&requirement.0)?;
        request.extensions_mut().insert(Found {
            by: self.auth.shared.clone(),
            found,
        });
        Ok(())
    }
}

fn keep_out_of_caches(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl<S, B, Id: UserId, P: Profile> Transform<S, ServiceRequest> for Guard<Id, P>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = GuardMiddleware<S, Id, P>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(GuardMiddleware {
            service: Rc::new(service),
            guard: self.clone(),
        }))
    }
}

/// The service of a [`Guard`].
pub struct GuardMiddleware<S, Id, P> {
    service: Rc<S>,
    guard: Guard<Id, P>,
}

impl<S, B, Id: UserId, P: Profile> Service<ServiceRequest> for GuardMiddleware<S, Id, P>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, guard) = (Rc::clone(&self.service), self.guard.clone());
        let is_excepted = guard.lets_pass(&request);
        // Only one that says who the user is. A route of the library within has a span of its own.
        let span = match guard.requirement.is_some() && !is_excepted {
            true => request_span(&Head::new(request.request())),
            false => Span::none(),
        };
        let handled = async move {
            let carried = Carrier::for_request(request.request(), &guard.auth.shared);
            let checked = if is_excepted {
                Ok(())
            } else {
                guard.check(request.request()).await
            };
            let mut answered = match checked {
                Ok(()) => service.call(request).await?.map_into_left_body(),
                Err(error) => guard.refuse(request, error).map_into_right_body(),
            };
            if guard.requirement.is_some() && !is_excepted {
                keep_out_of_caches(answered.headers_mut());
            }
            if let Some(carried) = carried {
                carried.deliver(&mut answered).await;
            }
            Ok(answered)
        };
        Box::pin(handled.instrument(span))
    }
}
