//! The document tells which answers bring the next access token, and those answers do.

use actix_web::test::TestRequest;
use portcullis::testing::log_in_as;
use serde_json::{Value, json};

use super::{
    description::{Description, with_ids},
    observer::Observer,
    service::{Backends, Service},
};

/// Each backend, and where its next token comes.
const BACKENDS: [(&str, &str); 2] = [("app", "X-Access-Token"), ("web", "Set-Cookie")];

#[actix_web::test]
async fn the_answers_to_users_bring_the_next_token_as_their_document_says() {
    for rotating in [&["app"] as &[_], &["web"], &["app", "web"]] {
        let service = Service::new(Backends::Rotating(rotating), false);
        let observer = Observer::new(&service).await;
        let (anna, _) = service.user("anna@example.com", "a").await;
        let (arthur, _) = service.user("arthur@example.com", "as").await;
        let me = |body: Value| TestRequest::patch().uri("/users/me").set_json(body);
        let get = |path: &str| TestRequest::get().uri(&with_ids(path));
        let delete = |path: &str| TestRequest::delete().uri(&with_ids(path));
        for (backend, _) in BACKENDS {
            for (user, status, request) in [
                (&anna, 200, get("/users/me")),
                (&anna, 200, me(json!({}))),
                (&anna, 400, me(json!({ "email": "arthur@example.com" }))),
                (&anna, 422, me(json!({ "email": null }))),
                (&anna, 403, get("/users/{id}")),
                (&arthur, 404, get("/users/{id}")),
                (&anna, 200, get("/auth/sessions")),
                (&anna, 204, delete("/auth/sessions")),
                (&anna, 404, delete("/auth/sessions/{id}")),
                (&anna, 403, get("/users/{id}/sessions")),
                (&arthur, 404, get("/users/{id}/sessions")),
            ] {
                // A log-in of its own: the token is the first one, which is due.
                let log_in = log_in_as(&service.auth, backend, user).await.expect("a log-in");
                let answer = observer.send(log_in.adds_to(request)).await;
                assert_eq!(answer.status, status, "{backend} {} {}", user.email, answer.body);
                for (of, header) in BACKENDS {
                    let is_next = of == backend && rotating.contains(&of);
                    let told = format!("{header} for {backend} of {rotating:?}: {status} {}", answer.body);
                    assert_eq!(answer.headers.contains_key(header), is_next, "{told}");
                }
            }
        }
        let nobody = observer.send(get("/users/me")).await;
        assert_eq!(nobody.status, 401);
        assert!(!nobody.headers.contains_key("x-access-token"));
    }
}

#[actix_web::test]
async fn the_document_has_a_next_token_only_where_one_can_come() {
    for (which, rotating) in [
        (Backends::Refresh, &[] as &[&str]),
        (Backends::Rotating(&["app"]), &["app"]),
        (Backends::Rotating(&["web"]), &["web"]),
        (Backends::Rotating(&["app", "web"]), &["app", "web"]),
    ] {
        let description = Description::new(&Service::new(which, false).auth);
        for route in description.routes() {
            let path = &route.path;
            let is_for_users = path.starts_with("/users")
                || path.starts_with("/auth/sessions")
                || path == "/auth/logout-everywhere";
            for (status, response) in description.responses(&route) {
                let is_to_user = is_for_users && !["401", "408", "413"].contains(&status.as_str());
                for (backend, header) in BACKENDS {
                    // Other requests than GET can also remove a cookie, and a log-in sets one.
                    if header == "Set-Cookie" && (route.method != "get" || status == "401") {
                        continue;
                    }
                    let is_described = response["headers"][header].is_object();
                    let is_expected = is_to_user && rotating.contains(&backend);
                    assert_eq!(
                        is_described, is_expected,
                        "{header}: {which:?} {status} {route:?}"
                    );
                }
            }
        }
    }
}
