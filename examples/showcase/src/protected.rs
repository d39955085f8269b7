//! Routes for users only: `/protected` by any backend, `/protected/NAME` by that backend alone.

use actix_web::web::{Json, ServiceConfig};
use portcullis::{
    ConfigError,
    actix::{Auth, CurrentUser, Guard},
};
use serde::Serialize;

use crate::get_only::get_only;

const PATH: &str = "/protected";

/// The protected routes: a guard for each backend.
#[derive(Clone)]
pub(crate) struct Protected {
    guards: Vec<(String, Guard)>,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    email: String,
}

impl Protected {
    /// The routes for the backends of `names`.
    ///
    /// # Errors
    /// [`ConfigError`] naming a backend that does not exist.
    pub(crate) fn new(auth: &Auth, names: Vec<String>) -> Result<Self, ConfigError> {
        let guard = |name: String| {
            let guard = auth.accept([name.as_str()])?;
            Ok((name, guard))
        };
        let guards = names.into_iter().map(guard).collect::<Result<_, _>>()?;
        Ok(Self { guards })
    }

    /// Each path, and the names of the backends that it accepts.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (String, Vec<&str>)> {
        let names = || self.guards.iter().map(|(name, _)| name.as_str());
        let alone = names().map(|name| (format!("{PATH}/{name}"), vec![name]));
        [(PATH.to_owned(), names().collect())].into_iter().chain(alone)
    }

    /// Mounts them, for `App::configure`.
    pub(crate) fn routes(&self) -> impl FnOnce(&mut ServiceConfig) {
        let guards = self.guards.clone();
        move |config| {
            config.service(get_only(PATH, answer));
            for (name, guard) in guards {
                config.service(get_only(&format!("{PATH}/{name}"), answer).wrap(guard));
            }
        }
    }
}

async fn answer(user: CurrentUser) -> Json<Answer> {
    Json(Answer {
        email: user.email.to_string(),
    })
}
