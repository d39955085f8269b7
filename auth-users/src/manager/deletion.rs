use std::sync::{Arc, PoisonError};

use auth_core::{Profile, RevocableStrategy, SessionStore, StoreError, User, UserId};
use futures_util::future::{join, join_all};

use super::{
    UserManager,
    outcome::{Reason, note_of, why_vetoed},
};
use crate::{EventKind, Intent, LOG, VetoError};

/// The reason that a user was not deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteUserError {
    /// The user does not exist any more.
    #[error("the user does not exist")]
    NotFound,
    /// The [`Veto`](crate::Veto) did not consent. Nothing was removed.
    #[error(transparent)]
    Veto(#[from] VetoError),
    /// The store of the users, or one of credentials, did not answer. The user may still be there.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl Reason for DeleteUserError {
    fn why(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Veto(error) => why_vetoed(error),
            Self::Unavailable(_) => "unavailable",
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Veto(error) => note_of(error),
            _ => None,
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Deletes `user` and all credentials of the user, in each store. The [`Veto`](crate::Veto) is asked first.
    ///
    /// It removes the credentials first. If one of their stores does not answer, the user stays, although some
    /// credentials may be gone. Call it again then. To lock a user out while a store of credentials is down, deactivate the
    /// user; that needs the store of the users, and their cache if there is one. A
    /// credential that is issued during the deletion is rejected, because its user does not exist.
    ///
    /// # Errors
    /// [`DeleteUserError`].
    pub async fn delete(&self, user: &User<Id, P>) -> Result<(), DeleteUserError> {
        let id = Some(&user.id);
        let refused = |why| EventKind::DeletionRefused { why };
        let deleted = self.attended(id, refused, self.remove(user)).await;
        let deleted = deleted.map(|()| user);
        self.conclude(id, deleted, || EventKind::Deleted, refused)
            .map(|_user| ())
    }

    async fn remove(&self, user: &User<Id, P>) -> Result<(), DeleteUserError> {
        self.ask_veto(Intent::Deletion { user }).await?;
        self.revoke_all(&user.id).await?;
        if !self.store.delete(&user.id).await? {
            return Err(DeleteUserError::NotFound);
        }
        // Those that were issued meanwhile. They are rejected already, as their user is gone. If this fails, they are
        // removed when they expire or are presented.
        if let Err(error) = self.revoke_all(&user.id).await {
            let problem = error.to_string();
            tracing::warn!(
                target: LOG, user = ?user.id, origin = error.origin(), kind = %error.kind(), ?problem,
                "a deleted user's credentials were not removed"
            );
        }
        Ok(())
    }

    /// Makes deletions of users also revoke the credentials of `strategy`. Adding a strategy twice has no effect.
    ///
    /// The HTTP layer does this for each of its backends. Call it if your program deletes users without that layer, or
    /// for a strategy without a backend. Credentials of a deleted user are rejected either way, but without this their
    /// rows stay until they expire or are presented.
    pub fn revoke_through(&self, strategy: Arc<dyn RevocableStrategy<Id>>) {
        let mut strategies = self.revocable.write().unwrap_or_else(PoisonError::into_inner);
        if !strategies.iter().any(|known| Arc::ptr_eq(known, &strategy)) {
            strategies.push(strategy);
        }
    }

    /// Makes deletions of users also remove their sessions in `store`. Adding a store twice has no effect.
    ///
    /// The sessions with data of the HTTP layer do this for their store. A session of a deleted user is rejected either
    /// way, but without this its data stays until it expires or is presented.
    pub fn end_sessions_in(&self, store: Arc<dyn SessionStore<Id>>) {
        let mut stores = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if !stores.iter().any(|known| Arc::ptr_eq(known, &store)) {
            stores.push(store);
        }
    }

    /// Revokes every credential and removes every session of the user, in each store that answers.
    ///
    /// # Errors
    /// [`StoreError`] if a store does not answer.
    async fn revoke_all(&self, id: &Id) -> Result<(), StoreError> {
        let strategies = self
            .revocable
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let stores = self
            .sessions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let revoked = join_all(strategies.iter().map(|strategy| strategy.revoke_all(id)));
        let removed = join_all(stores.iter().map(|store| store.delete_all(id)));
        let (revoked, removed) = join(revoked, removed).await;
        revoked.into_iter().collect::<Result<(), _>>()?;
        removed
            .into_iter()
            .try_for_each(|removed| removed.map(|_number| ()))
    }
}
