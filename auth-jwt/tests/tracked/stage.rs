//! A store, a clock and a user; and the strategies over them.

use std::{sync::Arc, thread, time::Duration};

use auth_core::{
    AccessToken, AccessTokenIndex as _, AccessTokenStore as _, ClientInfo, Clock as _, Credential,
    ExposeSecret as _, Issued, Lifetime, ManualClock, NewLogIn, ReadError, RefreshStrategy as _, Rejection,
    RotateStrategy as _, SigningSecret, Strategy, Subject, TokenLookup, memory::MemoryAccessTokenStore,
};
use auth_jwt::{JwtStrategy, RefreshTokens, Rotation, TrackedJwtStrategy};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::{Duration as Span, OffsetDateTime};
use uuid::Uuid;

/// The backend of most tests.
pub(crate) const APP: &str = "app";

/// The lifetimes of an access token and of a log-in.
pub(crate) const ACCESS: Span = Span::minutes(15);
pub(crate) const LOG_IN: Span = Span::days(30);

pub(crate) struct Stage {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryAccessTokenStore>,
    pub(crate) secret: SigningSecret,
    pub(crate) subject: Subject,
}

/// The strings of one log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
}

impl Pair {
    pub(crate) fn of(issued: &Issued) -> Self {
        let refresh = issued.refresh.as_ref();
        Self {
            access: issued.access.secret.expose_secret().to_owned(),
            refresh: refresh.map(|token| token.secret.expose_secret().to_owned()),
        }
    }

    #[track_caller]
    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }
}

pub(crate) fn seconds(span: Span) -> Lifetime {
    Lifetime::new(span.unsigned_abs()).expect("positive")
}

impl Stage {
    pub(crate) fn new() -> Self {
        let start = OffsetDateTime::from_unix_timestamp(1_767_225_600).expect("in range");
        Self {
            clock: Arc::new(ManualClock::new(start)),
            store: Arc::default(),
            secret: SigningSecret::generate().expect("randomness"),
            subject: Subject::new(Uuid::now_v7(), 7),
        }
    }

    pub(crate) fn jwt(&self) -> JwtStrategy {
        JwtStrategy::hs256(&self.secret, seconds(ACCESS))
            .expect("valid")
            .clock(self.clock.clone())
    }

    /// Without refresh tokens and rotation.
    pub(crate) fn bare(&self) -> TrackedJwtStrategy {
        TrackedJwtStrategy::new(self.jwt(), self.store.clone(), seconds(LOG_IN)).expect("valid")
    }

    pub(crate) fn refreshing(&self) -> TrackedJwtStrategy {
        self.bare().refresh_tokens(RefreshTokens::new(&self.secret))
    }

    pub(crate) fn without_grace(&self) -> TrackedJwtStrategy {
        let tokens = RefreshTokens::new(&self.secret).grace(Duration::ZERO);
        self.bare().refresh_tokens(tokens.expect("allowed"))
    }

    pub(crate) fn rotating(&self, age: Span) -> TrackedJwtStrategy {
        self.bare()
            .rotation(Rotation::after(age.unsigned_abs()))
            .expect("valid")
    }

    pub(crate) fn pass(&self, time: Span) {
        self.clock.advance(time);
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) async fn log_in(&self, strategy: &TrackedJwtStrategy) -> Pair {
        Pair::of(&self.issue(strategy, |_log_in| ()).await)
    }

    pub(crate) async fn issue(
        &self,
        strategy: &dyn Strategy,
        change: impl FnOnce(&mut NewLogIn<'_>),
    ) -> Issued {
        let client = ClientInfo::default();
        let mut log_in = NewLogIn::new(APP, &self.subject, &client);
        change(&mut log_in);
        strategy.issue(&log_in).await.expect("issued")
    }

    /// The user's log-ins, newest first.
    pub(crate) async fn rows(&self) -> Vec<AccessToken> {
        let Subject { user_id, epoch, .. } = &self.subject;
        self.store.list(user_id, *epoch).await.expect("in memory")
    }

    /// The user's only log-in.
    pub(crate) async fn row(&self) -> AccessToken {
        let mut rows = self.rows().await;
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    /// Writes `row` over the log-in of the same digest, as a database that was restored.
    pub(crate) async fn overwrite(&self, row: &AccessToken) {
        let mut key = TokenLookup::new("");
        key.digest = row.digest;
        assert!(self.store.delete(&key).await.expect("in memory"));
        self.store.insert(row, None).await.expect("in memory");
    }
}

fn rejection(error: ReadError) -> Rejection {
    match error {
        ReadError::Rejected(rejection) => rejection,
        ReadError::Unavailable(error) => panic!("{error}"),
    }
}

pub(crate) async fn read(strategy: &dyn Strategy, token: &str) -> Result<Credential, Rejection> {
    strategy.read(APP, token).await.map_err(rejection)
}

/// Whether the token is accepted.
pub(crate) async fn check(strategy: &dyn Strategy, token: &str) -> Result<(), Rejection> {
    read(strategy, token).await.map(drop)
}

pub(crate) async fn refresh(strategy: &TrackedJwtStrategy, token: &str) -> Result<Pair, Rejection> {
    let issued = strategy.refresh(APP, token).await.map_err(rejection)?;
    Ok(Pair::of(&issued))
}

/// The outcome of a log-out by a refresh token.
pub(crate) async fn end_by_refresh(strategy: &TrackedJwtStrategy, token: &str) -> Result<(), Rejection> {
    strategy.end_by_refresh(APP, token).await.map_err(rejection)
}

pub(crate) async fn rotate(strategy: &TrackedJwtStrategy, token: &str) -> Result<Option<String>, Rejection> {
    let next = strategy.rotate(APP, token).await.map_err(rejection)?;
    Ok(next.map(|token| token.secret.expose_secret().to_owned()))
}

/// The outcomes of 50 threads that do the same at the same time.
pub(crate) fn parallel<T: Send>(task: impl AsyncFn() -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(50);
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        start.wait();
        runtime.expect("a runtime").block_on(task())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(run)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, T>| thread.join().expect("no panic");
        threads.into_iter().map(join).collect()
    })
}

/// The claims of a JWT.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// The instant in the claim `exp`.
pub(crate) fn expiry(token: &str) -> OffsetDateTime {
    let exp = claims(token)["exp"].as_i64().expect("whole seconds");
    OffsetDateTime::from_unix_timestamp(exp).expect("in range")
}
