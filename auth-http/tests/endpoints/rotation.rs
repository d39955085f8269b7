//! Access tokens that the answers of the library's own routes replace.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use auth_core::{
    Abilities, Clock as _, Credential, IssueError, Issued, IssuedToken, Lifetime, NewLogIn, OpaqueStrategy,
    ReadError, RevocableStrategy, RotateStrategy, SigningSecret, StoreError, Strategy, SystemClock,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{
    AcceptedBackends, AuthBackend, BearerTransport, CookieTransport, Endpoints, Request, Response,
};
use auth_users::{Registration, UserManager};
use serde_json::json;
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, call},
};

const NEXT: &str = "the-next-token";

/// Wants each token replaced, and counts how often that is done.
struct Rotating {
    tokens: OpaqueStrategy,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    rotated: AtomicUsize,
    is_down: AtomicBool,
}

#[async_trait]
impl Strategy for Rotating {
    async fn issue(&self, log_in: &NewLogIn<'_>) -> Result<Issued, IssueError> {
        self.tokens.issue(log_in).await
    }

    async fn read(&self, audience: &str, presented: &str) -> Result<Credential, ReadError> {
        let mut credential = self.tokens.read(audience, presented).await?;
        credential.rotation_due = true;
        Ok(credential)
    }
}

#[async_trait]
impl RevocableStrategy for Rotating {
    async fn revoke(&self, audience: &str, presented: &str) -> Result<(), StoreError> {
        self.tokens.revoke(audience, presented).await
    }

    async fn revoke_all(&self, user_id: &Uuid) -> Result<(), StoreError> {
        self.tokens.revoke_all(user_id).await
    }

    fn abilities(&self) -> Abilities<'_> {
        let mut abilities = self.tokens.abilities();
        abilities.rotate = Some(self);
        abilities
    }
}

#[async_trait]
impl RotateStrategy for Rotating {
    async fn rotate(&self, audience: &str, presented: &str) -> Result<Option<IssuedToken>, ReadError> {
        if self.state.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::unreachable("tokens", "out of order").into());
        }
        self.tokens.read(audience, presented).await?;
        self.state.rotated.fetch_add(1, Ordering::SeqCst);
        Ok(Some(IssuedToken::new(NEXT.into(), SystemClock.now(), None)))
    }
}

struct Service {
    endpoints: Endpoints,
    state: Arc<State>,
    id: Uuid,
}

impl Service {
    async fn new() -> Self {
        let (tokens, state) = (Arc::new(MemoryAccessTokenStore::new()), Arc::<State>::default());
        let strategy = || Rotating {
            tokens: OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER),
            state: Arc::clone(&state),
        };
        let secret = SigningSecret::generate().expect("secret");
        let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret);
        let endpoints = Endpoints::builder(users.build().expect("users"))
            .backend(AuthBackend::new("bearer", BearerTransport, strategy()))
            .backend(AuthBackend::new("cookie", CookieTransport::default(), strategy()))
            .build()
            .expect("endpoints");
        let email = "ada@example.com".parse().expect("an e-mail");
        let ada = Registration::new(email, PASSWORD.into(), ());
        let id = endpoints.users().create(ada).await.expect("a user").id;
        Self { endpoints, state, id }
    }

    /// A request with the credential of a new log-in through `backend`.
    async fn head(&self, backend: &str, method: &'static str) -> Head {
        let users = self.endpoints.users();
        let ada = users.find(&self.id).await.expect("an answer").expect("the user");
        let identified = users.identify_without_proof(ada);
        let answer = self
            .endpoints
            .log_in(backend, identified, &Head::to_app("POST", Vec::new()))
            .await;
        let answer = answer.expect("a log-in");
        let credential = match answer.body {
            Some(body) => {
                let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                let token = body["access_token"].as_str().expect("a token");
                ("authorization", format!("Bearer {token}"))
            }
            None => {
                let (_, cookie) = answer
                    .headers
                    .iter()
                    .find(|(name, _)| *name == "set-cookie")
                    .expect("a cookie");
                let (pair, _attributes) = cookie.split_once(';').expect("attributes");
                ("cookie", pair.to_owned())
            }
        };
        Head::to_app(
            method,
            vec![credential, ("content-type", "application/json".to_owned())],
        )
    }

    async fn call(&self, route: &str, head: &Head, body: &str) -> Response {
        let id = self.id.to_string();
        call(
            &self.endpoints,
            route,
            Request::new(head, body.as_bytes()).with_id(&id),
        )
        .await
    }

    fn rotations(&self) -> usize {
        self.state.rotated.swap(0, Ordering::SeqCst)
    }
}

/// The next token in an answer, if there is one.
fn next(answer: &Response) -> Option<&str> {
    let next: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| ["x-access-token", "set-cookie"].contains(name))
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(next.len() <= 1, "{next:?}");
    next.first().copied()
}

#[tokio::test]
async fn the_answer_to_any_request_of_a_user_carries_the_next_token_errors_included() {
    let service = Service::new().await;
    let cookie = format!("__Host-portcullis={NEXT}; HttpOnly; SameSite=Lax; Secure; Path=/");
    for (backend, expected) in [("bearer", NEXT), ("cookie", &cookie)] {
        for (route, method, body, status) in [
            ("users:current_user", "GET", "", 200),
            ("auth:sessions", "GET", "", 200),
            ("users:patch_current_user", "PATCH", r#"{"email": 7}"#, 422),
            (
                "users:patch_current_user",
                "PATCH",
                r#"{"password": "short"}"#,
                400,
            ),
            ("users:user", "GET", "", 403),
            ("users:sessions", "GET", "", 403),
            ("auth:delete_sessions", "DELETE", "", 204),
        ] {
            let head = service.head(backend, method).await;
            let answer = service.call(route, &head, body).await;
            assert_eq!(answer.status, status, "{route}");
            assert_eq!(next(&answer), Some(expected), "{route}");
            assert!(answer.headers.contains(&("cache-control", "no-store".to_owned())));
            assert_eq!(service.rotations(), 1);
        }
    }
}

#[tokio::test]
async fn a_request_that_a_token_did_not_authenticate_brings_none() {
    let service = Service::new().await;
    for head in [
        Head::to_app("PATCH", Vec::new()),
        Head::to_app("PATCH", vec![("authorization", "Bearer unknown".to_owned())]),
    ] {
        for (route, body, status) in [("users:current_user", "", 401), ("auth:methods", "", 200)] {
            let answer = service.call(route, &head, body).await;
            assert_eq!((answer.status, next(&answer)), (status, None), "{route}");
        }
    }
    // JSON that cannot be read is judged first.
    let head = service.head("bearer", "PATCH").await;
    let answer = service.call("users:patch_current_user", &head, "{").await;
    assert_eq!((answer.status, next(&answer)), (422, None));
    assert_eq!(service.rotations(), 0);
}

#[tokio::test]
async fn the_answer_that_ends_a_log_in_brings_no_other_token() {
    for backend in ["bearer", "cookie"] {
        for route in [
            "logout",
            "auth:logout_everywhere",
            "auth:delete_session",
            "password",
        ] {
            let service = Service::new().await;
            let method = if route == "auth:delete_session" {
                "DELETE"
            } else {
                "PATCH"
            };
            let head = service.head(backend, method).await;
            let authenticator = service.endpoints.authenticator();
            let found = authenticator
                .find(&head, &AcceptedBackends::All)
                .await
                .expect("an answer");
            let current = found.expect("a user").credential.id.expect("an id").to_string();
            let log_out = format!("auth:{backend}.logout");
            let answer = match route {
                "logout" => service.call(&log_out, &head, "").await,
                "password" => {
                    let body = json!({"password": "a grail of many words"}).to_string();
                    service.call("users:patch_current_user", &head, &body).await
                }
                _ => {
                    call(
                        &service.endpoints,
                        route,
                        Request::new(&head, b"").with_id(&current),
                    )
                    .await
                }
            };
            assert!([200, 204].contains(&answer.status), "{route}: {}", answer.status);
            let cookies = next(&answer).map(|cookie| cookie.starts_with("__Host-portcullis=;"));
            let is_removed = backend == "cookie" && route != "password";
            assert_eq!(cookies, is_removed.then_some(true), "{backend} {route}");
            assert_eq!(service.rotations(), 0);
        }
    }
}

#[tokio::test]
async fn a_rotation_that_fails_does_not_fail_the_request() {
    let service = Service::new().await;
    service.state.is_down.store(true, Ordering::SeqCst);
    let head = service.head("bearer", "GET").await;
    let answer = service.call("users:current_user", &head, "").await;
    assert_eq!((answer.status, next(&answer)), (200, None));
    service.state.is_down.store(false, Ordering::SeqCst);
    let answer = service.call("users:current_user", &head, "").await;
    assert_eq!((answer.status, next(&answer)), (200, Some(NEXT)));
}

#[tokio::test]
async fn an_answer_that_has_a_token_for_the_same_place_gets_no_other() {
    let service = Service::new().await;
    let authenticator = service.endpoints.authenticator();
    for (backend, theirs, others) in [
        (
            "bearer",
            ("X-Access-Token", "theirs"),
            ("set-cookie", "__Host-portcullis=theirs"),
        ),
        (
            "cookie",
            ("Set-Cookie", "__Host-portcullis=theirs; Secure"),
            ("x-access-token", "theirs"),
        ),
        (
            "cookie",
            ("set-cookie", "__Host-portcullis=; Max-Age=0"),
            ("set-cookie", "__Host-portcullis-csrf=x"),
        ),
    ] {
        let head = service.head(backend, "GET").await;
        let found = authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .expect("an answer")
            .expect("a user");
        assert_eq!(authenticator.rotate(&found, &head, [theirs]).await, []);
        assert_eq!(service.rotations(), 0, "nothing was replaced either");
        assert_eq!(authenticator.rotate(&found, &head, [others]).await.len(), 1);
        assert_eq!(service.rotations(), 1);
    }
}
