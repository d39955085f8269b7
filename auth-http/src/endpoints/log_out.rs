//! Log-out.

use auth_core::{ExposeSecret as _, Profile, ReadError, UserId};
use auth_users::EventKind;

use super::{Endpoints, Request};
use crate::{AcceptedBackends, AuthBackend, HttpError, RequestHead, Response, Scheme, Slot, body::JsonBody};

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
        let (accepted, requirement) = (AcceptedBackends::only([name]), self.base_requirement());
        let found = self
            .authenticator
            .require(request.head, &accepted, &requirement)
            .await;
        let user = match found {
            Ok(found) => {
                self.end_presented(backend, request.head, None).await?;
                found.user.id
            }
            Err(error @ HttpError::Unauthorized { .. }) => {
                let ended = self.end_by_refresh(backend, request).await?;
                ended.ok_or_else(|| {
                    let slots = &[Slot::Access, Slot::Refresh];
                    self.authenticator.forgetting(backend, request.head, slots, error)
                })?
            }
            Err(error) => return Err(error),
        };
        let origin = self.authenticator.origin_at(backend, request.head);
        self.users
            .audit()
            .record(EventKind::LoggedOut, Some(&user), &origin);
        Ok(self.authenticator.clear(backend, request.head))
    }

    /// Ends the log-in of the refresh token that the request presents, if that is valid, and returns the user's id.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] if the body is malformed JSON, and others as from [`holder_of`](Self::holder_of).
    async fn end_by_refresh(
        &self,
        backend: &AuthBackend<Id>,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Option<Id>, HttpError> {
        let Some(strategy) = backend.refreshable() else {
            return Ok(None);
        };
        let head = request.head;
        // The cookie of an access token was checked before it was read.
        if !backend.is_presented(Slot::Access, head) {
            self.authenticator
                .refuse_forged_cookie(backend, Slot::Refresh, head)?;
        }
        if backend.transport().scheme() == Scheme::Bearer {
            JsonBody::parse(request.content_type(), request.body)?;
        }
        // A log-out by an access token has no body, so a body without a token is that of a bad access token.
        let Ok(Some(token)) = self.refresh_token_of(backend, request).await else {
            return Ok(None);
        };
        let Some(user) = self.holder_of(backend, strategy, &token, head).await? else {
            return Ok(None);
        };
        match strategy
            .end_by_refresh(backend.name(), token.expose_secret())
            .await
        {
            Ok(()) => Ok(Some(user.id)),
            Err(ReadError::Rejected(rejection)) => {
                self.refused(backend, Some(&user.id), rejection, head);
                Ok(None)
            }
            Err(ReadError::Unavailable(error)) => Err(error.into()),
        }
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
