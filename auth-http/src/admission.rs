//! The checks that every way to log in makes.

use std::future::Future;

use auth_core::{Clock, Profile, StoreError, User, UserId};
use auth_users::{Audit, AuditEvent, EventKind, Identified, Intent, Origin, UserManager, VetoError};

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
    pub(crate) fn why(&self) -> &'static str {
        match self {
            Self::UserGone => "user_gone",
            Self::Inactive => "inactive",
            Self::NotVerified => "not_verified",
            Self::Ended | Self::EndedMeanwhile => "credentials_ended",
            Self::Veto(VetoError::Refused(_)) => "vetoed",
            Self::Http(HttpError::Forbidden) => "acting",
            Self::Http(HttpError::Unauthorized { .. }) => "credentials_ended",
            Self::Http(HttpError::NotFound) => "not_found",
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

/// A log-in, as it is told.
pub(crate) struct Attempt<'a, Id> {
    pub(crate) audit: &'a Audit<Id>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) user: &'a Id,
    pub(crate) origin: &'a Origin<Id>,
}

impl<Id: UserId> Attempt<'_, Id> {
    /// Waits for the last step of it, tells how that ends, and returns the answer.
    pub(crate) async fn conclude<T>(
        &self,
        step: impl Future<Output = Result<T, NotLoggedIn>>,
    ) -> Result<T, HttpError> {
        let done = self.go_on(step).await?;
        self.tell(EventKind::LoggedIn, None);
        Ok(done)
    }

    /// Waits for a step of it that is not the last, and tells it if that fails.
    pub(crate) async fn go_on<T>(
        &self,
        step: impl Future<Output = Result<T, NotLoggedIn>>,
    ) -> Result<T, HttpError> {
        let abandoned = EventKind::LogInRefused { why: "abandoned" };
        let step = self.audit.attended(abandoned, Some(self.user), self.origin, step);
        step.await.map_err(|error| {
            let note = match &error {
                NotLoggedIn::Veto(VetoError::Refused(message)) => Some(message.clone()),
                _ => None,
            };
            self.tell(EventKind::LogInRefused { why: error.why() }, note);
            error.into()
        })
    }

    fn tell(&self, kind: EventKind, note: Option<String>) {
        let mut event = AuditEvent::new(kind, self.clock.now()).of(Some(self.user), self.origin);
        event.note = note;
        self.audit.tell(event);
    }
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
    let found = users.store().find_latest(&user.id).await?;
    let user = found.ok_or(NotLoggedIn::UserGone)?;
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
