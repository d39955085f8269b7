//! Deviations 14 and 15: one user an e-mail.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Blueprint, Kind, PASSWORD, Service, Store, address, person};

#[test]
fn deviation_14_of_50_parallel_registrations_exactly_one_is_201_and_the_rest_are_400() {
    for store in [Store::Sqlite, Store::Memory] {
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.store = store;
        blueprint.workers = 2;
        blueprint.run(async |service: &Service| {
            let register = |_| {
                let body = json!({"email": address("galahad"), "password": PASSWORD});
                service.post_json("/auth/register", body)
            };
            let answers = join_all((0..50).map(register)).await;
            let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
            assert_eq!((made.len(), refused.len()), (1, 49), "{store:?}");
            for answer in refused {
                answer.is_error(400, "REGISTER_USER_ALREADY_EXISTS");
            }
            let user = service.stored(&address("galahad")).await.expect("registered");
            assert_eq!(made[0].json()["id"], user.id.to_string());
        });
    }
}

#[test]
fn deviation_15_variants_of_an_email_are_one_user_on_every_store_and_accents_are_not_folded_away() {
    for store in [Store::Sqlite, Store::Memory] {
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.store = store;
        blueprint.run(async |service: &Service| {
            let mut sample = person("");
            sample.email = "Élaine@camelot.example".to_owned();
            let user = service.seed(sample).await;
            for same in [
                "élaine@camelot.example",
                "ÉLAINE@CAMELOT.EXAMPLE",
                "e\u{301}laine@camelot.example",
                "ｅ\u{301}laine@camelot.example",
            ] {
                let body = json!({"email": same, "password": PASSWORD});
                let answer = service.post_json("/auth/register", body).await;
                answer.is_error(400, "REGISTER_USER_ALREADY_EXISTS");
                let pass = Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, same, PASSWORD).await);
                assert_eq!(
                    service.me(&pass).await.json()["id"],
                    user.id.to_string(),
                    "{same}"
                );
            }
            let body = json!({"email": "elaine@camelot.example", "password": PASSWORD});
            assert_eq!(service.post_json("/auth/register", body).await.status, 201);
        });
    }
}
