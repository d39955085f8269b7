//! The HTTP contract, free of any framework.
//!
//! - [`Endpoints`] are the routes. They turn the head and body of a request into a [`Response`]. [`Endpoints::routes`]
//!   is the table of all routes, [`Endpoints::paths`] is the same by path, and [`Endpoints::call`] runs a route.
//! - A [`Transport`] carries a credential: [`BearerTransport`] in the `Authorization` header, [`CookieTransport`] in a
//!   cookie.
//! - An [`AuthBackend`] is a transport and a strategy under one name. The [`Authenticator`] tries the backends of a
//!   service in order. [`CsrfPolicy`] refuses cross-site requests.
//! - [`Sessions`] keep data of the application for each visitor. A [`SessionSlot`] loads a request's session and writes it.
//!
//! A binding to a framework implements [`RequestHead`], mounts each path with its [`Route`]s, stops reading a body at
//! [`MAX_BODY_BYTES`], runs the operation of the route, and writes the answer.
//!
//! # Features
//!
//! - `openapi`: the OpenAPI document of the routes, `Endpoints::openapi`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod authenticator;
mod backend;
mod body;
mod csrf;
mod endpoints;
mod error;
mod name;
#[cfg(feature = "openapi")]
mod openapi;
mod origin;
mod public_url;
mod request;
mod requirement;
mod response;
mod response_cookies;
mod route;
mod session;
mod span;
mod transport;
mod trusted_proxies;
mod user_body;

pub use authenticator::{AcceptedBackends, Authenticated, Authenticator};
pub use backend::AuthBackend;
pub(crate) use body::LoginForm;
pub use body::MAX_BODY_BYTES;
#[cfg(feature = "openapi")]
pub(crate) use body::MAX_PASSWORD_BYTES;
pub use csrf::CsrfPolicy;
pub use endpoints::{Endpoints, EndpointsBuilder, Request};
pub use error::{ErrorCode, FieldError, HttpError};
pub use public_url::PublicUrl;
pub use request::{RequestHead, Target};
pub use requirement::{Active, InPerson, Requirement, Superuser, Verified, VerifiedSuperuser};
pub use response::Response;
pub use route::{Method, Operation, PathRoutes, Route};
pub use session::{
    OnConflict, Present, RequestSession, SessionData, SessionIdGenerator, SessionSlot, SessionTransport,
    SessionVerifier, Sessions, SessionsBuilder,
};
pub use span::request_span;
pub use transport::{
    BearerTransport, CookieBuilder, CookieTransport, MaxAge, Presented, SameSite, Scheme, Slot, Transport,
};
pub use trusted_proxies::TrustedProxies;
pub(crate) use user_body::UserBody;

/// The items that the macros use. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use auth_core::Permission;
}
