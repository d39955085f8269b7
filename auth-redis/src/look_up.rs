//! The look-up of a log-in: of its row alone or with its user, on the server or in the near cache.

use std::{sync::Arc, time::Duration};

use auth_core::{AccessToken, LoadedUser, ShardTag, StoreError, TokenLookup, UserId, metrics::Timer};
use fred::{
    bytes::Bytes,
    types::{Key, Value},
};

use crate::{
    RedisAccessTokenStore,
    attempt::{Attempt, Reply},
    call::{self, Limit, STORE},
    near::Near,
    record,
    redis::unreadable,
    script::FIND_WITH_USER,
};

/// The estimated bytes of a log-in in memory, beside those of its stored form.
const ROW_BYTES: usize = 320;

/// The same of a user.
pub(crate) const USER_BYTES: usize = 512;

/// Reads the user of an id from the value of a key.
pub(crate) type OpenUser<Id> = dyn Fn(&str, &Id, &[u8]) -> Option<OpenedUser> + Send + Sync;

/// A user that was read from a cache.
pub(crate) struct OpenedUser {
    pub(crate) user: LoadedUser,
    /// Whoever is not is looked up on the server each time.
    pub(crate) is_active: bool,
    /// For how long the cache may still have it.
    pub(crate) left: Duration,
}

/// A look-up of the row of a key.
struct LookUp {
    row: String,
    /// The beginning of the keys of users, if the user is to come along.
    users: Option<String>,
}

/// What a near cache has of a log-in.
struct Remembered<Id> {
    row: AccessToken<Id>,
    /// The key of its user, if that comes along.
    user: Option<Box<str>>,
}

/// The stored row, and the value of its user's key.
type Found = (Bytes, Bytes);

impl LookUp {
    fn ask(&self, attempt: Attempt) -> Reply {
        match &self.users {
            None => attempt.get(Key::from(&self.row)),
            Some(users) => attempt.run(
                &FIND_WITH_USER,
                vec![self.row.clone()],
                vec![users.as_str().into()],
            ),
        }
    }

    fn read(&self, reply: Value) -> Result<Option<Found>, StoreError> {
        match self.users {
            None => Ok(call::read::<Option<Bytes>>(reply)?.map(|row| (row, Bytes::new()))),
            Some(_) => call::read(reply),
        }
    }
}

impl<Id: UserId> RedisAccessTokenStore<Id> {
    fn look_up(&self, tag: ShardTag, key: &TokenLookup) -> LookUp {
        let keys = &self.redis.keys;
        LookUp {
            row: keys.token(tag, &key.digest),
            users: self.open_user.as_ref().map(|_open| keys.cached_users(tag)),
        }
    }

    /// The row that was found, without its user.
    fn row(key: &TokenLookup, stored: &[u8]) -> Result<AccessToken<Id>, StoreError> {
        let row = record::read::<Id>(key.digest, stored).map_err(unreadable)?;
        Ok(row.token)
    }

    /// The user of a row, as the `value` of its key has it, and that key.
    fn user(&self, look_up: &LookUp, row: &AccessToken<Id>, value: &[u8]) -> Option<(String, OpenedUser)> {
        let (open, users) = (self.open_user.as_ref()?, look_up.users.as_ref()?);
        let key = format!("{users}{}", row.user_id);
        let opened = open(&key, &row.user_id, value)?;
        Some((key, opened))
    }

    pub(crate) async fn find_on_server(
        &self,
        limit: Limit,
        tag: ShardTag,
        key: &TokenLookup,
    ) -> Result<Option<AccessToken<Id>>, StoreError> {
        let look_up = self.look_up(tag, key);
        let reply: Value = self.redis.call(limit, &|attempt| look_up.ask(attempt)).await?;
        let Some((stored, user)) = look_up.read(reply)? else {
            return Ok(None);
        };
        let mut row = Self::row(key, &stored)?;
        row.provenance.loaded_user = self.user(&look_up, &row, &user).map(|(_key, opened)| opened.user);
        Ok(Some(row))
    }

    pub(crate) async fn find_near(
        &self,
        near: &Near,
        limit: Limit,
        tag: ShardTag,
        key: &TokenLookup,
    ) -> Result<Option<AccessToken<Id>>, StoreError> {
        if let Some(row) = self.remembered(near, key) {
            return Ok(Some(row));
        }
        let _timed = Timer::of(STORE, "access_tokens.find");
        let look_up = self.look_up(tag, key);
        let asked = near
            .read(limit, tag, &look_up.row, |attempt| look_up.ask(attempt))
            .await;
        let Some(read) = asked else {
            return self.find_on_server(limit, tag, key).await;
        };
        let Some((stored, value)) = look_up.read(read.reply.clone())? else {
            // Nobody is refused by a connection of its own, which may be to another server.
            return self.find_on_server(limit, tag, key).await;
        };
        let mut row = Self::row(key, &stored)?;
        let remembered = Remembered {
            row: row.clone(),
            user: look_up
                .users
                .as_ref()
                .map(|users| format!("{users}{}", row.user_id).into()),
        };
        near.keep_row(&read, key.digest, Arc::new(remembered), ROW_BYTES + stored.len());
        if let Some((name, opened)) = self.user(&look_up, &row, &value) {
            if opened.is_active {
                let bytes = USER_BYTES + value.len();
                near.keep_user(&read, &name, opened.user.clone(), bytes, opened.left);
            }
            row.provenance.loaded_user = Some(opened.user);
        }
        Ok(Some(row))
    }

    /// What the near cache has, if that is all that is looked for.
    fn remembered(&self, near: &Near, key: &TokenLookup) -> Option<AccessToken<Id>> {
        let found: Arc<Remembered<Id>> = near.row(key.digest)?;
        let user = match &self.open_user {
            None => None,
            Some(_open) => Some(near.user(found.user.as_ref()?)?),
        };
        let mut row = found.row.clone();
        row.provenance.loaded_user = user;
        row.provenance.may_be_behind = true;
        Some(row)
    }
}
