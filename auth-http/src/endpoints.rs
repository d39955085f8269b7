//! The routes of the HTTP contract, from a request to a response.

mod account;
mod builder;
mod log_in;
mod session;
mod users;

use std::sync::Arc;

use auth_core::{Profile, UserId};
use auth_users::{ProtectedFields, UserManager};
use uuid::Uuid;

pub use builder::EndpointsBuilder;

pub(crate) use session::SessionRoute;

use self::{account::AccountRoute, builder::Mount, users::UsersRoute};
use crate::{
    AcceptedBackends, Authenticator, HttpError, Operation, PathRoutes, PublicUrl, RequestHead, Response,
    Route, TrustedProxies, Verified,
    request::{Header, header},
};

/// The routes of a service. Each takes a [`Request`] and answers, errors included.
pub struct Endpoints<Id = Uuid, P = ()> {
    users: Arc<UserManager<Id, P>>,
    authenticator: Authenticator<Id, P>,
    protected: ProtectedFields,
    mount: Mount,
    proxies: TrustedProxies,
}

/// The routes of one file below, which lists them, runs them and describes them.
#[derive(Clone, Debug)]
pub(crate) enum Family {
    Session(SessionRoute),
    Account(AccountRoute),
    Users(UsersRoute),
}

/// A request: its head, and its body up to [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES).
#[derive(Debug)]
#[non_exhaustive]
pub struct Request<'a, H> {
    /// The head.
    pub head: &'a H,
    /// The body; empty for a route that reads none.
    pub body: &'a [u8],
    /// The segment `{id}` of the path, decoded; empty for a route that has none.
    pub id: &'a str,
    /// The backends that the application accepts at this route.
    pub accepted: AcceptedBackends,
}

impl<'a, H> Request<'a, H> {
    /// A request to a path without a parameter, which any backend may authenticate.
    pub fn new(head: &'a H, body: &'a [u8]) -> Self {
        Self {
            head,
            body,
            id: "",
            accepted: AcceptedBackends::All,
        }
    }

    /// The same, with this segment `{id}` of its path.
    #[must_use]
    pub fn with_id(mut self, id: &'a str) -> Self {
        self.id = id;
        self
    }

    /// The same, which only `backends` may authenticate.
    #[must_use]
    pub fn accepting(mut self, backends: AcceptedBackends) -> Self {
        self.accepted = backends;
        self
    }
}

impl<'a, H: RequestHead> Request<'a, H> {
    fn content_type(&self) -> Option<&'a str> {
        match header(self.head, "content-type") {
            Header::One(value) => std::str::from_utf8(value).ok(),
            Header::Absent | Header::Many => None,
        }
    }
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// A builder for the accounts that `users` manages.
    pub fn builder(users: impl Into<Arc<UserManager<Id, P>>>) -> EndpointsBuilder<Id, P> {
        EndpointsBuilder::new(users.into())
    }

    /// Every route, in the order of the HTTP contract. It lists the routes anew with each call.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let backends = self.authenticator.backends();
        let mut routes = session::routes(&self.mount, backends);
        routes.extend(account::routes(&self.mount));
        routes.extend(users::routes(&self.mount));
        routes
    }

    /// The [routes](Self::routes) by their paths, for a binding to mount. Any other method of a path is to be answered by
    /// [`PathRoutes::refusal`].
    ///
    /// A path that another one with a parameter also matches comes before that one, and is the one that counts: `/users/me`
    /// before `/users/{id}`.
    #[must_use]
    pub fn paths(&self) -> Vec<PathRoutes> {
        PathRoutes::grouped(self.routes())
    }

    /// The paths below which every request is one of these routes, or one for a binding to refuse: 404, or 405 if another method
    /// has a route there.
    #[must_use]
    pub fn prefixes(&self) -> [&str; 2] {
        [&self.mount.auth_path, &self.mount.users_path]
    }

    /// Runs a route. No cache may keep the answer: most answers show a user's data or hand out a credential.
    pub async fn call(&self, operation: &Operation, request: Request<'_, impl RequestHead>) -> Response {
        let answer = match &operation.0 {
            Family::Session(route) => self.call_session(route, request).await,
            Family::Account(route) => self.call_account(*route, request).await,
            Family::Users(route) => self.call_users(*route, request).await,
        };
        answer.unwrap_or_else(HttpError::into_response).no_store()
    }

    /// Who is asking.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator<Id, P> {
        &self.authenticator
    }

    /// The URL under which clients reach the routes, if the service knows it.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.authenticator.public_url()
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Arc<UserManager<Id, P>> {
        &self.users
    }

    /// Every route of a logged-in user asks for a verified e-mail, if the service requires one.
    fn base_requirement(&self) -> Option<Verified> {
        self.users.requires_verification().then_some(Verified)
    }
}

/// What a body may say of itself and only a superuser may decide.
const FLAGS: [&str; 3] = ["is_active", "is_superuser", "is_verified"];
