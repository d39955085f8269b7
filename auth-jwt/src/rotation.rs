//! When access tokens are replaced.

use std::time::Duration;

use auth_core::ConfigError;

use crate::generation::{Grace, ROTATION_GRACES};

/// When a [`TrackedJwtStrategy`](crate::TrackedJwtStrategy) replaces an access token that is used, and how long the replaced one
/// stays valid.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::jwt::Rotation;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rotation = Rotation::after(Duration::from_secs(300)).grace(Duration::from_secs(30))?;
/// # let _ = rotation;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    pub(crate) age: Duration,
    pub(crate) grace: Grace,
}

impl Rotation {
    /// Replaces an access token that is used `age` or longer after it was issued. `age` counts from the claim `iat`, which is a
    /// whole second.
    ///
    /// A token that replaced another one is not replaced before the [grace](Self::grace) of that one is over. So an age of 0
    /// replaces tokens as often as the grace allows.
    #[must_use]
    pub fn after(age: Duration) -> Self {
        Self {
            age,
            grace: Grace::DEFAULT,
        }
    }

    /// Sets how long a replaced access token stays valid, and yields the same successor: for requests that are on their way.
    /// The default is 10 s. After it, the token is rejected, and the log-in goes on.
    ///
    /// # Errors
    /// [`ConfigError`] naming `rotation grace` if it is under 1 s or over 60 s.
    pub fn grace(mut self, grace: Duration) -> Result<Self, ConfigError> {
        self.grace = Grace::new("rotation grace", grace, ROTATION_GRACES)?;
        Ok(self)
    }
}
