//! Sessions with data: middleware and extractors.

use std::{
    any::type_name,
    fmt,
    future::Future,
    marker::PhantomData,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    body::{BoxBody, EitherBody},
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform},
    http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue},
};
use auth_core::{Profile, UserId};
use auth_http::{HttpError, RequestSession, SessionData, SessionSlot, SessionVerifier, Sessions};
use futures_util::future::{Ready, ready};
use uuid::Uuid;

use crate::{
    body::{Rest, refused},
    error::{AuthError, ExtractError, into_http},
    head::Head,
    mounted::BackendCookies,
};

/// The session of the request, which may be empty: a visitor who put nothing in has none. It derefs to the
/// [`RequestSession`].
///
/// The handler must be inside a [`SessionMiddleware`] for data of the type `T`. Otherwise the request fails with 500,
/// and the log names the type.
///
/// The answer is 403 for a cross-site request if the id travels in a cookie, and 503 if a store does not answer.
///
/// # Security
/// Put it **before** the argument that reads the body, like a [`CurrentUser`](crate::CurrentUser).
pub struct Session<T, Id = Uuid, P = ()>(RequestSession<T, Id, P>);

/// The session of the request, which meets `V`. Otherwise the handler does not run. It derefs to the [`RequestSession`].
///
/// The answer is 401 without a session and 403 if it does not meet `V`; otherwise as for a [`Session`].
///
/// ```
/// use portcullis::{User, actix::{Present, SessionVerifier, VerifiedSession}};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Visit {
///     role: String,
/// }
///
/// #[derive(Default)]
/// struct Admin;
///
/// impl SessionVerifier<Visit> for Admin {
///     fn is_met(&self, visit: &Visit, _user: Option<&User>) -> bool {
///         visit.role == "admin"
///     }
/// }
///
/// async fn admin(_session: VerifiedSession<Admin, Visit>) -> &'static str {
///     "for administrators"
/// }
///
/// async fn role(session: VerifiedSession<Present, Visit>) -> String {
///     session.get().map(|visit| visit.role).unwrap_or_default()
/// }
/// ```
pub struct VerifiedSession<V, T, Id = Uuid, P = ()> {
    session: RequestSession<T, Id, P>,
    verifier: PhantomData<V>,
}

/// Brings the sessions of one kind to the handlers inside it, and writes what they changed before the answer goes out. It
/// loads a session only for a handler that asks for it.
///
/// Several kinds work side by side, each with a data type, a name, and a cookie or header of its own. If two share one, requests
/// fail with 500 and the log names it. So do requests if the cookie is also that of a backend whose routes are mounted in the
/// same `App` or scope, or around it. A backend in an inner scope is not seen.
///
/// An answer whose handler asked for a session gets `Cache-Control: no-store`, unless it has a `Cache-Control`. If a
/// service inside fails with an [`Error`] instead of an answer, nothing is written.
///
/// ```
/// use actix_web::{App, web};
/// use portcullis::{actix::{Session, SessionMiddleware}, http::Sessions};
///
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Visit {
///     steps: u32,
/// }
///
/// async fn step(session: Session<Visit>) -> String {
///     session.update(|visit| visit.steps += 1);
///     session.with(|visit| format!("{} steps", visit.map_or(0, |visit| visit.steps)))
/// }
///
/// fn service(sessions: Sessions<Visit>) -> impl actix_web::dev::HttpServiceFactory {
///     web::scope("/walk")
///         .wrap(SessionMiddleware::new(sessions))
///         .route("/step", web::post().to(step))
/// }
/// ```
pub struct SessionMiddleware<T, Id = Uuid, P = ()> {
    sessions: Sessions<T, Id, P>,
    verifier: Option<Arc<dyn SessionVerifier<T, Id, P>>>,
    kind: Arc<Kind>,
}

/// The name and the places of a kind of session. No other kind in the `App` may have one of them.
struct Kind {
    name: String,
    /// Empty if a header carries the id.
    cookies: Vec<String>,
    header: Option<String>,
}

/// The kinds around a request.
#[derive(Default)]
struct Kinds(Vec<Arc<Kind>>);

impl Kind {
    fn new<T, Id, P>(sessions: &Sessions<T, Id, P>) -> Self {
        let transport = sessions.transport();
        Self {
            name: sessions.name().to_owned(),
            cookies: transport.cookies().collect(),
            header: (!transport.is_cookie()).then(|| transport.name().to_owned()),
        }
    }

    /// Why it cannot stand beside `other`.
    fn problem_with(&self, other: &Self) -> Option<&'static str> {
        if self.name == other.name {
            return Some(
                "another kind of session has this name, so that each would accept the other's ids: rename one",
            );
        }
        let has_same_header = self.header.is_some() && self.header == other.header;
        let has_same_cookie = self.cookies.iter().any(|cookie| other.cookies.contains(cookie));
        (has_same_header || has_same_cookie)
            .then_some("another kind of session has this cookie or header: give one another `transport`")
    }
}

impl<T, Id, P> Deref for Session<T, Id, P> {
    type Target = RequestSession<T, Id, P>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V, T, Id, P> Deref for VerifiedSession<V, T, Id, P> {
    type Target = RequestSession<T, Id, P>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl<T, Id, P> fmt::Debug for Session<T, Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<V, T, Id, P> fmt::Debug for VerifiedSession<V, T, Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

impl<T: SessionData, Id: UserId, P: Profile> FromRequest for Session<T, Id, P> {
    type Error = ExtractError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ExtractError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, rest) = (request.clone(), Rest::share(request, payload));
        Box::pin(async move {
            let loaded = load(&request).await;
            let session = loaded.map_err(|error| ExtractError::new(error, rest))?;
            Ok(Self(session))
        })
    }
}

impl<V, T, Id, P> FromRequest for VerifiedSession<V, T, Id, P>
where
    V: SessionVerifier<T, Id, P> + Default,
    T: SessionData,
    Id: UserId,
    P: Profile,
{
    type Error = ExtractError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ExtractError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, rest) = (request.clone(), Rest::share(request, payload));
        Box::pin(async move {
            let session = match load(&request).await {
                Ok(session) => session
                    .check(&V::default())
                    .map(|()| session)
                    .map_err(AuthError::from),
                Err(error) => Err(error),
            };
            Ok(Self {
                session: session.map_err(|error| ExtractError::new(error, rest))?,
                verifier: PhantomData,
            })
        })
    }
}

/// The session of the request, from the middleware around it.
async fn load<T: SessionData, Id: UserId, P: Profile>(
    request: &HttpRequest,
) -> Result<RequestSession<T, Id, P>, AuthError> {
    let slot = request.extensions().get::<SessionSlot<T, Id, P>>().cloned();
    let Some(slot) = slot else {
        tracing::error!(
            target: "portcullis::actix", session = type_name::<T>(),
            "there is no `.wrap(SessionMiddleware::new(sessions))` for sessions of this type around the handler"
        );
        return Err(HttpError::Internal("sessions are not configured").into());
    };
    Ok(slot.load(&Head::new(request)).await?)
}

impl<T, Id, P> SessionMiddleware<T, Id, P> {
    /// For the sessions of the kind `sessions`.
    #[must_use]
    pub fn new(sessions: Sessions<T, Id, P>) -> Self {
        Self {
            kind: Arc::new(Kind::new(&sessions)),
            sessions,
            verifier: None,
        }
    }
}

impl<T: SessionData, Id: UserId, P: Profile> SessionMiddleware<T, Id, P> {
    /// Lets only requests pass whose session meets `verifier`: 401 without a session, 403 if it does not. With
    /// [`Present`](crate::Present), any session.
    ///
    /// It may stand inside another middleware of the same kind. The session is loaded once.
    #[must_use]
    pub fn requiring(mut self, verifier: impl SessionVerifier<T, Id, P>) -> Self {
        self.verifier = Some(match self.verifier {
            None => Arc::new(verifier),
            Some(before) => Arc::new((before, verifier)),
        });
        self
    }

    /// The slot of this kind in the request, and whether this middleware has put it there.
    fn slot(&self, request: &HttpRequest) -> Result<(SessionSlot<T, Id, P>, bool), HttpError> {
        let mut extensions = request.extensions_mut();
        if let Some(around) = extensions.get::<SessionSlot<T, Id, P>>() {
            if around.sessions().is(&self.sessions) {
                return Ok((around.clone(), false));
            }
            tracing::error!(
                target: "portcullis::actix", session = type_name::<T>(),
                "two kinds of session have data of this type, so that an extractor cannot choose: give one a type of its own"
            );
            return Err(HttpError::Internal("two kinds of session have one type"));
        }
        let mut kinds = extensions.remove::<Kinds>().unwrap_or_default();
        let mut problems = kinds.0.iter().filter_map(|kind| self.kind.problem_with(kind));
        let backends = request.app_data::<BackendCookies>();
        let is_backends = backends.is_some_and(|backends| backends.have_one_of(&self.kind.cookies));
        let problem = problems.next().or(is_backends.then_some(
            "a backend has this cookie: give it another name, or the session another `transport`",
        ));
        if let Some(problem) = problem {
            let transport = self.sessions.transport().name();
            tracing::error!(target: "portcullis::actix", session = self.sessions.name(), transport, "{problem}");
            return Err(HttpError::Internal("a session shares its name or its place"));
        }
        kinds.0.push(Arc::clone(&self.kind));
        extensions.insert(kinds);
        let slot = self.sessions.slot();
        extensions.insert(slot.clone());
        Ok((slot, true))
    }

    /// The slot to write once there is an answer, if the request may pass.
    async fn enter(&self, request: &HttpRequest) -> Result<Option<SessionSlot<T, Id, P>>, HttpError> {
        let (slot, is_ours) = self.slot(request)?;
        if let Some(verifier) = &self.verifier {
            slot.load(&Head::new(request)).await?.check(verifier)?;
        }
        Ok(is_ours.then_some(slot))
    }
}

impl<T, Id, P> Clone for SessionMiddleware<T, Id, P> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            verifier: self.verifier.clone(),
            kind: Arc::clone(&self.kind),
        }
    }
}

impl<S, B, T, Id, P> Transform<S, ServiceRequest> for SessionMiddleware<T, Id, P>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
    T: SessionData,
    Id: UserId,
    P: Profile,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = SessionService<S, T, Id, P>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(SessionService {
            service: Rc::new(service),
            middleware: self.clone(),
        }))
    }
}

/// The service of a [`SessionMiddleware`].
pub struct SessionService<S, T, Id, P> {
    service: Rc<S>,
    middleware: SessionMiddleware<T, Id, P>,
}

impl<S, B, T, Id, P> Service<ServiceRequest> for SessionService<S, T, Id, P>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
    T: SessionData,
    Id: UserId,
    P: Profile,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, middleware) = (Rc::clone(&self.service), self.middleware.clone());
        Box::pin(async move {
            let slot = match middleware.enter(request.request()).await {
                Ok(slot) => slot,
                Err(error) => return Ok(refused(request, error).map_into_right_body()),
            };
            let mut answered = service.call(request).await?;
            let Some(slot) = slot else {
                return Ok(answered.map_into_left_body());
            };
            match slot.finish(&Head::new(answered.request())).await {
                Ok(headers) => {
                    add(answered.headers_mut(), headers);
                    Ok(answered.map_into_left_body())
                }
                Err(response) => Ok(answered.into_response(into_http(response)).map_into_right_body()),
            }
        })
    }
}

/// Adds the headers of a session to an answer.
fn add(headers: &mut HeaderMap, of_session: Vec<(&'static str, String)>) {
    for (name, value) in of_session {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            continue;
        };
        if name != CACHE_CONTROL || !headers.contains_key(CACHE_CONTROL) {
            headers.append(name, value);
        }
    }
}
