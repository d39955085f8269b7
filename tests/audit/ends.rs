//! Log-outs that fail, and requests that are refused.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use portcullis::{
    actix::{Auth, AuthError, CurrentUser},
    users::EventKind,
};
use serde_json::json;

use crate::{
    harness::{Answer, Blueprint, Kind, Service, address, person},
    names,
};

/// Another request ends the user's credentials first.
async fn too_late(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    assert!(auth.users().log_out_everywhere(&current.id).await?);
    auth.log_out_elsewhere(&current, &request).await
}

fn routes(config: &mut ServiceConfig) {
    config.route("/too-late", web::post().to(too_late));
}

/// Makes the store of the tokens fail at each deletion.
async fn stick(service: &Service) {
    let trigger =
        "CREATE TRIGGER stuck BEFORE DELETE ON access_tokens BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    let database = portcullis::sql::sqlite::Database::new(service.pool.clone().expect("SQLite"));
    let run = |connection: &mut diesel::SqliteConnection| {
        diesel::connection::SimpleConnection::batch_execute(connection, trigger)
    };
    database.write(run).await.expect("run");
}

#[test]
fn e3_a_log_out_that_fails_is_told_whatever_it_was_to_end() {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer, Kind::TrackedBearer]);
    blueprint.own_routes = routes;
    blueprint.run(async |service: &Service| {
        let id = service.seed(person("lancelot")).await.id;
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        service.events().await;
        let is_told = async |answer: Answer, status: u16, expected: &[&str]| {
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(names(service).await, expected);
        };
        let late = service.post("/too-late").with(&pass).send().await;
        let ended = ["logged_out_everywhere", "log_out_refused: credentials_ended"];
        is_told(late, 401, &ended).await;

        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let other = service.pass(Kind::TrackedBearer, &address("lancelot")).await;
        let list = service.get("/auth/sessions").with(&pass).send().await.json();
        let log_in = list[0]["id"].as_str().expect("an id").to_owned();
        let nobody = format!("/auth/sessions/{}", uuid::Uuid::nil());
        service.events().await;
        let unknown = service.delete(&nobody).with(&pass).send().await;
        is_told(unknown, 404, &["log_out_refused: not_found"]).await;
        stick(service).await;
        let unavailable = &["log_out_refused: unavailable"];
        let log_out = service.post(&Kind::DbBearer.logout()).with(&pass).send().await;
        is_told(log_out, 503, unavailable).await;
        let others = service.delete("/auth/sessions").with(&pass).send().await;
        is_told(others, 503, unavailable).await;
        let one = service.delete(&format!("/auth/sessions/{log_in}")).with(&pass);
        is_told(one.send().await, 503, unavailable).await;
        let theirs = service
            .delete(&format!("/users/{id}/sessions/{log_in}"))
            .with(&king);
        is_told(theirs.send().await, 503, unavailable).await;
        let body = json!({"refresh_token": other.refresh()});
        let by_refresh = service.post(&Kind::TrackedBearer.logout()).json(&body);
        is_told(by_refresh.send().await, 503, unavailable).await;
    });
}

#[test]
fn e3_what_a_user_may_not_do_is_told_once_with_what_is_missing() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let id = service.seed(person("lancelot")).await.id;
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        service.events().await;
        let users = format!("/users/{id}");
        for (path, name) in [
            (&*users, "Superuser and Active"),
            ("/required/superuser", "Superuser"),
            ("/guarded/superuser/required/active", "Superuser"),
            ("/guarded/articles", "permission articles:publish"),
        ] {
            service.get(path).with(&pass).send().await.is_forbidden();
            let events = service.events().await;
            let [event] = &*events else {
                panic!("{path}: {events:?}");
            };
            let needs = name.to_owned();
            assert_eq!(event.kind, EventKind::Forbidden { needs }, "{path}");
            let client = event.client.map(|client| client.to_string());
            assert_eq!((event.user, event.actor), (Some(id), None));
            assert_eq!(event.backend.as_deref(), Some("db"));
            assert_eq!(client.as_deref(), Some("127.0.0.1"));
        }
        let optional = service.get("/optional/superuser").with(&pass).send().await;
        assert_eq!((optional.status, names(service).await), (200, Vec::new()));
    });
}

#[test]
fn e3_a_request_of_another_site_is_told_once() {
    Blueprint::of(&[Kind::DbCookie, Kind::TrackedCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbCookie, &address("lancelot")).await;
        service.events().await;
        let log_out = Kind::DbCookie.logout();
        let log_in = Kind::DbCookie.login();
        let refresh = format!("/auth/{}/refresh", Kind::TrackedCookie.name());
        for (path, backend) in [
            (&*log_out, Some(Kind::DbCookie)),
            (&*log_in, Some(Kind::DbCookie)),
            (&*refresh, Some(Kind::TrackedCookie)),
            ("/auth/logout-everywhere", Some(Kind::DbCookie)),
            ("/auth/register", None),
        ] {
            let forged = service.post(path).json(&json!({})).with(&pass);
            let forged = forged.header("origin", "https://evil.example");
            forged.send().await.is_forbidden();
            let events = service.events().await;
            let [event] = &*events else {
                panic!("{path}: {events:?}");
            };
            let why = "cross_site";
            assert_eq!(event.kind, EventKind::RequestForged { why }, "{path}");
            assert_eq!(
                event.backend.as_deref(),
                backend.map(|kind| kind.name()),
                "{path}"
            );
            assert!(event.client.is_some() && event.user.is_none());
        }
    });
}
