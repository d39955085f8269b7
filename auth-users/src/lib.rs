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
//! An [`EventHandler`] is told of every change. A [`Mailer`] sends the tokens that verify an e-mail, reset a password
//! or invite a user: after the answer, from an [`Outbox`], and within a [`MailBudget`]. A [`UserLookup`] finds users
//! who log in by something else than their e-mail.
//!
//! Each outcome is a [`tracing`] event of the target `portcullis::users`, with the user's id and the reason. No event
//! holds a password, a hash, a token, or what was typed as an e-mail at a log-in that failed.

mod event;
mod folder_mailer;
mod identified;
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
mod outbox;
mod password_hasher;
mod password_policy;
mod profile;
mod stored_hash;

pub use event::{ChangedFields, Event, EventHandler, EventHandlerError};
pub use folder_mailer::FolderMailer;
pub use identified::Identified;
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
pub use outbox::{DroppedMails, Outbox};
pub use password_hasher::{HashQueue, PasswordCheck, PasswordHasher, PasswordHasherBuilder};
pub use password_policy::{DefaultPasswordPolicy, PasswordPolicy, PolicyError};
pub use profile::{PathStep, ProfileError, ProtectedFields, check_profile_names, merge_profile};
pub use stored_hash::{InvalidStoredHash, StoredHash};

/// The target of every event for [`tracing`].
const LOG: &str = "portcullis::users";
