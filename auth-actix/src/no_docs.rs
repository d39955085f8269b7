//! A substitute for the docs without their feature: a compiler error that names the feature.

use actix_web::web::ServiceConfig;
use auth_core::{Profile, UserId};

use crate::Auth;

/// No type implements it.
#[diagnostic::on_unimplemented(
    message = "the OpenAPI document and its docs are behind the feature `openapi`",
    label = "enable the feature `openapi`",
    note = "add the feature `openapi` to the dependency `portcullis`: `cargo add portcullis --features openapi`"
)]
#[doc(hidden)]
pub trait HasOpenapi {}

impl<Id: UserId, P: Profile> Auth<Id, P> {
    /// Serves interactive docs. It needs the feature `openapi`. Without that, a call does not compile:
    ///
    /// ```compile_fail
    /// fn docs(auth: &portcullis::actix::Auth, config: &mut actix_web::web::ServiceConfig) {
    ///     config.configure(auth.docs("/docs"));
    /// }
    /// ```
    pub fn docs(&self, _path: &str) -> impl FnOnce(&mut ServiceConfig) + use<Id, P>
    where
        Self: HasOpenapi,
    {
        |_config| {}
    }
}
