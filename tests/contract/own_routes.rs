//! Section 6: routes of an application's own beside those of the contract.

use actix_web::web::{self, Data, Json};
use portcullis::actix::{Auth, AuthError, CurrentUser};
use serde_json::{Value, json};

use crate::harness::{Blueprint, Kind, journey::Case};

/// An application of its own gives roles. It does not compile if `?` turns the error into no answer.
#[test]
fn an_applications_own_route_gives_roles_and_answers_a_wrong_one_like_the_librarys() {
    async fn become_one(
        auth: Data<Auth>,
        user: CurrentUser,
        names: Json<Vec<String>>,
    ) -> Result<String, AuthError> {
        let user = auth.users().set_roles(user.into_user(), &names).await?;
        Ok(format!("{} roles", user.roles.len()))
    }
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.own_routes = |config| {
        config.route("/roles", web::put().to(become_one));
    };
    blueprint.case(false, async |case: &Case| {
        let (user, pass) = case.member("lancelot").await;
        let put = |path: &str, roles: &Value| case.call(reqwest::Method::PUT, path).json(roles);
        let right = json!(["editor"]);
        let given = put("/roles", &right).with(&pass).send().await;
        assert_eq!((given.status, given.text()), (200, "1 roles"));
        let (_, king) = case.king().await;
        let wrong = json!(["editor", "edtior"]);
        let own = put("/roles", &wrong).with(&pass).send().await;
        let library = put(&format!("/users/{}/roles", user.id), &wrong)
            .with(&king)
            .send()
            .await;
        assert_eq!((own.status, own.text()), (422, library.text()));
    });
}

/// An application that lets its users leave.
#[test]
fn an_applications_own_delete_of_oneself_stands_beside_these() {
    async fn leave(user: CurrentUser) -> String {
        format!("farewell, {}", user.email)
    }
    let kinds = [Kind::JwtBearer, Kind::DbBearer, Kind::DbCookie];
    for (kind, verification) in kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let mut blueprint = Blueprint::of(&[kind]);
        blueprint.own_routes = |config| {
            config.route("/users/me", web::delete().to(leave));
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
