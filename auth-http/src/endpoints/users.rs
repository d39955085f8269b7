//! The routes for users' own data, and for the data of all users by superusers.

use auth_core::{Email, Profile, User, UserId, user_id_from_text};
use auth_users::{EventKind, Identified, ProtectedFields, UserUpdate, merge_profile};

use super::{Asked, Endpoints, FLAGS, Family, Mount};
use crate::{
    AuthBackend, Authenticated, HttpError, InPerson, Method, RequestHead, Response, Route, Superuser,
    UserBody,
    admission::NotLoggedIn,
    body::{Fields, JsonBody},
};

/// The segment of a user's id.
pub(super) const ID: &str = "/{id}";

/// The routes of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UsersRoute {
    Me,
    UpdateMe,
    User,
    UpdateUser,
    DeleteUser,
}

impl From<UsersRoute> for Family {
    fn from(route: UsersRoute) -> Self {
        Self::Users(route)
    }
}

pub(super) fn routes(mount: &Mount) -> impl Iterator<Item = Route> {
    use UsersRoute::{DeleteUser, Me, UpdateMe, UpdateUser, User};
    [
        (Method::Get, "/me", "users:current_user", Me),
        (Method::Patch, "/me", "users:patch_current_user", UpdateMe),
        (Method::Get, ID, "users:user", User),
        (Method::Patch, ID, "users:patch_user", UpdateUser),
        (Method::Delete, ID, "users:delete_user", DeleteUser),
    ]
    .into_iter()
    .filter(|_| mount.users)
    .map(|(method, path, name, route)| Route::new(method, format!("{}{path}", mount.users_path), name, route))
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    pub(super) async fn call_users(
        &self,
        route: UsersRoute,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<Response, HttpError> {
        match route {
            UsersRoute::Me => {
                let found = self.require(asked, &self.base_requirement()).await?;
                Ok(ok(&found.user))
            }
            UsersRoute::UpdateMe => self.update_me(asked).await,
            UsersRoute::User => {
                self.require_superuser(asked).await?;
                Ok(ok(&self.user_of(asked.id).await?))
            }
            UsersRoute::UpdateUser => self.update_user(asked).await,
            UsersRoute::DeleteUser => {
                let current = self.require_superuser_in_person(asked).await?;
                let refused = |why| EventKind::DeletionRefused { why };
                let user = self.user_to(asked.id, &current, refused).await?;
                self.users_for(Some(&current), asked.head).delete(&user).await?;
                Ok(Response::empty(204))
            }
        }
    }

    async fn update_me(&self, asked: &Asked<'_, impl RequestHead, Id, P>) -> Result<Response, HttpError> {
        let body = JsonBody::parse(asked.content_type(), asked.body)?;
        // A user who mistyped a new e-mail is unverified, and must be able to correct it.
        let requirement = self.base_requirement().filter(|_| !body.has_only("email"));
        let found = self.require(asked, &requirement).await?;
        let mut fields = body.into_fields()?;
        for flag in FLAGS {
            fields.ignored_flag(flag);
        }
        fields.ignore(&self.protected);
        let update = self.update_of(&found.user, UserUpdate::default(), fields, &self.protected)?;
        // The answer to a correction that corrects nothing would be that of `GET`, which they may not read. Another spelling can
        // be another mailbox, although it is the same user's.
        let is_other = |email: &Email| !email.is_same_but_for_ascii_case(&found.user.email);
        let changes_email = update.email.as_ref().is_some_and(is_other);
        let found = if changes_email {
            found
        } else {
            found.meeting(&self.base_requirement())?
        };
        // These give control of the account.
        let found = if changes_email || update.password.is_some() {
            found.meeting(&InPerson)?
        } else {
            found
        };
        let next = if self.keeps_log_in && update.password.is_some() {
            let next = self.next_log_in(&found, asked).await;
            Some(next.map_err(|error| {
                let error = NotLoggedIn::from(error);
                self.record(
                    EventKind::UpdateRefused { why: error.why() },
                    &found.user.id,
                    &found,
                );
                HttpError::from(error)
            })?)
        } else {
            None
        };
        let users = self.users_for(Some(&found), asked.head);
        let updated = users.update_own(found.user.clone(), &update).await;
        let user = updated.map_err(|error| match error.into() {
            // Deleted since the credential was read.
            HttpError::NotFound => self.authenticator.unauthorized(asked.head, &asked.accepted),
            error => error,
        })?;
        let mut response = ok(&user);
        if let Some((backend, next)) = next {
            let log_in = self.log_in_again(backend, next, user, asked.head).await;
            response.headers.extend(log_in);
        }
        Ok(response)
    }

    /// The backend and the proof by which the user logs in again after a change of the password.
    ///
    /// # Errors
    /// [`HttpError::Unauthorized`] if the present log-in has ended, [`HttpError::Unavailable`] if the store does not answer.
    async fn next_log_in(
        &self,
        found: &Authenticated<Id, P>,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<(&AuthBackend<Id>, Identified<Id, P>), HttpError> {
        let backend = self.authenticator.backend(&found.backend);
        let backend = backend.ok_or(HttpError::NotFound)?;
        let next = self.in_place_of(backend, found).await?;
        let next = next.ok_or_else(|| self.authenticator.unauthorized(asked.head, &asked.accepted))?;
        Ok((backend, next))
    }

    /// The headers with the log-in `next` of `user`, whose password was changed by this request. None if it fails, because the
    /// password has changed all the same.
    async fn log_in_again(
        &self,
        backend: &AuthBackend<Id>,
        next: Identified<Id, P>,
        user: User<Id, P>,
        head: &impl RequestHead,
    ) -> Vec<(&'static str, String)> {
        let id = user.id.clone();
        match self.attached(backend, next, user, head).await {
            Ok(headers) => headers,
            Err(error) => {
                tracing::warn!(
                    target: "portcullis::http", user = ?id, backend = backend.name(), ?error,
                    "no new log-in after a change of the password: the client is logged out"
                );
                Vec::new()
            }
        }
    }

    async fn update_user(&self, asked: &Asked<'_, impl RequestHead, Id, P>) -> Result<Response, HttpError> {
        let body = JsonBody::parse(asked.content_type(), asked.body)?;
        let current = self.require_superuser_in_person(asked).await?;
        let refused = |why| EventKind::UpdateRefused { why };
        let user = self.user_to(asked.id, &current, refused).await?;
        let mut fields = body.into_fields()?;
        let mut flags = UserUpdate::default();
        [flags.is_active, flags.is_superuser, flags.is_verified] = FLAGS.map(|flag| fields.flag(flag));
        let update = self.update_of(&user, flags, fields, &ProtectedFields::default())?;
        let users = self.users_for(Some(&current), asked.head);
        let user = users.update(user, &update).await?;
        Ok(ok(&user))
    }

    pub(super) async fn require_superuser(
        &self,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        self.require(asked, &(Superuser, self.base_requirement())).await
    }

    /// For what changes a user: whoever acts as a superuser could make the account their own, or act in that one's name.
    pub(super) async fn require_superuser_in_person(
        &self,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        let found = self.require_superuser(asked).await?;
        found.meeting(&InPerson)
    }

    /// `update` of `user`, which has the flags, with the other `fields`.
    fn update_of(
        &self,
        user: &User<Id, P>,
        mut update: UserUpdate,
        mut fields: Fields,
        protected: &ProtectedFields,
    ) -> Result<UserUpdate, HttpError> {
        update.email = fields.optional_email(self.users.closed_networks());
        update.password = fields.optional_password();
        update.profile = fields.take_rest();
        let merged = merge_profile(&user.profile, &update.profile)
            .and_then(|merged| protected.check(&user.profile, &merged).map(|()| merged));
        let merged = fields.profile(merged);
        fields.finish(merged)?;
        Ok(update)
    }

    /// The user of the id in the path.
    pub(super) async fn user_of(&self, id: &str) -> Result<User<Id, P>, HttpError> {
        let id = user_id_from_text(id).ok_or(HttpError::NotFound)?;
        self.users.find(&id).await?.ok_or(HttpError::NotFound)
    }

    /// The same as stored now, for a change by `current` that is told as `refused` if the store does not answer. A change must
    /// not be judged by what a cache remembers.
    pub(super) async fn user_to(
        &self,
        id: &str,
        current: &Authenticated<Id, P>,
        refused: impl FnOnce(&'static str) -> EventKind,
    ) -> Result<User<Id, P>, HttpError> {
        let id = user_id_from_text(id).ok_or(HttpError::NotFound)?;
        match self.users.store().find_latest(&id).await {
            Ok(found) => found.ok_or(HttpError::NotFound),
            Err(error) => {
                self.record(refused("unavailable"), &id, current);
                Err(error.into())
            }
        }
    }
}

fn ok<Id: UserId, P: Profile>(user: &User<Id, P>) -> Response {
    Response::json(200, &UserBody::from(user))
}

#[cfg(feature = "openapi")]
mod description {
    use auth_core::UserId;
    use utoipa::openapi::path::OperationBuilder;

    use super::UsersRoute;
    use crate::{
        ErrorCode,
        openapi::{Answers, Refused, Service, USER_UPDATE, json, reference},
    };

    impl UsersRoute {
        pub(crate) fn describe<Id: UserId>(self, service: &Service) -> OperationBuilder {
            match self {
                Self::Me => me(service),
                Self::UpdateMe => update_me(service),
                Self::User => user::<Id>(service),
                Self::UpdateUser => update_user::<Id>(service),
                Self::DeleteUser => delete_user::<Id>(service),
            }
        }
    }

    fn me(service: &Service) -> OperationBuilder {
        let answers = Answers::user(200)
            .unauthorized(service.has_bearer, service.has_cookie)
            .forbidden(service.unverified());
        service.of_users("The current user", answers)
    }

    fn update_me(service: &Service) -> OperationBuilder {
        let answers = if service.keeps_log_in {
            Answers::user_and_log_in(service.has_bearer, service.has_bearer_refresh, service.has_cookie)
        } else {
            Answers::user(200)
        };
        let answers = updated(service, answers)
            .forbidden(service.unverified().chain(service.cross_site.reasons()))
            .not_found("The user was deleted meanwhile.");
        let operation = service.of_users("Change the current user", answers);
        service
            .cross_site
            .confirmed(operation)
            .request_body(Some(json(reference(USER_UPDATE))))
    }

    fn user<Id: UserId>(service: &Service) -> OperationBuilder {
        let answers = Answers::user(200).forbidden(service.no_superuser());
        service.of_one_user::<Id>("A user", answers)
    }

    fn update_user<Id: UserId>(service: &Service) -> OperationBuilder {
        let answers = updated(service, Answers::user(200))
            .forbidden(service.no_superuser().chain(service.cross_site.reasons()));
        let operation = service.of_one_user::<Id>("Change a user", answers);
        service
            .cross_site
            .confirmed(operation)
            .request_body(Some(json(reference(USER_UPDATE))))
    }

    fn delete_user<Id: UserId>(service: &Service) -> OperationBuilder {
        let answers = Answers::empty("The user and every log-in of theirs are gone.").forbidden(
            service
                .no_superuser()
                .chain(service.cross_site.reasons())
                .chain(service.veto()),
        );
        let operation = service.of_one_user::<Id>("Delete a user", answers);
        service.cross_site.confirmed(operation)
    }

    fn updated(service: &Service, answers: Answers) -> Answers {
        answers
            .refused(&service.with_profile(
                &[
                    Refused::Password(ErrorCode::UpdateUserInvalidPassword),
                    Refused::Code(ErrorCode::UpdateUserEmailAlreadyExists),
                ],
                ErrorCode::UpdateUserProfileAlreadyExists,
            ))
            .unauthorized(service.has_bearer, service.has_cookie)
            .invalid("email")
    }
}
