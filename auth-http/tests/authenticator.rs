//! Who is asking, through several backends.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{
    Abilities, ClientInfo, Credential, Email, ExposeSecret as _, IssueError, Issued, Lifetime, NewLogIn,
    NewUser, OpaqueStrategy, Outcome, ReadError, RevocableStrategy, SigningSecret, StoreError, Strategy,
    Subject, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{
    AcceptedBackends, Active, AuthBackend, Authenticator, BearerTransport, CookieTransport, CsrfPolicy,
    Endpoints, HttpError, Request, RequestHead, Target,
};
use auth_users::UserManager;
use portcullis::jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy};
use time::OffsetDateTime;
use uuid::Uuid;

struct Head {
    method: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn target(&self) -> Target<'_> {
        Target::new(false, Some("app.example.com"), "/")
    }

    fn mount(&self) -> Option<String> {
        Some(String::new())
    }

    fn peer(&self) -> Option<std::net::IpAddr> {
        None
    }

    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
        self.headers
            .iter()
            .filter(|(n, _)| *n == name)
            .for_each(|(_, value)| each(value.as_bytes()));
    }
}

fn bearer(token: &str) -> Head {
    Head {
        method: "GET",
        headers: vec![("authorization", format!("Bearer {token}"))],
    }
}

/// A strategy whose store never answers.
struct Down;

#[async_trait]
impl Strategy for Down {
    async fn issue(&self, _log_in: &NewLogIn<'_>) -> Result<Issued, IssueError> {
        Err(StoreError::unreachable("down", "out of order").into())
    }

    async fn read(&self, _audience: &str, _presented: &str) -> Result<Credential, ReadError> {
        Err(StoreError::unreachable("down", "out of order").into())
    }
}

#[async_trait]
impl RevocableStrategy for Down {
    async fn revoke(&self, _audience: &str, _presented: &str) -> Result<(), StoreError> {
        Err(StoreError::unreachable("down", "out of order"))
    }

    async fn revoke_all(&self, _user_id: &Uuid) -> Result<(), StoreError> {
        Err(StoreError::unreachable("down", "out of order"))
    }

    fn abilities(&self) -> Abilities<'_> {
        Abilities::none()
    }
}

struct Fixture {
    users: Arc<MemoryUserStore>,
    tokens: Arc<MemoryAccessTokenStore>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            users: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Every backend accepts the same tokens.
    fn opaque(&self) -> OpaqueStrategy {
        OpaqueStrategy::new(self.tokens.clone(), Lifetime::FOREVER).also_accept("api")
    }

    fn authenticator(&self, backends: Vec<AuthBackend>) -> Authenticator {
        Authenticator::new(backends, self.users.clone(), CsrfPolicy::same_origin()).expect("authenticator")
    }

    async fn user(&self, email: &str) -> User {
        let email: Email = email.parse().expect("email");
        let mut user = NewUser::new(email, (), OffsetDateTime::UNIX_EPOCH);
        user.id = Some(Uuid::now_v7());
        self.users.insert(user).await.expect("insert")
    }

    async fn token(&self, user: &User) -> String {
        let issued = self
            .opaque()
            .issue(&NewLogIn::new(
                "api",
                &Subject::from(user),
                &ClientInfo::default(),
            ))
            .await
            .expect("issue");
        issued.access.secret.expose_secret().to_owned()
    }
}

async fn outcome(authenticator: &Authenticator, head: &Head, accepted: &AcceptedBackends) -> String {
    match authenticator.read_without_csrf_check(head, accepted).await {
        Outcome::Authenticated(found) => format!("{} by {}", found.user.email, found.backend),
        Outcome::Anonymous => "anonymous".to_owned(),
        Outcome::Rejected(rejection) => rejection.to_string(),
        Outcome::Unavailable(error) => format!("unavailable: {}", error.origin()),
    }
}

#[tokio::test]
async fn the_first_backend_in_order_that_yields_a_user_wins() {
    let fixture = Fixture::new();
    let (arthur, merlin) = (
        fixture.user("arthur@example.com").await,
        fixture.user("merlin@example.com").await,
    );
    let cookie = CookieTransport::default();
    let mut head = bearer(&fixture.token(&arthur).await);
    head.headers.push((
        "cookie",
        format!("{}={}", cookie.name(), fixture.token(&merlin).await),
    ));

    let a = || AuthBackend::new("a", BearerTransport, fixture.opaque());
    let b = || AuthBackend::new("b", CookieTransport::default(), fixture.opaque());
    let ab = fixture.authenticator(vec![a(), b()]);
    let ba = fixture.authenticator(vec![b(), a()]);
    assert_eq!(
        outcome(&ab, &head, &AcceptedBackends::All).await,
        "arthur@example.com by a"
    );
    assert_eq!(
        outcome(&ba, &head, &AcceptedBackends::All).await,
        "merlin@example.com by b"
    );
    assert_eq!(
        outcome(&ab, &head, &AcceptedBackends::only(["b"])).await,
        "merlin@example.com by b"
    );
    assert_eq!(
        outcome(&ab, &head, &AcceptedBackends::only(["c"])).await,
        "anonymous"
    );

    let mut broken = bearer("unknown");
    broken.headers.push(head.headers.pop().expect("cookie"));
    assert_eq!(
        outcome(&ab, &broken, &AcceptedBackends::All).await,
        "merlin@example.com by b"
    );
    assert_eq!(
        outcome(&ab, &broken, &AcceptedBackends::only(["a"])).await,
        "unknown"
    );
}

#[tokio::test]
async fn e2_a_store_that_is_down_is_unavailable_and_never_anonymous_or_rejected() {
    let fixture = Fixture::new();
    let arthur = fixture.user("arthur@example.com").await;
    let down = || AuthBackend::new("down", BearerTransport, Down);
    let up = || AuthBackend::new("up", BearerTransport, fixture.opaque());
    let token = fixture.token(&arthur).await;
    for backends in [vec![down(), up()], vec![up(), down()]] {
        let authenticator = fixture.authenticator(backends);
        assert_eq!(
            outcome(&authenticator, &bearer("unknown"), &AcceptedBackends::All).await,
            "unavailable: down"
        );
        assert_eq!(
            outcome(&authenticator, &bearer(&token), &AcceptedBackends::All).await,
            "arthur@example.com by up"
        );
        let required = authenticator
            .require(&bearer("x"), &AcceptedBackends::All, &Active)
            .await;
        assert!(matches!(required, Err(HttpError::Unavailable(_))));
        assert!(matches!(
            authenticator.find(&bearer("x"), &AcceptedBackends::All).await,
            Err(HttpError::Unavailable(_))
        ));
    }
}

#[tokio::test]
async fn x2_a_bearer_header_beside_the_cookie_does_not_switch_the_check_off() {
    let fixture = Fixture::new();
    let arthur = fixture.user("arthur@example.com").await;
    let cookie = CookieTransport::default();
    let token = fixture.token(&arthur).await;
    let authenticator = fixture.authenticator(vec![
        AuthBackend::new("a", BearerTransport, fixture.opaque()),
        AuthBackend::new("b", cookie.clone(), fixture.opaque()),
    ]);
    let mut head = bearer(&token);
    head.method = "POST";
    head.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
    head.headers
        .push(("cookie", format!("{}={token}", cookie.name())));
    assert!(matches!(
        authenticator.find(&head, &AcceptedBackends::All).await,
        Err(HttpError::Forbidden)
    ));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::only(["a"]))
            .await
            .is_ok_and(|found| found.is_some())
    );
}

#[tokio::test]
async fn a_cookie_with_double_submit_acts_only_with_the_token_of_its_session() {
    let fixture = Fixture::new();
    let arthur = fixture.user("arthur@example.com").await;
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::builder(fixture.users.clone(), &secret).build();
    let cookie = AuthBackend::new("b", CookieTransport::default(), fixture.opaque());
    let endpoints = Endpoints::builder(users.expect("users"))
        .backend(cookie)
        .csrf(CsrfPolicy::same_origin().double_submit(&secret))
        .build()
        .expect("endpoints");
    let identified = endpoints.users().identify_without_proof(arthur.clone());
    let response = endpoints.log_in("b", identified, &bearer("")).await;
    let response = response.expect("a log-in");
    let value = |name: &str| {
        let mut set = response.headers.iter().map(|(_, value)| value);
        let value = set.find_map(|value| value.strip_prefix(name)?.strip_prefix('='));
        let value = value.and_then(|value| value.split(';').next());
        value.expect("a cookie").to_owned()
    };
    let name = "__Host-portcullis";
    let (token, csrf) = (value(name), value("__Host-portcullis-csrf"));
    let authenticator = endpoints.authenticator();

    let mut head = Head {
        method: "POST",
        headers: vec![("cookie", format!("{name}={token}"))],
    };
    assert!(matches!(
        authenticator.find(&head, &AcceptedBackends::All).await,
        Err(HttpError::Forbidden)
    ));
    head.headers.push(("x-csrf-token", csrf));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
    head.headers.pop();
    head.method = "GET";
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
}

#[tokio::test]
async fn c5_a_401_that_removes_the_cookies_of_several_backends_stays_short() {
    let fixture = Fixture::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let backends = names.map(|name| {
        let cookie = CookieTransport::builder()
            .name(format!("__Secure-{name}"))
            .build();
        AuthBackend::new(name, cookie.expect("a cookie"), fixture.opaque())
    });
    let authenticator = fixture.authenticator(backends.into());
    let twice = names.map(|name| format!("__Secure-{name}=x; __Secure-{name}=y"));
    let head = Head {
        method: "GET",
        headers: vec![("cookie", twice.join("; "))],
    };
    let refused = authenticator
        .require(&head, &AcceptedBackends::All, &Active)
        .await;
    let answer = refused.expect_err("nobody").into_response();
    let of = |header: &'static str| answer.headers.iter().filter(move |(name, _)| *name == header);
    let bytes: usize = of("set-cookie")
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    assert!(bytes <= 2048, "{bytes}");
    assert!(
        of("set-cookie").any(|(_, value)| value.starts_with("__Secure-a=;")),
        "{answer:?}"
    );
    assert_eq!(of("cache-control").count(), 1);
}

/// An optional user is not refused, and then nothing is removed.
#[tokio::test]
async fn c5_the_log_of_two_cookies_promises_their_removal_by_a_401_alone() {
    let fixture = Fixture::new();
    let cookie = CookieTransport::builder().name("auth").build().expect("a cookie");
    let authenticator = fixture.authenticator(vec![AuthBackend::new("b", cookie, fixture.opaque())]);
    let head = Head {
        method: "GET",
        headers: vec![("cookie", "auth=x; auth=y".to_owned())],
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Arc::new(file.reopen().expect("the file")))
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    let found = authenticator.find(&head, &AcceptedBackends::All).await;
    drop(listening);
    assert!(matches!(found, Ok(None)), "{found:?}");
    let log = std::fs::read_to_string(file).expect("a log");
    assert!(
        log.contains("a 401 removes them") && log.contains(r#"cookie="auth""#),
        "{log}"
    );
}

#[test]
fn c7_a_secure_cookie_that_browsers_drop_at_the_public_url_is_warned_of_at_start() {
    let log_of = |cookie: CookieTransport, url: &str| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Arc::new(file.reopen().expect("the file")))
            .finish();
        let fixture = Fixture::new();
        let secret = SigningSecret::generate().expect("secret");
        let users = UserManager::builder(fixture.users.clone(), &secret).build();
        let builder = Endpoints::builder(users.expect("users"))
            .backend(AuthBackend::new("a", BearerTransport, fixture.opaque()))
            .backend(AuthBackend::new("b", cookie, fixture.opaque()))
            .public_url(url)
            .expect("a URL");
        let built = tracing::subscriber::with_default(subscriber, || builder.build());
        assert!(built.is_ok());
        std::fs::read_to_string(file).expect("a log")
    };
    let plain = CookieTransport::builder()
        .name("plain")
        .secure(false)
        .allow_insecure();
    let plain = plain.build().expect("a cookie");
    let log = log_of(CookieTransport::default(), "http://example.com/api");
    for told in ["WARN", "backend=\"b\"", "http://example.com/api", "write `https`"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert_eq!(log_of(plain, "http://example.com/api"), "");
    for good in ["https://example.com", "http://127.0.0.1:8080"] {
        assert_eq!(log_of(CookieTransport::default(), good), "", "{good}");
    }
}

#[test]
fn backends_that_cannot_be_told_apart_are_refused_at_start() {
    let fixture = Fixture::new();
    let bearer = |name: &str| AuthBackend::new(name, BearerTransport, fixture.opaque());
    let cookie = |name: &str| AuthBackend::new(name, CookieTransport::default(), fixture.opaque());
    for (backends, setting) in [
        (vec![], "backends"),
        (vec![bearer("a"), bearer("a")], "backend \"a\""),
        (vec![cookie("a"), cookie("b")], "backend \"b\""),
        (vec![bearer("a/b")], "backend \"a/b\""),
        (vec![bearer("")], "backend \"\""),
    ] {
        let built = Authenticator::<Uuid>::new(backends, fixture.users.clone(), CsrfPolicy::same_origin());
        assert_eq!(built.err().expect(setting).setting(), setting);
    }
}

#[test]
fn backends_whose_refresh_cookies_have_one_name_are_refused_at_start() {
    let fixture = Fixture::new();
    let secret = SigningSecret::generate().expect("secret");
    let cookie = |backend: &str, name: &str, refreshes: bool| {
        let hour = Lifetime::from_secs(3600).expect("an hour");
        let jwt = JwtStrategy::hs256(&secret, hour).expect("a strategy");
        let tracked = TrackedJwtStrategy::new(jwt, fixture.tokens.clone(), Lifetime::FOREVER);
        let mut tracked = tracked.expect("a strategy");
        if refreshes {
            tracked = tracked.refresh_tokens(RefreshTokens::new(&secret));
        }
        let cookie = CookieTransport::builder().name(name).build();
        AuthBackend::new(backend.to_owned(), cookie.expect("a cookie"), tracked)
    };
    let built = |first: AuthBackend, second| {
        let csrf = CsrfPolicy::same_origin();
        Authenticator::<Uuid>::new(vec![first, second], fixture.users.clone(), csrf)
    };
    for (one, other, refreshes, told) in [
        ("__Host-web", "__Secure-web", true, "\"__Secure-web-refresh\""),
        ("web", "__Host-web", true, "\"__Secure-web-refresh\""),
        (
            "__Host-web",
            "__Secure-web-refresh",
            false,
            "\"__Secure-web-refresh\"",
        ),
        (
            "__Host-web",
            "__Secure-web-refresh-csrf",
            false,
            "\"__Secure-web-refresh-csrf\"",
        ),
        ("__Host-web", "__Host-web-csrf", false, "\"__Host-web-csrf\""),
    ] {
        for (first, second) in [
            (cookie("a", one, true), cookie("b", other, refreshes)),
            (cookie("b", other, refreshes), cookie("a", one, true)),
        ] {
            let setting = format!("backend {:?}", second.name());
            let error = built(first, second).err().expect("one name");
            assert_eq!(error.setting(), setting);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
    assert!(
        built(
            cookie("a", "__Host-web", false),
            cookie("b", "__Secure-web", false)
        )
        .is_ok()
    );
    assert!(built(cookie("a", "__Host-web", true), cookie("b", "__Host-app", true)).is_ok());
}

/// A binding to a framework that moves futures between threads needs them to be `Send`.
#[tokio::test]
async fn what_a_route_returns_is_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let fixture = Fixture::new();
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::builder(fixture.users.clone(), &secret)
        .build()
        .expect("users");
    let endpoints = Endpoints::builder(users)
        .backend(AuthBackend::new("a", BearerTransport, fixture.opaque()))
        .build()
        .expect("endpoints");
    let head = bearer("unknown");
    let mut statuses = Vec::new();
    for route in endpoints.routes() {
        let answer = endpoints.call(&route.operation, Request::new(&head, b"").with_id("1"));
        statuses.push((route.name, assert_send(answer).await.status));
    }
    let expected = [
        ("auth:methods", 200),
        ("auth:a.login", 422),
        ("auth:a.logout", 401),
        ("register:register", 422),
        ("verify:request-token", 422),
        ("verify:verify", 422),
        ("reset:forgot_password", 422),
        ("reset:reset_password", 422),
        ("users:current_user", 401),
        ("users:patch_current_user", 401),
        ("users:user", 401),
        ("users:patch_user", 401),
        ("users:delete_user", 401),
        ("auth:sessions", 401),
        ("auth:delete_sessions", 401),
        ("auth:delete_session", 401),
        ("auth:logout_everywhere", 401),
        ("users:sessions", 401),
        ("users:delete_sessions", 401),
        ("users:delete_session", 401),
    ];
    assert_eq!(statuses, expected.map(|(name, status)| (name.to_owned(), status)));
}
