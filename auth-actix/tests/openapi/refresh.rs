//! What the document says of refresh tokens, and what is answered.

use actix_web::{
    http::header::{COOKIE, HeaderName, SET_COOKIE},
    test::TestRequest,
};
use auth_core::{NormalizedEmail, UserStore as _};
use serde_json::{Value, json};

use super::{
    description::{Description, Route},
    observer::Observer,
    service::{Backends, PASSWORD, Service},
};

const EMAIL: &str = "anna@example.com";
const CROSS_SITE: (HeaderName, &str) = (HeaderName::from_static("sec-fetch-site"), "cross-site");

fn post(path: &str) -> TestRequest {
    TestRequest::post().uri(path)
}

fn log_in(backend: &str) -> TestRequest {
    post(&format!("/auth/{backend}/login")).set_form([("username", EMAIL), ("password", PASSWORD)])
}

struct Watched<'s> {
    observer: Observer<'s>,
    service: &'s Service,
}

impl Watched<'_> {
    async fn expect(&self, status: u16, request: TestRequest) -> Value {
        let answer = self.observer.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        answer.body
    }

    async fn verified(&self, is_verified: bool) {
        let email = NormalizedEmail::from_typed(EMAIL).expect("an e-mail");
        let user = self.service.users.find_by_email(&email).await.expect("an answer");
        let mut user = user.expect("registered");
        user.is_verified = is_verified;
        self.service.users.update(&user).await.expect("written");
    }

    /// A refresh token for the cookie of its backend, by a log-in that shows no answer to the observer.
    async fn cookie(&self) -> (HeaderName, String) {
        let request = TestRequest::post().to_http_request();
        let email = NormalizedEmail::from_typed(EMAIL).expect("an e-mail");
        let user = self.service.users.find_by_email(&email).await.expect("an answer");
        let users = self.service.auth.users();
        let identified = users.identify_without_proof(user.expect("registered"));
        let answer = self.service.auth.log_in("web", identified, &request).await;
        let answer = answer.unwrap_or_else(|_| panic!("a log-in"));
        let mut cookies = answer.headers().get_all(SET_COOKIE);
        let refresh = cookies.find_map(|cookie| {
            let (pair, _attributes) = cookie.to_str().ok()?.split_once(';')?;
            pair.starts_with("__Secure-web-refresh=").then(|| pair.to_owned())
        });
        (COOKIE, refresh.expect("a refresh token"))
    }
}

#[actix_web::test]
async fn f1_a_refresh_answers_as_its_document_says() {
    for requires_verification in [false, true] {
        let service = Service::new(Backends::Refresh, requires_verification);
        let watched = Watched {
            observer: Observer::new(&service).await,
            service: &service,
        };
        let registration = post("/auth/register").set_json(json!({ "email": EMAIL, "password": PASSWORD }));
        watched.expect(201, registration).await;
        watched.verified(true).await;

        let refresh = |token: &Value| post("/auth/app/refresh").set_json(json!({ "refresh_token": token }));
        let pair = watched.expect(200, log_in("app")).await;
        let pair = watched.expect(200, refresh(&pair["refresh_token"])).await;
        let token = &pair["refresh_token"];
        watched.expect(401, refresh(&json!("x"))).await;
        watched.expect(422, refresh(&json!(""))).await;

        watched.expect(204, log_in("web")).await;
        let cookie = watched.cookie().await;
        let by_cookie = || post("/auth/web/refresh").insert_header(cookie.clone());
        watched.expect(204, by_cookie()).await;
        watched.expect(401, post("/auth/web/refresh")).await;
        watched.expect(403, by_cookie().insert_header(CROSS_SITE)).await;
        let cookie = watched.cookie().await;
        let by_cookie = || post("/auth/web/refresh").insert_header(cookie.clone());

        let log_out = |token: &Value| post("/auth/app/logout").set_json(json!({ "refresh_token": token }));
        let log_out_by_cookie = || post("/auth/web/logout").insert_header(cookie.clone());
        watched.observer.fail(true, false);
        for request in [refresh(token), by_cookie(), log_out(token), log_out_by_cookie()] {
            watched.expect(503, request).await;
        }
        watched.observer.fail(false, false);
        if requires_verification {
            watched.verified(false).await;
            for request in [refresh(token), by_cookie(), log_out(token), log_out_by_cookie()] {
                watched.expect(403, request).await;
            }
            watched.verified(true).await;
        }
        watched
            .expect(403, log_out_by_cookie().insert_header(CROSS_SITE))
            .await;
        let malformed = post("/auth/app/logout").insert_header(("content-type", "application/json"));
        watched.expect(422, malformed.set_payload("{")).await;
        watched.expect(204, log_out(token)).await;
        watched.expect(401, log_out(token)).await;
        watched.expect(204, log_out_by_cookie()).await;
        watched.expect(401, log_out_by_cookie()).await;

        let of_refresh = |line: &String| {
            let told = line.ends_with("refresh") || line.ends_with("logout");
            // The body is read before the route is run: see `statuses`.
            told && !["400", "408", "413", "500"]
                .iter()
                .any(|status| line.starts_with(status))
        };
        let unseen: Vec<_> = watched.observer.unseen().into_iter().filter(of_refresh).collect();
        assert_eq!(unseen, [] as [String; 0]);
    }
}

#[actix_web::test]
async fn a_refresh_token_is_a_form_or_json_or_a_cookie_of_its_own() {
    let service = Service::new(Backends::Refresh, false);
    let description = Description::new(&service.auth);
    let operation = |path: &str| description.operation(&Route::new("POST", path)).clone();
    let (app, web) = (operation("/auth/app/refresh"), operation("/auth/web/refresh"));
    assert_eq!(app["operationId"], "auth:app.refresh");
    assert_eq!(app["requestBody"]["required"], true);
    let bodies = app["requestBody"]["content"].as_object().expect("bodies");
    let types: Vec<_> = bodies.keys().map(String::as_str).collect();
    assert_eq!(
        types,
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data"
        ]
    );
    for body in bodies.values() {
        assert_eq!(body["schema"]["$ref"], "#/components/schemas/RefreshForm");
    }
    assert_eq!(
        (&app["security"], &web["requestBody"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(web["security"], json!([{ "web.refresh": [] }]));
    assert_eq!(
        operation("/auth/web/logout")["security"],
        json!([{ "web": [] }, { "web.refresh": [] }])
    );
    let log_out = operation("/auth/app/logout");
    assert_eq!(log_out["security"], json!([{ "app": [] }, {}]));
    assert_eq!(log_out["requestBody"]["required"], Value::Null);

    let schemes = &description.0["components"]["securitySchemes"];
    assert_eq!(schemes["web.refresh"]["name"], "__Secure-web-refresh");
    assert_eq!(
        schemes["app"]["flows"]["password"]["refreshUrl"],
        "auth/app/refresh"
    );
    let plain = Service::new(Backends::All, false);
    let plain = Description::new(&plain.auth);
    assert_eq!(plain.schema("RefreshForm"), &Value::Null);
    assert_eq!(
        plain.0["components"]["securitySchemes"]["bearer"]["flows"]["password"]["refreshUrl"],
        Value::Null
    );
}

#[actix_web::test]
async fn a_change_of_the_password_that_brings_tokens_says_so() {
    let kept = Service::with(Backends::Refresh, false, |builder| {
        builder.keep_log_in_after_password_change()
    });
    let plain = Service::new(Backends::Refresh, false);
    for (service, is_kept) in [(kept, true), (plain, false)] {
        let description = Description::new(&service.auth);
        let operation = description.operation(&Route::new("PATCH", "/users/me"));
        let headers = &operation["responses"]["200"]["headers"];
        for name in ["X-Access-Token", "X-Refresh-Token", "Set-Cookie"] {
            assert_eq!(headers[name].is_object(), is_kept, "{name}");
        }
    }
}
