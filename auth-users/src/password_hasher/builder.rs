use std::{fmt, sync::Arc, time::Duration};

use argon2::Params;
use auth_core::ConfigError;

use super::{Executor, PasswordHasher};
use crate::stored_hash::{MAX_LANES, MAX_MEMORY, MAX_WORK, work};

/// Far above what any machine hashes at once, far below what would overflow.
const MAX_WAITING: usize = 1 << 20;

/// The settings of a [`PasswordHasher`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PasswordHasherBuilder {
    memory: u32,
    passes: u32,
    lanes: u32,
    pub(super) permits: usize,
    pub(super) queue: usize,
    pub(super) wait: Duration,
    pub(super) lowest_priority: bool,
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
            lowest_priority: true,
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

    /// Whether a hash lets all other threads of the machine go first (`SCHED_IDLE` on Linux): `true` by default.
    ///
    /// So a crowd that logs in does not slow down the other routes. With `false` hashes take their share also where
    /// other work leaves no core idle, and log-ins go on there.
    pub fn lowest_priority(mut self, lowest: bool) -> Self {
        self.lowest_priority = lowest;
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
