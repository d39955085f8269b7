//! How tokens get to a client, and are removed from it.

use auth_core::{ExposeSecret as _, Issued, IssuedToken, Profile, Rejection, UserId};

use super::{AcceptedBackends, Authenticator};
use crate::{
    AuthBackend, HttpError, Presented, RequestHead, Response, Scheme, Slot,
    response::SET_COOKIE,
    response_cookies::{dressed, names_in},
    transport::is_path_byte,
};

/// The header with the next access token of a Bearer client.
pub(super) const ACCESS_TOKEN: &str = "x-access-token";

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// The answer to a request without a valid credential. If a cookie came twice, it removes the cookies of that name,
    /// because the next log-in would only add another one. A refresh token stays: it gets the client a new one.
    #[must_use]
    pub fn unauthorized(&self, head: &impl RequestHead, accepted: &AcceptedBackends) -> HttpError {
        let ambiguous = self.accepted(accepted).filter(|backend| {
            let presented = backend.transport().extract(Slot::Access, head);
            backend.is_cookie() && matches!(presented, Presented::Invalid(Rejection::Ambiguous))
        });
        let unauthorized = HttpError::Unauthorized {
            bearer: self.accepts_bearer(accepted),
            removal: Vec::new(),
        };
        ambiguous.fold(unauthorized, |error, backend| {
            let removal = backend.transport().clear(Slot::Access);
            error.removing(self.finished(backend, removal, head, 2).headers)
        })
    }

    /// The answer that gives `token` to the client that sent the request of `head`.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if the transport cannot carry the token.
    pub(crate) fn deliver(
        &self,
        backend: &AuthBackend<Id>,
        issued: &Issued,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let response = backend.transport().deliver(issued)?;
        // Any cookie of the name could be another one than the one set now. Two would keep the user out.
        Ok(self.finished(backend, response, head, 1))
    }

    /// As [`deliver`](Self::deliver), to a client that has presented a valid token of the same log-in: a single cookie of
    /// a name is the service's own.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if the transport cannot carry the token.
    pub(crate) fn renew(
        &self,
        backend: &AuthBackend<Id>,
        issued: &Issued,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let response = backend.transport().deliver(issued)?;
        Ok(self.finished(backend, response, head, 2))
    }

    /// The headers that give tokens to the client beside another answer: as [`renew`](Self::renew), but a Bearer client gets
    /// them in `X-Access-Token` and `X-Refresh-Token`.
    ///
    /// # Errors
    /// [`HttpError::Internal`] if the transport cannot carry the token.
    pub(crate) fn attach(
        &self,
        backend: &AuthBackend<Id>,
        issued: &Issued,
        head: &impl RequestHead,
    ) -> Result<Vec<(&'static str, String)>, HttpError> {
        if backend.is_cookie() {
            return Ok(self.renew(backend, issued, head)?.headers);
        }
        let value = |token: &IssuedToken| token.secret.expose_secret().to_owned();
        let access = [(ACCESS_TOKEN, value(&issued.access))].into_iter();
        let refresh = issued.refresh.iter();
        Ok(access
            .chain(refresh.map(|token| ("x-refresh-token", value(token))))
            .collect())
    }

    /// The answer that removes the credentials of the client that sent the request of `head`.
    pub(crate) fn clear(&self, backend: &AuthBackend<Id>, head: &impl RequestHead) -> Response {
        let mut response = backend.transport().clear(Slot::Access);
        if backend.has_refresh() {
            let refresh = backend.transport().clear(Slot::Refresh);
            let cookies = refresh
                .headers
                .into_iter()
                .filter(|(name, _)| *name == SET_COOKIE);
            response.headers.extend(cookies);
        }
        self.finished(backend, response, head, 2)
    }

    /// `error`. If it is a 401, and the request presents one of `slots`, it also removes the cookies of `backend`, which are useless
    /// now.
    pub(crate) fn forgetting(
        &self,
        backend: &AuthBackend<Id>,
        head: &impl RequestHead,
        slots: &[Slot],
        error: HttpError,
    ) -> HttpError {
        if slots.iter().any(|slot| backend.is_presented(*slot, head)) {
            return error.removing(self.clear(backend, head).headers);
        }
        error
    }

    /// `response`, whose cookies are [dressed] for the client.
    fn finished(
        &self,
        backend: &AuthBackend<Id>,
        response: Response,
        head: &impl RequestHead,
        suspicious: usize,
    ) -> Response {
        let Scheme::Cookie(access) = backend.transport().scheme() else {
            return response;
        };
        let refresh = backend.refresh_cookie().map(|name| {
            // Most answers have no such cookie, and then nobody asks for its path.
            let has_it = names_in(&response).contains(&name);
            let path = has_it.then(|| self.own_path(backend, head));
            (name, path.unwrap_or_default())
        });
        let refresh = refresh.as_ref().map(|(name, path)| (&**name, &**path));
        dressed(
            response,
            access,
            refresh,
            &self.csrf,
            self.public_url(),
            head,
            suspicious,
        )
    }

    /// The path of the routes of `backend`, as browsers know it.
    fn own_path(&self, backend: &AuthBackend<Id>, head: &impl RequestHead) -> String {
        let name = backend.name();
        let mount = match self.public_url() {
            Some(url) => url.path().to_owned(),
            None => {
                let mount = head.mount().filter(|path| path.bytes().all(is_path_byte));
                mount.unwrap_or_else(|| {
                    tracing::warn!(
                        target: "portcullis::http", backend = name, route = head.target().route.as_deref(),
                        "the refresh token's cookie may be for a wrong path, because this route does not show where the \
                         library's routes are mounted: set `public_url`, or move the route next to them"
                    );
                    String::new()
                })
            }
        };
        format!("{mount}{}/{name}", self.auth_path)
    }
}
