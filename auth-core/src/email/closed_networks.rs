//! Mail that stays within a network.

use crate::ConfigError;

use super::domain::Domain;

/// The names of closed networks whose e-mail addresses a service takes, such as `corp.local` or `home.arpa`; none by default. An
/// [`Email`](crate::Email) otherwise ends in a name that public mail reaches.
///
/// Each name also stands for the names below it: `local` for `mail.local` and `a.mail.local`. An address always has a dot in its
/// domain, so `arthur@localhost` is not an address even if `localhost` is allowed.
///
/// ```
/// use portcullis::{ClosedNetworks, Email};
///
/// let closed = ClosedNetworks::allow(["corp.local", "home.arpa"])?;
/// assert!(Email::parse_within("arthur@corp.local", &closed).is_ok());
/// assert!(Email::parse_within("arthur@nas.home.arpa", &closed).is_ok());
/// assert!(Email::parse_within("arthur@other.local", &closed).is_err());
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
///
/// # Security
/// Such a name has no owner outside the network. Allow it only if the service's own mail server delivers to the network:
/// elsewhere the same address belongs to another person.
#[derive(Clone, Debug, Default)]
pub struct ClosedNetworks(Vec<String>);

impl ClosedNetworks {
    /// The networks of these names.
    ///
    /// # Errors
    /// [`ConfigError`] naming `closed_networks` and the name if it is not a domain of special use: one that ends in `arpa`,
    /// `invalid`, `local`, `localhost`, `onion` or `test`. Other domains need no permission.
    pub fn allow<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        let names = names.into_iter().map(|name| {
            let domain = Domain::parse(name).filter(Domain::is_of_special_use);
            domain.map(|domain| domain.ascii).ok_or_else(|| {
                let problem = format_args!(
                    "{name:?} is not a name that public mail does not reach: write a domain without a dot before it, such as \
                     `corp.local`, `test` or `home.arpa`, and leave out public ones"
                );
                ConfigError::new("closed_networks", problem)
            })
        });
        names.collect::<Result<_, _>>().map(Self)
    }

    /// `domain`, in its ASCII form, is in one of them.
    pub(super) fn contain(&self, domain: &str) -> bool {
        self.0.iter().any(|name| {
            let before = domain.strip_suffix(name.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Email;

    #[test]
    fn n15_an_address_of_a_closed_network_is_taken_only_if_its_name_is_allowed() {
        let closed = |names: &[&str]| ClosedNetworks::allow(names.iter().copied()).expect("names");
        for (names, address, is_taken) in [
            (&[][..], "a@corp.local", false),
            (&[], "a@example.com", true),
            (&["local"], "a@corp.local", true),
            (&["local"], "a@mail.corp.LOCAL", true),
            (&["local"], "a@local", false),
            (&["local"], "a@corp.test", false),
            (&["local"], "a@corplocal", false),
            (&["local"], "a@example.com", true),
            (&["corp.local"], "a@corp.local", true),
            (&["corp.local"], "a@x.corp.local", true),
            (&["corp.local"], "a@evilcorp.local", false),
            (&["corp.local"], "a@other.local", false),
            (&["home.arpa", "TEST"], "a@nas.home.arpa", true),
            (&["home.arpa", "TEST"], "a@home.arpa", true),
            (&["home.arpa", "TEST"], "a@in-addr.arpa", false),
            (&["home.arpa", "TEST"], "a@x.test", true),
            (&["localhost"], "a@localhost", false),
            (&["localhost"], "a@127.0.0.1", false),
            (&["münchen.local"], "a@xn--mnchen-3ya.local", true),
        ] {
            let parsed = Email::parse_within(address, &closed(names));
            assert_eq!(parsed.is_ok(), is_taken, "{names:?} {address}");
        }
        assert!("a@corp.local".parse::<Email>().is_err());
    }

    #[test]
    fn n15_what_is_no_name_of_a_closed_network_is_an_error_that_names_the_setting() {
        for name in [
            "",
            ".local",
            "*.local",
            "example.com",
            "com",
            "corp",
            "a@corp.local",
            "127.0.0.1",
            "local.",
        ] {
            let error = ClosedNetworks::allow([name]).expect_err(name);
            assert_eq!(error.setting(), "closed_networks");
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }
}
