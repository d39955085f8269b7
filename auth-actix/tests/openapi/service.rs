//! A service whose store fails when it is told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use auth_actix::{Auth, AuthBuilder};
use auth_core::{
    ClientInfo, ExposeSecret as _, InsertUserError, Lifetime, NewLogIn, NewUser, NormalizedEmail,
    OpaqueStrategy, SigningSecret, StoreError, Strategy as _, Subject, UpdateUserError, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, CookieTransport, CsrfPolicy};
use auth_users::{Intent, Origin, UserManager, UserManagerBuilder, Veto, VetoError};
use portcullis::{
    Roles,
    jwt::{JwtStrategy, RefreshTokens, Rotation, TrackedJwtStrategy},
    testing::Mailbox,
};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const COOKIE: &str = "__Host-portcullis";

/// Which backends a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backends {
    /// A cookie, a Bearer one with a log-out, and a Bearer one without.
    All,
    Cookie,
    Bearer,
    /// A cookie whose requests a page confirms by double submit, and a Bearer one with a log-out.
    Confirmed,
    /// A Bearer one, `app`, and a cookie, `web`, both with refresh tokens.
    Refresh,
    /// The same two. The access tokens of these are replaced while they are used.
    Rotating(&'static [&'static str]),
}

impl Backends {
    /// The backends whose tokens rotate, if this is a service with refresh tokens.
    fn rotating(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Refresh => Some(&[]),
            Self::Rotating(names) => Some(names),
            Self::All | Self::Cookie | Self::Bearer | Self::Confirmed => None,
        }
    }
}

pub(crate) struct Service {
    pub(crate) auth: Auth,
    pub(crate) users: Arc<Users>,
    pub(crate) world: Arc<World>,
    tokens: OpaqueStrategy,
}

/// What goes wrong, and what was mailed.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) users_fail: AtomicBool,
    /// Whether it then has data that cannot be read.
    pub(crate) users_are_broken: AtomicBool,
    pub(crate) refuses: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl Service {
    pub(crate) fn new(which: Backends, requires_verification: bool) -> Self {
        Self::with(which, requires_verification, |builder| builder)
    }

    pub(crate) fn with(
        which: Backends,
        requires_verification: bool,
        configure: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        Self::of(which, requires_verification, |users, _world| users, configure)
    }

    /// A service that asks a veto.
    pub(crate) fn with_veto(which: Backends) -> Self {
        let veto =
            |users: UserManagerBuilder, world: &Arc<World>| users.veto(Arc::new(Rules(Arc::clone(world))));
        Self::of(which, false, veto, |builder| builder)
    }

    fn of(
        which: Backends,
        requires_verification: bool,
        manage: impl FnOnce(UserManagerBuilder, &Arc<World>) -> UserManagerBuilder,
        configure: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let world = Arc::new(World::default());
        let users = Arc::new(Users {
            kept: MemoryUserStore::new(),
            world: Arc::clone(&world),
        });
        let tokens = Arc::new(MemoryAccessTokenStore::new());
        let strategy = || OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER).also_accept("test");
        let secret = SigningSecret::generate().expect("secret");
        let tracked = |is_rotating: bool| {
            let hour = Lifetime::from_secs(3600).expect("an hour");
            let jwt = JwtStrategy::hs256(&secret, hour).expect("a strategy");
            let tracked = TrackedJwtStrategy::new(jwt, tokens.clone(), Lifetime::FOREVER);
            let tracked = tracked.expect("a strategy");
            let tracked = tracked.refresh_tokens(RefreshTokens::new(&secret));
            if !is_rotating {
                return tracked;
            }
            // The first token of a log-in is replaced when it is first used.
            tracked.rotation(Rotation::after(Duration::ZERO)).expect("an age")
        };
        let manager = manage(UserManager::builder(users.clone(), &secret), &world)
            .mailer(world.mailbox.clone())
            .roles(roles())
            .requires_verification(requires_verification)
            .build()
            .expect("users");
        let mut builder = Auth::builder(manager).body_timeout(Duration::from_millis(200));
        let rotating = which.rotating();
        if let Some(rotating) = rotating {
            builder = builder
                .backend(AuthBackend::bearer("app", tracked(rotating.contains(&"app"))))
                .backend(AuthBackend::cookie("web", tracked(rotating.contains(&"web"))));
        }
        if rotating.is_none() && which != Backends::Bearer {
            if which == Backends::Confirmed {
                builder = builder.csrf(CsrfPolicy::same_origin().double_submit(&secret));
            }
            builder = builder.backend(AuthBackend::new("cookie", CookieTransport::default(), strategy()));
        }
        if rotating.is_none() && which != Backends::Cookie {
            builder = builder.backend(AuthBackend::new("bearer", BearerTransport, strategy()));
        }
        if which == Backends::All {
            builder = builder.backend(AuthBackend::stateless("plain", BearerTransport, strategy()));
        }
        Self {
            auth: configure(builder).build().expect("auth"),
            users,
            world,
            tokens: strategy(),
        }
    }

    /// A user with these of the letters: `a`ctive, `v`erified, `s`uperuser; and a token.
    pub(crate) async fn user(&self, email: &str, flags: &str) -> (User, String) {
        let mut user = NewUser::new(email.parse().expect("email"), (), OffsetDateTime::UNIX_EPOCH);
        user.id = Some(Uuid::now_v7());
        user.is_active = flags.contains('a');
        user.is_superuser = flags.contains('s');
        user.is_verified = flags.contains('v');
        let user = self.users.insert(user).await.expect("insert");
        let token = self.token(&user).await;
        (user, token)
    }

    pub(crate) async fn token(&self, user: &User) -> String {
        let issued = self
            .tokens
            .issue(&NewLogIn::new(
                "test",
                &Subject::from(user),
                &ClientInfo::default(),
            ))
            .await
            .expect("token");
        issued.access.secret.expose_secret().to_owned()
    }

    /// The token of the last mail to `email`, which is out of band.
    pub(crate) async fn mailed(&self, email: &str) -> String {
        let find = || {
            let mails = self.world.mailbox.mails();
            let mail = mails.iter().rev().find(|mail| mail.to == email)?;
            Some(mail.token.expose_secret().to_owned())
        };
        for _ in 0..10_000 {
            if let Some(token) = find() {
                return token;
            }
            actix_web::rt::task::yield_now().await;
            actix_web::rt::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("no mail to {email}");
    }
}

/// Users in memory, until they fail.
pub(crate) struct Users {
    kept: MemoryUserStore,
    world: Arc<World>,
}

impl Users {
    fn answering(&self) -> Result<&MemoryUserStore, StoreError> {
        if self.world.users_fail.load(Ordering::SeqCst) {
            return Err(StoreError::unreachable("users", "out of order"));
        }
        if self.world.users_are_broken.load(Ordering::SeqCst) {
            return Err(StoreError::invalid_data("users", "out of order"));
        }
        Ok(&self.kept)
    }
}

#[async_trait]
impl UserStore for Users {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.answering()?.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.answering()?.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.answering()?.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.answering()?.update(user).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.answering()?.delete(id).await
    }
}

/// Refuses what it is asked for, while it is told to.
struct Rules(Arc<World>);

#[async_trait]
impl Veto for Rules {
    async fn check(
        &self,
        _intent: Intent<'_>,
        _origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        match self.0.refuses.load(Ordering::SeqCst) {
            true => Err(VetoError::refused("not today")),
            false => Ok(()),
        }
    }
}

fn roles() -> Roles {
    let roles = Roles::new().role("author", ["articles:write"]);
    let roles = roles.and_then(|roles| roles.role("editor", ["articles:*"]));
    roles.expect("names of roles and permissions")
}
