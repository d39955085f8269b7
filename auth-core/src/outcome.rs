//! The four outcomes of reading a credential.

use std::fmt;

use crate::{Credential, ReadError, StoreError, User, UserId, UserStore, user_id_from_text};

/// The outcome of reading a credential. `T` has the user who is logged in.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The credential is valid, and the user is active.
    Authenticated(T),
    /// No credential was presented.
    Anonymous,
    /// The presented credential is not valid. The reason is for the log, never for the client.
    Rejected(Rejection),
    /// A store did not answer, so it is unknown. This never means "not logged in".
    Unavailable(StoreError),
}

/// The reason that a credential is not valid, for logs. A client sees the same 401 for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// More than one credential of a kind was presented.
    Ambiguous,
    /// Its form is never issued.
    Malformed,
    /// The store does not have it: it was never issued, or was revoked or purged.
    Unknown,
    /// It has expired.
    Expired,
    /// It was replaced, too long ago to be a lost answer or a second tab. If it was a refresh token, its log-in has ended.
    Reused,
    /// It is not valid yet.
    NotYetValid,
    /// Its signature, key or algorithm is not accepted.
    BadSignature,
    /// A claim is missing, has the wrong type, or has the wrong value.
    BadClaim,
    /// It was issued under another security epoch.
    StaleEpoch,
    /// It was issued under an epoch that the user's row has not reached, because the row comes from a replica that lags.
    UnknownEpoch,
    /// Its user does not exist.
    UserGone,
    /// Its user is not active.
    UserInactive,
    /// It is that of somebody who logged in as its user, and who does not exist or is not active any more.
    ActorGone,
}

impl Rejection {
    /// A stable name for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Reused => "reused",
            Self::NotYetValid => "not_yet_valid",
            Self::BadSignature => "bad_signature",
            Self::BadClaim => "bad_claim",
            Self::StaleEpoch => "stale_epoch",
            Self::UnknownEpoch => "unknown_epoch",
            Self::UserGone => "user_gone",
            Self::UserInactive => "user_inactive",
            Self::ActorGone => "actor_gone",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Loads the user of a credential that a strategy has `read`, and makes the checks of every strategy: the user exists,
/// is active, and has the epoch under which the credential was issued. If somebody else logged in as the user, that one
/// must exist and be active, too, which takes another look-up.
///
/// It never returns [`Outcome::Anonymous`].
pub async fn admit<Id: UserId, P>(
    users: &dyn UserStore<Id, P>,
    read: Result<Credential<Id>, ReadError>,
) -> Outcome<(User<Id, P>, Credential<Id>)> {
    admit_by(users, read, false).await
}

/// The same with the user [as stored now](UserStore::find_latest), for a change that outlives whatever a cache remembers. Let
/// [`Strategy::read_latest`](crate::Strategy::read_latest) read the credential.
pub async fn admit_latest<Id: UserId, P>(
    users: &dyn UserStore<Id, P>,
    read: Result<Credential<Id>, ReadError>,
) -> Outcome<(User<Id, P>, Credential<Id>)> {
    admit_by(users, read, true).await
}

async fn admit_by<Id: UserId, P>(
    users: &dyn UserStore<Id, P>,
    read: Result<Credential<Id>, ReadError>,
    is_latest: bool,
) -> Outcome<(User<Id, P>, Credential<Id>)> {
    let mut credential = match read {
        Ok(credential) => credential,
        Err(ReadError::Rejected(rejection)) => return Outcome::Rejected(rejection),
        Err(ReadError::Unavailable(error)) => return Outcome::Unavailable(error),
    };
    let (id, epoch) = (&credential.subject.user_id, credential.subject.epoch);
    let loaded = credential.loaded_user.take().filter(|_user| !is_latest);
    let mut found = match loaded.and_then(|user| users.accept_loaded(user, id)) {
        Some(user) => Ok(Some(user)),
        None => look_up(users, id, is_latest).await,
    };
    // The credential was issued to a later state of the user: a cache is behind.
    if found
        .as_ref()
        .is_ok_and(|user| user.as_ref().is_some_and(|user| user.security_epoch < epoch))
    {
        found = users.find_latest(id).await;
    }
    match found {
        Err(error) => Outcome::Unavailable(error),
        Ok(None) => Outcome::Rejected(Rejection::UserGone),
        Ok(Some(user)) if user.security_epoch > credential.subject.epoch => {
            Outcome::Rejected(Rejection::StaleEpoch)
        }
        Ok(Some(user)) if user.security_epoch < credential.subject.epoch => {
            Outcome::Rejected(Rejection::UnknownEpoch)
        }
        Ok(Some(user)) if !user.is_active => Outcome::Rejected(Rejection::UserInactive),
        Ok(Some(user)) => match may_act(users, credential.actor.as_deref(), is_latest).await {
            Err(error) => Outcome::Unavailable(error),
            Ok(false) => Outcome::Rejected(Rejection::ActorGone),
            Ok(true) => Outcome::Authenticated((user, credential)),
        },
    }
}

/// True if there is no `actor`, or an active one.
async fn may_act<Id: UserId, P>(
    users: &dyn UserStore<Id, P>,
    actor: Option<&str>,
    is_latest: bool,
) -> Result<bool, StoreError> {
    let Some(actor) = actor else {
        return Ok(true);
    };
    let Some(id) = user_id_from_text(actor) else {
        return Ok(false);
    };
    let found = look_up(users, &id, is_latest).await?;
    Ok(found.is_some_and(|actor| actor.is_active))
}

async fn look_up<Id: UserId, P>(
    users: &dyn UserStore<Id, P>,
    id: &Id,
    is_latest: bool,
) -> Result<Option<User<Id, P>>, StoreError> {
    match is_latest {
        true => users.find_latest(id).await,
        false => users.find(id).await,
    }
}
