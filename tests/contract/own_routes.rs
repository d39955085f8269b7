//! Section 6: routes of an application's own beside those of the contract.

use serde_json::json;

use crate::harness::{Blueprint, Kind, journey::Case};

/// An application that lets its users leave.
#[test]
fn an_applications_own_delete_of_oneself_stands_beside_these() {
    async fn leave(user: portcullis::actix::CurrentUser) -> String {
        format!("farewell, {}", user.email)
    }
    let kinds = [Kind::JwtBearer, Kind::DbBearer, Kind::DbCookie];
    for (kind, verification) in kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let mut blueprint = Blueprint::of(&[kind]);
        blueprint.own_routes = |config| {
            config.route("/users/me", actix_web::web::delete().to(leave));
        };
        blueprint.case(verification, async |case: &Case| {
            let (user, pass) = case.member("lancelot").await;
            let answer = case.delete("/users/me").with(&pass).send().await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.text(), "farewell, lancelot@camelot.example");
            case.delete("/users/me").send().await.is_unauthorized();
            assert_eq!(case.me(&pass).await.status, 200);
            let change = case.patch("/users/me").json(&json!({}));
            assert_eq!(change.with(&pass).send().await.status, 200);
            let (_, king) = case.king().await;
            let path = format!("/users/{}", user.id);
            case.delete(&path).with(&king).send().await.is(204, "");
        });
    }
}
