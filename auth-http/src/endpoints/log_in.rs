//! Log-in and log-out.

use auth_core::{
    ClientInfo, ExposeSecret as _, IssueError, Issued, Profile, ReadError, StoreError, Subject, User, UserId,
};

use auth_users::Identified;

use super::{Endpoints, Request};
use crate::{
    AcceptedBackends, AuthBackend, Authenticated, Authenticator, ErrorCode, HttpError, LoginForm, Presented,
    RequestHead, Response, Slot,
    admission::{as_stored, may_log_in, still_identified},
    request::{Header, header},
};

const MAX_DETAIL_BYTES: usize = 256;

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Logs in a user whom [`UserManager`](auth_users::UserManager) has identified, through the backend called `name`.
    /// It makes the checks of every log-in, and answers like the log-in route.
    ///
    /// It reads the user again, and refuses a log-in that would be invalid at once. It keeps the first 256 bytes of the
    /// label, without control characters.
    ///
    /// # Errors
    /// - [`HttpError::NotFound`] if there is no such backend.
    /// - [`HttpError::Code`] if the user does not exist, is inactive, or must be verified and is not, or if the user's
    ///   credentials were ended after one of them identified the user.
    /// - [`HttpError::Forbidden`] if an unsafe request for a cookie comes from another site.
    /// - [`HttpError::Unavailable`] if the store does not answer.
    pub async fn log_in(
        &self,
        name: &str,
        identified: Identified<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(name, head)?;
        let identified = still_identified(&self.users, identified).await?;
        self.finish(backend, &identified, head).await
    }

    /// Ends every credential of the user of `current`, at every backend, and answers like a log-in through the backend
    /// that read `current`: with a new credential, the only valid one.
    ///
    /// The current credential ends, too, and the answer replaces it, because plain JWTs and credentials of other
    /// backends can only be ended together with it.
    ///
    /// # Errors
    /// - [`HttpError::Unauthorized`] if `current` was ended since it was read. Nothing else is ended then.
    /// - [`HttpError::Forbidden`] if an unsafe request for a cookie comes from another site. Nothing is ended.
    /// - [`HttpError::Code`] and [`HttpError::NotFound`] as from [`log_in`](Self::log_in).
    /// - [`HttpError::Unavailable`] if a store does not answer. Either the credentials are still valid, or all have
    ///   ended, including the current one.
    pub async fn log_out_elsewhere(
        &self,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(&current.backend, head)?;
        let unauthorized = || {
            let accepted = AcceptedBackends::only([backend.name()]);
            self.authenticator.unauthorized(head, &accepted)
        };
        may_log_in(&self.users, &current.user)?;
        // It may have been logged out since: a client can take its time with the body.
        let Presented::Token(token) = backend.transport().extract(Slot::Access, head) else {
            return Err(unauthorized());
        };
        match backend.read(token).await {
            Ok(credential) if credential.subject == current.credential.subject => {}
            Ok(_) | Err(ReadError::Rejected(_)) => return Err(unauthorized()),
            Err(ReadError::Unavailable(error)) => return Err(error.into()),
        }
        let user = self.users.log_out_elsewhere(&current.user).await?;
        let user = user.ok_or_else(unauthorized)?;
        may_log_in(&self.users, &user)?;
        let identified = self.users.identify_without_proof(user);
        self.finish(backend, &identified, head).await
    }

    /// Logs in by e-mail and password. If the request presents a credential of this backend, that is revoked once the
    /// new one is issued.
    pub(super) async fn log_in_by_password(
        &self,
        name: &str,
        request: Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(name, request.head)?;
        let form = LoginForm::parse(request.content_type(), request.body).await?;
        let identified = self.users.authenticate(&form.username, &form.password).await?;
        self.finish(backend, &identified, request.head).await
    }

    /// Every log-in ends here.
    async fn finish(
        &self,
        backend: &AuthBackend<Id>,
        identified: &Identified<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let (user, client) = (identified.user(), self.client(head, identified.label()));
        let issued = backend.issue(&Subject::from(user), &client).await;
        let issued = issued.map_err(|error| match error {
            IssueError::UnknownUser => HttpError::Code(ErrorCode::LoginBadCredentials),
            IssueError::Unavailable(error) => error.into(),
        })?;
        let handed_over = self.hand_over(backend, user, &issued, head).await;
        if handed_over.is_err() {
            // No client gets this token. If it cannot be revoked either, it expires unused.
            let _revoked = backend.revoke(issued.access.secret.expose_secret()).await;
        }
        handed_over
    }

    /// The backend called `name`, if the answer to this request may have a credential of it.
    fn backend_for(&self, name: &str, head: &impl RequestHead) -> Result<&AuthBackend<Id>, HttpError> {
        let backend = self.authenticator.backend(name).ok_or(HttpError::NotFound)?;
        if backend.is_cookie() {
            self.authenticator.refuse_cross_site(head)?;
        }
        Ok(backend)
    }

    /// Revokes the presented credential last, so that a failed log-in leaves it alone.
    async fn hand_over(
        &self,
        backend: &AuthBackend<Id>,
        user: &User<Id, P>,
        issued: &Issued,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let response = self.authenticator.deliver(backend, issued, head)?;
        self.refuse_if_ended(user).await?;
        self.users.logged_in(user).await?;
        revoke_presented(backend, head).await?;
        tracing::info!(target: "portcullis::http", outcome = "logged_in", user = ?user.id, backend = backend.name(), "a user logged in");
        Ok(response)
    }

    fn client(&self, head: &impl RequestHead, label: Option<&str>) -> ClientInfo {
        let user_agent = match header(head, "user-agent") {
            Header::One(value) => Some(shortened(String::from_utf8_lossy(value).into_owned())),
            Header::Absent | Header::Many => None,
        };
        let mut client = ClientInfo::default();
        client.user_agent = user_agent;
        client.address = self.proxies.client(head).map(|address| address.to_string());
        client.label = label.map(|label| {
            let mut label = label.to_owned();
            label.retain(|character| !character.is_control());
            shortened(label)
        });
        client
    }

    /// Refuses the log-in if meanwhile the user may no longer log in, or all credentials of the user were ended. That
    /// could not remove the new credential, which was not stored yet, and hashing the password took time.
    async fn refuse_if_ended(&self, user: &User<Id, P>) -> Result<(), HttpError> {
        let stored = as_stored(&self.users, user).await?;
        if stored.security_epoch != user.security_epoch {
            let problem = "the user's credentials were ended during the log-in";
            return Err(StoreError::contention("users", problem).into());
        }
        Ok(())
    }

    /// Revokes the credential that the request presents to this backend.
    pub(super) async fn log_out(
        &self,
        name: &str,
        request: Request<'_, impl RequestHead>,
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
            .await
            .map_err(|error| forgetting(&self.authenticator, backend, request.head, error))?;
        revoke_presented(backend, request.head).await?;
        tracing::info!(target: "portcullis::http", outcome = "logged_out", user = ?found.user.id, backend = name, "a user logged out");
        Ok(self.authenticator.clear(backend, request.head))
    }
}

/// `error`. A 401 also removes the presented cookie, which is useless now.
fn forgetting<Id: UserId, P: Profile>(
    authenticator: &Authenticator<Id, P>,
    backend: &AuthBackend<Id>,
    head: &impl RequestHead,
    error: HttpError,
) -> HttpError {
    match backend.transport().extract(Slot::Access, head) {
        Presented::Nothing => error,
        Presented::Token(_) | Presented::Invalid(_) => {
            error.removing(authenticator.clear(backend, head).headers)
        }
    }
}

async fn revoke_presented<Id>(backend: &AuthBackend<Id>, head: &impl RequestHead) -> Result<(), HttpError> {
    if let Presented::Token(token) = backend.transport().extract(Slot::Access, head) {
        backend.revoke(token).await?;
    }
    Ok(())
}

/// The part of a text that a list of sessions keeps.
fn shortened(mut text: String) -> String {
    let mut end = text.len().min(MAX_DETAIL_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
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
    use crate::{CookieTransport, CsrfPolicy, request::test_head::Head};

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
            error = forgetting(&authenticator, backend, &head, error);
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
