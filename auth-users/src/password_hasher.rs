//! Password hashing, on its own threads and with limits.

mod builder;
mod executor;
mod memory;

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{self, Output, ParamsString, Salt},
};
use auth_core::{ExposeSecret as _, PasswordHash, SecretString, StoreError};

use crate::{
    LegacyHash,
    normal_form::normal_form,
    stored_hash::{InvalidStoredHash, StoredHash},
};
use executor::Executor;

pub use builder::PasswordHasherBuilder;
pub(crate) use executor::Cost;
pub use executor::HashQueue;
pub(crate) use memory::Memory;

/// The origin of a [`StoreError`] of this module.
const STORE: &str = "password hashing";
const SALT_BYTES: usize = 16;
/// The assumed cost of a hash of an application's own scheme, in hashes with today's parameters.
const LEGACY_HASHES: f64 = 10.0;

/// Hashes and verifies passwords with argon2id (RFC 9106), a bounded number at a time.
///
/// A hash runs on one of a few threads that do nothing else, one for each core by default. More hashes than that wait,
/// as long as they can be done by the deadline. If too many wait, one more is refused at once with a [`StoreError`],
/// which a client sees as 503 with a `Retry-After`. The deadline holds for the wait and the hash together.
///
/// Each [`HashQueue`] waits by itself, and the queues take turns, so that a crowd that resets passwords does not keep
/// others from logging in.
///
/// Each thread hashes in memory of its own: 19 MiB for each thread with the default parameters. The next hash
/// overwrites it, and if none follows at once, the thread wipes it. The threads start when they are needed and end with
/// the last clone of the hasher.
///
/// A debug build takes about half a second for a password, and a crowd of ten is then refused. Let Cargo optimise the two
/// crates that do the work, in the application's own `Cargo.toml`:
///
/// ```toml
/// [profile.dev.package.argon2]
/// opt-level = 3
/// [profile.dev.package.blake2]
/// opt-level = 3
/// ```
///
/// [`UserManager`](crate::UserManager) picks the queue for what it hashes. [`in_queue`](Self::in_queue) is for your own
/// hashes.
///
/// Passwords are hashed in Unicode's Normalization Form C (RFC 8265, section 4.2), so that a password is the same on every
/// keyboard. A hash that was made of another form is still verified, for a user who types that form.
///
/// A clone shares the threads. One hasher for the process is enough.
///
/// ```
/// use portcullis::users::{PasswordHasher, PasswordCheck};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hasher = PasswordHasher::builder().permits(2).build()?;
/// let hash = hasher.hash(&"correct horse battery staple".into()).await?;
/// assert_eq!(hasher.verify(&"Tr0ub4dor&3".into(), Some(&hash)).await?, PasswordCheck::Mismatch);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordHasher {
    scheme: Arc<Schemes>,
    executor: Arc<Executor>,
    queue: HashQueue,
}

/// Today's parameters, and the other schemes that are verified.
struct Schemes {
    argon2: Argon2<'static>,
    legacy: Vec<Arc<dyn LegacyHash>>,
}

/// A password to verify, in each of its forms, with the stored hash, parsed if possible.
struct Attempt {
    password: SecretString,
    normal: Option<SecretString>,
    stored: Option<PasswordHash>,
    parsed: Option<Result<StoredHash, InvalidStoredHash>>,
}

/// The result of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PasswordCheck {
    /// They match.
    Match,
    /// They match, but the hash is of another scheme, cost or Unicode form than [`PasswordHasher::hash`] makes today.
    /// Hash the password anew and store that.
    MatchNeedsRehash,
    /// They do not match, or there is no stored hash.
    Mismatch,
    /// The stored hash cannot be verified, so no password matches.
    Unusable(InvalidStoredHash),
}

impl PasswordHasher {
    /// A builder for a hasher.
    pub fn builder() -> PasswordHasherBuilder {
        PasswordHasherBuilder::default()
    }

    /// The same hasher, with its hashes in `queue`. The default is [`HashQueue::Application`].
    #[must_use]
    pub fn in_queue(&self, queue: HashQueue) -> Self {
        Self {
            queue,
            ..self.clone()
        }
    }

    /// The hash of `password`, with today's parameters and a new random salt.
    ///
    /// # Errors
    /// [`StoreError`] if the hash can't be done by the deadline, or the system is out of memory or randomness.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHash, StoreError> {
        let password = normal_form(password).unwrap_or_else(|| password.clone());
        let scheme = Arc::clone(&self.scheme);
        self.executor
            .run(self.queue, Cost::ONE, move |memory| {
                scheme.hash(&password, memory)
            })
            .await
    }

    /// Verifies `password` against `stored`.
    ///
    /// The time tells nothing about `stored`. If there is no hash, or one that can't be verified or can't match, this
    /// computes as much as for a hash with today's parameters. That is one hash, or two for a password that is not in
    /// Normalization Form C.
    ///
    /// # Errors
    /// [`StoreError`] if the hash can't be done by the deadline, or the system is out of memory.
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<PasswordCheck, StoreError> {
        let attempt = Attempt {
            password: password.clone(),
            normal: normal_form(password),
            stored: stored.cloned(),
            parsed: stored.map(|hash| StoredHash::parse(hash.expose())),
        };
        let cost = self.scheme.cost(&attempt);
        let scheme = Arc::clone(&self.scheme);
        self.executor
            .run(self.queue, cost, move |memory| scheme.verify(&attempt, memory))
            .await
    }

    /// The number of calls that started to hash, including verifications: a metric.
    #[must_use]
    pub fn hashes_started(&self) -> u64 {
        self.executor.started()
    }

    /// The number of calls that wait for a permit: a metric.
    #[must_use]
    pub fn hashes_waiting(&self) -> usize {
        self.executor.waiting()
    }

    /// How many hashes could start at once now.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.executor.available_permits()
    }
}

impl Default for PasswordHasher {
    /// A hasher with the defaults of [`PasswordHasherBuilder`].
    fn default() -> Self {
        PasswordHasherBuilder::default().with(Params::DEFAULT)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", self.scheme.argon2.params())
            .field("queue", &self.queue)
            .field("available_permits", &self.available_permits())
            .field("hashes_started", &self.hashes_started())
            .finish_non_exhaustive()
    }
}

impl Schemes {
    fn new(params: Params, legacy: Vec<Arc<dyn LegacyHash>>) -> Self {
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            legacy,
        }
    }

    fn hash(&self, password: &SecretString, memory: &mut Memory) -> Result<PasswordHash, StoreError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)
            .map_err(|source| StoreError::internal("system randomness", source.to_string()))?;
        let params = self.argon2.params();
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        self.argon2
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                &salt,
                &mut output,
                memory.blocks(params.block_count()).map_err(failed)?,
            )
            .map_err(failed)?;
        let hash = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).map_err(failed)?,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(Output::new(&output).map_err(failed)?),
        };
        Ok(PasswordHash::new(hash.to_string()))
    }

    /// The cost of the verification.
    fn cost(&self, attempt: &Attempt) -> Cost {
        let forms = if attempt.normal.is_some() { 2.0 } else { 1.0 };
        let cost = match &attempt.parsed {
            Some(Ok(stored)) => stored.cost(self.argon2.params()),
            Some(Err(InvalidStoredHash::UnknownScheme | InvalidStoredHash::Malformed))
                if !self.legacy.is_empty() =>
            {
                Cost {
                    hashes: LEGACY_HASHES,
                    is_exact: false,
                }
            }
            None | Some(Err(_)) => Cost::ONE,
        };
        Cost {
            hashes: cost.hashes * forms,
            // If the first form matches, it is one hash.
            is_exact: cost.is_exact && forms == 1.0,
        }
    }

    fn verify(&self, attempt: &Attempt, memory: &mut Memory) -> Result<PasswordCheck, StoreError> {
        let Attempt {
            password,
            normal,
            stored,
            parsed,
        } = attempt;
        // The normal form first: every new hash is made of it.
        let forms = normal.iter().chain([password]).map(|form| form.expose_secret());
        let mut otherwise = PasswordCheck::Mismatch;
        for (at, form) in forms.enumerate() {
            let matches = match (parsed, stored) {
                (Some(Ok(hash)), _) if hash.can_match(form.as_bytes()) => {
                    Some(hash.matches(form.as_bytes(), memory).map_err(failed)?)
                }
                (Some(Err(InvalidStoredHash::UnknownScheme | InvalidStoredHash::Malformed)), Some(hash)) => {
                    // Otherwise, it would not overwrite the memory that another form of the password used.
                    memory.wipe();
                    self.legacy
                        .iter()
                        .find_map(|scheme| scheme.verify(form, hash.expose()))
                }
                _ => None,
            };
            if matches == Some(true) {
                let is_todays = matches!(parsed, Some(Ok(hash)) if !hash.is_outdated(self.argon2.params()));
                // A new hash is made of another form than was typed.
                let is_normal = normal.is_none() || at == 0;
                return Ok(match is_todays && is_normal {
                    true => PasswordCheck::Match,
                    false => PasswordCheck::MatchNeedsRehash,
                });
            }
            if matches.is_none() {
                self.burn(form.as_bytes(), memory)?;
                if let Some(Err(invalid)) = parsed {
                    otherwise = PasswordCheck::Unusable(*invalid);
                }
            }
        }
        Ok(otherwise)
    }

    /// A hash with today's parameters whose result is not used.
    fn burn(&self, password: &[u8], memory: &mut Memory) -> Result<(), StoreError> {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let blocks = memory
            .blocks(self.argon2.params().block_count())
            .map_err(failed)?;
        self.argon2
            .hash_password_into_with_memory(password, &[0; SALT_BYTES], &mut output, blocks)
            .map_err(failed)?;
        std::hint::black_box(output);
        Ok(())
    }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::internal(STORE, source)
}

#[cfg(test)]
mod tests;
