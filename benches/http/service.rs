//! A service on Portcullis, with one user.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{
    Responder,
    web::{self, ServiceConfig},
};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, CurrentUser},
    http::{AuthBackend, BearerTransport},
    jwt::JwtStrategy,
    users::{PasswordHasher, Registration, UserManager},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Fallible,
    client::{self, Connection},
    store::Store,
};

const EMAIL: &str = "king.arthur@camelot.example";
const PASSWORD: &str = "correct-horse-battery-staple";

#[derive(Serialize)]
struct Protected {
    email: String,
}

pub(crate) struct Service {
    pub(crate) auth: Auth,
    pub(crate) secret: SigningSecret,
    pub(crate) store: Store,
}

impl Service {
    pub(crate) async fn on(store: Store) -> Fallible<Self> {
        Self::hashing_by(PasswordHasher::default(), store).await
    }

    pub(crate) async fn hashing_by(hasher: PasswordHasher, store: Store) -> Fallible<Self> {
        let secret = SigningSecret::generate()?;
        let users = UserManager::builder(Arc::clone(&store.users), &secret)
            .hasher(hasher)
            .build()?;
        users
            .create(Registration::new(EMAIL.parse()?, PASSWORD.into(), ()))
            .await?;
        let hour = Lifetime::from_secs(3600)?;
        let jwt = AuthBackend::stateless("jwt", BearerTransport, JwtStrategy::hs256(&secret, hour)?);
        let tokens = OpaqueStrategy::new(store.tokens.clone(), hour);
        let db = AuthBackend::new("db", BearerTransport, tokens);
        let auth = Auth::builder(users).backend(jwt).backend(db).build()?;
        Ok(Self { auth, secret, store })
    }

    /// Its routes, one that a user alone sees, and a plain one.
    pub(crate) fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
        let auth = self.auth.clone();
        move |config| {
            config
                .route("/protected/db", web::get().to(protected))
                .route("/live", web::get().to(async || "alive"))
                .configure(auth.routes());
        }
    }

    pub(crate) async fn remove(self) -> Fallible<()> {
        drop(self.auth);
        self.store.remove().await
    }
}

async fn protected(user: CurrentUser) -> impl Responder {
    web::Json(Protected {
        email: user.email.as_str().to_owned(),
    })
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
