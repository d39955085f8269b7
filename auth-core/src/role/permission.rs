use std::{borrow::Cow, fmt, str::FromStr};

use crate::ConfigError;

const MAX_LENGTH: usize = 128;

/// What a route asks for, such as `reports:read`.
///
/// It has one part or several, joined by `:`. Each has at least one of the characters `a-z A-Z 0-9 . _ -`, and the whole
/// has at most 128. Case counts. A wildcard is no permission: only a [role](crate::Roles) can have one.
///
/// ```
/// use portcullis::Permission;
///
/// // This one is checked when the program is compiled.
/// const READ: Permission = Permission::from_static("reports:read");
/// assert_eq!(Permission::new("reports:read")?, READ);
/// assert!(Permission::new("reports:*").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// The permission called `name`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the permission if it is not of the form above.
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        match problem_of(&name) {
            None => Ok(Self(Cow::Owned(name))),
            Some(problem) => Err(ConfigError::new(format!("permission {name:?}"), problem)),
        }
    }

    /// The same, of a name in the code. In a constant, a wrong name does not compile. For a name that is not in the code:
    /// [`Permission::new`].
    ///
    /// # Panics
    /// If it is not of the form above.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            is_permission(name.as_bytes()),
            "a permission has parts of a-z, A-Z, 0-9, `.`, `_` and `-`, joined by `:`, and at most 128 characters; only a role has wildcards"
        );
        Self(Cow::Borrowed(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Permission {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::new(name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why `name` is no permission. `None` if it is one.
pub(super) fn problem_of(name: &str) -> Option<&'static str> {
    if is_permission(name.as_bytes()) {
        None
    } else if name.len() > MAX_LENGTH {
        Some("it has more than 128 characters")
    } else if name.contains('*') {
        Some("only a role can have a wildcard, and it is `*` or the last part, as in `reports:*`")
    } else {
        Some("it has parts of a-z, A-Z, 0-9, `.`, `_` and `-`, joined by `:`, such as `reports:read`")
    }
}

pub(super) const fn is_permission(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > MAX_LENGTH {
        return false;
    }
    let mut was_separator = true;
    let mut at = 0;
    while at < name.len() {
        let is_separator = name[at] == b':';
        if is_separator && was_separator || !is_separator && !is_character(name[at]) {
            return false;
        }
        was_separator = is_separator;
        at += 1;
    }
    !was_separator
}

/// True for one part of a permission.
pub(super) fn is_part(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_character(*byte))
}

const fn is_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
