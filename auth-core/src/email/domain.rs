//! The part after the `@`.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::{ClosedNetworks, character::is_invisible};

/// Names that no public mail reaches (RFC 6761, RFC 7686, RFC 6762). `example.com` is not among them.
const SPECIAL_USE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

/// Both forms of a domain, by UTS 46.
pub(super) struct Domain {
    pub(super) ascii: String,
    pub(super) unicode: String,
}

impl Domain {
    /// The domain that was typed, in either form.
    pub(super) fn parse(typed: &str) -> Option<Self> {
        // UTS 46 would drop most of the invisible characters.
        if has_hidden(typed) {
            return None;
        }
        let (unicode, outcome) =
            Uts46::new().to_unicode(typed.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        outcome.ok()?;
        if has_hidden(&unicode) {
            return None;
        }
        // From the Unicode form, which is the same for all spellings, so that the ASCII form is, too.
        let ascii = Uts46::new()
            .to_ascii(
                unicode.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .ok()?
            .into_owned();
        Some(Self {
            ascii,
            unicode: unicode.into_owned(),
        })
    }

    /// The form that is shown, within `room` bytes if possible.
    pub(super) fn shown(&self, room: usize) -> &str {
        if self.unicode.len() > room || self.unicode.contains(is_joiner) {
            &self.ascii
        } else {
            &self.unicode
        }
    }

    /// Mail reaches it, because it is a public name or in one of the `closed` networks.
    pub(super) fn is_reachable(&self, closed: &ClosedNetworks) -> bool {
        let Some((_, last)) = self.ascii.rsplit_once('.') else {
            return false;
        };
        let is_public = !SPECIAL_USE.contains(&last) && !last.bytes().all(|b| b.is_ascii_digit());
        is_public || closed.contain(&self.ascii)
    }

    /// Public mail does not reach it, because its last label is of special use.
    pub(super) fn is_of_special_use(&self) -> bool {
        SPECIAL_USE.contains(&self.ascii.rsplit('.').next().unwrap_or_default())
    }
}

/// Except joiners: UTS 46 accepts them in scripts that need them (RFC 5892, appendix A).
fn has_hidden(domain: &str) -> bool {
    domain.contains(|c| is_invisible(c) && !is_joiner(c))
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}
