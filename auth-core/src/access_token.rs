//! The access token and the stores that hold it.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Cap, LoadedUser, StoreError, Subject, TokenDigest, TokenLookup};

/// One log-in in its stored form. An opaque token is the secret of its log-in; a tracked JWT and a refresh token name it.
///
/// It holds digests, never a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken<Id = Uuid> {
    /// Names the log-in in a list. It is not a secret and opens nothing.
    pub id: TokenId,
    /// The digest of the token, or of the handle that JWTs and refresh tokens carry.
    pub digest: TokenDigest,
    /// The name of the backend that issued it. Empty if the row was written before rows named it.
    pub backend: String,
    /// The id of the user that it was issued for.
    pub user_id: Id,
    /// The user's security epoch when it was issued.
    pub epoch: i64,
    /// When it was issued.
    pub created_at: OffsetDateTime,
    /// The first instant at which it is no longer valid, unless it is used before. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
    /// The instant past which `expires_at` never moves. `None` if there is no such limit.
    pub absolute_expires_at: Option<OffsetDateTime>,
    /// When it was last used, as exactly as the strategy keeps track of it.
    pub last_used_at: OffsetDateTime,
    /// The generation of its access tokens, if these rotate.
    pub access_generation: Generation,
    /// The generation of its refresh tokens, if there are any.
    pub refresh_generation: Generation,
    /// The id of the user who logged in as this user, as text. `None` if the user did.
    pub actor: Option<String>,
    /// The client that it was issued to.
    pub client: ClientInfo,
    /// How the store found it. It is no part of the log-in: a store must not keep it.
    pub provenance: Provenance,
}

/// How a store found a log-in. Two of them are always equal, so that they make no difference between log-ins.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Provenance {
    /// The user, if the store read that in the same look-up.
    pub loaded_user: Option<LoadedUser>,
    /// True if the store remembers the log-in, and it may be a moment behind: see [`AccessTokenStore::find_latest`].
    pub may_be_behind: bool,
}

impl PartialEq for Provenance {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Provenance {}

/// How often the tokens of a log-in were replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Generation {
    /// The number of the present generation. The first is 0.
    pub number: i64,
    /// When it replaced the one before. `None` for the first.
    pub since: Option<OffsetDateTime>,
}

impl Generation {
    /// The first generation.
    pub const FIRST: Self = Self {
        number: 0,
        since: None,
    };

    /// Generation `number`, which replaced the one before at `since`.
    #[must_use]
    pub fn new(number: i64, since: Option<OffsetDateTime>) -> Self {
        Self { number, since }
    }
}

/// The tokens of a log-in that have generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The tokens that are presented with each request.
    Access,
    /// The tokens that are exchanged for new ones.
    Refresh,
}

/// A step of the tokens of a log-in to their next generation: see [`RotateTokens::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advance {
    /// The tokens that are replaced.
    pub kind: TokenKind,
    /// The generation that is replaced.
    pub from: i64,
    /// When it is replaced.
    pub at: OffsetDateTime,
    /// The new `expires_at`, unless `absolute_expires_at` is earlier. `None` leaves it as it is.
    pub keep_until: Option<OffsetDateTime>,
}

impl Advance {
    /// The step of the tokens of `kind` from generation `from` to the next one, made at `at`. It leaves `expires_at` as
    /// it is.
    #[must_use]
    pub fn new(kind: TokenKind, from: i64, at: OffsetDateTime) -> Self {
        Self {
            kind,
            from,
            at,
            keep_until: None,
        }
    }
}

/// The outcome of an [`Advance`] for a log-in that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advanced<Id = Uuid> {
    /// The log-in as it is now.
    pub token: AccessToken<Id>,
    /// True if this call made the step. False if the generation is another one, or if the log-in has expired.
    pub by_this_call: bool,
}

impl<Id> Advanced<Id> {
    /// The log-in as it is now, and whether this call made the step.
    #[must_use]
    pub fn new(token: AccessToken<Id>, by_this_call: bool) -> Self {
        Self { token, by_this_call }
    }
}

impl<Id> AccessToken<Id> {
    /// A log-in of `subject` that never expires, was last used when it was issued, and names neither backend nor client.
    /// The fields are public: set those that are to differ.
    #[must_use]
    pub fn new(id: TokenId, digest: TokenDigest, subject: Subject<Id>, created_at: OffsetDateTime) -> Self {
        Self {
            id,
            digest,
            backend: String::new(),
            user_id: subject.user_id,
            epoch: subject.epoch,
            created_at,
            expires_at: None,
            absolute_expires_at: None,
            last_used_at: created_at,
            access_generation: Generation::FIRST,
            refresh_generation: Generation::FIRST,
            actor: None,
            client: ClientInfo::default(),
            provenance: Provenance::default(),
        }
    }

    /// The same log-in, which ends at `end`, however it is used. `None` for no limit.
    #[must_use]
    pub fn ending(mut self, end: Option<OffsetDateTime>) -> Self {
        self.expires_at = end;
        self.absolute_expires_at = end;
        self
    }

    /// True if the log-in is valid at `now`, which is strictly before its expiry.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// True if the token has expired at `now`, and no other node can be just about to extend it. It is past its absolute
    /// limit, or has been expired for a minute: the clocks of nodes must differ by less.
    pub fn is_over(&self, now: OffsetDateTime) -> bool {
        let is_past = |end: Option<OffsetDateTime>, now: OffsetDateTime| end.is_some_and(|end| end <= now);
        is_past(self.absolute_expires_at, now)
            || is_past(self.expires_at, now.saturating_sub(Duration::MINUTE))
    }

    /// The generation of its tokens of `kind`.
    #[must_use]
    pub fn generation(&self, kind: TokenKind) -> Generation {
        match kind {
            TokenKind::Access => self.access_generation,
            TokenKind::Refresh => self.refresh_generation,
        }
    }

    /// The log-in as [`RotateTokens::advance`] leaves it, for a store that makes the `step` in code of its own. `None` if the
    /// step is not to be made: the generation is another one, or the log-in has expired.
    #[must_use]
    pub fn advanced(&self, step: &Advance) -> Option<Self>
    where
        Id: Clone,
    {
        if !self.is_live(step.at) || self.generation(step.kind).number != step.from {
            return None;
        }
        let mut advanced = self.clone();
        let next = Generation::new(step.from + 1, Some(step.at));
        match step.kind {
            TokenKind::Access => advanced.access_generation = next,
            TokenKind::Refresh => advanced.refresh_generation = next,
        }
        advanced.last_used_at = step.at;
        if let Some(until) = step.keep_until {
            advanced.expires_at = Some(self.bounded(until));
        }
        Some(advanced)
    }

    /// `until`, or `absolute_expires_at` if that is earlier: the latest `expires_at` that the log-in can have.
    #[must_use]
    pub fn bounded(&self, until: OffsetDateTime) -> OffsetDateTime {
        self.absolute_expires_at.map_or(until, |end| until.min(end))
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
    /// insertions, too. Only tokens of the same `backend` count, and those that name none. A token that has expired when
    /// the new one is issued goes before any that has not, however old it is. It never removes the inserted token, nor the
    /// [replaced](Cap::replaced) one, which does not count.
    ///
    /// # Errors
    /// [`InsertTokenError::DigestTaken`] if the store already has a token of this digest. Then nothing is written.
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<Cap>) -> Result<(), InsertTokenError>;

    /// The token of `key`. Digests are compared byte for byte.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// The token of `key` as it is now. Only for a store whose [`find`](Self::find) returns tokens that [may be
    /// behind](Provenance::may_be_behind) does this differ from `find`. A strategy calls it before it refuses such a token.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find_latest(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        self.find(key).await
    }

    /// Sets `last_used_at` of the token of `key` to `at`, and its `expires_at`, if the token is still stored and has not
    /// expired at `at`. It never restores a removed token, and never revives an expired one.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError>;

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no access tokens of users with ids `{Id}` that it can list",
    label = "no store of access tokens that lists them",
    note = "a store is made for one type of ids: `SqliteAccessTokenStore<i64>`, for example; one that `user_store!` or `access_token_store!` defines has that of its table",
    note = "a store that cannot list is for `OpaqueStrategy::unlisted`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
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

/// A store that can replace the tokens of a log-in in one step, for refresh tokens and for JWTs that rotate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot rotate tokens of users with ids `{Id}`",
    label = "no `RotateTokens`",
    note = "refresh tokens and tracked JWTs need a store that replaces a generation in one step; every store of Portcullis does"
)]
#[async_trait]
pub trait RotateTokens<Id = Uuid>: AccessTokenIndex<Id> {
    /// If the generation of the token of `key` is `step.from`, and the token has not expired at `step.at`: sets the
    /// generation to the next number since `step.at`, and `last_used_at` to `step.at`, and moves `expires_at` to
    /// `step.keep_until`, but never past `absolute_expires_at`. Otherwise it changes nothing.
    ///
    /// Returns the token as it is afterwards, or `None` if there is none. It is one atomic operation: of parallel calls
    /// with one `from`, one alone makes the step.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The step may have been made.
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced<Id>>, StoreError>;
}

/// A store that keeps expired rows until they are purged.
#[async_trait]
pub trait PurgeExpired: Send + Sync {
    /// Removes at most `limit` rows that expired at or before `now`, and returns their number. Fewer than `limit` means
    /// that none is left.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError>;
}

/// The reason that a token or a session was not inserted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsertTokenError {
    /// The store already has one of this digest.
    #[error("the digest is taken")]
    DigestTaken,
    /// The user does not exist. Only a store with a foreign key to the users can tell.
    #[error("the user does not exist")]
    UnknownUser,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn row() -> AccessToken<u32> {
        let subject = Subject::new(7, 3);
        let mut row = AccessToken::new(TokenId::generate(), TokenDigest::new("token"), subject, START);
        row.absolute_expires_at = Some(START + Duration::days(30));
        row.expires_at = Some(START + Duration::days(14));
        row
    }

    /// The suite of a store compares with this method, so its own test writes the expected row out.
    #[test]
    fn a_step_replaces_its_generation_and_moves_the_end_within_the_absolute_limit() {
        let at = START + Duration::days(1);
        for (kind, until, end) in [
            (TokenKind::Access, None, START + Duration::days(14)),
            (
                TokenKind::Refresh,
                Some(START + Duration::days(15)),
                START + Duration::days(15),
            ),
            (
                TokenKind::Refresh,
                Some(START + Duration::days(31)),
                START + Duration::days(30),
            ),
        ] {
            let mut step = Advance::new(kind, 0, at);
            step.keep_until = until;
            let mut expected = row();
            let advanced = expected.advanced(&step).expect("it is made");
            let next = Generation::new(1, Some(at));
            match kind {
                TokenKind::Access => expected.access_generation = next,
                TokenKind::Refresh => expected.refresh_generation = next,
            }
            (expected.last_used_at, expected.expires_at) = (at, Some(end));
            assert_eq!(advanced, expected);
        }
    }

    #[test]
    fn no_step_is_made_from_another_generation_or_of_an_expired_log_in() {
        let late = START + Duration::days(14);
        for step in [
            Advance::new(TokenKind::Access, 1, START),
            Advance::new(TokenKind::Refresh, -1, START),
            Advance::new(TokenKind::Refresh, 0, late),
        ] {
            assert_eq!(row().advanced(&step), None, "{step:?}");
        }
    }

    #[test]
    fn a_log_in_is_over_at_its_absolute_limit_or_a_minute_after_its_present_end() {
        let row = row();
        let end = START + Duration::days(14);
        for (now, is_over) in [
            (end, false),
            (end + Duration::MINUTE - Duration::MILLISECOND, false),
            (end + Duration::MINUTE, true),
        ] {
            assert_eq!(row.is_over(now), is_over, "{now}");
        }
        let mut full = row.clone();
        full.expires_at = full.absolute_expires_at;
        assert!(full.is_over(START + Duration::days(30)));
        full.absolute_expires_at = None;
        assert!(!full.is_over(START + Duration::days(30)));
        full.expires_at = None;
        assert!(!full.is_over(START + Duration::days(40_000)));
    }
}
