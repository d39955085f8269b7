use std::collections::BTreeSet;

use auth_core::{MAX_ROLES, Profile, RoleName, StoreError, User, UserId};

use super::{UserManager, outcome::Reason, rewrite::NotWritten};
use crate::{ChangedFields, EventKind};

/// The reason that a user did not get the roles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetRolesError {
    /// A role is not defined.
    #[error("the role at index {index} is not defined")]
    Undefined {
        /// Its place among the names, from 0.
        index: usize,
    },
    /// There are more than [`MAX_ROLES`].
    #[error("a user can have {MAX_ROLES} roles at most")]
    TooMany,
    /// The user was deleted.
    #[error("the user does not exist")]
    NotFound,
    /// The store did not answer, or others changed the user at the same time.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<NotWritten> for SetRolesError {
    fn from(error: NotWritten) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Reason for SetRolesError {
    fn why(&self) -> &'static str {
        match self {
            Self::Undefined { .. } => "undefined_role",
            Self::TooMany => "too_many_roles",
            Self::NotFound => "not_found",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Gives `user`, as it was read, the roles called `names` and no others, by one write, and returns the user as stored
    /// afterwards. A name that comes twice counts once. If nothing changes, nothing is written, and it is no event.
    ///
    /// It holds from the user's next request on. No credential ends. If the user is written by others at the same time, what
    /// they change stays, and of two calls of this the later one holds.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Roles, SigningSecret, testing::memory::MemoryUserStore, users::{Registration, SetRolesError, UserManager}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (store, secret) = (Arc::new(MemoryUserStore::<uuid::Uuid>::new()), SigningSecret::generate()?);
    /// let roles = Roles::new().role("editor", ["articles:*"])?;
    /// let users = UserManager::builder(store, &secret).roles(roles).build()?;
    /// # let ada = users.create(Registration::new("ada@example.com".parse()?, "correct horse battery".into(), ())).await?;
    /// let ada = users.set_roles(ada, &["editor"]).await?;
    /// let refused = users.set_roles(ada, &["editor", "edtior"]).await;
    /// assert!(matches!(refused, Err(SetRolesError::Undefined { index: 1 })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SetRolesError`]. Nothing is written.
    pub async fn set_roles(
        &self,
        user: User<Id, P>,
        names: &[impl AsRef<str> + Sync],
    ) -> Result<User<Id, P>, SetRolesError> {
        let id = user.id.clone();
        let mut changed = ChangedFields::default();
        let refused = |why| EventKind::UpdateRefused { why };
        let written = match self.defined(names) {
            Ok(roles) => {
                let given = self.give(user, &roles, &mut changed);
                self.attended(Some(&id), refused, given).await
            }
            Err(error) => Err(error),
        };
        if written.is_ok() && !changed.any() {
            return written;
        }
        self.conclude(Some(&id), written, || EventKind::Updated { changed }, refused)
    }

    /// The roles called `names`.
    fn defined(&self, names: &[impl AsRef<str>]) -> Result<BTreeSet<RoleName>, SetRolesError> {
        let named = names.iter().enumerate().map(|(index, name)| {
            let name = RoleName::new(name.as_ref()).ok();
            name.filter(|name| self.roles.defines(name.as_str()))
                .ok_or(SetRolesError::Undefined { index })
        });
        let roles: BTreeSet<_> = named.collect::<Result<_, _>>()?;
        if roles.len() > MAX_ROLES {
            return Err(SetRolesError::TooMany);
        }
        Ok(roles)
    }

    async fn give(
        &self,
        user: User<Id, P>,
        roles: &BTreeSet<RoleName>,
        changed: &mut ChangedFields,
    ) -> Result<User<Id, P>, SetRolesError> {
        let mut unchanged = None;
        let written = self
            .rewrite_read(user, |found| -> Result<_, SetRolesError> {
                let mut user = found.ok_or(SetRolesError::NotFound)?;
                changed.roles = user.roles != *roles;
                if !changed.roles {
                    unchanged = Some(user);
                    return Ok(None);
                }
                user.roles.clone_from(roles);
                Ok(Some(user))
            })
            .await?;
        written.or(unchanged).ok_or(SetRolesError::NotFound)
    }
}
