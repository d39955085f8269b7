use std::{fmt, sync::Arc, time::Duration};

use argon2::Params;
use auth_core::ConfigError;

use super::{
    HashQueue, PasswordHasher, Schemes,
    executor::{Executor, Settings},
};
use crate::{
    LegacyHash,
    stored_hash::{MAX_LANES, MAX_MEMORY, MAX_WORK, work},
};

/// Far more than any machine hashes at once.
const MAX_PERMITS: usize = 1024;
const MAX_NICENESS: u8 = 19;
const LEAST_DEADLINE: Duration = Duration::from_millis(100);
/// No client waits longer.
const MOST_DEADLINE: Duration = Duration::from_secs(600);
/// The assumed time of a hash of the least cost, until one was measured.
const FIRST_GUESS: Duration = Duration::from_millis(20);

/// The settings of a [`PasswordHasher`].
#[derive(Clone)]
#[must_use]
pub struct PasswordHasherBuilder {
    memory: u32,
    passes: u32,
    lanes: u32,
    permits: usize,
    deadline: Duration,
    niceness: u8,
    legacy: Vec<Arc<dyn LegacyHash>>,
}

impl Default for PasswordHasherBuilder {
    fn default() -> Self {
        Self {
            memory: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
            permits: std::thread::available_parallelism().map_or(1, usize::from),
            deadline: Duration::from_secs(5),
            niceness: 5,
            legacy: Vec::new(),
        }
    }
}

impl PasswordHasherBuilder {
    /// Sets the memory of a hash in KiB. The default and minimum is 19,456 (19 MiB), the maximum 131,072 (128 MiB).
    pub fn memory(mut self, kibibytes: u32) -> Self {
        self.memory = kibibytes;
        self
    }

    /// Sets the passes over the memory. The default and minimum is 2. All passes together may write at most 512 MiB.
    pub fn passes(mut self, passes: u32) -> Self {
        self.passes = passes;
        self
    }

    /// Sets the lanes. The default and minimum is 1, the maximum 16. They are computed one after another.
    pub fn lanes(mut self, lanes: u32) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets the number of hashes that run at once, at most 1,024. The default is the number of cores that the process
    /// may use.
    pub fn permits(mut self, permits: usize) -> Self {
        self.permits = permits;
        self
    }

    /// How long a call takes at most, its wait and its hash together: 5 seconds by default, at least 100 milliseconds
    /// and at most 10 minutes. This decides how large a crowd is served: two cores do some 500 hashes in 5 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How much lower the priority of the hashing threads is: what is added to the process's nice value on Linux, from
    /// 0 to 19, and 5 by default. Other systems ignore it.
    ///
    /// With 0, other routes are slower while passwords are hashed. With 19, log-ins almost stop on a machine that other
    /// processes keep busy.
    pub fn niceness(mut self, niceness: u8) -> Self {
        self.niceness = niceness;
        self
    }

    /// Verifies hashes of one more scheme that this library does not know. The first scheme that knows a hash decides.
    pub fn legacy(mut self, scheme: Arc<dyn LegacyHash>) -> Self {
        self.legacy.push(scheme);
        self
    }

    /// Builds the hasher.
    ///
    /// # Errors
    /// [`ConfigError`] naming `argon2.memory`, `argon2.passes`, `argon2.lanes`, `hashing.permits`, `hashing.deadline` or
    /// `hashing.niceness` if it is out of bounds.
    pub fn build(self) -> Result<PasswordHasher, ConfigError> {
        between("argon2.memory", self.memory, Params::DEFAULT_M_COST, MAX_MEMORY)?;
        between("argon2.passes", self.passes, Params::DEFAULT_T_COST, u32::MAX)?;
        between("argon2.lanes", self.lanes, Params::DEFAULT_P_COST, MAX_LANES)?;
        between("hashing.permits", self.permits, 1, MAX_PERMITS)?;
        between("hashing.niceness", self.niceness, 0, MAX_NICENESS)?;
        if !(LEAST_DEADLINE..=MOST_DEADLINE).contains(&self.deadline) {
            let problem = format_args!("is not between {LEAST_DEADLINE:?} and {MOST_DEADLINE:?}");
            return Err(ConfigError::new("hashing.deadline", problem));
        }
        let params = Params::new(self.memory, self.passes, self.lanes, None)
            .map_err(|error| ConfigError::new("argon2.memory", error))?;
        if work(&params) > MAX_WORK {
            let problem = format_args!("all passes together write more than {MAX_WORK} KiB");
            return Err(ConfigError::new("argon2.passes", problem));
        }
        Ok(self.with(params))
    }

    /// Builds the hasher from settings that are within bounds.
    pub(super) fn with(self, params: Params) -> PasswordHasher {
        let settings = Settings {
            permits: self.permits,
            deadline: self.deadline,
            niceness: self.niceness,
            blocks: params.block_count(),
            first_guess: FIRST_GUESS.mul_f64(work(&params) as f64 / work(&Params::DEFAULT) as f64),
        };
        PasswordHasher {
            scheme: Arc::new(Schemes::new(params, self.legacy)),
            executor: Arc::new(Executor::new(settings)),
            queue: HashQueue::default(),
        }
    }
}

impl fmt::Debug for PasswordHasherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasherBuilder")
            .field("memory", &self.memory)
            .field("passes", &self.passes)
            .field("lanes", &self.lanes)
            .field("permits", &self.permits)
            .field("deadline", &self.deadline)
            .field("niceness", &self.niceness)
            .finish_non_exhaustive()
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
