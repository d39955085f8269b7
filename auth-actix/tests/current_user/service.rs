//! A service over the memory stores, and routes that tell whom they see.

use std::sync::Arc;

use actix_web::web;
use auth_actix::{
    Active, Auth, CurrentUser, OptionalUser, Requirement, Superuser, Verified, VerifiedSuperuser,
};
use auth_core::{
    ClientInfo, ExposeSecret as _, Lifetime, ManualClock, NewLogIn, NewUser, OpaqueStrategy, SigningSecret,
    Strategy as _, Subject, User, UserStore as _,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, CookieTransport, TrustedProxies};
use auth_users::{UserManager, UserManagerBuilder};
use portcullis::{
    jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy},
    testing::Mailbox,
};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) struct Service {
    pub(crate) auth: Auth,
    users: Arc<MemoryUserStore>,
    pub(crate) tokens: OpaqueStrategy,
    pub(crate) token_store: Arc<MemoryAccessTokenStore>,
    /// The one of the accounts and of the JWTs.
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(|users| users)
    }

    /// A service with these settings of its users.
    pub(crate) fn with(settings: impl FnOnce(UserManagerBuilder) -> UserManagerBuilder) -> Self {
        let users = Arc::new(MemoryUserStore::new());
        let token_store = Arc::new(MemoryAccessTokenStore::new());
        let strategy = || OpaqueStrategy::new(token_store.clone(), Lifetime::FOREVER).also_accept("test");
        let secret = SigningSecret::generate().expect("secret");
        let (clock, mailbox) = (Arc::new(ManualClock::default()), Arc::new(Mailbox::new()));
        let hour = Lifetime::from_secs(3600).expect("positive");
        let jwt = JwtStrategy::hs256(&secret, hour).expect("a key");
        let tracked =
            TrackedJwtStrategy::new(jwt, token_store.clone(), Lifetime::FOREVER).expect("lifetimes");
        let tracked = tracked
            .refresh_tokens(RefreshTokens::new(&secret))
            .clock(clock.clone());
        let manager = UserManager::builder(users.clone(), &secret)
            .clock(clock.clone())
            .mailer(mailbox.clone());
        let manager = settings(manager).build().expect("users");
        let auth = Auth::builder(manager)
            .backend(AuthBackend::new("bearer", BearerTransport, strategy()))
            .backend(AuthBackend::new("cookie", CookieTransport::default(), strategy()))
            .backend(AuthBackend::bearer("app", tracked))
            .trusted_proxies(TrustedProxies::parse("10.0.0.0/8").expect("a network"))
            .build()
            .expect("auth");
        Self {
            auth,
            users,
            tokens: strategy(),
            token_store,
            clock,
            mailbox,
        }
    }

    /// A token of a user with these of the letters: `a`ctive, `v`erified, `s`uperuser.
    pub(crate) async fn token(&self, flags: &str) -> String {
        let mut user = NewUser::new(
            format!("{}@example.com", Uuid::now_v7()).parse().expect("email"),
            (),
            OffsetDateTime::UNIX_EPOCH,
        );
        user.id = Some(Uuid::now_v7());
        user.is_active = flags.contains('a');
        user.is_superuser = flags.contains('s');
        user.is_verified = flags.contains('v');
        let user: User = self.users.insert(user).await.expect("insert");
        let issued = self
            .tokens
            .issue(&NewLogIn::new(
                "test",
                &Subject::from(&user),
                &ClientInfo::default(),
            ))
            .await
            .expect("issue");
        issued.access.secret.expose_secret().to_owned()
    }
}

pub(crate) async fn required<R: Requirement + Default>(user: CurrentUser<R>) -> String {
    format!("{} by {}", user.is_active, user.backend())
}

async fn token(user: CurrentUser) -> String {
    let credential = user.credential();
    format!(
        "{} {} {:?}",
        credential.subject.user_id == user.id,
        credential.id.is_some(),
        credential.expires_at
    )
}

async fn optional<R: Requirement + Default>(OptionalUser(user): OptionalUser<R>) -> &'static str {
    if user.is_some() { "someone" } else { "nobody" }
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/token", web::to(token))
        .route("/active", web::to(required::<Active>))
        .route("/verified", web::to(required::<Verified>))
        .route("/superuser", web::to(required::<Superuser>))
        .route("/both", web::to(required::<VerifiedSuperuser>))
        .route("/optional/active", web::to(optional::<Active>))
        .route("/optional/verified", web::to(optional::<Verified>))
        .route("/optional/superuser", web::to(optional::<Superuser>));
}

macro_rules! app {
    ($service:expr, $($configure:tt)*) => {
        test::init_service(App::new().configure($service.auth.routes())$($configure)*).await
    };
}

pub(crate) use app;

macro_rules! get {
    ($app:expr, $path:expr, $($header:expr),*) => {{
        let request = test::TestRequest::get().uri($path)$(.insert_header($header))*.to_request();
        let response = test::call_service(&$app, request).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(test::read_body(response).await.to_vec()).expect("text"))
    }};
}
pub(crate) use get;

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

pub(crate) fn cookie(token: &str) -> (&'static str, String) {
    ("cookie", format!("{}={token}", CookieTransport::default().name()))
}
