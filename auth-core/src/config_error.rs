use std::fmt;

/// A setting that cannot be used, so the service must not start.
///
/// Its `Debug` is its message, because a `main` that returns an error prints its `Debug`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ConfigError {
    /// An error about `setting`. `problem` must not repeat a secret.
    pub fn new(setting: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.to_string(),
        }
    }

    /// The same problem, under the name that the setting has in the application, such as that of an environment variable.
    ///
    /// ```
    /// use portcullis::SigningSecret;
    ///
    /// let error = SigningSecret::new("too short").expect_err("9 bytes");
    /// assert_eq!(error.setting(), "signing secret");
    /// let error = error.in_setting("AUTH_SECRET");
    /// assert!(error.to_string().starts_with("AUTH_SECRET: a secret of 9 bytes; at least 32 are needed"));
    /// ```
    #[must_use]
    pub fn in_setting(self, setting: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            ..self
        }
    }

    /// The name of the setting.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}
