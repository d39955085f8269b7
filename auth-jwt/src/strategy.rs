//! The stateless strategy.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use auth_core::{
    Clock, ConfigError, Credential, IssueError, Issued, IssuedToken, Lifetime, NewLogIn, ReadError,
    Rejection, SigningSecret, StoreError, Strategy, Subject, SystemClock, TokenId, UserId, user_id_from_text,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    HmacAlgorithm, HmacKey, HmacKeys, JwtKeys, MAX_TOKEN_BYTES,
    claims::{Claims, Expected, IssuedClaims},
    compact::{Compact, Header},
    key_set::{self, Signer, Verifier},
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
    signer: Signer,
    verifiers: Vec<Verifier>,
    header: String,
    lifetime: Lifetime,
    also_issued: Option<String>,
    also_accepted: Vec<String>,
    issuer: Option<String>,
    leeway: time::Duration,
    accepts_without_epoch: bool,
    clock: Arc<dyn Clock>,
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
        let header = encode(&header).map_err(|error| ConfigError::new("JWT header", error))?;
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

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn sign(&self, claims: &IssuedClaims<'_>) -> Result<String, StoreError> {
        let failed = |error: jsonwebtoken::errors::Error| StoreError::internal("JWT signing", error);
        let payload = encode(claims).map_err(|error| failed(error.into()))?;
        let mut token = format!("{}.{payload}", self.header);
        let signature = self.signer.sign(token.as_bytes()).map_err(failed)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        if token.len() > MAX_TOKEN_BYTES {
            return Err(StoreError::internal(
                "JWT signing",
                "the token would be too long to be read",
            ));
        }
        Ok(token)
    }

    fn verify(&self, audience: &str, presented: &str) -> Result<Claims, Rejection> {
        let token = Compact::parse(presented)?;
        let message = token.signing_input.as_bytes();
        // Several issuers may use the same name for their keys, or share a key.
        let mut signers = self
            .verifiers
            .iter()
            .filter(|key| key.is_named_by(&token.header.alg, token.header.kid.as_deref()))
            .filter(|key| key.verifies(message, &token.signature))
            .peekable();
        if signers.peek().is_none() {
            return Err(Rejection::BadSignature);
        }
        let claims = Claims::parse(&token.payload()?)?;
        if !signers.any(|key| claims.is_of(key.issuer.as_deref().or(self.issuer.as_deref()))) {
            return Err(Rejection::BadClaim);
        }
        claims.check(&Expected {
            audience,
            other_audiences: &self.also_accepted,
            now: self.clock.now(),
            leeway: self.leeway,
        })?;
        Ok(claims)
    }
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for JwtStrategy<Id> {
    async fn issue(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError> {
        let (audience, subject) = (log_in.audience, log_in.subject);
        let now = self.clock.now();
        let end = log_in.bounded(self.lifetime.end(now)).and_then(whole_seconds);
        let (Some(start), Some(end)) = (whole_seconds(now), end) else {
            return Err(StoreError::internal("JWT signing", "the clock is out of range").into());
        };
        let sub = subject.user_id.to_string();
        if user_id_from_text::<Id>(&sub).is_none() {
            return Err(StoreError::internal("JWT signing", "the user's id could not be read back").into());
        }
        let token = self.sign(&IssuedClaims {
            sub: &sub,
            aud: self
                .also_issued
                .as_deref()
                .into_iter()
                .chain([audience])
                .collect(),
            iss: self.issuer.as_deref(),
            exp: end.unix_timestamp(),
            nbf: start.unix_timestamp(),
            iat: start.unix_timestamp(),
            jti: TokenId::generate().0,
            epoch: subject.epoch,
        })?;
        Ok(Issued::new(IssuedToken::new(token.into(), now, Some(end))))
    }

    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        let claims = self.verify(audience, presented)?;
        let user_id = user_id_from_text(&claims.sub).ok_or(Rejection::BadClaim)?;
        let epoch = claims
            .epoch
            .or(self.accepts_without_epoch.then_some(0))
            .ok_or(Rejection::BadClaim)?;
        let mut credential = Credential::new(Subject { user_id, epoch });
        // The `jti` of another issuer can be any string.
        credential.id = claims.jti.and_then(|jti| jti.parse().ok()).map(TokenId);
        credential.issued_at = claims.iat.map(|date| date.0);
        credential.expires_at = Some(claims.exp.0);
        Ok(credential)
    }
}

fn encode(part: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// Rounded down to a second. `None` if a token cannot contain it.
fn whole_seconds(instant: OffsetDateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(instant.unix_timestamp())
        .ok()
        .filter(|instant| *instant >= OffsetDateTime::UNIX_EPOCH)
}
