//! A client of one service.

mod answer;
mod call;
mod kind;
mod pass;
mod raw;

pub use answer::{Answer, SetCookie};
pub use call::Call;
pub use kind::Kind;
pub use pass::Pass;
pub use raw::{exchange, exchange_on};

use std::{net::SocketAddr, time::Duration};

use reqwest::Method;
use serde_json::Value;

use crate::PASSWORD;

pub struct Client {
    /// Where the service listens.
    pub address: SocketAddr,
    http: reqwest::Client,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        // actix-web closes a connection that was idle for 5 s: a request then sent on it would be lost.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(2));
        Self {
            address,
            http: http.build().expect("a client"),
        }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("http://{}{path}", self.address);
        Call(self.http.request(method, url))
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub async fn post_json(&self, path: &str, body: Value) -> Answer {
        self.post(path).json(&body).send().await
    }

    /// Logs in by the form of the contract.
    pub async fn log_in(&self, kind: Kind, email: &str, password: &str) -> Answer {
        self.post(&kind.login())
            .form(&[("username", email), ("password", password)])
            .send()
            .await
    }

    /// A credential of the user with this e-mail, by logging in.
    pub async fn pass(&self, kind: Kind, email: &str) -> Pass {
        kind.issued(&self.log_in(kind, email, PASSWORD).await)
    }

    /// Presents the refresh token, the way it travels.
    pub async fn refresh(&self, kind: Kind, token: &str) -> Answer {
        let call = self.post(&kind.refresh());
        let call = match kind.refresh_cookie() {
            Some(name) => call.header("cookie", format!("{name}={token}")),
            None => call.form(&[("grant_type", "refresh_token"), ("refresh_token", token)]),
        };
        call.send().await
    }

    pub async fn me(&self, pass: &Pass) -> Answer {
        self.get("/users/me").with(pass).send().await
    }
}
