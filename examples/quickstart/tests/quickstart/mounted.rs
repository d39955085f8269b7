//! The docs in a browser, wherever they are mounted and whatever proxy stands before them.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::header::HOST,
    rt::System,
    web::{self, Bytes, ServiceConfig},
};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, AuthBuilder, CurrentUser, Docs},
    http::{AuthBackend, BearerTransport, CookieTransport},
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
    users::{Registration, UserManager},
};
use serde_json::json;
use utoipa::openapi::{Response, Server, path::OperationBuilder, security::SecurityRequirement};

use crate::{
    chromium::Chromium,
    docs_page::{EMAIL, PASSWORD, Page},
};

/// A server in a thread of its own. It stops when this is dropped.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    server: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(
        listener: TcpListener,
        configure: impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let (started, handle) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(configure.clone()));
                let server = server.workers(1).listen(listener).expect("it listens").run();
                started.send(server.handle()).expect("somebody waits");
                server.await.expect("it serves");
            });
        });
        Self {
            address,
            server: handle.recv().expect("it starts"),
            thread: Some(thread),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

pub(crate) fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// With one user. Its cookie, `__Secure-docs`, is no `__Host-` one, and has no path of its own.
pub(crate) async fn auth(configure: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Auth {
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let hour = Lifetime::from_secs(3600).expect("positive");
    let strategy = || OpaqueStrategy::new(tokens.clone(), hour);
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret);
    let users = users.build().expect("users");
    let registration = Registration::new(EMAIL.parse().expect("an e-mail"), PASSWORD.into(), ());
    users.create(registration).await.expect("a user");
    let cookie = CookieTransport::builder().name("__Secure-docs").build();
    let builder = Auth::builder(users)
        .backend(AuthBackend::new("bearer", BearerTransport, strategy()))
        .backend(AuthBackend::new("cookie", cookie.expect("a cookie"), strategy()));
    configure(builder).build().expect("a configuration")
}

/// The routes, one of the application's own, and docs of them all, for the server at `server` if the application names one.
fn service(auth: Auth, server: Option<&str>) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
    let mut document = auth.openapi();
    let hello = OperationBuilder::new()
        .response("200", Response::new("The user's e-mail"))
        .securities(Some(
            ["bearer", "cookie"].map(|name| SecurityRequirement::new(name, [] as [&str; 0])),
        ));
    document
        .paths
        .add_path_operation("/hello", vec![utoipa::openapi::HttpMethod::Post], hello.build());
    if let Some(server) = server {
        document.servers = Some(vec![Server::new(server)]);
    }
    let docs = Docs::new(&document);
    move |config| {
        config
            .route("/hello", web::post().to(hello_user))
            .configure(auth.routes())
            .configure(docs.at("/docs"));
    }
}

async fn hello_user(user: CurrentUser) -> HttpResponse {
    HttpResponse::Ok().json(user.email.as_str())
}

/// What only answers below `/api`, without that prefix and under another `Host`, as a reverse proxy does.
fn proxy(listener: TcpListener, to: SocketAddr) -> Serving {
    let client = reqwest::Client::new();
    Serving::start(listener, move |config| {
        let forward = move |request: HttpRequest, body: Bytes| {
            let client = client.clone();
            async move {
                let tail = request.match_info().query("tail");
                let query = request.uri().query().map(|query| format!("?{query}"));
                let url = format!("http://{to}/{tail}{}", query.unwrap_or_default());
                let mut call = client.request(request.method().as_str().parse().expect("a method"), url);
                for (name, value) in request.headers().iter().filter(|(name, _)| **name != HOST) {
                    call = call.header(name.as_str(), value.as_bytes());
                }
                let answer = call.body(body).send().await.expect("the service answers");
                let mut response =
                    HttpResponse::build(answer.status().as_u16().try_into().expect("a status"));
                for (name, value) in answer.headers() {
                    if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
                        response.append_header((name.as_str(), value.as_bytes()));
                    }
                }
                response.body(answer.bytes().await.expect("a body"))
            }
        };
        config.route("/api/{tail:.*}", web::to(forward));
    })
}

/// "Authorize" logs in, and a call of a protected route works, then the same by cookie. Nothing is asked of anything but what is
/// below `service`.
async fn works(page: &str, service: &str) {
    let chromium = Chromium::start().await;
    let page = Page::open(&chromium.client, page.to_owned()).await;
    let hello = page.operation("post", "/hello").await;
    assert_eq!(hello.execute().await.0, 401, "nobody is logged in");
    page.authorize("bearer").await;
    assert_eq!(hello.execute().await, (200, json!(EMAIL)));
    page.forget("bearer").await;
    assert_eq!(hello.execute().await.0, 401, "the token is forgotten");

    let log_in = page.operation("post", "/auth/cookie/login").await;
    log_in.fill("username", EMAIL).await;
    log_in.fill("password", PASSWORD).await;
    assert_eq!(log_in.execute().await.0, 204);
    assert_eq!(hello.execute().await, (200, json!(EMAIL)));
    page.fetched_from_the_service_alone(service).await;
    chromium.client.clone().close().await.expect("the browser closes");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c7_the_docs_in_a_scope_log_in_and_call_the_routes_of_the_scope() {
    for server in [None, Some("/api/v2")] {
        let service = service(auth(|builder| builder).await, server);
        let serving = Serving::start(free(), move |config| {
            config.service(web::scope("/api/v2").configure(service));
        });
        let scope = format!("http://{}/api/v2/", serving.address);
        works(&format!("{scope}docs"), &scope).await;
    }
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c7_the_docs_behind_a_proxy_that_strips_a_prefix_keep_to_the_prefix() {
    let serving = Serving::start(free(), service(auth(|builder| builder).await, None));
    let proxy = proxy(free(), serving.address);
    let outside = format!("http://{}/api/", proxy.address);
    for page in ["docs", "docs/"] {
        works(&format!("{outside}{page}"), &outside).await;
    }
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c7_the_docs_the_document_and_the_cookies_follow_the_public_url() {
    let outside = free();
    let public = format!("http://{}/api", outside.local_addr().expect("an address"));
    let auth = auth(|builder| builder.public_url(&public).expect("a URL")).await;
    let serving = Serving::start(free(), service(auth, None));
    let _proxy = proxy(outside, serving.address);
    works(&format!("{public}/docs"), &format!("{public}/")).await;

    let client = reqwest::Client::new();
    let document = client.get(format!("{public}/openapi.json")).send().await;
    let document: serde_json::Value =
        serde_json::from_slice(&document.expect("an answer").bytes().await.expect("a body")).expect("JSON");
    assert_eq!(document["servers"], json!([{ "url": public }]));
    let flows = &document["components"]["securitySchemes"]["bearer"]["flows"];
    assert_eq!(
        flows["password"]["tokenUrl"],
        format!("{public}/auth/bearer/login")
    );
    let form = [("username", EMAIL), ("password", PASSWORD)];
    let log_in = client.post(format!("{public}/auth/cookie/login")).form(&form);
    // The proxy changes `Host`, so that only the public URL tells that this page is the service's own.
    let log_in = log_in.header("origin", public.strip_suffix("/api").expect("an origin"));
    let answer = log_in.send().await.expect("an answer");
    assert_eq!(answer.status(), 204);
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    assert!(cookie.split("; ").any(|part| part == "Path=/api"), "{cookie}");
}
