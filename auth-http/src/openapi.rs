//! The OpenAPI document.

mod answers;
mod cross_site;
mod profile_shape;
mod schemas;
mod security;
mod service;

use auth_core::{Profile, UserId};
use utoipa::{
    ToSchema,
    openapi::{
        Components, HttpMethod, Info, OpenApi, Paths, Server, path::OperationBuilder, tag::TagBuilder,
    },
};

pub(crate) use self::{
    answers::{Answers, Refused},
    cross_site::{CROSS_SITE, CrossSite},
    schemas::{
        LOGIN_FORM, REFRESH_FORM, USER_CREATE, USER_UPDATE, email, id as id_schema, password, reference,
        roles,
    },
    security::{refresh_requirement, requirement},
    service::{Service, json, object, operation, token},
};
use crate::{
    AuthBackend, Endpoints, Method, Route,
    endpoints::{CredentialRoute, Family},
};

impl<Id: UserId, P: Profile + ToSchema> Endpoints<Id, P> {
    /// The OpenAPI 3.1 document of [`routes`](Self::routes). It has every status of each route, and a security scheme
    /// for each backend, with the backend's name. The profile's fields are top-level fields of the users' schemas, so
    /// the profile must derive `utoipa::ToSchema` of utoipa 6.
    ///
    /// Its URLs follow the [public URL](crate::EndpointsBuilder::public_url). Without one it names no server, and the
    /// URL of a log-in is relative to the server's. If you serve it, add the server. It is then right wherever the
    /// routes are mounted.
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        let mut components = Components::new();
        let service = Service::new(self);
        components
            .schemas
            .extend(schemas::all::<Id, P>(&service.new_password));
        if service.has_bearer_refresh {
            components.schemas.extend(schemas::of_refresh());
        }
        let mut paths = Paths::new();
        for route in self.routes() {
            if let Some(backend) = self.logged_in_by(&route) {
                for (name, scheme) in security::schemes(backend, &route.path, self.public_url()) {
                    components.add_security_scheme(name, scheme);
                }
            }
            let operation = self.describe(&service, &route).operation_id(Some(route.name));
            paths.add_path_operation(route.path, vec![method(route.method)], operation.build());
        }
        let info = Info::new("Users and authentication", env!("CARGO_PKG_VERSION"));
        let mut document = OpenApi::new(info, paths);
        document.components = Some(components);
        document.servers = self.public_url().map(|public| vec![Server::new(public.as_str())]);
        let tag = |name, about| TagBuilder::new().name(name).description(Some(about)).build();
        document.tags = Some(vec![
            tag(
                "auth",
                "Log-in, refresh, log-out, registration, verification and reset, and where one is logged in",
            ),
            tag("users", "The users' own data, and everybody's for superusers"),
        ]);
        document
    }

    /// The backend, if the route is a log-in.
    fn logged_in_by(&self, route: &Route) -> Option<&AuthBackend<Id>> {
        match &route.operation.0 {
            Family::Credential(CredentialRoute::LogIn(name)) => self.authenticator().backend(name),
            Family::Credential(_)
            | Family::Account(_)
            | Family::Users(_)
            | Family::Roles(_)
            | Family::LogIns(_) => None,
        }
    }

    fn describe(&self, service: &Service, route: &Route) -> OperationBuilder {
        match &route.operation.0 {
            Family::Credential(route) => route.describe(service, self.authenticator()),
            Family::Account(route) => route.describe(service),
            Family::Users(route) => route.describe::<Id>(service),
            Family::Roles(route) => route.describe::<Id>(service),
            Family::LogIns(route) => route.describe::<Id>(service),
        }
    }
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}
