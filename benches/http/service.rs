//! A service on Portcullis, with one user on SQLite in a file.

use std::{net::SocketAddr, sync::Arc};

use actix_web::web::{self, ServiceConfig};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::Auth,
    http::{AuthBackend, BearerTransport},
    jwt::JwtStrategy,
    sql::sqlite::{self, SqliteAccessTokenStore, SqliteUserStore},
    users::{PasswordHasher, Registration, UserManager},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Fallible,
    client::{self, Connection},
};

const EMAIL: &str = "king.arthur@camelot.example";
const PASSWORD: &str = "correct-horse-battery-staple";

pub(crate) struct Service {
    pub(crate) auth: Auth,
    pub(crate) secret: SigningSecret,
    pub(crate) location: String,
    _folder: TempDir,
}

impl Service {
    /// The service, on a new database.
    pub(crate) async fn new() -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        let location = folder.path().join("bench.db").display().to_string();
        let pool = sqlite::connect("database", &location).await?;
        sqlite::migrate(&pool).await?;
        let tokens = Arc::new(SqliteAccessTokenStore::new(&pool));
        let secret = SigningSecret::generate()?;
        let users = UserManager::builder(Arc::new(SqliteUserStore::new(pool)), &secret).build()?;
        users
            .create(Registration::new(EMAIL.parse()?, PASSWORD.into(), ()))
            .await?;
        let hour = Lifetime::from_secs(3600)?;
        let jwt = AuthBackend::stateless("jwt", BearerTransport, JwtStrategy::hs256(&secret, hour)?);
        let db = AuthBackend::new("db", BearerTransport, OpaqueStrategy::new(tokens, hour));
        let auth = Auth::builder(users).backend(jwt).backend(db).build()?;
        Ok(Self {
            auth,
            secret,
            location,
            _folder: folder,
        })
    }

    /// Its routes, and a plain one.
    pub(crate) fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
        let auth = self.auth.clone();
        move |config| {
            config
                .configure(auth.routes())
                .route("/live", web::get().to(async || "alive"));
        }
    }

    pub(crate) fn hasher(&self) -> &PasswordHasher {
        self.auth.users().hasher()
    }
}

/// The request of a log-in to the backend called `name`.
pub(crate) fn log_in(name: &str) -> Vec<u8> {
    let form = format!("username={EMAIL}&password={PASSWORD}");
    client::post(&format!("/auth/{name}/login"), &form)
}

/// A token of the backend called `name`.
pub(crate) async fn token(address: SocketAddr, name: &str) -> Fallible<String> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.exchange(&log_in(name)).await?;
    answer.is_ok()?;
    let body: Value = serde_json::from_slice(answer.body)?;
    let token = body["access_token"].as_str().ok_or("a log-in without a token")?;
    Ok(token.to_owned())
}
