//! The checks that every way to log in makes.

use auth_core::{Profile, StoreError, User, UserId};
use auth_users::{Audit, AuditEvent, EventKind, Identified, Intent, Origin, UserManager, VetoError};
use time::OffsetDateTime;

use crate::{ErrorCode, HttpError};

/// The reason that somebody who was identified is not logged in.
#[derive(Debug)]
pub(crate) enum NotLoggedIn {
    UserGone,
    Inactive,
    NotVerified,
    /// The credentials that identified the user were ended.
    Ended,
    /// All credentials of the user were ended while the new one was issued.
    EndedMeanwhile,
    Veto(VetoError),
    Http(HttpError),
}

impl From<HttpError> for NotLoggedIn {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<StoreError> for NotLoggedIn {
    fn from(error: StoreError) -> Self {
        Self::Http(error.into())
    }
}

impl From<NotLoggedIn> for HttpError {
    fn from(error: NotLoggedIn) -> Self {
        match error {
            NotLoggedIn::UserGone | NotLoggedIn::Inactive | NotLoggedIn::Ended => {
                Self::Code(ErrorCode::LoginBadCredentials)
            }
            NotLoggedIn::NotVerified => Self::Code(ErrorCode::LoginUserNotVerified),
            NotLoggedIn::EndedMeanwhile => {
                let problem = "the user's credentials were ended during the log-in";
                StoreError::contention("users", problem).into()
            }
            NotLoggedIn::Veto(error) => error.into(),
            NotLoggedIn::Http(error) => error,
        }
    }
}

impl NotLoggedIn {
    fn why(&self) -> &'static str {
        match self {
            Self::UserGone => "user_gone",
            Self::Inactive => "inactive",
            Self::NotVerified => "not_verified",
            Self::Ended | Self::EndedMeanwhile => "credentials_ended",
            Self::Veto(VetoError::Refused(_)) => "vetoed",
            Self::Http(HttpError::Forbidden) => "acting",
            Self::Http(HttpError::Unauthorized { .. }) => "credentials_ended",
            Self::Http(HttpError::Conflict) => "conflict",
            Self::Http(HttpError::PayloadTooLarge) => "too_large",
            Self::Veto(_) | Self::Http(HttpError::Unavailable(_)) => "unavailable",
            Self::Http(_) => "internal",
        }
    }
}

/// A proof to which the [`Veto`](auth_users::Veto) has consented. Nothing is issued without one.
pub(crate) struct Cleared<Id, P>(Identified<Id, P>);

impl<Id, P> Cleared<Id, P> {
    pub(crate) fn proof(&self) -> &Identified<Id, P> {
        &self.0
    }

    /// As [`Identified::renewed`].
    pub(crate) fn renewed(self, stored: User<Id, P>) -> Option<Self> {
        self.0.renewed(stored).map(Self)
    }
}

/// The proof, if the veto consents.
pub(crate) async fn cleared<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    identified: Identified<Id, P>,
    origin: &Origin<Id>,
) -> Result<Cleared<Id, P>, NotLoggedIn> {
    let users = users.with_origin(origin.clone());
    let asked = users.ask_veto(Intent::log_in(identified.user())).await;
    asked.map_err(NotLoggedIn::Veto)?;
    Ok(Cleared(identified))
}

/// Tells how the log-in of `user` ended, and returns the answer.
pub(crate) fn conclude<Id: UserId, T>(
    audit: &Audit<Id>,
    (user, at): (&Id, OffsetDateTime),
    origin: &Origin<Id>,
    outcome: Result<T, NotLoggedIn>,
) -> Result<T, HttpError> {
    let (kind, note) = match &outcome {
        Ok(_) => (EventKind::LoggedIn, None),
        Err(error) => {
            let note = match error {
                NotLoggedIn::Veto(VetoError::Refused(message)) => Some(message.clone()),
                _ => None,
            };
            (EventKind::LogInRefused { why: error.why() }, note)
        }
    };
    let mut event = AuditEvent::new(kind, at).of(Some(user), origin);
    event.note = note;
    audit.tell(event);
    outcome.map_err(HttpError::from)
}

/// The proof, of the user as stored now, if it still holds and the user may log in.
pub(crate) async fn still_identified<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    identified: Identified<Id, P>,
) -> Result<Identified<Id, P>, NotLoggedIn> {
    let stored = as_stored(users, identified.user()).await?;
    identified.renewed(stored).ok_or(NotLoggedIn::Ended)
}

/// `user` as it is stored now, if it may log in.
pub(crate) async fn as_stored<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    user: &User<Id, P>,
) -> Result<User<Id, P>, NotLoggedIn> {
    let user = users.find(&user.id).await?.ok_or(NotLoggedIn::UserGone)?;
    may_log_in(users, &user)?;
    Ok(user)
}

pub(crate) fn may_log_in<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    user: &User<Id, P>,
) -> Result<(), NotLoggedIn> {
    if !user.is_active {
        return Err(NotLoggedIn::Inactive);
    }
    if users.requires_verification() && !user.is_verified {
        return Err(NotLoggedIn::NotVerified);
    }
    Ok(())
}
