//! The routes, on actix-web.

use std::rc::Rc;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    dev::ResourceDef,
    http::{
        Method,
        header::{CACHE_CONTROL, HeaderValue, LOCATION, UPGRADE},
    },
    web::{self, Payload, ServiceConfig},
};
use auth_core::{Profile, UserId};
use auth_http::{HttpError, PathRoutes, Request, Route};

use crate::{
    Auth,
    body::{self, unread},
    current_user::accepted,
    error::into_http,
    head::Head,
    mounted,
};

/// Answers 404 like the routes here, for `App::default_service`.
pub async fn not_found(body: Payload) -> HttpResponse {
    unread(into_http(HttpError::NotFound.into_response()), body.into_inner())
}

pub(crate) fn mount<Id: UserId, P: Profile>(auth: &Auth<Id, P>, config: &mut ServiceConfig) {
    let shared = &auth.shared;
    config.app_data(shared.clone());
    let table = shared.endpoints.paths();
    let paths: Rc<[ResourceDef]> = table.iter().map(|path| ResourceDef::new(&*path.path)).collect();
    let mut resources = table.iter().map(|path| (path, resource(auth, path)));
    if let Some((path, resource)) = resources.next() {
        let landmark = mounted::mark(config, shared, &path.path);
        config.service(resource.name(&landmark.name));
    }
    for (_path, resource) in resources {
        config.service(resource);
    }
    for prefix in shared.endpoints.prefixes() {
        let (paths, at) = (Rc::clone(&paths), prefix.to_owned());
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

/// The routes of one path. Other methods get a 405.
///
/// One service per path, because a request for a later route of the application tries each service first.
fn resource<Id: UserId, P: Profile>(auth: &Auth<Id, P>, path: &PathRoutes) -> Resource {
    let resource = web::resource(&path.path);
    let resource = path
        .routes
        .iter()
        .fold(resource, |resource, route| resource.route(handler(auth, route)));
    let refusal = path.refusal();
    let refuse = move |body: Payload| {
        let response = unread(into_http(refusal.clone()), body.into_inner());
        async move { response }
    };
    resource.default_service(web::to(refuse))
}

/// Reads the body within its bounds and runs the route, for the users of this `auth` and no other.
fn handler<Id: UserId, P: Profile>(auth: &Auth<Id, P>, route: &Route) -> actix_web::Route {
    let method = Method::from_bytes(route.method.as_str().as_bytes())
        .unwrap_or_else(|_| unreachable!("the name of a method is a token"));
    let (shared, operation) = (auth.shared.clone(), Rc::new(route.operation.clone()));
    web::method(method).to(move |request: HttpRequest, payload: Payload| {
        let (shared, operation) = (shared.clone(), Rc::clone(&operation));
        async move {
            let head = Head::new(&request).in_reach_of(&shared);
            let answer = async |body: &[u8]| {
                // A scope around the routes may have a segment of this name, too. Ours comes last.
                let segment = |segment: &str| {
                    let of_name = request.match_info().iter().filter(|(name, _)| *name == segment);
                    of_name.last().map_or("", |(_, value)| value)
                };
                let asked = Request::new(&head, body)
                    .with_id(segment("id"))
                    .with_sid(segment("sid"))
                    .accepting(accepted(&request));
                into_http(shared.endpoints.call(&operation, asked).await)
            };
            if request.method().is_safe() && request.headers().contains_key(UPGRADE) {
                // The data after a WebSocket handshake is not a body, and does not end.
                return unread(answer(&[]).await, payload.into_inner());
            }
            match body::read(&request, payload, shared.body_limit).await {
                Ok(body) => answer(&body).await,
                Err(refusal) => refusal,
            }
        }
    })
}

/// The redirect for a path with an extra slash at its end, as FastAPI answers it.
///
/// The address is relative to that of the request, so it is right behind a proxy that strips a prefix, and never leads
/// to another host.
fn without_slash(request: &HttpRequest, prefix: &str, paths: &[ResourceDef]) -> Option<String> {
    let tail = request.match_info().get("tail")?.strip_suffix('/')?;
    let path = format!("{prefix}/{tail}");
    let name = request.uri().path().strip_suffix('/')?.rsplit('/').next()?;
    // A segment of dots leads elsewhere, and a client may decode encoded characters differently.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~@+=:.".contains(&byte);
    let is_name = name.bytes().all(is_plain) && name.bytes().any(|byte| byte != b'.');
    if !is_name || !paths.iter().any(|known| known.is_match(&path)) {
        return None;
    }
    let query = request.uri().query().map(|query| format!("?{query}"));
    Some(format!("../{name}{}", query.unwrap_or_default()))
}
