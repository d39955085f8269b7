//! The path of the refresh token's cookie: that of its backend, wherever the routes are mounted.

use std::sync::Arc;

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::ServiceResponse,
    test::{TestRequest, call_service, init_service},
    web::{self, ServiceConfig},
};
use auth_actix::{Auth, AuthError};
use auth_core::{
    Lifetime, SigningSecret, User,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::AuthBackend;
use auth_users::{Registration, UserManager};
use portcullis::jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy};
use portcullis_support::Log;

const COOKIE: &str = "__Secure-web-refresh";

/// A service whose backend `web` has refresh tokens in a cookie, and a user.
async fn service() -> (Auth, User) {
    let secret = SigningSecret::generate().expect("secret");
    let hour = Lifetime::from_secs(3600).expect("positive");
    let jwt = JwtStrategy::hs256(&secret, hour).expect("a key");
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let tracked = TrackedJwtStrategy::new(jwt, tokens, Lifetime::FOREVER).expect("lifetimes");
    let tracked = tracked.refresh_tokens(RefreshTokens::new(&secret));
    let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret);
    let auth = Auth::builder(users.build().expect("users")).backend(AuthBackend::cookie("web", tracked));
    let auth = auth.build().expect("auth");
    let ada = Registration::without_password("ada@example.com".parse().expect("an e-mail"), ());
    let user = auth.users().create(ada).await.expect("a user");
    (auth, user)
}

/// A log-in by the application itself.
async fn admit(
    auth: web::Data<Auth>,
    user: web::Data<User>,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    let identified = auth.users().identify_without_proof(User::clone(&user));
    auth.log_in("web", identified, &request).await
}

/// The routes of the library, and the application's own.
fn all(auth: &Auth, own: &'static str) -> impl FnOnce(&mut ServiceConfig) {
    let routes = auth.routes();
    move |config| {
        config.route(own, web::post().to(admit)).configure(routes);
    }
}

/// The path of the cookie that the answer sets or removes.
fn path(answer: &ServiceResponse) -> String {
    let mut cookies = answer.headers().get_all("set-cookie");
    let path = cookies.find_map(|cookie| {
        let cookie = cookie.to_str().ok()?.strip_prefix(COOKIE)?;
        cookie
            .split("; ")
            .find_map(|attribute| attribute.strip_prefix("Path="))
    });
    path.unwrap_or_else(|| panic!("no path: {:?}", answer.headers()))
        .to_owned()
}

/// An application with these scopes.
macro_rules! app {
    ($auth:expr, $user:expr, $($configure:tt)*) => {{
        let app = App::new()
            .app_data(web::Data::new($auth.clone()))
            .app_data(web::Data::new($user.clone()));
        init_service(app $($configure)*).await
    }};
}

/// Both kinds of routes of `$app` say that the library's are mounted at each path.
macro_rules! agree {
    ($app:expr, $rows:expr) => {
        for (own, mount) in $rows {
            let expected = format!("{mount}/auth/web");
            let request = TestRequest::post().uri(own).to_request();
            assert_eq!(path(&call_service(&$app, request).await), expected, "{own}");
            // A token that is no use is removed.
            let request = TestRequest::post().uri(&format!("{mount}/auth/web/refresh"));
            let request = request.insert_header(("cookie", format!("{COOKIE}=dead")));
            let answer = call_service(&$app, request.to_request()).await;
            assert_eq!((answer.status().as_u16(), path(&answer)), (401, expected));
        }
    };
}

#[actix_web::test]
async fn c7_the_routes_of_the_library_and_of_the_application_agree_on_the_path_in_every_scope() {
    let (auth, user) = service().await;
    let scope = |path: &str, own| web::scope(path).configure(all(&auth, own));
    let app = app!(
        auth,
        user,
        .service(scope("/api", "/invite"))
        .service(scope("/v1/users", "/welcome"))
        .service(scope("/v2/users", "/welcome"))
        .service(web::scope("/in").service(scope("/{tenant}/{id}", "/{id}/welcome")))
        .service(scope(r"/at/{place:\d+/\d+}", "/{id}/welcome"))
        .configure(all(&auth, "/admin/users/{id}/log-in-as"))
    );
    agree!(
        app,
        [
            ("/admin/users/7/log-in-as", ""),
            ("/api/invite", "/api"),
            ("/v1/users/welcome", "/v1/users"),
            ("/v2/users/welcome", "/v2/users"),
            ("/in/caf%C3%A9/8/9/welcome", "/in/caf%C3%A9/8"),
            ("/at/1/2/3/welcome", "/at/1/2"),
        ]
    );
    // Scopes that are called like paths of the library.
    let app = app!(
        auth,
        user,
        .service(scope("/auth", "/auth/users/welcome"))
        .service(scope("/users", "/users/auth/7"))
    );
    agree!(
        app,
        [
            ("/auth/auth/users/welcome", "/auth"),
            ("/users/users/auth/7", "/users")
        ]
    );
}

#[actix_web::test]
async fn c7_no_header_changes_the_path_and_a_segment_stays_as_the_browser_knows_it() {
    let (auth, user) = service().await;
    let app = app!(
        auth,
        user,
        .service(web::scope("/t/{tenant}").configure(all(&auth, "/{id}/welcome")))
    );
    for (name, value) in [
        ("x-forwarded-host", "a b"),
        ("x-forwarded-host", "a/b?c"),
        ("x-forwarded-proto", "x:y"),
        ("x-forwarded-prefix", "/api"),
        ("forwarded", "host=\"a b\""),
        ("forwarded", "proto=\"x:y\";host=\"a/b\""),
        ("host", "a b"),
    ] {
        let request = TestRequest::post().uri("/t/camelot/7/welcome");
        let answer = call_service(&app, request.insert_header((name, value)).to_request()).await;
        assert_eq!(path(&answer), "/t/camelot/auth/web", "{name}: {value}");
    }
    for tenant in ["caf%c3%a9", "%63amelot", "a%2Fb", "%252e", "..", "%2e%2e", "."] {
        let request = TestRequest::post().uri(&format!("/t/{tenant}/7/welcome"));
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(path(&answer), format!("/t/{tenant}/auth/web"));
    }
}

#[actix_web::test]
async fn c7_a_log_in_out_of_reach_of_the_routes_is_warned_of() {
    let (auth, user) = service().await;
    let listening = Log::begin();
    let app = app!(
        auth,
        user,
        .route("/welcome", web::post().to(admit))
        .service(web::scope("/api").configure(all(&auth, "/welcome")))
    );
    let post = async |path: &str| call_service(&app, TestRequest::post().uri(path).to_request()).await;
    assert_eq!(path(&post("/api/welcome").await), "/api/auth/web");
    let log = || listening.text();
    assert!(!log().contains("WARN"), "{}", log());
    assert_eq!(post("/welcome").await.status(), 204);
    let log = log();
    let warning = log.lines().find(|line| line.contains("WARN")).expect("a warning");
    for told in ["set `public_url`", "backend=\"web\"", "route=\"/welcome\""] {
        assert!(warning.contains(told), "{told}: {warning}");
    }
}
