//! Strategies: they issue and read credentials.

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{ClientInfo, Rejection, StoreError, TokenId, User};

/// The user that a credential is for, and the security epoch under which it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<Id = Uuid> {
    /// The user's id.
    pub user_id: Id,
    /// The user's security epoch.
    pub epoch: i64,
}

impl<Id: Clone, P> From<&User<Id, P>> for Subject<Id> {
    fn from(user: &User<Id, P>) -> Self {
        Self {
            user_id: user.id.clone(),
            epoch: user.security_epoch,
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
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// The first instant at which it is no longer valid. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
}

impl IssuedToken {
    /// A token that is valid from `issued_at` until just before `expires_at`.
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
pub enum IssueError {
    /// The user was deleted meanwhile.
    #[error("the user does not exist")]
    UnknownUser,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
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
    note = "ready ones are `OpaqueStrategy`, over any store of access tokens, and `JwtStrategy`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Strategy<Id = Uuid>: Send + Sync {
    /// Issues a credential to `subject` for `audience`, and records the epoch of `subject`.
    ///
    /// # Errors
    /// [`IssueError::UnknownUser`] if the user was deleted meanwhile, [`IssueError::Unavailable`] if the store does
    /// not answer.
    async fn issue(
        &self,
        audience: &str,
        subject: &Subject<Id>,
        client: &ClientInfo,
    ) -> Result<Issued, IssueError>;

    /// Reads a credential that was `presented` to `audience`. Exactly the issued string is valid. It may write:
    /// [`OpaqueStrategy`] deletes a token that has expired, and may note when one is used.
    ///
    /// [`OpaqueStrategy`]: crate::OpaqueStrategy
    ///
    /// # Errors
    /// [`ReadError::Rejected`] if it is not valid, [`ReadError::Unavailable`] if the store does not answer.
    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// A strategy whose credentials can be revoked, at once: one by one, or all that a user has.
///
/// A strategy that cannot do so does not implement it. A plain JWT is an example: no store knows of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot revoke a credential of a user with an id `{Id}`",
    label = "cannot revoke",
    note = "a plain JWT lives until it expires, whatever a log-out says: if that is meant, use `AuthBackend::stateless`",
    note = "credentials that a log-out ends are those of `OpaqueStrategy`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait RevocableStrategy<Id = Uuid>: Strategy<Id> {
    /// Revokes a credential that was `presented` to `audience`. Once this has returned, the credential is rejected
    /// everywhere. One that was issued for another audience stays valid there.
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
}
