//! A credential, and where one comes from.

use super::{Answer, Kind};

/// A credential, and the way it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    pub kind: Kind,
    pub token: String,
    /// What it is exchanged for the next one with.
    pub refresh: Option<String>,
}

impl Pass {
    pub fn new(kind: Kind, token: impl Into<String>) -> Self {
        Self {
            kind,
            token: token.into(),
            refresh: None,
        }
    }

    pub fn header(&self) -> (&'static str, String) {
        match self.kind.cookie() {
            None => ("authorization", format!("Bearer {}", self.token)),
            Some(name) => ("cookie", format!("{name}={}", self.token)),
        }
    }

    /// The refresh token.
    ///
    /// # Panics
    /// If there is none.
    pub fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }
}

impl Kind {
    /// The tokens in the answer to a log-in or a refresh.
    #[track_caller]
    pub fn issued(self, answer: &Answer) -> Pass {
        let (token, refresh) = match self.cookie() {
            None => {
                assert_eq!(answer.status, 200, "{answer:?}");
                let body = answer.json();
                let text = |name: &str| body[name].as_str().map(str::to_owned);
                (text("access_token"), text("refresh_token"))
            }
            Some(name) => {
                assert_eq!(answer.status, 204, "{answer:?}");
                let value = |name: &str| answer.cookie(name).map(|cookie| cookie.value);
                (value(name), self.refresh_cookie().and_then(value))
            }
        };
        let token = token.expect("a token");
        assert!(!token.is_empty(), "{answer:?}");
        assert_eq!(refresh.is_some(), self.has_refresh(), "{answer:?}");
        Pass {
            kind: self,
            token,
            refresh,
        }
    }
}
