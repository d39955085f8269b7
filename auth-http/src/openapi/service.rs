//! The parts of a description that several routes share.

use auth_core::{Profile, UserId};
use utoipa::openapi::{
    Content, ObjectBuilder, Required, Type,
    path::OperationBuilder,
    request_body::{RequestBody, RequestBodyBuilder},
    security::SecurityRequirement,
};

use super::{
    answers::{Answers, Refused},
    cross_site::CrossSite,
    security::requirement,
};
use crate::{AuthBackend, Endpoints, ErrorCode};

const UNVERIFIED: &str = "The user's e-mail is not verified";
const NO_SUPERUSER: &str = "The user is no superuser";

/// The settings of a service that affect the answers of its routes.
pub(crate) struct Service {
    pub(crate) requires_verification: bool,
    pub(crate) has_bearer: bool,
    pub(crate) has_cookie: bool,
    /// True if the profile has a field that could be unique.
    has_profile: bool,
    /// One alternative for each backend, in their order.
    any_backend: Vec<SecurityRequirement>,
    /// For operations that accept any backend.
    pub(crate) cross_site: CrossSite,
}

impl Service {
    pub(crate) fn new<Id: UserId, P: Profile>(endpoints: &Endpoints<Id, P>) -> Self {
        let backends = || endpoints.authenticator().backends();
        Self {
            requires_verification: endpoints.users().requires_verification(),
            has_bearer: backends().any(|backend| !backend.is_cookie()),
            has_cookie: backends().any(AuthBackend::is_cookie),
            has_profile: size_of::<P>() > 0,
            any_backend: backends().map(|backend| requirement(backend.name())).collect(),
            cross_site: CrossSite::new(endpoints.authenticator().csrf(), backends()),
        }
    }

    /// An operation for logged-in users, by any backend.
    pub(crate) fn of_users(&self, summary: &str, answers: Answers) -> OperationBuilder {
        operation("users", summary, answers).securities(Some(self.any_backend.clone()))
    }

    pub(crate) fn with_profile(&self, refused: &[Refused], taken: ErrorCode) -> Vec<Refused> {
        let taken = self.has_profile.then_some(Refused::Code(taken));
        refused.iter().copied().chain(taken).collect()
    }

    pub(crate) fn unverified(&self) -> impl Iterator<Item = String> + use<> {
        let unverified = self.requires_verification.then(|| UNVERIFIED.to_owned());
        unverified.into_iter()
    }

    pub(crate) fn no_superuser(&self) -> impl Iterator<Item = String> + use<> {
        self.unverified().chain([NO_SUPERUSER.to_owned()])
    }
}

pub(crate) fn operation(tag: &str, summary: &str, answers: Answers) -> OperationBuilder {
    OperationBuilder::new()
        .tag(tag)
        .summary(Some(summary))
        .responses(answers.build())
}

/// A body with these required strings. Each has a name and a format, or `""` for none.
pub(crate) fn object(fields: &[(&str, &str)]) -> RequestBody {
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

pub(crate) fn json(schema: impl Into<utoipa::openapi::RefOr<utoipa::openapi::Schema>>) -> RequestBody {
    RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(schema)))
        .required(Some(Required::True))
        .build()
}
