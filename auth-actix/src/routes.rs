//! The routes, on actix-web.

use actix_web::{
    Handler, HttpRequest, HttpResponse, Route,
    http::{Method, header::ALLOW},
    web::{self, Payload, ServiceConfig},
};
use auth_core::{Profile, UserId};
use auth_http::{Endpoints, HttpError, Request, Response};

use crate::{Auth, body, current_user::enabled, error::into_http, head::Head};

/// Answers 404 as the routes here do, for `App::default_service`.
pub async fn not_found() -> HttpResponse {
    into_http(HttpError::NotFound.into_response())
}

pub(crate) fn mount<Id: UserId, P: Profile>(auth: &Auth<Id, P>, config: &mut ServiceConfig) {
    let shared = &auth.shared;
    config.app_data(shared.clone());
    let mut routes = Routes { config };
    let prefix = &shared.mount.auth;
    for backend in shared.endpoints.authenticator().backends() {
        let at = format!("{prefix}/{}", backend.name());
        let name = backend.name().to_owned();
        let log_in = endpoint(auth, async move |endpoints, request| {
            endpoints.log_in(&name, request).await
        });
        routes.only_post(&format!("{at}/login"), log_in);
        if backend.has_logout() {
            let name = backend.name().to_owned();
            let log_out = endpoint(auth, async move |endpoints, request| {
                endpoints.log_out(&name, request).await
            });
            routes.only_post(&format!("{at}/logout"), log_out);
        } else {
            routes.config.route(&format!("{at}/logout"), web::to(not_found));
        }
    }
    if shared.mount.register {
        let register = endpoint(auth, async |endpoints, request| endpoints.register(request).await);
        routes.only_post(&format!("{prefix}/register"), register);
    }
    if shared.mount.verify {
        let request_token = endpoint(auth, async |endpoints, request| {
            endpoints.request_verify_token(request).await
        });
        routes.only_post(&format!("{prefix}/request-verify-token"), request_token);
        let verify = endpoint(auth, async |endpoints, request| endpoints.verify(request).await);
        routes.only_post(&format!("{prefix}/verify"), verify);
    }
    if shared.mount.reset {
        let forgot = endpoint(auth, async |endpoints, request| {
            endpoints.forgot_password(request).await
        });
        routes.only_post(&format!("{prefix}/forgot-password"), forgot);
        let reset = endpoint(auth, async |endpoints, request| {
            endpoints.reset_password(request).await
        });
        routes.only_post(&format!("{prefix}/reset-password"), reset);
    }
    if shared.mount.users {
        mount_users(&mut routes, auth);
    }
    for prefix in [prefix, &shared.mount.users_path] {
        routes
            .config
            .route(&format!("{prefix}/{{tail:.*}}"), web::to(not_found));
    }
}

fn mount_users<Id: UserId, P: Profile>(routes: &mut Routes<'_>, auth: &Auth<Id, P>) {
    let prefix = &auth.shared.mount.users_path;
    let me = format!("{prefix}/me");
    let get = endpoint(auth, async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.me(request, &enabled).await
    });
    let patch = endpoint(auth, async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.update_me(request, &enabled).await
    });
    routes.route(&me, web::get(), get);
    routes.route(&me, web::patch(), patch);

    let user = format!("{prefix}/{{id}}");
    let get = endpoint(auth, async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.user(id(request.head), request, &enabled).await
    });
    let patch = endpoint(auth, async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.update_user(id(request.head), request, &enabled).await
    });
    let delete = endpoint(auth, async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.delete_user(id(request.head), request, &enabled).await
    });
    routes.route(&user, web::get(), get);
    routes.route(&user, web::patch(), patch);
    routes.route(&user, web::delete(), delete);
    routes.refuse_others(&user, &[Method::GET, Method::PATCH, Method::DELETE]);
}

fn id<'a>(head: &Head<'a>) -> &'a str {
    head.0.match_info().get("id").unwrap_or_default()
}

/// One service a method, so that a route of the application's own may stand beside it under the same path.
struct Routes<'c> {
    config: &'c mut ServiceConfig,
}

/// What actix-web hands to every route here.
type Arguments = (HttpRequest, Payload);

impl Routes<'_> {
    fn route(&mut self, path: &str, route: Route, handler: impl Handler<Arguments, Output = HttpResponse>) {
        self.config.route(path, route.to(handler));
    }

    fn only_post(&mut self, path: &str, handler: impl Handler<Arguments, Output = HttpResponse>) {
        self.route(path, web::post(), handler);
        self.refuse_others(path, &[Method::POST]);
    }

    fn refuse_others(&mut self, path: &str, allowed: &[Method]) {
        let allow = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let refuse = move || {
            let mut response = into_http(HttpError::MethodNotAllowed.into_response());
            if let Ok(allow) = allow.parse() {
                response.headers_mut().insert(ALLOW, allow);
            }
            async move { response }
        };
        self.config.route(path, web::to(refuse));
    }
}

/// A handler that reads the body within its bounds and answers by `run`, for the users of this `auth` and no other.
fn endpoint<Id: UserId, P: Profile>(
    auth: &Auth<Id, P>,
    run: impl for<'a> AsyncFn(&'a Endpoints<Id, P>, Request<'a, Head<'a>>) -> Response + Clone + 'static,
) -> impl Handler<Arguments, Output = HttpResponse> {
    let shared = auth.shared.clone();
    move |request: HttpRequest, payload: Payload| {
        let (shared, run) = (shared.clone(), run.clone());
        async move {
            let body = match body::read(&request, payload, shared.body_limit).await {
                Ok(body) => body,
                Err(refusal) => return refusal,
            };
            let head = Head(&request);
            into_http(
                run(
                    &shared.endpoints,
                    Request {
                        head: &head,
                        body: &body,
                    },
                )
                .await,
            )
        }
    }
}
