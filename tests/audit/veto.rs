//! A veto at every door.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use portcullis::{
    actix::{Auth, AuthError, CurrentUser},
    async_trait,
    users::{Intent, Origin, UserManager, Veto, VetoError},
};
use serde_json::json;

use crate::{
    harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, address, person},
    names,
};

/// Refuses log-ins while it is told to.
#[derive(Default)]
struct Closed(AtomicBool);

#[async_trait]
impl Veto for Closed {
    async fn check(
        &self,
        intent: Intent<'_>,
        origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        assert!(origin.client.is_some());
        match intent {
            Intent::LogIn { .. } if self.0.load(Ordering::SeqCst) => Err(VetoError::refused("closed")),
            _ => Ok(()),
        }
    }
}

/// The application's own word is the proof.
async fn invited(
    auth: Data<Auth>,
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, AuthError> {
    let user = auth.users().find_by_email(&address(&name)).await?;
    let identified = auth.users().identify_without_proof(user.expect("a user"));
    auth.log_in(Kind::TrackedBearer.name(), identified, &request)
        .await
}

async fn elsewhere(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    auth.log_out_elsewhere(&current, &request).await
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/invited/{name}", web::post().to(invited))
        .route("/elsewhere", web::post().to(elsewhere));
}

#[test]
fn e8_l4_every_door_asks_the_veto_and_a_refresh_is_no_log_in() {
    let veto = Arc::new(Closed::default());
    let mut blueprint = Blueprint::of(&[Kind::TrackedBearer]);
    blueprint.veto = Some(veto.clone());
    blueprint.own_routes = routes;
    blueprint.keeps_log_in = true;
    blueprint.run(async |service: &Service| {
        let id = service.seed(person("lancelot")).await.id;
        let pass = service.pass(Kind::TrackedBearer, &address("lancelot")).await;
        veto.0.store(true, Ordering::SeqCst);
        service.events().await;
        let before = service.tokens.list(&id, 0).await.expect("a list");
        let by_password = service
            .log_in(Kind::TrackedBearer, &address("lancelot"), PASSWORD)
            .await;
        by_password.is_forbidden();
        service.post("/invited/lancelot").send().await.is_forbidden();
        service.post("/elsewhere").with(&pass).send().await.is_forbidden();
        assert_eq!(names(service).await, ["log_in_refused: vetoed"; 3]);
        let after = service.tokens.list(&id, 0).await.expect("a list");
        let ids = |rows: Vec<portcullis::store::AccessToken<_>>| -> Vec<_> {
            rows.into_iter().map(|row| row.id).collect()
        };
        assert_eq!(ids(after), ids(before), "nothing was issued, and nothing ended");

        let next = service.refresh(Kind::TrackedBearer, pass.refresh()).await;
        let pass = Kind::TrackedBearer.issued(&next);
        assert_eq!(names(service).await, ["refreshed"]);
        let patch = service
            .patch("/users/me")
            .json(&json!({"password": NEW_PASSWORD}));
        let changed = patch.with(&pass).send().await;
        assert_eq!(
            (changed.status, changed.header("x-access-token")),
            (200, None),
            "the password has changed, and the client is logged out"
        );
        assert_eq!(names(service).await, ["updated", "log_in_refused: vetoed"]);
        veto.0.store(false, Ordering::SeqCst);
        let answer = service
            .log_in(Kind::TrackedBearer, &address("lancelot"), NEW_PASSWORD)
            .await;
        assert_eq!(answer.status, 200);
    });
}
