//! How a credential travels, free of any framework.
//!
//! - A [`Transport`] carries a credential: [`BearerTransport`] in the `Authorization` header, [`CookieTransport`] in a
//!   cookie.
//! - An [`AuthBackend`] is a transport and a strategy under one name, and the [`Authenticator`] tries the backends of
//!   a service in their order. [`CsrfPolicy`] tells cross-site requests apart.
//! - [`Endpoints`] are the routes of the HTTP contract: from the head and the body of a request to a [`Response`].
//!
//! A binding to a framework implements [`RequestHead`], stops reading a body at [`MAX_BODY_BYTES`], calls an endpoint
//! and writes the answer out.

mod authenticator;
mod backend;
mod body;
mod csrf;
mod endpoints;
mod error;
mod origin;
mod request;
mod response;
mod transport;
mod user_body;

pub use authenticator::{Authenticated, Authenticator, Enabled, Requirement};
pub use backend::AuthBackend;
pub use body::{LoginForm, MAX_BODY_BYTES, MAX_PASSWORD_BYTES};
pub use csrf::CsrfPolicy;
pub use endpoints::{Endpoints, Request};
pub use error::{ErrorCode, FieldError, HttpError};
pub use request::{RequestHead, Target};
pub use response::Response;
pub use transport::{
    BearerTransport, CookieBuilder, CookieTransport, MaxAge, Presented, SameSite, Scheme, Transport,
};
pub use user_body::UserBody;
