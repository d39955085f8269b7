//! Middleware for whole scopes.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{BoxBody, EitherBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use auth_core::{Profile, UserId};
use auth_http::{Enabled, Requirement};
use futures_util::future::{Ready, ready};

use crate::{Auth, current_user::enabled, error::AuthError, head::Head};

/// Lets a scope's handlers run for users who meet a requirement: made by [`Auth::require`]. What it finds out is
/// handed to the handlers' extractors, without a second look at a store.
pub struct Guard<Id, P> {
    auth: Auth<Id, P>,
    requirement: Requirement,
}

impl<Id: UserId, P: Profile> Guard<Id, P> {
    pub(crate) fn new(auth: Auth<Id, P>, requirement: Requirement) -> Self {
        Self { auth, requirement }
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
        let (auth, requirement) = (self.auth.clone(), self.requirement);
        ready(Ok(GuardMiddleware {
            service: Rc::new(service),
            auth,
            requirement,
        }))
    }
}

/// The service of a [`Guard`].
pub struct GuardMiddleware<S, Id, P> {
    service: Rc<S>,
    auth: Auth<Id, P>,
    requirement: Requirement,
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
        let (service, auth, requirement) = (Rc::clone(&self.service), self.auth.clone(), self.requirement);
        Box::pin(async move {
            let authenticator = auth.shared.endpoints.authenticator();
            let enabled = enabled(request.request());
            let found = authenticator
                .require(&Head(request.request()), &enabled, requirement)
                .await;
            match found {
                Ok(found) => {
                    request.extensions_mut().insert(found);
                    service
                        .call(request)
                        .await
                        .map(ServiceResponse::map_into_left_body)
                }
                Err(error) => {
                    let response = AuthError::from(error).error_response();
                    Ok(request.into_response(response).map_into_right_body())
                }
            }
        })
    }
}

/// Narrows the backends that a scope accepts: made by [`Auth::accept`] and [`Auth::accept_by`].
#[derive(Clone)]
pub struct Accepting(Rc<dyn Fn(&HttpRequest) -> Enabled>);

impl Accepting {
    pub(crate) fn always(enabled: Enabled) -> Self {
        Self(Rc::new(move |_request| enabled.clone()))
    }

    pub(crate) fn by(choose: impl Fn(&HttpRequest) -> Enabled + 'static) -> Self {
        Self(Rc::new(choose))
    }
}

impl<S: Service<ServiceRequest, Error = Error>> Transform<S, ServiceRequest> for Accepting {
    type Response = S::Response;
    type Error = Error;
    type Transform = AcceptMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AcceptMiddleware {
            service,
            choose: self.clone(),
        }))
    }
}

/// The service of an [`Accepting`].
pub struct AcceptMiddleware<S> {
    service: S,
    choose: Accepting,
}

impl<S: Service<ServiceRequest, Error = Error>> Service<ServiceRequest> for AcceptMiddleware<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let enabled = (self.choose.0)(request.request());
        request.extensions_mut().insert(enabled);
        self.service.call(request)
    }
}
