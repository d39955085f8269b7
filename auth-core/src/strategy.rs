//! Strategies: they issue and read credentials.

use std::num::NonZeroU32;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    AccessTokenIndex, Cap, ClientInfo, InsertTokenError, LoadedUser, Rejection, Scope, StoreError, TokenId,
    TokenKind, TokenLookup, User,
};

/// How many log-ins a user can have at a backend, unless the strategy is told another number: 1,000.
///
/// That is more than people have, and few enough that a list of them does not hold up the store.
pub const DEFAULT_CAP: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

/// The user that a credential is for, and the security epoch under which it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject<Id = Uuid> {
    /// The user's id.
    pub user_id: Id,
    /// The user's security epoch.
    pub epoch: i64,
}

impl<Id> Subject<Id> {
    /// The user of `user_id` at `epoch`, as a store or a credential has them. That of a [`User`] is `Subject::from(&user)`.
    #[must_use]
    pub fn new(user_id: Id, epoch: i64) -> Self {
        Self { user_id, epoch }
    }
}

impl<Id: Clone, P> From<&User<Id, P>> for Subject<Id> {
    fn from(user: &User<Id, P>) -> Self {
        Self {
            user_id: user.id.clone(),
            epoch: user.security_epoch,
        }
    }
}

/// A log-in, for which a strategy issues tokens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewLogIn<'a, Id = Uuid> {
    /// The name of the backend through which the user logs in. Its tokens are for this audience alone.
    pub audience: &'a str,
    /// The user, and the epoch that the tokens record.
    pub subject: &'a Subject<Id>,
    /// The client.
    pub client: &'a ClientInfo,
    /// The id of another user who logs in as this one, as text.
    pub actor: Option<&'a str>,
    /// The instant at which the log-in ends at the latest, if that is earlier than the strategy's own limit.
    pub ends_at: Option<OffsetDateTime>,
    /// The log-in that this one replaces. It does not count for a cap. Whoever sets it [ends](ReplaceStrategy::end) it
    /// afterwards.
    pub replaces: Option<&'a TokenLookup>,
}

impl<'a, Id> NewLogIn<'a, Id> {
    /// A log-in of `subject` through the backend called `audience`.
    #[must_use]
    pub fn new(audience: &'a str, subject: &'a Subject<Id>, client: &'a ClientInfo) -> Self {
        Self {
            audience,
            subject,
            client,
            actor: None,
            ends_at: None,
            replaces: None,
        }
    }

    /// The cap of `most` log-ins for the insertion of this one, which does not count the one that it replaces.
    #[must_use]
    pub fn under(&self, most: Option<NonZeroU32>) -> Option<Cap> {
        let cap = Cap::new(most?);
        Some(match self.replaces {
            Some(log_in) => cap.not_counting(log_in.digest),
            None => cap,
        })
    }

    /// `end`, or the end of this log-in if that is earlier.
    #[must_use]
    pub fn bounded(&self, end: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
        match (self.ends_at, end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// The tokens of one log-in, at the only moment at which their secrets are known.
#[derive(Debug)]
#[non_exhaustive]
pub struct Issued {
    /// The client presents this one with each request.
    pub access: IssuedToken,
    /// The client exchanges this one for the next pair, if the strategy has such tokens.
    pub refresh: Option<IssuedToken>,
}

impl Issued {
    /// A log-in without a refresh token.
    #[must_use]
    pub fn new(access: IssuedToken) -> Self {
        Self {
            access,
            refresh: None,
        }
    }

    /// The same log-in, with this refresh token.
    #[must_use]
    pub fn with_refresh(mut self, refresh: IssuedToken) -> Self {
        self.refresh = Some(refresh);
        self
    }
}

/// A token that was just issued.
#[derive(Debug)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The string that the client presents.
    pub secret: SecretString,
    /// When it is handed to the client, which counts its lifetime from then (RFC 6749 §5.1). A token can be handed out more
    /// than once.
    pub issued_at: OffsetDateTime,
    /// The first instant at which it is no longer valid. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
}

impl IssuedToken {
    /// A token that is handed out at `issued_at`, and valid until just before `expires_at`.
    #[must_use]
    pub fn new(secret: SecretString, issued_at: OffsetDateTime, expires_at: Option<OffsetDateTime>) -> Self {
        Self {
            secret,
            issued_at,
            expires_at,
        }
    }
}

/// A credential that was read and found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credential<Id = Uuid> {
    /// The user that it was issued for, and the epoch.
    pub subject: Subject<Id>,
    /// The credential's public id, if it has one.
    pub id: Option<TokenId>,
    /// When it was issued, if it says so.
    pub issued_at: Option<OffsetDateTime>,
    /// The first instant at which it is no longer valid. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
    /// The id of the user who logged in as this user, as text. `None` if the user did.
    pub actor: Option<String>,
    /// What a JWT says that the user had permission for at its issue, for services that do not load the user. Others ask
    /// the user's [roles](crate::Roles).
    pub scope: Scope,
    /// True if the answer should carry the next token: see [`RotateStrategy`].
    pub rotation_due: bool,
    /// The user, if the store of the log-in read it in the same look-up. [`admit`](crate::admit) takes it from here.
    pub loaded_user: Option<LoadedUser>,
}

impl<Id> Credential<Id> {
    /// A credential of `subject` that has no id and no dates. The fields are public: set those that are known.
    #[must_use]
    pub fn new(subject: Subject<Id>) -> Self {
        Self {
            subject,
            id: None,
            issued_at: None,
            expires_at: None,
            actor: None,
            scope: Scope::default(),
            rotation_due: false,
            loaded_user: None,
        }
    }
}

/// Why a credential was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not valid; the reason is for the log.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// The store did not answer, so it is not known whether it is valid.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<Rejection> for ReadError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Why a credential was not issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The user was deleted meanwhile.
    #[error("the user does not exist")]
    UnknownUser,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<InsertTokenError> for IssueError {
    fn from(error: InsertTokenError) -> Self {
        match error {
            InsertTokenError::UnknownUser => Self::UnknownUser,
            InsertTokenError::Store(error) => Self::Unavailable(error),
            // 256 random bits do not meet by chance: the generator is broken, and nothing must be issued.
            error @ InsertTokenError::DigestTaken => {
                Self::Unavailable(StoreError::internal("access tokens", error))
            }
        }
    }
}

/// A way to issue and read credentials.
///
/// A strategy answers for the credential alone. [`admit`](crate::admit) loads the user and compares the
/// epoch, in every strategy alike.
///
/// # Security
/// Each method is told the `audience`: the name of the backend that issues, or that a request presents the credential
/// to. A credential must be valid for the audience that it was issued for and for no other. Otherwise the token in a
/// cookie would also be good in an `Authorization` header, past the check against cross-site requests.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no strategy for users with ids `{Id}`",
    label = "issues and reads no credentials of such users",
    note = "ready ones are `OpaqueStrategy` and `TrackedJwtStrategy`, over any store of access tokens, and `JwtStrategy`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Strategy<Id = Uuid>: Send + Sync {
    /// Issues the tokens of a log-in, for its audience, and records the epoch of its subject.
    ///
    /// # Errors
    /// [`IssueError::UnknownUser`] if the user was deleted meanwhile, [`IssueError::Unavailable`] if the store does
    /// not answer.
    async fn issue(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError>;

    /// Reads a credential that was `presented` to `audience`. Exactly the issued string is valid. It may write: note
    /// that the credential was used, and delete one that has expired.
    ///
    /// # Errors
    /// [`ReadError::Rejected`] if it is not valid, [`ReadError::Unavailable`] if the store does not answer.
    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// The same past what the process remembers of the credential: for a change that outlives whatever is remembered. A strategy
    /// that looks nothing up has nothing else to ask.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    async fn read_latest(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.read(audience, presented).await
    }
}

/// A strategy whose credentials can be revoked, at once: one by one, or all that a user has.
///
/// A strategy that cannot do so does not implement it. A plain JWT is an example: no store knows of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot revoke a credential of a user with an id `{Id}`",
    label = "cannot revoke",
    note = "a plain JWT lives until it expires, whatever a log-out says: if that is meant, use `AuthBackend::stateless`",
    note = "credentials that a log-out ends are those of `OpaqueStrategy` and of `TrackedJwtStrategy`",
    note = "a store is no strategy: `OpaqueStrategy::new(Arc::new(store), lifetime)` is one",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait RevocableStrategy<Id = Uuid>: Strategy<Id> {
    /// Revokes a credential that was `presented` to `audience`. Once this has returned, the credential is rejected
    /// everywhere. One that was issued for another audience stays valid there.
    ///
    /// # Security
    /// A credential that was invalid before ends nothing. Otherwise whoever finds an old one could log its user out.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: the credential may still be valid.
    async fn revoke(&self, audience: &str, presented: &str) -> Result<(), StoreError>;

    /// Revokes every credential of the user, whatever its audience and epoch, and leaves nothing of them in the store. A
    /// credential that is issued at the same time may survive: its issuer reads the user again afterwards.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: some of the credentials may still be valid. It is safe to call again.
    async fn revoke_all(&self, user_id: &Id) -> Result<(), StoreError>;

    /// Its further abilities. [`Abilities::none`] if it has none.
    fn abilities(&self) -> Abilities<'_, Id>;
}

/// The abilities that a strategy may have beside revocation. Begin with [`none`](Self::none), and set the fields.
#[non_exhaustive]
pub struct Abilities<'a, Id = Uuid> {
    /// It issues refresh tokens, and exchanges them.
    pub refresh: Option<&'a dyn RefreshStrategy<Id>>,
    /// It replaces access tokens while they are used.
    pub rotate: Option<&'a dyn RotateStrategy<Id>>,
    /// The store of its log-ins, which can list them.
    pub log_ins: Option<&'a dyn AccessTokenIndex<Id>>,
    /// A new log-in can replace the one that the client presents.
    pub replace: Option<&'a dyn ReplaceStrategy<Id>>,
    /// The audiences whose log-ins it accepts beside those of its backend: the old names of a backend that was renamed. A list
    /// of the log-ins in the same store shows them, too.
    pub also_accepts: Vec<&'a str>,
}

impl<Id> Abilities<'_, Id> {
    /// No further ability.
    #[must_use]
    pub fn none() -> Self {
        Self {
            refresh: None,
            rotate: None,
            log_ins: None,
            replace: None,
            also_accepts: Vec::new(),
        }
    }
}

/// A strategy with refresh tokens (RFC 6749 §1.5).
///
/// Each use replaces the token. Once the successor was issued, the replaced token yields the same successor for a grace,
/// because an answer can get lost, and a browser has several tabs. After that, its use is a sign of theft and ends the
/// log-in (RFC 9700 §4.14.2).
#[async_trait]
pub trait RefreshStrategy<Id = Uuid>: RevocableStrategy<Id> {
    /// The user, the epoch and the actor of a refresh token that was `presented` to `audience`, as far as this can be told
    /// without a store: that it was issued, and for whom. The token may have been used or revoked.
    ///
    /// # Errors
    /// [`Rejection`] if it was never issued for this audience.
    fn holder_of(&self, audience: &str, presented: &str) -> Result<Credential<Id>, Rejection>;

    /// Exchanges a refresh token for the next pair.
    ///
    /// # Security
    /// [`admit`](crate::admit) its [holder](Self::holder_of) first: neither user nor actor is checked here. So a request that must
    /// fail spends no token.
    ///
    /// # Errors
    /// [`ReadError::Rejected`] if the token is not valid; with [`Rejection::Reused`], the log-in has just ended.
    /// [`ReadError::Unavailable`] if the store does not answer: then the token may have been replaced, and yields its
    /// successor for the grace.
    async fn refresh(&self, audience: &str, presented: &str) -> Result<Issued, ReadError>;

    /// Ends the log-in of a refresh token that is valid, with every token that was issued for it.
    ///
    /// # Errors
    /// [`ReadError::Rejected`] if the token is not valid. It ends nothing then, unless it is [`Rejection::Reused`]: with
    /// that, the log-in has just ended as well. [`ReadError::Unavailable`] if the store does not answer: the log-in may go on.
    async fn end_by_refresh(&self, audience: &str, presented: &str) -> Result<(), ReadError>;
}

/// A strategy under a cap: a client that logs in again needs no second place, because its new log-in replaces the one that it
/// presents.
///
/// The caller asks for that log-in, names it in [`NewLogIn::replaces`], and ends it once the new one was handed out. So a log-in
/// that fails ends nothing.
#[async_trait]
pub trait ReplaceStrategy<Id = Uuid>: RevocableStrategy<Id> {
    /// The log-in of a token of this kind that was `presented` to `audience`: the one that
    /// [`revoke`](RevocableStrategy::revoke) or [`end_by_refresh`](RefreshStrategy::end_by_refresh) would end. `None` if the
    /// token is not valid. It changes nothing.
    ///
    /// The log-in may be gone, or another user's, as far as this can only be told by a look-up.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn replaceable(
        &self,
        audience: &str,
        kind: TokenKind,
        presented: &str,
    ) -> Result<Option<TokenLookup>, StoreError>;

    /// Ends a log-in that was [replaced](Self::replaceable), whatever has become of the token that was presented: otherwise one
    /// that is no longer valid by now would leave a log-in too many.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The log-in may go on.
    async fn end(&self, log_in: &TokenLookup) -> Result<(), StoreError>;
}

/// A strategy that replaces access tokens while they are used.
#[async_trait]
pub trait RotateStrategy<Id = Uuid>: Strategy<Id> {
    /// The successor of an access token that was `presented` to `audience`. Parallel calls yield the same one. The replaced
    /// token stays valid for a grace. `None` if it is not to be replaced yet.
    ///
    /// # Errors
    /// As for [`Strategy::read`].
    async fn rotate(&self, audience: &str, presented: &str) -> Result<Option<IssuedToken>, ReadError>;
}
