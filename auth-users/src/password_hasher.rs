//! Password hashing, off the async threads and bounded.

mod builder;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
use auth_core::{ExposeSecret as _, PasswordHash, SecretString, StoreError};
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use crate::stored_hash::{InvalidStoredHash, StoredHash};

pub use builder::PasswordHasherBuilder;

/// What a [`StoreError`] of this module names.
const STORE: &str = "password hashing";
const SALT_BYTES: usize = 16;

/// Hashes and verifies passwords with argon2id (RFC 9106), a bounded number at a time.
///
/// A hash runs on a thread of its own and needs a permit. What finds no permit waits in a bounded queue, and no longer
/// than a deadline; past either it is [`StoreError`], which a client sees as 503. A permit comes back when its hash
/// ends, also where nobody waits for that any more.
///
/// A clone shares the permits: one hasher a process is enough.
///
/// ```
/// use auth_users::{PasswordHasher, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hasher = PasswordHasher::builder().permits(2).build()?;
/// let hash = hasher.hash(&"correct horse battery staple".into()).await?;
/// assert_eq!(hasher.verify(&"Tr0ub4dor&3".into(), Some(&hash)).await?, Verdict::Mismatch);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordHasher(Arc<Executor>);

/// How a password and a stored hash go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// They match.
    Match,
    /// They match, and the hash is of another scheme or cost than today's: hash the password anew and store that.
    OutdatedMatch,
    /// They do not match, or there is no stored hash.
    Mismatch,
    /// The stored hash cannot be verified, so that no password matches.
    Unusable(InvalidStoredHash),
}

impl PasswordHasher {
    /// A hasher to be configured.
    pub fn builder() -> PasswordHasherBuilder {
        PasswordHasherBuilder::default()
    }

    /// The hash of `password`, with today's parameters and a new random salt.
    ///
    /// # Errors
    /// [`StoreError`] if the queue is full, the deadline passed, or the system has no memory or randomness to give.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHash, StoreError> {
        let password = password.clone();
        self.run(move |argon2| {
            let mut salt = [0; SALT_BYTES];
            getrandom::fill(&mut salt)
                .map_err(|source| StoreError::new("system randomness", source.to_string()))?;
            let hash = argon2
                .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
                .map_err(|source| StoreError::new(STORE, source))?;
            Ok(PasswordHash::new(hash.to_string()))
        })
        .await
    }

    /// Verifies `password` against `stored`.
    ///
    /// It costs one hash whatever `stored` is. Where there is none, where it cannot be verified, or where no password of
    /// this length can match it, that is a hash with today's parameters, so that the time tells nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the queue is full, the deadline passed, or the system has no memory to give.
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, StoreError> {
        let (stored, otherwise) = match stored.map(|hash| StoredHash::parse(hash.expose())) {
            None => (None, Verdict::Mismatch),
            Some(Ok(stored)) => (Some(stored), Verdict::Mismatch),
            Some(Err(invalid)) => (None, Verdict::Unusable(invalid)),
        };
        let password = password.clone();
        self.run(move |argon2| {
            let password = password.expose_secret().as_bytes();
            let Some(stored) = stored.filter(|stored| stored.can_match(password)) else {
                burn(argon2, password)?;
                return Ok(otherwise);
            };
            let matches = stored
                .matches(password)
                .map_err(|source| StoreError::new(STORE, source))?;
            Ok(match matches {
                true if stored.is_outdated(argon2.params()) => Verdict::OutdatedMatch,
                true => Verdict::Match,
                false => otherwise,
            })
        })
        .await
    }

    /// How many hashes were started, verifications included: a metric.
    #[must_use]
    pub fn hashes_started(&self) -> u64 {
        self.0.started.load(Ordering::Relaxed)
    }

    /// How many hashes could start at once now: the permits that nobody holds.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.0.permits.available_permits()
    }

    /// Runs `hash` on a thread of its own under a permit.
    async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce(&Argon2<'static>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let executor = Arc::clone(&self.0);
        let place = match Arc::clone(&executor.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => return Err(StoreError::new(STORE, "the queue is full")),
            Err(closed @ TryAcquireError::Closed) => return Err(StoreError::new(STORE, closed)),
        };
        let permit = tokio::time::timeout(executor.wait, Arc::clone(&executor.permits).acquire_owned())
            .await
            .map_err(|_elapsed| StoreError::timeout(STORE, executor.wait))?
            .map_err(|closed| StoreError::new(STORE, closed))?;
        let (tell, told) = oneshot::channel();
        // A thread of its own, since its priority does not come back. To start one is a thousandth of a hash.
        thread::Builder::new()
            .name("password-hash".to_owned())
            .spawn(move || {
                // Held to the end of the hash: a caller that went away must not let one more start.
                let held = (place, permit);
                if executor.lowest_priority {
                    lower_priority();
                }
                executor.started.fetch_add(1, Ordering::Relaxed);
                let done = hash(&executor.argon2);
                // Before the answer: at this priority it may be long until the next step, and the caller goes on.
                drop(held);
                // Nobody listens where the caller went away.
                let _ = tell.send(done);
            })
            .map_err(|source| StoreError::new(STORE, source))?;
        told.await
            .map_err(|_dropped| StoreError::new(STORE, "a hash panicked"))?
    }
}

impl Default for PasswordHasher {
    /// A hasher with the defaults of [`PasswordHasherBuilder`].
    fn default() -> Self {
        let settings = PasswordHasherBuilder::default();
        Self(Arc::new(Executor::new(Params::DEFAULT, &settings)))
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", self.0.argon2.params())
            .field("available_permits", &self.available_permits())
            .field("hashes_started", &self.hashes_started())
            .finish_non_exhaustive()
    }
}

struct Executor {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// As many as run and wait together.
    places: Arc<Semaphore>,
    wait: Duration,
    lowest_priority: bool,
    started: AtomicU64,
}

impl Executor {
    fn new(params: Params, settings: &PasswordHasherBuilder) -> Self {
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            permits: Arc::new(Semaphore::new(settings.permits)),
            places: Arc::new(Semaphore::new(settings.permits * (1 + settings.queue))),
            wait: settings.wait,
            lowest_priority: settings.lowest_priority,
            started: AtomicU64::new(0),
        }
    }
}

/// Lets every other thread of the machine go before this one.
///
/// A hash is tens of milliseconds of pure computation. Where a thread that serves requests wakes up on the same core, it
/// would else wait for the time slice of the hash to end, which is longer than all its own work.
fn lower_priority() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let lowered = thread_priority::set_thread_priority_and_policy(
        thread_priority::thread_native_id(),
        thread_priority::ThreadPriority::Min,
        thread_priority::ThreadSchedulePolicy::Normal(thread_priority::NormalThreadSchedulePolicy::Idle),
    );
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let lowered = thread_priority::ThreadPriority::Min.set_for_current();
    if let Err(refused) = lowered {
        tracing::debug!(%refused, "a password is hashed at the ordinary priority");
    }
}

/// A hash with today's parameters whose result nobody looks at.
fn burn(argon2: &Argon2<'_>, password: &[u8]) -> Result<(), StoreError> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2
        .hash_password_into(password, &[0; SALT_BYTES], &mut output)
        .map_err(|source| StoreError::new(STORE, source))?;
    std::hint::black_box(output);
    Ok(())
}

#[cfg(test)]
mod tests;
