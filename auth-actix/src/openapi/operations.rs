//! Each mounted route as an operation.

use auth_core::{Profile, UserId};
use auth_http::{AuthBackend, ErrorCode, Scheme};
use utoipa::openapi::{
    Content, HttpMethod, ObjectBuilder, Paths, Required, Type,
    path::{Operation, OperationBuilder, Parameter, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    security::SecurityRequirement,
};

use super::{
    answers::{Answers, Refused},
    cross_site::{CROSS_SITE, CrossSite},
    schemas::{self, LOGIN_FORM, USER_CREATE, USER_UPDATE, reference},
    security::requirement,
};
use crate::auth::Shared;

const UNVERIFIED: &str = "The user's e-mail is not verified";
const NO_SUPERUSER: &str = "The user is no superuser";

/// The operations of the routes that [`crate::routes`] mounts.
pub(super) fn paths<Id: UserId, P: Profile>(shared: &Shared<Id, P>) -> Paths {
    let service = Service::of(shared);
    let (auth, mount) = (&shared.mount.auth, &shared.mount);
    let mut routes = Vec::new();
    for backend in shared.endpoints.authenticator().backends() {
        let at = format!("{auth}/{}", backend.name());
        routes.push((format!("{at}/login"), HttpMethod::Post, service.log_in(backend)));
        if backend.has_logout() {
            routes.push((format!("{at}/logout"), HttpMethod::Post, service.log_out(backend)));
        }
    }
    let mut post =
        |path: &str, operation| routes.push((format!("{auth}{path}"), HttpMethod::Post, operation));
    if mount.register {
        post("/register", service.register());
    }
    if mount.verify {
        post("/request-verify-token", request_verify_token());
        post("/verify", verify());
    }
    if mount.reset {
        post("/forgot-password", forgot_password());
        post("/reset-password", reset_password());
    }
    if mount.users {
        let (me, user) = (
            format!("{}/me", mount.users_path),
            format!("{}/{{id}}", mount.users_path),
        );
        routes.extend([
            (me.clone(), HttpMethod::Get, service.me()),
            (me, HttpMethod::Patch, service.update_me()),
            (user.clone(), HttpMethod::Get, service.user::<Id>()),
            (user.clone(), HttpMethod::Patch, service.update_user::<Id>()),
            (user, HttpMethod::Delete, service.delete_user::<Id>()),
        ]);
    }
    let mut paths = Paths::new();
    for (path, method, operation) in routes {
        paths.add_path_operation(path, vec![method], operation);
    }
    paths
}

/// What of a service decides how its routes answer.
struct Service {
    requires_verification: bool,
    has_bearer: bool,
    has_cookie: bool,
    /// Whether there is a field that could be unique.
    has_profile: bool,
    /// One alternative a backend, in their order.
    any_backend: Vec<SecurityRequirement>,
    /// Of the operations that any backend opens.
    cross_site: CrossSite,
}

impl Service {
    fn of<Id: UserId, P: Profile>(shared: &Shared<Id, P>) -> Self {
        let backends = || shared.endpoints.authenticator().backends();
        Self {
            requires_verification: shared.endpoints.users().requires_verification(),
            has_bearer: backends().any(|backend| !backend.is_cookie()),
            has_cookie: backends().any(AuthBackend::is_cookie),
            has_profile: size_of::<P>() > 0,
            any_backend: backends().map(|backend| requirement(backend.name())).collect(),
            cross_site: CrossSite::of(backends()),
        }
    }

    fn log_in<Id>(&self, backend: &AuthBackend<Id>) -> Operation {
        let answers = match backend.transport().scheme() {
            Scheme::Bearer => Answers::token(),
            Scheme::Cookie(_) => Answers::cookie("Logged in: the cookie is set."),
        };
        let mut refusals = vec![Refused::Code(ErrorCode::LoginBadCredentials)];
        if self.requires_verification {
            refusals.push(Refused::Code(ErrorCode::LoginUserNotVerified));
        }
        let answers = answers
            .refused(&refusals)
            .forbidden(backend.is_cookie().then_some(CROSS_SITE))
            .invalid("username");
        let form = || Content::new(Some(reference(LOGIN_FORM)));
        let body = RequestBodyBuilder::new()
            .content("application/x-www-form-urlencoded", form())
            .content("multipart/form-data", form())
            .required(Some(Required::True));
        operation(
            "auth",
            &format!("auth:{}.login", backend.name()),
            "Log in",
            answers,
        )
        .request_body(Some(body.build()))
        .build()
    }

    fn log_out<Id>(&self, backend: &AuthBackend<Id>) -> Operation {
        let about = match backend.revocable() {
            Some(_) => "Logged out: the credential is dead.",
            None => "Logged out: the cookie is removed. A copy of the credential lives until it expires.",
        };
        let answers = if backend.is_cookie() {
            Answers::cookie(about)
        } else {
            Answers::empty(about)
        };
        let cross_site = CrossSite::of([backend]);
        let answers = answers
            .unauthorized(!backend.is_cookie(), backend.is_cookie())
            .forbidden(self.unverified().chain(cross_site.reasons()));
        let operation = operation(
            "auth",
            &format!("auth:{}.logout", backend.name()),
            "Log out",
            answers,
        );
        cross_site
            .confirmed(operation.security(requirement(backend.name())))
            .build()
    }

    fn register(&self) -> Operation {
        let answers = Answers::user(201)
            .refused(&self.with_profile(
                &[
                    Refused::Password(ErrorCode::RegisterInvalidPassword),
                    Refused::Code(ErrorCode::RegisterUserAlreadyExists),
                ],
                ErrorCode::RegisterProfileAlreadyExists,
            ))
            .forbidden(self.has_cookie.then_some(CROSS_SITE))
            .invalid("email");
        operation("auth", "register:register", "Register", answers)
            .request_body(Some(json(reference(USER_CREATE))))
            .build()
    }

    fn me(&self) -> Operation {
        let answers = Answers::user(200)
            .unauthorized(self.has_bearer, self.has_cookie)
            .forbidden(self.unverified());
        self.of_users("users:current_user", "The current user", answers)
            .build()
    }

    fn update_me(&self) -> Operation {
        let answers = self
            .updated()
            .forbidden(self.unverified().chain(self.cross_site.reasons()))
            .not_found("The user was deleted meanwhile.");
        let operation = self.of_users("users:patch_current_user", "Change the current user", answers);
        self.cross_site
            .confirmed(operation)
            .request_body(Some(json(reference(USER_UPDATE))))
            .build()
    }

    fn user<Id: UserId>(&self) -> Operation {
        let answers = Answers::user(200).forbidden(self.no_superuser());
        self.of_one::<Id>("users:user", "A user", answers).build()
    }

    fn update_user<Id: UserId>(&self) -> Operation {
        let answers = self
            .updated()
            .forbidden(self.no_superuser().chain(self.cross_site.reasons()));
        let operation = self.of_one::<Id>("users:patch_user", "Change a user", answers);
        self.cross_site
            .confirmed(operation)
            .request_body(Some(json(reference(USER_UPDATE))))
            .build()
    }

    fn delete_user<Id: UserId>(&self) -> Operation {
        let answers = Answers::empty("The user and every log-in of theirs are gone.")
            .forbidden(self.no_superuser().chain(self.cross_site.reasons()));
        let operation = self.of_one::<Id>("users:delete_user", "Delete a user", answers);
        self.cross_site.confirmed(operation).build()
    }

    /// An operation on the user of an id, for superusers.
    fn of_one<Id: UserId>(&self, id: &str, summary: &str, answers: Answers) -> OperationBuilder {
        let answers = answers
            .unauthorized(self.has_bearer, self.has_cookie)
            .not_found("There is no such user.");
        let parameter = Parameter::builder()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schemas::id::<Id>()));
        self.of_users(id, summary, answers).parameter(parameter)
    }

    /// An operation for whoever is logged in, by whatever backend.
    fn of_users(&self, id: &str, summary: &str, answers: Answers) -> OperationBuilder {
        operation("users", id, summary, answers).securities(Some(self.any_backend.clone()))
    }

    fn updated(&self) -> Answers {
        Answers::user(200)
            .refused(&self.with_profile(
                &[
                    Refused::Password(ErrorCode::UpdateUserInvalidPassword),
                    Refused::Code(ErrorCode::UpdateUserEmailAlreadyExists),
                ],
                ErrorCode::UpdateUserProfileAlreadyExists,
            ))
            .unauthorized(self.has_bearer, self.has_cookie)
            .invalid("email")
    }

    fn with_profile(&self, refused: &[Refused], taken: ErrorCode) -> Vec<Refused> {
        let taken = self.has_profile.then_some(Refused::Code(taken));
        refused.iter().copied().chain(taken).collect()
    }

    fn unverified(&self) -> impl Iterator<Item = String> + use<> {
        let unverified = self.requires_verification.then(|| UNVERIFIED.to_owned());
        unverified.into_iter()
    }

    fn no_superuser(&self) -> impl Iterator<Item = String> + use<> {
        self.unverified().chain([NO_SUPERUSER.to_owned()])
    }
}

fn request_verify_token() -> Operation {
    let answers = Answers::null(
        202,
        "The same whatever the e-mail: an active, unverified user gets a mail.",
    );
    operation(
        "auth",
        "verify:request-token",
        "Ask for a mail to verify the e-mail",
        answers.invalid("email"),
    )
    .request_body(Some(object(&[("email", "email")])))
    .build()
}

fn verify() -> Operation {
    let answers = Answers::user(200)
        .refused(&[
            Refused::Code(ErrorCode::VerifyUserBadToken),
            Refused::Code(ErrorCode::VerifyUserAlreadyVerified),
        ])
        .invalid("token");
    operation("auth", "verify:verify", "Verify the e-mail", answers)
        .request_body(Some(object(&[("token", "")])))
        .build()
}

fn forgot_password() -> Operation {
    let answers = Answers::null(202, "The same whatever the e-mail: an active user gets a mail.");
    operation(
        "auth",
        "reset:forgot_password",
        "Ask for a mail to reset the password",
        answers.invalid("email"),
    )
    .request_body(Some(object(&[("email", "email")])))
    .build()
}

fn reset_password() -> Operation {
    let answers = Answers::null(
        200,
        "The password is reset, and every log-in of the user is dead.",
    )
    .refused(&[
        Refused::Code(ErrorCode::ResetPasswordBadToken),
        Refused::Password(ErrorCode::ResetPasswordInvalidPassword),
    ])
    .invalid("token");
    operation("auth", "reset:reset_password", "Reset the password", answers)
        .request_body(Some(object(&[("token", ""), ("password", "password")])))
        .build()
}

fn operation(tag: &str, id: &str, summary: &str, answers: Answers) -> OperationBuilder {
    OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(id))
        .summary(Some(summary))
        .responses(answers.build())
}

/// A body with these required strings; each is a name and a format, or `""` for none.
fn object(fields: &[(&str, &str)]) -> RequestBody {
    let object = fields
        .iter()
        .fold(ObjectBuilder::new(), |object, (name, format)| {
            let format =
                (!format.is_empty()).then(|| utoipa::openapi::SchemaFormat::Custom((*format).to_owned()));
            let string = ObjectBuilder::new().schema_type(Type::String).format(format);
            object.property(*name, string).required(*name)
        });
    json(object)
}

fn json(schema: impl Into<utoipa::openapi::RefOr<utoipa::openapi::Schema>>) -> RequestBody {
    RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(schema)))
        .required(Some(Required::True))
        .build()
}
