//! The routes, over the adapter.

use actix_web::{
    App,
    http::StatusCode,
    test::{TestRequest, call_and_read_body_json, call_service, init_service},
};
use custom_adapter::{Database, service};
use portcullis::SigningSecret;
use serde_json::{Value, json};

const EMAIL: &str = "arthur@camelot.example";
const PASSWORD: &str = "a grail of many words";

#[actix_web::test]
async fn a_user_registers_logs_in_is_greeted_and_logs_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(folder.path().join("app.redb")).expect("a database");
    let auth = service::auth(&database, &SigningSecret::generate().expect("a secret")).expect("settings");
    let app = init_service(App::new().configure(service::routes(&auth))).await;

    let register = || {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        TestRequest::post()
            .uri("/auth/register")
            .set_json(body)
            .to_request()
    };
    assert_eq!(call_service(&app, register()).await.status(), StatusCode::CREATED);
    assert_eq!(
        call_service(&app, register()).await.status(),
        StatusCode::BAD_REQUEST
    );
    let form = [("username", EMAIL), ("password", PASSWORD)];
    let log_in = TestRequest::post().uri("/auth/bearer/login").set_form(form);
    let issued: Value = call_and_read_body_json(&app, log_in.to_request()).await;
    let bearer = format!("Bearer {}", issued["access_token"].as_str().expect("a token"));

    let with = |request: TestRequest| {
        request
            .insert_header(("Authorization", bearer.clone()))
            .to_request()
    };
    let hello = || with(TestRequest::get().uri("/hello"));
    let greeting = actix_web::test::call_and_read_body(&app, hello()).await;
    assert_eq!(greeting, format!("Hello, {EMAIL}!"));
    let log_out = with(TestRequest::post().uri("/auth/bearer/logout"));
    assert_eq!(call_service(&app, log_out).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        call_service(&app, hello()).await.status(),
        StatusCode::UNAUTHORIZED
    );
}
