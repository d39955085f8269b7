//! A showcase and somebody who uses it.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::{
    backend::{Backend, backends},
    harness::{
        Place, Redis, Store,
        database::{self, Database},
    },
    process::Showcase,
};

pub(crate) const EMAIL: &str = "arthur@camelot.example";
pub(crate) const PASSWORD: &str = "a grail of many words";

/// What needs no server.
pub(crate) const SQLITE: Place = Place {
    store: Store::Sqlite,
    redis: Redis::Without,
};

pub(crate) struct Visit {
    pub(crate) showcase: Showcase,
    pub(crate) backends: Vec<Backend>,
    database: Box<dyn Database>,
    client: Client,
}

impl Visit {
    /// A showcase at `place` that is ready, with `settings` beside those of the stores.
    pub(crate) async fn start(place: Place, settings: &[(&str, &str)]) -> Self {
        let database = database::create(place.store).await;
        let redis = place.redis.url();
        let mut environment = vec![("DATABASE_URL", database.url())];
        environment.extend(redis.as_deref().map(|url| ("REDIS_URL", url)));
        environment.extend(settings);
        let showcase = Showcase::start(&environment).await;
        showcase.until_ready().await;
        Self {
            showcase,
            backends: backends(redis.is_some()),
            database,
            client: client(),
        }
    }

    /// [`start`](Self::start), and a user.
    pub(crate) async fn with_user(place: Place, settings: &[(&str, &str)]) -> Self {
        let visit = Self::start(place, settings).await;
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        answer(visit.post("/auth/register", &body), 201).await;
        visit
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Ends the showcase, and its database with it.
    pub(crate) async fn end(mut self) {
        self.showcase.kill();
        self.database.remove().await;
    }

    /// A token of each backend.
    pub(crate) async fn log_in_everywhere(&self) -> Vec<(Backend, String)> {
        let mut tokens = Vec::new();
        for &backend in &self.backends {
            tokens.push((backend, self.log_in(backend, EMAIL, PASSWORD).await));
        }
        tokens
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.showcase.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// Asks `backend` for a credential of the user of `email`.
    pub(crate) fn ask(&self, backend: Backend, email: &str, password: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/auth/{}/login", backend.name))
            .form(&[("username", email), ("password", password)])
    }

    /// The token that `backend` gives the user of `email`.
    pub(crate) async fn log_in(&self, backend: Backend, email: &str, password: &str) -> String {
        let asked = self.ask(backend, email, password);
        if backend.is_cookie {
            return cookie(backend, &answer(asked, 204).await);
        }
        let body = json_of(asked, 200).await;
        assert_eq!(body["token_type"], "bearer");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// The tracked JWTs, in a header or in a cookie.
    pub(crate) fn tracked(&self, is_cookie: bool) -> Backend {
        let mut all = self.backends.iter();
        let found = all.find(|backend| backend.has_refresh && backend.is_cookie == is_cookie);
        *found.expect("a tracked JWT")
    }

    /// An attribute of the refresh token's cookie at a log-in.
    pub(crate) async fn attribute_of_refresh_cookie(&self, name: &str) -> String {
        let log_in = self.ask(self.tracked(true), EMAIL, PASSWORD);
        let response = answer(log_in, 204).await;
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().expect("text"));
        let cookie = cookies.find(|cookie| cookie.starts_with("__Secure-jwt-tracked-cookie-refresh="));
        let attributes = cookie.expect("the cookie").split("; ");
        let mut pairs = attributes.filter_map(|attribute| attribute.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name).expect(name);
        value.to_owned()
    }

    /// The status of `GET /protected/NAME` of `backend` with `token`.
    pub(crate) async fn enters(&self, backend: Backend, token: &str) -> u16 {
        let path = format!("/protected/{}", backend.name);
        status(presenting(self.get(&path), backend, token)).await
    }

    /// The status of the log-out of `backend` with `token`.
    pub(crate) async fn log_out(&self, backend: Backend, token: &str) -> u16 {
        let path = format!("/auth/{}/logout", backend.name);
        status(presenting(self.request(Method::POST, &path), backend, token)).await
    }
}

/// A client that gives up: a test that waits longer has failed.
pub(crate) fn client() -> Client {
    // actix-web closes a connection that was idle for 5 s: a request then sent on it would be lost.
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .pool_idle_timeout(Duration::from_secs(2));
    client.build().expect("a client")
}

/// `request` with `token` where `backend` looks for one.
pub(crate) fn presenting(request: RequestBuilder, backend: Backend, token: &str) -> RequestBuilder {
    if backend.is_cookie {
        request.header(COOKIE, format!("{}={token}", backend.cookie_name()))
    } else {
        request.bearer_auth(token)
    }
}

/// The token in the cookie that is set.
fn cookie(backend: Backend, response: &Response) -> String {
    let set = response
        .headers()
        .get(SET_COOKIE)
        .expect("a cookie")
        .to_str()
        .expect("text");
    let (pair, _attributes) = set.split_once(';').expect("attributes");
    let (name, token) = pair.split_once('=').expect("a value");
    assert_eq!(name, backend.cookie_name());
    token.to_owned()
}

/// # Panics
/// If the status is another one.
pub(crate) async fn answer(request: RequestBuilder, status: u16) -> Response {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), status, "{}", response.url());
    response
}

pub(crate) async fn json_of(request: RequestBuilder, status: u16) -> Value {
    answer(request, status).await.json().await.expect("JSON")
}

pub(crate) async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}
