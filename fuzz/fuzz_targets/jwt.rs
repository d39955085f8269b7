//! Any text as a token; any text as the header and as the claims of a token that was signed.

#![no_main]

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Waker},
};

use auth_core::{Credential, Lifetime, ManualClock, ReadError, SigningSecret, Strategy as _};
use auth_jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy, MAX_TOKEN_BYTES};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// Signed with [`SECRET`], and valid at [`NOW`]: the only valid token that the fuzzer can know.
const ISSUED: &str = include_str!("../seeds/jwt/issued");
const SECRET: &str = "FASTAPI-USERS-SECRET-0123456789-abcdef";
const NOW: i64 = 1_767_225_600;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const CLAIMS: &str =
    r#"{"sub":"6f4dfb1f-0f3f-4c3a-9f5e-3b1b2a1d0c77","aud":["fastapi-users:auth"],"exp":1767229200}"#;

static STRATEGY: LazyLock<JwtStrategy> = LazyLock::new(|| {
    let secret = SigningSecret::new(SECRET).expect("long enough");
    let now = OffsetDateTime::from_unix_timestamp(NOW).expect("in range");
    let lifetime = Lifetime::from_secs(3600).expect("positive");
    JwtStrategy::hs256(&secret, lifetime)
        .expect("valid")
        .accept_without_epoch()
        .clock(Arc::new(ManualClock::new(now)))
});

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        // The file of the seed may end in a line feed; the token does not.
        assert_eq!(read(text).is_some(), text == ISSUED.trim_end());
    }
    let _ = read(&signed(data, CLAIMS.as_bytes())).map(|_grant| check_header(data));
    let _ = read(&signed(HEADER.as_bytes(), data)).map(|credential| check_claims(data, &credential));
});

/// What is accepted says nothing but what ours may say.
fn check_header(header: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("an accepted header is JSON");
    for (name, value) in header.as_object().expect("an object") {
        match name.as_str() {
            "alg" => assert_eq!(value, "HS256"),
            "typ" => assert!(value.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"))),
            _ => panic!("accepted in a header: {name}"),
        }
    }
}

/// What is accepted holds by another reading, too.
fn check_claims(claims: &[u8], credential: &Credential<Uuid>) {
    let claims: Value = serde_json::from_slice(claims).expect("accepted claims are JSON");
    let subject: Uuid = claims["sub"].as_str().expect("text").parse().expect("a UUID");
    assert_eq!(subject, credential.subject.user_id);
    assert_eq!(
        claims["epoch"].as_i64().unwrap_or_default(),
        credential.subject.epoch
    );
    match &claims["aud"] {
        Value::String(one) => assert_eq!(one, FASTAPI_USERS_AUDIENCE),
        Value::Array(several) => {
            assert!(several.iter().all(Value::is_string));
            assert!(several.iter().any(|one| one == FASTAPI_USERS_AUDIENCE));
        }
        other => panic!("accepted as an audience: {other}"),
    }
    let now = f64::from(i32::try_from(NOW).expect("before 2038"));
    assert!(claims["exp"].as_f64().expect("a number") > now);
    for start in ["nbf", "iat"] {
        if let Some(start) = claims.get(start) {
            assert!(start.as_f64().expect("a number") < now + 6.0);
        }
    }
    for text in ["iss", "jti"] {
        assert!(claims.get(text).is_none_or(Value::is_string));
    }
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{claims}");
    let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
    format!("{message}.{signature}")
}

fn read(token: &str) -> Option<Credential<Uuid>> {
    match at_once(STRATEGY.read(FASTAPI_USERS_AUDIENCE, token)) {
        Ok(credential) => {
            assert!(token.len() <= MAX_TOKEN_BYTES);
            Some(credential)
        }
        Err(ReadError::Rejected(_)) => None,
        Err(ReadError::Unavailable(error)) => panic!("there is no store: {error}"),
    }
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a stateless strategy waits for nothing"),
    }
}
