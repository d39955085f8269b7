//! Who acts as a user is in each event of theirs.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use portcullis::actix::{Auth, AuthError, CurrentUser, Superuser};
use uuid::Uuid;

use crate::{
    harness::{Blueprint, Kind, Service, address, person},
    told,
};

async fn log_in_as(
    auth: Data<Auth>,
    king: CurrentUser<Superuser>,
    request: HttpRequest,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, AuthError> {
    let user = auth.users().find(&id).await?.expect("the user");
    let identified = auth.users().identify_without_proof(user).acting(king.id);
    auth.log_in(Kind::TrackedBearer.name(), identified, &request)
        .await
}

fn routes(config: &mut ServiceConfig) {
    config.route("/as/{id}", web::post().to(log_in_as));
}

#[test]
fn n18_each_event_of_somebody_who_acts_as_a_user_names_them() {
    let kind = Kind::TrackedBearer;
    let mut blueprint = Blueprint::of(&[kind]);
    blueprint.own_routes = routes;
    blueprint.run(async |service: &Service| {
        let king = service.seed(person("arthur").superuser()).await.id;
        let king_pass = service.pass(kind, &address("arthur")).await;
        let user = service.seed(person("lancelot")).await.id;
        service.events().await;
        let acts = async || {
            let answer = service.post(&format!("/as/{user}")).with(&king_pass).send().await;
            kind.issued(&answer)
        };
        let is_told = async |names: &[&str]| {
            let events = service.events().await.into_iter().map(told);
            let expected = names.iter().map(|name| {
                let backend = kind.name().to_owned();
                ((*name).to_owned(), Some(user), Some(king), Some(backend))
            });
            assert_eq!(events.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        };
        let pass = acts().await;
        let next = kind.issued(&service.refresh(kind, pass.refresh()).await);
        is_told(&["logged_in", "refreshed"]).await;
        let log_out = service.post(&kind.logout()).with(&next).send().await;
        assert_eq!(log_out.status, 204);
        is_told(&["logged_out"]).await;
        service.refresh(kind, next.refresh()).await.is_unauthorized();
        is_told(&["refresh_refused: unknown"]).await;

        let pass = acts().await;
        service.refresh(kind, pass.refresh()).await;
        service.clock.advance(time::Duration::MINUTE);
        service.refresh(kind, pass.refresh()).await.is_unauthorized();
        is_told(&["logged_in", "refreshed", "refresh_token_reused"]).await;

        let pass = acts().await;
        service
            .set(&address("arthur"), |king| king.is_active = false)
            .await;
        service.me(&pass).await.is_unauthorized();
        is_told(&["logged_in", "credential_refused: actor_gone"]).await;
    });
}
