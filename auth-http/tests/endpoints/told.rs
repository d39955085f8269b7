//! The events of requests.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Poll,
};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, Cap, InsertTokenError, Lifetime, OpaqueStrategy, SigningSecret,
    StoreError, TokenLookup,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, CookieTransport, Endpoints, Request};
use auth_users::{Registration, UserManager};
use portcullis::testing::Journal;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, call},
};

/// Tokens that can be out of reach.
#[derive(Default)]
struct Tokens {
    stored: MemoryAccessTokenStore,
    is_down: AtomicBool,
}

impl Tokens {
    async fn reached(&self) -> Result<&MemoryAccessTokenStore, StoreError> {
        tokio::task::yield_now().await;
        match self.is_down.load(SeqCst) {
            true => Err(StoreError::unreachable("tokens", "out of order")),
            false => Ok(&self.stored),
        }
    }
}

#[async_trait]
impl AccessTokenStore for Tokens {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.reached().await?.insert(token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.reached().await?.find(key).await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.reached().await?.touch(key, at, expires_at).await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.reached().await?.delete(key).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.reached().await?.delete_all(user_id).await
    }
}

/// Two Bearer backends and a cookie, of which the first has a store of its own.
struct Scene {
    endpoints: Endpoints,
    journal: Arc<Journal>,
    first: Arc<Tokens>,
}

impl Scene {
    fn new() -> Self {
        let (first, others) = (Arc::<Tokens>::default(), Arc::<Tokens>::default());
        let secret = SigningSecret::generate().expect("randomness");
        let users = UserManager::builder(Arc::<MemoryUserStore>::default(), &secret).build();
        let users = users.expect("users");
        let journal = Arc::new(Journal::new());
        users.audit().observe(journal.clone());
        let strategy = |tokens: &Arc<Tokens>| OpaqueStrategy::unlisted(tokens.clone(), Lifetime::FOREVER);
        let endpoints = Endpoints::builder(users)
            .backend(AuthBackend::new("first", BearerTransport, strategy(&first)))
            .backend(AuthBackend::new("second", BearerTransport, strategy(&others)))
            .backend(AuthBackend::new(
                "web",
                CookieTransport::default(),
                strategy(&others),
            ));
        Self {
            endpoints: endpoints.build().expect("endpoints"),
            journal,
            first,
        }
    }

    /// The status of the answer, and the events with their backends.
    async fn me(&self, headers: &[(&'static str, &str)]) -> (u16, Vec<(String, String)>) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let head = Head::to_app("GET", headers.collect());
        let answer = call(&self.endpoints, "users:current_user", Request::new(&head, b"")).await;
        (answer.status, self.told().await)
    }

    /// The events since the last call, with their backends.
    async fn told(&self) -> Vec<(String, String)> {
        self.endpoints.users().audit().drained().await;
        let told = self.journal.take().into_iter().map(|event| {
            let why = event.kind.why().unwrap_or_default();
            let backend = event.backend.as_deref().unwrap_or_default().to_owned();
            (format!("{}: {why}", event.kind.name()), backend)
        });
        told.collect()
    }
}

#[tokio::test]
async fn e3_a_bearer_token_that_one_backend_cannot_read_is_told_as_refused_by_none() {
    let scene = Scene::new();
    let bearer = (
        "authorization",
        "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    );
    let cookie = (
        "cookie",
        "__Host-portcullis=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
    );
    let unknown = |backend: &str| ("credential_refused: unknown".to_owned(), backend.to_owned());
    assert_eq!(scene.me(&[bearer]).await, (401, vec![unknown("first")]));
    scene.first.is_down.store(true, SeqCst);
    assert_eq!(scene.me(&[bearer]).await, (503, Vec::new()));
    // The cookie is a credential of its own.
    let told = scene.me(&[bearer, cookie]).await;
    assert_eq!(told, (503, vec![unknown("web")]));
}

/// Polls it until it waits `left` times, and drops it.
async fn dropped_after<T>(left: usize, call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut left) = (Box::pin(call), left);
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_log_in_of_a_client_that_goes_away_is_told_once_wherever_it_is_dropped() {
    let scene = Scene::new();
    let email = "ada@example.com".parse().expect("an e-mail");
    let registration = Registration::new(email, PASSWORD.into(), ());
    scene.endpoints.users().create(registration).await.expect("ada");
    let form = "application/x-www-form-urlencoded".to_owned();
    let head = Head::to_app("POST", vec![("content-type", form)]);
    let body = format!("username=ada@example.com&password={PASSWORD}").replace(' ', "+");
    scene.told().await;
    for left in 0.. {
        let request = Request::new(&head, body.as_bytes());
        let answer = dropped_after(left, call(&scene.endpoints, "auth:second.login", request)).await;
        let why = match &answer {
            Some(answer) => {
                assert_eq!(answer.status, 200);
                "logged_in: "
            }
            None => "log_in_refused: abandoned",
        };
        assert_eq!(
            scene.told().await,
            [(why.to_owned(), "second".to_owned())],
            "{left}"
        );
        if answer.is_some() {
            assert!(left > 1, "the store waits, too");
            break;
        }
    }
}
