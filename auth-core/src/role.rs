//! Roles, and the permissions that they grant.

mod name;
mod permission;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use name::{MAX_ROLES, RoleName};
pub use permission::Permission;
pub use scope::Scope;

use crate::{ConfigError, User};

/// The roles that a service knows, and what each of them grants. They are defined in code; a user has their names.
///
/// A grant is a [`Permission`], or a wildcard: `reports:*` grants every permission that begins with `reports:`, such as
/// `reports:read` and `reports:read:all`, but not `reports` itself. `*` grants everything.
///
/// ```
/// use portcullis::{Permission, Roles};
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let roles = Roles::new()
///     .role("author", ["articles:write"])?
///     .role("editor", ["articles:*", "reports:read"])?;
///
/// let error = Roles::new().role("editor", ["reports:"]).expect_err("an empty part");
/// assert!(error.to_string().starts_with("role \"editor\": permission \"reports:\": "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    scopes: BTreeMap<RoleName, Scope>,
}

impl Roles {
    /// No roles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines the role called `name`, which grants `permissions`. One that grants nothing is a role, too.
    ///
    /// # Errors
    /// [`ConfigError`] naming the role if it is defined already, if its name is not one of [`RoleName`], or if one of
    /// `permissions` is neither a permission nor a wildcard. It names that one, too.
    pub fn role(
        mut self,
        name: &str,
        permissions: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Self, ConfigError> {
        let role = RoleName::new(name)?;
        let refused = |problem: &dyn std::fmt::Display| ConfigError::new(format!("role {name:?}"), problem);
        let scope = Scope::of(permissions).map_err(|error| refused(&error))?;
        if self.scopes.insert(role, scope).is_some() {
            return Err(refused(&"it is defined already"));
        }
        Ok(self)
    }

    /// The names of the roles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &RoleName> {
        self.scopes.keys()
    }

    /// True if no role is defined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// True if the role called `name` is defined.
    #[must_use]
    pub fn defines(&self, name: &str) -> bool {
        self.scopes.contains_key(name)
    }

    /// True if `user` has the `permission`: a superuser has all, and an inactive user has none. A role that is not defined
    /// grants nothing.
    #[must_use]
    pub fn permit<Id, P>(&self, user: &User<Id, P>, permission: &Permission) -> bool {
        let mut granted = user.roles.iter().filter_map(|role| self.scopes.get(role));
        user.is_active && (user.is_superuser || granted.any(|scope| scope.permits(permission)))
    }

    /// Everything that `user` has permission for, by the same rules.
    #[must_use]
    pub fn scope_of<Id, P>(&self, user: &User<Id, P>) -> Scope {
        if !user.is_active {
            return Scope::default();
        }
        if user.is_superuser {
            return Scope::everything();
        }
        Scope::all_of(user.roles.iter().filter_map(|role| self.scopes.get(role)))
    }
}
