//! Log-out.

use auth_core::{ExposeSecret as _, Outcome, Profile, ReadError, SecretString, UserId};
use auth_users::{EventKind, Origin};

use super::{Endpoints, Request};
use crate::{
    AcceptedBackends, AuthBackend, HttpError, RequestHead, Response, Scheme, Slot,
    authenticator::{Freshness, Rejected},
    body::JsonBody,
};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Ends the log-in of the credential that the request presents to this backend. If that is not valid, a valid refresh
    /// token is enough: the access token may have expired.
    pub(super) async fn log_out(
        &self,
        name: &str,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let backend = self
            .authenticator
            .backend(name)
            .filter(|b| b.has_logout())
            .ok_or(HttpError::NotFound)?;
        let (head, accepted) = (request.head, AcceptedBackends::only([name]));
        self.authenticator.refuse_forged(head, &accepted)?;
        let reading = self
            .authenticator
            .read(head, &accepted, Freshness::Remembered)
            .await;
        let (user, origin) = match reading.outcome {
            Outcome::Authenticated(found) => {
                let found = found.meeting(&self.base_requirement())?;
                let (user, origin) = (found.user.id.clone(), found.origin());
                let ended = self.end_presented(backend, head, None);
                self.ending(&user, &origin, ended).await?;
                (user, origin)
            }
            Outcome::Anonymous | Outcome::Rejected(_) => {
                let ended = self.end_by_refresh(backend, request, &reading.rejected).await?;
                ended.ok_or_else(|| {
                    let error = self.authenticator.unauthorized(head, &accepted);
                    let slots = &[Slot::Access, Slot::Refresh];
                    self.authenticator.forgetting(backend, head, slots, error)
                })?
            }
            Outcome::Unavailable(error) => return Err(error.into()),
        };
        self.users
            .audit()
            .record(EventKind::LoggedOut, Some(&user), &origin);
        Ok(self.authenticator.clear(backend, head))
    }

    /// Ends the log-in of the refresh token that the request presents, if that is valid, and returns the user's id, and who presents
    /// it. If there is no such token, it tells of the `rejected` access token, which is what the request is refused for.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] if the body is malformed JSON, and others as from [`holder_of`](Self::holder_of).
    async fn end_by_refresh(
        &self,
        backend: &AuthBackend<Id>,
        request: &Request<'_, impl RequestHead>,
        rejected: &[Rejected<'_, Id>],
    ) -> Result<Option<(Id, Origin<Id>)>, HttpError> {
        let head = request.head;
        let token = self.refresh_token_to_end(backend, request).await;
        let (Some(strategy), Ok(Some(token))) = (backend.refreshable(), &token) else {
            self.authenticator.report(rejected, head);
            return token.map(|_none| None);
        };
        let Some((user, origin)) = self.holder_of(backend, strategy, token, head).await? else {
            return Ok(None);
        };
        let end = async {
            match strategy
                .end_by_refresh(backend.name(), token.expose_secret())
                .await
            {
                Ok(()) => Ok(None),
                Err(ReadError::Rejected(rejection)) => Ok(Some(rejection)),
                Err(ReadError::Unavailable(error)) => Err(error),
            }
        };
        let Some(rejection) = self.ending(&user.id, &origin, end).await? else {
            return Ok(Some((user.id, origin)));
        };
        self.refused(Some(&user.id), rejection, &origin);
        Ok(None)
    }

    /// The refresh token that the request presents for a log-out, if there is one.
    async fn refresh_token_to_end(
        &self,
        backend: &AuthBackend<Id>,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Option<SecretString>, HttpError> {
        if !backend.has_refresh() {
            return Ok(None);
        }
        // The cookie of an access token was checked before it was read.
        if !backend.is_presented(Slot::Access, request.head) {
            self.authenticator
                .refuse_forged_cookie(backend, Slot::Refresh, request.head)?;
        }
        if backend.transport().scheme() == Scheme::Bearer {
            JsonBody::parse(request.content_type(), request.body)?;
        }
        // A log-out by an access token has no body, so a body without a token is that of a bad access token.
        Ok(self.refresh_token_of(backend, request).await.ok().flatten())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auth_core::{
        Lifetime, OpaqueStrategy,
        memory::{MemoryAccessTokenStore, MemoryUserStore},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{Authenticator, CookieTransport, CsrfPolicy, request::test_head::Head};

    #[test]
    fn a_log_out_with_a_dead_cookie_removes_it_beside_what_the_401_removes_anyway() {
        let tokens = Arc::new(MemoryAccessTokenStore::new());
        let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
        let backend = AuthBackend::<Uuid>::new("cookie", CookieTransport::default(), strategy);
        let users = Arc::new(MemoryUserStore::<Uuid>::new());
        let authenticator = Authenticator::new(vec![backend], users, CsrfPolicy::same_origin());
        let authenticator = authenticator.expect("one backend");
        let backend = authenticator.backend("cookie").expect("the backend");
        let head = Head::new("POST", &[("cookie", "__Host-portcullis=dead")]);
        let other = ("set-cookie", "other=; Max-Age=0".to_owned());
        let mut error = HttpError::Unauthorized {
            bearer: true,
            removal: vec![other.clone()],
        };
        // Twice: what it removes already is not added again.
        for _ in 0..2 {
            error = authenticator.forgetting(backend, &head, &[Slot::Access, Slot::Refresh], error);
            let HttpError::Unauthorized {
                bearer: true,
                removal,
            } = &error
            else {
                panic!("{error:?}");
            };
            let cookies: Vec<_> = removal.iter().filter(|(name, _)| *name == "set-cookie").collect();
            let [first, dead] = &*cookies else {
                panic!("{cookies:?}");
            };
            assert_eq!(**first, other);
            assert!(dead.1.starts_with("__Host-portcullis=;"), "{dead:?}");
        }
    }
}
