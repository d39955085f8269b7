//! The user of a request, as a handler's argument.

use std::{any::type_name, future::Future, marker::PhantomData, ops::Deref, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web::Data};
use auth_core::{Credential, Profile, User, UserId};
use auth_http::{AcceptedBackends, Active, Authenticated, HttpError, Requirement};
use uuid::Uuid;

use crate::{
    auth::Shared,
    body::Rest,
    error::{AuthError, ExtractError},
    head::Head,
};

/// The user of the request: active and as `R` requires, or the handler does not run. It derefs to the [`User`].
///
/// A request without a valid credential is answered 401, one whose user does not meet `R` 403, a cross-site request with a
/// cookie 403, and 503 where a store does not answer. For a handler that anonymous visitors may call, ask for an
/// [`OptionalUser`]: with `Option<CurrentUser>` actix-web drops every error, so that a user whose store is down would
/// look like an anonymous one.
///
/// It is a user of the [`Auth`](crate::Auth) whose routes are mounted in the `App` or scope around the handler, with
/// ids and profiles of these types; where there is none, of the one whose guard around the handler required a user.
/// Where there is neither, the request is answered 500, and a line of the log names the type. That shows at the first
/// request of the route, not at start: actix-web asks nothing of an extractor before.
///
/// It leaves the body to the extractors after it. If it refuses a request whose body has not arrived whole, the
/// connection is closed. A handler that answers the refusal itself takes a `Result<CurrentUser, ExtractError>`
/// ([`ExtractError`]).
///
/// # Security
/// Ask for it **before** what reads the body, as in `(user: CurrentUser, body: Json<T>)`. actix-web waits without end for a
/// chunked body that stalls, and an extractor that comes first keeps the body to itself. A [`Guard`](crate::Guard) closes
/// such a connection whatever the handler asks for.
///
/// An answer that shows data of the user should carry `Cache-Control: no-store`. An extractor cannot add that; a guard does.
#[derive(Clone, Debug)]
pub struct CurrentUser<R = Active, Id = Uuid, P = ()> {
    pub(crate) found: Authenticated<Id, P>,
    requirement: PhantomData<R>,
}

/// The user of the request, if there is one who meets `R`.
///
/// Without a valid credential, or for a user who does not meet `R`, it is `None`. A cross-site request with a cookie is
/// answered 403, and 503 where a store does not answer: that is not "nobody". Both are an [`ExtractError`].
///
/// ```
/// use portcullis::actix::OptionalUser;
///
/// async fn home(OptionalUser(user): OptionalUser) -> String {
///     user.map_or_else(|| "hello, stranger".to_owned(), |user| format!("hello, {}", user.email))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalUser<R = Active, Id = Uuid, P = ()>(pub Option<CurrentUser<R, Id, P>>);

impl<R, Id, P> CurrentUser<R, Id, P> {
    /// What the user's credential says.
    #[must_use]
    pub fn credential(&self) -> &Credential<Id> {
        &self.found.credential
    }

    /// The name of the backend that read the credential.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.found.backend
    }

    /// The user.
    #[must_use]
    pub fn into_user(self) -> User<Id, P> {
        self.found.user
    }
}

impl<R, Id, P> Deref for CurrentUser<R, Id, P> {
    type Target = User<Id, P>;

    fn deref(&self) -> &User<Id, P> {
        &self.found.user
    }
}

impl<R: Requirement<Id, P> + Default, Id: UserId, P: Profile> FromRequest for CurrentUser<R, Id, P> {
    type Error = ExtractError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ExtractError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, rest) = (request.clone(), Rest::of(request, payload));
        Box::pin(async move {
            let found = required(&request, &R::default()).await;
            let found = found.map_err(|error| ExtractError::new(error, rest))?;
            Ok(Self {
                found,
                requirement: PhantomData,
            })
        })
    }
}

impl<R: Requirement<Id, P> + Default, Id: UserId, P: Profile> FromRequest for OptionalUser<R, Id, P> {
    type Error = ExtractError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ExtractError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, rest) = (request.clone(), Rest::of(request, payload));
        Box::pin(async move {
            let found = optional::<Id, P>(&request).await;
            let found = found.map_err(|error| ExtractError::new(error, rest))?;
            let found = found.filter(|found| R::default().is_met(&found.user, &found.credential));
            Ok(Self(found.map(|found| CurrentUser {
                found,
                requirement: PhantomData,
            })))
        })
    }
}

/// The user of the request, who meets `requirement`.
async fn required<Id: UserId, P: Profile>(
    request: &HttpRequest,
    requirement: &dyn Requirement<Id, P>,
) -> Result<Authenticated<Id, P>, AuthError> {
    let shared = shared::<Id, P>(request)?;
    if let Some(found) = guarded(request, &shared) {
        return Ok(found.meeting(requirement)?);
    }
    let authenticator = shared.endpoints.authenticator();
    let found = authenticator
        .require(&Head(request), &accepted(request), requirement)
        .await?;
    Ok(found)
}

/// The user of the request, if there is one.
async fn optional<Id: UserId, P: Profile>(
    request: &HttpRequest,
) -> Result<Option<Authenticated<Id, P>>, AuthError> {
    let shared = shared::<Id, P>(request)?;
    if let Some(found) = guarded(request, &shared) {
        return Ok(Some(found));
    }
    let authenticator = shared.endpoints.authenticator();
    Ok(authenticator.find(&Head(request), &accepted(request)).await?)
}

/// The user that a guard found.
pub(crate) struct Found<Id, P> {
    /// Whose guard it was. Another service may have users of the same type, and says nothing of ours.
    pub(crate) by: Data<Shared<Id, P>>,
    pub(crate) found: Authenticated<Id, P>,
}

/// The user that a guard of the same service around the handler has found already, by a backend that the route
/// accepts.
pub(crate) fn guarded<Id: UserId, P: Profile>(
    request: &HttpRequest,
    service: &Data<Shared<Id, P>>,
) -> Option<Authenticated<Id, P>> {
    let extensions = request.extensions();
    let Found { by, found } = extensions.get::<Found<Id, P>>()?;
    let accepted = extensions
        .get::<AcceptedBackends>()
        .is_none_or(|accepted| accepted.contains(&found.backend));
    (accepted && Arc::ptr_eq(by, service)).then(|| found.clone())
}

/// The backends that the route accepts.
pub(crate) fn accepted(request: &HttpRequest) -> AcceptedBackends {
    request
        .extensions()
        .get::<AcceptedBackends>()
        .cloned()
        .unwrap_or_default()
}

/// The service that the extractors of this request ask: the one that is mounted around them or, where none is, the one
/// of the guard around them.
fn shared<Id: UserId, P: Profile>(request: &HttpRequest) -> Result<Data<Shared<Id, P>>, AuthError> {
    if let Some(mounted) = request.app_data::<Data<Shared<Id, P>>>() {
        return Ok(mounted.clone());
    }
    if let Some(found) = request.extensions().get::<Found<Id, P>>() {
        return Ok(found.by.clone());
    }
    let user = type_name::<User<Id, P>>();
    tracing::error!(
        target: "portcullis::actix", user,
        "this App has no `.configure(auth.routes())` for users of this type"
    );
    Err(HttpError::Internal("authentication is not configured").into())
}
