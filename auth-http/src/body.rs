//! Request bodies: JSON objects and forms, and the errors of their fields.

mod form;
mod json;
mod plain;
mod refresh;

use unicode_normalization::UnicodeNormalization as _;

use crate::FieldError;

pub(crate) use form::LoginForm;
pub(crate) use json::{Fields, JsonBody};
pub(crate) use refresh::refresh_token;

/// The largest body that these endpoints read, in bytes. A binding stops reading there.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// The longest password that is read, in bytes of Unicode's Form C. A policy may allow less.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;

fn media_type(content_type: Option<&str>) -> Option<mime::Mime> {
    content_type?.parse().ok()
}

/// The error of a `grant_type` other than `expected`.
fn wrong_grant(expected: &str) -> FieldError {
    let msg = format!("Input should be `{expected}`");
    FieldError::new("string_pattern_mismatch", "grant_type", msg)
}

/// True if a password is longer than [`MAX_PASSWORD_BYTES`] in the form that is hashed. As some keyboards type it, it
/// can be several times longer.
fn is_too_long(password: &str) -> bool {
    let normal = || password.nfc().map(char::len_utf8).sum::<usize>();
    password.len() > MAX_PASSWORD_BYTES && normal() > MAX_PASSWORD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_p6_a_password_is_measured_in_the_form_in_which_it_is_hashed() {
        for (password, expected) in [
            ("a".repeat(MAX_PASSWORD_BYTES), false),
            ("a".repeat(MAX_PASSWORD_BYTES + 1), true),
            // Hangul: three bytes for a syllable, nine for its letters.
            ("\u{1112}\u{1161}\u{11ab}".repeat(300), false),
            ("\u{d55c}".repeat(342), true),
            ("\u{1112}\u{1161}\u{11ab}".repeat(342), true),
        ] {
            assert_eq!(is_too_long(&password), expected, "{} bytes", password.len());
        }
    }
}
