//! Log-in.

use auth_core::{
    ClientInfo, ExposeSecret as _, IssueError, Issued, Profile, ReadError, Rejection, StoreError, Subject,
    TokenKind, TokenLookup, User, UserId,
};
use auth_users::Identified;

use super::{Endpoints, Request};
use crate::{
    AuthBackend, HttpError, LoginForm, Presented, RequestHead, Response, Slot,
    admission::{Cleared, NotLoggedIn, as_stored, cleared, may_log_in, still_identified},
    request::{Header, header},
};

const MAX_DETAIL_BYTES: usize = 256;

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Logs in a user whom [`UserManager`](auth_users::UserManager) has identified, through the backend called `name`.
    /// It makes the checks of every log-in, and answers like the log-in route.
    ///
    /// It reads the user again, and refuses a log-in that would be invalid at once. It keeps the first 256 bytes of the
    /// label, without control characters. The log-in that the request presents ends, unless somebody
    /// [acts](Identified::acting) as the user.
    ///
    /// # Errors
    /// - [`HttpError::Internal`] if there is no such backend. The log names those there are. A name from a URL can be looked up
    ///   before: [`Authenticator::backend`](crate::Authenticator::backend).
    /// - [`HttpError::Code`] if the user does not exist, is inactive, or must be verified and is not, or if the user's
    ///   credentials were ended after one of them identified the user.
    /// - [`HttpError::Forbidden`] if an unsafe request for a cookie comes from another site, if the
    ///   [`Veto`](auth_users::Veto) refuses the log-in, or if somebody is to [act](Identified::acting) as the user, and the
    ///   request presents no credential of their own, but one by which they act as another.
    /// - [`HttpError::Unavailable`] if the store does not answer.
    pub async fn log_in(
        &self,
        name: &str,
        identified: Identified<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        if self.authenticator.backend(name).is_none() {
            let there_are: Vec<_> = self.authenticator.backends().map(AuthBackend::name).collect();
            tracing::error!(
                target: "portcullis::http", backend = name, ?there_are,
                "a handler logs in through a backend that does not exist"
            );
            return Err(HttpError::Internal("there is no backend of this name"));
        }
        let backend = self.backend_for(name, head)?;
        let origin = self.origin_of_log_in(backend, &identified, head);
        let user = identified.user().id.clone();
        let done = async {
            if let Some(actor) = identified.actor() {
                self.authenticator.refuse_chain(head, actor).await?;
            }
            let identified = still_identified(&self.users, identified).await?;
            let cleared = cleared(&self.users, identified, &origin).await?;
            self.finish(backend, &cleared, head).await
        };
        self.attempt(&user, &origin).conclude(done).await
    }

    /// Logs in by e-mail and password. If the request presents a credential of this backend, that is revoked once the
    /// new one is issued.
    pub(super) async fn log_in_by_password(
        &self,
        name: &str,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(name, request.head)?;
        let form = LoginForm::parse(request.content_type(), request.body).await?;
        let origin = self.authenticator.origin_at(backend, request.head);
        let users = self.users.with_origin(origin.clone());
        let identified = users.authenticate(&form.username, &form.password).await?;
        let user = identified.user().id.clone();
        let done = async {
            let cleared = cleared(&self.users, identified, &origin).await?;
            self.finish(backend, &cleared, request.head).await
        };
        self.attempt(&user, &origin).conclude(done).await
    }

    /// Every log-in ends here, but for one whose tokens are [attached](Self::attached) to another answer.
    pub(super) async fn finish(
        &self,
        backend: &AuthBackend<Id>,
        cleared: &Cleared<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, NotLoggedIn> {
        let deliver = |issued: &Issued| self.authenticator.deliver(backend, issued, head);
        self.issue(backend, cleared, head, deliver).await
    }

    /// The headers with the tokens of a log-in of `user`, by the proof `next`, for the answer to a request that ended the credential
    /// that it presented.
    pub(super) async fn attached(
        &self,
        backend: &AuthBackend<Id>,
        next: Identified<Id, P>,
        user: User<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Vec<(&'static str, String)>, HttpError> {
        let origin = self.origin_of_log_in(backend, &next, head);
        let id = user.id.clone();
        let done = async {
            may_log_in(&self.users, &user)?;
            let next = next.renewed(user).ok_or(NotLoggedIn::Ended)?;
            let cleared = cleared(&self.users, next, &origin).await?;
            let attach = |issued: &Issued| self.authenticator.attach(backend, issued, head);
            self.issue(backend, &cleared, head, attach).await
        };
        self.attempt(&id, &origin).conclude(done).await
    }

    /// Issues the tokens of a log-in, and passes them on by `deliver`.
    async fn issue<T>(
        &self,
        backend: &AuthBackend<Id>,
        cleared: &Cleared<Id, P>,
        head: &impl RequestHead,
        deliver: impl FnOnce(&Issued) -> Result<T, HttpError>,
    ) -> Result<T, NotLoggedIn> {
        let identified = cleared.proof();
        let (subject, client) = (
            Subject::from(identified.user()),
            self.client_info(head, identified.label()),
        );
        let actor = identified.actor().map(ToString::to_string);
        let mut log_in = backend.log_in_of(&subject, &client);
        let replaced = match actor {
            // What somebody presents who acts as the user is theirs, and stays.
            Some(_) => None,
            None => replaceable(backend, head).await?,
        };
        log_in.actor = actor.as_deref();
        log_in.replaces = replaced.as_ref().map(|(_slot, log_in)| log_in);
        log_in.ends_at = identified.ends_at(self.users.clock().now());
        let issued = backend.issue_for(&log_in).await;
        let issued = issued.map_err(|error| match error {
            IssueError::UnknownUser => NotLoggedIn::UserGone,
            IssueError::Unavailable(error) => error.into(),
            error => StoreError::internal("access tokens", error).into(),
        })?;
        let handed_over = match deliver(&issued) {
            Ok(answer) => self
                .hand_over(backend, identified, head, replaced)
                .await
                .map(|()| answer),
            Err(error) => Err(error.into()),
        };
        if handed_over.is_err() {
            // No client gets this token. If it cannot be revoked either, it expires unused.
            let _revoked = backend.revoke(issued.access.secret.expose_secret()).await;
        }
        handed_over
    }

    /// The backend called `name`, if the answer to this request may have a credential of it.
    pub(super) fn backend_for(
        &self,
        name: &str,
        head: &impl RequestHead,
    ) -> Result<&AuthBackend<Id>, HttpError> {
        let backend = self.authenticator.backend(name).ok_or(HttpError::NotFound)?;
        if backend.is_cookie() {
            self.authenticator.refuse_cross_site(Some(backend), head)?;
        }
        Ok(backend)
    }

    /// Ends the presented credential last, so that a failed log-in leaves it alone. That of somebody who acts as the user is
    /// theirs, and stays.
    async fn hand_over(
        &self,
        backend: &AuthBackend<Id>,
        identified: &Identified<Id, P>,
        head: &impl RequestHead,
        replaced: Option<Replaced>,
    ) -> Result<(), NotLoggedIn> {
        self.refuse_if_ended(identified.user()).await?;
        if identified.actor().is_none() {
            self.end_presented(backend, head, replaced).await?;
        }
        Ok(())
    }

    /// Ends the log-ins of the valid credentials that the request presents to this backend. The one that was `replaced` ends
    /// even if its token is no longer valid.
    pub(super) async fn end_presented(
        &self,
        backend: &AuthBackend<Id>,
        head: &impl RequestHead,
        replaced: Option<Replaced>,
    ) -> Result<(), HttpError> {
        let replaced_slot = match (replaced, backend.abilities().replace) {
            (Some((slot, log_in)), Some(strategy)) => {
                strategy.end(&log_in).await?;
                Some(slot)
            }
            _ => None,
        };
        if replaced_slot == Some(Slot::Refresh) {
            return Ok(());
        }
        if replaced_slot.is_none()
            && let Presented::Token(token) = backend.transport().extract(Slot::Access, head)
        {
            backend.revoke(token).await?;
        }
        // The access token may have expired before its log-in, and then its cookie is gone.
        let (Some(strategy), Presented::Token(token)) = (
            backend.refreshable(),
            backend.transport().extract(Slot::Refresh, head),
        ) else {
            return Ok(());
        };
        match strategy.end_by_refresh(backend.name(), token).await {
            Err(ReadError::Rejected(Rejection::Reused)) => {
                if let Ok(holder) = strategy.holder_of(backend.name(), token) {
                    let origin = self
                        .authenticator
                        .origin_by(holder.actor.as_deref(), backend, head);
                    self.refused(Some(&holder.subject.user_id), Rejection::Reused, &origin);
                }
                Ok(())
            }
            Ok(()) | Err(ReadError::Rejected(_)) => Ok(()),
            Err(ReadError::Unavailable(error)) => Err(error.into()),
        }
    }

    fn client_info(&self, head: &impl RequestHead, label: Option<&str>) -> ClientInfo {
        let user_agent = match header(head, "user-agent") {
            Header::One(value) => Some(shortened(String::from_utf8_lossy(value).into_owned())),
            Header::Absent | Header::Many => None,
        };
        let mut client = ClientInfo::default();
        client.user_agent = user_agent;
        client.address = self.client(head).map(|address| address.to_string());
        client.label = label.map(|label| {
            let mut label = label.to_owned();
            label.retain(|character| !character.is_control());
            shortened(label)
        });
        client
    }

    /// Refuses the log-in if meanwhile the user may no longer log in, or all credentials of the user were ended. That
    /// could not remove the new credential, which was not stored yet, and hashing the password took time.
    async fn refuse_if_ended(&self, user: &User<Id, P>) -> Result<(), NotLoggedIn> {
        let stored = as_stored(&self.users, user).await?;
        if stored.security_epoch != user.security_epoch {
            return Err(NotLoggedIn::EndedMeanwhile);
        }
        Ok(())
    }
}

/// A log-in that a new one replaces, and the place of its token.
pub(super) type Replaced = (Slot, TokenLookup);

/// The log-in that ends once the new one was handed out: the one that the request presents. If it presents two, the second
/// counts like any other until it ends, too.
async fn replaceable<Id: UserId>(
    backend: &AuthBackend<Id>,
    head: &impl RequestHead,
) -> Result<Option<Replaced>, StoreError> {
    let Some(strategy) = backend.abilities().replace else {
        return Ok(None);
    };
    for (slot, kind) in [
        (Slot::Access, TokenKind::Access),
        (Slot::Refresh, TokenKind::Refresh),
    ] {
        if let Presented::Token(token) = backend.transport().extract(slot, head)
            && let Some(log_in) = strategy.replaceable(backend.name(), kind, token).await?
        {
            return Ok(Some((slot, log_in)));
        }
    }
    Ok(None)
}

/// The part of a text that a list of log-ins keeps.
pub(super) fn shortened(mut text: String) -> String {
    let mut end = text.len().min(MAX_DETAIL_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
