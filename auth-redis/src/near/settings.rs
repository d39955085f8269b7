//! What an application sets of a near cache, and what it learns of it.

use std::time::Duration;

use auth_core::ConfigError;

/// How long what was read may be used after the server has last answered, by default.
const LEASE: Duration = Duration::from_secs(1);

/// The bounds of a lease.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
const LONGEST_LEASE: Duration = Duration::from_secs(60);

/// The least memory that is of use.
const LEAST_BYTES: u64 = 64 * 1024;

/// The settings of a near cache: see [`Redis::near_cache`](crate::Redis::near_cache).
#[derive(Clone, Copy, Debug)]
pub struct NearCache {
    pub(super) bytes: u64,
    pub(super) lease: Duration,
}

impl NearCache {
    /// One that takes up to `bytes` of memory, as far as that can be estimated. A log-in takes some 500 bytes, and a user some 700
    /// and their profile. If there is no more room, it keeps what is asked for most.
    ///
    /// # Errors
    /// [`ConfigError`] naming `near cache` if there are fewer than 65,536 bytes.
    pub fn new(bytes: u64) -> Result<Self, ConfigError> {
        if bytes < LEAST_BYTES {
            let problem = format_args!("{bytes} bytes are too few, give it {LEAST_BYTES} or more");
            return Err(ConfigError::new("near cache", problem));
        }
        Ok(Self { bytes, lease: LEASE })
    }

    /// Sets for how long after the server's last answer its data may be used: 1 second, if you do not set it. A change on another
    /// node is seen after a few milliseconds. If the connection to the server is held up, it is seen after this time at the latest.
    /// The server is asked four times in each lease.
    ///
    /// # Errors
    /// [`ConfigError`] naming `lease` if it is under 100 milliseconds or over a minute.
    pub fn lease(mut self, span: Duration) -> Result<Self, ConfigError> {
        if !(SHORTEST_LEASE..=LONGEST_LEASE).contains(&span) {
            let problem = format_args!("{span:?} is not between 100 milliseconds and a minute");
            return Err(ConfigError::new("lease", problem));
        }
        self.lease = span;
        Ok(self)
    }
}

/// What a near cache has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearCacheStats {
    /// True if what it has may be used: every master has told of its changes within the lease.
    pub is_used: bool,
    /// How many log-ins and users it has. Some may be void.
    pub entries: usize,
    /// An estimate of the bytes that these take.
    pub bytes: u64,
    /// How often it had what was asked for.
    pub hits: u64,
    /// How often it did not.
    pub misses: u64,
    /// How many changed keys it was told of, also by this process, and also of keys that it did not have.
    pub invalidations: u64,
    /// How often all that was read from a server became void, because the server could not be relied on to tell of changes.
    pub losses: u64,
}
