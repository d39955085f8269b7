//! The span around a request.

use actix_web::{
    App,
    test::{TestRequest, call_service, init_service},
    web,
};
use auth_actix::CurrentUser;
use portcullis_support::Log;

use crate::service::Service;

async fn order(user: CurrentUser) -> String {
    tracing::info!("an order");
    user.id.to_string()
}

/// The part of the line with `text` in front of it.
fn context<'a>(log: &'a str, text: &str) -> &'a str {
    let line = log.lines().find(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("{text} in:\n{log}"));
    line.split_once("INFO")
        .expect("a level")
        .1
        .split(text)
        .next()
        .expect("the part before")
}

#[actix_web::test]
async fn e3_e4_a_request_has_one_span_with_its_route_and_its_user_and_no_token() {
    let service = Service::new();
    let token = service.token("av").await;
    let bearer = ("authorization", format!("Bearer {token}"));
    let app = init_service(
        App::new()
            .wrap(service.auth.protect())
            .service(
                web::scope("/shop")
                    .wrap(service.auth.require(auth_actix::Verified))
                    .route("/orders/{id}", web::get().to(order)),
            )
            .configure(service.auth.routes()),
    )
    .await;
    let listening = Log::begin();
    let request = TestRequest::get()
        .uri("/shop/orders/4711?key=s3cret")
        .insert_header(bearer.clone());
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 200);
    let user = actix_web::test::read_body(answer).await;
    let user = String::from_utf8(user.to_vec()).expect("UTF-8");
    let request = TestRequest::delete().uri("/users/4711").insert_header(bearer);
    assert_eq!(call_service(&app, request.to_request()).await.status(), 403);
    let log = listening.text();
    for (text, route) in [
        ("an order", "/shop/orders/{id}"),
        ("a user may not do this", "/users/{id}"),
    ] {
        let span = format!(" request{{route=\"{route}\" user={user}}}: ");
        let context = context(&log, text);
        assert!(context.starts_with(&span), "{span} in {context}");
        assert_eq!(context.matches("request{").count(), 1, "{context}");
    }
    for secret in [&*token, "4711", "s3cret"] {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
}

#[actix_web::test]
async fn without_a_guard_the_routes_of_the_library_have_the_span() {
    let service = Service::new();
    let app = init_service(App::new().configure(service.auth.routes())).await;
    let listening = Log::begin();
    let form = [("username", "nobody@example.com"), ("password", "a password")];
    let request = TestRequest::post().uri("/auth/bearer/login").set_form(form);
    assert_eq!(call_service(&app, request.to_request()).await.status(), 400);
    let log = listening.text();
    assert!(
        context(&log, "log-in refused").starts_with(" request{route=\"/auth/bearer/login\"}: "),
        "{log}"
    );
}
