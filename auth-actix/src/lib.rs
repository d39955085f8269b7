//! The actix-web binding: routes, extractors, guards, and an OpenAPI document.
//!
//! [`Auth`] has the users and the backends of a service, and mounts its routes. A handler takes a [`CurrentUser`] or an
//! [`OptionalUser`]. [`Auth::require`] guards a scope, and [`Auth::protect`] a whole application.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, Responder, web};
//! use portcullis::actix::{Auth, CurrentUser, OptionalUser, Superuser, Verified};
//!
//! async fn me(user: CurrentUser) -> impl Responder {
//!     user.email.to_string()
//! }
//!
//! async fn admin(_user: CurrentUser<Superuser>) -> impl Responder {
//!     "for superusers"
//! }
//!
//! async fn home(OptionalUser(user): OptionalUser) -> impl Responder {
//!     user.map_or("hello, stranger".to_owned(), |user| format!("hello, {}", user.email))
//! }
//!
//! async fn serve(auth: Auth) -> std::io::Result<()> {
//!     HttpServer::new(move || {
//!         App::new()
//!             .configure(auth.routes())
//!             .route("/me", web::get().to(me))
//!             .route("/admin", web::get().to(admin))
//!             .route("/", web::get().to(home))
//!             .service(web::scope("/reports").wrap(auth.require(Verified)))
//!     })
//!     .bind(("127.0.0.1", 8080))?
//!     .run()
//!     .await
//! }
//! ```
//!
//! Use [`OptionalUser`], not `Option<CurrentUser>`: actix-web turns every extractor error into `None`, so an outage
//! would look like a logged-out user.
//!
//! A [`SessionMiddleware`] brings a [`Session`] with data of your own to the handlers inside it, with or without a user.
//!
//! # Features
//!
//! - `testing`: a log-in for the tests of your handlers, `testing::log_in_as`.
//! - `openapi`: the OpenAPI document and interactive docs, served from the binary: `Auth::openapi`, `Auth::docs`, `Docs`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod bind;
mod body;
mod current_user;
mod error;
mod exceptions;
mod guard;
mod head;
mod mounted;
#[cfg(not(feature = "openapi"))]
mod no_docs;
#[cfg(feature = "openapi")]
mod openapi;
mod rotation;
mod routes;
mod session;
#[cfg(feature = "testing")]
pub mod testing;

pub use auth::{Auth, AuthBuilder};
pub use auth_http::{
    Active, Authenticated, InPerson, Present, Requirement, SessionVerifier, Superuser, Verified,
    VerifiedSuperuser, permission,
};
pub use bind::bind_error;
pub use current_user::{CurrentUser, OptionalUser};
pub use error::{AuthError, ExtractError};
pub use guard::Guard;
#[cfg(not(feature = "openapi"))]
#[doc(hidden)]
pub use no_docs::HasOpenapi;
#[cfg(feature = "openapi")]
pub use openapi::Docs;
pub use routes::not_found;
pub use session::{Session, SessionMiddleware, VerifiedSession};
