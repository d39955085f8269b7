//! JWTs that can be revoked.

mod log_in;
mod strategy;

use std::{num::NonZeroU32, sync::Arc};

use auth_core::{Clock, ConfigError, DEFAULT_CAP, Lifetime, RotateTokens, UserId};
use uuid::Uuid;

use crate::{JwtStrategy, RefreshTokens, Rotation, generation::Grace};

/// JWTs whose log-in is in a store, so that it can be ended, counted and listed.
///
/// A token names its log-in in the claim `jti`. Each request looks the log-in up, in one round trip: if it is gone, the token
/// is rejected. [`check_at_refresh_only`](Self::check_at_refresh_only) is the other choice.
///
/// A log-in is one row of the store, however many tokens are issued for it. To end it deletes the row, and with it
/// everything that was issued. Only the digest of the name is stored. The name of the backend is part of it, so several
/// backends can share one store.
///
/// Three settings can be combined:
///
/// - [`refresh_tokens`](Self::refresh_tokens): access tokens live for minutes, the log-in for weeks.
/// - [`rotation`](Self::rotation): answers bring the next access token while the old one is used.
/// - [`cap`](Self::cap): the number of log-ins that a user can have, 1,000 by default. 1 is a single active session.
///
/// Without refresh tokens and without rotation, a log-in ends when its one token expires. No access token outlives its log-in,
/// as it stands when the token is issued: if it is not refreshed in time, for example, both end.
///
/// ```
/// use std::{num::NonZeroU32, sync::Arc};
///
/// use portcullis::{
///     ExposeSecret, Lifetime, SigningSecret,
///     jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy},
///     store::{ClientInfo, NewLogIn, RefreshStrategy, RevocableStrategy, Strategy, Subject},
///     testing::memory::MemoryAccessTokenStore,
/// };
/// use uuid::Uuid;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = SigningSecret::new("K2T0Mj8hd0tLkMMnZ0r5WqcIhN5TbSqwX0vZQxVdJxk")?;
/// let (minutes, month) = (Lifetime::from_secs(900)?, Lifetime::from_secs(30 * 24 * 3600)?);
/// let store = Arc::new(MemoryAccessTokenStore::new());
/// let strategy = TrackedJwtStrategy::new(JwtStrategy::hs256(&secret, minutes)?, store, month)?
///     .refresh_tokens(RefreshTokens::new(&secret))
///     .cap(NonZeroU32::MIN);
///
/// let subject = Subject::new(Uuid::now_v7(), 0);
/// let issued = strategy.issue(&NewLogIn::new("app", &subject, &ClientInfo::default())).await?;
/// let token = issued.access.secret.expose_secret();
/// assert!(strategy.read("app", token).await.is_ok());
///
/// let refresh = issued.refresh.ok_or("it has refresh tokens")?.secret;
/// let next = strategy.refresh("app", refresh.expose_secret()).await?;
///
/// strategy.revoke("app", next.access.secret.expose_secret()).await?;
/// assert!(strategy.read("app", token).await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// A plain [`JwtStrategy`] rejects these tokens, even with the same keys and the same name, and this strategy rejects those of
/// a plain one. Other services that know the keys can read them without a store. They don't learn of a log-out.
///
/// Reading a token of a log-in past its absolute limit deletes the log-in, so it stays expired if the clock steps back. A log-in that
/// was not refreshed in time is deleted a minute later, because another node may just have extended it.
pub struct TrackedJwtStrategy<Id = Uuid> {
    /// It signs and verifies. It also has the clock.
    jwt: JwtStrategy<Id>,
    store: Arc<dyn RotateTokens<Id>>,
    lifetime: Lifetime,
    cap: Option<NonZeroU32>,
    refresh: Option<RefreshTokens>,
    rotate_after: Option<time::Duration>,
    rotation_grace: Grace,
    looks_up: bool,
}

impl<Id: UserId> TrackedJwtStrategy<Id> {
    /// Tokens of `jwt`, whose log-ins are in `store` and end after `lifetime`, however they are used.
    ///
    /// The lifetime of `jwt` is that of one access token. An audience that `jwt` [also accepts](JwtStrategy::also_accept) is
    /// the old name of a backend that was renamed: its log-ins go on.
    ///
    /// # Errors
    /// [`ConfigError`] naming
    /// - `log-in lifetime` if it is shorter than that of `jwt`;
    /// - `accept_without_epoch` or `trust_issuer` if `jwt` has one of them: only tokens of this strategy have a log-in.
    pub fn new(
        jwt: JwtStrategy<Id>,
        store: Arc<dyn RotateTokens<Id>>,
        lifetime: Lifetime,
    ) -> Result<Self, ConfigError> {
        if lifetime
            .span()
            .is_some_and(|span| Some(span) < jwt.lifetime.span())
        {
            let problem = "is shorter than the lifetime of its JWTs; give the JWTs a shorter one";
            return Err(ConfigError::new("log-in lifetime", problem));
        }
        let foreign = [
            ("accept_without_epoch", jwt.accepts_without_epoch),
            (
                "trust_issuer",
                jwt.verifiers.iter().any(|key| key.issuer.is_some()),
            ),
        ];
        if let Some((setting, _)) = foreign.into_iter().find(|(_, is_set)| *is_set) {
            let problem = "is for tokens that have no log-in in the store; read those with a plain `JwtStrategy`, in a \
                           backend of its own";
            return Err(ConfigError::new(setting, problem));
        }
        Ok(Self {
            jwt,
            store,
            lifetime,
            cap: Some(DEFAULT_CAP),
            refresh: None,
            rotate_after: None,
            rotation_grace: Grace::DEFAULT,
            looks_up: true,
        })
    }

    /// Keeps at most `cap` log-ins a user: a new one ends the oldest, or one that has expired, in the same step of the store.
    /// Log-ins of other backends do not count, nor does the one that the client presents and that the new one
    /// [replaces](auth_core::ReplaceStrategy). Without this, it is [`DEFAULT_CAP`].
    #[must_use]
    pub fn cap(mut self, cap: NonZeroU32) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Keeps any number of log-ins a user.
    ///
    /// # Security
    /// Whoever can log in can then fill the store, and make lists and revocations of their log-ins slow. Redis serves nobody
    /// else meanwhile. Put a limit of log-ins in front of the application.
    #[must_use]
    pub fn uncapped(mut self) -> Self {
        self.cap = None;
        self
    }

    /// Issues refresh tokens with each log-in.
    #[must_use]
    pub fn refresh_tokens(mut self, tokens: RefreshTokens) -> Self {
        self.refresh = Some(tokens);
        self
    }

    /// Replaces access tokens while they are used: the answer to a request brings the next one.
    ///
    /// Without refresh tokens, a log-in ends when its last access token expires. It goes on, up to its own lifetime, if each token
    /// is used between the time at which it can be replaced and its expiry.
    ///
    /// The next token follows from the row of the log-in, and from the user's roles if it has [scopes](JwtStrategy::scopes). With
    /// HMAC or EdDSA, parallel requests get the same string. The signatures of ES256 and PS256 are random, so there the claims are
    /// the same.
    ///
    /// # Errors
    /// [`ConfigError`] naming
    /// - `rotation` if its age is not shorter than the lifetime of an access token, or if the log-in is checked at the refresh only;
    /// - `rotation grace` if that is not at least one second shorter than the lifetime of an access token.
    pub fn rotation(mut self, rotation: Rotation) -> Result<Self, ConfigError> {
        let refused = |problem: &str| ConfigError::new("rotation", problem);
        if !self.looks_up {
            return Err(refused("takes a look-up; leave out `check_at_refresh_only`"));
        }
        let lifetime = self.jwt.lifetime.span();
        if lifetime.is_some_and(|lifetime| lifetime <= rotation.age) {
            return Err(refused(
                "the age is not shorter than the lifetime of an access token, so that none would be replaced",
            ));
        }
        if lifetime.is_some_and(|lifetime| lifetime < rotation.grace.least_age()) {
            let problem = format!(
                "is {} s, but must be at least one second shorter than an access token lives: a token is replaced only once the \
                 grace of the one before is over; set a shorter grace, or a longer lifetime",
                rotation.grace.seconds()
            );
            return Err(ConfigError::new("rotation grace", problem));
        }
        let age = rotation.age.try_into();
        self.rotate_after = Some(age.map_err(|_error| refused("the age is too long"))?);
        self.rotation_grace = rotation.grace;
        Ok(self)
    }

    /// Reads an access token without a look-up. Only a refresh looks at the log-in. Call this after
    /// [`refresh_tokens`](Self::refresh_tokens).
    ///
    /// # Security
    /// A log-out ends the refresh tokens. An access token of the log-in is valid until it expires, so let it live for minutes
    /// only. What ends every credential of a user, such as another password, still ends it at once.
    ///
    /// # Errors
    /// [`ConfigError`] naming `check at refresh only` if there are no refresh tokens, or if access tokens are replaced while
    /// they are used.
    pub fn check_at_refresh_only(mut self) -> Result<Self, ConfigError> {
        let refused = |problem: &str| ConfigError::new("check at refresh only", problem);
        if self.refresh.is_none() {
            return Err(refused(
                "there are no refresh tokens; call `refresh_tokens` first",
            ));
        }
        if self.rotate_after.is_some() {
            return Err(refused("rotation needs a look-up; leave out `rotation`"));
        }
        self.looks_up = false;
        Ok(self)
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.jwt = self.jwt.clock(clock);
        self
    }
}
