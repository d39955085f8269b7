//! The user of a request, as an argument of a handler.

use std::{any::type_name, future::Future, marker::PhantomData, ops::Deref, pin::Pin, rc::Rc, sync::Arc};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web::Data};
use auth_core::{Credential, Permission, Profile, User, UserId};
use auth_http::{AcceptedBackends, Active, Authenticated, HttpError, Requirement};
use futures_util::lock::Mutex;
use uuid::Uuid;

use crate::{
    auth::Shared,
    body::Rest,
    error::{AuthError, ExtractError},
    head::Head,
    rotation::note,
};

/// The user of the request, who is active and meets `R`. Otherwise the handler does not run. It derefs to the [`User`].
///
/// Use [`OptionalUser`], not `Option<CurrentUser>`, if anonymous visitors may call the handler: actix-web turns every
/// extractor error into `None`, so an outage would look like a logged-out user.
///
/// ```
/// use portcullis::{Permission, actix::{CurrentUser, permission}};
///
/// permission! {
///     struct ReadReports = "reports:read";
/// }
///
/// async fn reports(user: CurrentUser<ReadReports>) -> String {
///     let may_change_them = user.permits(&Permission::from_static("reports:write"));
///     format!("{} reads, and may change: {may_change_them}", user.email)
/// }
/// ```
///
/// The answer is 401 without a valid credential, 403 if the user does not meet `R`, 403 for a cross-site request with a
/// cookie, and 503 if a store does not answer.
///
/// It uses the [`Auth`](crate::Auth) mounted in the enclosing `App` or scope for these id and profile types, or else
/// the one whose guard wraps the handler. If there is neither, the request fails with 500 and the log names the type.
/// This shows at the first request, not at start, because actix-web cannot check extractors earlier.
///
/// The credential of a request is read once, however many arguments and guards ask for the user.
///
/// It leaves the body to later extractors. If it refuses a request whose body has not fully arrived, the connection is
/// closed. To answer the refusal yourself, take a `Result<CurrentUser, ExtractError>` ([`ExtractError`]).
///
/// # Security
/// Put it **before** the argument that reads the body, as in `(user: CurrentUser, body: Json<T>)`. actix-web has no
/// time limit for a chunked body that stalls, and the extractor that comes first owns the body. A
/// [`Guard`](crate::Guard) closes such a connection whatever the handler's arguments.
///
/// An answer with the user's data should have `Cache-Control: no-store`. An extractor cannot add that; a guard does.
#[derive(Clone, Debug)]
pub struct CurrentUser<R = Active, Id = Uuid, P = ()> {
    pub(crate) found: Authenticated<Id, P>,
    requirement: PhantomData<R>,
}

/// The user of the request, if there is one who meets `R`.
///
/// It is `None` without a valid credential, or if the user does not meet `R`. A cross-site request with a cookie is a
/// 403, and a store that does not answer is a 503, never `None`. Both are an [`ExtractError`].
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
    /// The content of the credential.
    #[must_use]
    pub fn credential(&self) -> &Credential<Id> {
        &self.found.credential
    }

    /// The name of the backend that read the credential.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.found.backend
    }

    /// True if the user has the `permission`, by the roles that the user has now. To refuse all others, let the handler
    /// [name it](auth_http::permission), or put [`Auth::require`](crate::Auth::require) around it.
    #[must_use]
    pub fn permits(&self, permission: &Permission) -> bool {
        self.found.permits(permission)
    }

    /// The user.
    #[must_use]
    pub fn into_user(self) -> User<Id, P> {
        self.found.user
    }
}

impl<R: Requirement<Id, P> + Default, Id: UserId, P: Profile> CurrentUser<R, Id, P> {
    /// The user whom a [`Guard`](crate::Guard) around the calling code has found, for a middleware of your own: what the guard
    /// has put into the extensions of the request. It looks nothing up.
    ///
    /// `None` if no guard asked for a user, or if the user does not meet `R`.
    #[must_use]
    pub fn found_by_guard(request: &HttpRequest) -> Option<Self> {
        let found = guarded(request, &service::<Id, P>(request)?)?;
        R::default().is_met(&found).then_some(Self {
            found,
            requirement: PhantomData,
        })
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
        let (request, rest) = (request.clone(), Rest::share(request, payload));
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
        let (request, rest) = (request.clone(), Rest::share(request, payload));
        Box::pin(async move {
            let found = optional::<Id, P>(&request).await;
            let found = found.map_err(|error| ExtractError::new(error, rest))?;
            let found = found.filter(|found| R::default().is_met(found));
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
    Ok(known_user(request, &shared::<Id, P>(request)?)
        .await?
        .meeting(requirement)?)
}

/// The user of the request, if there is one.
async fn optional<Id: UserId, P: Profile>(
    request: &HttpRequest,
) -> Result<Option<Authenticated<Id, P>>, AuthError> {
    Ok(known(request, &shared::<Id, P>(request)?).await?)
}

/// As [`known`], or a 401.
pub(crate) async fn known_user<Id: UserId, P: Profile>(
    request: &HttpRequest,
    service: &Data<Shared<Id, P>>,
) -> Result<Authenticated<Id, P>, HttpError> {
    let found = known(request, service).await?;
    let authenticator = service.endpoints.authenticator();
    found.ok_or_else(|| authenticator.unauthorized(&Head::new(request), &accepted(request)))
}

/// The user of the request, if there is one. However many guards and extractors ask, the credential is read once, and so it is told
/// once if it is not valid.
async fn known<Id: UserId, P: Profile>(
    request: &HttpRequest,
    service: &Data<Shared<Id, P>>,
) -> Result<Option<Authenticated<Id, P>>, HttpError> {
    if let Some(found) = guarded(request, service) {
        return Ok(Some(found));
    }
    let (place, accepted) = (Known::of(request, service), accepted(request));
    // The extractors of a handler run at the same time.
    let mut known = place.lock().await;
    match &*known {
        None => {}
        // A guard further in accepts no other backends, but perhaps fewer.
        Some(None) => return Ok(None),
        Some(Some(found)) if !accepted.contains(&found.backend) => {}
        Some(found) => return Ok(found.clone()),
    }
    let authenticator = service.endpoints.authenticator();
    let found = authenticator.find(&Head::new(request), &accepted).await?;
    if let Some(found) = &found {
        found.note_in_span();
        note(request, service, found);
    }
    Ok(known.insert(found).clone())
}

/// Stands in the extensions of a request, with what its credential was for `by`.
struct Known<Id, P> {
    by: Data<Shared<Id, P>>,
    place: Place<Id, P>,
}

/// `None` if the credential was not read yet, and `Some(None)` if it is not valid, or there is none.
type Place<Id, P> = Rc<Mutex<Option<Option<Authenticated<Id, P>>>>>;

impl<Id: UserId, P: Profile> Known<Id, P> {
    fn of(request: &HttpRequest, service: &Data<Shared<Id, P>>) -> Place<Id, P> {
        let mut extensions = request.extensions_mut();
        if let Some(known) = extensions.get::<Self>()
            && Arc::ptr_eq(&known.by, service)
        {
            return Rc::clone(&known.place);
        }
        let place = Place::default();
        extensions.insert(Self {
            by: service.clone(),
            place: Rc::clone(&place),
        });
        place
    }
}

/// The user that a guard found.
pub(crate) struct Found<Id, P> {
    /// The service of the guard. Another service can have users of the same type, which must not be confused.
    pub(crate) by: Data<Shared<Id, P>>,
    pub(crate) found: Authenticated<Id, P>,
}

/// The user that an enclosing guard of the same service has already found, by a backend that the route accepts.
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

/// The service for the extractors of this request: the one mounted around them, or else the one of the enclosing guard.
fn service<Id: UserId, P: Profile>(request: &HttpRequest) -> Option<Data<Shared<Id, P>>> {
    let mounted = request.app_data::<Data<Shared<Id, P>>>().cloned();
    mounted.or_else(|| {
        let extensions = request.extensions();
        extensions.get::<Found<Id, P>>().map(|found| found.by.clone())
    })
}

/// As [`service`], or the error of an application in which no `Auth` is mounted.
fn shared<Id: UserId, P: Profile>(request: &HttpRequest) -> Result<Data<Shared<Id, P>>, AuthError> {
    service(request).ok_or_else(|| {
        let user = type_name::<User<Id, P>>();
        tracing::error!(
            target: "portcullis::actix", user,
            "this App has no `.configure(auth.routes())` for users of this type"
        );
        HttpError::Internal("authentication is not configured").into()
    })
}
