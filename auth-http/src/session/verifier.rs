//! Conditions on the session of a request.

use std::{any::type_name, sync::Arc};

use auth_core::User;
use uuid::Uuid;

/// A condition on the data of a session, and on its user if somebody has logged in through it.
///
/// A function is a verifier. A pair requires both. [`Present`] requires a session and nothing more. A type with a
/// [`Default`] can also be the verifier of an extractor.
///
/// ```
/// use portcullis::{User, http::SessionVerifier};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Visit {
///     steps: u32,
/// }
///
/// fn is_far(visit: &Visit, _user: Option<&User>) -> bool {
///     visit.steps > 2
/// }
///
/// fn verifier() -> impl SessionVerifier<Visit> {
///     is_far
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no verifier of sessions with data of `{T}`",
    label = "no verifier",
    note = "verifiers are `Present`, a function like `fn(&{T}, Option<&User<{Id}, {P}>>) -> bool`, and your own types that implement `SessionVerifier`"
)]
pub trait SessionVerifier<T, Id = Uuid, P = ()>: Send + Sync + 'static {
    /// True if the session with `data`, of `user` if somebody has logged in, meets it.
    fn is_met(&self, data: &T, user: Option<&User<Id, P>>) -> bool;

    /// Its name in the event of a 403: by default that of the type or function.
    fn name(&self) -> String {
        type_name::<Self>().to_owned()
    }
}

/// Any session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Present;

impl<T, Id, P> SessionVerifier<T, Id, P> for Present {
    fn is_met(&self, _data: &T, _user: Option<&User<Id, P>>) -> bool {
        true
    }

    fn name(&self) -> String {
        "Present".to_owned()
    }
}

/// Both.
impl<T, Id, P, A, B> SessionVerifier<T, Id, P> for (A, B)
where
    A: SessionVerifier<T, Id, P>,
    B: SessionVerifier<T, Id, P>,
{
    fn is_met(&self, data: &T, user: Option<&User<Id, P>>) -> bool {
        self.0.is_met(data, user) && self.1.is_met(data, user)
    }

    fn name(&self) -> String {
        format!("{} and {}", self.0.name(), self.1.name())
    }
}

impl<T: 'static, Id: 'static, P: 'static> SessionVerifier<T, Id, P> for Arc<dyn SessionVerifier<T, Id, P>> {
    fn is_met(&self, data: &T, user: Option<&User<Id, P>>) -> bool {
        (**self).is_met(data, user)
    }

    fn name(&self) -> String {
        (**self).name()
    }
}

/// A rule of the application.
impl<T, Id, P, F> SessionVerifier<T, Id, P> for F
where
    F: Fn(&T, Option<&User<Id, P>>) -> bool + Send + Sync + 'static,
{
    fn is_met(&self, data: &T, user: Option<&User<Id, P>>) -> bool {
        self(data, user)
    }
}
