//! Refresh tokens (RFC 6749 §6).

use auth_core::{
    ExposeSecret as _, Issued, Outcome, Profile, ReadError, RefreshStrategy, Rejection, SecretString,
    StoreError, User, UserId, admit_latest,
};
use auth_users::{EventKind, Origin};

use super::{Endpoints, Request};
use crate::{AuthBackend, HttpError, Presented, RequestHead, Response, Scheme, Slot, body};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Exchanges the refresh token that the request presents for the next tokens of its log-in.
    ///
    /// Whatever is wrong with the token, the answer is the same 401, and removes the cookies. No other answer removes them. If
    /// there is no token at all, the 401 removes nothing: it could arrive after the cookies of a log-in in another tab.
    pub(super) async fn refresh(
        &self,
        name: &str,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let (backend, head) = (self.backend_for(name, request.head)?, request.head);
        let strategy = backend.refreshable().ok_or(HttpError::NotFound)?;
        let unauthorized = || {
            let error = HttpError::Unauthorized {
                bearer: !backend.is_cookie(),
                removal: Vec::new(),
            };
            self.authenticator
                .forgetting(backend, head, &[Slot::Refresh], error)
        };
        self.authenticator
            .refuse_forged_cookie(backend, Slot::Refresh, head)?;
        let token = self.refresh_token_of(backend, request).await?;
        let token = token.ok_or_else(unauthorized)?;
        let holder = self.holder_of(backend, strategy, &token, head).await?;
        let (user, origin) = holder.ok_or_else(unauthorized)?;
        let issued = self
            .exchange(backend, strategy, &token, &user.id, &origin)
            .await?;
        let issued = issued.ok_or_else(unauthorized)?;
        let response = self.authenticator.renew(backend, &issued, head)?;
        self.users
            .audit()
            .record(EventKind::Refreshed, Some(&user.id), &origin);
        Ok(response)
    }

    /// The refresh token that the request presents to `backend`: in a cookie, or in the body. `None` if there is no cookie that
    /// could be one.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] if the body of a Bearer client has none.
    pub(super) async fn refresh_token_of(
        &self,
        backend: &AuthBackend<Id>,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Option<SecretString>, HttpError> {
        let transport = backend.transport();
        match (transport.extract(Slot::Refresh, request.head), transport.scheme()) {
            (Presented::Token(token), _) => Ok(Some(token.into())),
            (Presented::Nothing, Scheme::Bearer) => {
                let token = body::refresh_token(request.content_type(), request.body).await?;
                Ok(Some(token))
            }
            (Presented::Nothing, Scheme::Cookie(_)) => {
                tracing::debug!(
                    target: "portcullis::http", outcome = "anonymous", backend = backend.name(),
                    "no refresh token was presented"
                );
                Ok(None)
            }
            (Presented::Invalid(rejection), _) => {
                let origin = self.authenticator.origin_at(backend, request.head);
                self.refused(None, rejection, &origin);
                Ok(None)
            }
        }
    }

    /// The user whose log-in `token` belongs to, if they may log in, and if their credentials were not ended since; and who
    /// presents it. If somebody acts as that user, they must be active, too. `None` if there is no such user; an event says why.
    /// The token is not spent.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] if the user must be verified and is not, [`HttpError::Unavailable`] if the store does not answer,
    /// or answers from a replica that lags.
    pub(super) async fn holder_of(
        &self,
        backend: &AuthBackend<Id>,
        strategy: &dyn RefreshStrategy<Id>,
        token: &SecretString,
        head: &impl RequestHead,
    ) -> Result<Option<(User<Id, P>, Origin<Id>)>, HttpError> {
        let (name, token) = (backend.name(), token.expose_secret());
        let holder = match strategy.holder_of(name, token) {
            Ok(holder) => holder,
            Err(rejection) => {
                self.refused(None, rejection, &self.authenticator.origin_at(backend, head));
                return Ok(None);
            }
        };
        let origin = self
            .authenticator
            .origin_by(holder.actor.as_deref(), backend, head);
        let id = holder.subject.user_id.clone();
        let admitted = admit_latest(&**self.users.store(), Ok(holder));
        let user = match self.refreshing(&id, &origin, admitted).await {
            Outcome::Authenticated((user, _holder)) => user,
            Outcome::Unavailable(error) => return Err(self.failed(&id, error, &origin)),
            Outcome::Rejected(Rejection::UnknownEpoch) => {
                let problem = "the user was read from a replica that lags";
                return Err(self.failed(&id, StoreError::contention("users", problem), &origin));
            }
            Outcome::Rejected(rejection) => {
                if rejection != Rejection::UserInactive {
                    // All tokens of the log-in are rejected, whether it can be removed or not.
                    let removed = strategy.end_by_refresh(name, token);
                    let _removed = self.refreshing(&id, &origin, removed).await;
                }
                self.refused(Some(&id), rejection, &origin);
                return Ok(None);
            }
            Outcome::Anonymous => return Ok(None),
        };
        if self.users.requires_verification() && !user.is_verified {
            let refused = EventKind::RefreshRefused { why: "not_verified" };
            self.users.audit().record(refused, Some(&id), &origin);
            return Err(HttpError::Forbidden);
        }
        Ok(Some((user, origin)))
    }

    /// The next tokens of the log-in of `user`. `None` if `token` is not valid, which is told.
    async fn exchange(
        &self,
        backend: &AuthBackend<Id>,
        strategy: &dyn RefreshStrategy<Id>,
        token: &SecretString,
        user: &Id,
        origin: &Origin<Id>,
    ) -> Result<Option<Issued>, HttpError> {
        let refreshed = strategy.refresh(backend.name(), token.expose_secret());
        match self.refreshing(user, origin, refreshed).await {
            Ok(issued) => Ok(Some(issued)),
            Err(ReadError::Rejected(rejection)) => {
                self.refused(Some(user), rejection, origin);
                Ok(None)
            }
            Err(ReadError::Unavailable(error)) => Err(self.failed(user, error, origin)),
        }
    }
}
