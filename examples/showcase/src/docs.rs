//! The interactive docs, with the service's own routes.

use portcullis::actix::{Auth, Docs};
use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, OpenApi, Response, ResponseBuilder,
    path::{Operation, OperationBuilder},
    security::SecurityRequirement,
    tag::TagBuilder,
};

use crate::{articles, protected::Protected};

/// The docs of everything that is mounted.
pub(crate) fn new(auth: &Auth, protected: &Protected) -> Docs {
    let mut document = auth.openapi();
    document.info.title = "Showcase".to_owned();
    for (path, backends) in protected.paths() {
        let summary = match &*backends {
            [backend] => format!("The user of `{backend}` alone"),
            _ => "The user of any backend".to_owned(),
        };
        add(&mut document, &path, for_users(&summary, backends));
    }
    let every = protected
        .paths()
        .next()
        .map(|(_, backends)| backends)
        .unwrap_or_default();
    let articles = for_users("What an editor sees", every).response(
        "403",
        refusal("Forbidden", "No role of the user grants `articles:publish`."),
    );
    add(&mut document, articles::PATH, articles);
    let live = operation("health", "Whether the process runs");
    add(
        &mut document,
        "/live",
        live.response("200", answer("It does.", &json!({ "status": "live" }))),
    );
    let ready = operation("health", "Whether the stores answer")
        .response("200", answer("They do.", &json!({ "status": "ready" })))
        .response("503", unavailable());
    add(&mut document, "/ready", ready);
    let tag = |name: &str, about: &str| TagBuilder::new().name(name).description(Some(about)).build();
    document.tags.get_or_insert_default().extend([
        tag("protected", "What only a user sees"),
        tag("health", "For whoever runs the service"),
    ]);
    Docs::new(&document)
}

fn operation(tag: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new().tag(tag).summary(Some(summary))
}

/// A route for users of the `backends`.
fn for_users(summary: &str, backends: Vec<&str>) -> OperationBuilder {
    let securities = backends
        .into_iter()
        .map(|backend| SecurityRequirement::new(backend, [] as [&str; 0]));
    operation("protected", summary)
        .response(
            "200",
            answer(
                "The user's e-mail.",
                &json!({ "email": "arthur@camelot.example" }),
            ),
        )
        .response(
            "401",
            refusal("Unauthorized", "No valid credential of an active user."),
        )
        .response("503", unavailable())
        .securities(Some(securities))
}

fn add(document: &mut OpenApi, path: &str, operation: OperationBuilder) {
    let id = path.trim_start_matches('/').replace('/', "_");
    let operation: Operation = operation.operation_id(Some(id)).build();
    document
        .paths
        .add_path_operation(path, vec![HttpMethod::Get], operation);
}

fn answer(about: &str, example: &serde_json::Value) -> Response {
    let content = ContentBuilder::new().example(Some(example.clone())).build();
    ResponseBuilder::new()
        .description(about)
        .content("application/json", content)
        .build()
}

fn refusal(detail: &str, about: &str) -> Response {
    answer(about, &json!({ "detail": detail }))
}

fn unavailable() -> Response {
    refusal("Service Unavailable", "A store did not answer.")
}
