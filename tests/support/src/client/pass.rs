//! A credential, and where one comes from.

use super::{Answer, Kind};

/// A credential, and the way it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    pub kind: Kind,
    pub token: String,
}

impl Pass {
    pub fn new(kind: Kind, token: impl Into<String>) -> Self {
        let token = token.into();
        Self { kind, token }
    }

    pub fn header(&self) -> (&'static str, String) {
        match self.kind.cookie() {
            None => ("authorization", format!("Bearer {}", self.token)),
            Some(name) => ("cookie", format!("{name}={}", self.token)),
        }
    }
}

impl Kind {
    /// The token in the answer to a log-in.
    #[track_caller]
    pub fn issued(self, answer: &Answer) -> Pass {
        let token = match self.cookie() {
            None => {
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.json()["access_token"]
                    .as_str()
                    .expect("a token")
                    .to_owned()
            }
            Some(name) => {
                assert_eq!(answer.status, 204, "{answer:?}");
                let cookie = answer.header("set-cookie").expect("a cookie");
                let (pair, _attributes) = cookie.split_once(';').expect("attributes");
                let (found, token) = pair.split_once('=').expect("a value");
                assert_eq!(found, name);
                token.to_owned()
            }
        };
        assert!(!token.is_empty(), "{answer:?}");
        Pass { kind: self, token }
    }
}
