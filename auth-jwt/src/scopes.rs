//! What the roles of a user grant when a token is issued.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{IssueError, Profile, ReadError, Rejection, Roles, StoreError, UserId, UserStore};

/// Where a strategy finds the scope of a user.
#[async_trait]
pub(crate) trait Scopes<Id>: Send + Sync {
    /// The value of the claim `scope`. `None` if the user has no permission.
    async fn of(&self, user_id: &Id) -> Result<Option<String>, NoScope>;
}

/// Why there is no scope to be written.
pub(crate) enum NoScope {
    UserGone,
    Unavailable(StoreError),
}

impl From<NoScope> for IssueError {
    fn from(reason: NoScope) -> Self {
        match reason {
            NoScope::UserGone => Self::UnknownUser,
            NoScope::Unavailable(error) => error.into(),
        }
    }
}

impl From<NoScope> for ReadError {
    fn from(reason: NoScope) -> Self {
        match reason {
            NoScope::UserGone => Rejection::UserGone.into(),
            NoScope::Unavailable(error) => error.into(),
        }
    }
}

/// By the roles that the user has now.
pub(crate) struct ScopesByRole<Id, P> {
    pub(crate) users: Arc<dyn UserStore<Id, P>>,
    pub(crate) roles: Arc<Roles>,
}

#[async_trait]
impl<Id: UserId, P: Profile> Scopes<Id> for ScopesByRole<Id, P> {
    async fn of(&self, user_id: &Id) -> Result<Option<String>, NoScope> {
        // What a cache has could be older, and would be signed for the life of the token.
        let found = self.users.find_latest(user_id).await;
        let user = found.map_err(NoScope::Unavailable)?.ok_or(NoScope::UserGone)?;
        let scope = self.roles.scope_of(&user);
        Ok((!scope.is_empty()).then(|| scope.to_string()))
    }
}
