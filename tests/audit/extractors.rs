//! A credential is told once, however many ask for it.

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};
use portcullis::actix::{CurrentUser, ExtractError, OptionalUser};

use crate::{
    harness::{Blueprint, Kind, Pass, Service, Watch, address, person},
    names,
};

async fn twice(OptionalUser(one): OptionalUser, OptionalUser(other): OptionalUser) -> HttpResponse {
    assert_eq!(one.is_some(), other.is_some());
    HttpResponse::Ok().finish()
}

async fn both(
    OptionalUser(one): OptionalUser,
    other: Result<CurrentUser, ExtractError>,
) -> Result<HttpResponse, ExtractError> {
    assert_eq!(one.is_some(), other.is_ok());
    other.map(|_user| HttpResponse::Ok().finish())
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/twice", web::get().to(twice))
        .route("/both", web::get().to(both));
}

#[test]
fn e3_a_credential_that_several_extractors_ask_for_is_read_and_told_once() {
    let watch = std::sync::Arc::<Watch>::default();
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.own_routes = routes;
    blueprint.watch = Some(watch.clone());
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let bad = Pass::new(Kind::DbBearer, "A".repeat(43));
        service.events().await;
        for (path, pass, status) in [
            ("/twice", &pass, 200),
            ("/twice", &bad, 200),
            ("/both", &pass, 200),
            ("/both", &bad, 401),
        ] {
            watch.calls();
            assert_eq!(service.get(path).with(pass).send().await.status, status);
            let reads = watch
                .calls()
                .into_iter()
                .filter(|call| call.starts_with("tokens."));
            assert_eq!(reads.count(), 1, "{path}");
            let told: &[&str] = match pass.token == bad.token {
                true => &["credential_refused: unknown"],
                false => &[],
            };
            assert_eq!(names(service).await, told, "{path}");
        }
    });
}
