//! Access tokens that the answers of an application's own routes replace.

use std::{sync::Arc, time::Duration};

use actix_web::{
    App, HttpResponse,
    dev::Service as _,
    http::header::HeaderMap,
    test::{self, TestRequest},
    web,
};
use auth_actix::{Active, Auth, CurrentUser, Superuser};
use auth_core::{
    Lifetime, ManualClock, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::AuthBackend;
use auth_users::{Registration, UserManager};
use portcullis::{
    jwt::{JwtStrategy, Rotation, TrackedJwtStrategy},
    testing::log_in_as,
};
use portcullis_support::Log;

use crate::service::routes;

const COOKIE: &str = "__Host-cookie";

/// A service whose tokens are replaced as often as their grace allows.
struct Rotating {
    auth: Auth,
    clock: Arc<ManualClock>,
    user: auth_core::User,
}

impl Rotating {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let secret = SigningSecret::generate().expect("secret");
        let store = Arc::new(MemoryAccessTokenStore::new());
        let strategy = || {
            let hour = Lifetime::from_secs(3600).expect("positive");
            let jwt = JwtStrategy::hs256(&secret, hour).expect("a key");
            let tracked = TrackedJwtStrategy::new(jwt, store.clone(), hour).expect("lifetimes");
            tracked
                .rotation(Rotation::after(Duration::ZERO))
                .expect("an age")
                .clock(clock.clone())
        };
        let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret).clock(clock.clone());
        let auth = Auth::builder(users.build().expect("users"))
            .backend(AuthBackend::bearer("bearer", strategy()))
            .backend(AuthBackend::cookie("cookie", strategy()))
            .build()
            .expect("auth");
        let ada = Registration::without_password("ada@example.com".parse().expect("an e-mail"), ());
        let user = auth.users().create(ada).await.expect("a user");
        Self { auth, clock, user }
    }

    /// The header with a token of a new log-in through `backend`.
    async fn credential(&self, backend: &str) -> (&'static str, String) {
        let session = log_in_as(&self.auth, backend, &self.user)
            .await
            .expect("a log-in");
        let request = session.adds_to(TestRequest::get()).to_http_request();
        let name = if backend == "cookie" {
            "cookie"
        } else {
            "authorization"
        };
        let value = request.headers().get(name).expect("a credential");
        (name, value.to_str().expect("ASCII").to_owned())
    }
}

fn own_routes(config: &mut web::ServiceConfig) {
    let cached = async |_user: CurrentUser| {
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header(("cache-control", "public, max-age=60"))
            .finish()
    };
    routes(config);
    config
        .route("/cached", web::get().to(cached))
        .route(
            "/failing",
            web::get().to(async |_user: CurrentUser| HttpResponse::ImATeapot()),
        )
        .route("/open", web::get().to(async || "for everyone"));
}

/// The credential that the answer gives the client next, if it gives one. It is there once.
fn next(headers: &HeaderMap) -> Option<(&'static str, String)> {
    let mut values = ["x-access-token", "set-cookie"].into_iter().flat_map(|name| {
        let values = headers.get_all(name).map(|value| value.to_str().expect("ASCII"));
        values.collect::<Vec<_>>()
    });
    let value = values.next()?.to_owned();
    assert_eq!(values.next(), None, "{headers:?}");
    Some(match value.split_once(';') {
        None => ("authorization", format!("Bearer {value}")),
        Some((pair, _attributes)) => {
            assert!(pair.starts_with(&format!("{COOKIE}=")), "{value}");
            ("cookie", pair.to_owned())
        }
    })
}

/// What `app` answers to `request` with `credential`.
macro_rules! answered {
    ($app:expr, $request:expr, $credential:expr) => {{
        let (name, value) = $credential;
        let request: TestRequest = $request;
        let request = request.insert_header((*name, value.as_str())).to_request();
        let answer = $app.call(request).await.expect("an answer");
        (answer.status().as_u16(), answer.headers().clone())
    }};
}

#[actix_web::test]
async fn the_answer_of_any_route_in_the_middleware_carries_the_next_token() {
    let service = Rotating::new().await;
    let app = App::new().wrap(service.auth.rotate()).configure(own_routes);
    let app = test::init_service(app.configure(service.auth.routes())).await;
    for backend in ["bearer", "cookie"] {
        for (path, status) in [
            ("/active", 200),
            ("/optional/active", 200),
            ("/optional/superuser", 200),
            ("/cached", 200),
            ("/superuser", 403),
            ("/failing", 418),
            ("/users/me", 200),
            ("/users/none", 403),
        ] {
            let old = service.credential(backend).await;
            let (answer, headers) = answered!(app, TestRequest::get().uri(path), &old);
            assert_eq!(answer, status, "{path}");
            let new = next(&headers).unwrap_or_else(|| panic!("{path} brings a token"));
            assert_ne!(new, old);
            assert_eq!(
                headers.get("cache-control").expect("a header"),
                "no-store",
                "{path}"
            );

            // Whoever sent it as well gets the same one. After the grace, only the new one is good.
            let (again, headers) = answered!(app, TestRequest::get().uri("/active"), &old);
            assert_eq!((again, next(&headers)), (200, Some(new.clone())));
            service.clock.advance(time::Duration::seconds(60));
            assert_eq!(answered!(app, TestRequest::get().uri("/active"), &old).0, 401);
            assert_eq!(answered!(app, TestRequest::get().uri("/active"), &new).0, 200);
        }
    }
}

#[actix_web::test]
async fn every_guard_hands_the_next_token_out_and_none_twice() {
    let service = Rotating::new().await;
    let auth = &service.auth;
    let nested = web::scope("/nested")
        .wrap(auth.accept(["bearer"]).expect("a backend"))
        .wrap(auth.require(Active))
        .configure(own_routes);
    let refused = web::scope("/refused")
        .wrap(auth.require(Superuser))
        .configure(own_routes);
    let protected = web::scope("/protected")
        .wrap(auth.protect().except(["/optional/*", "/open"]).expect("paths"))
        .configure(own_routes)
        .configure(auth.routes())
        .service(web::scope("/inner").wrap(auth.rotate()).configure(own_routes));
    let app = test::init_service(App::new().service(nested).service(refused).service(protected)).await;
    for (path, status) in [
        ("/nested/active", 200),
        ("/nested/open", 200),
        ("/nested/none", 404),
        ("/refused/open", 403),
        ("/protected/open", 200),
        ("/protected/active", 200),
        ("/protected/none", 404),
        ("/protected/superuser", 403),
        ("/protected/optional/active", 200),
        ("/protected/inner/active", 200),
        ("/protected/users/me", 200),
        ("/protected/auth/methods", 200),
    ] {
        let old = service.credential("bearer").await;
        let (answer, headers) = answered!(app, TestRequest::get().uri(path), &old);
        assert_eq!(answer, status, "{path}");
        // Nobody asked who sends these.
        let is_anonymous = ["/protected/open", "/protected/auth/methods"].contains(&path);
        assert_eq!(next(&headers).is_some(), !is_anonymous, "{path}");
    }
}

#[actix_web::test]
async fn a_token_is_not_replaced_if_nothing_hands_the_next_one_out_and_the_log_says_so_once() {
    let listening = Log::begin();
    let service = Rotating::new().await;
    let app = App::new().configure(own_routes).configure(service.auth.routes());
    let app = test::init_service(app).await;
    let token = service.credential("bearer").await;
    for path in ["/active", "/optional/active", "/superuser"] {
        let (_, headers) = answered!(app, TestRequest::get().uri(path), &token);
        assert_eq!(next(&headers), None, "{path}");
    }
    service.clock.advance(time::Duration::minutes(30));
    assert_eq!(
        answered!(app, TestRequest::get().uri("/active"), &token).0,
        200,
        "it is the present one"
    );
    let log = listening.text();
    assert_eq!(log.matches("auth.rotate()").count(), 1, "{log}");
}

#[actix_web::test]
async fn an_answer_to_nobody_and_one_that_ends_the_log_in_bring_no_token() {
    let service = Rotating::new().await;
    let app = App::new()
        .wrap(service.auth.protect().except(["/optional/*"]).expect("a path"))
        .configure(own_routes);
    let app = test::init_service(app.configure(service.auth.routes())).await;
    for credential in [
        ("authorization", "Bearer unknown".to_owned()),
        ("x-none", String::new()),
    ] {
        for (path, status) in [("/active", 401), ("/optional/active", 200)] {
            let (answer, headers) = answered!(app, TestRequest::get().uri(path), &credential);
            assert_eq!((answer, next(&headers)), (status, None), "{path}");
        }
    }
    for path in ["/auth/bearer/logout", "/auth/logout-everywhere"] {
        let token = service.credential("bearer").await;
        let (answer, headers) = answered!(app, TestRequest::post().uri(path), &token);
        assert_eq!((answer, next(&headers)), (204, None), "{path}");
    }
}
