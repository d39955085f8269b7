use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{
    Permission,
    permission::{is_permission, problem_of},
};
use crate::ConfigError;

const EVERYTHING: &str = "*";

/// A set of permissions and wildcards: what the [roles](crate::Roles) of a user grant. As text, it is the value of the
/// claim `scope` (RFC 8693 §4.2): `articles:* reports:read`.
///
/// ```
/// use portcullis::{Permission, store::Scope};
///
/// let scope: Scope = "reports:* articles:read".parse()?;
/// assert!(scope.permits(&Permission::from_static("reports:read:all")));
/// assert!(!scope.permits(&Permission::from_static("reports")));
/// assert_eq!(scope.to_string(), "articles:read reports:*");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// What a superuser has: `*`.
    #[must_use]
    pub fn everything() -> Self {
        Self(BTreeSet::from([EVERYTHING.to_owned()]))
    }

    /// True if it has the `permission`, or a wildcard that covers it.
    #[must_use]
    pub fn permits(&self, permission: &Permission) -> bool {
        self.0.iter().any(|grant| covers(grant, permission.as_str()))
    }

    /// True if it permits nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scope of `grants`.
    pub(super) fn of(grants: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, ConfigError> {
        let mut scope = BTreeSet::new();
        for grant in grants {
            let grant = grant.as_ref();
            if !is_grant(grant) {
                let problem = problem_of(grant).unwrap_or("it is no permission");
                return Err(ConfigError::new(format!("permission {grant:?}"), problem));
            }
            scope.insert(grant.to_owned());
        }
        Ok(Self(scope).shortest())
    }

    /// What any of `scopes` permits.
    pub(super) fn all_of<'a>(scopes: impl Iterator<Item = &'a Self>) -> Self {
        Self(scopes.flat_map(|scope| scope.0.iter().cloned()).collect()).shortest()
    }

    /// The same without the grants that a wildcard in it covers.
    fn shortest(mut self) -> Self {
        let wildcards: Vec<String> = self
            .0
            .iter()
            .filter(|grant| grant.ends_with('*'))
            .cloned()
            .collect();
        self.0.retain(|grant| {
            !wildcards
                .iter()
                .any(|other| other != grant && covers(other, grant))
        });
        self
    }
}

/// True if `grant` is, or covers, the permission or wildcard `name`.
fn covers(grant: &str, name: &str) -> bool {
    grant == name
        || grant.strip_suffix('*').is_some_and(|beginning| {
            // `reports:` begins no permission alone, so there is at least one more part.
            name.starts_with(beginning)
        })
}

/// True for a permission, `*`, and a permission with the last part `*`.
fn is_grant(text: &str) -> bool {
    let wildcard = || text.strip_suffix(":*").map(str::as_bytes);
    text == EVERYTHING || is_permission(text.as_bytes()) || wildcard().is_some_and(is_permission)
}

/// Permissions and wildcards with one space between two. A scope that permits nothing has no text (RFC 6749 §3.3).
impl FromStr for Scope {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::of(text.split(' '))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, grant) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{grant}")?;
        }
        Ok(())
    }
}
