//! The settings from the environment. A value that cannot be used, or is empty, is an error at start that names its
//! variable.

use std::{
    env::{self, VarError},
    sync::Arc,
};

use portcullis::{
    ConfigError, Lifetime,
    http::{OnConflict, SessionTransport, Sessions},
    store::{Clock, SessionStore},
};

use crate::data::JsonObject;

/// Every setting, checked.
pub struct Settings {
    /// `BIND`: the address to listen on; `127.0.0.1:8080`.
    pub bind: String,
    /// `STORE_URL`: `memory`, `sqlite://FILE`, `postgres://…`, `mysql://…`, `mongodb://…`, or `redis://…`, also with `-sentinel` or
    /// `-cluster`; `memory`. It may hold a password.
    pub store_url: String,
    /// `SESSION_CARRIER`: `cookie` or `header`; `cookie`. The name of the header is in `SESSION_HEADER`; `X-Session-Id`.
    pub transport: SessionTransport,
    /// `SESSION_LIFETIME`: in seconds; 6 hours.
    pub lifetime: Lifetime,
    /// `SESSION_IDLE`: in seconds without a use; no limit.
    pub idle: Option<Lifetime>,
}

impl Settings {
    /// The settings in the variables that `read` finds.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used.
    pub fn read(read: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, ConfigError> {
        let variable = |name: &str| match read(name) {
            Ok(value) if value.is_empty() => {
                Err(ConfigError::new(name, "is empty; leave it out for the default"))
            }
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(ConfigError::new(name, "is not UTF-8")),
        };
        let header = variable("SESSION_HEADER")?;
        Ok(Self {
            bind: variable("BIND")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            store_url: variable("STORE_URL")?.unwrap_or_else(|| "memory".to_owned()),
            transport: transport(variable("SESSION_CARRIER")?.as_deref(), header.as_deref())?,
            lifetime: match variable("SESSION_LIFETIME")? {
                None => Lifetime::from_secs(6 * 3600)?,
                Some(seconds) => lifetime("SESSION_LIFETIME", &seconds)?,
            },
            idle: match variable("SESSION_IDLE")? {
                None => None,
                Some(seconds) => Some(lifetime("SESSION_IDLE", &seconds)?),
            },
        })
    }

    /// The settings in the environment.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| env::var(name))
    }

    /// The sessions in `store`, by `clock`. Of parallel sets the last wins.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable that contradicts another.
    pub fn sessions(
        self,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Sessions<JsonObject>, ConfigError> {
        let sessions = Sessions::builder("example", store)
            .transport(self.transport)
            .lifetime(self.lifetime)
            .on_conflict(OnConflict::LastWriterWins)
            .clock(clock);
        let sessions = match self.idle {
            None => sessions,
            Some(limit) => sessions.idle(limit),
        };
        sessions.build().map_err(|error| match error.setting() {
            "session idle limit" => error.in_setting("SESSION_IDLE"),
            _ => error,
        })
    }
}

fn transport(transport: Option<&str>, header: Option<&str>) -> Result<SessionTransport, ConfigError> {
    match transport.unwrap_or("cookie") {
        "cookie" if header.is_some() => {
            let problem = "has no effect without SESSION_CARRIER=header";
            Err(ConfigError::new("SESSION_HEADER", problem))
        }
        "cookie" => Ok(SessionTransport::default()),
        "header" => SessionTransport::header(header.unwrap_or("X-Session-Id"))
            .map_err(|error| error.in_setting("SESSION_HEADER")),
        other => {
            let problem = format!("{other:?} is neither `cookie` nor `header`");
            Err(ConfigError::new("SESSION_CARRIER", problem))
        }
    }
}

fn lifetime(name: &str, seconds: &str) -> Result<Lifetime, ConfigError> {
    let lifetime = seconds.parse().ok().map(Lifetime::from_secs);
    lifetime.and_then(Result::ok).ok_or_else(|| {
        let problem = format!("{seconds:?} is no number of seconds from 1 to 100 years");
        ConfigError::new(name, problem)
    })
}
