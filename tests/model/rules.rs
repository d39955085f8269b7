//! The settings of a sequence.

use crate::random::Random;

/// Milliseconds since 1970.
pub(crate) type Instant = i64;

pub(crate) const SECOND: Instant = 1000;

/// So short that a sequence meets them all.
pub(crate) const ACCESS: Instant = 60 * SECOND;
pub(crate) const IDLE: Instant = 90 * SECOND;
pub(crate) const LOG_IN: Instant = 300 * SECOND;

/// How long a replaced access token is good.
pub(crate) const ROTATION_GRACE: Instant = 10 * SECOND;

/// A log-in that was not used in time is deleted this long afterwards, if somebody comes with its token.
pub(crate) const DELETED_AFTER: Instant = 60 * SECOND;

/// How long after its expiry an access token still logs out.
pub(crate) const LEEWAY: Instant = 5 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The grace, if there are refresh tokens.
    pub(crate) refresh: Option<Instant>,
    pub(crate) rotate_after: Option<Instant>,
    pub(crate) cap: Option<usize>,
    /// False if a log-in is checked at the refresh only.
    pub(crate) looks_up: bool,
}

impl Rules {
    pub(crate) fn random(random: &mut Random) -> Self {
        let refresh = random.pick(&[None, Some(0), Some(10 * SECOND), Some(10 * SECOND)]);
        let rotate_after = random.pick(&[None, None, Some(0), Some(20 * SECOND)]);
        Self {
            refresh,
            rotate_after,
            cap: random.pick(&[None, Some(1), Some(2)]),
            looks_up: refresh.is_none() || rotate_after.is_some() || random.chance(70),
        }
    }
}
