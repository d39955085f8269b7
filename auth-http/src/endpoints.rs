//! The routes of the HTTP contract, from a request to a response.

mod account;
mod asked;
mod builder;
mod credential;
mod in_place;
mod log_in;
mod log_ins;
mod log_out;
mod refresh;
mod roles;
mod told;
mod users;

use std::{fmt, net::IpAddr, sync::Arc};

use auth_core::{Profile, UserId};
use auth_users::{Origin, ProtectedFields, UserManager};
use tracing::Instrument as _;
use uuid::Uuid;

pub use builder::EndpointsBuilder;

pub(crate) use credential::CredentialRoute;
#[cfg(feature = "openapi")]
pub(crate) use credential::REFRESH;

use self::{
    account::AccountRoute, asked::Asked, builder::Mount, log_ins::LogInsRoute, roles::RolesRoute,
    users::UsersRoute,
};
use crate::{
    AcceptedBackends, AuthBackend, Authenticated, Authenticator, HttpError, Operation, PathRoutes, PublicUrl,
    RequestHead, Response, Route, Verified,
    request::{Header, header},
    request_span,
    span::is_around,
};

/// The routes of a service. Each turns a [`Request`] into an answer, also for errors.
pub struct Endpoints<Id = Uuid, P = ()> {
    users: Arc<UserManager<Id, P>>,
    authenticator: Authenticator<Id, P>,
    protected: ProtectedFields,
    mount: Mount,
    keeps_log_in: bool,
}

/// The routes of one file, which lists, runs and describes them.
#[derive(Clone, Debug)]
pub(crate) enum Family {
    Credential(CredentialRoute),
    Account(AccountRoute),
    Users(UsersRoute),
    Roles(RolesRoute),
    LogIns(LogInsRoute),
}

/// A request: its head, and its body up to [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES).
#[non_exhaustive]
pub struct Request<'a, H> {
    /// The head.
    pub head: &'a H,
    /// The body; empty for a route that reads none.
    pub body: &'a [u8],
    /// The segment `{id}` of the path, decoded; empty for a route that has none.
    pub id: &'a str,
    /// The segment `{sid}` of the path, decoded; empty for a route that has none.
    pub sid: &'a str,
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
            sid: "",
            accepted: AcceptedBackends::All,
        }
    }

    /// Sets the segment `{id}` of its path.
    #[must_use]
    pub fn with_id(mut self, id: &'a str) -> Self {
        self.id = id;
        self
    }

    /// Sets the segment `{sid}` of its path.
    #[must_use]
    pub fn with_sid(mut self, sid: &'a str) -> Self {
        self.sid = sid;
        self
    }

    /// Lets only `backends` authenticate it.
    #[must_use]
    pub fn accepting(mut self, backends: AcceptedBackends) -> Self {
        self.accepted = backends;
        self
    }
}

impl<H> fmt::Debug for Request<'_, H> {
    /// Prints neither the body nor the head, which may contain a password or a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("id", &self.id)
            .field("sid", &self.sid)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
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

    /// Every route, in the order of the HTTP contract. Each call makes a new list.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let backends = self.authenticator.backends();
        let mut routes = credential::routes(&self.mount, backends);
        routes.extend(account::routes(&self.mount));
        routes.extend(users::routes(&self.mount));
        routes.extend(roles::routes(&self.mount, self.users.roles()));
        let lists = self.authenticator.backends().any(AuthBackend::lists);
        routes.extend(log_ins::routes(&self.mount, lists));
        routes
    }

    /// The [routes](Self::routes) by their paths, for a binding to mount. Answer other methods of a path by
    /// [`PathRoutes::refusal`].
    ///
    /// If a path with a parameter also matches another path, the other path comes first, and must win: `/users/me` before
    /// `/users/{id}`.
    #[must_use]
    pub fn paths(&self) -> Vec<PathRoutes> {
        PathRoutes::grouped(self.routes())
    }

    /// The prefixes of all routes. A binding must refuse any other request below them, with 404, or 405 if another
    /// method has a route there.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        let users = self.mount.users.then_some(&*self.mount.users_path);
        std::iter::once(&*self.mount.auth_path).chain(users)
    }

    /// Runs a route. The answer is `no-store`, because most answers have a user's data or a credential. It carries the next
    /// access token if one is due: see [`Authenticator::rotate`].
    ///
    /// It has the [span](request_span) of the request around it.
    pub async fn call(&self, operation: &Operation, request: Request<'_, impl RequestHead>) -> Response {
        let span = request_span(request.head);
        let asked = Asked::new(request).in_span(is_around());
        self.answer(operation, asked).instrument(span).await
    }

    async fn answer(&self, operation: &Operation, asked: Asked<'_, impl RequestHead, Id, P>) -> Response {
        let answer = match &operation.0 {
            Family::Credential(route) => self.call_credential(route, &asked.request).await,
            Family::Account(route) => self.call_account(*route, &asked.request).await,
            Family::Users(route) => self.call_users(*route, &asked).await,
            Family::Roles(route) => self.call_roles(*route, &asked).await,
            Family::LogIns(route) => self.call_log_ins(*route, &asked).await,
        };
        let answer = answer.unwrap_or_else(HttpError::into_response).no_store();
        self.rotated(answer, asked).await
    }

    /// The user of the request.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator<Id, P> {
        &self.authenticator
    }

    /// The address of the client, by the rules of [`TrustedProxies`](crate::TrustedProxies). `None` if the head knows no [`peer`](RequestHead::peer).
    #[must_use]
    pub fn client(&self, head: &impl RequestHead) -> Option<IpAddr> {
        self.authenticator.client(head)
    }

    /// The users, whose events name the one who sent the request of `head`, for a handler that changes users. `current` is the
    /// credential of the request, if it has one.
    #[must_use]
    pub fn users_for(
        &self,
        current: Option<&Authenticated<Id, P>>,
        head: &impl RequestHead,
    ) -> UserManager<Id, P> {
        let origin = match current {
            Some(current) => current.origin(),
            None => Origin::default().from_client(self.client(head)),
        };
        self.users.with_origin(origin)
    }

    /// The URL at which clients reach the routes, if it is configured.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.authenticator.public_url()
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Arc<UserManager<Id, P>> {
        &self.users
    }

    /// True if a user who changes the password gets a new log-in.
    #[cfg(feature = "openapi")]
    pub(crate) fn keeps_log_in(&self) -> bool {
        self.keeps_log_in
    }

    /// The requirement of every route for logged-in users: a verified e-mail, if the service requires one.
    fn base_requirement(&self) -> Option<Verified> {
        self.users.requires_verification().then_some(Verified)
    }
}

/// The flags that a body can contain, but only a superuser can set.
const FLAGS: [&str; 3] = ["is_active", "is_superuser", "is_verified"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_a_request_prints_neither_its_body_nor_its_head() {
        let request = Request::new(&"Bearer s3cret", b"password=s3cret").with_id("7");
        let printed = format!("{request:?} {request:#?}");
        assert!(
            printed.contains("15 bytes") && printed.contains("id: \"7\""),
            "{printed}"
        );
        for secret in ["s3cret", &format!("{:?}", b"s3cret")[1..20]] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
