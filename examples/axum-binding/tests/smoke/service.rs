//! A service on axum and SQLite, with routes of its own.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, middleware, routing::get};
use axum_binding::{Auth, CurrentUser, OptionalUser};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    http::{AuthBackend, BearerTransport, CookieTransport, Endpoints, Superuser, Verified},
    sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore},
    store::UserStore,
    testing::Mailbox,
    users::UserManager,
};
use portcullis_support::{Client, Kind, Sent, Site, outage::Locked};
use tempfile::TempDir;

/// It listens while the runtime runs on which it was started; its database goes when this is dropped.
pub(crate) struct Service {
    pub(crate) site: Arc<Site>,
    _folder: TempDir,
}

impl Service {
    pub(crate) async fn start(verification: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("smoke.db");
        let pool = sqlite::connect(&file.display().to_string()).await;
        let pool = pool.expect("a database");
        sqlite::migrate(&pool).await.expect("tables");
        let database = Database::new(pool);
        let users: Arc<dyn UserStore> = Arc::new(SqliteUserStore::new(&database));
        let tokens = Arc::new(SqliteAccessTokenStore::new(&database));
        let mailbox = Arc::new(Mailbox::new());
        let secret = SigningSecret::generate().expect("randomness");
        let manager = UserManager::builder(Arc::clone(&users), &secret)
            .mailer(mailbox.clone())
            .roles(portcullis_support::roles())
            .requires_verification(verification);
        let hour = Lifetime::from_secs(3600).expect("positive");
        let strategy = || OpaqueStrategy::new(tokens.clone(), hour);
        let cookie = CookieTransport::builder().name("__Host-cookie").build();
        let endpoints = Endpoints::builder(manager.build().expect("users"))
            .backend(AuthBackend::new("db", BearerTransport, strategy()))
            .backend(AuthBackend::new("cookie", cookie.expect("secure"), strategy()))
            .build()
            .expect("a configuration");
        let mails = Sent {
            users: Arc::clone(endpoints.users()),
            mailbox,
        };
        let address = serve(Auth::new(endpoints)).await;
        let site = Site {
            client: Client::new(address),
            kinds: vec![Kind::DbBearer, Kind::DbCookie],
            users,
            clock: None,
            mails: Box::new(mails),
            // Every route of this service accepts each backend.
            protected: |_kind| "/hello".to_owned(),
            outage: Some(Box::new(Locked::new(file))),
        };
        Self {
            site: Arc::new(site),
            _folder: folder,
        }
    }
}

portcullis::http::permission! {
    struct PublishArticles = "articles:publish";
}

async fn serve(auth: Auth) -> SocketAddr {
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
        .route(
            "/articles",
            get(async |_user: CurrentUser<PublishArticles>| "articles"),
        )
        .route("/admin", get(async |_user: CurrentUser<Superuser>| "admin"))
        .route(
            "/whoami",
            get(async |OptionalUser(user): OptionalUser| user.map_or("nobody", |_| "somebody")),
        )
        .merge(reports)
        .merge(auth.router())
        .with_state(auth);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    address
}
