//! Refresh tokens, which no store holds.

use std::{fmt, time::Duration};

use auth_core::{ConfigError, Rejection, SecretString, SigningSecret, Subject, UserId, user_id_from_text};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use crate::{
    MAX_TOKEN_BYTES,
    generation::{Grace, REFRESH_GRACES},
};

/// The purpose of the key. No signature by it is valid for another purpose.
const PURPOSE: &str = "refresh-token";

const DEFAULT_IDLE: time::Duration = time::Duration::days(14);

/// The refresh tokens of a [`TrackedJwtStrategy`](crate::TrackedJwtStrategy) (RFC 6749 §1.5).
///
/// Each use replaces the token. The replaced one yields the same successor for the [grace](Self::grace). After that, its use
/// is a sign of theft: it ends the log-in, with everything that was issued for it (RFC 9700 §4.14.2).
///
/// A token holds the name of its log-in, its number, the user's epoch and id, and the id of whoever acts as the user, under a MAC for the backend that issued it. No
/// store has any of it, so nobody who reads the store can make one.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::{SigningSecret, jwt::RefreshTokens};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = SigningSecret::generate()?;
/// let week = Duration::from_secs(7 * 24 * 3600);
/// let tokens = RefreshTokens::new(&secret).idle(week)?.grace(Duration::from_secs(5))?;
/// # let _ = tokens;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RefreshTokens {
    /// The first signs, all verify.
    keys: Vec<hmac::Key>,
    pub(crate) idle: time::Duration,
    pub(crate) grace: Grace,
}

impl RefreshTokens {
    /// Tokens under a key that is derived from `secret`, so JWTs and mailed tokens can have the same secret. Those of a
    /// secret that it [also accepts](SigningSecret::also_accept) are valid, too.
    #[must_use]
    pub fn new(secret: &SigningSecret) -> Self {
        let secret = secret.for_library(PURPOSE);
        let key = |secret: &SigningSecret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        Self {
            keys: secret.accepted().map(key).collect(),
            idle: DEFAULT_IDLE,
            grace: Grace::DEFAULT,
        }
    }

    /// Ends a log-in that is not refreshed for `limit`. The default is 14 days. However often it is refreshed, it ends with
    /// its own lifetime.
    ///
    /// # Errors
    /// [`ConfigError`] naming `refresh idle limit` if it is under a second.
    pub fn idle(mut self, limit: Duration) -> Result<Self, ConfigError> {
        let setting = "refresh idle limit";
        if limit < Duration::from_secs(1) {
            return Err(ConfigError::new(setting, "is under a second"));
        }
        self.idle = limit
            .try_into()
            .map_err(|error| ConfigError::new(setting, error))?;
        Ok(self)
    }

    /// Sets how long a replaced token yields the same successor again: for an answer that got lost, and for a second tab. The
    /// default is 10 s.
    ///
    /// # Security
    /// Within the grace, a thief and the owner of a token get the same successor. Whoever uses it second, after the grace,
    /// ends the log-in.
    ///
    /// With 0, a lost answer logs the user out, and so do two tabs that refresh at the same time.
    ///
    /// # Errors
    /// [`ConfigError`] naming `refresh grace` if it is over 60 s.
    pub fn grace(mut self, grace: Duration) -> Result<Self, ConfigError> {
        self.grace = Grace::new("refresh grace", grace, REFRESH_GRACES)?;
        Ok(self)
    }

    /// The refresh token of the log-in of `subject` called `handle`, with this number, for `backend`. `actor` is the id of
    /// whoever acts as the user.
    pub(crate) fn sign<Id: UserId>(
        &self,
        backend: &str,
        handle: &str,
        number: i64,
        subject: &Subject<Id>,
        actor: Option<&str>,
    ) -> SecretString {
        let user_id = URL_SAFE_NO_PAD.encode(subject.user_id.to_string());
        let mut token = format!("{handle}.{number}.{}.{user_id}", subject.epoch);
        if let Some(actor) = actor {
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(actor, &mut token);
        }
        if let Some(key) = self.keys.first() {
            let mac = mac(key, backend, &token);
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(mac, &mut token);
        }
        token.into()
    }

    /// Reads a `presented` token that this service issued for one of `backends`.
    pub(crate) fn read<'a, Id: UserId>(
        &self,
        mut backends: impl Iterator<Item = &'a str>,
        presented: &'a str,
    ) -> Result<RefreshToken<'a, Id>, Rejection> {
        if presented.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::Malformed);
        }
        let (signed, signature) = presented.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_error| Rejection::Malformed)?;
        let verifies = |backend: &&str| {
            let mut keys = self.keys.iter();
            keys.any(|key| bool::from(mac(key, backend, signed).as_ref().ct_eq(&signature)))
        };
        let backend = backends.find(verifies).ok_or(Rejection::BadSignature)?;
        RefreshToken::parse(backend, signed).ok_or(Rejection::Malformed)
    }
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens")
            .field("idle", &self.idle)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// The content of a refresh token.
pub(crate) struct RefreshToken<'a, Id> {
    /// The backend that issued it.
    pub(crate) backend: &'a str,
    pub(crate) handle: &'a str,
    pub(crate) number: i64,
    pub(crate) subject: Subject<Id>,
    /// The id of whoever acts as the user, as text.
    pub(crate) actor: Option<String>,
}

impl<'a, Id: UserId> RefreshToken<'a, Id> {
    /// Reads what a MAC was verified of.
    fn parse(backend: &'a str, signed: &'a str) -> Option<Self> {
        let mut parts = signed.split('.');
        let (handle, number) = (parts.next()?, parts.next()?);
        let (epoch, user_id) = (parts.next()?, text(parts.next()?)?);
        let actor = match parts.next() {
            Some(actor) => Some(text(actor)?),
            None => None,
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            backend,
            handle,
            number: number.parse().ok()?,
            subject: Subject::new(user_id_from_text(&user_id)?, epoch.parse().ok()?),
            actor,
        })
    }
}

/// An id, which is in base64, as no character of it may be a dot.
fn text(encoded: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// With the length of the backend's name, so that its end cannot be taken for the beginning of a token.
fn mac(key: &hmac::Key, backend: &str, signed: &str) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(key);
    mac.update(&(backend.len() as u64).to_be_bytes());
    mac.update(backend.as_bytes());
    mac.update(signed.as_bytes());
    mac.sign()
}
