use std::{future::Future, sync::Arc};

use auth_core::{Email, Profile, StoreError, User, UserId};

use super::UserManager;
use crate::{
    AuditEvent, EventKind, MailKind,
    one_time_token::Purpose,
    outbox::{Letter, NotMailed},
};

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Puts a mail of `kind` for the address `to` into the outbox, if `found` is to get one.
    ///
    /// It takes the same time whatever comes of it, so that the caller cannot tell: the outbox does what takes time,
    /// its budget is read even if there is no user, and each outcome is one line of the log.
    pub(super) fn post(&self, kind: MailKind, to: &Email, found: Option<User<Id, P>>) {
        self.post_unless(None, kind, to, found);
    }

    /// The same, if the user whose address it is can be `found`.
    pub(super) async fn post_to_owner(
        &self,
        kind: MailKind,
        to: &Email,
        found: impl Future<Output = Result<Option<User<Id, P>>, StoreError>>,
    ) -> Result<(), StoreError> {
        let refused = |why| EventKind::MailRefused { mail: kind, why };
        match self.attended(None, refused, found).await {
            Ok(found) => {
                self.post(kind, to, found);
                Ok(())
            }
            Err(error) => {
                self.record(refused("unavailable"), None);
                Err(error)
            }
        }
    }

    /// The same as [`post`](Self::post), unless there is a `refusal`.
    pub(super) fn post_unless(
        &self,
        refusal: Option<NotMailed>,
        kind: MailKind,
        to: &Email,
        found: Option<User<Id, P>>,
    ) {
        let id = found.as_ref().map(|user| user.id.clone());
        let account = id.as_ref().map(ToString::to_string);
        let letter = match (found, refusal) {
            (None, _) => Err(NotMailed::UnknownUser),
            (Some(user), _) if !user.is_active => Err(NotMailed::Inactive),
            (Some(_), Some(refusal)) => Err(refusal),
            (Some(user), None) => match kind {
                MailKind::Verify if user.is_verified => Err(NotMailed::AlreadyVerified),
                MailKind::Invite if user.password_hash.is_some() => Err(NotMailed::HasPassword),
                _ => Ok(self.letter(kind, to, user)),
            },
        };
        let account = account.as_deref().unwrap_or_default();
        let pushed = self.outbox.push(kind, account, to.normalized(), letter);
        let event = match pushed {
            Ok(()) => EventKind::MailRequested { mail: kind },
            Err(refusal) => EventKind::MailRefused {
                mail: kind,
                why: refusal.name(),
            },
        };
        self.record(event, id.as_ref());
    }

    fn letter(&self, kind: MailKind, to: &Email, user: User<Id, P>) -> Letter {
        let (purpose, lifetime) = match kind {
            MailKind::Verify => (Purpose::Verify, self.verification_lifetime),
            MailKind::Reset | MailKind::EmailChangeNotice => (Purpose::Reset, self.reset_lifetime),
            MailKind::Invite => (Purpose::Invite, self.invitation_lifetime),
            MailKind::ChangeEmail => (Purpose::ChangeEmail, self.verification_lifetime),
        };
        // The stored spelling, never the one that was asked for: that may be of another mailbox.
        let to = match kind {
            MailKind::ChangeEmail => to.clone(),
            _ => user.email.clone(),
        };
        let now = self.clock.now();
        let expires_at = lifetime.end(now).unwrap_or(now);
        let tokens = Arc::clone(&self.tokens);
        let (audit, clock, origin) = (self.audit.clone(), Arc::clone(&self.clock), self.origin());
        let id = user.id.clone();
        let given_up = move |why, problem| {
            let event = AuditEvent::new(EventKind::MailGivenUp { mail: kind, why }, clock.now());
            audit.tell(AuditEvent {
                note: problem,
                ..event.of(Some(&id), &origin)
            });
        };
        Letter {
            kind,
            user: user.id.to_string(),
            to: to.as_str().to_owned(),
            expires_at,
            given_up: Box::new(given_up),
            sign: Box::new(move || match purpose {
                Purpose::ChangeEmail => tokens.issue_for_email(&to, &user, expires_at),
                _ => tokens.issue(purpose, &user, expires_at),
            }),
        }
    }
}
