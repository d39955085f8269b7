//! Every status that a service answers is in its document, and every one in its document is answered.

mod log_ins;
mod roles;

use std::{pin::Pin, sync::atomic::Ordering};

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::{
        Method,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE as COOKIE_HEADER, HeaderName},
    },
    test::TestRequest,
    web::Bytes,
};
use auth_core::UserStore as _;
use auth_http::MAX_BODY_BYTES;
use futures_util::{Stream, stream};
use serde_json::{Value, json};

use super::{
    description::with_ids,
    observer::Observer,
    service::{Backends, COOKIE, PASSWORD, Service},
};

/// A body that arrives bit by bit.
type Body = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

const CROSS_SITE: (HeaderName, &str) = (HeaderName::from_static("sec-fetch-site"), "cross-site");

#[actix_web::test]
async fn a_service_with_every_backend_answers_as_its_document_says() {
    for requires_verification in [false, true] {
        check(Backends::All, requires_verification).await;
    }
}

#[actix_web::test]
async fn a_service_with_a_bearer_backend_alone_answers_as_its_document_says() {
    for requires_verification in [false, true] {
        check(Backends::Bearer, requires_verification).await;
    }
}

#[actix_web::test]
async fn a_service_with_a_cookie_backend_alone_answers_as_its_document_says() {
    for requires_verification in [false, true] {
        check(Backends::Cookie, requires_verification).await;
    }
}

#[actix_web::test]
async fn a_service_with_a_veto_answers_as_its_document_says() {
    let service = Service::with_veto(Backends::All);
    let watched = Watched {
        observer: Observer::new(&service).await,
        which: Backends::All,
        requires_verification: false,
    };
    let register = |name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        TestRequest::post().uri("/auth/register").set_json(&body)
    };
    let log_in = || {
        let post = TestRequest::post().uri("/auth/bearer/login");
        form(post, "anna@example.com", PASSWORD)
    };
    let (king, token) = watched.user("super@example.com", "avs").await;
    let delete = || watched.logged_in(TestRequest::delete().uri(&format!("/users/{}", king.id)), &token);
    watched.expect(201, register("anna")).await;
    service.world.refuses.store(true, Ordering::SeqCst);
    watched.expect(403, register("bert")).await;
    watched.expect(403, log_in()).await;
    watched.expect(403, delete()).await;
    service.world.refuses.store(false, Ordering::SeqCst);
    watched.expect(200, log_in()).await;
    watched.expect(204, delete()).await;
}

async fn check(which: Backends, requires_verification: bool) {
    let service = Service::new(which, requires_verification);
    let watched = Watched {
        observer: Observer::new(&service).await,
        which,
        requires_verification,
    };
    watched.unread().await;
    watched.accounts().await;
    watched.sessions().await;
    watched.oneself().await;
    watched.others().await;
    watched.roles().await;
    watched.log_ins().await;

    // What makes these fail is a profile that is no JSON, or a defect: see `auth_http::Response::json`.
    let never = |line: &String| {
        !line.starts_with("500 get ")
            && !line.starts_with("500 post /auth/forgot-password")
            && !line.starts_with("500 post /auth/request-verify-token")
            && !line.ends_with("logout")
            // It asks no store. A gateway may say it all the same.
            && line != "503 get /auth/methods"
            // Somebody else deletes the user between the look-up and the write.
            && line != "404 patch /users/me"
            // The store of tokens has data that nobody can read, or a gateway fails.
            && !(line.starts_with("500 ") && line.contains("/sessions"))
            && line != "500 post /auth/logout-everywhere"
    };
    let unseen: Vec<_> = watched.observer.unseen().into_iter().filter(never).collect();
    assert_eq!(unseen, [] as [String; 0], "{which:?}, {requires_verification}");
}

struct Watched<'s> {
    observer: Observer<'s>,
    which: Backends,
    requires_verification: bool,
}

impl Watched<'_> {
    /// What any route says of a request that it cannot read, and of stores that do not answer.
    async fn unread(&self) {
        let (_, token) = self.user("reader@example.com", "avs").await;
        for route in self.observer.description.routes() {
            let path = with_ids(&route.path);
            let request = || {
                let method = Method::from_bytes(route.method.to_uppercase().as_bytes()).expect("method");
                TestRequest::default().method(method).uri(&path)
            };
            let too_large = request().insert_header((CONTENT_LENGTH, MAX_BODY_BYTES + 1));
            self.expect(413, too_large).await;

            let broken = stream::iter([Err(PayloadError::Incomplete(None))]);
            self.expect_with(400, request(), Box::pin(broken)).await;
            self.expect_with(408, request(), Box::pin(stream::pending()))
                .await;

            let complete = || match path.as_str() {
                path if path.ends_with("login") => form(request(), "reader@example.com", PASSWORD),
                path if path.ends_with("logout") => self.logged_in_to(path, request(), &token),
                path if path.starts_with("/users")
                    || path.starts_with("/auth/sessions")
                    || path.ends_with("everywhere") =>
                {
                    self.logged_in(request(), &token).set_json(json!({}))
                }
                // A token of a user that the store has yet to be asked for.
                path if path.ends_with("/verify") || path.ends_with("/reset-password") => request(),
                _ => request().set_json(json!({ "email": "someone@example.com", "password": PASSWORD })),
            };
            if path.ends_with("/verify") || path.ends_with("/reset-password") {
                continue;
            }
            if path == "/auth/methods" {
                self.expect(200, request()).await;
                continue;
            }
            self.observer.fail(true, false);
            self.expect(503, complete()).await;
            self.observer.fail(false, false);
        }
    }

    async fn accounts(&self) {
        let register = |body: Value| TestRequest::post().uri("/auth/register").set_json(body);
        let named = |email: &str| json!({ "email": email, "password": PASSWORD });
        self.expect(201, register(named("anna@example.com"))).await;
        let refused = self.expect(400, register(named("ANNA@example.com"))).await;
        assert_eq!(refused["detail"], "REGISTER_USER_ALREADY_EXISTS");
        let weak = json!({ "email": "bert@example.com", "password": "short" });
        let refused = self.expect(400, register(weak)).await;
        assert_eq!(refused["detail"]["code"], "REGISTER_INVALID_PASSWORD");
        self.expect(422, register(json!({ "email": null }))).await;
        self.observer.fail(false, true);
        self.expect(500, register(named("bert@example.com"))).await;
        self.observer.fail(false, false);
        self.expect(201, register(named("bert@example.com"))).await;
        let forged = register(named("carl@example.com")).insert_header(CROSS_SITE);
        self.expect(if self.has_cookie() { 403 } else { 201 }, forged)
            .await;

        let ask = |path: &str, body: Value| TestRequest::post().uri(&format!("/auth/{path}")).set_json(body);
        for path in ["request-verify-token", "forgot-password"] {
            self.expect(422, ask(path, json!({ "email": "none" }))).await;
            self.expect(202, ask(path, json!({ "email": "nobody@example.com" })))
                .await;
        }
        self.expect(
            202,
            ask("request-verify-token", json!({ "email": "anna@example.com" })),
        )
        .await;
        let token = self.observer.service.mailed("anna@example.com").await;
        self.one_time("verify", json!({ "token": token })).await;
        let refused = self.expect(400, ask("verify", json!({ "token": token }))).await;
        assert_eq!(refused["detail"], "VERIFY_USER_ALREADY_VERIFIED");
        let refused = self.expect(400, ask("verify", json!({ "token": "none" }))).await;
        assert_eq!(refused["detail"], "VERIFY_USER_BAD_TOKEN");
        self.expect(422, ask("verify", json!({}))).await;

        self.expect(
            202,
            ask("forgot-password", json!({ "email": "bert@example.com" })),
        )
        .await;
        let token = self.observer.service.mailed("bert@example.com").await;
        let weak = json!({ "token": token, "password": "short" });
        let refused = self.expect(400, ask("reset-password", weak)).await;
        assert_eq!(refused["detail"]["code"], "RESET_PASSWORD_INVALID_PASSWORD");
        let good = json!({ "token": token, "password": PASSWORD });
        self.one_time("reset-password", good.clone()).await;
        let refused = self.expect(400, ask("reset-password", good)).await;
        assert_eq!(refused["detail"], "RESET_PASSWORD_BAD_TOKEN");
        self.expect(422, ask("reset-password", json!({ "token": token })))
            .await;
    }

    /// Uses a token while the store does not answer, then well, then, with a fresh one, while its data cannot be read.
    async fn one_time(&self, path: &str, mut body: Value) {
        let email = format!("{path}@example.com");
        let ask = if path == "verify" {
            "request-verify-token"
        } else {
            "forgot-password"
        };
        let path = format!("/auth/{path}");
        let post = || TestRequest::post().uri(&path);
        self.observer.fail(true, false);
        self.expect(503, post().set_json(&body)).await;
        self.observer.fail(false, false);
        self.expect(200, post().set_json(&body)).await;

        self.user(&email, "a").await;
        let ask = TestRequest::post()
            .uri(&format!("/auth/{ask}"))
            .set_json(json!({ "email": email }));
        self.expect(202, ask).await;
        body["token"] = self.observer.service.mailed(&email).await.into();
        self.observer.fail(false, true);
        self.expect(500, post().set_json(&body)).await;
        self.observer.fail(false, false);
    }

    async fn sessions(&self) {
        let verified = "anna@example.com";
        for route in self.observer.description.routes() {
            let post = || TestRequest::post().uri(&route.path);
            if route.path.ends_with("/login") {
                let is_cookie = route.path.contains("/cookie/");
                let ok = if is_cookie { 204 } else { 200 };
                self.expect(ok, form(post(), verified, PASSWORD)).await;
                let refused = self.expect(400, form(post(), verified, "wrong")).await;
                assert_eq!(refused["detail"], "LOGIN_BAD_CREDENTIALS");
                self.expect(422, form(post(), "", "")).await;
                let unverified = form(post(), "bert@example.com", PASSWORD);
                if self.requires_verification {
                    let refused = self.expect(400, unverified).await;
                    assert_eq!(refused["detail"], "LOGIN_USER_NOT_VERIFIED");
                } else {
                    self.expect(ok, unverified).await;
                }
                let forged = form(post(), verified, PASSWORD).insert_header(CROSS_SITE);
                self.expect(if is_cookie { 403 } else { 200 }, forged).await;
                self.observer.fail(false, true);
                self.expect(500, form(post(), verified, PASSWORD)).await;
                self.observer.fail(false, false);
            } else if route.path.ends_with("/logout") {
                let place = route.path.replace('/', "-");
                let (_, unverified) = self.user(&format!("unverified{place}@example.com"), "a").await;
                let (_, token) = self.user(&format!("verified{place}@example.com"), "av").await;
                let with = |token: &str| self.logged_in_to(&route.path, post(), token);
                self.expect(401, post()).await;
                self.expect(401, with("none")).await;
                if route.path.contains("/cookie/") {
                    self.expect(403, with(&token).insert_header(CROSS_SITE)).await;
                }
                self.expect(
                    if self.requires_verification { 403 } else { 204 },
                    with(&unverified),
                )
                .await;
                self.expect(204, with(&token)).await;
                self.expect(401, with(&token)).await;
            }
        }
    }

    async fn oneself(&self) {
        let (_, token) = self.user("dora@example.com", "av").await;
        let (_, unverified) = self.user("emil@example.com", "a").await;
        let (_, inactive) = self.user("fred@example.com", "v").await;
        let get = || TestRequest::get().uri("/users/me");
        let patch = |body: Value| TestRequest::patch().uri("/users/me").set_json(body);
        let base = if self.requires_verification { 403 } else { 200 };
        self.expect(401, get()).await;
        self.expect(401, patch(json!({}))).await;
        self.expect(401, self.logged_in(get(), &inactive)).await;
        self.expect(base, self.logged_in(get(), &unverified)).await;
        self.expect(200, self.logged_in(get(), &token)).await;
        self.expect(base, self.logged_in(patch(json!({})), &unverified))
            .await;
        self.changes(&token, &patch).await;
        self.deleted_meanwhile("gerd@example.com", &get).await;
    }

    async fn others(&self) {
        let (_, token) = self.user("super@example.com", "avs").await;
        let (_, regular) = self.user("hans@example.com", "av").await;
        let (unverified, unverified_token) = self.user("ida@example.com", "as").await;
        let (user, _) = self.user("jan@example.com", "a").await;
        let (path, unknown) = (
            format!("/users/{}", user.id),
            "/users/00000000-0000-4000-8000-000000000000",
        );
        let request = |method: &Method, path: &str| {
            let request = TestRequest::default().method(method.clone()).uri(path);
            request.set_json(json!({}))
        };
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            self.expect(401, request(&method, &path)).await;
            self.expect(403, self.logged_in(request(&method, &path), &regular))
                .await;
            self.expect(404, self.logged_in(request(&method, unknown), &token))
                .await;
            self.expect(404, self.logged_in(request(&method, "/users/none"), &token))
                .await;
            if self.requires_verification {
                let own = format!("/users/{}", unverified.id);
                self.expect(403, self.logged_in(request(&method, &own), &unverified_token))
                    .await;
            }
        }
        self.expect(200, self.logged_in(request(&Method::GET, &path), &token))
            .await;
        let patch = |body: Value| TestRequest::patch().uri(&path).set_json(body);
        self.changes(&token, &patch).await;
        let delete = || self.logged_in(request(&Method::DELETE, &path), &token);
        if self.has_cookie() {
            self.expect(403, delete().insert_header(CROSS_SITE)).await;
        }
        self.observer.fail(false, true);
        self.expect(500, delete()).await;
        self.observer.fail(false, false);
        self.expect(204, delete()).await;
    }

    /// What a change answers to whoever may make it.
    async fn changes(&self, token: &str, patch: &impl Fn(Value) -> TestRequest) {
        let changed = |body: Value| self.logged_in(patch(body), token);
        self.expect(200, changed(json!({}))).await;
        let refused = self
            .expect(400, changed(json!({ "email": "anna@example.com" })))
            .await;
        assert_eq!(refused["detail"], "UPDATE_USER_EMAIL_ALREADY_EXISTS");
        let refused = self.expect(400, changed(json!({ "password": "short" }))).await;
        assert_eq!(refused["detail"]["code"], "UPDATE_USER_INVALID_PASSWORD");
        self.expect(422, changed(json!({ "email": null }))).await;
        let malformed = patch(json!({})).insert_header((CONTENT_TYPE, "text/plain"));
        self.expect(422, self.logged_in(malformed, token)).await;
        if self.has_cookie() {
            self.expect(403, changed(json!({})).insert_header(CROSS_SITE))
                .await;
        }
        self.observer.fail(false, true);
        self.expect(500, changed(json!({ "password": PASSWORD }))).await;
        self.observer.fail(false, false);
    }

    async fn deleted_meanwhile(&self, email: &str, get: &impl Fn() -> TestRequest) {
        let (user, token) = self.user(email, "av").await;
        assert!(
            self.observer
                .service
                .users
                .delete(&user.id)
                .await
                .expect("delete")
        );
        self.expect(401, self.logged_in(get(), &token)).await;
    }

    async fn expect(&self, status: u16, request: TestRequest) -> Value {
        let answer = self.observer.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        answer.body
    }

    async fn expect_with(&self, status: u16, request: TestRequest, payload: Body) {
        let payload = Some(Payload::Stream { payload });
        let answer = self.observer.send_with(request, payload).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }

    async fn user(&self, email: &str, flags: &str) -> (auth_core::User, String) {
        self.observer.service.user(email, flags).await
    }

    fn has_cookie(&self) -> bool {
        self.which != Backends::Bearer
    }

    fn logged_in(&self, request: TestRequest, token: &str) -> TestRequest {
        let by = if self.has_cookie() { "/cookie/" } else { "/bearer/" };
        self.logged_in_to(by, request, token)
    }

    fn logged_in_to(&self, path: &str, request: TestRequest, token: &str) -> TestRequest {
        if path.contains("/cookie/") {
            request.insert_header((COOKIE_HEADER, format!("{COOKIE}={token}")))
        } else {
            request.insert_header((AUTHORIZATION, format!("Bearer {token}")))
        }
    }
}

fn form(request: TestRequest, username: &str, password: &str) -> TestRequest {
    request.set_form([("username", username), ("password", password)])
}
