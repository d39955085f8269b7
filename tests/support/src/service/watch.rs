//! Stores that tell of each call, over those of a service.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use portcullis::{
    StoreError, User,
    store::{
        AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, InsertTokenError,
        InsertUserError, NewUser, NormalizedEmail, RotateTokens, TokenId, TokenLookup, UpdateUserError,
        UserStore,
    },
};
use time::OffsetDateTime;
use tokio::sync::oneshot::{Receiver, Sender, channel};
use uuid::Uuid;

use super::blueprint::Stores;

/// The calls of a service's stores, and one of them that is to be held up.
#[derive(Default)]
pub struct Watch {
    calls: Mutex<Vec<&'static str>>,
    hold: Mutex<Option<Hold>>,
}

/// The point at which a call is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Before the store has heard of it.
    Start,
    /// Once the store has done it.
    End,
}

struct Hold {
    call: &'static str,
    at: At,
    reached: Sender<()>,
    dropped: Sender<()>,
    go_on: Receiver<()>,
}

/// A call that is going to be held up.
pub struct Held {
    reached: Receiver<()>,
    dropped: Receiver<()>,
    go_on: Sender<()>,
}

impl Held {
    /// Waits until the call is where it is held up.
    pub async fn reached(&mut self) {
        in_time(&mut self.reached).await.expect("the call is held up");
    }

    /// Lets the call go on.
    pub fn go_on(self) {
        self.go_on.send(()).expect("the call waits");
    }

    /// Waits until the call is dropped.
    pub async fn dropped(self) {
        in_time(self.dropped).await.expect_err("nobody answers");
    }
}

async fn in_time<T>(waiting: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    answer.expect("in time")
}

impl Watch {
    /// The calls since the last time, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().expect("no panic under the lock"))
    }

    /// Holds up the next call of this name, until it is dropped or told to go on.
    pub fn hold(&self, call: &'static str, at: At) -> Held {
        let ((reached, is_reached), (dropped, is_dropped)) = (channel(), channel());
        let (go_on, is_to_go_on) = channel();
        let hold = Hold {
            call,
            at,
            reached,
            dropped,
            go_on: is_to_go_on,
        };
        *self.hold.lock().expect("no panic under the lock") = Some(hold);
        Held {
            reached: is_reached,
            dropped: is_dropped,
            go_on,
        }
    }

    /// The same stores, watched.
    pub fn over(self: &Arc<Self>, stores: Stores) -> Stores {
        Stores {
            users: Arc::new(Watched(stores.users, Arc::clone(self))),
            tokens: Arc::new(Watched(stores.tokens, Arc::clone(self))),
            pool: stores.pool,
        }
    }

    async fn call<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        self.calls.lock().expect("no panic under the lock").push(name);
        self.pass(name, At::Start).await;
        let answer = call.await;
        self.pass(name, At::End).await;
        answer
    }

    async fn pass(&self, call: &str, at: At) {
        let hold = self
            .hold
            .lock()
            .expect("no panic under the lock")
            .take_if(|hold| hold.call == call && hold.at == at);
        if let Some(hold) = hold {
            hold.reached.send(()).expect("a test waits");
            // It falls with the call.
            let _dropped = hold.dropped;
            if hold.go_on.await.is_err() {
                std::future::pending().await
            }
        }
    }
}

struct Watched<S: ?Sized>(Arc<S>, Arc<Watch>);

#[async_trait]
impl UserStore for Watched<dyn UserStore> {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.1.call("users.insert", self.0.insert(user)).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.1.call("users.find", self.0.find(id)).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.1
            .call("users.find_by_email", self.0.find_by_email(email))
            .await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.1.call("users.update", self.0.update(user)).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.1.call("users.delete", self.0.delete(id)).await
    }
}

#[async_trait]
impl AccessTokenStore for Watched<dyn RotateTokens> {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.1.call("tokens.insert", self.0.insert(token, cap)).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.1.call("tokens.find", self.0.find(key)).await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.1
            .call("tokens.touch", self.0.touch(key, at, expires_at))
            .await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.1.call("tokens.delete", self.0.delete(key)).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.1.call("tokens.delete_all", self.0.delete_all(user_id)).await
    }
}

#[async_trait]
impl AccessTokenIndex for Watched<dyn RotateTokens> {
    async fn list(&self, user_id: &Uuid, epoch: i64) -> Result<Vec<AccessToken>, StoreError> {
        self.1.call("tokens.list", self.0.list(user_id, epoch)).await
    }

    async fn delete_by_id(&self, user_id: &Uuid, id: TokenId) -> Result<bool, StoreError> {
        let deleted = self.0.delete_by_id(user_id, id);
        self.1.call("tokens.delete_by_id", deleted).await
    }
}

#[async_trait]
impl RotateTokens for Watched<dyn RotateTokens> {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced>, StoreError> {
        self.1.call("tokens.advance", self.0.advance(key, step)).await
    }
}
