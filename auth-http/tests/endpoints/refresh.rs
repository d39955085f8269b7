//! Refresh tokens where what happens is not seen by a client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use auth_core::{
    AccessTokenStore as _, InsertUserError, Lifetime, NewUser, NormalizedEmail, SigningSecret, StoreError,
    UpdateUserError, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, CookieTransport, Endpoints, Request, Response};
use auth_users::{EventKind, UserManager};
use portcullis::{
    jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy},
    testing::{Journal, ManualClock},
};
use portcullis_support::Log;
use serde_json::json;
use uuid::Uuid;

use crate::head::Head;

/// Users in memory, read from a replica that lags while it is told so.
#[derive(Default)]
struct Lagging {
    stored: MemoryUserStore,
    lags: AtomicBool,
}

#[async_trait]
impl UserStore for Lagging {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.stored.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        let mut found = self.stored.find(id).await?;
        if let Some(user) = &mut found
            && self.lags.load(Ordering::SeqCst)
        {
            user.security_epoch -= 1;
        }
        Ok(found)
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.stored.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.stored.update(user).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.stored.delete(id).await
    }
}

/// A `POST` to this path.
fn post(path: &'static str, headers: Vec<(&'static str, String)>) -> Head {
    Head::to_app("POST", headers).at(path)
}

struct Service {
    endpoints: Endpoints,
    users: Arc<Lagging>,
    tokens: Arc<MemoryAccessTokenStore>,
    ada: User,
    clock: Arc<ManualClock>,
    journal: Arc<Journal>,
}

impl Service {
    async fn new(grace: u64) -> Self {
        let (users, clock) = (Arc::new(Lagging::default()), Arc::new(ManualClock::default()));
        let secret = SigningSecret::generate().expect("secret");
        let tokens = Arc::new(MemoryAccessTokenStore::new());
        let strategy = || {
            let hour = Lifetime::from_secs(3600).expect("an hour");
            let jwt = JwtStrategy::hs256(&secret, hour).expect("a strategy");
            let tracked = TrackedJwtStrategy::new(jwt, tokens.clone(), Lifetime::FOREVER);
            let refresh = RefreshTokens::new(&secret).grace(Duration::from_secs(grace));
            tracked
                .expect("a strategy")
                .refresh_tokens(refresh.expect("a grace"))
                .clock(clock.clone())
        };
        let manager = UserManager::builder(users.clone(), &secret).clock(clock.clone());
        let cookie = CookieTransport::builder().name("web").build();
        let endpoints = Endpoints::builder(manager.build().expect("users"))
            .backend(AuthBackend::new("app", BearerTransport, strategy()))
            .backend(AuthBackend::new("web", cookie.expect("a cookie"), strategy()));
        let mut ada = NewUser::new(
            "ada@example.com".parse().expect("an e-mail"),
            (),
            clock_now(&clock),
        );
        ada.id = Some(Uuid::now_v7());
        let mut ada = users.insert(ada).await.expect("inserted");
        ada.security_epoch = 7;
        users.update(&ada).await.expect("written");
        ada.revision += 1;
        let endpoints = endpoints.build().expect("endpoints");
        let journal = Arc::new(Journal::new());
        endpoints.users().audit().observe(journal.clone());
        Self {
            endpoints,
            users,
            tokens,
            ada,
            clock,
            journal,
        }
    }

    /// How often a used refresh token of Ada was used again, as it was told.
    async fn reuses(&self) -> usize {
        self.endpoints.users().audit().drained().await;
        let events = self.journal.events().into_iter();
        let reuses = events.filter(|event| event.kind == EventKind::RefreshTokenReused);
        reuses.filter(|event| event.user == Some(self.ada.id)).count()
    }

    async fn log_in(
        &self,
        backend: &str,
        path: &'static str,
        headers: Vec<(&'static str, String)>,
    ) -> Response {
        self.log_in_by(backend, &post(path, headers)).await
    }

    async fn log_in_by(&self, backend: &str, head: &Head) -> Response {
        let identified = self.endpoints.users().identify_without_proof(self.ada.clone());
        let answer = self.endpoints.log_in(backend, identified, head).await;
        answer.expect("a log-in")
    }

    async fn call(&self, name: &str, head: &Head, body: &str) -> Response {
        let routes = self.endpoints.routes();
        let route = routes.iter().find(|route| route.name == name).expect(name);
        let request = Request::new(head, body.as_bytes());
        self.endpoints.call(&route.operation, request).await
    }

    async fn refresh(&self, token: &str) -> Response {
        self.with_body("auth:app.refresh", "/auth/app/refresh", token)
            .await
    }

    async fn log_out(&self, token: &str) -> Response {
        self.with_body("auth:app.logout", "/auth/app/logout", token).await
    }

    /// Calls a route with the refresh token in the body.
    async fn with_body(&self, name: &str, path: &'static str, token: &str) -> Response {
        let json = vec![("content-type", "application/json".to_owned())];
        let head = post(path, json);
        let body = json!({ "refresh_token": token }).to_string();
        self.call(name, &head, &body).await
    }
}

fn clock_now(clock: &ManualClock) -> time::OffsetDateTime {
    use auth_core::Clock as _;
    clock.now()
}

fn body(answer: &Response) -> serde_json::Value {
    serde_json::from_str(answer.body.as_deref().expect("a body")).expect("JSON")
}

fn refresh_token(answer: &Response) -> String {
    body(answer)["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn access_token(answer: &Response) -> String {
    body(answer)["access_token"].as_str().expect("a token").to_owned()
}

/// The cookie of the refresh token of the backend `web`.
const REFRESH: &str = "__Secure-web-refresh";

/// The value of the cookie that is set last.
fn cookie_of(answer: &Response, name: &str) -> String {
    let mut cookies = cookies(answer).into_iter().rev();
    let rest = cookies.find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
    let value = rest.and_then(|rest| rest.split(';').next());
    value.expect(name).to_owned()
}

fn cookies(answer: &Response) -> Vec<&str> {
    let headers = answer.headers.iter().filter(|(name, _)| *name == "set-cookie");
    headers.map(|(_, value)| value.as_str()).collect()
}

/// The path of the cookie of this name.
fn path_of<'a>(answer: &'a Response, name: &str) -> &'a str {
    let cookie = cookies(answer).into_iter().rev();
    let mut cookie = cookie.filter(|cookie| cookie.starts_with(&format!("{name}=")));
    let cookie = cookie.next().expect(name);
    let path = cookie.split("; ").find_map(|part| part.strip_prefix("Path="));
    path.expect("a path")
}

#[tokio::test]
async fn f2_reuse_is_an_event_and_a_warning_that_names_the_user_and_the_backend() {
    let service = Service::new(10).await;
    let first = refresh_token(&service.log_in("app", "/", vec![]).await);
    assert_eq!(service.refresh(&first).await.status, 200);
    service.clock.advance(time::Duration::MINUTE);
    let forged = service.refresh("forged").await;

    let listening = Log::begin();
    let reused = service.refresh(&first).await;
    let again = service.refresh(&first).await;
    assert_eq!(
        (reused.status, &reused.headers, &reused.body),
        (401, &forged.headers, &forged.body),
        "whatever it ended"
    );
    assert_eq!(again.status, 401);
    assert_eq!(service.reuses().await, 1, "once: the log-in is gone");
    let log = listening.text();
    let warning = log
        .lines()
        .find(|line| line.contains(" WARN "))
        .expect("a warning");
    let id = service.ada.id.to_string();
    for told in [
        &*id,
        "backend=\"app\"",
        "event=\"refresh_token_reused\"",
        "its log-in has ended",
    ] {
        assert!(warning.contains(told), "{told}: {warning}");
    }
    assert!(!log.contains(&first), "no token is in the log");
}

#[tokio::test]
async fn a_replica_that_lags_spends_nothing_and_logs_nobody_out() {
    let service = Service::new(0).await;
    let first = refresh_token(&service.log_in("app", "/", vec![]).await);
    service.users.lags.store(true, Ordering::SeqCst);
    for refused in [service.refresh(&first).await, service.log_out(&first).await] {
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(cookies(&refused), [] as [&str; 0]);
    }
    service.users.lags.store(false, Ordering::SeqCst);
    service.clock.advance(time::Duration::MINUTE);
    let second = service.refresh(&first).await;
    assert_eq!(second.status, 200, "without a grace, it would have been reused");
}

#[tokio::test]
async fn f4_a_token_of_before_the_credentials_were_ended_is_no_log_out_either() {
    let service = Service::new(10).await;
    let first = refresh_token(&service.log_in("app", "/", vec![]).await);
    let users = service.endpoints.users();
    assert!(
        users
            .log_out_everywhere(&service.ada.id)
            .await
            .expect("an answer")
    );
    for refused in [service.log_out(&first).await, service.refresh(&first).await] {
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    assert_eq!(
        service
            .tokens
            .delete_all(&service.ada.id)
            .await
            .expect("a number"),
        0,
        "its row is gone"
    );
}

#[tokio::test]
async fn f2_a_log_out_or_a_log_in_with_a_replaced_token_is_a_reuse() {
    for name in ["auth:app.logout", "auth:web.logout", "a log-in"] {
        let service = Service::new(10).await;
        let backend = if name == "auth:app.logout" { "app" } else { "web" };
        let token = |answer: &Response| match backend {
            "app" => refresh_token(answer),
            _ => cookie_of(answer, REFRESH),
        };
        let first = token(&service.log_in(backend, "/", vec![]).await);
        let with = |token: &str| vec![("cookie", format!("{REFRESH}={token}"))];
        let refresh = async |first: &str| match backend {
            "app" => service.refresh(first).await,
            _ => {
                let head = post("/auth/web/refresh", with(first));
                service.call("auth:web.refresh", &head, "").await
            }
        };
        let second = token(&refresh(&first).await);
        service.clock.advance(time::Duration::MINUTE);
        match name {
            "auth:app.logout" => assert_eq!(service.log_out(&first).await.status, 401),
            "a log-in" => drop(service.log_in("web", "/", with(&first)).await),
            _ => {
                let head = post("/auth/web/logout", with(&first));
                let refused = service.call(name, &head, "").await;
                assert_eq!(refused.status, 401, "{refused:?}");
                for cookie in ["web", REFRESH] {
                    assert_eq!(cookie_of(&refused, cookie), "", "{cookie} is removed");
                }
            }
        }
        assert_eq!(refresh(&second).await.status, 401, "{name}: the log-in has ended");
        assert_eq!(service.reuses().await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_log_in_that_presents_a_dead_access_token_ends_nothing() {
    for (passed, status) in [(3604, 401), (3605, 200)] {
        let service = Service::new(10).await;
        let first = service.log_in("app", "/", vec![]).await;
        service.clock.advance(time::Duration::seconds(passed));
        let presented = format!("Bearer {}", access_token(&first));
        service
            .log_in("app", "/", vec![("authorization", presented)])
            .await;
        let refreshed = service.refresh(&refresh_token(&first)).await;
        assert_eq!(refreshed.status, status, "{passed}");
    }
}

#[tokio::test]
async fn f6_a_repeat_within_the_grace_says_how_long_the_access_token_still_lives() {
    let service = Service::new(10).await;
    let first = refresh_token(&service.log_in("app", "/", vec![]).await);
    for expected in [3600, 3591] {
        let answer = service.refresh(&first).await;
        assert_eq!(body(&answer)["expires_in"], expected);
        service.clock.advance(time::Duration::seconds(9));
    }
}

#[tokio::test]
async fn c7_the_path_of_the_refresh_cookie_is_that_of_its_backend_in_a_scope_too() {
    let service = Service::new(10).await;
    let listening = Log::begin();
    for (mount, expected) in [
        (Some(""), "/auth/web"),
        (Some("/api/v2"), "/api/v2/auth/web"),
        (Some("/auth"), "/auth/auth/web"),
    ] {
        // Whatever the application calls its own route.
        for path in [
            "/auth/web/login",
            "/admin/users/7/log-in-as",
            "/welcome",
            "/auth/web/",
        ] {
            let mut head = post(path, vec![]);
            head.mount = mount;
            let answer = service.log_in_by("web", &head).await;
            assert_eq!(path_of(&answer, "__Secure-web-refresh"), expected, "{path}");
            assert_eq!(path_of(&answer, "web"), "/", "{path}");
        }
    }
    let log = || listening.text();
    assert!(!log().contains("WARN"), "{}", log());
    // It is not known, or no attribute can hold it.
    for mount in [None, Some("/a;Domain=evil.example")] {
        let mut head = post("/elsewhere", vec![]);
        head.mount = mount;
        let answer = service.log_in_by("web", &head).await;
        assert_eq!(path_of(&answer, "__Secure-web-refresh"), "/auth/web");
    }
    let log = log();
    let warnings = log.lines().filter(|line| line.contains("set `public_url`"));
    assert_eq!(warnings.count(), 2, "{log}");
}

#[tokio::test]
async fn c5_a_stray_access_cookie_leaves_the_refresh_token_alone_and_a_refresh_is_short() {
    let service = Service::new(10).await;
    let answer = service.log_in("web", "/auth/web/login", vec![]).await;
    let (access, refresh) = (cookie_of(&answer, "web"), cookie_of(&answer, REFRESH));
    let head = |path, cookies: String| post(path, vec![("cookie", cookies)]);
    let twice = head("/users/me", format!("web=stray; web={access}"));
    let refused = service.call("users:current_user", &twice, "").await;
    assert_eq!(refused.status, 401);
    let removed = cookies(&refused);
    assert!(
        removed.len() > 1 && removed.iter().all(|cookie| cookie.starts_with("web=;")),
        "{removed:?}"
    );

    let cookie = format!("web={access}; __Secure-web-refresh={refresh}");
    let refreshed = service
        .call("auth:web.refresh", &head("/auth/web/refresh", cookie), "")
        .await;
    assert_eq!(refreshed.status, 204);
    assert_eq!(cookies(&refreshed).len(), 2, "{refreshed:?}");

    // A log-in does not know which one it got, and removes any other before it sets its own.
    let stray = vec![("cookie", "__Secure-web-refresh=stray".to_owned())];
    let log_in = service.log_in("web", "/auth/web/login", stray).await;
    let removed = cookies(&log_in);
    let strays = removed
        .iter()
        .filter(|cookie| cookie.starts_with("__Secure-web-refresh=;"));
    assert!(strays.count() > 3, "{removed:?}");
    assert_eq!(path_of(&log_in, "__Secure-web-refresh"), "/auth/web");
}
