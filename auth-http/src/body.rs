//! Request bodies: JSON objects and forms, and the errors of their fields.

mod form;
mod json;

pub use form::LoginForm;
pub(crate) use json::{Fields, JsonBody};

/// The largest body that these endpoints read, in bytes. A binding stops reading there.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// The longest password that is looked at, in bytes. What a policy allows is its own matter.
pub const MAX_PASSWORD_BYTES: usize = 1024;

fn media_type(content_type: Option<&str>) -> Option<mime::Mime> {
    content_type?.parse().ok()
}
