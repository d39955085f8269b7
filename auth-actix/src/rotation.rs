//! Access tokens that the answer to a request replaces.

use std::sync::{Arc, atomic::Ordering};

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::ServiceResponse,
    http::header::{CACHE_CONTROL, HeaderName, HeaderValue},
    web::Data,
};
use auth_core::{Profile, UserId};
use auth_http::Authenticated;

use crate::{auth::Shared, head::Head};

/// Stands in the extensions of a request whose answer can carry the next token of `by`.
pub(crate) struct Carrier<Id, P> {
    by: Data<Shared<Id, P>>,
    /// The credential that is to be replaced.
    due: Option<Authenticated<Id, P>>,
}

impl<Id: UserId, P: Profile> Carrier<Id, P> {
    /// A carrier for `request`. `None` if a middleware around this one has one.
    pub(crate) fn for_request(request: &HttpRequest, by: &Data<Shared<Id, P>>) -> Option<Carried<Id, P>> {
        let mut extensions = request.extensions_mut();
        if let Some(around) = extensions.get::<Self>()
            && Arc::ptr_eq(&around.by, by)
        {
            return None;
        }
        let around = extensions.insert(Self {
            by: by.clone(),
            due: None,
        });
        Some(Carried { around })
    }
}

/// Proof that this middleware carries the next token of a request.
pub(crate) struct Carried<Id, P> {
    /// The carrier of another service with users of the same type.
    around: Option<Carrier<Id, P>>,
}

impl<Id: UserId, P: Profile> Carried<Id, P> {
    /// Adds the next token to the answer, if one is due.
    pub(crate) async fn deliver<B>(self, answered: &mut ServiceResponse<B>) {
        let request = answered.request().clone();
        let own = request.extensions_mut().remove::<Carrier<Id, P>>();
        if let Some(around) = self.around {
            request.extensions_mut().insert(around);
        }
        let Some(Carrier { by, due: Some(found) }) = own else {
            return;
        };
        let headers = answered.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let authenticator = by.endpoints.authenticator();
        let next = authenticator.rotate(&found, &Head::new(&request), headers).await;
        if next.is_empty() {
            return;
        }
        let headers = answered.headers_mut();
        // A cache must not keep it, whatever the handler says of the rest.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in next {
            match HeaderValue::try_from(value) {
                Ok(value) => headers.append(HeaderName::from_static(name), value),
                Err(error) => {
                    tracing::error!(target: "portcullis::actix", name, %error, "a new access token cannot be delivered");
                }
            }
        }
    }
}

/// Notes that the credential of `found` is to be replaced, if that is due.
pub(crate) fn note<Id: UserId, P: Profile>(
    request: &HttpRequest,
    service: &Data<Shared<Id, P>>,
    found: &Authenticated<Id, P>,
) {
    if !found.credential.rotation_due {
        return;
    }
    let mut extensions = request.extensions_mut();
    let carrier = extensions.get_mut::<Carrier<Id, P>>();
    match carrier.filter(|carrier| Arc::ptr_eq(&carrier.by, service)) {
        Some(carrier) => carrier.due = Some(found.clone()),
        None if service.warned_of_rotation.swap(true, Ordering::Relaxed) => {}
        None => tracing::warn!(
            target: "portcullis::actix", backend = &*found.backend,
            "the tokens of this backend are to be rotated, and no middleware hands them out on the application's own routes, where \
             clients keep theirs until they expire: wrap the `App` in `auth.rotate()` or `auth.protect()`"
        ),
    }
}
