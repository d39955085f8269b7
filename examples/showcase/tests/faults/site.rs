//! A client of the program.

mod pair;

pub(crate) use pair::Pair;

use std::time::{Duration, Instant};

use reqwest::{
    Client, Method, RequestBuilder,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use portcullis_support::until;

use crate::process::Showcase;

pub(crate) const PASSWORD: &str = "the lady of the lake";

/// By when a request is answered: the stores' own deadline of two seconds, and as much again on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(4);

/// The same of one among many at once, whose last answer comes when all were made.
const DEADLINE_IN_CROWD: Duration = Duration::from_secs(5);

/// The same of one that hashes: that has a deadline of its own, and goes last on a machine that is busy.
const DEADLINE_OF_HASH: Duration = Duration::from_secs(10);

/// The program's routes, at one address.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    http: Client,
    base_url: String,
}

/// What a log-in gave, and the way it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) backend: &'static str,
    header: &'static str,
    value: String,
}

/// A request that is going to be sent.
#[must_use]
pub(crate) struct Call {
    request: RequestBuilder,
    deadline: Duration,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) took: Duration,
    deadline: Duration,
}

impl Site {
    pub(crate) fn new(showcase: &Showcase) -> Self {
        // actix-web closes a connection that was idle for 5 s: a request then sent on it would be lost.
        let http = Client::builder()
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(2));
        Self {
            http: http.build().expect("a client"),
            base_url: showcase.base_url().to_owned(),
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        Call {
            request: request.timeout(Duration::from_secs(30)),
            deadline: DEADLINE,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn register(&self, email: &str) -> Call {
        self.call(Method::POST, "/auth/register")
            .json(&json!({ "email": email, "password": PASSWORD }))
            .hashes()
    }

    pub(crate) fn log_in(&self, backend: &str, email: &str, password: &str) -> Call {
        let call = self.call(Method::POST, &format!("/auth/{backend}/login"));
        call.map(|request| request.form(&[("username", email), ("password", password)]))
            .hashes()
    }

    /// What the credential's own backend alone opens.
    pub(crate) fn read(&self, credential: &Credential) -> Call {
        self.get(&format!("/protected/{}", credential.backend))
            .with(credential)
    }

    pub(crate) fn me(&self, credential: &Credential) -> Call {
        self.get("/users/me").with(credential)
    }

    pub(crate) fn change_password(&self, credential: &Credential, password: &str) -> Call {
        self.call(Method::PATCH, "/users/me")
            .with(credential)
            .json(&json!({ "password": password }))
            .hashes()
    }

    pub(crate) fn log_out(&self, credential: &Credential) -> Call {
        self.call(Method::POST, &format!("/auth/{}/logout", credential.backend))
            .with(credential)
    }

    /// A new user of this name, and the e-mail.
    pub(crate) async fn person(&self, name: &str) -> String {
        let email = address(name);
        let answer = until_hashed("somebody is registered", || self.register(&email)).await;
        // A registration that was 503 may have been done all the same.
        assert!([201, 400].contains(&answer.status), "{answer:?}");
        email
    }

    /// A credential of the user by logging in.
    pub(crate) async fn credential(&self, backend: &'static str, email: &str) -> Credential {
        Credential::issued(backend, &self.logged_in(backend, email).await)
    }

    /// The answer to a log-in.
    async fn logged_in(&self, backend: &str, email: &str) -> Answer {
        until_hashed("somebody is logged in", || self.log_in(backend, email, PASSWORD)).await
    }

    /// Asks with the credential until it is let in, as long as patience lasts: only "not now" may come before.
    pub(crate) async fn recovers(&self, credential: &Credential, patience: Duration) {
        let start = Instant::now();
        loop {
            let answer = self.read(credential).send().await;
            if answer.status == 200 {
                return;
            }
            answer.is_unavailable_in_time();
            assert!(
                start.elapsed() < patience,
                "no recovery in {patience:?}: {answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What needs no store is served at once.
    pub(crate) async fn serves_what_needs_no_store(&self) {
        for (path, status) in [
            ("/live", 200),
            ("/openapi.json", 200),
            ("/protected", 401),
            ("/users/me", 401),
        ] {
            let mut took = Vec::new();
            // The machine may stop for a moment; the deadline of a store is twice the limit, each time.
            while took.len() < 3 && took.last().is_none_or(|took| *took >= Duration::from_secs(1)) {
                let answer = self.get(path).send().await;
                assert_eq!(answer.status, status, "{path}: {answer:?}");
                took.push(answer.took);
            }
            assert!(took.last() < Some(&Duration::from_secs(1)), "{path}: {took:?}");
        }
    }
}

impl Credential {
    /// What is in the answer to a log-in.
    #[track_caller]
    pub(crate) fn issued(backend: &'static str, answer: &Answer) -> Self {
        let (header, value) = if backend.ends_with("cookie") {
            answer.is(204);
            let cookie = answer.cookie(&format!("__Host-{backend}"));
            ("cookie", cookie.expect("a cookie").to_owned())
        } else {
            answer.is(200);
            let token = answer.json()["access_token"]
                .as_str()
                .expect("a token")
                .to_owned();
            ("authorization", format!("Bearer {token}"))
        };
        Self {
            backend,
            header,
            value,
        }
    }

    /// The one that takes its place, if the answer brings it.
    fn successor(&self, answer: &Answer) -> Option<Self> {
        let value = match self.is_cookie() {
            true => answer
                .cookie(&format!("__Host-{}", self.backend))
                .map(str::to_owned),
            false => answer
                .header("x-access-token")
                .map(|token| format!("Bearer {token}")),
        };
        Some(Self {
            value: value?,
            ..self.clone()
        })
    }

    fn is_cookie(&self) -> bool {
        self.header == "cookie"
    }
}

impl Call {
    pub(crate) fn with(self, credential: &Credential) -> Self {
        self.map(|request| request.header(credential.header, &credential.value))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.map(|request| request.json(body))
    }

    /// Is one of many at once.
    pub(crate) fn in_crowd(self) -> Self {
        Self {
            deadline: DEADLINE_IN_CROWD,
            ..self
        }
    }

    fn hashes(self) -> Self {
        Self {
            deadline: DEADLINE_OF_HASH,
            ..self
        }
    }

    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self {
            request: change(self.request),
            ..self
        }
    }

    /// As it travels on a connection.
    pub(crate) fn raw(self) -> String {
        let request = self.request.build().expect("a request");
        let body = request.body().and_then(|body| body.as_bytes());
        let body = std::str::from_utf8(body.unwrap_or_default()).expect("a text");
        let (method, path) = (request.method(), request.url().path());
        let mut raw = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n");
        for (name, value) in request.headers() {
            raw += &format!("{name}: {}\r\n", value.to_str().expect("ASCII"));
        }
        raw + &format!("content-length: {}\r\n\r\n{body}", body.len())
    }

    /// # Panics
    /// If the program does not answer at all.
    pub(crate) async fn send(self) -> Answer {
        self.attempt().await.expect("an answer")
    }

    /// The answer of a program that may have been killed.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn attempt(self) -> reqwest::Result<Answer> {
        let start = Instant::now();
        let response = self.request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await?,
            took: start.elapsed(),
            deadline: self.deadline,
        })
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// It is "not now", by the deadline.
    #[track_caller]
    pub(crate) fn is_unavailable_in_time(&self) {
        self.is_unavailable();
        assert!(self.took < self.deadline, "{self:?}");
    }

    /// It is "not now": to be tried again, kept by nobody, and nobody is logged out by it.
    #[track_caller]
    pub(crate) fn is_unavailable(&self) {
        self.is(503);
        assert_eq!(self.body, r#"{"detail":"Service Unavailable"}"#);
        let seconds = self
            .header("retry-after")
            .and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        // A cookie may take another's place.
        let removes = |cookie: &HeaderValue| cookie.as_bytes().windows(9).any(|part| part == b"Max-Age=0");
        assert!(
            !self.headers.get_all("set-cookie").iter().any(removes),
            "{self:?}"
        );
        assert_eq!(self.header("www-authenticate"), None, "{self:?}");
        assert!(self.header("x-correlation-id").is_some(), "{self:?}");
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The cookie of this name that it sets, as it stands in a request.
    fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all("set-cookie").iter();
        let mut all = all.map(|cookie| cookie.to_str().expect("ASCII"));
        let cookie = all.find(|cookie| cookie.split('=').next() == Some(name))?;
        cookie.split(';').next()
    }
}

/// The answer, once it is another than "not now": on a machine that is busy a hash, which goes last, may not be made in
/// time.
async fn until_hashed(what: &str, call: impl Fn() -> Call) -> Answer {
    let mut answer = None;
    until(what, async || {
        let given = call().send().await;
        if given.status == 503 {
            given.is_unavailable();
            return false;
        }
        answer = Some(given);
        true
    })
    .await;
    answer.expect("an answer")
}

/// The e-mail of the person of this name.
pub(crate) fn address(name: &str) -> String {
    format!("{name}@camelot.example")
}
