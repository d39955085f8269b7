//! The configuration of a service, in one place.

mod builder;

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use auth_core::{ConfigError, Profile, UserId};
use auth_http::{AcceptedBackends, Active, Endpoints, PublicUrl, Requirement};
use auth_users::{Identified, UserManager};
use uuid::Uuid;

pub use builder::AuthBuilder;

use crate::{
    CurrentUser,
    error::{AuthError, into_http},
    exceptions::Exceptions,
    guard::Guard,
    head::Head,
    routes,
};

/// The users, the backends and the routes of a service. It is cheap to clone, so each worker can have one.
pub struct Auth<Id = Uuid, P = ()> {
    pub(crate) shared: Data<Shared<Id, P>>,
}

pub(crate) struct Shared<Id, P> {
    pub(crate) endpoints: Endpoints<Id, P>,
    pub(crate) body_limit: Duration,
    /// A rotated token had no middleware to carry it, and the log says so.
    pub(crate) warned_of_rotation: AtomicBool,
    #[cfg(feature = "openapi")]
    pub(crate) docs: std::sync::OnceLock<crate::Docs>,
}

impl<Id, P> Clone for Auth<Id, P> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<Id: UserId, P: Profile> Auth<Id, P> {
    /// A builder for the accounts that `users` manages.
    pub fn builder(users: impl Into<Arc<UserManager<Id, P>>>) -> AuthBuilder<Id, P> {
        AuthBuilder::new(Endpoints::builder(users))
    }

    /// Mounts the routes, for `App::configure`. The extractors work in the same `App` or scope.
    ///
    /// Add your own routes under one of these paths, for example `DELETE /users/me`, **before** this call: actix-web
    /// takes the first route that matches. For the same reason, add frequently used routes before it.
    ///
    /// # Panics
    /// The `App` panics at start, and `HttpServer::run` ends with an error, if another `Auth` for users of the same
    /// type is mounted in the same `App` or scope, because extractors could not choose between them. Mount one in its
    /// own scope, or give its users another profile type.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<Id, P> {
        let auth = self.clone();
        move |config| routes::mount(&auth, config)
    }

    /// A guard for a whole scope. Its handlers run only for users who meet the requirement: [`Verified`](crate::Verified),
    /// [`Superuser`](crate::Superuser), or your own rule.
    ///
    /// ```
    /// # use actix_web::{Scope, web};
    /// # use portcullis::{Credential, User, actix::Auth};
    /// # use uuid::Uuid;
    /// fn is_colleague(user: &User, _credential: &Credential<Uuid>) -> bool {
    ///     user.email.as_str().ends_with("@camelot.example")
    /// }
    ///
    /// fn reports(auth: &Auth) -> impl actix_web::dev::HttpServiceFactory {
    ///     web::scope("/reports").wrap(auth.require(is_colleague))
    /// }
    /// ```
    pub fn require(&self, requirement: impl Requirement<Id, P>) -> Guard<Id, P> {
        Guard::requiring(self.clone(), Arc::new(requirement))
    }

    /// Asks for a user on every route of an `App` or scope: 401 without one. A path that matches no route is 401, too, and not
    /// 404, so that nobody learns which routes there are.
    ///
    /// These pass without a user:
    ///
    /// - the paths that you [except](Guard::except), such as docs and health checks;
    /// - the routes of this library to log in, refresh, log out, register, verify and reset, and `GET /auth/methods`, if those of this
    ///   `Auth` are mounted directly in the same `App` or scope. They judge each request by themselves. If they are in a scope within,
    ///   except them.
    ///
    /// If you mount a route of your own in front of one of these, with the same method and path, it passes, too.
    ///
    /// `OPTIONS` without a user is 204, with nothing in it, and reaches no handler: a browser sends no credential with the preflight
    /// of CORS. Wrap CORS around the guard, so that it answers the preflight: see [`Guard::options_to_handlers`].
    ///
    /// Handlers get the user by the usual extractors, without another look-up. It is a [`Guard`]: others in it add up.
    ///
    /// ```no_run
    /// use actix_web::{App, HttpServer, web};
    /// use portcullis::actix::{Auth, CurrentUser};
    ///
    /// async fn hello(user: CurrentUser) -> String {
    ///     format!("Hello, {}!", user.email)
    /// }
    ///
    /// async fn serve(auth: Auth) -> Result<(), Box<dyn std::error::Error>> {
    ///     let protect = auth.protect().except(["/live", "/docs/*", "/openapi.json"])?;
    ///     let app = move || {
    ///         App::new()
    ///             .wrap(protect.clone())
    ///             .route("/live", web::get().to(async || "it runs"))
    ///             .route("/hello", web::get().to(hello))
    ///             .configure(auth.routes())
    ///     };
    ///     Ok(HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await?)
    /// }
    /// ```
    pub fn protect(&self) -> Guard<Id, P> {
        let routes = self.shared.endpoints.routes();
        self.require(Active)
            .around_application(Exceptions::of_application(&routes))
    }

    /// Hands out rotated access tokens on the routes of an `App` or scope: `X-Access-Token` for a Bearer client,
    /// `Set-Cookie` for a browser, on the answer to any request that a token authenticated, errors included. Such an answer is
    /// `no-store`.
    ///
    /// You need it only if a backend rotates its tokens, and only for handlers without a guard: [`protect`](Self::protect),
    /// [`require`](Self::require) and the other guards do the same, and so do the library's own routes. If nothing hands
    /// them out, tokens are not rotated.
    ///
    /// A page of another origin can read `X-Access-Token` only if CORS [exposes] it.
    ///
    /// [exposes]: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Access-Control-Expose-Headers
    pub fn rotate(&self) -> Guard<Id, P> {
        Guard::carrying(self.clone())
    }

    /// A guard that accepts only the backends of `names`. This also applies to extractors and guards around and inside it.
    ///
    /// # Errors
    /// [`ConfigError`] naming a backend that does not exist.
    pub fn accept<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Guard<Id, P>, ConfigError> {
        let names: Vec<_> = names.into_iter().collect();
        let authenticator = self.shared.endpoints.authenticator();
        if let Some(unknown) = names.iter().find(|name| authenticator.backend(name).is_none()) {
            return Err(ConfigError::new(
                format!("backend {unknown:?}"),
                "there is none of this name",
            ));
        }
        let accepted = AcceptedBackends::only(names);
        Ok(self.accept_by(move |_request| accepted.clone()))
    }

    /// A guard that accepts the backends that `choose` returns for each request.
    pub fn accept_by(
        &self,
        choose: impl Fn(&HttpRequest) -> AcceptedBackends + Send + Sync + 'static,
    ) -> Guard<Id, P> {
        Guard::accepting(self.clone(), Arc::new(choose))
    }

    /// Logs in a user whom [`users`](Self::users) has identified, for example by a password, or on your word after an
    /// invitation, through the backend called `name`. It makes the checks of every log-in, and answers like the log-in
    /// route.
    ///
    /// It reads the user again, and refuses a log-in that would be invalid at once. The log-in that the request presents ends,
    /// unless somebody [acts](Identified::acting) as the user. Nobody can begin to act as a user by a credential by which they act
    /// as another.
    ///
    /// If the backend has a cookie and refresh tokens, call it on a route of the `App` or scope in which the
    /// [routes](Self::routes) are mounted, or configure a [public URL](AuthBuilder::public_url). Otherwise the cookie of the
    /// refresh token can be for a wrong path, and a warning in the log says so.
    ///
    /// ```
    /// use actix_web::{HttpRequest, HttpResponse, web};
    /// use portcullis::{User, actix::{Auth, AuthError, CurrentUser, InPerson, Superuser}};
    ///
    /// async fn welcome(auth: &Auth, invited: User, request: HttpRequest) -> Result<HttpResponse, AuthError> {
    ///     let identified = auth.users().identify_without_proof(invited).labelled("invitation");
    ///     auth.log_in("web", identified, &request).await
    /// }
    ///
    /// /// A superuser looks into a problem of `member`, for an hour, through a backend with a cookie of its own.
    /// async fn log_in_as(
    ///     auth: &Auth,
    ///     superuser: CurrentUser<(Superuser, InPerson)>,
    ///     member: User,
    ///     request: HttpRequest,
    /// ) -> Result<HttpResponse, AuthError> {
    ///     let identified = auth.users().identify_without_proof(member).acting(superuser.id);
    ///     auth.log_in("support", identified, &request).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError`] as in the log-in route, and if the user's credentials were ended after one of them identified the user. It
    /// is a 500 if there is no backend called `name`, and the log names those there are.
    pub async fn log_in(
        &self,
        name: &str,
        identified: Identified<Id, P>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, AuthError> {
        let endpoints = &self.shared.endpoints;
        let response = endpoints.log_in(name, identified, &self.head(request)).await?;
        Ok(into_http(response))
    }

    /// Ends every credential of the current user, at every backend, and answers like a log-in through the backend that
    /// read `current`: with a new credential, the only valid one.
    ///
    /// The current credential ends, too, and the answer replaces it, so send the answer to the client. The handler
    /// below needs `.app_data(web::Data::new(auth.clone()))` in the `App`.
    ///
    /// ```
    /// use actix_web::{HttpRequest, HttpResponse, web};
    /// use portcullis::actix::{Auth, AuthError, CurrentUser};
    ///
    /// async fn log_out_elsewhere(
    ///     auth: web::Data<Auth>,
    ///     current: CurrentUser,
    ///     request: HttpRequest,
    /// ) -> Result<HttpResponse, AuthError> {
    ///     auth.log_out_elsewhere(&current, &request).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError`]:
    ///
    /// - 401 if the current credential was ended meanwhile. No other is ended then.
    /// - 403 if an unsafe request for a cookie comes from another site.
    /// - 503 if a store does not answer. Either the credentials are still valid, or all have ended, including the
    ///   current one.
    pub async fn log_out_elsewhere<R>(
        &self,
        current: &CurrentUser<R, Id, P>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, AuthError> {
        let endpoints = &self.shared.endpoints;
        let response = endpoints
            .log_out_elsewhere(&current.found, &self.head(request))
            .await?;
        Ok(into_http(response))
    }

    /// Ends every credential of the current user, at every backend, including the current one and plain JWTs. The answer is
    /// 204, and removes the cookies of the current one: send it to the client. It is what `POST /auth/logout-everywhere`
    /// does.
    ///
    /// # Errors
    /// [`AuthError`]:
    ///
    /// - 401 if the current credential was ended meanwhile.
    /// - 403 if an unsafe request for a cookie comes from another site. Nothing is ended.
    /// - 503 if the store of the users does not answer. The credentials may still be valid.
    pub async fn log_out_everywhere<R>(
        &self,
        current: &CurrentUser<R, Id, P>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, AuthError> {
        let endpoints = &self.shared.endpoints;
        let response = endpoints
            .log_out_everywhere(&current.found, &self.head(request))
            .await?;
        Ok(into_http(response))
    }

    fn head<'r>(&self, request: &'r HttpRequest) -> Head<'r> {
        Head::new(request).in_reach_of(&self.shared)
    }

    /// The address of the client, by the rules of [`trusted_proxies`](AuthBuilder::trusted_proxies). `None` if the connection
    /// has no address: a Unix socket, or a request of a test.
    #[must_use]
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        self.shared.endpoints.client(&self.head(request))
    }

    /// The URL at which clients reach the routes, if it was [configured](AuthBuilder::public_url).
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.shared.endpoints.public_url()
    }

    /// The users, whose events name the current user and the address of the client, for a handler that changes users.
    ///
    /// ```
    /// use actix_web::{HttpRequest, HttpResponse, web};
    /// use portcullis::actix::{Auth, AuthError, CurrentUser};
    ///
    /// async fn leave(
    ///     auth: web::Data<Auth>,
    ///     current: CurrentUser,
    ///     request: HttpRequest,
    /// ) -> Result<HttpResponse, AuthError> {
    ///     auth.users_for(&current, &request).delete(&current).await?;
    ///     Ok(HttpResponse::NoContent().finish())
    /// }
    /// # let _ = leave;
    /// ```
    #[must_use]
    pub fn users_for<R>(&self, current: &CurrentUser<R, Id, P>, request: &HttpRequest) -> UserManager<Id, P> {
        let endpoints = &self.shared.endpoints;
        endpoints.users_for(Some(&current.found), &self.head(request))
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Arc<UserManager<Id, P>> {
        self.shared.endpoints.users()
    }
}
