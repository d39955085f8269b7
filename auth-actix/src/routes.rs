//! The routes, on actix-web.

use std::rc::Rc;

use actix_web::{
    Handler, HttpRequest, HttpResponse, Resource,
    dev::ResourceDef,
    http::header::{ALLOW, CACHE_CONTROL, HeaderValue, LOCATION, UPGRADE},
    web::{self, Payload, ServiceConfig},
};
use auth_core::{Profile, UserId};
use auth_http::{Endpoints, HttpError, Request, Response};

use crate::{
    Auth,
    body::{self, unread},
    current_user::enabled,
    error::into_http,
    head::Head,
    mounted,
};

/// Answers 404 as the routes here do, for `App::default_service`.
pub async fn not_found(body: Payload) -> HttpResponse {
    unread(into_http(HttpError::NotFound.into_response()), body.into_inner())
}

pub(crate) fn mount<Id: UserId, P: Profile>(auth: &Auth<Id, P>, config: &mut ServiceConfig) {
    let shared = &auth.shared;
    config.app_data(shared.clone());
    mounted::only_once::<Id, P>(config);
    let mut routes = Routes {
        config,
        paths: Vec::new(),
    };
    let prefix = &shared.mount.auth;
    for backend in shared.endpoints.authenticator().backends() {
        let at = format!("{prefix}/{}", backend.name());
        let name = backend.name().to_owned();
        let log_in = endpoint(auth, async move |endpoints, request| {
            endpoints.log_in(&name, request).await
        });
        routes.only_post(&format!("{at}/login"), log_in);
        // Without one, the path is as unknown as any other.
        if backend.has_logout() {
            let name = backend.name().to_owned();
            let log_out = endpoint(auth, async move |endpoints, request| {
                endpoints.log_out(&name, request).await
            });
            routes.only_post(&format!("{at}/logout"), log_out);
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
    let paths: Rc<[ResourceDef]> = routes.paths.into();
    for prefix in [prefix, &shared.mount.users_path] {
        let (paths, at) = (Rc::clone(&paths), prefix.clone());
        let elsewhere = move |request: HttpRequest, body: Payload| {
            let answer = match without_slash(&request, &at, &paths) {
                Some(there) => HttpResponse::TemporaryRedirect()
                    .insert_header((LOCATION, there))
                    .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
                    .finish(),
                None => into_http(HttpError::NotFound.into_response()),
            };
            let answer = unread(answer, body.into_inner());
            async move { answer }
        };
        config.route(&format!("{prefix}/{{tail:.*}}"), web::to(elsewhere));
    }
}

/// Where a request goes whose path has a slash too many at its end, as FastAPI answers it.
///
/// The address is relative to that of the request, so that it is right behind a proxy that strips a prefix, and never leads
/// to another host.
fn without_slash(request: &HttpRequest, prefix: &str, paths: &[ResourceDef]) -> Option<String> {
    let tail = request.match_info().get("tail")?.strip_suffix('/')?;
    let path = format!("{prefix}/{tail}");
    let name = request.uri().path().strip_suffix('/')?.rsplit('/').next()?;
    // Dots alone lead elsewhere, and what is encoded may be read otherwise by whoever follows.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~@+=:.".contains(&byte);
    let is_name = name.bytes().all(is_plain) && name.bytes().any(|byte| byte != b'.');
    if !is_name || !paths.iter().any(|known| known.is_match(&path)) {
        return None;
    }
    let query = request.uri().query().map(|query| format!("?{query}"));
    Some(format!("../{name}{}", query.unwrap_or_default()))
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
    // Any other method is one of the user whose id is "me".
    routes.config.route(&me, web::get().to(get));
    routes.config.route(&me, web::patch().to(patch));

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
    let resource = web::resource(&*user)
        .route(web::get().to(get))
        .route(web::patch().to(patch))
        .route(web::delete().to(delete));
    routes.refusing_others(&user, resource, "GET, PATCH, DELETE");
}

fn id<'a>(head: &Head<'a>) -> &'a str {
    head.0.match_info().get("id").unwrap_or_default()
}

/// As few services as can be: every request for a route that the application mounts after these tries each of them.
struct Routes<'c> {
    config: &'c mut ServiceConfig,
    /// The paths of those that allow some methods only, which are all.
    paths: Vec<ResourceDef>,
}

/// What actix-web hands to every route here.
type Arguments = (HttpRequest, Payload);

impl Routes<'_> {
    fn only_post(&mut self, path: &str, handler: impl Handler<Arguments, Output = HttpResponse>) {
        let resource = web::resource(path).route(web::post().to(handler));
        self.refusing_others(path, resource, "POST");
    }

    /// Mounts `resource` at `path`, and answers 405 where the method is not one of those that it allows.
    fn refusing_others(&mut self, path: &str, resource: Resource, allowed: &'static str) {
        self.paths.push(ResourceDef::new(path));
        let refuse = move |body: Payload| {
            let mut response = into_http(HttpError::MethodNotAllowed.into_response());
            let allowed = HeaderValue::from_static(allowed);
            response.headers_mut().insert(ALLOW, allowed);
            let response = unread(response, body.into_inner());
            async move { response }
        };
        self.config.service(resource.default_service(web::to(refuse)));
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
            let head = Head(&request);
            let judged = async |body: &[u8]| {
                let head = &head;
                into_http(run(&shared.endpoints, Request { head, body }).await)
            };
            if request.method().is_safe() && request.headers().contains_key(UPGRADE) {
                // What follows a WebSocket handshake is no body, and has no end.
                return unread(judged(&[]).await, payload.into_inner());
            }
            match body::read(&request, payload, shared.body_limit).await {
                Ok(body) => judged(&body).await,
                Err(refusal) => refusal,
            }
        }
    }
}
