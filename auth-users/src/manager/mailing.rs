use std::sync::Arc;

use auth_core::{Email, Profile, User, UserId};
use futures_util::FutureExt as _;
use tracing::field::debug;

use super::UserManager;
use crate::{
    Event, LOG, MailKind,
    one_time_token::Purpose,
    outbox::{Letter, ReadError},
};

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Puts a mail of `kind` into the outbox if `found`, whom a store has under `email`, is to get one.
    ///
    /// Who asks waits alike for it whatever comes of it: what takes time is left to the outbox, what is looked up there
    /// is looked up for nobody, too, and each outcome is one line of the log.
    pub(super) fn post(&self, kind: MailKind, email: &Email, found: Option<User<Id, P>>) {
        let id = found.as_ref().map(|user| user.id.clone());
        let account = id.as_ref().map(ToString::to_string);
        let letter = match found {
            None => Err(ReadError::UnknownUser),
            Some(user) if !user.is_active => Err(ReadError::Inactive),
            Some(user) if kind == MailKind::Verify && user.is_verified => Err(ReadError::AlreadyVerified),
            Some(user) if kind == MailKind::Invite && user.password_hash.is_some() => {
                Err(ReadError::HasPassword)
            }
            Some(user) => Ok(self.letter(kind, user)),
        };
        let account = account.as_deref().unwrap_or_default();
        let pushed = self.outbox.push(kind, account, email.normalized(), letter);
        let what = match kind {
            MailKind::Verify => "verification",
            MailKind::Reset => "password reset",
            MailKind::Invite => "invitation",
        };
        let (user, why) = (id.map(debug), pushed.err().map(ReadError::name));
        match pushed {
            Ok(()) => tracing::info!(target: LOG, user, "{what} requested"),
            Err(ReadError::OutboxFull) => {
                tracing::warn!(target: LOG, user, why, "{what} not mailed");
            }
            Err(_) => tracing::info!(target: LOG, user, why, "{what} not mailed"),
        }
    }

    fn letter(&self, kind: MailKind, user: User<Id, P>) -> Letter {
        let (purpose, lifetime) = match kind {
            MailKind::Verify => (Purpose::Verify, self.verification_lifetime),
            MailKind::Reset => (Purpose::Reset, self.reset_lifetime),
            MailKind::Invite => (Purpose::Invite, self.invitation_lifetime),
        };
        let now = self.clock.now();
        let expires_at = lifetime.end(now).unwrap_or(now);
        let (users, tokens, user) = (self.clone(), Arc::clone(&self.tokens), Arc::new(user));
        let told = Arc::clone(&user);
        let tell = async move {
            let event = match kind {
                MailKind::Verify => Event::VerificationRequested { user: &told },
                MailKind::Reset => Event::PasswordResetRequested { user: &told },
                // Its user was registered, which is an event.
                MailKind::Invite => return,
            };
            // It is logged where it is made, and there is nobody left to tell.
            let _ = users.emit(event).await;
        };
        Letter {
            kind,
            user: user.id.to_string(),
            to: user.email.as_str().to_owned(),
            expires_at,
            tell: Some(tell.boxed()),
            sign: Box::new(move || tokens.issue(purpose, &user, expires_at)),
        }
    }
}
