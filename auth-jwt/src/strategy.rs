//! The stateless strategy.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use auth_core::{
    Clock, ConfigError, Credential, IssueError, Issued, Lifetime, NewLogIn, Profile, ReadError, Rejection,
    Roles, Scope, SigningSecret, Strategy, Subject, SystemClock, TokenId, UserId, UserStore,
    user_id_from_text,
};
use uuid::Uuid;

use crate::{
    HmacAlgorithm, HmacKey, HmacKeys, JwtKeys,
    claims::Claims,
    compact::{Header, OwnHeader},
    key_set::{self, Signer, Verifier},
    scopes::{NoScope, Scopes, ScopesByRole},
    token::NewToken,
};

/// The audience of the tokens that FastAPI Users issues for a log-in, unless its application sets another.
pub const FASTAPI_USERS_AUDIENCE: &str = "fastapi-users:auth";

const DEFAULT_LEEWAY: time::Duration = time::Duration::seconds(5);
const MAX_LEEWAY: Duration = Duration::from_secs(30);
const MIN_LIFETIME: Duration = Duration::from_secs(1);

/// Signed tokens that no store knows of.
///
/// A token is valid until its expiry, as long as the user is active and the security epoch is the one under which it
/// was issued. It cannot be revoked alone, so this type does not implement
/// [`RevocableStrategy`](auth_core::RevocableStrategy).
///
/// A token is for the backend that issued it. Its claim `aud` is an array that holds the backend's name, and another backend
/// rejects it, even with the same keys.
///
/// `exp`, `nbf` and `iat` are whole seconds, rounded down: a token never outlives its lifetime, and may fall short of
/// it by less than a second. Expiry is exact. The [leeway](Self::leeway) is for `nbf` and `iat` alone.
pub struct JwtStrategy<Id = Uuid> {
    pub(crate) signer: Signer,
    pub(crate) verifiers: Vec<Verifier>,
    pub(crate) header: OwnHeader,
    pub(crate) lifetime: Lifetime,
    pub(crate) also_issued: Option<String>,
    pub(crate) also_accepted: Vec<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) leeway: time::Duration,
    pub(crate) accepts_without_epoch: bool,
    scopes: Option<Arc<dyn Scopes<Id>>>,
    reads_scopes: bool,
    pub(crate) clock: Arc<dyn Clock>,
    id: PhantomData<fn() -> Id>,
}

impl<Id: UserId> JwtStrategy<Id> {
    /// Tokens of `keys` that live for `lifetime`.
    ///
    /// # Errors
    /// [`ConfigError`] if the lifetime is under a second or unlimited: a token that cannot be revoked must expire.
    pub fn new(keys: impl Into<JwtKeys>, lifetime: Lifetime) -> Result<Self, ConfigError> {
        if lifetime.span().is_none_or(|span| span < MIN_LIFETIME) {
            let problem = "a JWT needs a lifetime of at least a second, and a limit";
            return Err(ConfigError::new("JWT lifetime", problem));
        }
        let keys = keys.into();
        let signer = keys.signer();
        let header = Header {
            alg: key_set::name(signer.algorithm).to_owned(),
            typ: Some("JWT".to_owned()),
            kid: signer.kid.as_ref().map(ToString::to_string),
            refused: (),
        };
        let header = OwnHeader::new(header).map_err(|error| ConfigError::new("JWT header", error))?;
        Ok(Self {
            signer,
            verifiers: keys.verifiers(),
            header,
            lifetime,
            also_issued: None,
            also_accepted: Vec::new(),
            issuer: None,
            leeway: DEFAULT_LEEWAY,
            accepts_without_epoch: false,
            scopes: None,
            reads_scopes: false,
            clock: Arc::new(SystemClock),
            id: PhantomData,
        })
    }

    /// Tokens signed with `secret` by HS256, as FastAPI Users does, that live for `lifetime`. Those of a secret that it
    /// [also accepts](SigningSecret::also_accept) are valid, too.
    ///
    /// # Errors
    /// [`ConfigError`] if the lifetime is under a second or unlimited.
    pub fn hs256(secret: &SigningSecret, lifetime: Lifetime) -> Result<Self, ConfigError> {
        let key = |secret| HmacKey::new(HmacAlgorithm::Hs256, secret);
        let mut keys = HmacKeys::new(key(secret)?);
        for old in secret.accepted().skip(1) {
            keys = keys.also_verify(key(old)?)?;
        }
        Self::new(keys, lifetime)
    }

    /// Also names `audience` in the claim `aud` of each token that it issues, for other services that verify these
    /// tokens and ask for it. The first audience is that one then, and the last is always the backend's name.
    ///
    /// It does not widen what this strategy accepts.
    ///
    /// # Security
    /// Choose an audience that is not the name of another backend with the same keys, or that backend accepts these tokens.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.also_issued = Some(audience.into());
        self
    }

    /// Also accepts a token that is for `audience` instead of the backend's name: a token of another issuer, or of a
    /// backend that was renamed. Those of FastAPI Users are for [`FASTAPI_USERS_AUDIENCE`].
    ///
    /// # Security
    /// If two backends with one key accept the same audience, such a token is good at both.
    #[must_use]
    pub fn also_accept(mut self, audience: impl Into<String>) -> Self {
        self.also_accepted.push(audience.into());
        self
    }

    /// Sets the claim `iss` of issued tokens. It then accepts only tokens of this issuer, and of those that the keys
    /// [trust](crate::AsymmetricKeys::trust_issuer).
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets how far the clock of another issuer may run ahead of this one. The default is 5 s. A token is not valid yet
    /// if its `nbf` or `iat` is further in the future.
    ///
    /// # Errors
    /// [`ConfigError`] if `leeway` is over 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Result<Self, ConfigError> {
        if leeway > MAX_LEEWAY {
            return Err(ConfigError::new("JWT leeway", "at most 30 s are allowed"));
        }
        self.leeway = leeway
            .try_into()
            .map_err(|error| ConfigError::new("JWT leeway", error))?;
        Ok(self)
    }

    /// Reads a token without the claim `epoch` as one of epoch 0, which is the epoch of an imported user.
    ///
    /// Use it when you move over from FastAPI Users, whose tokens lack the claim. They stay valid until they expire or
    /// the user's epoch grows. Remove it when the last of them has expired.
    #[must_use]
    pub fn accept_without_epoch(mut self) -> Self {
        self.accepts_without_epoch = true;
        self
    }

    /// Writes into the claim `scope` of each token what the user has permission for when the token is issued, by the
    /// roles that the user of `users` has then: `articles:* reports:read`. A superuser has `*`, and a user without a permission
    /// has no such claim. It is for services that verify tokens without loading the user: see [`read_scopes`](Self::read_scopes).
    ///
    /// Each issue, refresh and rotation reads the user once more. If the user cannot be read, it fails, and a refresh token is not
    /// spent. A scope that is longer than a token or a cookie can be lets nobody with it log in: prefer wildcards.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use portcullis::{ConfigError, Lifetime, Roles, SigningSecret, jwt::JwtStrategy, store::UserStore};
    ///
    /// /// `users` and `roles` are the `store()` and the `roles()` of the `UserManager`.
    /// fn strategy(
    ///     secret: &SigningSecret,
    ///     users: Arc<dyn UserStore>,
    ///     roles: Arc<Roles>,
    /// ) -> Result<JwtStrategy, ConfigError> {
    ///     let minutes = Lifetime::from_secs(300)?;
    ///     Ok(JwtStrategy::hs256(secret, minutes)?.scopes(users, roles))
    /// }
    /// ```
    ///
    /// # Security
    /// Whoever believes the claim learns of a change of roles only when the token expires: let it live for minutes. This service
    /// itself never looks at the claim of a token to decide: it loads the user.
    #[must_use]
    pub fn scopes<P: Profile>(
        mut self,
        users: Arc<dyn UserStore<Id, P>>,
        roles: impl Into<Arc<Roles>>,
    ) -> Self {
        let roles = roles.into();
        self.scopes = Some(Arc::new(ScopesByRole { users, roles }));
        self
    }

    /// Reads the claim `scope` into [`Credential::scope`], for a service that verifies tokens without loading the user. A token
    /// without the claim permits nothing. One whose claim is anything else than permissions and wildcards with one space between
    /// two is rejected.
    ///
    /// Without this, the claim is ignored, whatever it is.
    ///
    /// # Security
    /// The claim tells what the user had permission for when the token was issued. The user may have lost it since, may have been
    /// deactivated or deleted, and may have logged out: the service learns of nothing before the token expires.
    #[must_use]
    pub fn read_scopes(mut self) -> Self {
        self.reads_scopes = true;
        self
    }

    /// The scope of a token that is issued now, if tokens have one.
    pub(crate) async fn scope_of(&self, user_id: &Id) -> Result<Option<String>, NoScope> {
        match &self.scopes {
            Some(scopes) => scopes.of(user_id).await,
            None => Ok(None),
        }
    }

    /// The scope that a token names, if this strategy reads it.
    pub(crate) fn scope_in(&self, claims: &Claims) -> Result<Scope, Rejection> {
        if self.reads_scopes {
            claims.scope()
        } else {
            Ok(Scope::default())
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The audiences whose tokens the backend called `own` accepts.
    pub(crate) fn audiences<'a>(&'a self, own: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::once(own).chain(self.also_accepted.iter().map(String::as_str))
    }
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for JwtStrategy<Id> {
    async fn issue(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError> {
        let scope = self.scope_of(&log_in.subject.user_id).await?;
        let now = self.clock.now();
        let token = self.sign(&NewToken {
            backend: log_in.audience,
            subject: log_in.subject,
            jti: &TokenId::generate().to_string(),
            generation: None,
            actor: log_in.actor,
            scope: scope.as_deref(),
            issued_at: now,
            end: log_in.bounded(self.lifetime.end(now)),
        })?;
        Ok(Issued::new(token))
    }

    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        let token = self.authentic(presented)?;
        let is_for = |audience| token.claims.is_for(audience);
        if token.is_tracked() || !self.audiences(audience).any(is_for) {
            return Err(Rejection::BadClaim.into());
        }
        let claims = token.claims;
        claims.check_time(self.clock.now(), self.leeway)?;
        let user_id = user_id_from_text(&claims.sub).ok_or(Rejection::BadClaim)?;
        let epoch = claims
            .epoch
            .or(self.accepts_without_epoch.then_some(0))
            .ok_or(Rejection::BadClaim)?;
        let mut credential = Credential::new(Subject::new(user_id, epoch));
        credential.scope = self.scope_in(&claims)?;
        // The `jti` of another issuer can be any string.
        credential.id = claims.jti.and_then(|jti| jti.parse().ok()).map(TokenId);
        credential.issued_at = claims.iat.map(|date| date.0);
        credential.expires_at = Some(claims.exp.0);
        credential.actor = claims.act.map(|actor| actor.sub);
        Ok(credential)
    }
}
