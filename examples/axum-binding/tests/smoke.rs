//! The journey of a user over HTTP, on axum and SQLite.

use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{Router, middleware, routing::get};
use axum_binding::{Auth, CurrentUser, OptionalUser};
use diesel::{Connection as _, connection::SimpleConnection as _};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret, User, UserStore,
    http::{AuthBackend, BearerTransport, CookieTransport, Endpoints, Superuser, Verified},
    sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore},
    users::{FolderMailer, UserManager},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

type Fallible<T = ()> = Result<T, Box<dyn Error>>;

const PASSWORD: &str = "correct horse battery staple";
const ANOTHER: &str = "another horse battery staple";

struct Service {
    client: Client,
    origin: String,
    users: Arc<SqliteUserStore>,
    folder: tempfile::TempDir,
}

impl Service {
    async fn start() -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("smoke.db").display());
        let pool = sqlite::connect(&url).await?;
        sqlite::migrate(&pool).await?;
        let database = Database::new(pool);
        let users = Arc::new(SqliteUserStore::new(&database));
        let tokens = Arc::new(SqliteAccessTokenStore::new(&database));
        let manager = UserManager::builder(users.clone(), &SigningSecret::generate()?)
            .mailer(Arc::new(FolderMailer::new(folder.path().join("outbox"))?))
            .build()?;
        let hour = Lifetime::from_secs(3600)?;
        let strategy = || OpaqueStrategy::new(tokens.clone(), hour);
        let endpoints = Endpoints::builder(manager)
            .backend(AuthBackend::new("bearer", BearerTransport, strategy()))
            .backend(AuthBackend::new("cookie", CookieTransport::default(), strategy()))
            .build()?;
        let auth = Auth::new(endpoints);
        let verified = auth.clone();
        let reports = Router::new()
            .route("/reports", get(async || "reports"))
            .layer(middleware::from_fn(move |request, next| {
                verified.clone().guard(Verified, request, next)
            }));
        let app = Router::new()
            .route(
                "/hello",
                get(async |user: CurrentUser| format!("Hello, {}!", user.email)),
            )
            .route("/admin", get(async |_user: CurrentUser<Superuser>| "admin"))
            .route(
                "/whoami",
                get(async |OptionalUser(user): OptionalUser| user.map_or("nobody", |_| "somebody")),
            )
            .merge(reports)
            .merge(auth.router())
            .with_state(auth);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
        });
        Ok(Self {
            client: Client::new(),
            origin,
            users,
            folder,
        })
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    async fn post(&self, path: &str, body: Value) -> Fallible<(StatusCode, Value)> {
        read(self.ask(Method::POST, path).json(&body).send().await?).await
    }

    async fn log_in(&self, email: &str, password: &str) -> Fallible<(StatusCode, Value)> {
        let form = [("username", email), ("password", password)];
        read(
            self.ask(Method::POST, "/auth/bearer/login")
                .form(&form)
                .send()
                .await?,
        )
        .await
    }

    async fn token(&self, email: &str, password: &str) -> Fallible<String> {
        let (status, body) = self.log_in(email, password).await?;
        assert_eq!(status, 200, "{body}");
        Ok(body["access_token"].as_str().ok_or("no token")?.to_owned())
    }

    async fn status(&self, method: Method, path: &str, token: &str) -> Fallible<StatusCode> {
        Ok(self.ask(method, path).bearer_auth(token).send().await?.status())
    }

    /// The token of the first mail of this kind, once it is there.
    async fn mailed(&self, kind: &str) -> Fallible<String> {
        for _ in 0..500 {
            for mail in std::fs::read_dir(self.folder.path().join("outbox"))? {
                let path = mail?.path();
                // One that is being written has another name.
                if path.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let mail: Value = serde_json::from_slice(&std::fs::read(path)?)?;
                if mail["kind"] == kind {
                    return Ok(mail["token"].as_str().ok_or("no token")?.to_owned());
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Err(format!("no mail of {kind}").into())
    }
}

async fn read(response: Response) -> Fallible<(StatusCode, Value)> {
    let status = response.status();
    let text = response.text().await?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text)?
    };
    Ok((status, body))
}

/// A service, and Ada in it, who logged in.
async fn ada() -> Fallible<(Service, Value, String)> {
    let service = Service::start().await?;
    let (status, user) = service
        .post(
            "/auth/register",
            json!({ "email": "Ada@Example.com", "password": PASSWORD }),
        )
        .await?;
    assert_eq!(status, 201, "{user}");
    let token = service.token("ada@example.com", PASSWORD).await?;
    Ok((service, user, token))
}

#[tokio::test]
async fn a_user_registers_once_and_logs_in_with_the_right_password_alone() -> Fallible {
    let (service, user, token) = ada().await?;
    assert_eq!(user["email"], "Ada@example.com");
    let again = json!({ "email": "ada@example.com", "password": PASSWORD });
    let (status, body) = service.post("/auth/register", again).await?;
    assert_eq!(
        (status.as_u16(), body),
        (400, json!({ "detail": "REGISTER_USER_ALREADY_EXISTS" }))
    );
    let (status, body) = service.log_in("ada@example.com", ANOTHER).await?;
    assert_eq!(
        (status.as_u16(), body),
        (400, json!({ "detail": "LOGIN_BAD_CREDENTIALS" }))
    );
    let (status, me) = read(
        service
            .ask(Method::GET, "/users/me")
            .bearer_auth(token)
            .send()
            .await?,
    )
    .await?;
    assert_eq!((status.as_u16(), me), (200, user));
    Ok(())
}

#[tokio::test]
async fn a_log_out_ends_the_token_at_once() -> Fallible {
    let (service, _, token) = ada().await?;
    assert_eq!(service.status(Method::GET, "/hello", &token).await?, 200);
    assert_eq!(
        service
            .status(Method::POST, "/auth/bearer/logout", &token)
            .await?,
        204
    );
    assert_eq!(service.status(Method::GET, "/hello", &token).await?, 401);
    assert_eq!(
        service
            .status(Method::POST, "/auth/bearer/logout", &token)
            .await?,
        401
    );
    Ok(())
}

#[tokio::test]
async fn a_cookie_logs_in_and_no_other_site_acts_with_it() -> Fallible {
    let (service, ..) = ada().await?;
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    let answer = service
        .ask(Method::POST, "/auth/cookie/login")
        .form(&form)
        .send()
        .await?;
    assert_eq!(answer.status(), 204);
    let cookie = answer.headers()["set-cookie"]
        .to_str()?
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let with_cookie = |method, path| service.ask(method, path).header("cookie", &cookie);
    assert_eq!(with_cookie(Method::GET, "/hello").send().await?.status(), 200);
    let forged = with_cookie(Method::POST, "/auth/cookie/logout").header("sec-fetch-site", "cross-site");
    assert_eq!(forged.send().await?.status(), 403);
    let own = with_cookie(Method::POST, "/auth/cookie/logout").header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await?.status(), 204);
    assert_eq!(with_cookie(Method::GET, "/hello").send().await?.status(), 401);
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_every_log_in() -> Fallible {
    let (service, _, token) = ada().await?;
    let change = service
        .ask(Method::PATCH, "/users/me")
        .bearer_auth(&token)
        .json(&json!({ "password": ANOTHER }));
    assert_eq!(change.send().await?.status(), 200);
    assert_eq!(service.status(Method::GET, "/users/me", &token).await?, 401);
    service.token("ada@example.com", ANOTHER).await?;
    Ok(())
}

#[tokio::test]
async fn mailed_tokens_verify_and_reset_once() -> Fallible {
    let (service, _, token) = ada().await?;
    assert_eq!(service.status(Method::GET, "/reports", &token).await?, 403);
    let ada = json!({ "email": "ada@example.com" });
    let (status, body) = service.post("/auth/request-verify-token", ada.clone()).await?;
    assert_eq!((status.as_u16(), body), (202, Value::Null));
    let verify = json!({ "token": service.mailed("verify").await? });
    assert_eq!(service.post("/auth/verify", verify).await?.0, 200);
    assert_eq!(service.status(Method::GET, "/reports", &token).await?, 200);

    assert_eq!(service.post("/auth/forgot-password", ada).await?.0, 202);
    let reset = json!({ "token": service.mailed("reset").await?, "password": ANOTHER });
    assert_eq!(service.post("/auth/reset-password", reset.clone()).await?.0, 200);
    assert_eq!(service.post("/auth/reset-password", reset).await?.0, 400);
    assert_eq!(service.status(Method::GET, "/users/me", &token).await?, 401);
    service.token("ada@example.com", ANOTHER).await?;
    Ok(())
}

#[tokio::test]
async fn a_superuser_manages_others_and_nobody_else_does() -> Fallible {
    let (service, user, token) = ada().await?;
    let other = json!({ "email": "eve@example.com", "password": PASSWORD });
    let (_, other) = service.post("/auth/register", other).await?;
    let path = format!("/users/{}", other["id"].as_str().ok_or("no id")?);
    assert_eq!(service.status(Method::GET, &path, &token).await?, 403);
    assert_eq!(service.status(Method::GET, "/admin", &token).await?, 403);
    let id = user["id"].as_str().ok_or("no id")?.parse()?;
    let mut promoted: User = service.users.find(&id).await?.ok_or("no user")?;
    promoted.is_superuser = true;
    service.users.update(&promoted).await?;
    assert_eq!(service.status(Method::GET, "/admin", &token).await?, 200);
    assert_eq!(service.status(Method::GET, &path, &token).await?, 200);
    assert_eq!(service.status(Method::DELETE, &path, &token).await?, 204);
    assert_eq!(service.status(Method::GET, &path, &token).await?, 404);
    assert_eq!(service.status(Method::DELETE, "/users/me", &token).await?, 405);
    Ok(())
}

#[tokio::test]
async fn a_route_or_method_that_is_not_there_and_a_body_that_is_too_large_are_refused_as_json() -> Fallible {
    let service = Service::start().await?;
    let answer = service.ask(Method::PUT, "/users/me").send().await?;
    assert_eq!(answer.headers()["allow"], "GET, PATCH");
    assert_eq!(read(answer).await?.1, json!({ "detail": "Method Not Allowed" }));
    let answer = service.ask(Method::GET, "/auth/unknown").send().await?;
    assert_eq!(
        (answer.status().as_u16(), answer.json::<Value>().await?),
        (404, json!({ "detail": "Not Found" }))
    );
    let large = service
        .ask(Method::POST, "/auth/register")
        .body(vec![b' '; 2 << 20]);
    assert_eq!(large.send().await?.status(), 413);
    let (_, methods) = read(service.ask(Method::GET, "/auth/methods").send().await?).await?;
    assert_eq!(methods["backends"][1]["name"], "cookie");
    Ok(())
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_503_and_nobody_is_logged_out() -> Fallible {
    let (service, _, token) = ada().await?;
    let whoami = |token: &str| service.ask(Method::GET, "/whoami").bearer_auth(token);
    assert_eq!(whoami(&token).send().await?.text().await?, "somebody");
    assert_eq!(whoami("unknown").send().await?.text().await?, "nobody");
    let path = service.folder.path().join("smoke.db");
    let mut another = diesel::SqliteConnection::establish(&path.display().to_string())?;
    another.batch_execute("BEGIN IMMEDIATE")?;
    let (status, _) = service.log_in("ada@example.com", PASSWORD).await?;
    assert_eq!(status, 503);
    another.batch_execute("ROLLBACK")?;
    assert_eq!(service.status(Method::GET, "/hello", &token).await?, 200);
    service.token("ada@example.com", PASSWORD).await?;
    Ok(())
}
