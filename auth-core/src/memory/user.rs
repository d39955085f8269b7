use std::{collections::HashMap, fmt, num::NonZeroU32, sync::Mutex};

use async_trait::async_trait;
use uuid::Uuid;

use super::lock;
use crate::{
    InsertUserError, ListUsers, NewUser, NormalizedEmail, Profile, StoreError, UpdateUserError, User, UserId,
    UserStore,
};

/// Users in memory.
pub struct MemoryUserStore<Id = Uuid, P = ()> {
    state: Mutex<State<Id, P>>,
    next_id: fn(u64) -> Option<Id>,
}

struct State<Id, P> {
    users: HashMap<Id, User<Id, P>>,
    ids_by_email: HashMap<NormalizedEmail, Id>,
    inserted: u64,
}

impl<Id: UserId, P: Profile> MemoryUserStore<Id, P> {
    /// An empty store. [`UserId::generate`] makes the ids.
    #[must_use]
    pub fn new() -> Self {
        Self::with_ids(|_| None)
    }

    /// An empty store that makes ids like the serial column of a database: a new user without an id gets `next_id(n)`,
    /// where n counts from 1.
    #[must_use]
    pub fn with_ids(next_id: fn(u64) -> Option<Id>) -> Self {
        let state = State {
            users: HashMap::new(),
            ids_by_email: HashMap::new(),
            inserted: 0,
        };
        Self {
            state: Mutex::new(state),
            next_id,
        }
    }
}

impl<Id: UserId, P: Profile> Default for MemoryUserStore<Id, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id, P> fmt::Debug for MemoryUserStore<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserStore")
            .field("users", &lock(&self.state).users.len())
            .finish()
    }
}

#[async_trait]
impl<Id: UserId, P: Profile> UserStore<Id, P> for MemoryUserStore<Id, P> {
    async fn insert(&self, user: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError> {
        let mut state = lock(&self.state);
        if state.ids_by_email.contains_key(user.email.normalized()) {
            return Err(InsertUserError::EmailTaken);
        }
        state.inserted += 1;
        let id = user
            .id
            .clone()
            .or_else(|| (self.next_id)(state.inserted))
            .ok_or_else(|| {
                StoreError::internal("memory", "the new user has no id, and this store makes none")
            })?;
        if state.users.contains_key(&id) {
            return Err(StoreError::internal("memory", "the id is taken").into());
        }
        let user = user.into_user(id);
        state
            .ids_by_email
            .insert(user.email.normalized().clone(), user.id.clone());
        state.users.insert(user.id.clone(), user.clone());
        Ok(user)
    }

    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        Ok(lock(&self.state).users.get(id).cloned())
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        let state = lock(&self.state);
        Ok(state
            .ids_by_email
            .get(email)
            .and_then(|id| state.users.get(id))
            .cloned())
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let stored = state
            .users
            .get_mut(&user.id)
            .filter(|stored| stored.revision == user.revision)
            .ok_or(UpdateUserError::Conflict)?;
        if state
            .ids_by_email
            .get(user.email.normalized())
            .is_some_and(|owner| *owner != user.id)
        {
            return Err(UpdateUserError::EmailTaken);
        }
        state.ids_by_email.remove(stored.email.normalized());
        state
            .ids_by_email
            .insert(user.email.normalized().clone(), user.id.clone());
        let created_at = stored.created_at;
        *stored = User {
            revision: user.revision + 1,
            created_at,
            ..user.clone()
        };
        Ok(())
    }

    async fn delete(&self, id: &Id) -> Result<bool, StoreError> {
        let mut state = lock(&self.state);
        let Some(user) = state.users.remove(id) else {
            return Ok(false);
        };
        state.ids_by_email.remove(user.email.normalized());
        Ok(true)
    }
}

/// Ordered by the text of the ids.
#[async_trait]
impl<Id: UserId, P: Profile> ListUsers<Id, P> for MemoryUserStore<Id, P> {
    async fn list(&self, after: Option<&Id>, limit: NonZeroU32) -> Result<Vec<User<Id, P>>, StoreError> {
        let after = after.map(Id::to_string);
        let state = lock(&self.state);
        let mut users: Vec<(String, &User<Id, P>)> = state
            .users
            .values()
            .map(|user| (user.id.to_string(), user))
            .filter(|(id, _)| after.as_ref().is_none_or(|after| id > after))
            .collect();
        users.sort_by(|(a, _), (b, _)| a.cmp(b));
        users.truncate(limit.get() as usize);
        Ok(users.into_iter().map(|(_, user)| user.clone()).collect())
    }
}
