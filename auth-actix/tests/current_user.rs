//! Extractors and guards, over the memory stores.

use std::sync::Arc;

use actix_web::{
    App, HttpResponse,
    http::{Method, StatusCode},
    test, web,
};
use auth_actix::{
    Active, Auth, AuthError, CurrentUser, OptionalUser, Role, Superuser, Verified, VerifiedSuperuser,
};
use auth_core::{
    AccessTokenStore, ClientInfo, ExposeSecret as _, Lifetime, NewUser, OpaqueStrategy, SigningSecret,
    Strategy as _, Subject, User, UserStore as _,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, CookieTransport, Enabled, HttpError};
use auth_users::UserManager;
use time::OffsetDateTime;
use uuid::Uuid;

struct Service {
    auth: Auth,
    users: Arc<MemoryUserStore>,
    tokens: OpaqueStrategy,
}

impl Service {
    fn new() -> Self {
        let users = Arc::new(MemoryUserStore::new());
        let tokens: Arc<dyn AccessTokenStore> = Arc::new(MemoryAccessTokenStore::new());
        let strategy = || OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER);
        let secret = SigningSecret::generate().expect("secret");
        let manager = UserManager::builder(users.clone(), &secret)
            .build()
            .expect("users");
        let auth = Auth::builder(manager)
            .backend(AuthBackend::new("bearer", BearerTransport, strategy()))
            .backend(AuthBackend::new("cookie", CookieTransport::default(), strategy()))
            .build()
            .expect("auth");
        Self {
            auth,
            users,
            tokens: strategy(),
        }
    }

    /// A token of a user with these of the letters: `a`ctive, `v`erified, `s`uperuser.
    async fn token(&self, flags: &str) -> String {
        let user = NewUser {
            id: Some(Uuid::now_v7()),
            email: format!("{}@example.com", Uuid::now_v7()).parse().expect("email"),
            password_hash: None,
            is_active: flags.contains('a'),
            is_superuser: flags.contains('s'),
            is_verified: flags.contains('v'),
            created_at: OffsetDateTime::UNIX_EPOCH,
            profile: (),
        };
        let user: User = self.users.insert(user).await.expect("insert");
        let issued = self
            .tokens
            .issue(&Subject::from(&user), &ClientInfo::default())
            .await
            .expect("issue");
        issued.secret.expose_secret().to_owned()
    }
}

async fn required<R: Role>(user: CurrentUser<R>) -> String {
    format!("{} by {}", user.is_active, user.backend())
}

async fn token(user: CurrentUser) -> String {
    let grant = user.grant();
    format!(
        "{} {} {:?}",
        grant.subject.user_id == user.id,
        grant.id.is_some(),
        grant.expires_at
    )
}

async fn optional<R: Role>(OptionalUser(user): OptionalUser<R>) -> &'static str {
    if user.is_some() { "someone" } else { "nobody" }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/token", web::to(token))
        .route("/active", web::to(required::<Active>))
        .route("/verified", web::to(required::<Verified>))
        .route("/superuser", web::to(required::<Superuser>))
        .route("/both", web::to(required::<VerifiedSuperuser>))
        .route("/optional/active", web::to(optional::<Active>))
        .route("/optional/verified", web::to(optional::<Verified>))
        .route("/optional/superuser", web::to(optional::<Superuser>));
}

macro_rules! app {
    ($service:expr, $($configure:tt)*) => {
        test::init_service(App::new().configure($service.auth.routes())$($configure)*).await
    };
}

macro_rules! get {
    ($app:expr, $path:expr, $($header:expr),*) => {{
        let request = test::TestRequest::get().uri($path)$(.insert_header($header))*.to_request();
        let response = test::call_service(&$app, request).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(test::read_body(response).await.to_vec()).expect("text"))
    }};
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn cookie(token: &str) -> (&'static str, String) {
    ("cookie", format!("{}={token}", CookieTransport::default().name()))
}

#[actix_web::test]
async fn a_route_lets_in_exactly_the_users_that_it_asks_for() {
    let service = Service::new();
    let app = app!(service, .configure(routes));
    for (flags, active, verified, superuser, both) in [
        ("", 401, 401, 401, 401),
        ("vs", 401, 401, 401, 401),
        ("a", 200, 403, 403, 403),
        ("av", 200, 200, 403, 403),
        ("as", 200, 403, 200, 403),
        ("avs", 200, 200, 200, 200),
    ] {
        let token = service.token(flags).await;
        for (path, expected) in [
            ("/active", active),
            ("/verified", verified),
            ("/superuser", superuser),
            ("/both", both),
        ] {
            assert_eq!(get!(app, path, bearer(&token)).0, expected, "{flags} {path}");
            assert_eq!(get!(app, path, cookie(&token)).0, expected, "{flags} {path}");
            assert_eq!(get!(app, path, bearer("unknown")).0, 401);
            assert_eq!(get!(app, path,), (401, r#"{"detail":"Unauthorized"}"#.to_owned()));
        }
        for (path, required) in [
            ("active", active),
            ("verified", verified),
            ("superuser", superuser),
        ] {
            let expected = if required == 200 { "someone" } else { "nobody" };
            let optional = get!(app, &format!("/optional/{path}"), bearer(&token));
            assert_eq!(optional, (200, expected.to_owned()), "{flags} {path}");
        }
        assert_eq!(
            get!(app, "/optional/active", bearer("unknown")),
            (200, "nobody".to_owned())
        );
        assert_eq!(get!(app, "/optional/active",), (200, "nobody".to_owned()));
    }
}

#[actix_web::test]
async fn a_handler_sees_the_token_beside_the_user() {
    let service = Service::new();
    let app = app!(service, .configure(routes));
    let token = service.token("a").await;
    assert_eq!(
        get!(app, "/token", bearer(&token)),
        (200, "true true None".to_owned())
    );
}

#[actix_web::test]
async fn a_guard_answers_for_every_handler_of_its_scope() {
    let service = Service::new();
    let guarded = web::scope("/reports")
        .wrap(service.auth.require(Verified))
        .route("", web::get().to(async || "report"))
        .route("/mine", web::get().to(required::<Active>))
        .route("/admin", web::get().to(required::<Superuser>));
    let app = app!(service, .service(guarded));
    let (plain, verified) = (service.token("a").await, service.token("av").await);
    assert_eq!(
        get!(app, "/reports",),
        (401, r#"{"detail":"Unauthorized"}"#.to_owned())
    );
    assert_eq!(
        get!(app, "/reports", bearer(&plain)),
        (403, r#"{"detail":"Forbidden"}"#.to_owned())
    );
    assert_eq!(
        get!(app, "/reports", bearer(&verified)),
        (200, "report".to_owned())
    );
    assert_eq!(
        get!(app, "/reports/mine", bearer(&verified)),
        (200, "true by bearer".to_owned())
    );
    assert_eq!(get!(app, "/reports/admin", bearer(&verified)).0, 403);
    assert_eq!(
        get!(app, "/reports/none",).0,
        401,
        "not even which routes there are is told"
    );
}

#[actix_web::test]
async fn a_scope_accepts_only_the_backends_that_it_names() {
    let service = Service::new();
    let only_cookie = web::scope("/cookie")
        .wrap(service.auth.accept(["cookie"]).expect("a backend"))
        .configure(routes);
    let narrowed = web::scope("/narrowed")
        .wrap(service.auth.require(Active))
        .service(
            web::scope("")
                .wrap(service.auth.accept(["cookie"]).expect("a backend"))
                .configure(routes),
        );
    let chosen = web::scope("/chosen")
        .wrap(service.auth.accept_by(|request| {
            Enabled::only(
                request
                    .headers()
                    .get("x-backend")
                    .and_then(|name| name.to_str().ok()),
            )
        }))
        .configure(routes);
    let app = app!(service, .service(only_cookie).service(narrowed).service(chosen));
    let token = service.token("a").await;

    assert_eq!(get!(app, "/cookie/active", bearer(&token)).0, 401);
    assert_eq!(
        get!(app, "/cookie/active", cookie(&token)),
        (200, "true by cookie".to_owned())
    );
    assert_eq!(
        get!(app, "/cookie/optional/active", bearer(&token)),
        (200, "nobody".to_owned())
    );
    let both = get!(app, "/cookie/active", bearer("unknown"), cookie(&token));
    assert_eq!(both, (200, "true by cookie".to_owned()));

    assert_eq!(
        get!(app, "/narrowed/active", bearer(&token)).0,
        401,
        "what the guard found does not count within"
    );
    assert_eq!(
        get!(app, "/narrowed/active", cookie(&token)),
        (200, "true by cookie".to_owned())
    );

    assert_eq!(get!(app, "/chosen/active", bearer(&token)).0, 401);
    assert_eq!(
        get!(app, "/chosen/active", bearer(&token), ("x-backend", "bearer")).0,
        200
    );
    assert_eq!(
        get!(app, "/chosen/active", bearer(&token), ("x-backend", "cookie")).0,
        401
    );
}

#[actix_web::test]
async fn guards_add_up_whatever_their_order() {
    let service = Service::new();
    let cookie_only = service.auth.accept(["cookie"]).expect("a backend");
    let bearer_only = service.auth.accept(["bearer"]).expect("a backend");
    let report = || web::get().to(async || "report");
    let inner_first = web::scope("/1")
        .wrap(cookie_only.clone())
        .wrap(service.auth.require(Verified))
        .route("", report());
    let outer_first = web::scope("/2")
        .wrap(service.auth.require(Verified))
        .wrap(cookie_only.clone())
        .route("", report());
    let nested = web::scope("/3").wrap(service.auth.require(Superuser)).service(
        web::scope("")
            .wrap(service.auth.require(Verified))
            .wrap(cookie_only.clone())
            .route("", report()),
    );
    let disjoint = web::scope("/4").wrap(bearer_only).service(
        web::scope("")
            .wrap(cookie_only)
            .wrap(service.auth.require(Active))
            .route("", report()),
    );
    let app = app!(service, .service(inner_first).service(outer_first).service(nested).service(disjoint));

    let (verified, both) = (service.token("av").await, service.token("avs").await);
    let plain = service.token("a").await;
    for path in ["/1", "/2"] {
        assert_eq!(get!(app, path, bearer(&verified)).0, 401, "{path}");
        assert_eq!(get!(app, path, cookie(&verified)).0, 200, "{path}");
        assert_eq!(
            get!(app, path, bearer("unknown"), cookie(&verified)).0,
            200,
            "{path}"
        );
        assert_eq!(
            get!(app, path, bearer(&plain), cookie(&verified)).0,
            if path == "/1" { 403 } else { 200 }
        );
        assert_eq!(
            get!(app, path, bearer(&verified), cookie(&plain)).0,
            403,
            "{path}"
        );
    }
    assert_eq!(get!(app, "/3", cookie(&both)).0, 200);
    assert_eq!(get!(app, "/3", bearer(&both)).0, 401);
    assert_eq!(
        get!(app, "/3", bearer(&both), cookie(&verified)).0,
        403,
        "the outer guard's question stands"
    );
    for token in [bearer(&both), cookie(&both)] {
        assert_eq!(get!(app, "/4", token).0, 401);
    }
}

#[actix_web::test]
async fn two_services_of_one_type_of_user_do_not_answer_for_each_other() {
    let (one, other) = (Service::new(), Service::new());
    let app = test::init_service(
        App::new()
            .service(web::scope("/one").configure(one.auth.routes()))
            .configure(other.auth.routes()),
    )
    .await;
    let (ours, theirs) = (one.token("a").await, other.token("a").await);
    assert_eq!(get!(app, "/one/users/me", bearer(&ours)).0, 200);
    assert_eq!(get!(app, "/one/users/me", bearer(&theirs)).0, 401);
    assert_eq!(get!(app, "/users/me", bearer(&theirs)).0, 200);
    assert_eq!(get!(app, "/users/me", bearer(&ours)).0, 401);
}

async fn admit(auth: web::Data<Auth>, request: actix_web::HttpRequest) -> Result<HttpResponse, AuthError> {
    let id = request
        .match_info()
        .query("id")
        .parse()
        .map_err(|_| HttpError::NotFound)?;
    let user = auth.users().find(&id).await?.ok_or(HttpError::NotFound)?;
    auth.log_in("bearer", &user, &request).await
}

#[actix_web::test]
async fn l4_an_application_that_logs_a_user_in_makes_the_same_checks() {
    let service = Service::new();
    let app = test::init_service(
        App::new()
            .app_data(web::Data::new(service.auth.clone()))
            .route("/admit/{id}", web::get().to(admit))
            .configure(service.auth.routes()),
    )
    .await;
    let id = |token: String| {
        let strategy = &service.tokens;
        async move { strategy.read(&token).await.expect("grant").subject.user_id }
    };
    let (active, inactive) = (
        id(service.token("a").await).await,
        id(service.token("v").await).await,
    );
    let (status, body) = get!(app, &format!("/admit/{active}"),);
    let token = body.split('"').nth(3).expect("token");
    assert_eq!(
        (status, get!(app, "/users/me", bearer(token)).0),
        (200, 200),
        "{body}"
    );
    let refused = (400, r#"{"detail":"LOGIN_BAD_CREDENTIALS"}"#.to_owned());
    assert_eq!(get!(app, &format!("/admit/{inactive}"),), refused);
    assert_eq!(
        get!(app, "/admit/x",),
        (404, r#"{"detail":"Not Found"}"#.to_owned())
    );
}

#[actix_web::test]
async fn www_authenticate_is_told_only_where_a_bearer_backend_is_accepted() {
    let service = Service::new();
    let only_cookie = web::scope("/cookie")
        .wrap(service.auth.accept(["cookie"]).expect("a backend"))
        .configure(routes);
    let app = app!(service, .configure(routes).service(only_cookie));
    for (path, expected) in [("/active", Some("Bearer")), ("/cookie/active", None)] {
        let response = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let told = response
            .headers()
            .get("www-authenticate")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(told, expected, "{path}");
    }
}

#[actix_web::test]
async fn x1_a_cross_site_request_with_a_cookie_reaches_no_handler() {
    let service = Service::new();
    let guarded = web::scope("/guarded")
        .wrap(service.auth.require(Active))
        .configure(routes);
    let app = app!(service, .configure(routes).service(guarded));
    let token = service.token("a").await;
    for path in ["/active", "/optional/active", "/guarded/active"] {
        for (site, expected) in [("cross-site", 403), ("same-origin", 200)] {
            let request = test::TestRequest::default()
                .method(Method::POST)
                .uri(path)
                .insert_header(cookie(&token))
                .insert_header(("sec-fetch-site", site))
                .to_request();
            assert_eq!(
                test::call_service(&app, request).await.status().as_u16(),
                expected,
                "{path} {site}"
            );
        }
    }
}

#[actix_web::test]
async fn an_app_without_the_configuration_answers_500_and_does_not_panic() {
    let app = test::init_service(App::new().configure(routes)).await;
    for path in ["/active", "/optional/active"] {
        assert_eq!(
            get!(app, path, bearer("x")),
            (500, r#"{"detail":"Internal Server Error"}"#.to_owned())
        );
    }
}

#[actix_web::test]
async fn a_route_of_the_applications_own_stands_beside_ours() {
    let service = Service::new();
    let own = || HttpResponse::NoContent().finish();
    let app = test::init_service(
        App::new()
            .route(
                "/users/me",
                web::delete().to(move |_user: CurrentUser| async move { own() }),
            )
            .configure(service.auth.routes()),
    )
    .await;
    let token = service.token("a").await;
    for (method, path, expected) in [
        (Method::DELETE, "/users/me", 204),
        (Method::GET, "/users/me", 200),
        (Method::POST, "/users/me", 405),
        (Method::PUT, "/users/x", 405),
        (Method::GET, "/auth/bearer/login", 405),
        (Method::GET, "/auth/other/login", 404),
        (Method::GET, "/users/x/y", 404),
    ] {
        let request = test::TestRequest::default()
            .method(method.clone())
            .uri(path)
            .insert_header(bearer(&token));
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {path}");
    }
}

#[actix_web::test]
async fn a_bad_configuration_fails_at_start_and_names_the_setting() {
    let built = |change: fn(auth_actix::AuthBuilder) -> auth_actix::AuthBuilder| {
        let secret = SigningSecret::generate().expect("secret");
        let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
            .build()
            .expect("users");
        let tokens: Arc<dyn AccessTokenStore> = Arc::new(MemoryAccessTokenStore::new());
        let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
        let builder = Auth::builder(users).backend(AuthBackend::new("bearer", BearerTransport, strategy));
        change(builder)
            .build()
            .err()
            .expect("a bad configuration")
            .setting()
            .to_owned()
    };
    let unknown = Service::new()
        .auth
        .accept(["bearer", "coookie"])
        .err()
        .expect("unknown");
    assert_eq!(unknown.setting(), "backend \"coookie\"");
    assert_eq!(built(|builder| builder.auth_at("auth")), "auth_at");
    assert_eq!(built(|builder| builder.auth_at("/auth/")), "auth_at");
    assert_eq!(built(|builder| builder.users_at("/{id}")), "users_at");
    assert_eq!(built(|builder| builder.users_at("/auth")), "users_at");
    assert_eq!(
        built(|builder| builder.body_timeout(std::time::Duration::ZERO)),
        "body_timeout"
    );
}
