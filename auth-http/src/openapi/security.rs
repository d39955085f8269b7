//! The backends as security schemes.

use crate::{AuthBackend, Scheme};
use utoipa::openapi::{
    SecurityRequirement,
    security::{ApiKey, ApiKeyValue, Flow, OAuth2, Password, Scopes, SecurityScheme},
};

/// A Bearer backend is the password flow of OAuth 2 (RFC 6749 §4.3), so that a client can log in by itself at `url`.
/// `path` is the same, as a path of the document.
pub(crate) fn scheme<Id>(backend: &AuthBackend<Id>, path: &str, url: String) -> SecurityScheme {
    match backend.transport().scheme() {
        Scheme::Bearer => {
            let flow = Flow::Password(Password::new(url, Scopes::new()));
            SecurityScheme::OAuth2(OAuth2::with_description(
                [flow],
                "The username is the e-mail. No client id or secret is needed.",
            ))
        }
        Scheme::Cookie(name) => SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            name.to_owned(),
            format!("Set by `POST {path}`. A browser sends it by itself from then on."),
        ))),
    }
}

pub(crate) fn requirement(backend: &str) -> SecurityRequirement {
    SecurityRequirement::new(backend, [] as [&str; 0])
}
