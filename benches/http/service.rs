//! A service on Portcullis, with one user.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    Error, HttpRequest, Responder,
    error::ErrorServiceUnavailable,
    web::{self, Data, ServiceConfig},
};
use portcullis::{
    ConfigError, ExposeSecret as _, Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, CurrentUser, Guard},
    http::{AuthBackend, BearerTransport},
    jwt::{JwtStrategy, RefreshTokens, Rotation, TrackedJwtStrategy},
    store::{ClientInfo, NewLogIn, ReadError, Strategy as _, Subject},
    users::{PasswordHasher, Registration, UserManager},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Fallible,
    client::{self, Answer, Connection},
    hand_written::{LogIn, bearer, unauthorized},
    store::Store,
};

/// The backend of tracked JWTs with refresh tokens.
pub(crate) const TRACKED: &str = "tracked";
/// The same, whose access tokens are replaced when they are used.
pub(crate) const ROTATING: &str = "rotating";

pub(crate) const EMAIL: &str = "king.arthur@camelot.example";
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

#[derive(Serialize)]
struct Protected {
    email: String,
}

pub(crate) struct Service {
    auth: Auth,
    tracked: Data<AuthBackend>,
    rotating: Guard,
    /// Issues what `rotating` lets in.
    rotated: TrackedJwtStrategy<Uuid>,
    subject: Subject,
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
        let user = users.create(Registration::new(EMAIL.parse()?, PASSWORD.into(), ()));
        let subject = Subject::from(&user.await?);
        let hour = Lifetime::from_secs(3600)?;
        let jwt = AuthBackend::stateless("jwt", BearerTransport, JwtStrategy::hs256(&secret, hour)?);
        let db = AuthBackend::bearer("db", OpaqueStrategy::new(store.tokens.clone(), hour));
        let tracked = || {
            let month = Lifetime::from_secs(30 * 24 * 3600)?;
            let jwt = JwtStrategy::hs256(&secret, hour)?;
            let strategy = TrackedJwtStrategy::new(jwt, store.tokens.clone(), month)?;
            Ok::<_, ConfigError>(strategy.refresh_tokens(RefreshTokens::new(&secret)))
        };
        let rotated = || tracked()?.rotation(Rotation::after(Duration::ZERO));
        let auth = Auth::builder(users)
            .backend(jwt)
            .backend(db)
            .backend(AuthBackend::bearer(TRACKED, tracked()?))
            .backend(AuthBackend::bearer(ROTATING, rotated()?))
            .build()?;
        Ok(Self {
            tracked: Data::new(AuthBackend::bearer(TRACKED, tracked()?)),
            rotating: auth.accept([ROTATING])?,
            rotated: rotated()?,
            subject,
            auth,
            secret,
            store,
        })
    }

    /// Its routes, some that a user alone sees, and a plain one.
    pub(crate) fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
        let (auth, tracked, rotating) = (self.auth.clone(), self.tracked.clone(), self.rotating.clone());
        move |config| {
            let rotated = web::resource("/rotating").wrap(rotating.clone());
            config
                .app_data(tracked.clone())
                .route("/protected/db", web::get().to(protected))
                .route("/log-in", web::get().to(log_in_alone))
                .service(rotated.route(web::get().to(protected)))
                .route("/live", web::get().to(async || "alive"))
                .configure(auth.routes());
        }
    }

    /// Access tokens of `count` log-ins, each of which the next request replaces.
    pub(crate) async fn due(&self, count: usize) -> Fallible<Vec<String>> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            let client = ClientInfo::default();
            let log_in = NewLogIn::new(ROTATING, &self.subject, &client);
            let issued = self.rotated.issue(&log_in).await?;
            tokens.push(issued.access.secret.expose_secret().to_owned());
        }
        Ok(tokens)
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

/// The log-in of a tracked JWT, without a look at the user.
async fn log_in_alone(request: HttpRequest, backend: Data<AuthBackend>) -> Result<web::Json<LogIn>, Error> {
    let credential = backend.read(bearer(&request)?).await;
    let credential = credential.map_err(|error| match error {
        ReadError::Rejected(_) => unauthorized(),
        ReadError::Unavailable(error) => ErrorServiceUnavailable(error),
    })?;
    let user_id = credential.subject.user_id;
    Ok(web::Json(LogIn { user_id }))
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
    token_of(&answer, "access_token")
}

/// The token in the answer to a log-in or a refresh.
pub(crate) fn token_of(answer: &Answer<'_>, field: &str) -> Fallible<String> {
    answer.is_ok()?;
    let body: Value = serde_json::from_slice(answer.body)?;
    let token = body[field].as_str().ok_or("an answer without a token")?;
    Ok(token.to_owned())
}
