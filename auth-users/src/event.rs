//! What happens to users and their credentials.

use std::{fmt, net::IpAddr, sync::Arc};

use auth_core::TokenId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{MailKind, Origin};

/// Something that happened to a user or a credential, good or bad. [`Audit`](crate::Audit) tells it to the log, to the metrics
/// and to each [`Observer`](crate::Observer).
///
/// It never holds a password, a token, an e-mail, or what somebody typed as a user name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent<Id = Uuid> {
    /// When it happened.
    pub at: OffsetDateTime,
    /// What happened.
    pub kind: EventKind,
    /// The id of the user to whom it happened, if it is known. The user may be gone.
    pub user: Option<Id>,
    /// The id of who did it, if that is known and is not the user: a superuser, or somebody who
    /// [acts](crate::Identified::acting) as the user.
    pub actor: Option<Id>,
    /// The name of the backend, or of the kind of session. It comes from the configuration, never from a client.
    pub backend: Option<Arc<str>>,
    /// The address of the client, if it is known.
    pub client: Option<IpAddr>,
    /// The message of a [`Veto`](crate::Veto), or the last problem of a mail. It is the application's own text.
    pub note: Option<String>,
}

impl<Id> AuditEvent<Id> {
    /// An event of nobody. The fields can be set; a test of an observer needs no more.
    #[must_use]
    pub fn new(kind: EventKind, at: OffsetDateTime) -> Self {
        Self {
            at,
            kind,
            user: None,
            actor: None,
            backend: None,
            client: None,
            note: None,
        }
    }
}

impl<Id: Clone + PartialEq> AuditEvent<Id> {
    /// Sets the user, and who asked for it.
    #[must_use]
    pub fn of(mut self, user: Option<&Id>, origin: &Origin<Id>) -> Self {
        self.user = user.cloned();
        self.actor = origin.actor.clone().filter(|actor| Some(actor) != user);
        self.backend.clone_from(&origin.backend);
        self.client = origin.client;
        self
    }
}

/// What happened. Each `why` is one of a fixed set of names, such as `wrong_password`, and never a text of a client.
///
/// `unavailable` means that a store or another part failed, and `abandoned` that nobody waited for the end any more, as when the
/// client has gone away. After both, it may have happened all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A user was registered.
    Registered,
    /// A registration was refused, or failed.
    RegistrationRefused {
        /// `invalid_password`, `email_taken`, `profile_taken`, `invalid_profile`, `vetoed`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A user was changed. An update that changes nothing is no event.
    Updated {
        /// The fields that changed.
        changed: ChangedFields,
    },
    /// An update was refused, or failed.
    UpdateRefused {
        /// `invalid_password`, `email_taken`, `profile_taken`, `invalid_profile`, `lossy_profile`, `undefined_role`,
        /// `too_many_roles`, `not_found`, `credentials_ended`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A mail was put into the outbox.
    MailRequested {
        /// Its kind.
        mail: MailKind,
    },
    /// A mail was asked for, and there is none.
    MailRefused {
        /// Its kind.
        mail: MailKind,
        /// `unknown_user`, `inactive`, `already_verified`, `has_password`, `email_taken`, `unavailable`, `abandoned`, or a field
        /// of [`DroppedMails`](crate::DroppedMails).
        why: &'static str,
    },
    /// A mail was requested, and is lost.
    MailGivenUp {
        /// Its kind.
        mail: MailKind,
        /// `no_mailer`, `failed`, `expired` or `outbox_full`.
        why: &'static str,
    },
    /// The e-mail was verified.
    Verified,
    /// A token did not verify the e-mail.
    VerificationRefused {
        /// `bad_token`, `already_verified`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// The password was reset by a mailed token.
    PasswordReset,
    /// The password was not reset.
    PasswordResetRefused {
        /// `bad_token`, `invalid_password`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A one-time token for a purpose of the application's own was redeemed.
    OneTimeTokenRedeemed {
        /// The purpose.
        purpose: String,
    },
    /// A one-time token for a purpose of the application's own was refused.
    OneTimeTokenRefused {
        /// The purpose.
        purpose: String,
        /// `bad_token`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A user has logged in: the credential is stored, the one that it replaces has ended, and nothing can fail any more.
    LoggedIn,
    /// A log-in was refused, or failed. No credential is left of it.
    LogInRefused {
        /// A name of [`BadCredentials`](crate::BadCredentials), `not_verified`, `vetoed`, `user_gone`, `credentials_ended`,
        /// `acting`, `conflict`, `too_large`, `unavailable`, `abandoned` or `internal`.
        why: &'static str,
    },
    /// The tokens of a log-in were refreshed.
    Refreshed,
    /// A refresh token was refused.
    RefreshRefused {
        /// A name of [`Rejection`](auth_core::Rejection), `not_verified`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A refresh token was used again after its grace, so two clients have had it: it may have been stolen. The log-in has
    /// ended, with everything that was issued for it.
    RefreshTokenReused,
    /// An access token was replaced while it was used.
    Rotated,
    /// A presented credential, or a session, was refused: no backend of the route accepts it.
    CredentialRefused {
        /// A name of [`Rejection`](auth_core::Rejection).
        why: &'static str,
    },
    /// A user is who they say, and may not do what they ask for: 403.
    Forbidden {
        /// The name of the requirement that they do not meet.
        needs: String,
    },
    /// A request that has a cookie, or would set one, was refused, because a page of another site may have sent it.
    RequestForged {
        /// `cross_site`, or `not_confirmed` without the token of a double submit.
        why: &'static str,
    },
    /// A log-out ended a log-in.
    LoggedOut,
    /// A single log-in was ended from elsewhere: by its user, or by a superuser.
    LogInEnded {
        /// Its public id.
        log_in: TokenId,
    },
    /// A user ended every log-in but the one of the request.
    OtherLogInsEnded,
    /// Every credential of a user was ended.
    LoggedOutEverywhere,
    /// Log-ins of a user were to be ended, by any of the four ways above. If a store failed, some may have ended.
    LogOutRefused {
        /// `not_found`, `credentials_ended`, `inactive`, `not_verified`, `unavailable` or `abandoned`.
        why: &'static str,
    },
    /// A user was deleted.
    Deleted,
    /// A user was not deleted.
    DeletionRefused {
        /// `vetoed`, `not_found`, `unavailable` or `abandoned`.
        why: &'static str,
    },
}

impl EventKind {
    /// A stable name, for filters and dashboards.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::RegistrationRefused { .. } => "registration_refused",
            Self::Updated { .. } => "updated",
            Self::UpdateRefused { .. } => "update_refused",
            Self::MailRequested { mail } => match mail {
                MailKind::Verify => "verification_requested",
                MailKind::Reset => "password_reset_requested",
                MailKind::Invite => "invitation_requested",
                MailKind::ChangeEmail => "email_change_requested",
                MailKind::EmailChangeNotice => "email_change_notice_requested",
            },
            Self::MailRefused { .. } => "mail_refused",
            Self::MailGivenUp { .. } => "mail_given_up",
            Self::Verified => "verified",
            Self::VerificationRefused { .. } => "verification_refused",
            Self::PasswordReset => "password_reset",
            Self::PasswordResetRefused { .. } => "password_reset_refused",
            Self::OneTimeTokenRedeemed { .. } => "one_time_token_redeemed",
            Self::OneTimeTokenRefused { .. } => "one_time_token_refused",
            Self::LoggedIn => "logged_in",
            Self::LogInRefused { .. } => "log_in_refused",
            Self::Refreshed => "refreshed",
            Self::RefreshRefused { .. } => "refresh_refused",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::Rotated => "rotated",
            Self::CredentialRefused { .. } => "credential_refused",
            Self::Forbidden { .. } => "forbidden",
            Self::RequestForged { .. } => "request_forged",
            Self::LoggedOut => "logged_out",
            Self::LogInEnded { .. } => "log_in_ended",
            Self::OtherLogInsEnded => "other_log_ins_ended",
            Self::LoggedOutEverywhere => "logged_out_everywhere",
            Self::LogOutRefused { .. } => "log_out_refused",
            Self::Deleted => "deleted",
            Self::DeletionRefused { .. } => "deletion_refused",
        }
    }

    /// The reason of a refusal.
    #[must_use]
    pub fn why(&self) -> Option<&'static str> {
        match self {
            Self::RegistrationRefused { why }
            | Self::UpdateRefused { why }
            | Self::MailRefused { why, .. }
            | Self::MailGivenUp { why, .. }
            | Self::VerificationRefused { why }
            | Self::PasswordResetRefused { why }
            | Self::LogInRefused { why }
            | Self::RefreshRefused { why }
            | Self::CredentialRefused { why }
            | Self::OneTimeTokenRefused { why, .. }
            | Self::RequestForged { why }
            | Self::LogOutRefused { why }
            | Self::DeletionRefused { why } => Some(why),
            _ => None,
        }
    }
}

/// The sentence for the log.
impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MailRequested { mail } => return write!(f, "{} requested", mail.what()),
            Self::MailRefused { mail, .. } => return write!(f, "{} not mailed", mail.what()),
            Self::MailGivenUp { .. } => "a mail was given up",
            Self::Registered => "registered",
            Self::RegistrationRefused { .. } => "registration refused",
            Self::Updated { .. } => "updated",
            Self::UpdateRefused { .. } => "update refused",
            Self::Verified => "verified",
            Self::VerificationRefused { .. } => "verification refused",
            Self::PasswordReset => "password reset",
            Self::PasswordResetRefused { .. } => "password reset refused",
            Self::OneTimeTokenRedeemed { .. } => "one-time token redeemed",
            Self::OneTimeTokenRefused { .. } => "one-time token refused",
            Self::LoggedIn => "a user logged in",
            Self::LogInRefused { .. } => "log-in refused",
            Self::Refreshed => "a log-in was refreshed",
            Self::RefreshRefused { .. } => "a refresh token was rejected",
            Self::RefreshTokenReused => {
                "a refresh token was used again after its grace, so it may have been stolen: its log-in has ended"
            }
            Self::Rotated => "an access token was replaced",
            Self::CredentialRefused { .. } => "a credential was rejected",
            Self::Forbidden { .. } => "a user may not do this",
            Self::RequestForged { .. } => "a request of another site was refused",
            Self::LoggedOut => "a user logged out",
            Self::LogInEnded { .. } => "a log-in was ended",
            Self::OtherLogInsEnded => "a user ended every other log-in",
            Self::LoggedOutEverywhere => "logged out everywhere",
            Self::LogOutRefused { .. } => "log-out refused",
            Self::Deleted => "deleted",
            Self::DeletionRefused { .. } => "deletion refused",
        })
    }
}

/// The parts of a user that an update changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedFields {
    /// The e-mail, even if only its case.
    pub email: bool,
    /// The password.
    pub password: bool,
    /// At least one field of the profile.
    pub profile: bool,
    /// The user was activated or deactivated.
    pub active: bool,
    /// The user became a superuser, or ceased to be one.
    pub superuser: bool,
    /// The e-mail became verified, or unverified.
    pub verified: bool,
    /// The roles.
    pub roles: bool,
}

impl ChangedFields {
    /// True if anything changed.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_nothing_is_no_change() {
        assert!(!ChangedFields::default().any());
        let changed = ChangedFields {
            profile: true,
            ..ChangedFields::default()
        };
        assert!(changed.any());
    }
}
