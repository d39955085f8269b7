//! The routes, on actix-web.

use actix_web::{
    Handler, HttpRequest, HttpResponse, Route,
    http::{Method, header::ALLOW},
    web::{self, Data, Payload, ServiceConfig},
};
use auth_core::{Profile, UserId};
use auth_http::{Endpoints, HttpError, Request, Response};

use crate::{Auth, auth::Shared, body, current_user::enabled, error::into_http, head::Head};

/// Answers 404 as every route here does; for `App::default_service`.
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
        let log_in =
            endpoint::<Id, P>(async move |endpoints, request| endpoints.log_in(&name, request).await);
        routes.only_post(&format!("{at}/login"), log_in);
        if backend.has_logout() {
            let name = backend.name().to_owned();
            let log_out =
                endpoint::<Id, P>(async move |endpoints, request| endpoints.log_out(&name, request).await);
            routes.only_post(&format!("{at}/logout"), log_out);
        } else {
            routes.config.route(&format!("{at}/logout"), web::to(not_found));
        }
    }
    if shared.mount.register {
        let register = endpoint::<Id, P>(async |endpoints, request| endpoints.register(request).await);
        routes.only_post(&format!("{prefix}/register"), register);
    }
    if shared.mount.verify {
        let request_token =
            endpoint::<Id, P>(async |endpoints, request| endpoints.request_verify_token(request).await);
        routes.only_post(&format!("{prefix}/request-verify-token"), request_token);
        let verify = endpoint::<Id, P>(async |endpoints, request| endpoints.verify(request).await);
        routes.only_post(&format!("{prefix}/verify"), verify);
    }
    if shared.mount.reset {
        let forgot = endpoint::<Id, P>(async |endpoints, request| endpoints.forgot_password(request).await);
        routes.only_post(&format!("{prefix}/forgot-password"), forgot);
        let reset = endpoint::<Id, P>(async |endpoints, request| endpoints.reset_password(request).await);
        routes.only_post(&format!("{prefix}/reset-password"), reset);
    }
    if shared.mount.users {
        mount_users::<Id, P>(&mut routes, &shared.mount.users_path);
    }
}

fn mount_users<Id: UserId, P: Profile>(routes: &mut Routes<'_>, prefix: &str) {
    let me = format!("{prefix}/me");
    let get = endpoint::<Id, P>(async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.me(request, &enabled).await
    });
    let patch = endpoint::<Id, P>(async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.update_me(request, &enabled).await
    });
    routes.route(&me, web::get(), get);
    routes.route(&me, web::patch(), patch);

    let user = format!("{prefix}/{{id}}");
    let get = endpoint::<Id, P>(async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.user(id(request.head), request, &enabled).await
    });
    let patch = endpoint::<Id, P>(async |endpoints, request| {
        let enabled = enabled(request.head.0);
        endpoints.update_user(id(request.head), request, &enabled).await
    });
    let delete = endpoint::<Id, P>(async |endpoints, request| {
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
type Arguments<Id, P> = (Data<Shared<Id, P>>, HttpRequest, Payload);

impl Routes<'_> {
    fn route<Id: UserId, P: Profile>(
        &mut self,
        path: &str,
        route: Route,
        handler: impl Handler<Arguments<Id, P>, Output = HttpResponse>,
    ) {
        self.config.route(path, route.to(handler));
    }

    fn only_post<Id: UserId, P: Profile>(
        &mut self,
        path: &str,
        handler: impl Handler<Arguments<Id, P>, Output = HttpResponse>,
    ) {
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

/// A handler that reads the body within its bounds and answers by `run`.
fn endpoint<Id: UserId, P: Profile>(
    run: impl for<'a> AsyncFn(&'a Endpoints<Id, P>, Request<'a, Head<'a>>) -> Response + Clone + 'static,
) -> impl Handler<Arguments<Id, P>, Output = HttpResponse> {
    move |shared: Data<Shared<Id, P>>, request: HttpRequest, payload: Payload| {
        let run = run.clone();
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
