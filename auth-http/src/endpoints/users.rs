//! The users' own data, and everybody's for superusers.

use auth_core::{Profile, User, UserId, user_id_from_text};
use auth_users::{ProtectedFields, UserUpdate, merge_profile};

use super::{Endpoints, FLAGS, Request, answer};
use crate::{
    Enabled, HttpError, RequestHead, Requirement, Response, UserBody,
    body::{Fields, JsonBody},
};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// `GET /me`.
    pub async fn me(&self, request: Request<'_, impl RequestHead>, enabled: &Enabled) -> Response {
        answer(async {
            let found = self
                .authenticator
                .require(request.head, enabled, self.base_requirement())
                .await?;
            Ok(ok(&found.user))
        })
        .await
    }

    /// `PATCH /me`.
    pub async fn update_me(&self, request: Request<'_, impl RequestHead>, enabled: &Enabled) -> Response {
        answer(self.judge_update_me(request, enabled)).await
    }

    /// `GET /{id}`.
    pub async fn user(
        &self,
        id: &str,
        request: Request<'_, impl RequestHead>,
        enabled: &Enabled,
    ) -> Response {
        answer(async {
            self.require_superuser(request.head, enabled).await?;
            Ok(ok(&self.user_of(id).await?))
        })
        .await
    }

    /// `PATCH /{id}`.
    pub async fn update_user(
        &self,
        id: &str,
        request: Request<'_, impl RequestHead>,
        enabled: &Enabled,
    ) -> Response {
        answer(self.judge_update_user(id, request, enabled)).await
    }

    /// `DELETE /{id}`.
    pub async fn delete_user(
        &self,
        id: &str,
        request: Request<'_, impl RequestHead>,
        enabled: &Enabled,
    ) -> Response {
        answer(async {
            self.require_superuser(request.head, enabled).await?;
            let user = self.user_of(id).await?;
            self.users.delete(&user).await?;
            Ok(Response::empty(204))
        })
        .await
    }

    async fn judge_update_me(
        &self,
        request: Request<'_, impl RequestHead>,
        enabled: &Enabled,
    ) -> Result<Response, HttpError> {
        let body = JsonBody::parse(request.content_type(), request.body)?;
        let found = self
            .authenticator
            .require(request.head, enabled, self.base_requirement())
            .await?;
        let mut fields = body.into_fields()?;
        for flag in FLAGS {
            fields.ignored_flag(flag);
        }
        fields.ignore(&self.protected);
        let updated = self
            .update(found.user, UserUpdate::default(), fields, &self.protected)
            .await;
        updated.map_err(|error| match error {
            // Deleted since the credential was read, which is nobody's now.
            HttpError::NotFound => self.authenticator.unauthorized(request.head, enabled),
            error => error,
        })
    }

    async fn judge_update_user(
        &self,
        id: &str,
        request: Request<'_, impl RequestHead>,
        enabled: &Enabled,
    ) -> Result<Response, HttpError> {
        let body = JsonBody::parse(request.content_type(), request.body)?;
        self.require_superuser(request.head, enabled).await?;
        let user = self.user_of(id).await?;
        let mut fields = body.into_fields()?;
        let [is_active, is_superuser, is_verified] = FLAGS.map(|flag| fields.flag(flag));
        self.update(
            user,
            UserUpdate {
                is_active,
                is_superuser,
                is_verified,
                ..UserUpdate::default()
            },
            fields,
            &ProtectedFields::default(),
        )
        .await
    }

    async fn update(
        &self,
        user: User<Id, P>,
        mut update: UserUpdate,
        mut fields: Fields,
        protected: &ProtectedFields,
    ) -> Result<Response, HttpError> {
        update.email = fields.optional_email();
        update.password = fields.optional_password();
        update.profile = fields.take_rest();
        let merged = merge_profile(&user.profile, &update.profile)
            .and_then(|merged| protected.check(&user.profile, &merged).map(|()| merged));
        let merged = fields.profile(merged);
        fields.finish(merged)?;
        let user = self.users.update(user, &update).await?;
        Ok(ok(&user))
    }

    async fn require_superuser(&self, head: &impl RequestHead, enabled: &Enabled) -> Result<(), HttpError> {
        let requirement = Requirement {
            superuser: true,
            ..self.base_requirement()
        };
        self.authenticator
            .require(head, enabled, requirement)
            .await
            .map(|_superuser| ())
    }

    /// The user of an id in a path.
    async fn user_of(&self, id: &str) -> Result<User<Id, P>, HttpError> {
        let id = user_id_from_text(id).ok_or(HttpError::NotFound)?;
        self.users.find(&id).await?.ok_or(HttpError::NotFound)
    }
}

fn ok<Id: UserId, P: Profile>(user: &User<Id, P>) -> Response {
    Response::json(200, &UserBody::from(user))
}
