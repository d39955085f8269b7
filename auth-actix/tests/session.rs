//! Sessions with data in an `App`: their middleware, guards and extractors.

use std::sync::Arc;

use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use auth_actix::{Auth, AuthError, Present, Session, SessionMiddleware, SessionVerifier, VerifiedSession};
use auth_core::{
    Lifetime, OpaqueStrategy, SessionStore, SigningSecret, User,
    memory::{MemoryAccessTokenStore, MemorySessionStore, MemoryUserStore},
};
use auth_http::{AuthBackend, CookieTransport, HttpError, SessionData, SessionTransport, Sessions};
use auth_users::UserManager;
use portcullis_support::Log;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Wizard {
    step: u32,
}

/// Asks for a second step.
#[derive(Default)]
struct Begun;

impl SessionVerifier<Wizard> for Begun {
    fn is_met(&self, wizard: &Wizard, _user: Option<&User>) -> bool {
        wizard.step > 1
    }
}

fn is_full(cart: &Cart, _user: Option<&User>) -> bool {
    !cart.items.is_empty()
}

async fn put(cart: Session<Cart>, item: web::Path<String>) -> HttpResponse {
    let item = item.into_inner();
    cart.update(move |cart| cart.items.push(item.clone()));
    HttpResponse::NoContent().finish()
}

async fn empty(cart: Session<Cart>) -> HttpResponse {
    cart.set(Cart::default());
    HttpResponse::NoContent().finish()
}

async fn show(cart: VerifiedSession<Present, Cart>) -> String {
    cart.get().unwrap_or_default().items.join(",")
}

async fn step(wizard: Session<Wizard>, cart: Session<Cart>) -> String {
    wizard.update(|wizard| wizard.step += 1);
    cart.with(|cart| cart.map_or_else(|| "no cart".to_owned(), |cart| cart.items.join(",")))
}

async fn begun(_wizard: VerifiedSession<Begun, Wizard>) -> &'static str {
    "begun"
}

/// Changes the session, and then fails.
async fn fail(cart: Session<Cart>) -> Result<HttpResponse, AuthError> {
    cart.update(|cart| cart.items.push("before the failure".to_owned()));
    Err(HttpError::NotFound.into())
}

async fn cacheable(_cart: Session<Cart>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "max-age=60"))
        .finish()
}

fn kind<T: SessionData>(store: &Arc<MemorySessionStore>, name: &str, cookie: &str) -> Sessions<T> {
    let store: Arc<dyn SessionStore> = store.clone();
    let cookie = CookieTransport::builder().name(cookie).build().expect("a cookie");
    let sessions = Sessions::builder(name, store).transport(SessionTransport::cookie(cookie));
    sessions.build().expect("sessions")
}

/// The status, the cookies and the body of the answer to a request with these cookies.
macro_rules! answer {
    ($app:expr, $request:expr, $cookies:expr) => {{
        let cookies: &[String] = &$cookies;
        let request = $request.insert_header(("cookie", cookies.join("; ")));
        seen(call_service(&$app, request.to_request()).await).await
    }};
}

async fn seen<B: MessageBody>(response: ServiceResponse<B>) -> (u16, Vec<String>, String) {
    let set = response.headers().get_all("set-cookie");
    let set = set.map(|cookie| {
        cookie
            .to_str()
            .expect("text")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned()
    });
    let (status, set) = (response.status().as_u16(), set.collect());
    let body = read_body(response).await;
    (status, set, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn post(path: &str) -> TestRequest {
    TestRequest::post().uri(path)
}

#[actix_web::test]
async fn two_kinds_work_side_by_side() {
    let store = Arc::default();
    let (carts, wizards) = (
        kind::<Cart>(&store, "cart", "__Host-cart"),
        kind::<Wizard>(&store, "wizard", "__Host-w"),
    );
    let app = init_service(
        App::new()
            .wrap(SessionMiddleware::new(carts))
            .wrap(SessionMiddleware::new(wizards))
            .route("/put/{item}", web::post().to(put))
            .route("/show", web::get().to(show))
            .route("/step", web::post().to(step))
            .route("/begun", web::get().to(begun)),
    )
    .await;
    let (status, cart, _) = answer!(app, post("/put/a"), []);
    assert_eq!(
        (status, cart.len()),
        (204, 1),
        "only the kind that was asked for sets a cookie"
    );
    let (_, wizard, seen) = answer!(app, post("/step"), cart);
    assert_eq!((wizard.len(), &*seen), (1, "a"));
    let both = [cart.clone(), wizard.clone()].concat();
    assert_eq!(answer!(app, get("/begun"), both).0, 403);
    assert_eq!(
        answer!(app, post("/step"), both).1,
        [] as [&str; 0],
        "the client has the id"
    );
    assert_eq!(answer!(app, get("/begun"), both).2, "begun");
    assert_eq!(answer!(app, get("/begun"), cart).0, 401);
    assert_eq!(answer!(app, get("/show"), both).2, "a");
    // One kind's id in the other's cookie.
    let swapped = [cart[0].replace("__Host-cart", "__Host-w")];
    assert_eq!(answer!(app, get("/begun"), swapped).0, 401);
}

#[actix_web::test]
async fn a_guard_asks_the_same_of_a_whole_scope() {
    let store = Arc::default();
    let carts = kind::<Cart>(&store, "cart", "__Host-cart");
    let guarded = web::scope("/order")
        .wrap(SessionMiddleware::new(carts.clone()).requiring(is_full))
        .route("/show", web::get().to(show))
        .route("/empty", web::post().to(empty));
    let app = init_service(
        App::new()
            .wrap(SessionMiddleware::new(carts.clone()))
            .route("/put/{item}", web::post().to(put))
            .service(guarded),
    )
    .await;
    // A guard needs no middleware around it.
    let alone = web::scope("").wrap(SessionMiddleware::new(carts).requiring(is_full));
    let alone = init_service(App::new().service(alone.route("/empty", web::post().to(empty)))).await;

    assert_eq!(answer!(app, get("/order/show"), []).0, 401);
    assert_eq!(
        answer!(app, get("/order/none"), []).0,
        401,
        "before anything else"
    );
    let cart = answer!(app, post("/put/a"), []).1;
    assert_eq!(answer!(app, get("/order/show"), cart).2, "a");
    assert_eq!(answer!(app, post("/order/empty"), cart).0, 204);
    assert_eq!(answer!(app, get("/order/show"), cart).0, 403);
    assert_eq!(answer!(app, post("/put/b"), cart).0, 204);
    assert_eq!(answer!(alone, post("/empty"), cart).0, 204);
    assert_eq!(answer!(alone, post("/empty"), cart).0, 403, "it was written");
}

#[actix_web::test]
async fn a_change_is_written_whatever_the_answer_and_an_answer_of_a_session_is_not_cached() {
    let store = Arc::default();
    let app = init_service(
        App::new()
            .wrap(SessionMiddleware::new(kind::<Cart>(
                &store,
                "cart",
                "__Host-cart",
            )))
            .route("/fail", web::post().to(fail))
            .route("/show", web::get().to(show))
            .route("/cacheable", web::get().to(cacheable))
            .route("/public", web::get().to(HttpResponse::Ok)),
    )
    .await;
    let (status, cart, body) = answer!(app, post("/fail"), []);
    assert_eq!((status, &*body), (404, r#"{"detail":"Not Found"}"#));
    assert_eq!(answer!(app, get("/show"), cart).2, "before the failure");
    for (path, cache) in [
        ("/show", Some("no-store")),
        ("/cacheable", Some("max-age=60")),
        ("/public", None),
    ] {
        let request = get(path).insert_header(("cookie", cart.join("; "))).to_request();
        let response = call_service(&app, request).await;
        let all: Vec<_> = response.headers().get_all("cache-control").collect();
        assert_eq!(all, cache.into_iter().collect::<Vec<_>>(), "{path}");
    }
}

#[actix_web::test]
async fn a_mistake_in_the_configuration_is_a_500_and_never_an_empty_session() {
    let store = Arc::default();
    let cart = |cookie| SessionMiddleware::new(kind::<Cart>(&store, "cart", cookie));
    let without = init_service(App::new().route("/show", web::get().to(show))).await;
    assert_eq!(answer!(without, get("/show"), []).0, 500);
    let one_type = App::new().wrap(cart("__Host-a")).wrap(cart("__Host-b"));
    let one_type = init_service(one_type.route("/show", web::get().to(show))).await;
    assert_eq!(answer!(one_type, get("/show"), []).0, 500);
    // One name or one place, and the companion of a double submit.
    for (name, cookie) in [
        ("wizard", "__Host-a"),
        ("cart", "__Host-b"),
        ("wizard", "__Host-a-csrf"),
    ] {
        let wizard = SessionMiddleware::new(kind::<Wizard>(&store, name, cookie));
        let both = App::new().wrap(cart("__Host-a")).wrap(wizard);
        let both = init_service(both.route("/show", web::get().to(show))).await;
        assert_eq!(answer!(both, get("/show"), []).0, 500, "{name} {cookie}");
    }
}

#[actix_web::test]
async fn a_session_and_a_backend_with_one_cookie_are_a_500_that_the_log_explains() {
    let listening = Log::begin();
    let store = Arc::default();
    let users = UserManager::builder(
        Arc::new(MemoryUserStore::new()),
        &SigningSecret::generate().expect("secret"),
    );
    let users: Arc<UserManager> = Arc::new(users.build().expect("users"));
    for (backend, status) in [("ssid", 500), ("web", 401)] {
        let tokens = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), Lifetime::FOREVER);
        let auth = Auth::builder(users.clone()).backend(AuthBackend::cookie(backend, tokens));
        let auth = auth.build().expect("auth");
        let carts = kind::<Cart>(&store, "cart", "__Host-ssid");
        let app = App::new()
            .wrap(SessionMiddleware::new(carts))
            .route("/show", web::get().to(show))
            .configure(auth.routes());
        let app = init_service(app).await;
        assert_eq!(answer!(app, get("/show"), []).0, status, "{backend}");
    }
    let log = listening.text();
    let mut errors = log.lines().filter(|line| line.contains("ERROR"));
    let error = errors.next().expect("an error");
    for told in ["a backend has this cookie", "__Host-ssid", "session=\"cart\""] {
        assert!(error.contains(told), "{told}: {error}");
    }
}
