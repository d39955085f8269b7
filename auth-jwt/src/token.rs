//! Signing a token, and verifying its signature.

use auth_core::{IssuedToken, Rejection, StoreError, Subject, UserId, user_id_from_text};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    JwtStrategy, MAX_TOKEN_BYTES,
    claims::{Actor, Claims, IssuedClaims},
    compact::Compact,
    handle,
};

/// A token to be signed.
pub(crate) struct NewToken<'a, Id> {
    pub(crate) backend: &'a str,
    pub(crate) subject: &'a Subject<Id>,
    pub(crate) jti: &'a str,
    /// The generation of a tracked token, unless it is the first.
    pub(crate) generation: Option<i64>,
    pub(crate) actor: Option<&'a str>,
    pub(crate) scope: Option<&'a str>,
    pub(crate) issued_at: OffsetDateTime,
    pub(crate) end: Option<OffsetDateTime>,
}

/// A token whose signature was verified.
pub(crate) struct Authentic {
    pub(crate) claims: Claims,
    /// True if one of the strategy's own keys signed it, not that of another issuer.
    is_own: bool,
}

impl Authentic {
    /// True if it names a log-in in a store. Only a [`TrackedJwtStrategy`](crate::TrackedJwtStrategy) issues such tokens.
    pub(crate) fn is_tracked(&self) -> bool {
        self.is_own && self.claims.jti.as_deref().is_some_and(handle::is_handle)
    }
}

impl<Id: UserId> JwtStrategy<Id> {
    /// Signs a token that ends at `new.end`.
    pub(crate) fn sign(&self, new: &NewToken<'_, Id>) -> Result<IssuedToken, StoreError> {
        let refused = |problem: &str| StoreError::internal("JWT signing", problem);
        let end = new.end.and_then(date);
        let (Some(start), Some(end)) = (date(new.issued_at), end) else {
            return Err(refused("the clock is out of range"));
        };
        let sub = new.subject.user_id.to_string();
        if user_id_from_text::<Id>(&sub).is_none() {
            return Err(refused("the user's id could not be read back"));
        }
        let token = self.compact(&IssuedClaims {
            sub: &sub,
            aud: self
                .also_issued
                .as_deref()
                .into_iter()
                .chain([new.backend])
                .collect(),
            iss: self.issuer.as_deref(),
            exp: end.unix_timestamp(),
            nbf: start.unix_timestamp(),
            iat: start.unix_timestamp(),
            jti: new.jti,
            epoch: new.subject.epoch,
            generation: new.generation,
            act: new.actor.map(|sub| Actor { sub: sub.to_owned() }),
            scope: new.scope,
        });
        let token = token.map_err(|error| StoreError::internal("JWT signing", error))?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refused("the token would be too long to be read"));
        }
        Ok(IssuedToken::new(token.into(), new.issued_at, Some(end)))
    }

    fn compact(&self, claims: &IssuedClaims<'_>) -> Result<String, jsonwebtoken::errors::Error> {
        let mut token = format!("{}.{}", self.header.text, encode(claims)?);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Reads a token that a key of this strategy signed. It checks neither the audience nor the time.
    pub(crate) fn authentic(&self, presented: &str) -> Result<Authentic, Rejection> {
        let token = Compact::parse(presented, &self.header)?;
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
        let mut issuers = signers
            .map(|key| key.issuer.as_deref())
            .filter(|issuer| claims.is_of(issuer.or(self.issuer.as_deref())))
            .peekable();
        if issuers.peek().is_none() {
            return Err(Rejection::BadClaim);
        }
        let is_own = issuers.any(|issuer| issuer.is_none());
        Ok(Authentic { claims, is_own })
    }
}

pub(crate) fn encode(part: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// Rounded down, because the dates of a JWT are whole seconds.
pub(crate) fn whole_second(instant: OffsetDateTime) -> OffsetDateTime {
    instant.replace_nanosecond(0).unwrap_or(instant)
}

/// The [whole second](whole_second) of `instant`, if a token can contain it.
fn date(instant: OffsetDateTime) -> Option<OffsetDateTime> {
    Some(whole_second(instant)).filter(|instant| *instant >= OffsetDateTime::UNIX_EPOCH)
}
