//! The routes for the list of backends, log-in, refresh and log-out.

use std::sync::Arc;

use auth_core::{ConfigError, Profile, UserId};
use serde::Serialize;

use super::{Endpoints, Family, Mount, Request};
use crate::{AuthBackend, HttpError, Method, RequestHead, Response, Route, Scheme};

/// The routes of this file.
#[derive(Clone, Debug)]
pub(crate) enum CredentialRoute {
    Methods,
    /// The route of the backend with this name.
    LogIn(Arc<str>),
    /// The route of the backend with this name.
    Refresh(Arc<str>),
    /// The route of the backend with this name.
    LogOut(Arc<str>),
}

/// The route that exchanges a refresh token, below its backend.
pub(crate) const REFRESH: &str = "/refresh";

/// The names of other routes.
const RESERVED: [&str; 2] = ["methods", "sessions"];

/// Refuses a backend whose paths would be those of another route.
///
/// # Errors
/// [`ConfigError`] naming a backend that is called like a route.
pub(super) fn check<'b, Id: 'b>(
    mut backends: impl Iterator<Item = &'b AuthBackend<Id>>,
) -> Result<(), ConfigError> {
    match backends.find(|backend| RESERVED.contains(&backend.name())) {
        None => Ok(()),
        Some(backend) => {
            let setting = format!("backend {:?}", backend.name());
            Err(ConfigError::new(setting, "a route has this name: choose another"))
        }
    }
}

impl From<CredentialRoute> for Family {
    fn from(route: CredentialRoute) -> Self {
        Self::Credential(route)
    }
}

pub(super) fn routes<'b, Id: 'b>(
    mount: &Mount,
    backends: impl Iterator<Item = &'b AuthBackend<Id>>,
) -> Vec<Route> {
    let prefix = &mount.auth_path;
    let methods = format!("{prefix}/methods");
    let mut routes = vec![Route::new(
        Method::Get,
        methods,
        "auth:methods",
        CredentialRoute::Methods,
    )];
    for backend in backends {
        let name = backend.name();
        let route = |path, action, route| {
            let (path, name) = (format!("{prefix}/{name}{path}"), format!("auth:{name}.{action}"));
            Route::new(Method::Post, path, name, route)
        };
        let log_in = CredentialRoute::LogIn(backend.shared_name());
        routes.push(route("/login", "login", log_in));
        // Without refresh tokens or a log-out, the path is unknown.
        if backend.has_refresh() {
            let refresh = CredentialRoute::Refresh(backend.shared_name());
            routes.push(route(REFRESH, "refresh", refresh));
        }
        if backend.has_logout() {
            let log_out = CredentialRoute::LogOut(backend.shared_name());
            routes.push(route("/logout", "logout", log_out));
        }
    }
    routes
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    pub(super) async fn call_credential(
        &self,
        route: &CredentialRoute,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        match route {
            CredentialRoute::Methods => Ok(self.methods()),
            CredentialRoute::LogIn(backend) => self.log_in_by_password(backend, request).await,
            CredentialRoute::Refresh(backend) => self.refresh(backend, request).await,
            CredentialRoute::LogOut(backend) => self.log_out(backend, request).await,
        }
    }

    /// Tells a front end which ways to log in it can offer.
    fn methods(&self) -> Response {
        let backends = self.authenticator.backends().map(|backend| BackendBody {
            name: backend.name(),
            transport: match backend.transport().scheme() {
                Scheme::Bearer => TransportBody::Bearer,
                Scheme::Cookie(_) => TransportBody::Cookie,
            },
            logout: backend.has_logout(),
            refresh: backend.has_refresh(),
        });
        let body = MethodsBody {
            backends: backends.collect(),
            providers: Vec::new(),
            register: self.mount.register,
            verify: self.mount.verify,
            reset: self.mount.reset,
        };
        Response::json(200, &body)
    }
}

/// The ways to log in, and the other routes that there are.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct MethodsBody<'a> {
    #[cfg_attr(feature = "openapi", schema(inline))]
    backends: Vec<BackendBody<'a>>,
    providers: Vec<&'a str>,
    register: bool,
    verify: bool,
    reset: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct BackendBody<'a> {
    name: &'a str,
    #[cfg_attr(feature = "openapi", schema(inline))]
    transport: TransportBody,
    logout: bool,
    refresh: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
enum TransportBody {
    Bearer,
    Cookie,
}

#[cfg(feature = "openapi")]
mod description {
    use auth_core::{Profile, UserId};
    use utoipa::{
        PartialSchema as _,
        openapi::{
            Content, ContentBuilder, RefOr, Required, Schema, SecurityRequirement, path::OperationBuilder,
            request_body::RequestBodyBuilder,
        },
    };

    use super::{CredentialRoute, MethodsBody};
    use crate::{
        AuthBackend, Authenticator, CsrfPolicy, ErrorCode, Scheme,
        openapi::{
            Answers, CROSS_SITE, CrossSite, LOGIN_FORM, REFRESH_FORM, Refused, Service, operation, reference,
            refresh_requirement, requirement,
        },
    };

    impl CredentialRoute {
        pub(crate) fn describe<Id: UserId, P: Profile>(
            &self,
            service: &Service,
            authenticator: &Authenticator<Id, P>,
        ) -> OperationBuilder {
            let backend = |name: &str| {
                authenticator
                    .backend(name)
                    .unwrap_or_else(|| unreachable!("it is mounted"))
            };
            match self {
                Self::Methods => {
                    let body = ContentBuilder::new().schema(Some(MethodsBody::schema()));
                    let about = "The backends in their order, and which other routes there are.";
                    operation("auth", "How one can log in", Answers::with(200, body, about))
                }
                Self::LogIn(name) => log_in(service, backend(name)),
                Self::Refresh(name) => refresh(service, authenticator.csrf(), backend(name)),
                Self::LogOut(name) => log_out(service, authenticator.csrf(), backend(name)),
            }
        }
    }

    fn log_in<Id>(service: &Service, backend: &AuthBackend<Id>) -> OperationBuilder {
        let answers = match backend.transport().scheme() {
            Scheme::Bearer => Answers::token(backend.has_refresh()),
            Scheme::Cookie(_) => Answers::cookie("Logged in: the cookie is set."),
        };
        let mut refusals = vec![Refused::Code(ErrorCode::LoginBadCredentials)];
        if service.requires_verification {
            refusals.push(Refused::Code(ErrorCode::LoginUserNotVerified));
        }
        let cross_site = backend.is_cookie().then(|| CROSS_SITE.to_owned()).into_iter();
        let answers = answers
            .refused(&refusals)
            .forbidden(cross_site.chain(service.veto()))
            .invalid("username");
        let form = || Content::new(Some(reference(LOGIN_FORM)));
        let body = RequestBodyBuilder::new()
            .content("application/x-www-form-urlencoded", form())
            .content("multipart/form-data", form())
            .required(Some(Required::True));
        operation("auth", "Log in", answers).request_body(Some(body.build()))
    }

    fn refresh<Id>(service: &Service, csrf: &CsrfPolicy, backend: &AuthBackend<Id>) -> OperationBuilder {
        let cross_site = CrossSite::new(csrf, [backend]);
        let answers = match backend.transport().scheme() {
            Scheme::Bearer => Answers::token(true).invalid("refresh_token"),
            Scheme::Cookie(_) => Answers::cookie("Refreshed: both cookies are set."),
        };
        let answers = answers
            .unauthorized(!backend.is_cookie(), backend.is_cookie())
            .forbidden(service.unverified().chain(cross_site.reasons()));
        let operation = operation("auth", "Exchange the refresh token for new tokens", answers);
        if backend.is_cookie() {
            return cross_site.confirmed(operation.security(refresh_requirement(backend.name())));
        }
        let body = refresh_body(&Content::new(Some(reference(REFRESH_FORM))));
        operation.request_body(Some(body.required(Some(Required::True)).build()))
    }

    /// The body with a refresh token: a form (RFC 6749 §6) or JSON.
    fn refresh_body(token: &Content) -> RequestBodyBuilder {
        RequestBodyBuilder::new()
            .content("application/x-www-form-urlencoded", token.clone())
            .content("multipart/form-data", token.clone())
            .content("application/json", token.clone())
    }

    fn log_out<Id>(service: &Service, csrf: &CsrfPolicy, backend: &AuthBackend<Id>) -> OperationBuilder {
        let about = if backend.is_revocable() {
            "Logged out: the credential is dead."
        } else {
            "Logged out: the cookie is removed. A copy of the credential lives until it expires."
        };
        let answers = if backend.is_cookie() {
            Answers::cookie(about)
        } else {
            Answers::empty(about)
        };
        let cross_site = CrossSite::new(csrf, [backend]);
        let answers = answers
            .unauthorized(!backend.is_cookie(), backend.is_cookie())
            .forbidden(service.unverified().chain(cross_site.reasons()));
        let answers = if backend.has_refresh() && !backend.is_cookie() {
            answers.invalid("refresh_token")
        } else {
            answers
        };
        let operation = operation("auth", "Log out", answers).security(requirement(backend.name()));
        let operation = match (backend.has_refresh(), backend.is_cookie()) {
            (false, _) => operation,
            (true, true) => operation.security(refresh_requirement(backend.name())),
            // A refresh token in the body is enough. With a valid access token, nobody looks at the body.
            (true, false) => {
                let about = "Without a valid access token: the refresh token, as for a refresh.";
                let body = refresh_body(&Content::new(None::<RefOr<Schema>>)).description(Some(about));
                operation
                    .security(SecurityRequirement::default())
                    .request_body(Some(body.build()))
            }
        };
        cross_site.confirmed(operation)
    }
}
