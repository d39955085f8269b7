//! Registration, verification and reset.

use auth_core::{ClosedNetworks, Email, Profile, UserId};
use auth_users::Registration;
use serde_json::Value;

use super::{Endpoints, FLAGS, Family, Mount, Request};
use crate::{HttpError, Method, RequestHead, Response, Route, UserBody, body::JsonBody};

/// The routes of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AccountRoute {
    Register,
    RequestVerifyToken,
    Verify,
    ForgotPassword,
    ResetPassword,
}

impl From<AccountRoute> for Family {
    fn from(route: AccountRoute) -> Self {
        Self::Account(route)
    }
}

pub(super) fn routes(mount: &Mount) -> impl Iterator<Item = Route> {
    use AccountRoute::{ForgotPassword, Register, RequestVerifyToken, ResetPassword, Verify};
    [
        (mount.register, "/register", "register:register", Register),
        (
            mount.verify,
            "/request-verify-token",
            "verify:request-token",
            RequestVerifyToken,
        ),
        (mount.verify, "/verify", "verify:verify", Verify),
        (
            mount.reset,
            "/forgot-password",
            "reset:forgot_password",
            ForgotPassword,
        ),
        (
            mount.reset,
            "/reset-password",
            "reset:reset_password",
            ResetPassword,
        ),
    ]
    .into_iter()
    .filter(|(is_mounted, ..)| *is_mounted)
    .map(|(_, path, name, route)| Route::new(Method::Post, format!("{}{path}", mount.auth_path), name, route))
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    pub(super) async fn call_account(
        &self,
        route: AccountRoute,
        request: &Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let users = || self.users_for(None, request.head);
        match route {
            AccountRoute::Register => self.register(request).await,
            AccountRoute::RequestVerifyToken => {
                let email = only_email(request, self.users.closed_networks())?;
                users().request_verify(&email).await?;
                Ok(accepted())
            }
            AccountRoute::Verify => self.verify(request).await,
            AccountRoute::ForgotPassword => {
                let email = only_email(request, self.users.closed_networks())?;
                users().forgot_password(&email).await?;
                Ok(accepted())
            }
            AccountRoute::ResetPassword => self.reset_password(request).await,
        }
    }

    /// Cross-site requests are refused if any backend is a cookie.
    async fn register(&self, request: &Request<'_, impl RequestHead>) -> Result<Response, HttpError> {
        let body = JsonBody::parse(request.content_type(), request.body)?;
        if self.authenticator.has_cookie() {
            self.authenticator.refuse_cross_site(None, request.head)?;
        }
        let mut fields = body.into_fields()?;
        let email = fields.email(self.users.closed_networks());
        let password = fields.password();
        for flag in FLAGS {
            fields.ignored_flag(flag);
        }
        fields.ignore(&self.protected);
        let rest = fields.take_rest();
        let profile = fields.profile(self.protected.new_profile::<P>(rest));
        let ((email, password), profile) = fields.finish(email.zip(password).zip(profile))?;
        let user = self
            .users_for(None, request.head)
            .create(Registration::new(email, password, profile))
            .await?;
        Ok(Response::json(201, &UserBody::from(&user)))
    }

    async fn verify(&self, request: &Request<'_, impl RequestHead>) -> Result<Response, HttpError> {
        let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
        let token = fields.string("token");
        let token = fields.finish(token)?;
        let user = self.users_for(None, request.head).verify(&token).await?;
        Ok(Response::json(200, &UserBody::from(&user)))
    }

    async fn reset_password(&self, request: &Request<'_, impl RequestHead>) -> Result<Response, HttpError> {
        let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
        let token = fields.string("token");
        let password = fields.password();
        let (token, password) = fields.finish(token.zip(password))?;
        let users = self.users_for(None, request.head);
        users.reset_password(&token, &password).await?;
        Ok(Response::json(200, &Value::Null))
    }
}

fn only_email(request: &Request<'_, impl RequestHead>, closed: &ClosedNetworks) -> Result<Email, HttpError> {
    let mut fields = JsonBody::parse(request.content_type(), request.body)?.into_embedded_fields();
    let email = fields.email(closed);
    fields.finish(email)
}

/// The same answer whatever the e-mail.
fn accepted() -> Response {
    Response::json(202, &Value::Null)
}

#[cfg(feature = "openapi")]
mod description {
    use utoipa::openapi::path::OperationBuilder;

    use super::AccountRoute;
    use crate::{
        ErrorCode,
        openapi::{
            Answers, CROSS_SITE, Refused, Service, USER_CREATE, email, json, object, operation, password,
            reference, token,
        },
    };

    impl AccountRoute {
        pub(crate) fn describe(self, service: &Service) -> OperationBuilder {
            match self {
                Self::Register => register(service),
                Self::RequestVerifyToken => request_verify_token(),
                Self::Verify => verify(),
                Self::ForgotPassword => forgot_password(),
                Self::ResetPassword => reset_password(service),
            }
        }
    }

    fn register(service: &Service) -> OperationBuilder {
        let cross_site = service.has_cookie.then(|| CROSS_SITE.to_owned()).into_iter();
        let answers = Answers::user(201)
            .refused(&service.with_profile(
                &[
                    Refused::Password(ErrorCode::RegisterInvalidPassword),
                    Refused::Code(ErrorCode::RegisterUserAlreadyExists),
                ],
                ErrorCode::RegisterProfileAlreadyExists,
            ))
            .forbidden(cross_site.chain(service.veto()))
            .invalid("email");
        operation("auth", "Register", answers).request_body(Some(json(reference(USER_CREATE))))
    }

    fn request_verify_token() -> OperationBuilder {
        let answers = Answers::null(
            202,
            "The same whatever the e-mail: an active, unverified user gets a mail.",
        );
        operation(
            "auth",
            "Ask for a mail to verify the e-mail",
            answers.invalid("email"),
        )
        .request_body(Some(object([("email", email())])))
    }

    fn verify() -> OperationBuilder {
        let answers = Answers::user(200)
            .refused(&[
                Refused::Code(ErrorCode::VerifyUserBadToken),
                Refused::Code(ErrorCode::VerifyUserAlreadyVerified),
            ])
            .invalid("token");
        operation("auth", "Verify the e-mail", answers).request_body(Some(object([("token", token())])))
    }

    fn forgot_password() -> OperationBuilder {
        let answers = Answers::null(202, "The same whatever the e-mail: an active user gets a mail.");
        operation(
            "auth",
            "Ask for a mail to reset the password",
            answers.invalid("email"),
        )
        .request_body(Some(object([("email", email())])))
    }

    fn reset_password(service: &Service) -> OperationBuilder {
        let answers = Answers::null(
            200,
            "The password is reset, and every log-in of the user is dead.",
        )
        .refused(&[
            Refused::Code(ErrorCode::ResetPasswordBadToken),
            Refused::Password(ErrorCode::ResetPasswordInvalidPassword),
        ])
        .invalid("token");
        operation("auth", "Reset the password", answers).request_body(Some(object([
            ("token", token()),
            ("password", password(&service.new_password)),
        ])))
    }
}
