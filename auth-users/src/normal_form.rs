//! The form in which passwords are compared.

use auth_core::{ExposeSecret as _, SecretString};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// `password` in Normalization Form C (RFC 8265, section 4.2), or `None` if it already has that form.
pub(crate) fn normal_form(password: &SecretString) -> Option<SecretString> {
    let typed = password.expose_secret();
    if is_nfc(typed) {
        return None;
    }
    // With exactly its length, because a string that grows or shrinks is moved, and leaves a copy in memory.
    let mut normal = String::with_capacity(typed.nfc().map(char::len_utf8).sum());
    normal.extend(typed.nfc());
    Some(SecretString::from(normal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_a_password_has_one_form_however_it_is_typed() {
        for (typed, normal) in [
            ("correct horse", None),
            ("caf\u{e9}", None),
            ("cafe\u{301}", Some("caf\u{e9}")),
            ("\u{1112}\u{1161}\u{11ab}", Some("\u{d55c}")),
            ("A\u{30a}ngstro\u{308}m", Some("\u{c5}ngstr\u{f6}m")),
            // Form C keeps what only looks alike apart.
            ("\u{fb01}re\u{b2}", None),
        ] {
            let found = normal_form(&typed.into());
            assert_eq!(
                found.as_ref().map(|found| found.expose_secret()),
                normal,
                "{typed}"
            );
        }
    }
}
