//! One entry of the table of routes.

use crate::endpoints::Family;

/// The method of a [`Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method in upper case, as it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
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
    /// The path. Its one parameter, if it has any, is the segment `{id}`.
    pub path: String,
    /// A name that no other route has and that stays the same if the paths change: the label for logs and metrics, and the
    /// `operationId` of the OpenAPI document.
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

/// The operation of a [`Route`].
#[derive(Clone, Debug)]
pub struct Operation(pub(crate) Family);
