//! A client of one service.

use std::{net::SocketAddr, time::Duration};

use reqwest::Method;
use serde_json::Value;

use super::{Answer, Call, Kind, PASSWORD, Pass};

pub(crate) struct Client {
    /// Where the service listens.
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // actix-web closes a connection that was idle for 5 s: a request then sent on it would be lost.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(2));
        Self {
            address,
            http: http.build().expect("a client"),
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("http://{}{path}", self.address);
        Call(self.http.request(method, url))
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub(crate) async fn post_json(&self, path: &str, body: Value) -> Answer {
        self.post(path).json(&body).send().await
    }

    /// Logs in by the form of the contract.
    pub(crate) async fn log_in(&self, kind: Kind, email: &str, password: &str) -> Answer {
        self.post(&kind.login())
            .form(&[("username", email), ("password", password)])
            .send()
            .await
    }

    /// A credential of the user with this e-mail, by logging in.
    pub(crate) async fn pass(&self, kind: Kind, email: &str) -> Pass {
        kind.issued(&self.log_in(kind, email, PASSWORD).await)
    }

    pub(crate) async fn me(&self, pass: &Pass) -> Answer {
        self.get("/users/me").with(pass).send().await
    }
}
