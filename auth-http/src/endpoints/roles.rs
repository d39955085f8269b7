//! The routes for the roles of a user.

use auth_core::{MAX_ROLES, Profile, RoleName, Roles, User, UserId};
use auth_users::EventKind;
use serde_json::Value;

use super::{Asked, Endpoints, Family, Mount, users::ID};
use crate::{FieldError, HttpError, Method, RequestHead, Response, Route, body::JsonBody};

/// The routes of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RolesRoute {
    RolesOf,
    SetRolesOf,
}

impl From<RolesRoute> for Family {
    fn from(route: RolesRoute) -> Self {
        Self::Roles(route)
    }
}

/// The routes. A service that defines no roles has none.
pub(super) fn routes(mount: &Mount, roles: &Roles) -> impl Iterator<Item = Route> {
    use RolesRoute::{RolesOf, SetRolesOf};
    let path = format!("{}{ID}/roles", mount.users_path);
    let is_mounted = mount.users && !roles.is_empty();
    [
        (Method::Get, "users:roles", RolesOf),
        (Method::Put, "users:set_roles", SetRolesOf),
    ]
    .into_iter()
    .filter(move |_| is_mounted)
    .map(move |(method, name, route)| Route::new(method, path.clone(), name, route))
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    pub(super) async fn call_roles(
        &self,
        route: RolesRoute,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<Response, HttpError> {
        match route {
            RolesRoute::RolesOf => {
                self.require_superuser(asked).await?;
                Ok(ok(&self.user_of(asked.id).await?))
            }
            RolesRoute::SetRolesOf => {
                let body = JsonBody::parse(asked.content_type(), asked.body)?;
                let current = self.require_superuser_in_person(asked).await?;
                let refused = |why| EventKind::UpdateRefused { why };
                let user = self.user_to(asked.id, &current, refused).await?;
                let names = names_in(body.into_list()?, self.users.roles())?;
                let users = self.users_for(Some(&current), asked.head);
                let user = users.set_roles(user, &names).await?;
                Ok(ok(&user))
            }
        }
    }
}

/// The names of defined roles in a body.
///
/// # Errors
/// [`HttpError::Unprocessable`] with an error of each item that is none.
fn names_in(items: Vec<Value>, roles: &Roles) -> Result<Vec<String>, HttpError> {
    if items.len() > MAX_ROLES {
        return Err(HttpError::Unprocessable(vec![FieldError::too_many_roles()]));
    }
    let (mut names, mut errors) = (Vec::new(), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Value::String(name) if roles.defines(&name) => names.push(name),
            Value::String(_) => errors.push(FieldError::undefined_role(index)),
            _ => errors.push(FieldError::of_item(
                "string_type",
                index,
                "Input should be a valid string",
            )),
        }
    }
    if errors.is_empty() {
        Ok(names)
    } else {
        Err(HttpError::Unprocessable(errors))
    }
}

fn ok<Id, P>(user: &User<Id, P>) -> Response {
    let names: Vec<_> = user.roles.iter().map(RoleName::as_str).collect();
    Response::json(200, &names)
}

#[cfg(feature = "openapi")]
mod description {
    use auth_core::UserId;
    use utoipa::openapi::path::OperationBuilder;

    use super::RolesRoute;
    use crate::openapi::{Answers, Service, json, roles};

    impl RolesRoute {
        pub(crate) fn describe<Id: UserId>(self, service: &Service) -> OperationBuilder {
            match self {
                Self::RolesOf => {
                    let answers = Answers::roles().forbidden(service.no_superuser());
                    service.of_one_user::<Id>("The roles of a user", answers)
                }
                Self::SetRolesOf => {
                    let answers = Answers::roles()
                        .forbidden(service.no_superuser().chain(service.cross_site.reasons()))
                        .invalid_item();
                    let operation = service.of_one_user::<Id>("Replace the roles of a user", answers);
                    service
                        .cross_site
                        .confirmed(operation)
                        .request_body(Some(json(roles(&service.roles))))
                }
            }
        }
    }
}
