//! J9: a kind of token is good at its own endpoint alone.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};
use portcullis::{
    actix::{Present, Session, SessionMiddleware, VerifiedSession},
    http::{SessionTransport, Sessions},
    store::SessionStore,
    testing::memory::MemorySessionStore,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::harness::{
    Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, journey::jti_of, person,
};

/// JWTs as FastAPI Users makes them for its mails: signed with the secret of the tests, for the user of this id.
const ID: &str = "0190d1b4-6f2b-7c3a-9d00-000000000042";
const RESET_JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2VyczpyZXNldCJdLCJleHAiOjQxMDI0NDQ4MDAsImVwb2NoIjowfQ.Up6GnIrBbqzm_u_vjEM8KruAs_oIFsVrIz28kBuaZwo";
const VERIFY_JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2Vyczp2ZXJpZnkiXSwiZXhwIjo0MTAyNDQ0ODAwLCJlcG9jaCI6MH0.UHmF-Xra50U6NbhCHPhC5xGDf9mHy3FTqTyYw0vlqhc";

#[test]
fn j9_a_kind_of_token_is_good_at_its_own_endpoint_alone() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service
            .seed(person("lancelot").id(ID.parse().expect("an id")))
            .await;
        let email = address("lancelot");
        let verify = service.verify_token(&email).await;
        let reset = service.reset_token(&email).await;
        let jwt = service.pass(Kind::JwtBearer, &email).await.token;
        let opaque = service.pass(Kind::DbBearer, &email).await.token;
        let cookie = service.pass(Kind::DbCookie, &email).await.token;

        for (token, good_as) in [
            (&*verify, &[][..]),
            (&reset, &[]),
            (RESET_JWT, &[]),
            (VERIFY_JWT, &[]),
            (&jwt, &[Kind::JwtBearer]),
            (&opaque, &[Kind::DbBearer]),
            (&cookie, &[Kind::DbCookie]),
        ] {
            for kind in Kind::ALL {
                let path = format!("/only/{}/required/active", kind.name());
                let answer = service.get(&path).with(&Pass::new(kind, token)).send().await;
                assert_eq!(answer.status == 200, good_as.contains(&kind), "{kind:?}: {token}");
                if answer.status != 200 {
                    answer.is_unauthorized();
                }
            }
        }
        for token in [&*reset, RESET_JWT, VERIFY_JWT, &jwt, &opaque, &cookie] {
            let answer = service.post_json("/auth/verify", json!({ "token": token })).await;
            answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
        }
        for token in [&*verify, RESET_JWT, VERIFY_JWT, &jwt, &opaque, &cookie] {
            let body = json!({"token": token, "password": NEW_PASSWORD});
            let answer = service.post_json("/auth/reset-password", body).await;
            answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
        }
        // Each is good where it belongs, so that the above was about the place.
        service.pass(Kind::DbBearer, &email).await;
        assert_eq!(
            service
                .post_json("/auth/verify", json!({"token": verify}))
                .await
                .status,
            200
        );
        let body = json!({"token": reset, "password": NEW_PASSWORD});
        service
            .post_json("/auth/reset-password", body)
            .await
            .is(200, "null");
        let old = service.log_in(Kind::DbBearer, &email, PASSWORD).await;
        old.is_error(400, "LOGIN_BAD_CREDENTIALS");
    });
}

#[test]
fn j9_the_public_id_of_a_token_and_its_digest_open_nothing() {
    Blueprint::of(&[Kind::DbBearer, Kind::DbCookie, Kind::JwtBearer]).run(async |service: &Service| {
        let user = service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let key = portcullis::store::TokenLookup::for_audience(pass.kind.name(), &pass.token);
        let stored = service
            .tokens
            .find(&key)
            .await
            .expect("an answer")
            .expect("a token");
        let hex: String = stored
            .digest
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        for nothing in [stored.id.to_string(), hex, user.id.to_string()] {
            for kind in [Kind::DbBearer, Kind::DbCookie, Kind::JwtBearer] {
                service.me(&Pass::new(kind, &nothing)).await.is_unauthorized();
            }
        }
    });
}

#[derive(Default, Serialize, Deserialize)]
struct Cart {}

#[derive(Default, Serialize, Deserialize)]
struct Wizard {}

/// Two kinds of session over one store: carts by cookie, wizards by header.
fn sessions(config: &mut ServiceConfig) {
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessionStore::new());
    let carts: Sessions<Cart> = Sessions::builder("cart", store.clone())
        .build()
        .expect("sessions");
    let wizards: Sessions<Wizard> = Sessions::builder("wizard", store)
        .transport(SessionTransport::header("X-Session-Id").expect("a header"))
        .build()
        .expect("sessions");
    let begin_cart = async |cart: Session<Cart>| {
        cart.set(Cart {});
        HttpResponse::Ok().finish()
    };
    let begin_wizard = async |wizard: Session<Wizard>| {
        wizard.set(Wizard {});
        HttpResponse::Ok().finish()
    };
    let carts = web::scope("/cart")
        .wrap(SessionMiddleware::new(carts))
        .route("", web::post().to(begin_cart))
        .route(
            "",
            web::get().to(async |_: VerifiedSession<Present, Cart>| "a cart"),
        );
    let wizards = web::scope("/wizard")
        .wrap(SessionMiddleware::new(wizards))
        .route("", web::post().to(begin_wizard))
        .route(
            "",
            web::get().to(async |_: VerifiedSession<Present, Wizard>| "a wizard"),
        );
    config.service(carts).service(wizards);
}

/// A place that takes a token or the id of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Backend(Kind),
    Refresh(Kind),
    Cart,
    Wizard,
}

impl Place {
    fn all() -> Vec<Self> {
        let refreshed = Kind::ALL.into_iter().filter(|kind| kind.has_refresh());
        let backends = Kind::ALL.into_iter().map(Self::Backend);
        let sessions = [Self::Cart, Self::Wizard].into_iter();
        backends
            .chain(refreshed.map(Self::Refresh))
            .chain(sessions)
            .collect()
    }

    /// True if it takes `token`. Otherwise the answer is the same as to nobody.
    async fn takes(self, service: &Service, token: &str) -> bool {
        let answer = match self {
            Self::Backend(kind) => {
                let path = format!("/only/{}/required/active", kind.name());
                service.get(&path).with(&Pass::new(kind, token)).send().await
            }
            Self::Refresh(kind) => service.refresh(kind, token).await,
            Self::Cart => {
                let call = service.get("/cart");
                call.header("cookie", format!("__Host-ssid={token}")).send().await
            }
            Self::Wizard => service.get("/wizard").header("x-session-id", token).send().await,
        };
        assert!(matches!(answer.status, 200 | 204 | 401), "{self:?}: {answer:?}");
        answer.status != 401
    }
}

#[test]
fn j9_the_id_of_a_session_is_good_for_its_own_kind_alone_and_no_token_is_one() {
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.own_routes = sessions;
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let cart = service.post("/cart").send().await;
        let cart = cart.cookie("__Host-ssid").expect("a cookie").value;
        let wizard = service.post("/wizard").send().await;
        let wizard = wizard.header("x-session-id").expect("an id").to_owned();
        let mut table = vec![(cart, Some(Place::Cart)), (wizard, Some(Place::Wizard))];
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            table.extend(jti_of(&pass.token).map(|jti| (jti, None)));
            table.push((pass.token, Some(Place::Backend(kind))));
            table.extend(pass.refresh.map(|token| (token, Some(Place::Refresh(kind)))));
        }
        let user = service.stored(&address("lancelot")).await.expect("the user");
        let log_ins = service.tokens.list(&user.id, user.security_epoch).await;
        let ids = log_ins
            .expect("a list")
            .into_iter()
            .map(|log_in| log_in.id.to_string());
        table.extend(ids.map(|id| (id, None)));
        // Nothing but the mailed tokens is good for what they are for.
        for (token, own) in &table {
            let verified = service.post_json("/auth/verify", json!({ "token": token })).await;
            verified.is_error(400, "VERIFY_USER_BAD_TOKEN");
            let body = json!({"token": token, "password": NEW_PASSWORD});
            let reset = service.post_json("/auth/reset-password", body).await;
            assert_eq!(reset.status, 400, "{own:?}: {token}");
        }
        table.push((service.verify_token(&address("lancelot")).await, None));
        table.push((service.reset_token(&address("lancelot")).await, None));
        for (token, own) in table {
            for place in Place::all().into_iter().filter(|place| Some(*place) != own) {
                assert!(
                    !place.takes(service, &token).await,
                    "{own:?} at {place:?}: {token}"
                );
            }
            if let Some(own) = own {
                assert!(own.takes(service, &token).await, "{own:?}: {token}");
            }
        }
    });
}
