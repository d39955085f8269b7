//! The document and a page that shows it, from the binary.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    web::{self, Bytes, Payload, ServiceConfig},
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use crate::body::unread;

/// An OpenAPI document, and interactive docs that show it: Swagger UI. It is cheap to clone: one for each worker.
#[derive(Clone, Debug)]
pub struct Docs {
    document: Bytes,
}

const DOCUMENT: &str = "/openapi.json";
const SCRIPT: &str = "swagger-initializer.js";

/// The files of Swagger UI that the page asks for.
const FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Swagger UI styles its elements in place and holds its pictures in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Docs {
    /// Docs that show `document`, which is written out once.
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        let document = document
            .to_json()
            .unwrap_or_else(|error| unreachable!("a document has strings for keys: {error}"));
        Self {
            document: document.into(),
        }
    }

    /// Serves the page at `path`, with or without a slash at its end, and the document at `/openapi.json`, for
    /// `App::configure` or that of a scope, below which both then are. Of a scope that holds the routes, too, the
    /// document has to be told: by a [`Server`](utoipa::openapi::Server) whose address is the scope's path.
    ///
    /// Nothing is fetched from another host: a Content Security Policy forbids it, and the page can call the service
    /// that it comes from, and no other. A token that was put in lives as long as the page and is not kept.
    ///
    /// ```no_run
    /// # use actix_web::{App, HttpServer};
    /// # use portcullis::actix::{Auth, Docs};
    /// # async fn serve(auth: Auth) -> std::io::Result<()> {
    /// let docs = Docs::new(&auth.openapi());
    /// HttpServer::new(move || App::new().configure(auth.routes()).configure(docs.at("/docs")))
    ///     .bind(("127.0.0.1", 8080))?
    ///     .run()
    ///     .await
    /// # }
    /// ```
    pub fn at(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let document = self.document.clone();
        let path = match path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        move |config| {
            serve(config, DOCUMENT, move |_request| {
                HttpResponse::Ok()
                    .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .insert_header((CACHE_CONTROL, "no-cache"))
                    .content_type("application/json")
                    .body(document.clone())
            });
            for at in [path.clone(), format!("{path}/")] {
                let (own, path) = (at.clone(), path.clone());
                serve(config, &at, move |request| {
                    answer("text/html; charset=utf-8", page(&outside(request, &own), &path))
                });
            }
            let at = format!("{path}/{SCRIPT}");
            let own = at.clone();
            serve(config, &at, move |request| {
                answer("text/javascript; charset=utf-8", script(&outside(request, &own)))
            });
            for name in FILES {
                if let Some((content_type, body)) = file(name) {
                    serve(config, &format!("{path}/{name}"), move |_request| {
                        answer(&content_type, body.clone())
                    });
                }
            }
        }
    }
}

fn serve(
    config: &mut ServiceConfig,
    path: &str,
    respond: impl Fn(&HttpRequest) -> HttpResponse + Clone + 'static,
) {
    let reading = guard::Any(guard::Get()).or(guard::Head());
    let handler = move |request: HttpRequest, body: Payload| {
        let response = unread(respond(&request), body.into_inner());
        async move { response }
    };
    config.route(path, web::route().guard(reading).to(handler));
}

fn answer(content_type: &str, body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(content_type)
        .body(body.into())
}

/// The path of the scope around a resource at `own`. It comes from the application, not from the request, which may
/// spell it in many ways.
fn outside(request: &HttpRequest, own: &str) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    pattern.strip_suffix(own).unwrap_or_default().to_owned()
}

/// Absolute, so that it does not matter whether the address of the page ends with a slash.
fn page(scope: &str, path: &str) -> String {
    let at = format!("{scope}{path}");
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API docs</title>
<link rel="stylesheet" href="{at}/swagger-ui.css">
<link rel="icon" type="image/png" href="{at}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{at}/swagger-ui-bundle.js"></script>
<script src="{at}/{SCRIPT}"></script>
</body>
</html>
"#
    )
}

fn script(scope: &str) -> String {
    // By default the page would have the document checked by a host of its maker's.
    let settings = json!({
        "dom_id": "#swagger-ui",
        "url": format!("{scope}{DOCUMENT}"),
        "deepLinking": true,
        "persistAuthorization": false,
        "validatorUrl": null,
    });
    format!("SwaggerUIBundle({settings});\n")
}

fn file(name: &str) -> Option<(String, Bytes)> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok()??;
    let body = match file.bytes {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    Some((file.content_type, body))
}
