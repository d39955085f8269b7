use std::{collections::HashMap, fmt, sync::Mutex};

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use super::lock;
use crate::{
    AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, InsertTokenError, Provenance,
    PurgeExpired, RotateTokens, StoreError, TokenDigest, TokenId, TokenLookup, UserId,
};

/// Access tokens in memory.
pub struct MemoryAccessTokenStore<Id = Uuid> {
    state: Mutex<State<Id>>,
}

struct State<Id> {
    tokens: HashMap<TokenDigest, (u64, AccessToken<Id>)>,
    inserted: u64,
}

impl<Id: UserId> State<Id> {
    /// The token of `key`, if it has not expired at `at`.
    fn live(&mut self, key: &TokenLookup, at: OffsetDateTime) -> Option<&mut AccessToken<Id>> {
        let (_number, token) = self.tokens.get_mut(&key.digest)?;
        token.is_live(at).then_some(token)
    }

    /// The user's tokens, newest first: by issue, then by insertion if the clock did not move.
    fn newest_first(&self, user_id: &Id) -> Vec<&AccessToken<Id>> {
        let mut tokens: Vec<_> = self
            .tokens
            .values()
            .filter(|(_, token)| token.user_id == *user_id)
            .collect();
        tokens.sort_by_key(|(number, token)| std::cmp::Reverse((token.created_at, *number)));
        tokens.into_iter().map(|(_, token)| token).collect()
    }

    fn remove(&mut self, doomed: &[TokenDigest]) -> u64 {
        doomed
            .iter()
            .filter(|digest| self.tokens.remove(digest).is_some())
            .count() as u64
    }
}

impl<Id: UserId> MemoryAccessTokenStore<Id> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State {
                tokens: HashMap::new(),
                inserted: 0,
            }),
        }
    }
}

impl<Id: UserId> Default for MemoryAccessTokenStore<Id> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id> fmt::Debug for MemoryAccessTokenStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccessTokenStore")
            .field("tokens", &lock(&self.state).tokens.len())
            .finish()
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenStore<Id> for MemoryAccessTokenStore<Id> {
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        let mut state = lock(&self.state);
        if state.tokens.contains_key(&token.digest) {
            return Err(InsertTokenError::DigestTaken);
        }
        if let Some(cap) = cap {
            let keep = usize::try_from(cap.others()).unwrap_or(usize::MAX);
            let mut others = state.newest_first(&token.user_id);
            others.retain(|other| {
                let is_of_backend = [token.backend.as_str(), ""].contains(&other.backend.as_str());
                is_of_backend && cap.replaced != Some(other.digest)
            });
            others.sort_by_key(|other| !other.is_live(token.created_at));
            let doomed: Vec<_> = others.iter().skip(keep).map(|other| other.digest).collect();
            state.remove(&doomed);
        }
        state.inserted += 1;
        let number = state.inserted;
        let mut token = token.clone();
        // It is not of the log-in: the next look-up would tell of the user as it was.
        token.provenance = Provenance::default();
        state.tokens.insert(token.digest, (number, token));
        Ok(())
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        Ok(lock(&self.state)
            .tokens
            .get(&key.digest)
            .map(|(_, token)| token.clone()))
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        if let Some(token) = lock(&self.state).live(key, at) {
            token.last_used_at = at;
            token.expires_at = expires_at;
        }
        Ok(())
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        Ok(lock(&self.state).tokens.remove(&key.digest).is_some())
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let mut state = lock(&self.state);
        let doomed: Vec<_> = state
            .newest_first(user_id)
            .iter()
            .map(|token| token.digest)
            .collect();
        Ok(state.remove(&doomed))
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenIndex<Id> for MemoryAccessTokenStore<Id> {
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError> {
        let state = lock(&self.state);
        let tokens = state
            .newest_first(user_id)
            .into_iter()
            .filter(|token| token.epoch == epoch);
        Ok(tokens.cloned().collect())
    }

    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let mut state = lock(&self.state);
        let doomed: Vec<_> = state
            .newest_first(user_id)
            .iter()
            .filter(|token| token.id == id)
            .map(|token| token.digest)
            .collect();
        Ok(state.remove(&doomed) > 0)
    }
}

#[async_trait]
impl<Id: UserId> RotateTokens<Id> for MemoryAccessTokenStore<Id> {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let mut state = lock(&self.state);
        Ok(state.tokens.get_mut(&key.digest).map(|(_number, token)| {
            let advanced = token.advanced(step);
            let by_this_call = advanced.is_some();
            if let Some(advanced) = advanced {
                *token = advanced;
            }
            Advanced::new(token.clone(), by_this_call)
        }))
    }
}

#[async_trait]
impl<Id: UserId> PurgeExpired for MemoryAccessTokenStore<Id> {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let mut state = lock(&self.state);
        let dead = state
            .tokens
            .values()
            .filter(|(_, token)| !token.is_live(now))
            .map(|(_, token)| token.digest);
        let doomed: Vec<_> = dead.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        Ok(state.remove(&doomed))
    }
}
