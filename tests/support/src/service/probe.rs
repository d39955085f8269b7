//! Routes of an application, which tell whom they see.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, ServiceConfig},
};
use portcullis::{
    Permission,
    actix::{Auth, CurrentUser, OptionalUser, Requirement, Superuser, Verified, VerifiedSuperuser},
    http::AcceptedBackends,
};
use serde_json::{Value, json};

/// `/required/ROLE` and `/optional/ROLE`; the same under `/guarded/ROLE`, under `/only/BACKEND`, and under `/chosen`,
/// where the header `x-accept` names the backends. `/articles`, `/optional/articles` and `/guarded/articles` ask for a permission.
pub(super) fn routes(auth: &Auth) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let auth = auth.clone();
    move |config| {
        extractors(config);
        config.service(
            web::resource("/guarded/articles")
                .wrap(auth.require(Permission::from_static("articles:publish")))
                .route(web::get().to(required::<portcullis::actix::Active>)),
        );
        config.service(
            web::scope("/guarded")
                .service(
                    web::scope("/active")
                        .wrap(auth.require(portcullis::actix::Active))
                        .configure(extractors),
                )
                .service(
                    web::scope("/verified")
                        .wrap(auth.require(Verified))
                        .configure(extractors),
                )
                .service(
                    web::scope("/superuser")
                        .wrap(auth.require(Superuser))
                        .configure(extractors),
                ),
        );
        for kind in crate::Kind::ALL {
            // A service has some of the kinds, and a guard for another is refused.
            if let Ok(guard) = auth.accept([kind.name()]) {
                let scope = web::scope(&format!("/only/{}", kind.name())).wrap(guard);
                config.service(scope.configure(extractors));
            }
        }
        let chosen = auth.accept_by(|request: &HttpRequest| {
            let names = request
                .headers()
                .get("x-accept")
                .and_then(|names| names.to_str().ok());
            AcceptedBackends::only(names.unwrap_or_default().split(','))
        });
        config.service(web::scope("/chosen").wrap(chosen).configure(extractors));
    }
}

portcullis::http::permission! {
    struct PublishArticles = "articles:publish";
}

fn extractors(config: &mut ServiceConfig) {
    config
        .route("/articles", web::get().to(required::<PublishArticles>))
        .route("/optional/articles", web::get().to(optional::<PublishArticles>))
        .route(
            "/required/active",
            web::route().to(required::<portcullis::actix::Active>),
        )
        .route("/required/verified", web::route().to(required::<Verified>))
        .route("/required/superuser", web::route().to(required::<Superuser>))
        .route(
            "/required/verified-superuser",
            web::route().to(required::<VerifiedSuperuser>),
        )
        .route(
            "/optional/active",
            web::route().to(optional::<portcullis::actix::Active>),
        )
        .route("/optional/verified", web::route().to(optional::<Verified>))
        .route("/optional/superuser", web::route().to(optional::<Superuser>))
        .route(
            "/optional/verified-superuser",
            web::route().to(optional::<VerifiedSuperuser>),
        );
}

async fn required<R: Requirement + Default>(user: CurrentUser<R>) -> HttpResponse {
    HttpResponse::Ok().json(seen(&user))
}

async fn optional<R: Requirement + Default>(OptionalUser(user): OptionalUser<R>) -> HttpResponse {
    HttpResponse::Ok().json(user.map_or(Value::Null, |user| seen(&user)))
}

fn seen<R>(user: &CurrentUser<R>) -> Value {
    json!({"email": user.email.as_str(), "backend": user.backend()})
}
