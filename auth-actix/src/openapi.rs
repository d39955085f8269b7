//! The OpenAPI document, and docs that a browser shows.

use actix_web::web::ServiceConfig;
use auth_core::{Profile, UserId};

use crate::Auth;

impl<Id: UserId, P: Profile> Auth<Id, P> {
    /// Serves the docs.
    pub fn docs(&self, _path: &str) -> impl FnOnce(&mut ServiceConfig) + use<Id, P> {
        |_config| {}
    }
}
