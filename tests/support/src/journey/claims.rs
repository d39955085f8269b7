//! Section 8: what a JWT says.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Case;

crate::sentences! {
    a_jwt_is_signed_by_hs256_and_has_the_claims_of_the_contract
}

/// A part of a JWT.
pub fn decoded(part: &str) -> Value {
    let json = URL_SAFE_NO_PAD.decode(part).expect("unpadded base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// The claim `jti` of `token`, if that is a JWT and has one.
pub fn jti_of(token: &str) -> Option<String> {
    let claims = decoded(token.split('.').nth(1)?);
    Some(claims["jti"].as_str()?.to_owned())
}

async fn a_jwt_is_signed_by_hs256_and_has_the_claims_of_the_contract(case: &Case) {
    let before = case.now().unix_timestamp();
    let (user, pass) = case.member("lancelot").await;
    let after = case.now().unix_timestamp();
    let parts: Vec<_> = pass.token.split('.').collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(decoded(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
    let claims = decoded(parts[1]);
    let mut names: Vec<_> = claims.as_object().expect("an object").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "epoch", "exp", "iat", "jti", "nbf", "sub"]);
    assert_eq!(claims["sub"], user.id.to_string());
    // The audience of FastAPI Users for services that ask for it, and the one backend that it is good at.
    assert_eq!(claims["aud"], json!(["fastapi-users:auth", case.kind.name()]));
    let issued_at = claims["iat"].as_i64().expect("whole seconds");
    assert!(
        (before..=after).contains(&issued_at),
        "{before} {issued_at} {after}"
    );
    assert_eq!(claims["nbf"], json!(issued_at));
    assert_eq!(claims["exp"], json!(issued_at + 3600));
    assert!(
        claims["jti"]
            .as_str()
            .is_some_and(|jti| jti.parse::<Uuid>().is_ok())
    );
    assert_eq!(claims["epoch"], json!(0));
}
