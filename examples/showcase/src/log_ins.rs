//! The settings of log-ins: how long they last, how their tokens are replaced, and how many a user may have.

use std::{num::NonZeroU32, time::Duration};

use portcullis::{ConfigError, Lifetime, jwt::Rotation, store::DEFAULT_CAP};

use crate::settings::variable;

/// Every setting of log-ins, checked.
pub(crate) struct LogIns {
    /// `TOKEN_LIFETIME`: in seconds, of plain JWTs and opaque tokens; an hour.
    pub(crate) token_lifetime: Lifetime,
    /// `ACCESS_TOKEN_LIFETIME`: in seconds, of tracked JWTs; 15 minutes.
    pub(crate) access_token_lifetime: Lifetime,
    /// `REFRESH_TOKEN_LIFETIME`: in seconds, of a log-in with refresh tokens; 30 days.
    pub(crate) refresh_token_lifetime: Lifetime,
    /// `REFRESH_IDLE`: in seconds, between two refreshes; 14 days.
    pub(crate) refresh_idle: Duration,
    /// `REFRESH_GRACE`: in seconds, 0 to 60, in which a replaced refresh token yields its successor again; 10.
    pub(crate) refresh_grace: Duration,
    /// `ROTATE_AFTER`: in seconds of a tracked JWT's life, after which an answer brings a new one; never.
    /// `ROTATION_GRACE`: in seconds, 1 to 60, in which a replaced tracked JWT stays good; 10. It needs `ROTATE_AFTER`.
    pub(crate) rotation: Option<Rotation>,
    /// `MAX_SESSIONS`: log-ins of a user at a backend; 1,000. 0, or `None` here, for no limit.
    pub(crate) max_sessions: Option<NonZeroU32>,
}

impl LogIns {
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used.
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            token_lifetime: lifetime("TOKEN_LIFETIME", 3600)?,
            access_token_lifetime: lifetime("ACCESS_TOKEN_LIFETIME", 900)?,
            refresh_token_lifetime: lifetime("REFRESH_TOKEN_LIFETIME", 2_592_000)?,
            refresh_idle: span("REFRESH_IDLE")?.unwrap_or(Duration::from_secs(1_209_600)),
            refresh_grace: span("REFRESH_GRACE")?.unwrap_or(Duration::from_secs(10)),
            rotation: rotation(span("ROTATE_AFTER")?, span("ROTATION_GRACE")?)?,
            max_sessions: match variable("MAX_SESSIONS")? {
                None => Some(DEFAULT_CAP),
                Some(value) => NonZeroU32::new(value.parse().map_err(|_| {
                    ConfigError::new(
                        "MAX_SESSIONS",
                        format_args!("{value:?} is not a number of log-ins; 0 is no limit"),
                    )
                })?),
            },
        })
    }
}

fn rotation(after: Option<Duration>, grace: Option<Duration>) -> Result<Option<Rotation>, ConfigError> {
    const GRACE: &str = "ROTATION_GRACE";
    match (after.map(Rotation::after), grace) {
        (None, Some(_)) => Err(ConfigError::new(
            GRACE,
            "is set, but tracked JWTs are not replaced; set ROTATE_AFTER, too",
        )),
        (Some(rotation), Some(grace)) => {
            let rotation = rotation.grace(grace);
            rotation.map(Some).map_err(|error| error.in_setting(GRACE))
        }
        (rotation, None) => Ok(rotation),
    }
}

fn lifetime(name: &str, default: u64) -> Result<Lifetime, ConfigError> {
    let value = variable(name)?;
    let lifetime = match &value {
        None => Lifetime::from_secs(default).ok(),
        Some(value) => value
            .parse()
            .ok()
            .and_then(|seconds| Lifetime::from_secs(seconds).ok()),
    };
    lifetime.ok_or_else(|| {
        let problem = format!(
            "{:?} is no number of seconds from 1 to 100 years",
            value.unwrap_or_default()
        );
        ConfigError::new(name, problem)
    })
}

fn span(name: &str) -> Result<Option<Duration>, ConfigError> {
    let parse = |value: String| {
        let problem = |_| ConfigError::new(name, format_args!("{value:?} is no number of seconds"));
        value.parse().map(Duration::from_secs).map_err(problem)
    };
    variable(name)?.map(parse).transpose()
}
