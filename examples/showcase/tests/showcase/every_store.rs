//! What holds on every store.

use std::time::{Duration, Instant};

use reqwest::{
    Method,
    header::{HeaderMap, SET_COOKIE},
};
use serde_json::{Value, json};

use portcullis_support::until;

use crate::{
    backend::{Backend, DB},
    harness::Place,
    visit::{EMAIL, PASSWORD, Visit, answer, json_of, presenting, status},
};

/// Names one test a promise, for each place.
macro_rules! on_every_store {
    (@ { $($promise:ident)* } $place:tt) => {
        $(on_every_store! { # $promise $place })*
    };
    (# $promise:ident [$store:ident $redis:ident $($needs:literal)?]) => {
        #[tokio::test]
        $(#[ignore = $needs])?
        async fn $promise() {
            use $crate::harness::{Place, Redis, Store};
            let place = Place { store: Store::$store, redis: Redis::$redis };
            super::$promise(place).await;
        }
    };
    ($promises:tt $($module:ident [$store:ident $redis:ident $($needs:literal)?])*) => {
        $(mod $module {
            on_every_store! { @ $promises [$store $redis $($needs)?] }
        })*
    };
}

on_every_store! {
    {
        a_token_opens_the_door_of_its_own_backend_alone
        a_log_out_ends_its_own_log_in_and_no_other
        a_cookie_is_bound_to_its_host_and_removed_at_log_out
        mails_are_files_in_the_outbox
        a_superuser_is_made_once_and_verified
        verification_is_asked_for_where_it_is_required
        a_token_ends_with_its_lifetime_and_leaves_the_database
        the_docs_show_every_route
        accounts_and_tokens_outlive_the_process
    }
    sqlite [Sqlite Without]
    postgres [Postgres Without "needs PostgreSQL"]
    mariadb [MariaDb Without "needs MariaDB"]
    mongodb [MongoDb Without "needs MongoDB"]
    redis [Sqlite Single "needs Redis"]
    redis_cluster [Sqlite Cluster "needs Redis Cluster"]
    redis_sentinel [Sqlite Sentinel "needs Redis Sentinel"]
}

async fn a_token_opens_the_door_of_its_own_backend_alone(place: Place) {
    let visit = Visit::with_user(place, &[]).await;
    assert_eq!(status(visit.get("/protected")).await, 401);
    for &own in &visit.backends {
        let token = visit.log_in(own, EMAIL, PASSWORD).await;
        for path in ["/protected".to_owned(), format!("/protected/{}", own.name)] {
            let request = presenting(visit.get(&path), own, &token);
            assert_eq!(json_of(request, 200).await, json!({ "email": EMAIL }), "{path}");
        }
        for &other in visit.backends.iter().filter(|other| **other != own) {
            // As the other presents it, and as its own.
            assert_eq!(visit.enters(other, &token).await, 401, "{own:?} at {other:?}");
            let path = format!("/protected/{}", other.name);
            assert_eq!(
                status(presenting(visit.get(&path), own, &token)).await,
                401,
                "{own:?} at {path}"
            );
            if other.has_logout {
                assert_eq!(visit.log_out(other, &token).await, 401, "{own:?} at {other:?}");
            }
        }
        assert_eq!(visit.enters(own, &token).await, 200, "{own:?} is still logged in");
    }
    visit.end().await;
}

async fn a_log_out_ends_its_own_log_in_and_no_other(place: Place) {
    let visit = Visit::with_user(place, &[]).await;
    let tokens = visit.log_in_everywhere().await;
    for index in 0..tokens.len() {
        let (backend, token) = &tokens[index];
        if !backend.has_logout {
            assert_eq!(visit.log_out(*backend, token).await, 404, "{backend:?}");
            continue;
        }
        assert_eq!(visit.log_out(*backend, token).await, 204, "{backend:?}");
        assert_eq!(visit.log_out(*backend, token).await, 401, "{backend:?}");
        for (position, (backend, token)) in tokens.iter().enumerate() {
            let ended = position <= index && backend.has_logout;
            let expected = if ended { 401 } else { 200 };
            assert_eq!(visit.enters(*backend, token).await, expected, "{backend:?}");
        }
    }
    let log = visit.showcase.log();
    for (backend, token) in &tokens {
        assert!(!log.contains(token), "a token of {backend:?} is in the log");
    }
    assert!(!log.contains(PASSWORD), "a password is in the log");
    visit.end().await;
}

async fn a_cookie_is_bound_to_its_host_and_removed_at_log_out(place: Place) {
    let lifetimes = [("TOKEN_LIFETIME", "90"), ("ACCESS_TOKEN_LIFETIME", "90")];
    let visit = Visit::with_user(place, &lifetimes).await;
    for &backend in visit.backends.iter().filter(|backend| backend.is_cookie) {
        let set = answer(visit.ask(backend, EMAIL, PASSWORD), 204).await;
        let (token, attributes) = set_cookie(set.headers(), backend);
        let expected = ["HttpOnly", "Max-Age=90", "Path=/", "SameSite=Lax", "Secure"];
        assert_eq!(attributes, expected);
        let path = format!("/auth/{}/logout", backend.name);
        let log_out = presenting(visit.request(Method::POST, &path), backend, &token);
        let removed = answer(log_out, 204).await;
        let (nothing, attributes) = set_cookie(removed.headers(), backend);
        assert_eq!(nothing, "");
        assert_eq!(attributes, expected.map(|part| part.replace("=90", "=0")));
    }
    visit.end().await;
}

/// The value of the cookie with the access token, which is set alone or before that with the refresh token, and its attributes
/// in order.
fn set_cookie(headers: &HeaderMap, backend: Backend) -> (String, Vec<String>) {
    let all: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(all.len(), 1 + usize::from(backend.has_refresh), "{all:?}");
    let (set, name) = (all[0], backend.cookie_name());
    let mut parts = set.to_str().expect("text").split("; ");
    let pair = parts.next().and_then(|pair| pair.split_once('='));
    let (found, value) = pair.expect("a value");
    assert_eq!(found, name);
    let mut attributes: Vec<String> = parts.map(str::to_owned).collect();
    attributes.sort();
    (value.to_owned(), attributes)
}

async fn mails_are_files_in_the_outbox(place: Place) {
    let visit = Visit::with_user(place, &[("OUTBOX_DIR", "mails/out")]).await;
    let email = json!({ "email": EMAIL });
    assert_eq!(
        json_of(visit.post("/auth/request-verify-token", &email), 202).await,
        Value::Null
    );
    let mail = visit.showcase.mail("verify", EMAIL).await;
    assert!(visit.showcase.outbox().ends_with("mails/out"));
    let keys: Vec<_> = mail.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["kind", "to", "token"]);
    let verified = json_of(
        visit.post("/auth/verify", &json!({ "token": mail["token"] })),
        200,
    )
    .await;
    assert_eq!(verified["is_verified"], true);

    answer(visit.post("/auth/forgot-password", &email), 202).await;
    let mail = visit.showcase.mail("reset", EMAIL).await;
    let reset = json!({ "token": mail["token"], "password": "another grail of words" });
    let tokens = visit.log_in_everywhere().await;
    answer(visit.post("/auth/reset-password", &reset), 200).await;
    for (backend, token) in tokens {
        assert_eq!(
            visit.enters(backend, &token).await,
            401,
            "a reset ends {backend:?}"
        );
        assert_eq!(status(visit.ask(backend, EMAIL, PASSWORD)).await, 400);
        visit.log_in(backend, EMAIL, "another grail of words").await;
    }
    answer(visit.post("/auth/reset-password", &reset), 400).await;
    visit.end().await;
}

async fn a_superuser_is_made_once_and_verified(place: Place) {
    // A colon belongs to the password.
    let settings = [
        ("SUPERUSER", "Root@camelot.example:a grail: of words"),
        ("REQUIRES_VERIFICATION", "true"),
    ];
    let mut visit = Visit::start(place, &settings).await;
    let backend = DB;
    let mut ids = Vec::new();
    for _start in 0..2 {
        let token = visit
            .log_in(backend, "root@camelot.example", "a grail: of words")
            .await;
        let me = json_of(presenting(visit.get("/users/me"), backend, &token), 200).await;
        assert_eq!(me["email"], "Root@camelot.example");
        for flag in ["is_active", "is_superuser", "is_verified"] {
            assert_eq!(me[flag], true, "{flag}");
        }
        let path = format!("/users/{}", me["id"].as_str().expect("an id"));
        answer(presenting(visit.get(&path), backend, &token), 200).await;
        ids.push(me["id"].clone());
        visit.showcase.kill();
        visit.showcase.start_again().await;
        visit.showcase.until_ready().await;
    }
    assert_eq!(ids[0], ids[1], "the same user after a restart");
    let log = visit.showcase.log();
    assert!(!log.contains("a grail: of words"), "a password is in the log");
    visit.end().await;
}

async fn verification_is_asked_for_where_it_is_required(place: Place) {
    let visit = Visit::with_user(place, &[("REQUIRES_VERIFICATION", "true")]).await;
    for &backend in &visit.backends {
        let refused = json_of(visit.ask(backend, EMAIL, PASSWORD), 400).await;
        assert_eq!(refused["detail"], "LOGIN_USER_NOT_VERIFIED", "{backend:?}");
    }
    answer(
        visit.post("/auth/request-verify-token", &json!({ "email": EMAIL })),
        202,
    )
    .await;
    let mail = visit.showcase.mail("verify", EMAIL).await;
    answer(
        visit.post("/auth/verify", &json!({ "token": mail["token"] })),
        200,
    )
    .await;
    let moved = json!({ "email": "king@camelot.example" });
    for &backend in &visit.backends {
        let token = visit.log_in(backend, EMAIL, PASSWORD).await;
        answer(presenting(visit.get("/users/me"), backend, &token), 200).await;
    }
    let backend = DB;
    let token = visit.log_in(backend, EMAIL, PASSWORD).await;
    let change = presenting(visit.request(Method::PATCH, "/users/me"), backend, &token);
    answer(change.json(&moved), 200).await;
    answer(presenting(visit.get("/users/me"), backend, &token), 403).await;
    visit.end().await;
}

async fn a_token_ends_with_its_lifetime_and_leaves_the_database(place: Place) {
    let lifetimes = [("TOKEN_LIFETIME", "2"), ("ACCESS_TOKEN_LIFETIME", "2")];
    let mut visit = Visit::with_user(place, &lifetimes).await;
    // One that is presented too late is removed at once. These never are.
    for _token in 0..2 {
        visit.log_in(DB, EMAIL, PASSWORD).await;
    }
    let start = Instant::now();
    let tokens = visit.log_in_everywhere().await;
    for (backend, token) in &tokens {
        // A JWT counts whole seconds, and a slow machine may be past the first one's end by now.
        let answered = visit.enters(*backend, token).await;
        assert!(
            answered == 200 || start.elapsed() > Duration::from_secs(1),
            "{backend:?}: {answered}"
        );
    }
    let issued = Instant::now();
    for (backend, token) in &tokens {
        until("the token ends", async || {
            visit.enters(*backend, token).await == 401
        })
        .await;
        assert!(
            start.elapsed() >= Duration::from_secs(1),
            "{backend:?} ends too early"
        );
        assert!(
            issued.elapsed() < Duration::from_secs(20),
            "{backend:?} ends too late"
        );
    }
    // Not a minute later: a database that drops them by itself would come first.
    visit.showcase.kill();
    visit.showcase.start_again().await;
    let both = "expired tokens were removed purged=2";
    until("they are removed", async || visit.showcase.log().contains(both)).await;
    visit.end().await;
}

async fn the_docs_show_every_route(place: Place) {
    let visit = Visit::start(place, &[]).await;
    let page = answer(visit.get("/docs"), 200).await.text().await.expect("text");
    assert!(page.contains("swagger-ui"));
    let document = json_of(visit.get("/openapi.json"), 200).await;
    for path in [
        "/live",
        "/ready",
        "/users/me",
        "/users/{id}",
        "/auth/register",
        "/auth/verify",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let all = document["paths"]["/protected"]["get"]["security"].as_array();
    assert_eq!(all.expect("backends").len(), visit.backends.len());
    for backend in &visit.backends {
        let name = backend.name;
        assert!(
            document["paths"][format!("/auth/{name}/login")]["post"].is_object(),
            "{name}"
        );
        let log_out = &document["paths"][format!("/auth/{name}/logout")]["post"];
        assert_eq!(log_out.is_object(), backend.has_logout, "{name}");
        let protected = &document["paths"][format!("/protected/{name}")]["get"];
        assert_eq!(protected["security"], json!([{ name: [] }]), "{name}");
    }
    visit.end().await;
}

async fn accounts_and_tokens_outlive_the_process(place: Place) {
    let secret = ("AUTH_SECRET", "a secret that stays for the next start");
    let mut visit = Visit::with_user(place, &[secret]).await;
    let tokens = visit.log_in_everywhere().await;
    visit.showcase.kill();
    visit.showcase.start_again().await;
    visit.showcase.until_ready().await;
    for (backend, token) in &tokens {
        assert_eq!(visit.enters(*backend, token).await, 200, "{backend:?}");
    }
    let taken = json!({ "email": EMAIL, "password": PASSWORD });
    let refused = json_of(visit.post("/auth/register", &taken), 400).await;
    assert_eq!(refused["detail"], "REGISTER_USER_ALREADY_EXISTS");
    visit.end().await;
}
