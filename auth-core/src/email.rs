//! E-mail addresses: what is shown, and what is compared.

mod character;
mod domain;
mod local;
mod outdated;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

pub use outdated::{OutdatedEmail, outdated_emails};

use character::is_symbol_but_no_pictograph;
use domain::Domain;

/// RFC 5321 §4.5.3.1.3 allows a path of 256 octets with its angle brackets.
const MAX_BYTES: usize = 254;

/// Longer strings are refused unread, which bounds the work. No address is lost: folding makes one byte of four at most.
const MAX_TYPED_BYTES: usize = 4 * MAX_BYTES;

/// A valid e-mail address: the form that is shown and mailed to, and the form that is compared.
///
/// ```
/// use portcullis::Email;
///
/// let email: Email = " King.Arthur@CAMELOT.Example ".parse()?;
/// assert_eq!(email.as_str(), "King.Arthur@camelot.example");
/// assert_eq!(email.normalized().as_str(), "king.arthur@camelot.example");
/// assert!("arthur@localhost".parse::<Email>().is_err());
///
/// let unicode: Email = "arthur@straße.example".parse()?;
/// let ascii: Email = "arthur@xn--strae-oqa.example".parse()?;
/// assert_eq!(unicode, ascii, "two spellings of one domain");
/// let other: Email = "arthur@strasse.example".parse()?;
/// assert_ne!(unicode.normalized(), other.normalized(), "two domains");
/// # Ok::<_, portcullis::InvalidEmail>(())
/// ```
///
/// # Which addresses are one
///
/// Two spellings of one mailbox are one user, and two mailboxes are never one:
///
/// - **The domain** is compared in its ASCII form (A-labels, RFC 5890), in lower case. It is computed from what was typed,
///   by [UTS 46] without the transitional mapping, with the rules of STD 3, and with hyphens, joiners and directions
///   checked. As in IDNA 2008 (RFC 5891), `ß`, `ς` and the joiners U+200C and U+200D make another domain than `ss`, `σ`
///   and nothing.
/// - **The local part** is compared in Unicode's form NFKC, case-folded. RFC 5321 §2.4 lets a host tell `Ada` from `ada`;
///   no two users here differ in that alone.
///
/// # What is shown
///
/// [`as_str`](Self::as_str) is the local part as it was typed, and the domain in Unicode, or in ASCII if its Unicode form
/// has a joiner, which nobody sees, or makes the address too long. What is shown is a valid address: parsed again it is
/// the same one.
///
/// # What is refused
///
/// - a local part that is no dot-atom (RFC 5322 §3.2.3, in Unicode by RFC 6531 §3.3), as typed or folded
/// - everything that is not seen: what Unicode calls default-ignorable, format and control characters, white space, and
///   what it has not assigned or left to private use. Joiners in the domain are let through as UTS 46 says
/// - symbols that are no pictographs, such as `°`. Some are blank, as U+2800 is, and no property tells which
/// - a domain of one label, of an IP address, or of a name that no public mail reaches (RFC 6761)
/// - more than 254 bytes, shown or compared (RFC 5321 §4.5.3.1.3)
///
/// Three code points are blank in most fonts although Unicode's properties call them letters or marks: U+13441, U+13442 and
/// U+16FE4. A local part may hold them.
///
/// [UTS 46]: https://www.unicode.org/reports/tr46/
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email {
    address: String,
    normalized: NormalizedEmail,
}

/// The form of an e-mail address that is unique and that every look-up uses, at most 254 bytes: see
/// [`Email`](Email#which-addresses-are-one).
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

    /// The address as it is shown and mailed to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form that is compared.
    #[must_use]
    pub fn normalized(&self) -> &NormalizedEmail {
        &self.normalized
    }

    /// Whether both are one address but for the case of ASCII letters. Such a change leaves an address verified.
    ///
    /// Every other change is of another address, even if both have one normalised form: a host may tell them apart. So is one
    /// of the normalised form alone, which a store may have from an older rule: mail then went to another host.
    #[must_use]
    pub fn is_same_but_for_ascii_case(&self, other: &Self) -> bool {
        self.address.eq_ignore_ascii_case(&other.address) && self.normalized == other.normalized
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(typed: &str) -> Result<Self, InvalidEmail> {
        let Parts {
            local,
            folded,
            domain,
        } = Parts::of(typed.trim()).ok_or(InvalidEmail)?;
        let is_valid = local::is_dot_atom(local)
            && local::is_dot_atom(&folded)
            && domain.is_public()
            && ![&folded, &domain.unicode]
                .iter()
                .any(|part| part.contains(is_symbol_but_no_pictograph));
        let shown_domain = domain.shown(MAX_BYTES.saturating_sub(local.len() + 1));
        let address = format!("{local}@{shown_domain}");
        if !is_valid || address.len() > MAX_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self {
            address,
            normalized: NormalizedEmail::join(&folded, &domain.ascii).ok_or(InvalidEmail)?,
        })
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
        let parts = Parts::of(typed)?;
        Self::join(&parts.folded, &parts.domain.ascii)
    }

    fn join(folded: &str, ascii_domain: &str) -> Option<Self> {
        let normalized = format!("{folded}@{ascii_domain}");
        (normalized.len() <= MAX_BYTES).then_some(Self(normalized))
    }

    /// The normalised form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands on the two sides of the only `@`.
struct Parts<'a> {
    local: &'a str,
    folded: String,
    domain: Domain,
}

impl<'a> Parts<'a> {
    fn of(typed: &'a str) -> Option<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return None;
        }
        let (local, domain) = typed.split_once('@')?;
        Some(Self {
            local,
            folded: local::fold(local)?,
            domain: Domain::of(domain)?,
        })
    }
}
