//! From registration to a dead token, over HTTP.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::running::Running;

const EMAIL: &str = "arthur@camelot.example";
const PASSWORD: &str = "a grail of many words";
const NEW_PASSWORD: &str = "another grail of words";

#[tokio::test]
async fn a_newcomer_registers_logs_in_reads_changes_logs_out_and_the_token_is_dead() {
    let visit = Visit::start().await;
    let token = visit.bearer("bearer", PASSWORD).await;
    let bearer = |method, path| visit.request(method, path).bearer_auth(&token);
    let me = json_of(bearer(Method::GET, "/users/me"), 200).await;
    assert_eq!(
        (&me["email"], &me["is_superuser"]),
        (&json!(EMAIL), &json!(false))
    );
    let hello = answer(bearer(Method::GET, "/hello"), 200).await;
    assert_eq!(hello.text().await.expect("text"), format!("Hello, {EMAIL}!"));
    let changed = bearer(Method::PATCH, "/users/me").json(&json!({ "email": "king@camelot.example" }));
    assert_eq!(json_of(changed, 200).await["email"], "king@camelot.example");

    answer(bearer(Method::POST, "/auth/bearer/logout"), 204).await;
    answer(bearer(Method::GET, "/users/me"), 401).await;
    answer(bearer(Method::GET, "/hello"), 401).await;
    answer(bearer(Method::POST, "/auth/bearer/logout"), 401).await;
    visit.log_holds_none_of(&[&token, PASSWORD]);
}

#[tokio::test]
async fn a_cookie_logs_in_and_is_dead_after_the_log_out() {
    let visit = Visit::start().await;
    let answered = answer(visit.log_in("cookie", PASSWORD), 204).await;
    let cookie = cookie(answered.headers());
    let token = cookie.strip_prefix("__Host-cookie=").expect("the cookie's name");
    assert!(!token.is_empty());
    let with = |method, path| visit.request(method, path).header(COOKIE, &cookie);
    assert_eq!(json_of(with(Method::GET, "/users/me"), 200).await["email"], EMAIL);
    let answered = answer(with(Method::POST, "/auth/cookie/logout"), 204).await;
    assert_eq!(self::cookie(answered.headers()), "__Host-cookie=");
    answer(with(Method::GET, "/users/me"), 401).await;
    visit.log_holds_none_of(&[token, PASSWORD]);
}

#[tokio::test]
async fn a_mail_in_the_outbox_resets_the_password_and_ends_every_log_in() {
    let visit = Visit::start().await;
    let before = visit.bearer("bearer", PASSWORD).await;
    let forgot = visit
        .request(Method::POST, "/auth/forgot-password")
        .json(&json!({ "email": EMAIL }));
    assert_eq!(json_of(forgot, 202).await, Value::Null);
    let mail = visit.running.mail("reset").await;
    assert_eq!(mail["to"], EMAIL);
    let reset = || {
        let body = json!({ "token": mail["token"], "password": NEW_PASSWORD });
        visit.request(Method::POST, "/auth/reset-password").json(&body)
    };
    answer(reset(), 200).await;
    answer(reset(), 400).await;
    answer(visit.log_in("bearer", PASSWORD), 400).await;
    visit.bearer("bearer", NEW_PASSWORD).await;
    answer(visit.request(Method::GET, "/users/me").bearer_auth(&before), 401).await;
    let mailed = mail["token"].as_str().expect("a token");
    visit.log_holds_none_of(&[mailed, &before, PASSWORD, NEW_PASSWORD]);
}

#[tokio::test]
async fn a_mail_in_the_outbox_verifies_the_address() {
    let visit = Visit::start().await;
    let ask = visit
        .request(Method::POST, "/auth/request-verify-token")
        .json(&json!({ "email": EMAIL }));
    answer(ask, 202).await;
    let mail = visit.running.mail("verify").await;
    let verify = visit
        .request(Method::POST, "/auth/verify")
        .json(&json!({ "token": mail["token"] }));
    assert_eq!(json_of(verify, 200).await["is_verified"], true);
    visit.log_holds_none_of(&[mail["token"].as_str().expect("a token"), PASSWORD]);
}

#[tokio::test]
async fn the_docs_and_the_document_are_served() {
    let visit = Visit::start().await;
    for path in ["/docs", "/docs/"] {
        let page = answer(visit.request(Method::GET, path), 200).await;
        assert!(page.text().await.expect("text").contains("swagger-ui"), "{path}");
    }
    let document = json_of(visit.request(Method::GET, "/openapi.json"), 200).await;
    let schemes = document["components"]["securitySchemes"].as_object();
    assert_eq!(
        schemes.expect("schemes").keys().collect::<Vec<_>>(),
        ["bearer", "cookie"]
    );
}

/// A running example, with a user.
struct Visit {
    running: Running,
    client: Client,
}

impl Visit {
    async fn start() -> Self {
        let client = Client::builder().pool_idle_timeout(Duration::from_secs(2));
        let visit = Self {
            running: Running::start(),
            // actix-web closes a connection that was idle for 5 s: a request then sent on it would be lost.
            client: client.build().expect("a client"),
        };
        let register = visit
            .request(Method::POST, "/auth/register")
            .json(&json!({ "email": EMAIL, "password": PASSWORD }));
        answer(register, 201).await;
        visit
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.running.url(path))
    }

    fn log_in(&self, backend: &str, password: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/auth/{backend}/login"))
            .form(&[("username", EMAIL), ("password", password)])
    }

    async fn bearer(&self, backend: &str, password: &str) -> String {
        let body = json_of(self.log_in(backend, password), 200).await;
        assert_eq!(body["token_type"], "bearer");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    fn log_holds_none_of(&self, secrets: &[&str]) {
        let log = self.running.log();
        assert!(log.contains("registered"), "the log tells what happens: {log}");
        for secret in secrets {
            assert!(!log.contains(secret), "a secret is in the log:\n{log}");
        }
    }
}

/// # Panics
/// If the status is another one.
async fn answer(request: RequestBuilder, status: u16) -> Response {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), status, "{}", response.url());
    response
}

async fn json_of(request: RequestBuilder, status: u16) -> Value {
    answer(request, status).await.json().await.expect("JSON")
}

/// The cookie that is set, as a browser sends it back.
fn cookie(headers: &HeaderMap) -> String {
    let set = headers.get(SET_COOKIE).expect("a cookie").to_str().expect("text");
    set.split(';').next().unwrap_or_default().to_owned()
}
