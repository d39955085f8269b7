//! Every route of the contract.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Call, Kind, NEW_PASSWORD, Service};

/// A route that reads JSON, and a body that it takes.
pub(crate) struct JsonRoute {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl JsonRoute {
    pub(crate) fn call(&self, service: &Service) -> Call {
        service.call(self.method.clone(), &self.path)
    }
}

/// The routes that read JSON; `id` is somebody's.
pub(crate) fn json_routes(id: Uuid) -> Vec<JsonRoute> {
    let route = |method, path: &str, body| JsonRoute {
        method,
        path: path.to_owned(),
        body,
    };
    let email = "mordred@camelot.example";
    vec![
        route(
            Method::POST,
            "/auth/register",
            json!({"email": email, "password": NEW_PASSWORD}),
        ),
        route(
            Method::POST,
            "/auth/request-verify-token",
            json!({ "email": email }),
        ),
        route(Method::POST, "/auth/verify", json!({"token": "nonsense"})),
        route(Method::POST, "/auth/forgot-password", json!({ "email": email })),
        route(
            Method::POST,
            "/auth/reset-password",
            json!({"token": "nonsense", "password": NEW_PASSWORD}),
        ),
        route(Method::PATCH, "/users/me", json!({"email": email})),
        route(Method::PATCH, &format!("/users/{id}"), json!({"email": email})),
    ]
}

/// Every route for an unsafe method that a cookie of `kind` has a say in.
pub(crate) fn unsafe_routes(kind: Kind, id: Uuid) -> Vec<(Method, String)> {
    let mut routes = vec![
        (Method::POST, kind.login()),
        (Method::POST, kind.logout()),
        (Method::POST, "/auth/register".to_owned()),
        (Method::PATCH, "/users/me".to_owned()),
        (Method::PATCH, format!("/users/{id}")),
        (Method::DELETE, format!("/users/{id}")),
        (Method::PUT, format!("/users/{id}/roles")),
        (Method::POST, "/auth/logout-everywhere".to_owned()),
        (Method::POST, "/required/active".to_owned()),
        (Method::PUT, "/optional/active".to_owned()),
        (Method::PATCH, "/guarded/active/required/active".to_owned()),
        (Method::DELETE, format!("/only/{}/required/active", kind.name())),
    ];
    // Without a store, there is no list.
    if kind.is_revocable() {
        routes.extend([
            (Method::DELETE, "/auth/sessions".to_owned()),
            (Method::DELETE, format!("/auth/sessions/{id}")),
            (Method::DELETE, format!("/users/{id}/sessions")),
            (Method::DELETE, format!("/users/{id}/sessions/{id}")),
        ]);
    }
    routes
}
