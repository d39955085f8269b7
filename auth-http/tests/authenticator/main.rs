//! The user of a request, found through several backends.

mod cookies;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../fixture/head.rs"]
mod head;
mod start;

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
use time::OffsetDateTime;
use uuid::Uuid;

use head::Head;

pub(crate) fn bearer(token: &str) -> Head {
    Head::to_app("GET", vec![("authorization", format!("Bearer {token}"))])
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

pub(crate) struct Fixture {
    pub(crate) users: Arc<MemoryUserStore>,
    pub(crate) tokens: Arc<MemoryAccessTokenStore>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            users: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Every backend accepts the same tokens.
    pub(crate) fn opaque(&self) -> OpaqueStrategy {
        OpaqueStrategy::new(self.tokens.clone(), Lifetime::FOREVER).also_accept("api")
    }

    pub(crate) fn authenticator(&self, backends: Vec<AuthBackend>) -> Authenticator {
        Authenticator::new(backends, self.users.clone(), CsrfPolicy::same_origin()).expect("authenticator")
    }

    pub(crate) async fn user(&self, email: &str) -> User {
        let email: Email = email.parse().expect("email");
        let mut user = NewUser::new(email, (), OffsetDateTime::UNIX_EPOCH);
        user.id = Some(Uuid::now_v7());
        self.users.insert(user).await.expect("insert")
    }

    pub(crate) async fn token(&self, user: &User) -> String {
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
        format!("{}={}", cookie.name(), fixture.token(&merlin).await).into(),
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
