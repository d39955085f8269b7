//! The document as whoever reads it sees it: its JSON.

use std::collections::BTreeSet;

use auth_core::Profile;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub(crate) struct Description(pub(crate) Value);

/// A method in lower case and a path with its parameters in braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
}

impl Route {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_lowercase(),
            path: path.to_owned(),
        }
    }
}

impl Description {
    pub(crate) fn new<Id: auth_core::UserId, P: Profile + ToSchema>(auth: &auth_actix::Auth<Id, P>) -> Self {
        Self(serde_json::to_value(auth.openapi()).expect("json"))
    }

    pub(crate) fn routes(&self) -> BTreeSet<Route> {
        let paths = self.0["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("path item");
            item.keys().map(|method| Route::new(method, path))
        });
        operations.collect()
    }

    /// The operation that answers `method path`: a path without parameters goes before one with.
    pub(crate) fn route(&self, method: &str, path: &str) -> Option<Route> {
        let matching = self
            .routes()
            .into_iter()
            .filter(|route| route.method == method.to_lowercase() && matches(&route.path, path));
        matching.min_by_key(|route| route.path.contains('{'))
    }

    pub(crate) fn operation(&self, route: &Route) -> &Value {
        &self.0["paths"][&route.path][&route.method]
    }

    pub(crate) fn responses(&self, route: &Route) -> &Map<String, Value> {
        self.operation(route)["responses"].as_object().expect("responses")
    }

    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }
}

/// `path` with an id of nobody in place of each parameter.
pub(crate) fn with_ids(path: &str) -> String {
    let nobody = "00000000-0000-4000-8000-000000000000";
    path.replace("{id}", nobody).replace("{sid}", nobody)
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(expected, given)| expected.starts_with('{') || expected == given)
}
