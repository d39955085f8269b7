//! How a credential is made and read.

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{ClientInfo, Rejection, StoreError, TokenId, User};

/// Whom a credential is for, under which security epoch.
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

/// A credential that was just issued: the only moment at which its secret is known.
#[derive(Debug)]
pub struct IssuedToken {
    /// What the client presents from now on.
    pub secret: SecretString,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// The first instant at which it is no longer valid; `None` for ever.
    pub expires_at: Option<OffsetDateTime>,
}

/// What a valid credential says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<Id = Uuid> {
    /// Whom it was issued for.
    pub subject: Subject<Id>,
    /// The credential's public id, where it has one.
    pub id: Option<TokenId>,
    /// When it was issued, where it says so.
    pub issued_at: Option<OffsetDateTime>,
    /// The first instant at which it is no longer valid; `None` for ever.
    pub expires_at: Option<OffsetDateTime>,
}

/// Why a credential was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not valid; the reason is for the log.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// The store did not answer, so nobody knows.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no strategy for users with ids `{Id}`",
    label = "issues and reads no credentials of such users",
    note = "ready ones are `OpaqueStrategy`, over any store of access tokens, and `JwtStrategy`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait Strategy<Id = Uuid>: Send + Sync {
    /// Issues a credential for `subject`, recording its epoch.
    ///
    /// # Errors
    /// [`IssueError::UnknownUser`] if the user was deleted meanwhile, [`IssueError::Unavailable`] if the store does
    /// not answer.
    async fn issue(&self, subject: &Subject<Id>, client: &ClientInfo) -> Result<IssuedToken, IssueError>;

    /// Reads a `presented` credential. Exactly the issued string is valid. It may write: [`OpaqueStrategy`] deletes a
    /// token that has expired, and may note when one is used.
    ///
    /// [`OpaqueStrategy`]: crate::OpaqueStrategy
    ///
    /// # Errors
    /// [`ReadError::Rejected`] if it is not valid, [`ReadError::Unavailable`] if the store does not answer.
    async fn read(&self, presented: &str) -> Result<Credential<Id>, ReadError>; // Needs `#[portcullis::async_trait]` above the `impl`.
}

/// A strategy whose credentials can be revoked, at once: one by one, or all that a user has.
///
/// A strategy that cannot (a JWT which nobody keeps track of) does not implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot revoke a credential of a user with an id `{Id}`",
    label = "cannot revoke",
    note = "a plain JWT lives until it expires, whatever a log-out says: if that is meant, use `AuthBackend::stateless`",
    note = "credentials that a log-out ends are those of `OpaqueStrategy`",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait RevocableStrategy<Id = Uuid>: Strategy<Id> {
    /// Revokes a `presented` credential. Once it returned, the credential is rejected everywhere.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: the credential may still be valid.
    async fn revoke(&self, presented: &str) -> Result<(), StoreError>;

    /// Revokes every credential of the user, whatever its epoch, and leaves nothing of them in the store. A credential that
    /// is issued at the same time may survive: whoever issues it looks at the user afterwards.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: some of the credentials may still be valid. It is safe to call again.
    async fn revoke_all(&self, user_id: &Id) -> Result<(), StoreError>;
}
