//! Protection against cross-site request forgery.

mod double_submit;

use auth_core::{ConfigError, SigningSecret};
use auth_users::EventKind;

use self::double_submit::DoubleSubmit;
use crate::{
    HttpError, RequestHead, Response,
    origin::Origin,
    request::{Header, header, is_handshake, is_safe},
};

/// The longest part of a request that is written to the log, in bytes.
const MAX_LOGGED_BYTES: usize = 256;

/// Recognises cross-site requests by headers of the browser, for requests with a cookie.
///
/// A request passes if its method is safe and it has no `Upgrade` header. A WebSocket handshake has one, and is treated
/// like an unsafe request, because the browser adds the cookie whichever site opens the socket.
///
/// Any other request passes if one of these holds:
/// - its `Origin` is a [trusted](Self::trust) one;
/// - its `Sec-Fetch-Site` is `same-origin` or `none`;
/// - it has no `Sec-Fetch-Site`, and its `Origin` is that of the service itself;
/// - it has neither header: the client is not a browser.
///
/// Origins are compared as scheme, host and port. The service's own is that of its [public
/// URL](crate::EndpointsBuilder::public_url) if it has one. If it has none, its host and port are those of the `Host`
/// header, and its scheme is that of the connection: `https` if this process ends TLS itself or `Host` names the port
/// 443.
///
/// # Behind a proxy that ends TLS
/// Set the [public URL](crate::EndpointsBuilder::public_url). Without it the service assumes `http://HOST`, and refuses
/// with 403 the requests of a page of `https://HOST` without `Sec-Fetch-Site`: every WebSocket handshake of Chromium,
/// and every request of a browser from before March 2023. `X-Forwarded-Proto` is never read, because without a proxy
/// any client could send it.
///
/// Sources: W3C Fetch Metadata; RFC 6454; RFC 6455 §10.2; OWASP's cheat sheet on cross-site request forgery.
#[derive(Clone, Debug, Default)]
pub struct CsrfPolicy {
    trusted: Vec<Origin>,
    public: Option<Origin>,
    double_submit: Option<DoubleSubmit>,
}

impl CsrfPolicy {
    /// Only the service's own origin is trusted.
    #[must_use]
    pub fn same_origin() -> Self {
        Self::default()
    }

    /// Also trusts the pages of `origin`, for example `https://app.example.com`.
    ///
    /// Trusting is not CORS. A page of another site also needs CORS headers with credentials, and a cookie with
    /// `SameSite=None`. A Bearer backend is usually better for an application.
    ///
    /// You may write or omit the default port, and the case of a host does not matter. The origin of an application or
    /// an extension, for example `tauri://localhost` or `chrome-extension://ID`, is compared byte by byte.
    ///
    /// # Errors
    /// [`ConfigError`] if `origin` is not an origin as a browser writes it. The error says what to write. `null` and
    /// wildcards are never accepted.
    pub fn trust(mut self, origin: impl AsRef<str>) -> Result<Self, ConfigError> {
        let origin = Origin::configured(origin.as_ref());
        let origin = origin.map_err(|problem| ConfigError::new("csrf.trusted_origin", problem))?;
        self.trusted.push(origin);
        Ok(self)
    }

    /// The policy of a service whose own origin is `origin`, whatever `Host` and the connection say.
    pub(crate) fn reached_at(mut self, origin: Origin) -> Self {
        self.public = Some(origin);
        self
    }

    /// Also requires a signed double-submit token of unsafe requests with the cookie of a log-in. A log-in sets the
    /// token in a second cookie, `NAME-csrf`. Scripts of the page read it and send it back as `X-CSRF-Token`. That
    /// cookie has the attributes of the log-in's own, except `HttpOnly`.
    ///
    /// The cookie of a refresh token has its own token, in `REFRESH-csrf`, for example `__Secure-web-refresh-csrf`. A page sends
    /// that one with a refresh. It also sends it with a log-out if `NAME-csrf` is gone, because the access token has expired.
    /// The cookie lives as long as the refresh token, and has the path of `NAME-csrf`, so that scripts can read it.
    ///
    /// Log-in and registration happen before there is a token, so only their origin is checked. The same applies to a
    /// WebSocket handshake, to which a page cannot add a header.
    ///
    /// If access tokens [rotate](auth_core::RotateStrategy), so does `NAME-csrf`. A page that reads it while another answer
    /// replaces both can send the one that does not match, and gets a 403. It should read the cookie again, and retry once.
    ///
    /// If the secret [also accepts](SigningSecret::also_accept) an old one, pages that are open when the secret changes
    /// keep working.
    #[must_use]
    pub fn double_submit(mut self, secret: &SigningSecret) -> Self {
        self.double_submit = Some(DoubleSubmit::new(secret));
        self
    }

    /// True if the request may use a credential that the browser added by itself.
    #[must_use]
    pub(crate) fn allows(&self, head: &dyn RequestHead) -> bool {
        if is_safe(head) {
            return true;
        }
        let origin = match header(head, "origin") {
            Header::Absent => None,
            Header::One(origin) => Some(Origin::from_header(origin)),
            Header::Many => Some(None),
        };
        if let Some(Some(origin)) = &origin
            && self.trusted.contains(origin)
        {
            return true;
        }
        match header(head, "sec-fetch-site") {
            Header::One(site) => site == b"same-origin" || site == b"none",
            Header::Many => false,
            Header::Absent => origin.is_none_or(|origin| origin.is_some() && origin == self.own(head)),
        }
    }

    /// Refuses a cross-site request, and logs the setting that would allow it.
    ///
    /// # Errors
    /// [`Forged`] for a cross-site request.
    pub(crate) fn check(&self, head: &dyn RequestHead) -> Result<(), Forged> {
        if self.allows(head) {
            return Ok(());
        }
        let setting = match header(head, "origin") {
            Header::One(origin) => self.setting_for(Origin::from_header(origin), head),
            Header::Absent | Header::Many => None,
        };
        Err(refused(
            head,
            "cross_site",
            setting
                .as_deref()
                .unwrap_or("none: the request does not name one origin that could be trusted"),
        ))
    }

    /// Refuses a request if the browser may have added its cookie for a page of another site. `credential` is the
    /// cookie's value, if that can be one.
    ///
    /// # Errors
    /// [`Forged`] for a cross-site request, and for one without the token of the double submit.
    pub(crate) fn check_cookie(
        &self,
        head: &dyn RequestHead,
        credential: Option<&str>,
    ) -> Result<(), Forged> {
        if is_safe(head) {
            return Ok(());
        }
        self.check(head)?;
        // A page cannot add a header to a handshake.
        if is_handshake(head) || credential.is_none_or(|credential| self.confirms(head, credential)) {
            return Ok(());
        }
        Err(refused(
            head,
            "not_confirmed",
            "none: the page has to send the token of the double submit",
        ))
    }

    fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool {
        let double_submit = self.double_submit.as_ref();
        double_submit.is_none_or(|double_submit| double_submit.confirms(head, credential))
    }

    /// The header that pages must send, if any.
    #[cfg(feature = "openapi")]
    pub(crate) fn confirmation(&self) -> Option<&'static str> {
        self.double_submit.as_ref().map(|_| double_submit::HEADER)
    }

    /// `response`, with a cookie for the page beside each cookie called `access` or `refresh` that it sets or removes.
    pub(crate) fn accompany(&self, access: &str, refresh: Option<&str>, response: Response) -> Response {
        match &self.double_submit {
            Some(double_submit) => double_submit.accompany(access, refresh, response),
            None => response,
        }
    }

    fn own(&self, head: &dyn RequestHead) -> Option<Origin> {
        let target = head.target();
        match &self.public {
            Some(public) => Some(public.clone()),
            None => Origin::of_target(target.is_tls, target.host?),
        }
    }

    /// The setting that would allow a request from `origin`.
    fn setting_for(&self, origin: Option<Origin>, head: &dyn RequestHead) -> Option<String> {
        let origin = origin?;
        let is_ours = self
            .own(head)
            .is_some_and(|own| own.authority() == origin.authority());
        // If the browser sends `Sec-Fetch-Site`, that decides before the service's own origin.
        let is_judged_by_origin = matches!(header(head, "sec-fetch-site"), Header::Absent);
        let setting = if is_ours && self.public.is_none() && is_judged_by_origin {
            "public_url"
        } else {
            "CsrfPolicy::trust"
        };
        Some(format!("{setting}({:?})", origin.as_str()))
    }
}

/// A request that a page of another site may have sent, and how it shows.
#[derive(Debug)]
pub(crate) struct Forged(&'static str);

impl From<&Forged> for EventKind {
    fn from(forged: &Forged) -> Self {
        Self::RequestForged { why: forged.0 }
    }
}

impl From<Forged> for HttpError {
    fn from(_forged: Forged) -> Self {
        Self::Forbidden
    }
}

/// Logs that a request was refused, and the setting that would allow it.
fn refused(head: &dyn RequestHead, reason: &'static str, setting: &str) -> Forged {
    let target = head.target();
    let route = target.route.as_deref().unwrap_or(target.path);
    tracing::warn!(
        target: "portcullis::http", outcome = "refused", reason, method = ?bounded(head.method().as_bytes()),
        route = ?bounded(route.as_bytes()), host = target.host.map(|host| tracing::field::debug(bounded(host.as_bytes()))),
        origin = logged(head, "origin").map(tracing::field::debug),
        sec_fetch_site = logged(head, "sec-fetch-site").map(tracing::field::debug),
        setting, "a cross-site request was refused"
    );
    Forged(reason)
}

/// The values of a header, for the log.
fn logged(head: &dyn RequestHead, name: &'static str) -> Option<String> {
    let mut found: Option<Vec<u8>> = None;
    head.headers(name, &mut |value| match &mut found {
        Some(found) => {
            found.extend_from_slice(b", ");
            found.extend_from_slice(value);
        }
        None => found = Some(value.to_vec()),
    });
    found.map(|found| bounded(&found))
}

/// The beginning of a text from a client. Log it by its `Debug`, which escapes line breaks.
fn bounded(value: &[u8]) -> String {
    let end = value.len().min(MAX_LOGGED_BYTES);
    let mut text = String::from_utf8_lossy(&value[..end]).into_owned();
    if end < value.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
