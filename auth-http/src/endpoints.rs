//! The routes of the HTTP contract, from a request to a response.

mod account;
mod session;
mod users;

use std::{future::Future, sync::Arc};

use auth_core::{ConfigError, Profile, UserId};
use auth_users::{ProtectedFields, UserManager, check_profile_names};
use uuid::Uuid;

use crate::{
    AuthBackend, Authenticator, CsrfPolicy, HttpError, RequestHead, Requirement, Response,
    request::{Header, header},
};

/// The routes of a service. Each takes a [`Request`] and answers, errors included.
pub struct Endpoints<Id = Uuid, P = ()> {
    users: Arc<UserManager<Id, P>>,
    authenticator: Authenticator<Id, P>,
    protected: ProtectedFields,
}

/// A request: its head, and its body up to [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES).
pub struct Request<'a, H> {
    /// The head.
    pub head: &'a H,
    /// The body; empty for a route that reads none.
    pub body: &'a [u8],
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
    /// The routes for `users`, who log in through `backends`. From now on `users` revokes a user's credentials of these
    /// backends when it deletes the user, or ends all of their credentials.
    ///
    /// # Errors
    /// [`ConfigError`] as from [`Authenticator::new`], or naming `profile` if that has a field that every user has.
    pub fn new(
        users: Arc<UserManager<Id, P>>,
        backends: Vec<AuthBackend<Id>>,
        csrf: CsrfPolicy,
    ) -> Result<Self, ConfigError> {
        check_profile_names::<P>()?;
        let authenticator = Authenticator::new(backends, Arc::clone(users.store()), csrf)?;
        for strategy in authenticator.backends().filter_map(AuthBackend::shared_revocable) {
            users.revoke_through(strategy);
        }
        Ok(Self {
            users,
            authenticator,
            protected: ProtectedFields::default(),
        })
    }

    /// Ignores these fields of the profile in what users say of themselves: only a superuser sets them. They are known by the
    /// names that they have in JSON; a `#[serde(alias)]` of such a field is protected with it.
    ///
    /// # Errors
    /// [`ConfigError`] naming `protected_fields`, as from [`ProtectedFields::of`].
    pub fn protect(mut self, fields: impl IntoIterator<Item = String>) -> Result<Self, ConfigError> {
        self.protected = ProtectedFields::of::<P>(fields)?;
        Ok(self)
    }

    /// Who is asking.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator<Id, P> {
        &self.authenticator
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Arc<UserManager<Id, P>> {
        &self.users
    }

    /// What every route of a logged-in user asks: a verified e-mail, where the service requires one.
    fn base_requirement(&self) -> Requirement {
        Requirement {
            verified: self.users.requires_verification(),
            superuser: false,
        }
    }
}

/// What a body may say of itself and only a superuser may decide.
const FLAGS: [&str; 3] = ["is_active", "is_superuser", "is_verified"];

/// Answers an error as the client sees it. No cache keeps any answer: most show a user's data or hand out a credential.
async fn answer(judged: impl Future<Output = Result<Response, HttpError>>) -> Response {
    judged.await.unwrap_or_else(HttpError::into_response).no_store()
}
