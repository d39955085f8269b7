//! The life of a user, from registration to deletion, on the memory store and a clock that stands still.

#[path = "manager/cancellation.rs"]
mod cancellation;
#[path = "manager/change_of_email.rs"]
mod change_of_email;
#[path = "manager/deletion.rs"]
mod deletion;
#[path = "manager/events.rs"]
mod events;
#[path = "manager/hidden.rs"]
mod hidden;
#[path = "manager/invitation.rs"]
mod invitation;
#[path = "manager/log.rs"]
mod log;
#[path = "manager/login.rs"]
mod login;
#[path = "manager/mails.rs"]
mod mails;
#[path = "manager/registration.rs"]
mod registration;
#[path = "manager/reset.rs"]
mod reset;
#[path = "manager/roles.rs"]
mod roles;
#[path = "manager/scene.rs"]
mod scene;
#[path = "manager/settings.rs"]
mod settings;
#[path = "manager/told.rs"]
mod told;
#[path = "manager/update.rs"]
mod update;
#[path = "manager/verification.rs"]
mod verification;
