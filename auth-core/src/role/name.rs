use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::permission::is_part;
use crate::ConfigError;

/// How many roles a user can have: 64.
pub const MAX_ROLES: usize = 64;

const MAX_LENGTH: usize = 64;

/// The name of a role: 1 to 64 of the characters `a-z A-Z 0-9 . _ -`. Case counts.
///
/// A name says nothing of what the role grants: a service [defines](crate::Roles) that in code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RoleName(Arc<str>);

impl RoleName {
    /// The role called `name`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the role if it is not of the form above.
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        if name.len() <= MAX_LENGTH && is_part(name.as_bytes()) {
            return Ok(Self(name.into()));
        }
        let problem = "a name has 1 to 64 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`";
        Err(ConfigError::new(format!("role {name:?}"), problem))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::new(name)
    }
}

impl TryFrom<String> for RoleName {
    type Error = ConfigError;

    fn try_from(name: String) -> Result<Self, ConfigError> {
        Self::new(&name)
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for RoleName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
