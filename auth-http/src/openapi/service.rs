//! The parts of a description that several routes share.

use std::ops::RangeInclusive;

use auth_core::{Profile, UserId};
use utoipa::openapi::{
    Content, ObjectBuilder, Required, Type,
    path::{OperationBuilder, Parameter, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    security::SecurityRequirement,
};

use super::{
    answers::{Answers, Refused},
    cross_site::CrossSite,
    schemas::id as id_schema,
    security::requirement,
};
use crate::{AuthBackend, Endpoints, ErrorCode};

const UNVERIFIED: &str = "The user's e-mail is not verified";
const NO_SUPERUSER: &str = "The user is no superuser";
const VETO: &str = "The application refuses it";

/// The settings of a service that affect the answers of its routes.
pub(crate) struct Service {
    pub(crate) requires_verification: bool,
    pub(crate) has_bearer: bool,
    pub(crate) has_cookie: bool,
    pub(crate) has_bearer_refresh: bool,
    /// True if a user who changes the password gets a new log-in.
    pub(crate) keeps_log_in: bool,
    has_veto: bool,
    /// True if a Bearer backend, and if a cookie, replaces tokens while they are used.
    rotates_bearer: bool,
    rotates_cookie: bool,
    /// How many characters a new password may have.
    pub(crate) new_password: RangeInclusive<usize>,
    /// The names of the roles that the service defines.
    pub(crate) roles: Vec<String>,
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
            has_bearer_refresh: backends().any(|backend| !backend.is_cookie() && backend.has_refresh()),
            keeps_log_in: endpoints.keeps_log_in(),
            has_veto: endpoints.users().has_veto(),
            rotates_bearer: backends().any(|backend| backend.rotates() && !backend.is_cookie()),
            rotates_cookie: backends().any(|backend| backend.rotates() && backend.is_cookie()),
            new_password: endpoints.users().password_length(),
            roles: endpoints
                .users()
                .roles()
                .names()
                .map(ToString::to_string)
                .collect(),
            has_profile: size_of::<P>() > 0,
            any_backend: backends().map(|backend| requirement(backend.name())).collect(),
            cross_site: CrossSite::new(endpoints.authenticator().csrf(), backends()),
        }
    }

    /// An operation for logged-in users, by any backend.
    pub(crate) fn of_users(&self, summary: &str, answers: Answers) -> OperationBuilder {
        self.by_any_backend("users", summary, answers)
    }

    /// The same under another tag.
    pub(crate) fn by_any_backend(&self, tag: &str, summary: &str, answers: Answers) -> OperationBuilder {
        let answers = answers.rotating(self.rotates_bearer, self.rotates_cookie);
        operation(tag, summary, answers).securities(Some(self.any_backend.clone()))
    }

    /// An operation on the user of an id, for superusers.
    pub(crate) fn of_one_user<Id: UserId>(&self, summary: &str, answers: Answers) -> OperationBuilder {
        let answers = answers
            .unauthorized(self.has_bearer, self.has_cookie)
            .not_found("There is no such user.");
        let parameter = Parameter::builder()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(id_schema::<Id>()));
        self.of_users(summary, answers).parameter(parameter)
    }

    pub(crate) fn with_profile(&self, refused: &[Refused], taken: ErrorCode) -> Vec<Refused> {
        let taken = self.has_profile.then_some(Refused::Code(taken));
        refused.iter().copied().chain(taken).collect()
    }

    pub(crate) fn unverified(&self) -> impl Iterator<Item = String> + use<> {
        let unverified = self.requires_verification.then(|| UNVERIFIED.to_owned());
        unverified.into_iter()
    }

    /// For what a veto can refuse.
    pub(crate) fn veto(&self) -> impl Iterator<Item = String> + use<> {
        let veto = self.has_veto.then(|| VETO.to_owned());
        veto.into_iter()
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

/// A body with these required fields.
pub(crate) fn object<const N: usize>(fields: [(&str, ObjectBuilder); N]) -> RequestBody {
    let add = |object: ObjectBuilder, (name, field)| object.property(name, field).required(name);
    json(fields.into_iter().fold(ObjectBuilder::new(), add))
}

/// A string that says nothing to who sends it.
pub(crate) fn token() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(crate) fn json(schema: impl Into<utoipa::openapi::RefOr<utoipa::openapi::Schema>>) -> RequestBody {
    RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(schema)))
        .required(Some(Required::True))
        .build()
}
