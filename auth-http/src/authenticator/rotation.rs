//! Access tokens that are replaced while they are used.

use auth_core::{Issued, IssuedToken, Profile, ReadError, RotateStrategy, UserId};
use auth_users::EventKind;

use super::delivery::ACCESS_TOKEN;
use crate::{
    AuthBackend, Authenticated, Authenticator, Presented, RequestHead, Scheme, Slot, response::SET_COOKIE,
};

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// The headers that give the client the successor of the token that authenticated `found`, for the answer to the request
    /// of `head`: `X-Access-Token` for a Bearer client, `Set-Cookie` for a browser. Parallel requests get the same
    /// successor. The replaced token stays valid for the strategy's grace.
    ///
    /// There are none if the token is not to be replaced yet, if its log-in has ended meanwhile, or if `answered`, the
    /// headers of the answer, have another token for the same place. A store that fails is logged, and there are none: the
    /// client keeps its token.
    ///
    /// [`Endpoints::call`](crate::Endpoints::call) does this for its own routes, except log-out. For an application's
    /// routes, the binding calls it when the answer is ready. Add the headers to it whatever its status, and set
    /// `Cache-Control: no-store` if there is one.
    ///
    /// # Security
    /// Do not call it if the answer cannot carry the headers. Otherwise the client keeps the replaced token, and is logged
    /// out when the grace ends.
    pub async fn rotate<'h>(
        &self,
        found: &Authenticated<Id, P>,
        head: &impl RequestHead,
        answered: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Vec<(&'static str, String)> {
        if !found.credential.rotation_due {
            return Vec::new();
        }
        let Some(backend) = self.backend(&found.backend) else {
            return Vec::new();
        };
        let (Some(strategy), Presented::Token(token)) = (
            backend.abilities().rotate,
            backend.transport().extract(Slot::Access, head),
        ) else {
            return Vec::new();
        };
        if carries_token(backend, answered) {
            return Vec::new();
        }
        let (user, name) = (&found.user.id, backend.name());
        match self.successor(found, strategy, token).await {
            Ok(None) => Vec::new(),
            Ok(Some(successor)) => {
                self.audit.record(EventKind::Rotated, Some(user), &found.origin());
                self.carried(backend, successor, head)
            }
            // The log-in ended while the request was handled.
            Err(ReadError::Rejected(rejection)) => {
                let reason = rejection.name();
                tracing::debug!(target: "portcullis::http", outcome = "not_rotated", ?user, backend = name, reason, "an access token was not replaced");
                Vec::new()
            }
            Err(ReadError::Unavailable(error)) => {
                let problem = error.to_string();
                tracing::warn!(
                    target: "portcullis::http", outcome = "not_rotated", ?user, backend = name, origin = error.origin(),
                    kind = %error.kind(), ?problem, "an access token was not replaced"
                );
                Vec::new()
            }
        }
    }

    /// The token that replaces `token`. None if the user's credentials were ended since it was read, as by a change of the
    /// password.
    async fn successor(
        &self,
        found: &Authenticated<Id, P>,
        strategy: &dyn RotateStrategy<Id>,
        token: &str,
    ) -> Result<Option<IssuedToken>, ReadError> {
        let user = self.users.find(&found.user.id).await?;
        let is_current =
            user.is_some_and(|user| user.is_active && user.security_epoch == found.credential.subject.epoch);
        if !is_current {
            return Ok(None);
        }
        strategy.rotate(&found.backend, token).await
    }

    /// `token` in headers.
    fn carried(
        &self,
        backend: &AuthBackend<Id>,
        token: IssuedToken,
        head: &impl RequestHead,
    ) -> Vec<(&'static str, String)> {
        match self.attach(backend, &Issued::new(token), head) {
            Ok(mut headers) => {
                // The answer around it has its own.
                headers.retain(|(name, _)| *name != "cache-control");
                headers
            }
            Err(error) => {
                tracing::error!(target: "portcullis::http", backend = backend.name(), ?error, "a new access token cannot be delivered");
                Vec::new()
            }
        }
    }
}

/// True if one of the headers of an answer already gives the client a token of `backend`, or removes it.
fn carries_token<'h, Id>(
    backend: &AuthBackend<Id>,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> bool {
    headers
        .into_iter()
        .any(|(name, value)| match backend.transport().scheme() {
            Scheme::Bearer => name.eq_ignore_ascii_case(ACCESS_TOKEN),
            Scheme::Cookie(cookie) => {
                let rest = value.strip_prefix(cookie);
                name.eq_ignore_ascii_case(SET_COOKIE) && rest.is_some_and(|rest| rest.starts_with('='))
            }
        })
}
