//! What a client holds of a log-in with refresh tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::Value;

use super::{Answer, Call, Credential, Site};

/// An access token and a refresh token.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: Credential,
    /// As it travels: in a form, or in a cookie with its name.
    refresh: String,
}

impl Site {
    pub(crate) fn refresh(&self, pair: &Pair) -> Call {
        let call = self.call(Method::POST, &format!("/auth/{}/refresh", pair.access.backend));
        call.map(|request| match pair.access.is_cookie() {
            true => request.header("cookie", &pair.refresh),
            false => request.form(&[("refresh_token", &pair.refresh)]),
        })
    }

    /// A new log-in of the user.
    pub(crate) async fn pair(&self, backend: &'static str, email: &str) -> Pair {
        Pair::issued(backend, &self.logged_in(backend, email).await)
    }

    /// The log-ins of whoever has the access token.
    pub(crate) fn log_ins(&self, pair: &Pair) -> Call {
        self.get("/auth/sessions").with(&pair.access)
    }

    pub(crate) fn end_log_in(&self, pair: &Pair, id: &str) -> Call {
        self.call(Method::DELETE, &format!("/auth/sessions/{id}"))
            .with(&pair.access)
    }

    pub(crate) fn log_out_everywhere(&self, pair: &Pair) -> Call {
        self.call(Method::POST, "/auth/logout-everywhere")
            .with(&pair.access)
    }
}

impl Pair {
    /// What is in the answer to a log-in.
    #[track_caller]
    pub(crate) fn issued(backend: &'static str, answer: &Answer) -> Self {
        let access = Credential::issued(backend, answer);
        let refresh = match access.is_cookie() {
            true => answer
                .cookie(&format!("__Secure-{backend}-refresh"))
                .map(str::to_owned),
            false => answer.json()["refresh_token"].as_str().map(str::to_owned),
        };
        Self {
            access,
            refresh: refresh.expect("a refresh token"),
        }
    }

    /// Takes what the answer to its refresh gives, which is the very next of the log-in: no step was made twice.
    #[track_caller]
    pub(crate) fn take_refreshed(&mut self, answer: &Answer) {
        let next = Self::issued(self.access.backend, answer);
        assert_eq!(next.refreshes(), self.refreshes() + 1, "{answer:?}");
        *self = next;
    }

    /// Takes the access token that an answer to the present one brings, which is the very next. False if it brings none.
    #[track_caller]
    pub(crate) fn take_rotated(&mut self, answer: &Answer) -> bool {
        let Some(access) = self.access.successor(answer) else {
            return false;
        };
        let before = self.rotations();
        self.access = access;
        assert_eq!(self.rotations(), before + 1, "{answer:?}");
        true
    }

    /// How often the refresh token of the log-in was replaced.
    pub(crate) fn refreshes(&self) -> u64 {
        let number = self.refresh.split('.').nth(1).expect("a number");
        number.parse().expect("a number")
    }

    /// How often the access token of the log-in was replaced.
    pub(crate) fn rotations(&self) -> u64 {
        let claims = self.access.value.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        claims["gen"].as_u64().unwrap_or(0)
    }
}

impl Answer {
    /// The log-in of whoever asked, in the answer of [`Site::log_ins`].
    #[track_caller]
    pub(crate) fn current_log_in(&self) -> Value {
        self.is(200);
        let all = self.json();
        let mut all = all.as_array().expect("a list").iter();
        let own = all.find(|log_in| log_in["current"] == true);
        own.expect("the current one").clone()
    }
}
