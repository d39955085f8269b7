use std::{fmt, marker::PhantomData};

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, Predecessor, SessionChange, SessionStore, SessionWrite, ShardTag, StoreError,
    StoredSession, TokenLookup, UserId, metrics::Timer,
};
use fred::{bytes::Bytes, bytes_utils::Str, types::Value};
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

use crate::{
    Redis,
    call::{Limit, STORE},
    key,
    record::{
        Instant,
        session::{self, Mark},
    },
    redis::{unreadable, value},
    script::{CREATE_SESSION, DELETE_ALL, DELETE_SESSION, REPLACE_SESSION, SAVE_SESSION},
};

/// Sessions with data on Redis.
///
/// A look-up is one `GET`. Every other call is one script, so a session and its user's index change together. Only if a session
/// takes the place of another there are two, because the two can be on different nodes. Removing all sessions of a user takes the
/// server time in proportion to their number.
///
/// A key expires with its session, by the server's clock, and so does the index with the last of its sessions. A session without
/// an expiry stays until it is deleted. Instants are kept in milliseconds; one before 1970 becomes 1970.
///
/// A call that failed at its deadline changes no session later, unless it was to delete it: see [`Redis`].
///
/// If the connection breaks, a call is sent a second time. A [`save`](SessionStore::save) whose first attempt was carried out is
/// then done, and is not made again. If others saved meanwhile, so that nobody can know whether it was carried out, the answer is
/// an error. A session that took the place of another is known for a minute, so a second attempt finds it, and so does the same
/// call within that time. A deletion can report that the session was gone, although its first attempt deleted it.
///
/// It can share a [`Redis`] with a [`RedisAccessTokenStore`](crate::RedisAccessTokenStore): their keys differ.
pub struct RedisSessionStore<Id = Uuid> {
    redis: Redis,
    _id: PhantomData<fn() -> Id>,
}

impl<Id: UserId> RedisSessionStore<Id> {
    /// A store on a [`Redis`]. A pool or a client gets the default settings of [`Redis`].
    #[must_use]
    pub fn new(redis: impl Into<Redis>) -> Self {
        Self {
            redis: redis.into(),
            _id: PhantomData,
        }
    }

    /// Inserts `session` with this `mark`. True if this call did, false if the same replacement did in an earlier one.
    async fn insert(
        &self,
        limit: Limit,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        mark: Mark,
        replaces: bool,
    ) -> Result<bool, InsertTokenError> {
        let user_id = session.subject.as_ref().map(|subject| &subject.user_id);
        let tag = key
            .tag
            .filter(|tag| user_id.is_none_or(|user_id| *tag == ShardTag::for_user(user_id)))
            .ok_or_else(|| {
                StoreError::internal(STORE, "the id of a session does not have the tag of its user")
            })?;
        let keys = &self.redis.keys;
        let mut names = vec![keys.session(tag, &key.digest)];
        names.extend(user_id.map(|user_id| keys.session_index(tag, user_id)));
        let args = vec![
            value(session::write(&key.digest, session, mark))?,
            key::encode(&key.digest).into(),
            Value::from_static_str(if replaces { "1" } else { "" }),
        ];
        let inserted: Str = self.redis.run(limit, &CREATE_SESSION, names, args).await?;
        match &*inserted {
            "created" => Ok(true),
            "found" => Ok(false),
            _ => Err(InsertTokenError::DigestTaken),
        }
    }

    /// Removes the session of `key`, which nobody knows yet.
    async fn remove(&self, limit: Limit, key: &TokenLookup) -> Result<(), StoreError> {
        let Some(tag) = key.tag else {
            return Ok(());
        };
        let (names, args) = self.deletion(tag, key, None);
        let _answer: Str = self.redis.run(limit, &DELETE_SESSION, names, args).await?;
        Ok(())
    }

    /// The arguments of `DELETE_SESSION`.
    fn deletion(&self, tag: ShardTag, key: &TokenLookup, revision: Option<i64>) -> (Vec<String>, Vec<Value>) {
        let keys = &self.redis.keys;
        let args = vec![
            keys.session_indexes(tag).into(),
            key::encode(&key.digest).into(),
            number(revision),
        ];
        (vec![keys.session(tag, &key.digest)], args)
    }
}

#[async_trait]
impl<Id: UserId> SessionStore<Id> for RedisSessionStore<Id> {
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        let _timed = Timer::of(STORE, "sessions.create");
        let (limit, call) = (self.redis.limit(), new_mark());
        let Some(old) = predecessor else {
            self.insert(limit, key, session, call, false).await?;
            return Ok(SessionWrite::Done);
        };
        let Some(old_tag) = old.key.tag else {
            return Ok(SessionWrite::Gone);
        };
        // First the new one: a deletion of all that comes between removes both, and nothing survives it.
        let mark = replacement_mark(&old.key, key, call);
        let is_new = self.insert(limit, key, session, mark, true).await?;
        let keys = &self.redis.keys;
        let names = vec![
            keys.session(old_tag, &old.key.digest),
            keys.successor(old_tag, &old.key.digest),
        ];
        let args = vec![
            keys.session_indexes(old_tag).into(),
            key::encode(&old.key.digest).into(),
            number(old.revision),
            key.digest.as_bytes().as_slice().into(),
            call.as_slice().into(),
        ];
        // Late, it would only lose the old session: nobody is told the new one's id.
        let answer: Str = self.redis.revoke(limit, &REPLACE_SESSION, names, args).await?;
        let write = match &*answer {
            // Somebody has ended the new session since that call.
            "before" if is_new => SessionWrite::Gone,
            "before" => SessionWrite::Done,
            _ => outcome(&answer)?,
        };
        if write != SessionWrite::Done {
            self.remove(limit, key).await?;
        }
        Ok(write)
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "sessions.load");
        let Some(tag) = key.tag else {
            return Ok(None);
        };
        let name = self.redis.keys.session(tag, &key.digest);
        let found: Option<Bytes> = self.redis.get(self.redis.limit(), name).await?;
        let session = found.map(|found| session::read(&key.digest, &found));
        session.transpose().map_err(unreadable)
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(STORE, "sessions.save");
        let Some(tag) = key.tag else {
            return Ok(SessionWrite::Gone);
        };
        let keys = &self.redis.keys;
        let data = change.data.as_deref().map(session::write_data);
        let args = vec![
            keys.session_indexes(tag).into(),
            key::encode(&key.digest).into(),
            Instant::at(change.at).into(),
            Instant::of(change.expires_at).into(),
            number(change.revision),
            data.map_or(Ok(Value::from_static_str("")), value)?,
            new_mark().as_slice().into(),
        ];
        let (limit, name) = (self.redis.limit(), keys.session(tag, &key.digest));
        let answer = self.redis.run(limit, &SAVE_SESSION, vec![name], args).await?;
        outcome(&answer)
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        let _timed = Timer::of(STORE, "sessions.delete");
        let Some(tag) = key.tag else {
            return Ok(SessionWrite::Gone);
        };
        let (names, args) = self.deletion(tag, key, revision);
        let limit = self.redis.limit();
        let answer = self.redis.revoke(limit, &DELETE_SESSION, names, args).await?;
        outcome(&answer)
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "sessions.delete_all");
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        let (names, args) = (
            vec![keys.session_index(tag, user_id)],
            vec![keys.sessions(tag).into()],
        );
        self.redis
            .revoke(self.redis.limit(), &DELETE_ALL, names, args)
            .await
    }
}

/// Random enough that no two calls about one session have the same.
fn new_mark() -> Mark {
    Uuid::new_v4().as_u64_pair().1.to_be_bytes()
}

/// The mark of a session in the place of `old`. Its first half is the same in each call of this replacement.
fn replacement_mark(old: &TokenLookup, new: &TokenLookup, call: Mark) -> Mark {
    let both = Sha1::new()
        .chain_update(old.digest.as_bytes())
        .chain_update(new.digest.as_bytes())
        .finalize();
    let mut mark = call;
    for (byte, of_both) in mark.iter_mut().zip(both).take(4) {
        *byte = of_both;
    }
    mark
}

/// A revision as an argument of a script.
fn number(revision: Option<i64>) -> Value {
    revision.map_or(Value::from_static_str(""), |revision| {
        revision.to_be_bytes().as_slice().into()
    })
}

/// The outcome that a script answers.
fn outcome(answer: &Str) -> Result<SessionWrite, StoreError> {
    match &**answer {
        "done" => Ok(SessionWrite::Done),
        "conflict" => Ok(SessionWrite::Conflict),
        "gone" => Ok(SessionWrite::Gone),
        "unknown" => Err(StoreError::unreachable(
            STORE,
            "the answer to a save was lost, and others have saved the session since: whether it was made is not known",
        )),
        _ => Err(unreadable("a stored session cannot be read")),
    }
}

impl<Id> Clone for RedisSessionStore<Id> {
    fn clone(&self) -> Self {
        Self {
            redis: self.redis.clone(),
            _id: PhantomData,
        }
    }
}

impl<Id> fmt::Debug for RedisSessionStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisSessionStore").field(&self.redis).finish()
    }
}
