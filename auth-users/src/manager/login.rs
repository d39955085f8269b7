use std::net::IpAddr;

use auth_core::{Profile, SecretString, StoreError, UpdateUserError, User, UserId};

use super::{UserManager, outcome::Reason};
use crate::{EventKind, HashQueue, Identified, LOG, Origin, PasswordCheck};

/// The reason that a log-in was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// E-mail and password are not those of an active user. The reason is for the log, never for the client.
    #[error("bad credentials: {}", .0.name())]
    BadCredentials(BadCredentials),
    /// The password is right, but verification is required and the e-mail is not verified.
    #[error("the e-mail is not verified")]
    NotVerified,
    /// The store or the hasher did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// The problem with the credentials, for logs. A client sees the same answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadCredentials {
    /// There is no user with this e-mail, or the lookup found none.
    UnknownUser,
    /// The password does not match.
    WrongPassword,
    /// The user has no password.
    NoPassword,
    /// The stored hash cannot be verified.
    UnusableHash,
    /// The password matches, but the user is not active.
    Inactive,
}

impl BadCredentials {
    /// A stable name for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::UnusableHash => "unusable_hash",
            Self::Inactive => "inactive",
        }
    }
}

impl Reason for AuthenticateError {
    fn why(&self) -> &'static str {
        match self {
            Self::BadCredentials(why) => why.name(),
            Self::NotVerified => "not_verified",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Identifies the active user whose e-mail is `username`, in any case, and whose password is `password`. A
    /// [`UserLookup`](crate::UserLookup) can find users by something else than the e-mail.
    ///
    /// It costs one hash, whether there is such a user or not, and one more if the stored hash has another scheme or
    /// cost and is replaced. It issues no credential. If you issue one by yourself, [`ask_veto`](Self::ask_veto) before, and
    /// call [`logged_in`](Self::logged_in) afterwards.
    ///
    /// # Errors
    /// [`AuthenticateError`]. Failing to upgrade an old hash is not an error.
    pub async fn authenticate(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<Identified<Id, P>, AuthenticateError> {
        self.authenticate_from(None, username, password).await
    }

    /// Does the same as [`authenticate`](Self::authenticate), for a client at the address `client`. The event of a refusal names it.
    ///
    /// # Security
    /// Take the address from `Auth::client` of `auth-actix`, or `Endpoints::client` of `auth-http`, and not from `X-Forwarded-For`:
    /// a client can send any.
    ///
    /// # Errors
    /// As for [`authenticate`](Self::authenticate).
    pub async fn authenticate_from(
        &self,
        client: Option<IpAddr>,
        username: &str,
        password: &SecretString,
    ) -> Result<Identified<Id, P>, AuthenticateError> {
        let (mut found, origin) = (None, self.origin());
        let client = client.or(origin.client);
        let origin = origin.from_client(client);
        let refused = |why| EventKind::LogInRefused { why };
        let checked = self.check_log_in(username, password, &mut found);
        let checked = self
            .audit
            .attended(refused("abandoned"), None, &origin, checked)
            .await;
        if let Err(error) = &checked {
            // What was typed is not told, because people type passwords there.
            self.audit.record(refused(error.why()), found.as_ref(), &origin);
        }
        checked.map(Identified::by_proof)
    }

    /// Takes the application's own word that `user` is the one who logs in: after an invitation, for example, or
    /// a check that this library does not know.
    ///
    /// # Security
    /// Nothing is checked here. Call it only if the request itself has shown who sent it. The log-in reads the user
    /// again, so `user` may be one that was read before [`log_out_everywhere`](Self::log_out_everywhere).
    #[must_use]
    pub fn identify_without_proof(&self, user: User<Id, P>) -> Identified<Id, P> {
        Identified::without_proof(user)
    }

    /// The user who may log in. If there is one who may not, their id is left in `found`.
    async fn check_log_in(
        &self,
        username: &str,
        password: &SecretString,
        found: &mut Option<Id>,
    ) -> Result<User<Id, P>, AuthenticateError> {
        let user = self.find_typed(username).await?;
        *found = user.as_ref().map(|user| user.id.clone());
        let stored = user.as_ref().and_then(|user| user.password_hash.as_ref());
        let verdict = self
            .hasher
            .in_queue(HashQueue::LogIn)
            .verify(password, stored)
            .await?;
        let refused = |why| Err(AuthenticateError::BadCredentials(why));
        let Some(user) = user else {
            return refused(BadCredentials::UnknownUser);
        };
        match verdict {
            PasswordCheck::Mismatch if user.password_hash.is_none() => {
                return refused(BadCredentials::NoPassword);
            }
            PasswordCheck::Mismatch => return refused(BadCredentials::WrongPassword),
            PasswordCheck::Unusable(problem) => {
                tracing::warn!(
                    target: LOG,
                    user = ?user.id, %problem, "a stored password hash cannot be verified"
                );
                return refused(BadCredentials::UnusableHash);
            }
            PasswordCheck::Match | PasswordCheck::MatchNeedsRehash => {}
        }
        if !user.is_active {
            return refused(BadCredentials::Inactive);
        }
        if self.requires_verification && !user.is_verified {
            return Err(AuthenticateError::NotVerified);
        }
        // If other log-ins wait, skip the upgrade. The next log-in can do it.
        if verdict == PasswordCheck::MatchNeedsRehash && self.hasher.hashes_waiting() == 0 {
            return Ok(self.upgrade_hash(user, password).await);
        }
        Ok(user)
    }

    /// Tells that the user of `identified` has logged in by a credential that the caller has issued, once nothing can fail any
    /// more. The HTTP layer does that for its own log-ins.
    pub fn logged_in(&self, identified: &Identified<Id, P>) {
        let origin = Origin {
            actor: identified.actor().cloned(),
            ..self.origin()
        };
        let user = Some(&identified.user().id);
        self.audit.record(EventKind::LoggedIn, user, &origin);
    }

    /// Replaces the hash by one with today's parameters, and returns the user as stored. If another write came first,
    /// that one wins: it may have set another password.
    async fn upgrade_hash(&self, user: User<Id, P>, password: &SecretString) -> User<Id, P> {
        let mut upgraded = user.clone();
        let written = match self.hasher.in_queue(HashQueue::LogIn).hash(password).await {
            Ok(hash) => {
                upgraded.password_hash = Some(hash);
                self.write(&mut upgraded).await
            }
            Err(error) => Err(UpdateUserError::Store(error)),
        };
        match written {
            Ok(()) => {
                tracing::info!(target: LOG, user = ?user.id, "the password hash was replaced");
                upgraded
            }
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(
                    target: LOG,
                    user = ?user.id, ?problem, "the password hash was not replaced"
                );
                user
            }
        }
    }
}
