//! The backends as security schemes.

use crate::{AuthBackend, PublicUrl, Scheme, endpoints::REFRESH};
use utoipa::openapi::{
    SecurityRequirement,
    security::{ApiKey, ApiKeyValue, Flow, OAuth2, Password, Scopes, SecurityScheme},
};

/// The schemes of a backend, with their names: that of its access token, and that of the cookie of its refresh token if there
/// is one. `log_in` is the path of its log-in.
///
/// A Bearer backend is the password flow of OAuth 2 (RFC 6749 §4.3), so that a client can log in by itself.
pub(crate) fn schemes<Id>(
    backend: &AuthBackend<Id>,
    log_in: &str,
    public: Option<&PublicUrl>,
) -> Vec<(String, SecurityScheme)> {
    let name = backend.name().to_owned();
    let Scheme::Cookie(cookie) = backend.transport().scheme() else {
        return vec![(name, bearer(backend, log_in, public))];
    };
    let access = key(
        cookie,
        format!("Set by `POST {log_in}`. A browser sends it by itself from then on."),
    );
    let refresh = backend.refresh_cookie().map(|cookie| {
        let about =
            format!("Set by `POST {log_in}`. A browser sends it to the routes of this backend alone.");
        (refresh_name(backend.name()), key(&cookie, about))
    });
    std::iter::once((name, access)).chain(refresh).collect()
}

fn bearer<Id>(backend: &AuthBackend<Id>, log_in: &str, public: Option<&PublicUrl>) -> SecurityScheme {
    let url = |path: &str| match public {
        Some(public) => public.join(path),
        None => path.trim_start_matches('/').to_owned(),
    };
    let prefix = log_in.rsplit_once('/').map_or("", |(prefix, _log_in)| prefix);
    let password = if backend.has_refresh() {
        Password::with_refresh_url(url(log_in), Scopes::new(), url(&format!("{prefix}{REFRESH}")))
    } else {
        Password::new(url(log_in), Scopes::new())
    };
    SecurityScheme::OAuth2(OAuth2::with_description(
        [Flow::Password(password)],
        "The username is the e-mail. No client id or secret is needed.",
    ))
}

fn key(cookie: &str, about: String) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        cookie.to_owned(),
        about,
    )))
}

/// No backend can be called like this.
fn refresh_name(backend: &str) -> String {
    format!("{backend}.refresh")
}

pub(crate) fn requirement(backend: &str) -> SecurityRequirement {
    SecurityRequirement::new(backend, [] as [&str; 0])
}

/// The cookie of the refresh token of `backend`.
pub(crate) fn refresh_requirement(backend: &str) -> SecurityRequirement {
    requirement(&refresh_name(backend))
}
