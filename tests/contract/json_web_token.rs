//! Section 8: JWTs, as a service may be set to write and take them.

use portcullis::{
    ExposeSecret as _, Lifetime, SigningSecret, User,
    jwt::JwtStrategy,
    store::{ClientInfo, NewLogIn, Strategy as _, Subject},
};
use uuid::Uuid;

use crate::harness::{Blueprint, Kind, Pass, SECRET, Service, journey::decoded, person};

/// `sub` is below, `aud` the default, `exp` the start of 2100: as PyJWT signs it with the secret of the tests.
const FASTAPI_USERS_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImV4cCI6NDEw\
    MjQ0NDgwMH0.ccLrvpC8dsHDEBCsTKkokuUfmNYW18hqbt8M8TGluwg";
const FASTAPI_USERS_ID: &str = "0190d1b4-6f2b-7c3a-9d00-000000000042";

#[test]
fn the_issuer_is_a_claim_where_it_is_set() {
    crate::harness::run(async {
        let secret = SigningSecret::new(SECRET).expect("long enough");
        let strategy = JwtStrategy::<Uuid>::hs256(&secret, Lifetime::from_secs(60).expect("positive"))
            .expect("long enough")
            .issuer("https://camelot.example");
        let subject = Subject::new(Uuid::now_v7(), 0);
        let issued = strategy
            .issue(&NewLogIn::new("api", &subject, &ClientInfo::default()))
            .await
            .expect("issued");
        let token = issued.access.secret.expose_secret();
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
