//! The access token and the stores that hold it.

use std::{fmt, num::NonZeroU32};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, Subject, TokenDigest, TokenLookup};

/// An opaque token in its stored form: its digest, never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken<Id = Uuid> {
    /// Names the token in a list of log-ins. It is not a secret and opens nothing.
    pub id: TokenId,
    /// The digest of the token.
    pub digest: TokenDigest,
    /// The id of the user that it was issued for.
    pub user_id: Id,
    /// The user's security epoch when the token was issued.
    pub epoch: i64,
    /// When it was issued.
    pub created_at: OffsetDateTime,
    /// The first instant at which it is no longer valid. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, as exactly as the strategy keeps track of it.
    pub last_used_at: OffsetDateTime,
    /// The client that it was issued to.
    pub client: ClientInfo,
}

impl<Id> AccessToken<Id> {
    /// A token of `subject` that never expires, was last used when it was issued, and says nothing of its client. The
    /// fields are public: set those that are to differ.
    #[must_use]
    pub fn new(id: TokenId, digest: TokenDigest, subject: Subject<Id>, created_at: OffsetDateTime) -> Self {
        Self {
            id,
            digest,
            user_id: subject.user_id,
            epoch: subject.epoch,
            created_at,
            expires_at: None,
            last_used_at: created_at,
            client: ClientInfo::default(),
        }
    }

    /// True if the token is valid at `now`, which is strictly before its expiry.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// The public id of a token or session: a random UUID, shown in lists, never accepted as a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub Uuid);

impl TokenId {
    /// A new random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The client that a token was issued to, for the user's list of log-ins. Never trust what a client says of itself.
///
/// Begin with the default, which knows nothing, and set the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The `User-Agent`, cut to 256 bytes.
    pub user_agent: Option<String>,
    /// The address of the client, without a port. If a proxy stands in front that is not trusted, its address.
    pub address: Option<String>,
    /// The application's own name for the log-in.
    pub label: Option<String>,
}

/// A store of access tokens.
///
/// Each method is one atomic operation with a deadline. A store need not hide expired tokens, because the strategy
/// checks the clock. It may remove a token at any time after its expiry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no access tokens of users with ids `{Id}`",
    label = "no store of access tokens",
    note = "a store is made for one type of ids: `SqliteAccessTokenStore<i64>`, for example; one that `user_store!` or `access_token_store!` defines has that of its table",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait AccessTokenStore<Id = Uuid>: Send + Sync {
    /// Inserts `token`.
    ///
    /// With a `cap`, the same operation removes the user's oldest tokens beyond that number, so the cap holds under parallel
    /// insertions, too. It never removes the inserted token. An expired token that is still stored may count.
    ///
    /// # Errors
    /// [`InsertTokenError::DigestTaken`] if the store already has a token of this digest. Then nothing is written.
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<NonZeroU32>) -> Result<(), InsertTokenError>;

    /// The token of `key`. Digests are compared byte for byte.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// Sets `last_used_at` of the token of `key`, if that is still stored. It never restores a removed token.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn touch(&self, key: &TokenLookup, at: OffsetDateTime) -> Result<(), StoreError>;

    /// Removes the token of `key`. Returns true if there was one. After it returns, no look-up finds the token.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The token may still be there.
    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError>;

    /// Removes every token of the user, and returns their number. After it returns, no look-up finds a token that was
    /// inserted before the call.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. Tokens may still be there.
    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError>;
}

/// A store that can list a user's tokens, for "where am I logged in".
#[async_trait]
pub trait AccessTokenIndex<Id = Uuid>: AccessTokenStore<Id> {
    /// The user's tokens that were issued under `epoch`, newest first. Expired ones may be among them. It leaves out
    /// tokens of another epoch: they are rejected everywhere, so they are not log-ins any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError>;

    /// Removes the user's token with the public `id`. Returns true if there was one. It never removes another user's token.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The token may still be there.
    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError>;
}

/// A store that keeps expired rows until they are purged.
#[async_trait]
pub trait PurgeExpired: Send + Sync {
    /// Removes at most `limit` tokens that expired at or before `now`, and returns their number. Fewer than `limit`
    /// means that none is left.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError>;
}

/// The reason that a token was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum InsertTokenError {
    /// The store already has a token of this digest.
    #[error("the digest is taken")]
    DigestTaken,
    /// The user does not exist. Only a store with a foreign key to the users can tell.
    #[error("the user does not exist")]
    UnknownUser,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
