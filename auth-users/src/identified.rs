//! The proof of a user's identity at a log-in.

use std::fmt;

use auth_core::{Lifetime, User};
use time::OffsetDateTime;
use uuid::Uuid;

/// The limit of a log-in by somebody else, by default.
const ACTING_LIMIT: time::Duration = time::Duration::HOUR;

/// The proof of a user's identity at a log-in. Only a [`UserManager`](crate::UserManager) makes one, for example after
/// it has checked a password. A log-in consumes it.
///
/// # Security
/// If the user's credentials are ended between the proof and the log-in, for example by a change of the password, the
/// log-in is refused. Keep no proof for longer than one request.
pub struct Identified<Id = Uuid, P = ()> {
    user: User<Id, P>,
    bound: bool,
    label: Option<String>,
    actor: Option<Id>,
    limit: Option<Limit>,
}

/// When a log-in ends at the latest.
#[derive(Clone, Copy)]
enum Limit {
    After(Lifetime),
    At(OffsetDateTime),
}

impl<Id, P> Identified<Id, P> {
    /// A proof of `user` by something that is valid under the present epoch.
    pub(crate) fn by_proof(user: User<Id, P>) -> Self {
        Self {
            bound: true,
            ..Self::without_proof(user)
        }
    }

    /// A proof on the word of the application, whatever happened to the credentials since `user` was read.
    pub(crate) fn without_proof(user: User<Id, P>) -> Self {
        Self {
            user,
            bound: false,
            label: None,
            actor: None,
            limit: None,
        }
    }

    /// The user, as read when the proof was made.
    #[must_use]
    pub fn user(&self) -> &User<Id, P> {
        &self.user
    }

    /// The user, without the proof.
    #[must_use]
    pub fn into_user(self) -> User<Id, P> {
        self.user
    }

    /// The same proof, of the user as `stored` now. `None` if it does not hold any more: the credentials that made it were ended.
    #[must_use]
    pub fn renewed(self, stored: User<Id, P>) -> Option<Self> {
        let holds = !self.bound || stored.security_epoch == self.user.security_epoch;
        holds.then_some(Self { user: stored, ..self })
    }

    /// Sets the name of the log-in in the list of the user's log-ins, for example the user's device.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The name of the log-in in the list of the user's log-ins.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Marks it as a log-in by somebody else: `actor` is the id of the user who acts as this one, such as an
    /// administrator who looks into a problem of the user.
    ///
    /// The mark is in the stored log-in, in [`Credential::actor`](auth_core::Credential::actor) of each of its requests,
    /// as the [`actor`](field@crate::AuditEvent::actor) of its events, and in the log. The log-in ends after an hour, unless
    /// [`ending_after`](Self::ending_after) sets another limit. It does not end the log-in that the request presents,
    /// which is the actor's own. If the actor's browser is to keep that, log in through a backend with another cookie.
    ///
    /// # Security
    /// Check first that the actor may do this. The log-in has almost every right of the user. The library's routes refuse it a
    /// change of the password or the e-mail, and it cannot be the start of another log-in as somebody else. Routes of your own
    /// that only the user may use must ask for `InPerson`.
    ///
    /// The log-in is rejected once the actor is deleted or deactivated, and ends with the log-ins of the user. It does not end
    /// with the actor's own log-ins, not even when these are all ended. With a [cap](auth_core::OpaqueStrategy::cap), it counts as one
    /// of the user's, and can end the oldest of them: with a cap of 1, the user's own.
    #[must_use]
    pub fn acting(mut self, actor: Id) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The id of the user who [acts](Self::acting) as this one.
    #[must_use]
    pub fn actor(&self) -> Option<&Id> {
        self.actor.as_ref()
    }

    /// Ends the log-in after `limit`, if the strategy does not end it earlier. [`Lifetime::FOREVER`] leaves it to the
    /// strategy.
    #[must_use]
    pub fn ending_after(mut self, limit: Lifetime) -> Self {
        self.limit = Some(Limit::After(limit));
        self
    }

    /// Ends the log-in at `end`, if the strategy does not end it earlier.
    #[must_use]
    pub fn ending_at(mut self, end: OffsetDateTime) -> Self {
        self.limit = Some(Limit::At(end));
        self
    }

    /// The end of a log-in at `now`. `None` if the strategy alone decides it.
    #[must_use]
    pub fn ends_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self.limit {
            Some(Limit::After(limit)) => limit.end(now),
            Some(Limit::At(end)) => Some(end),
            None => self.actor.is_some().then(|| now.saturating_add(ACTING_LIMIT)),
        }
    }
}

impl<Id: fmt::Debug, P> fmt::Debug for Identified<Id, P> {
    /// Prints none of the user's private data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identified")
            .field("user", &self.user.id)
            .field("bound", &self.bound)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use auth_core::NewUser;

    use super::*;

    #[test]
    fn a_log_in_by_somebody_else_ends_after_an_hour_unless_it_is_told_when() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let email = "arthur@camelot.example".parse().expect("an e-mail");
        let user = NewUser::new(email, (), now).into_user(7_i64);
        let identified = || Identified::without_proof(user.clone());
        let limit = Lifetime::from_secs(60).expect("a minute");
        let minute = Some(now + time::Duration::MINUTE);
        for (identified, end) in [
            (identified(), None),
            (identified().ending_after(limit), minute),
            (identified().acting(1), Some(now + time::Duration::HOUR)),
            (identified().ending_after(limit).acting(1), minute),
            (identified().ending_at(now).acting(1), Some(now)),
            (identified().acting(1).ending_after(Lifetime::FOREVER), None),
        ] {
            let renewed = identified.renewed(user.clone()).expect("without proof");
            assert_eq!(renewed.ends_at(now), end, "{renewed:?}");
        }
    }
}
