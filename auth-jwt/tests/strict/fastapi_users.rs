//! Tokens that FastAPI Users 15.0.5 wrote (PyJWT 2.15.1) with a lifetime of an hour at the start of 2026.

use auth_core::{
    Rejection::{BadClaim, BadSignature, Expired},
    SigningSecret,
};
use auth_jwt::{AsymmetricKeys, JwtStrategy, SigningAlgorithm, VerifyingAlgorithm};

use crate::craft::{
    LIFETIME, START, USER, clock_at, decoded, issue, lifetime, parts, read, signing_key, strategy,
    strategy_of, verifying_key,
};

const FASTAPI_SECRET: &str = "FASTAPI-USERS-SECRET-0123456789-abcdef";
const HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiI2ZjRkZmIxZi0wZjNmLTRjM2EtOWY1ZS0zYjFiMmExZDBjNzciLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImV4cCI6MTc2\
    NzIyOTIwMH0._Dag7Gypl-R3v_pYcWXfNKt0fBkv31576PZXhW_15eg";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiI2ZjRkZmIxZi0wZjNmLTRjM2EtOWY1ZS0zYjFiMmExZDBjNzciLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImV4cCI6MTc2\
    NzIyOTIwMH0.JED8xGPglw-OKn5r3nQv4zYyFrxnG0e_uDww2L-M-6NhhQvN8wAF9EpiWwSce135fKwPqmDNDH8fofBV_YiKyOZE5yGqv8A5AQuU\
    odhccixFzkFNiUuE97yaCB2ZwTpm2lOQno1hQnkjjoPWk8iMes27qQyhV1hDlxE7E9uTWhyqaJlux2EE4PpKUY5Hl2YJzo0HQ_J2x_39n_gZkhgi\
    AvvAbyGEvt_QzNhA-I7sL9NGK9HSQL7N90UfoKRgoGBTw0oPwIodvdcKusXUzMarxvEg8dNP69PMhO_urf3yfZ33QB6schz9T7L56c6XCYgzZ6F0\
    88XIr0YdGNopq_mSdQ";

fn with_its_secret() -> JwtStrategy {
    let secret = SigningSecret::new(FASTAPI_SECRET).expect("long enough");
    JwtStrategy::hs256(&secret, lifetime())
        .expect("valid")
        .clock(clock_at(START))
}

#[test]
fn its_token_is_read_where_that_is_allowed() {
    let strategy = with_its_secret().accept_without_epoch();
    let credential = read(&strategy, HS256).expect("valid");
    assert_eq!(credential.subject.user_id.to_string(), USER);
    assert_eq!(credential.subject.epoch, 0);
    assert_eq!(
        credential.expires_at.expect("present").unix_timestamp(),
        START + LIFETIME
    );
    assert_eq!((credential.id, credential.issued_at), (None, None));

    assert_eq!(read(&with_its_secret(), HS256), Err(BadClaim), "it has no epoch");
    assert_eq!(
        read(&self::strategy().accept_without_epoch(), HS256),
        Err(BadSignature)
    );
    let later = strategy.clock(clock_at(START + LIFETIME));
    assert_eq!(read(&later, HS256), Err(Expired));
}

#[test]
fn its_token_signed_with_rs256_is_read_beside_our_own() {
    let keys = AsymmetricKeys::new(signing_key(SigningAlgorithm::EdDsa))
        .also_verify(verifying_key(VerifyingAlgorithm::Rs256).without_kid())
        .expect("valid");
    let strategy = strategy_of(keys).accept_without_epoch();
    assert_eq!(
        read(&strategy, RS256).expect("valid").subject.user_id.to_string(),
        USER
    );
    assert!(read(&strategy, &issue(&strategy)).is_ok());
}

#[test]
fn our_token_has_all_that_its_own_have() {
    let token = issue(&with_its_secret());
    let [theirs, ours] = [HS256, &token].map(parts);
    assert_eq!(theirs[0], ours[0], "the header is the same to the byte");
    let [theirs, ours] = [theirs[1], ours[1]].map(decoded);
    for claim in ["sub", "aud", "exp"] {
        assert_eq!(theirs[claim], ours[claim], "{claim}");
    }
    for claim in ["iat", "nbf", "jti", "epoch"] {
        assert!(!ours[claim].is_null(), "{claim}");
    }
}
