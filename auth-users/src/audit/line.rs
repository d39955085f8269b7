//! The line of the log about an event.

use std::fmt::Debug;

use crate::{AuditEvent, EventKind};

/// The target of every event.
const LOG: &str = "portcullis::audit";

/// Writes the line.
pub(super) fn write<Id: Debug>(event: &AuditEvent<Id>) {
    let AuditEvent {
        kind,
        user,
        actor,
        backend,
        client,
        note,
        ..
    } = event;
    let (changed, log_in, purpose, mail) = match kind {
        EventKind::Updated { changed } => (Some(changed), None, None, None),
        EventKind::LogInEnded { log_in } => (None, Some(log_in), None, None),
        EventKind::OneTimeTokenRedeemed { purpose } | EventKind::OneTimeTokenRefused { purpose, .. } => {
            (None, None, Some(purpose), None)
        }
        EventKind::MailRequested { mail }
        | EventKind::MailRefused { mail, .. }
        | EventKind::MailGivenUp { mail, .. } => (None, None, None, Some(mail.name())),
        _ => (None, None, None, None),
    };
    let needs = match kind {
        EventKind::Forbidden { needs } => Some(needs),
        _ => None,
    };
    // A level is part of the place in the source that writes a line.
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(
                target: LOG, tracing::Level::$level, user = user.as_ref().map(debug), actor = actor.as_ref().map(debug),
                backend = backend.as_deref(), event = kind.name(), client = client.map(display), why = kind.why(),
                changed = changed.map(debug), log_in = log_in.map(display), purpose = purpose.map(debug), mail, needs,
                note = note.as_ref().map(debug), "{kind}"
            )
        };
    }
    match kind {
        EventKind::MailGivenUp { .. } => line!(ERROR),
        EventKind::RefreshTokenReused
        | EventKind::MailRefused {
            why: "outbox_full", ..
        } => line!(WARN),
        EventKind::Rotated => line!(DEBUG),
        _ => line!(INFO),
    }
}
