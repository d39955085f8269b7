//! E-mail addresses: what was typed, and what is compared.

use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

/// RFC 5321 §4.5.3.1.3 allows a path of 256 octets with its angle brackets.
const MAX_BYTES: usize = 254;

/// Names that no public mail reaches (RFC 6761, RFC 7686, RFC 6762). `example.com` is not among them.
const SPECIAL_USE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

/// A valid e-mail address: a local part as typed, a lower-cased domain of at least two labels, and the form that is
/// compared.
///
/// ```
/// use auth_core::Email;
///
/// let email: Email = " King.Arthur@CAMELOT.Example ".parse()?;
/// assert_eq!(email.as_str(), "King.Arthur@camelot.example");
/// assert_eq!(email.normalized().as_str(), "king.arthur@camelot.example");
/// assert!("arthur@localhost".parse::<Email>().is_err());
/// # Ok::<_, auth_core::InvalidEmail>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email {
    address: String,
    normalized: NormalizedEmail,
}

/// The form of an e-mail address that is unique and that every look-up uses: Unicode NFKC, case-folded, the domain in
/// ASCII (RFC 5891), at most 254 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NormalizedEmail(String);

/// A string that is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value is not a valid email address")]
pub struct InvalidEmail;

impl Email {
    /// An address read back from a store, with its normalised form, both trusted to be what was written.
    #[must_use]
    pub fn from_stored(address: String, normalized: String) -> Self {
        Self {
            address,
            normalized: NormalizedEmail(normalized),
        }
    }

    /// The address as typed, its domain in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form that is compared.
    #[must_use]
    pub fn normalized(&self) -> &NormalizedEmail {
        &self.normalized
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(typed: &str) -> Result<Self, InvalidEmail> {
        let typed = typed.trim();
        let normalized = NormalizedEmail::of(typed).ok_or(InvalidEmail)?;
        let (normal_local, ascii_domain) = split(&normalized.0).ok_or(InvalidEmail)?;
        let (local, domain) = split(typed).ok_or(InvalidEmail)?;
        if !is_dot_atom(local) || !is_dot_atom(normal_local) || !is_public_domain(ascii_domain) {
            return Err(InvalidEmail);
        }
        let (domain, outcome) =
            Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        outcome.map_err(|_errors| InvalidEmail)?;
        let address = format!("{local}@{domain}");
        if address.len() > MAX_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self { address, normalized })
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl NormalizedEmail {
    /// The normalised form of whatever was typed at a log-in, without the strictness of registration; `None` for a
    /// string that no stored address can equal. White space is not stripped.
    #[must_use]
    pub fn of(typed: &str) -> Option<Self> {
        // NFKC grows a code point to at most 18, so that this bounds the work, not the valid input.
        if typed.len() > 4 * MAX_BYTES {
            return None;
        }
        let folded = fold(typed);
        let (local, domain) = split(&folded)?;
        if local.is_empty() || domain.is_empty() || folded.chars().any(is_forbidden) {
            return None;
        }
        let domain = Uts46::new()
            .to_ascii(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .ok()?;
        let normalized = format!("{local}@{domain}");
        (normalized.len() <= MAX_BYTES).then_some(Self(normalized))
    }

    /// The normalised form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Folds until nothing changes: case folding can leave a string that is no longer in NFKC, and the reverse.
fn fold(typed: &str) -> String {
    let mut folded: String = typed.nfkc().collect();
    for _ in 0..4 {
        let next: String = caseless::default_case_fold_str(&folded).nfkc().collect();
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

/// The local part and the domain, if there is exactly one `@`.
fn split(address: &str) -> Option<(&str, &str)> {
    address
        .split_once('@')
        .filter(|(_, domain)| !domain.contains('@'))
}

/// A dot-atom of RFC 5322 §3.2.3, widened to Unicode by RFC 6531 §3.3.
fn is_dot_atom(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
        && !local.starts_with(unicode_normalization::char::is_combining_mark)
}

fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !is_forbidden(c)
    }
}

/// Control characters, white space, and what is not seen or turns text around: two addresses that look alike must
/// not be two users.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}')
}

fn is_public_domain(ascii: &str) -> bool {
    let Some((_, last)) = ascii.rsplit_once('.') else {
        return false;
    };
    !SPECIAL_USE.contains(&last) && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normalized(typed: &str) -> String {
        typed
            .parse::<Email>()
            .expect(typed)
            .normalized()
            .as_str()
            .to_owned()
    }

    #[test]
    fn v1_case_width_and_composition_do_not_make_another_address() {
        for variant in [
            "josé@example.com",
            "JOSÉ@EXAMPLE.COM",
            "jose\u{301}@example.com",
            "ｊｏｓé@example.com",
        ] {
            assert_eq!(normalized(variant), "josé@example.com", "{variant}");
        }
        assert_eq!(
            normalized("a@BÜCHER.example"),
            normalized("a@xn--bcher-kva.example")
        );
        assert_eq!(
            normalized("straße@example.com"),
            normalized("STRASSE@example.com")
        );
    }

    #[test]
    fn the_local_part_is_kept_as_typed_and_the_domain_lower_cased() {
        let email: Email = "\t King.Arthur+Grail@CAMELOT.Bt\n".parse().expect("valid");
        assert_eq!(email.as_str(), "King.Arthur+Grail@camelot.bt");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(243));
        for typed in [
            "",
            " ",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@localhost",
            "a@b@c.example",
            "a＠b@c.example",
            "a b@c.example",
            "a\0@c.example",
            "a\u{200b}@c.example",
            "a\u{202e}@c.example",
            ".a@c.example",
            "a.@c.example",
            "a..b@c.example",
            "\"a b\"@c.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-c.example",
            "a@c-.example",
            "a@c..example",
            "a@c.example.",
            "a@c_d.example",
            "a@x.test",
            "a@printer.local",
            "a,b@c.example",
            "Arthur <a@c.example>",
            "a@c.example\r\nBcc: d@e.example",
            &long,
        ] {
            assert_eq!(typed.parse::<Email>(), Err(InvalidEmail), "{typed:?}");
        }
        assert!(
            format!("{}@example.com", "a".repeat(242))
                .parse::<Email>()
                .is_ok()
        );
    }

    #[test]
    fn a_look_up_does_not_strip_white_space() {
        assert_eq!(NormalizedEmail::of(" a@example.com"), None);
        assert_eq!(NormalizedEmail::of("a@example.com\n"), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_holds_its_promises(typed in "\\PC{0,40}|[a-zA-Zéßﬀ.@＠\\x00-\\x20-]{0,20}@[a-zA-Zü.-]{0,20}") {
            if let Ok(email) = typed.parse::<Email>() {
                let normalized = email.normalized().as_str();
                prop_assert_eq!(normalized.matches('@').count(), 1);
                prop_assert!(normalized.len() <= MAX_BYTES && email.as_str().len() <= MAX_BYTES);
                prop_assert!(!normalized.chars().any(|c| c.is_control() || c.is_whitespace()));
                prop_assert_eq!(NormalizedEmail::of(email.as_str()), Some(email.normalized().clone()));
                prop_assert_eq!(NormalizedEmail::of(normalized), Some(email.normalized().clone()));
                let again: Email = email.as_str().parse().expect("what was accepted is accepted again");
                prop_assert_eq!(again, email);
            }
        }

        #[test]
        fn case_never_makes_another_address(local in "[a-zA-Z0-9éÉñÑøØ]{1,12}", domain in "[a-z]{1,8}\\.(com|org)") {
            let lower = format!("{}@{}", local.to_lowercase(), domain);
            let upper = format!("{}@{}", local.to_uppercase(), domain.to_uppercase());
            prop_assert_eq!(normalized(&lower), normalized(&upper));
        }
    }
}
