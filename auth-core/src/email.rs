//! E-mail addresses: the form that is shown, and the form that is compared.

mod character;
mod closed_networks;
mod domain;
mod local;
mod outdated;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

pub use closed_networks::ClosedNetworks;
pub use outdated::{OutdatedEmail, outdated_emails};

use character::is_symbol_but_no_pictograph;
use domain::Domain;

/// RFC 5321 §4.5.3.1.3 allows a path of 256 octets with its angle brackets.
const MAX_BYTES: usize = 254;

/// Longer strings are refused unread, which bounds the work. No valid address is that long: folding shrinks four bytes
/// to one at most.
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
/// # Which addresses are the same
///
/// Two spellings of one mailbox are one user, and two mailboxes are never one:
///
/// - **The domain** is compared in its ASCII form (A-labels, RFC 5890), in lower case. It is computed from what was typed,
///   by [UTS 46] without the transitional mapping, with the rules of STD 3, and with hyphens, joiners and directions
///   checked. As in IDNA 2008 (RFC 5891), a domain with `ß`, `ς` or one of the joiners U+200C and U+200D is another domain
///   than the one with `ss`, `σ` or no joiner.
/// - **The local part** is compared case-folded, in Unicode's form NFKC. RFC 5321 §2.4 lets a host distinguish `Ada` from
///   `ada`, but here two users never differ in that alone.
///
/// # What is shown
///
/// [`as_str`](Self::as_str) is the local part as it was typed, and the domain in Unicode. The domain is in ASCII if its
/// Unicode form has an invisible joiner, or makes the address too long. The shown form is a valid address: parsed
/// again, it is the same one.
///
/// # What is refused
///
/// - a local part that is not a dot-atom (RFC 5322 §3.2.3, in Unicode by RFC 6531 §3.3), as typed or folded
/// - invisible characters: default-ignorable, format, control, unassigned and private-use ones, and white space.
///   Joiners in the domain are accepted as UTS 46 says
/// - symbols other than pictographs, for example `°`. Some are blank, like U+2800, and no property tells which
/// - a domain of one label, of an IP address, or of a name that no public mail reaches (RFC 6761), unless it is of a
///   [closed network](ClosedNetworks) that the service allows
/// - more than 254 bytes, shown or compared (RFC 5321 §4.5.3.1.3)
///
/// Three code points are blank in most fonts, although Unicode calls them letters or marks: U+13441, U+13442 and U+16FE4. A
/// local part may contain them.
///
/// [UTS 46]: https://www.unicode.org/reports/tr46/
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email {
    address: String,
    normalized: NormalizedEmail,
}

/// The form of an e-mail address that is unique and that every look-up uses, at most 254 bytes: see
/// [`Email`](Email#which-addresses-are-the-same).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NormalizedEmail(String);

/// The error for a string that is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value is not a valid email address")]
pub struct InvalidEmail;

impl Email {
    /// Parses an address that may also be of one of the `closed` networks.
    ///
    /// # Errors
    /// [`InvalidEmail`] if it is [refused](Self#what-is-refused).
    pub fn parse_within(typed: &str, closed: &ClosedNetworks) -> Result<Self, InvalidEmail> {
        let Parts {
            local,
            folded,
            domain,
        } = Parts::parse(typed.trim()).ok_or(InvalidEmail)?;
        let is_valid = local::is_dot_atom(local)
            && local::is_dot_atom(&folded)
            && domain.is_reachable(closed)
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

    /// An address and its normalised form, read back from a store. Neither is checked.
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

    /// True if both addresses are the same except for the case of ASCII letters. Such a change leaves an address verified.
    ///
    /// Any other change is a change to another address, even if the normalised form stays the same: the host may
    /// distinguish them. So is a change of the normalised form alone. An older rule may have stored it, and then mail
    /// went to another host.
    #[must_use]
    pub fn is_same_but_for_ascii_case(&self, other: &Self) -> bool {
        self.address.eq_ignore_ascii_case(&other.address) && self.normalized == other.normalized
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(typed: &str) -> Result<Self, InvalidEmail> {
        Self::parse_within(typed, &ClosedNetworks::default())
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl NormalizedEmail {
    /// The normalised form of the text typed at a log-in, without the strict checks of a registration. `None` if no
    /// stored address can be equal to it. White space is not stripped.
    #[must_use]
    pub fn from_typed(typed: &str) -> Option<Self> {
        let parts = Parts::parse(typed)?;
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

/// The texts on both sides of the only `@`.
struct Parts<'a> {
    local: &'a str,
    folded: String,
    domain: Domain,
}

impl<'a> Parts<'a> {
    fn parse(typed: &'a str) -> Option<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return None;
        }
        let (local, domain) = typed.split_once('@')?;
        Some(Self {
            local,
            folded: local::fold(local)?,
            domain: Domain::parse(domain)?,
        })
    }
}
