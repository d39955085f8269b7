//! Password hashing, off the async threads and bounded.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
use auth_core::{ConfigError, ExposeSecret as _, PasswordHash, SecretString, StoreError};
use tokio::sync::{Semaphore, TryAcquireError};

use crate::stored_hash::{InvalidStoredHash, MAX_LANES, MAX_MEMORY, MAX_WORK, StoredHash, work};

/// What a [`StoreError`] of this module names.
const STORE: &str = "password hashing";
const SALT_BYTES: usize = 16;
/// Far above what any machine hashes at once, far below what would overflow.
const MAX_WAITING: usize = 1 << 20;

/// Hashes and verifies passwords with argon2id (RFC 9106), a bounded number at a time.
///
/// A hash runs on a blocking thread and needs a permit. What finds no permit waits in a bounded queue, and no longer
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
    /// They match, and the hash is of an older scheme or cost: hash the password anew and store that.
    OutdatedMatch,
    /// They do not match, or there is no stored hash.
    Mismatch,
    /// The stored hash cannot be verified, so that no password matches.
    Unusable(InvalidStoredHash),
}

impl PasswordHasher {
    /// A hasher to be configured.
    #[must_use]
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

    /// Runs `hash` on a blocking thread under a permit.
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
        let hashing = tokio::task::spawn_blocking(move || {
            // Held to the end of the hash: a caller that went away must not let one more start.
            let _held = (permit, place);
            executor.started.fetch_add(1, Ordering::Relaxed);
            hash(&executor.argon2)
        });
        hashing.await.map_err(|source| StoreError::new(STORE, source))?
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

/// The settings of a [`PasswordHasher`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PasswordHasherBuilder {
    memory: u32,
    passes: u32,
    lanes: u32,
    permits: usize,
    queue: usize,
    wait: Duration,
}

impl Default for PasswordHasherBuilder {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
            permits: (cores - 1).max(1),
            queue: 16,
            wait: Duration::from_secs(2),
        }
    }
}

impl PasswordHasherBuilder {
    /// The memory of a hash in KiB: 19,456 (19 MiB) by default and at least, 131,072 (128 MiB) at most.
    pub fn memory(mut self, kibibytes: u32) -> Self {
        self.memory = kibibytes;
        self
    }

    /// The passes over the memory: 2 by default and at least. All passes together write at most 512 MiB.
    pub fn passes(mut self, passes: u32) -> Self {
        self.passes = passes;
        self
    }

    /// The lanes: 1 by default and at least, 16 at most. They are computed one after the other.
    pub fn lanes(mut self, lanes: u32) -> Self {
        self.lanes = lanes;
        self
    }

    /// How many hashes run at once: by default one for each core but one, which is left to the async threads.
    pub fn permits(mut self, permits: usize) -> Self {
        self.permits = permits;
        self
    }

    /// How many wait for each permit: 16 by default. With 0 nothing waits.
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// How long one waits for a permit: 2 seconds by default.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The hasher.
    ///
    /// # Errors
    /// [`ConfigError`] naming `argon2.memory`, `argon2.passes`, `argon2.lanes`, `hashing.permits`, `hashing.queue` or
    /// `hashing.wait` if it is out of its bounds.
    pub fn build(self) -> Result<PasswordHasher, ConfigError> {
        between("argon2.memory", self.memory, Params::DEFAULT_M_COST, MAX_MEMORY)?;
        between("argon2.passes", self.passes, Params::DEFAULT_T_COST, u32::MAX)?;
        between("argon2.lanes", self.lanes, Params::DEFAULT_P_COST, MAX_LANES)?;
        between("hashing.permits", self.permits, 1, MAX_WAITING)?;
        between("hashing.queue", self.queue, 0, MAX_WAITING / self.permits)?;
        if self.wait.is_zero() {
            return Err(ConfigError::new("hashing.wait", "is zero"));
        }
        let params = Params::new(self.memory, self.passes, self.lanes, None)
            .map_err(|error| ConfigError::new("argon2.memory", error))?;
        if work(&params) > MAX_WORK {
            let problem = format_args!("all passes together write more than {MAX_WORK} KiB");
            return Err(ConfigError::new("argon2.passes", problem));
        }
        Ok(PasswordHasher(Arc::new(Executor::new(params, &self))))
    }
}

struct Executor {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// As many as run and wait together.
    places: Arc<Semaphore>,
    wait: Duration,
    started: AtomicU64,
}

impl Executor {
    fn new(params: Params, settings: &PasswordHasherBuilder) -> Self {
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            permits: Arc::new(Semaphore::new(settings.permits)),
            places: Arc::new(Semaphore::new(settings.permits * (1 + settings.queue))),
            wait: settings.wait,
            started: AtomicU64::new(0),
        }
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

fn between<T: PartialOrd + fmt::Display>(
    setting: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), ConfigError> {
    if value < least {
        Err(ConfigError::new(
            setting,
            format_args!("is {value}; at least {least} is needed"),
        ))
    } else if value > most {
        Err(ConfigError::new(
            setting,
            format_args!("is {value}; at most {most} is allowed"),
        ))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "king arthur's grail \u{e9}";

    fn hasher(settings: PasswordHasherBuilder) -> PasswordHasher {
        settings.build().expect("settings")
    }

    async fn verdict(password: &str, stored: &str) -> Verdict {
        let hasher = PasswordHasher::default();
        let verdict = hasher
            .verify(&password.into(), Some(&PasswordHash::new(stored)))
            .await
            .expect("hasher");
        assert_eq!(hasher.hashes_started(), 1, "one hash, whatever is stored");
        verdict
    }

    #[test]
    fn p1_weaker_parameters_are_refused_and_the_setting_named() {
        for (settings, name) in [
            (PasswordHasher::builder().memory(19_455), "argon2.memory"),
            (PasswordHasher::builder().memory(131_073), "argon2.memory"),
            (PasswordHasher::builder().passes(1), "argon2.passes"),
            (PasswordHasher::builder().passes(28), "argon2.passes"),
            (PasswordHasher::builder().lanes(0), "argon2.lanes"),
            (PasswordHasher::builder().lanes(17), "argon2.lanes"),
            (PasswordHasher::builder().permits(0), "hashing.permits"),
            (PasswordHasher::builder().permits(usize::MAX), "hashing.permits"),
            (PasswordHasher::builder().queue(usize::MAX), "hashing.queue"),
            (PasswordHasher::builder().wait(Duration::ZERO), "hashing.wait"),
        ] {
            assert_eq!(settings.build().expect_err(name).setting(), name);
        }
        assert!(
            PasswordHasher::builder()
                .memory(65_536)
                .passes(3)
                .lanes(4)
                .build()
                .is_ok()
        );
    }

    #[tokio::test]
    async fn p1_a_hash_is_argon2id_with_todays_parameters_and_a_new_salt() {
        let hasher = PasswordHasher::default();
        let one = hasher.hash(&PASSWORD.into()).await.expect("hash");
        let two = hasher.hash(&PASSWORD.into()).await.expect("hash");
        assert!(
            one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            one.expose()
        );
        assert_ne!(one.expose(), two.expose());
        assert_eq!(verdict(PASSWORD, one.expose()).await, Verdict::Match);
        assert_eq!(
            verdict("king arthur's grail e", one.expose()).await,
            Verdict::Mismatch
        );
    }

    #[tokio::test]
    async fn hashes_of_fastapi_users_are_verified() {
        // Written by pwdlib, argon2-cffi and bcrypt for Python.
        let strong = "$argon2id$v=19$m=65536,t=3,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw";
        let with_nul = "king arthur's grail \u{e9}\0x";
        assert_eq!(verdict(with_nul, strong).await, Verdict::Match);
        assert_eq!(verdict(PASSWORD, strong).await, Verdict::Mismatch);
        for weak in [
            "$argon2i$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$PDkuGZMsJxBBS6cOkLDJaERpkQgbdYrM0FBkNIwvvVk",
            "$argon2d$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$X8ej5NlyoJfbFJz195tLtBbfzZ6VCb86Q0rG8/i3nww",
            "$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$KRMQz9UxU+s6GgzCIIUtiq3blgquCdScxRn79M+9SBI",
            "$argon2id$v=16$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
            "$argon2id$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
        ] {
            assert_eq!(verdict(with_nul, weak).await, Verdict::OutdatedMatch, "{weak}");
            assert_eq!(verdict(PASSWORD, weak).await, Verdict::Mismatch, "{weak}");
        }
        for weak in [
            "$2b$12$nB2mowlRzevhe8veZZ7AZOCEX.eQXMPbfhakoY4e8cySjBULmJyY6",
            "$2a$04$YtROqf/tskierpWp0pA7r.AIi4mntPGNpy7/m2nv6K9dl7n0nsJIu",
            "$2y$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
            "$2x$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
        ] {
            assert_eq!(verdict(PASSWORD, weak).await, Verdict::OutdatedMatch, "{weak}");
            assert_eq!(verdict(with_nul, weak).await, Verdict::Mismatch, "{weak}");
        }
    }

    #[tokio::test]
    async fn p3_passwords_that_differ_after_byte_72_differ() {
        let long = "é".repeat(36);
        let hasher = PasswordHasher::default();
        let hash = hasher.hash(&format!("{long}a").into()).await.expect("hash");
        assert_eq!(verdict(&format!("{long}a"), hash.expose()).await, Verdict::Match);
        assert_eq!(
            verdict(&format!("{long}b"), hash.expose()).await,
            Verdict::Mismatch
        );
        assert_eq!(verdict(&long, hash.expose()).await, Verdict::Mismatch);
    }

    #[tokio::test]
    async fn d1_p3_a_bcrypt_hash_never_matches_a_password_of_more_than_72_bytes() {
        let of_72 = "$2b$04$gxMqXFgXOuLr/tuFCVOJy./6wD34Uzp7Na3ANX/j0WgaHCNyA33.y";
        assert_eq!(verdict(&"a".repeat(72), of_72).await, Verdict::OutdatedMatch);
        for length in [71, 73, 1024] {
            assert_eq!(
                verdict(&"a".repeat(length), of_72).await,
                Verdict::Mismatch,
                "{length} bytes"
            );
        }
    }

    #[tokio::test]
    async fn d1_p5_a_hash_that_cannot_be_verified_matches_nothing_and_costs_one_hash() {
        for (stored, problem) in [
            ("", InvalidStoredHash::UnknownScheme),
            ("plaintext", InvalidStoredHash::UnknownScheme),
            ("$argon2id$v=19$m=19456", InvalidStoredHash::Malformed),
            ("$2b$12$short", InvalidStoredHash::Malformed),
            (
                "$argon2id$v=19$m=4194304,t=9,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw",
                InvalidStoredHash::TooCostly,
            ),
        ] {
            assert_eq!(
                verdict("plaintext", stored).await,
                Verdict::Unusable(problem),
                "{stored}"
            );
        }
    }

    #[tokio::test]
    async fn l2_an_unknown_user_costs_one_hash_with_todays_parameters_and_never_matches() {
        let hasher = PasswordHasher::default();
        for password in ["", PASSWORD, "\0"] {
            let before = hasher.hashes_started();
            assert_eq!(
                hasher.verify(&password.into(), None).await.expect("hasher"),
                Verdict::Mismatch
            );
            assert_eq!(hasher.hashes_started(), before + 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d3_what_finds_no_place_in_the_queue_is_unavailable_at_once() {
        let hasher = hasher(
            PasswordHasher::builder()
                .permits(1)
                .queue(3)
                .wait(Duration::from_secs(60)),
        );
        let all = (0..64).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.verify(&PASSWORD.into(), None).await.is_ok() })
        });
        let mut done = 0;
        for one in all.collect::<Vec<_>>() {
            done += u64::from(one.await.expect("task"));
        }
        assert!((4..64).contains(&done), "{done}");
        assert_eq!(hasher.hashes_started(), done, "what is refused is not hashed");
        assert_eq!(hasher.available_permits(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d3_never_more_hashes_run_than_there_are_permits() {
        let hasher = hasher(
            PasswordHasher::builder()
                .permits(2)
                .queue(16)
                .wait(Duration::from_secs(60)),
        );
        let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let all = (0..16).map(|_| {
            let (hasher, running, most) = (hasher.clone(), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                hasher
                    .run(move |argon2| {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        burn(argon2, b"")?;
                        running.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .await
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.expect("task").expect("hash");
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_past_the_deadline_is_told_unavailable() {
        let hasher = hasher(
            PasswordHasher::builder()
                .permits(1)
                .queue(1)
                .wait(Duration::from_millis(5)),
        );
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .run(move |_| {
                        started.send(()).expect("test waits");
                        ended.recv().map_err(|error| StoreError::new(STORE, error))
                    })
                    .await
            }
        });
        has_started.await.expect("started");
        let error = hasher.hash(&PASSWORD.into()).await.expect_err("no permit");
        assert!(error.is_timeout());
        assert_eq!(error.store(), STORE);
        end.send(()).expect("first waits");
        first.await.expect("task").expect("first");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn k2_a_dropped_call_keeps_its_permit_until_its_hash_ends_and_then_gives_it_back() {
        let hasher = hasher(PasswordHasher::builder().permits(1).queue(0));
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (gone, is_gone) = std::sync::mpsc::channel::<()>();
        let call = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .run(move |_| {
                        let _gone = gone;
                        started.send(()).expect("test waits");
                        ended.recv().map_err(|error| StoreError::new(STORE, error))
                    })
                    .await
            }
        });
        has_started.await.expect("started");
        call.abort();
        assert!(call.await.expect_err("aborted").is_cancelled());
        assert_eq!(hasher.available_permits(), 0, "the hash still runs");
        assert!(hasher.hash(&PASSWORD.into()).await.is_err());
        end.send(()).expect("the hash still runs");
        assert!(is_gone.recv().is_err(), "the closure ended");
        let permit = tokio::time::timeout(Duration::from_secs(10), hasher.0.permits.acquire()).await;
        drop(permit.expect("the permit came back").expect("open"));
        assert!(hasher.hash(&PASSWORD.into()).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn e5_a_panicking_hash_is_unavailable_and_gives_its_permit_back() {
        let hasher = hasher(PasswordHasher::builder().permits(1));
        let answer = hasher
            .run(|_| -> Result<(), StoreError> { panic!("on purpose") })
            .await;
        assert!(answer.is_err());
        assert!(hasher.hash(&PASSWORD.into()).await.is_ok());
    }

    #[test]
    fn e4_a_hasher_prints_no_secret() {
        let printed = format!("{:?}", PasswordHasher::default());
        assert!(printed.contains("19456"), "{printed}");
    }
}
