//! The life of a user: accounts, password hashing and policy, one-time tokens, events and mail.
//!
//! [`UserManager`] registers, verifies, changes and deletes users, checks passwords and resets them, over any
//! [`UserStore`](auth_core::UserStore). It knows nothing of HTTP and issues no credentials.
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis::{SigningSecret, users::{Registration, UserManager}};
//! # type Store = portcullis::testing::memory::MemoryUserStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = SigningSecret::generate()?;
//! let users: UserManager = UserManager::builder(Arc::new(Store::new()), &secret).build()?;
//!
//! let password = "correct horse battery staple".into();
//! users.create(Registration::new("king.arthur@camelot.example".parse()?, password, ())).await?;
//!
//! let identified = users
//!     .authenticate("King.Arthur@Camelot.example", &"correct horse battery staple".into())
//!     .await?;
//! assert!(!identified.user().is_verified);
//! # Ok(())
//! # }
//! ```
//!
//! A [`PasswordHasher`] hashes passwords with argon2id, a bounded number at a time. A [`PasswordPolicy`] checks them.
//! An [`Audit`] tells the log and any [`Observer`] of every outcome, and a [`Veto`] can refuse some. A [`Mailer`] sends the tokens that verify an e-mail, reset a password
//! or invite a user: after the answer, from an [`Outbox`], and within a [`MailBudget`]. A [`UserLookup`] finds users
//! who log in by something else than their e-mail.
//!
//! Each outcome is an [`AuditEvent`], and a line of the target `portcullis::audit` in the log, with the user's id and the reason.
//! Further lines have the target `portcullis::users`. None holds a password, a hash, a token, or what was typed as an e-mail at a
//! log-in that failed.

mod after_registration;
mod attended;
mod audit;
mod caught;
mod desk;
mod event;
mod folder_mailer;
mod identified;
#[cfg(feature = "testing")]
mod journal;
mod legacy_hash;
mod lookup;
mod mail;
mod mail_budget;
#[cfg(feature = "testing")]
mod mailbox;
mod manager;
mod memory_user_cache;
mod normal_form;
mod one_time_token;
mod origin;
mod outbox;
mod password_hasher;
mod password_policy;
mod profile;
mod stored_hash;
mod veto;

pub use after_registration::{AfterRegistration, AfterRegistrationError};
pub use audit::{Audit, Observer};
pub use event::{AuditEvent, ChangedFields, EventKind};
pub use folder_mailer::FolderMailer;
pub use identified::Identified;
#[cfg(feature = "testing")]
pub use journal::Journal;
pub use legacy_hash::LegacyHash;
pub use lookup::UserLookup;
pub use mail::{Mail, MailError, MailKind, Mailer};
pub use mail_budget::MailBudget;
#[cfg(feature = "testing")]
pub use mailbox::Mailbox;
pub use manager::{
    AuthenticateError, BadCredentials, CreateUserError, DeleteUserError, OneTimeTokenError, Registration,
    ResetPasswordError, SetRolesError, UpdateError, UserManager, UserManagerBuilder, UserUpdate, VerifyError,
};
pub use memory_user_cache::MemoryUserCache;
pub use origin::Origin;
pub use outbox::{DroppedMails, Outbox};
pub use password_hasher::{HashQueue, PasswordCheck, PasswordHasher, PasswordHasherBuilder};
pub use password_policy::{DefaultPasswordPolicy, PasswordPolicy, PolicyError};
pub use profile::{PathStep, ProfileError, ProtectedFields, check_profile_names, merge_profile};
pub use stored_hash::{InvalidStoredHash, StoredHash};
pub use veto::{Intent, Veto, VetoError};

/// The target of the lines that are no [`AuditEvent`].
const LOG: &str = "portcullis::users";
