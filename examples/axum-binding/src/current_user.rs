//! The user of a request, as a handler's argument.

use std::{marker::PhantomData, ops::Deref};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use portcullis::{
    Profile, User, UserId,
    http::{Active, Authenticated, HttpError, Requirement},
};
use uuid::Uuid;

use crate::{Auth, head::Head, into_axum};

/// The user of the request, who meets `R`. Otherwise the handler does not run.
#[derive(Debug)]
pub struct CurrentUser<R = Active, Id = Uuid, P = ()>(Authenticated<Id, P>, PhantomData<R>);

/// The user of the request, if there is one who meets `R`. A store that is down is an error, not `None`.
#[derive(Debug)]
pub struct OptionalUser<R = Active, Id = Uuid, P = ()>(pub Option<CurrentUser<R, Id, P>>);

/// An error of the library, as an answer.
#[derive(Debug)]
pub struct AuthError(HttpError);

impl From<HttpError> for AuthError {
    fn from(error: HttpError) -> Self {
        Self(error)
    }
}

impl From<AuthError> for Response {
    fn from(error: AuthError) -> Self {
        into_axum(error.0.into_response())
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        self.into()
    }
}

impl<R, Id, P> Deref for CurrentUser<R, Id, P> {
    type Target = User<Id, P>;

    fn deref(&self) -> &User<Id, P> {
        &self.0.user
    }
}

impl<S, R, Id, P> FromRequestParts<S> for CurrentUser<R, Id, P>
where
    S: Send + Sync,
    Auth<Id, P>: FromRef<S>,
    R: Requirement<Id, P> + Default,
    Id: UserId,
    P: Profile,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = Auth::<Id, P>::from_ref(state);
        let authenticator = auth.endpoints.authenticator();
        let found = authenticator
            .require(&Head(parts), &Default::default(), &R::default())
            .await?;
        Ok(Self(found, PhantomData))
    }
}

impl<S, R, Id, P> FromRequestParts<S> for OptionalUser<R, Id, P>
where
    S: Send + Sync,
    Auth<Id, P>: FromRef<S>,
    R: Requirement<Id, P> + Default,
    Id: UserId,
    P: Profile,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = Auth::<Id, P>::from_ref(state);
        let authenticator = auth.endpoints.authenticator();
        let found = authenticator.find(&Head(parts), &Default::default()).await?;
        let found = found.filter(|found| R::default().is_met(found));
        Ok(Self(found.map(|found| CurrentUser(found, PhantomData))))
    }
}
