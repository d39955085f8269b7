//! Registration, verification and reset.

use auth_core::{Email, Profile, UserId};
use auth_users::Registration;
use serde_json::Value;

use super::{Endpoints, FLAGS, Request, answer};
use crate::{HttpError, RequestHead, Response, UserBody, body::JsonBody};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// `POST /register`. It is checked against cross-site requests where any backend is a cookie.
    pub async fn register(&self, request: Request<'_, impl RequestHead>) -> Response {
        answer(self.judge_register(request)).await
    }

    /// `POST /request-verify-token`.
    pub async fn request_verify_token(&self, request: Request<'_, impl RequestHead>) -> Response {
        answer(async {
            let email = only_email(request)?;
            self.users.request_verify(&email).await?;
            Ok(accepted())
        })
        .await
    }

    /// `POST /verify`.
    pub async fn verify(&self, request: Request<'_, impl RequestHead>) -> Response {
        answer(self.judge_verify(request)).await
    }

    /// `POST /forgot-password`.
    pub async fn forgot_password(&self, request: Request<'_, impl RequestHead>) -> Response {
        answer(async {
            let email = only_email(request)?;
            self.users.forgot_password(&email).await?;
            Ok(accepted())
        })
        .await
    }

    /// `POST /reset-password`.
    pub async fn reset_password(&self, request: Request<'_, impl RequestHead>) -> Response {
        answer(self.judge_reset_password(request)).await
    }

    async fn judge_register(&self, request: Request<'_, impl RequestHead>) -> Result<Response, HttpError> {
        let body = JsonBody::parse(request.content_type(), request.body)?;
        if self.authenticator.has_cookie() {
            self.authenticator.refuse_cross_site(request.head)?;
        }
        let mut fields = body.into_fields()?;
        let email = fields.email();
        let password = fields.password();
        for flag in FLAGS {
            fields.ignored_flag(flag);
        }
        fields.ignore(&self.protected);
        let rest = fields.take_rest();
        let profile = fields.profile(self.protected.new_profile::<P>(rest));
        let ((email, password), profile) = fields.finish(email.zip(password).zip(profile))?;
        let user = self
            .users
            .create(Registration::new(email, password, profile))
            .await?;
        Ok(Response::json(201, &UserBody::from(&user)))
    }

    async fn judge_verify(&self, request: Request<'_, impl RequestHead>) -> Result<Response, HttpError> {
        let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
        let token = fields.string("token");
        let token = fields.finish(token)?;
        let user = self.users.verify(&token).await?;
        Ok(Response::json(200, &UserBody::from(&user)))
    }

    async fn judge_reset_password(
        &self,
        request: Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
        let token = fields.string("token");
        let password = fields.password();
        let (token, password) = fields.finish(token.zip(password))?;
        self.users.reset_password(&token, &password).await?;
        Ok(Response::json(200, &Value::Null))
    }
}

fn only_email(request: Request<'_, impl RequestHead>) -> Result<Email, HttpError> {
    let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
    let email = fields.email();
    fields.finish(email)
}

/// The same answer whatever the e-mail.
fn accepted() -> Response {
    Response::json(202, &Value::Null)
}
