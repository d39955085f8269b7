//! The document, and the page that shows it, served from the binary.

use std::{borrow::Cow, iter, rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    web::{self, Bytes, Payload, ServiceConfig},
};
use utoipa::openapi::{
    OpenApi, RefOr, Server,
    security::{Flow, SecurityScheme},
};
use utoipa_swagger_ui::Config;

use crate::body::unread;

/// An OpenAPI document, and interactive docs that show it: Swagger UI. It is cheap to clone, so each worker can have one.
#[derive(Clone, Debug)]
pub struct Docs {
    document: Bytes,
}

const DOCUMENT: &str = "/openapi.json";
const SCRIPT: &str = "initializer.js";

/// The files of Swagger UI that the page loads.
const FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// The page loads each file by a query only. That leads back to the page wherever it is: in a scope, behind a proxy
/// that strips a prefix, with or without a slash at its end.
const PAGE: &str = include_str!("docs/page.html");

/// Swagger UI has inline styles, and images in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Docs {
    /// Docs for `document`, which is serialised once.
    ///
    /// If it names no server, its server is the place where it is served, whatever scope or proxy is in between. A
    /// relative URL of an OAuth 2 flow without a leading slash, like those of [`Auth::openapi`](crate::Auth::openapi),
    /// is below the first server.
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        let mut document = document.clone();
        match document.servers.as_deref() {
            None | Some([]) => document.servers = Some(vec![Server::new(".")]),
            Some([server, ..]) => {
                let server = server.url.trim_end_matches('/').to_owned();
                below(&server, &mut document);
            }
        }
        let document = document
            .to_json()
            .unwrap_or_else(|error| unreachable!("a document has strings for keys: {error}"));
        Self {
            document: document.into(),
        }
    }

    /// Serves the page at `path`, with or without a slash at its end, and the document at `/openapi.json`, for
    /// `App::configure` or that of a scope, below which both are then. The page finds the document wherever they are
    /// mounted, also behind a proxy that strips a prefix of the path.
    ///
    /// A Content Security Policy forbids other hosts: the page can only call the service that it comes from. If the
    /// document names another origin, for example by a [public URL](crate::AuthBuilder::public_url), open the page
    /// there. The page forgets an entered token when it is closed.
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
        let mut files: Vec<_> = FILES.into_iter().filter_map(file).collect();
        files.push(File {
            name: SCRIPT,
            content_type: "text/javascript; charset=utf-8".to_owned(),
            body: script(path.matches('/').count()).into(),
        });
        let files: Rc<[File]> = files.into();
        move |config| {
            serve(config, DOCUMENT, move |_request| {
                HttpResponse::Ok()
                    .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .insert_header((CACHE_CONTROL, "no-cache"))
                    .content_type("application/json")
                    .body(document.clone())
            });
            for at in [path.clone(), format!("{path}/")] {
                let files = Rc::clone(&files);
                serve(config, &at, move |request| {
                    let asked = files.iter().find(|file| file.name == request.query_string());
                    match asked {
                        Some(file) => answer(&file.content_type, file.body.clone()),
                        None => answer("text/html; charset=utf-8", PAGE),
                    }
                });
            }
        }
    }
}

/// Makes the relative URLs of the flows relative to the URL of a server.
fn below(server: &str, document: &mut OpenApi) {
    let schemes = document
        .components
        .iter_mut()
        .flat_map(|all| all.security_schemes.values_mut());
    for scheme in schemes {
        let RefOr::T(SecurityScheme::OAuth2(scheme)) = scheme else {
            continue;
        };
        for flow in scheme.flows.values_mut() {
            if let Flow::Password(flow) = flow {
                for url in iter::once(&mut flow.token_url).chain(&mut flow.refresh_url) {
                    if !url.starts_with('/') && !url.contains("://") {
                        *url = format!("{server}/{url}");
                    }
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

/// The script that starts the page, whose path has `depth` more segments than that of the service.
fn script(depth: usize) -> String {
    format!(
        "const DEPTH = {depth};

{}",
        include_str!("docs/initializer.js")
    )
}

struct File {
    name: &'static str,
    content_type: String,
    body: Bytes,
}

fn file(name: &'static str) -> Option<File> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok()??;
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(File {
        name,
        content_type: file.content_type,
        body,
    })
}
