//! The metrics of an event.

use auth_core::metrics::{CREDENTIALS, EVENTS, LOG_INS, Label, MAILS_GIVEN_UP, Metric, REFRESHES};

use crate::{AuditEvent, EventKind};

/// Counts `event`.
pub(super) fn count<Id>(event: &AuditEvent<Id>) {
    EVENTS.count([event.kind.name().into()]);
    let of_backend = |metric: &Metric, outcome: &'static str| {
        let backend = event.backend.as_ref().map_or(Label::Fixed("none"), Label::from);
        metric.count([backend, outcome.into()]);
    };
    match &event.kind {
        EventKind::LoggedIn => of_backend(&LOG_INS, "success"),
        EventKind::LogInRefused { why } => of_backend(&LOG_INS, why),
        EventKind::CredentialRefused { why } => of_backend(&CREDENTIALS, why),
        EventKind::Refreshed => of_backend(&REFRESHES, "success"),
        EventKind::RefreshRefused { why } => of_backend(&REFRESHES, why),
        EventKind::RefreshTokenReused => of_backend(&REFRESHES, "reused"),
        EventKind::MailGivenUp { mail, why } => MAILS_GIVEN_UP.count([mail.name().into(), (*why).into()]),
        _ => {}
    }
}
