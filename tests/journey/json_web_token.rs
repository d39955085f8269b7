//! Section 8: JWTs, and the tokens in mails.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    ClientInfo, ExposeSecret as _, Lifetime, SigningSecret, Strategy as _, Subject, User, jwt::JwtStrategy,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Blueprint, Kind, Pass, SECRET, Service, address, person};

/// `sub` is below, `aud` the default, `exp` the start of 2100: as PyJWT signs it with the secret of the tests.
const FASTAPI_USERS_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImV4cCI6NDEw\
    MjQ0NDgwMH0.ccLrvpC8dsHDEBCsTKkokuUfmNYW18hqbt8M8TGluwg";
const FASTAPI_USERS_ID: &str = "0190d1b4-6f2b-7c3a-9d00-000000000042";

fn decoded(part: &str) -> Value {
    let json = URL_SAFE_NO_PAD.decode(part).expect("unpadded base64url");
    serde_json::from_slice(&json).expect("JSON")
}

#[test]
fn a_jwt_is_signed_by_hs256_and_has_the_claims_of_the_contract() {
    for kind in [Kind::JwtBearer, Kind::JwtCookie] {
        Blueprint::of(&[kind]).run(async |service: &Service| {
            let user = service.seed(person("lancelot")).await;
            let pass = service.pass(kind, user.email.as_str()).await;
            let parts: Vec<_> = pass.token.split('.').collect();
            assert_eq!(parts.len(), 3);
            assert_eq!(decoded(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
            let claims = decoded(parts[1]);
            let mut names: Vec<_> = claims.as_object().expect("an object").keys().collect();
            names.sort_unstable();
            assert_eq!(names, ["aud", "epoch", "exp", "iat", "jti", "nbf", "sub"]);
            let now = portcullis::Clock::now(&*service.clock).unix_timestamp();
            assert_eq!(claims["sub"], user.id.to_string());
            assert_eq!(claims["aud"], json!(["fastapi-users:auth"]));
            assert_eq!(claims["exp"], json!(now + 3600));
            assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(now), &json!(now)));
            assert!(
                claims["jti"]
                    .as_str()
                    .is_some_and(|jti| jti.parse::<Uuid>().is_ok())
            );
            assert_eq!(claims["epoch"], json!(0));
        });
    }
}

#[test]
fn the_issuer_is_a_claim_where_it_is_set() {
    crate::harness::run(async {
        let secret = SigningSecret::new("secret", SECRET).expect("long enough");
        let strategy = JwtStrategy::<Uuid>::hs256(&secret, Lifetime::from_secs(60).expect("positive"))
            .expect("long enough")
            .issuer("https://camelot.example");
        let subject = Subject {
            user_id: Uuid::now_v7(),
            epoch: 0,
        };
        let issued = strategy
            .issue(&subject, &ClientInfo::default())
            .await
            .expect("issued");
        let token = issued.secret.expose_secret();
        let claims = decoded(token.split('.').nth(1).expect("a payload"));
        assert_eq!(claims["iss"], "https://camelot.example");
    });
}

#[test]
fn a_token_that_fastapi_users_issued_is_accepted_where_it_is_asked_for() {
    Blueprint::of(&[Kind::JwtBearer]).run(async |service: &Service| {
        service
            .seed(person("lancelot").id(FASTAPI_USERS_ID.parse().expect("an id")))
            .await;
        service
            .me(&Pass::new(Kind::JwtBearer, FASTAPI_USERS_TOKEN))
            .await
            .is_unauthorized();
    });
    let mut blueprint = Blueprint::of(&[Kind::JwtBearer]);
    blueprint.takes_fastapi_users = true;
    blueprint.run(async |service: &Service| {
        let id = FASTAPI_USERS_ID.parse().expect("an id");
        let user: User = service.seed(person("lancelot").id(id)).await;
        let pass = Pass::new(Kind::JwtBearer, FASTAPI_USERS_TOKEN);
        let answer = service.me(&pass).await;
        assert_eq!(answer.json()["id"], user.id.to_string());
        service
            .set(user.email.as_str(), |user| user.security_epoch += 1)
            .await;
        service.me(&pass).await.is_unauthorized();
    });
}

#[test]
fn the_tokens_in_mails_are_opaque_and_fit_into_a_link() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("percival")).await;
        let email = address("percival");
        for token in [
            service.verify_token(&email).await,
            service.reset_token(&email).await,
        ] {
            assert!(
                token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{token}"
            );
            let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
            assert!(!String::from_utf8_lossy(&bytes).contains("percival"));
        }
    });
}
