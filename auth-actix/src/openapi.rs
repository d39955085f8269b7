//! The OpenAPI document, and its interactive docs.

mod docs;

use actix_web::web::ServiceConfig;
use auth_core::{Profile, UserId};
use utoipa::{ToSchema, openapi::OpenApi};

pub use docs::Docs;

use crate::Auth;

impl<Id: UserId, P: Profile + ToSchema> Auth<Id, P> {
    /// The OpenAPI 3.1 document of the routes that [`routes`](Self::routes) mounts. It has every status of each route,
    /// and a security scheme for each backend, with the backend's name. The profile's fields are top-level fields of
    /// the users' schemas, so the profile must derive `utoipa::ToSchema` of utoipa 6.
    ///
    /// You can extend it, for example with your own routes. [`Docs`] serves the result.
    ///
    /// ```
    /// use portcullis::actix::{Auth, Docs};
    /// use utoipa::OpenApi;
    ///
    /// #[utoipa::path(get, path = "/hello", responses((status = 200, body = String)), security(("bearer" = [])))]
    /// async fn hello() -> &'static str {
    ///     "hello"
    /// }
    ///
    /// #[derive(OpenApi)]
    /// #[openapi(paths(hello))]
    /// struct Own;
    ///
    /// fn docs(auth: &Auth) -> Docs {
    ///     let mut document = auth.openapi().merge_from(Own::openapi());
    ///     document.info.title = "Our service".to_owned();
    ///     Docs::new(&document)
    /// }
    /// ```
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        self.shared.endpoints.openapi()
    }

    /// Serves interactive docs at `path`, for example `/docs`, and the document at `/openapi.json`, for
    /// `App::configure`. See [`Docs::at`]. The first call makes the document, once for all clones of this `Auth`.
    pub fn docs(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + use<Id, P> {
        let docs = self.shared.docs.get_or_init(|| Docs::new(&self.openapi()));
        docs.at(path)
    }
}
