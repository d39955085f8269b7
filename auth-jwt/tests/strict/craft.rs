//! Tokens made by hand, and what they are read with.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use auth_core::{
    ClientInfo, Credential, ExposeSecret as _, Lifetime, ManualClock, NewLogIn, ReadError, Rejection,
    SigningSecret, Strategy, Subject,
};
use auth_jwt::{
    FASTAPI_USERS_AUDIENCE, JwtKeys, JwtStrategy, SigningAlgorithm, SigningKey, VerifyingAlgorithm,
    VerifyingKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const ED25519: &str = include_str!("../keys/ed25519-1.pem");
pub(crate) const ED25519_PUBLIC: &str = include_str!("../keys/ed25519-1.pub.pem");
pub(crate) const OTHER_ED25519: &str = include_str!("../keys/ed25519-2.pem");
pub(crate) const P256: &str = include_str!("../keys/p256.pem");
pub(crate) const P256_PUBLIC: &str = include_str!("../keys/p256.pub.pem");
pub(crate) const RSA: &str = include_str!("../keys/rsa2048.pem");
pub(crate) const RSA_PUBLIC: &str = include_str!("../keys/rsa2048.pub.pem");

/// Midnight before 2026, in seconds.
pub(crate) const START: i64 = 1_767_225_600;
pub(crate) const LIFETIME: i64 = 3600;
pub(crate) const USER: &str = "6f4dfb1f-0f3f-4c3a-9f5e-3b1b2a1d0c77";
/// 64 bytes, enough for each HMAC.
pub(crate) const SECRET: &str = "0f7b3c91d2e84a65b8c1770e9d43fa261c5e92ab7d084f63e1b95c20a87df436";
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub(crate) fn secret() -> SigningSecret {
    SigningSecret::new(SECRET).expect("long enough")
}

pub(crate) fn lifetime() -> Lifetime {
    Lifetime::from_secs(LIFETIME.unsigned_abs()).expect("positive")
}

pub(crate) fn clock_at(seconds: i64) -> Arc<ManualClock> {
    let start = OffsetDateTime::from_unix_timestamp(seconds).expect("in range");
    Arc::new(ManualClock::new(start))
}

/// A strategy of `keys` at [`START`].
pub(crate) fn strategy_of(keys: impl Into<JwtKeys>) -> JwtStrategy {
    JwtStrategy::new(keys, lifetime())
        .expect("valid")
        .clock(clock_at(START))
}

/// A strategy with HS256 and [`SECRET`] at [`START`].
pub(crate) fn strategy() -> JwtStrategy {
    JwtStrategy::hs256(&secret(), lifetime())
        .expect("valid")
        .clock(clock_at(START))
}

pub(crate) fn signing_key(algorithm: SigningAlgorithm) -> SigningKey {
    let pem = match algorithm {
        SigningAlgorithm::EdDsa => ED25519,
        SigningAlgorithm::Es256 => P256,
        SigningAlgorithm::Ps256 => RSA,
        other => panic!("no key for {other:?}"),
    };
    SigningKey::from_pem(algorithm, pem).expect("valid")
}

pub(crate) fn verifying_key(algorithm: VerifyingAlgorithm) -> VerifyingKey {
    let pem = match algorithm {
        VerifyingAlgorithm::EdDsa => ED25519_PUBLIC,
        VerifyingAlgorithm::Es256 => P256_PUBLIC,
        VerifyingAlgorithm::Ps256 | VerifyingAlgorithm::Rs256 => RSA_PUBLIC,
        other => panic!("no key for {other:?}"),
    };
    VerifyingKey::from_pem(algorithm, pem).expect("valid")
}

/// The claims of a token that is valid at [`START`], each with its value as JSON.
pub(crate) fn claims() -> Vec<(&'static str, String)> {
    vec![
        ("sub", format!("{USER:?}")),
        ("aud", r#"["fastapi-users:auth"]"#.to_owned()),
        ("exp", (START + LIFETIME).to_string()),
        ("nbf", START.to_string()),
        ("iat", START.to_string()),
        ("jti", r#""0b5c7b1e-58e1-4c9d-8d3a-3d6a3c1f7a10""#.to_owned()),
        ("epoch", "7".to_owned()),
    ]
}

pub(crate) fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

pub(crate) fn payload() -> String {
    object(&claims())
}

/// The payload with the claim set to a value, as JSON.
pub(crate) fn payload_with(claim: &'static str, value: &str) -> String {
    let mut claims = claims();
    claims.retain(|(name, _)| *name != claim);
    claims.push((claim, value.to_owned()));
    object(&claims)
}

pub(crate) fn payload_without(claim: &str) -> String {
    let mut claims = claims();
    claims.retain(|(name, _)| *name != claim);
    object(&claims)
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these parts with the signature of HS256 and [`SECRET`].
pub(crate) fn token(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
    signed(header, payload, Algorithm::HS256, &key)
}

pub(crate) fn signed(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    algorithm: Algorithm,
    key: &EncodingKey,
) -> String {
    sign(&base64url(header), &base64url(payload), algorithm, key)
}

/// A token of parts that are encoded already.
pub(crate) fn sign(header: &str, payload: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{header}.{payload}");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("signed");
    format!("{message}.{signature}")
}

pub(crate) fn issue(strategy: &JwtStrategy) -> String {
    let subject = Subject::new(USER.parse().expect("a UUID"), 7);
    let issued = at_once(strategy.issue(&NewLogIn::new(
        FASTAPI_USERS_AUDIENCE,
        &subject,
        &ClientInfo::default(),
    )))
    .expect("issued");
    issued.access.secret.expose_secret().to_owned()
}

pub(crate) fn read(strategy: &JwtStrategy, token: &str) -> Result<Credential<Uuid>, Rejection> {
    at_once(strategy.read(FASTAPI_USERS_AUDIENCE, token)).map_err(|refusal| match refusal {
        ReadError::Rejected(rejection) => rejection,
        ReadError::Unavailable(error) => panic!("there is no store: {error}"),
    })
}

/// What a future yields that never waits, as those of a stateless strategy.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a stateless strategy waits for nothing"),
    }
}

/// The parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

pub(crate) fn decoded(part: &str) -> serde_json::Value {
    let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}
