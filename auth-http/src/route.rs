//! The entries of the table of routes.

use crate::{HttpError, Response, endpoints::Family};

/// The method of a [`Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method in upper case, as in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A route of the HTTP contract, for a binding to mount: see [`Endpoints::routes`](crate::Endpoints::routes).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path. Its parameters, if it has any, are the segments `{id}` and `{sid}`.
    pub path: String,
    /// A unique name, which stays the same if the paths change: the label for logs and metrics, and the `operationId`
    /// of the OpenAPI document.
    pub name: String,
    /// The operation that [`Endpoints::call`](crate::Endpoints::call) runs.
    pub operation: Operation,
}

impl Route {
    pub(crate) fn new(
        method: Method,
        path: String,
        name: impl Into<String>,
        family: impl Into<Family>,
    ) -> Self {
        Self {
            method,
            path,
            name: name.into(),
            operation: Operation(family.into()),
        }
    }
}

/// A path with all of its routes, for a binding to mount: see [`Endpoints::paths`](crate::Endpoints::paths).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PathRoutes {
    /// The path. Its parameters, if it has any, are the segments `{id}` and `{sid}`.
    pub path: String,
    /// One route for each method that the path has.
    pub routes: Vec<Route>,
}

impl PathRoutes {
    /// `routes`, grouped by their paths.
    pub(crate) fn grouped(routes: Vec<Route>) -> Vec<Self> {
        let mut paths: Vec<Self> = Vec::new();
        for route in routes {
            match paths.iter_mut().find(|known| known.path == route.path) {
                Some(known) => known.routes.push(route),
                None => paths.push(Self {
                    path: route.path.clone(),
                    routes: vec![route],
                }),
            }
        }
        paths
    }

    /// The answer to any other method: a 405, with the methods of the path in `Allow`.
    #[must_use]
    pub fn refusal(&self) -> Response {
        let methods: Vec<_> = self.routes.iter().map(|route| route.method.as_str()).collect();
        HttpError::MethodNotAllowed
            .into_response()
            .header("allow", methods.join(", "))
    }
}

/// The operation of a [`Route`].
#[derive(Clone, Debug)]
pub struct Operation(pub(crate) Family);

impl Operation {
    /// True if the route is for users, and asks for one. False for those to register, log in and out and so on, which
    /// judge each request by themselves.
    #[must_use]
    pub fn asks_for_user(&self) -> bool {
        match self.0 {
            Family::Credential(_) | Family::Account(_) => false,
            Family::Users(_) | Family::Roles(_) | Family::LogIns(_) => true,
        }
    }
}
